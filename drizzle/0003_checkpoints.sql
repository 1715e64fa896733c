-- Acknowledging: how far a view has come is durable from here on.

-- Whether the point (a, a_item) in the links is at or beyond (b, b_item).
CREATE FUNCTION link_point_reached(a bigint, a_item bigint, b bigint, b_item bigint) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT a > b OR (a = b AND a_item >= b_item) $$;
--> statement-breakpoint
-- Moves a checkpoint on to the maximum of what it is and what is given. Of another run's cursor only LIVE counts, so that a late acknowledge cannot end
-- a new resend, nor let it pass over what was sent before it began: in a run everything is sent. Nor does LIVE count of a cursor from before it was begun anew. `by_consumer` is false where the stream itself saves that it has passed what it skipped.
-- With the last of a run on every stream that the view has ever opened, the run is complete.
CREATE FUNCTION advance_checkpoint(
  of_account bigint, of_view bigint, of_subject text, of_nonce bigint, of_restarts bigint,
  to_live bigint, to_linked bigint, to_linked_item bigint, of_resend bigint, to_resend bigint, to_resend_item bigint, to_done bigint, by_consumer boolean
) RETURNS SETOF checkpoints LANGUAGE plpgsql AS $$
DECLARE
  c checkpoints%ROWTYPE;
  run resends%ROWTYPE;
BEGIN
  -- Not on a server that may lack what is acknowledged. Without a nonce the calling statement has seen that the range is the same.
  IF (sighting() ->> 'nonce')::bigint <> of_nonce THEN
    RAISE EXCEPTION 'another range of positions is in use by now' USING ERRCODE = 'cannot_connect_now';
  END IF;
  UPDATE checkpoints t SET
    live = CASE WHEN restarts = of_restarts THEN greatest(live, to_live) ELSE live END,
    linked = CASE WHEN resend_id IS DISTINCT FROM of_resend OR link_point_reached(linked, linked_item, to_linked, to_linked_item) THEN linked ELSE to_linked END,
    linked_item = CASE WHEN resend_id IS DISTINCT FROM of_resend OR link_point_reached(linked, linked_item, to_linked, to_linked_item) THEN linked_item ELSE to_linked_item END,
    resend = CASE WHEN resend_id = of_resend AND NOT link_point_reached(resend, resend_item, to_resend, to_resend_item) THEN to_resend ELSE resend END,
    resend_item = CASE WHEN resend_id = of_resend AND NOT link_point_reached(resend, resend_item, to_resend, to_resend_item) THEN to_resend_item ELSE resend_item END,
    resend_done = CASE WHEN resend_id = of_resend THEN greatest(resend_done, to_done) ELSE resend_done END,
    acknowledged_at = CASE WHEN by_consumer THEN clock_timestamp() ELSE acknowledged_at END
  WHERE account_id = of_account AND view_id = of_view AND subject = of_subject
  RETURNING t.* INTO c;
  IF NOT FOUND THEN RETURN; END IF;
  RETURN NEXT c;
  IF c.resend_id IS NULL THEN RETURN; END IF;
  SELECT * INTO run FROM resends WHERE account_id = of_account AND id = c.resend_id AND state = 'RUNNING';
  IF NOT FOUND THEN RETURN; END IF;
  IF run.first_acknowledged_at IS NULL AND by_consumer THEN
    UPDATE resends SET first_acknowledged_at = clock_timestamp() WHERE account_id = of_account AND id = run.id AND first_acknowledged_at IS NULL;
  END IF;
  IF NOT run_reached(c, run) THEN RETURN; END IF;
  -- Two streams that reach the end at once would each miss the other's checkpoint: the run's lock makes one of them see both.
  PERFORM 1 FROM resends WHERE account_id = of_account AND id = run.id AND state = 'RUNNING' FOR UPDATE;
  UPDATE resends r SET state = 'COMPLETED', finished_at = clock_timestamp()
  WHERE r.account_id = of_account AND r.id = run.id AND r.state = 'RUNNING' AND NOT EXISTS (
    SELECT 1 FROM checkpoints o WHERE o.account_id = of_account AND o.view_id = of_view AND o.subject IN ('PRODUCT', 'STOCK') AND NOT run_reached(o, r));
END $$;
--> statement-breakpoint
-- Whether a checkpoint is at or beyond the end of a run on its stream.
CREATE FUNCTION run_reached(c checkpoints, r resends) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT c.resend_id = r.id
    AND link_point_reached(c.linked, c.linked_item, r.linked_to, 9007199254740991)
    AND link_point_reached(c.resend, c.resend_item, CASE c.subject WHEN 'STOCK' THEN r.stock_resend_to ELSE r.product_resend_to END, 9007199254740991)
$$;
--> statement-breakpoint
-- Whether an item of the link at `position` is beyond the point (at, at_item): for PRODUCT a link is one item.
CREATE FUNCTION stream_item_waits(of_subject text, at bigint, at_item bigint, position_ bigint, item bigint) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$ SELECT NOT link_point_reached(at, at_item, position_, CASE of_subject WHEN 'PRODUCT' THEN 9007199254740991 ELSE item END) $$;
--> statement-breakpoint
-- Begins LIVE of a view's ORDER and CUSTOMER streams anew, from 0: it receives more than before, or (`with_own`) it has seen what was lost, and so may remember its own
-- changes otherwise than they are now. The open subscriptions hear of it as of a rewind.
CREATE FUNCTION restart_trade(of_account bigint, of_view bigint, with_own boolean) RETURNS void LANGUAGE sql AS $$
  UPDATE checkpoints SET live = 0, restarts = restarts + 1, rewinds = rewinds + 1, own_to = CASE WHEN with_own THEN (SELECT head FROM sequencer) ELSE own_to END
  WHERE account_id = of_account AND view_id = of_view AND subject IN ('ORDER', 'CUSTOMER')
$$;
--> statement-breakpoint
-- The last of a view's link positions that is wholly behind the point (at, at_item): of the link at `at` there may be stock levels left that are not.
CREATE FUNCTION links_behind(of_account bigint, of_view bigint, at bigint, at_item bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN at_item >= 9007199254740991 OR NOT EXISTS (
    SELECT FROM links l WHERE l.account_id = of_account AND l.view_id = of_view AND l.position = at AND (
      EXISTS (SELECT FROM stock_levels s WHERE s.account_id = l.account_id AND s.product_id = l.product_id AND s.id > at_item)
      OR EXISTS (SELECT FROM feed f WHERE f.account_id = l.account_id AND f.product_id = l.product_id AND f.deleted AND f.subject = 'STOCK' AND f.entity_id > at_item)))
  THEN at ELSE at - 1 END
$$;
--> statement-breakpoint
-- Up to which link RESEND of a run goes on a stream; null where there is no run.
CREATE FUNCTION resend_end(r resends, of_subject text) RETURNS bigint LANGUAGE sql STABLE
AS $$ SELECT CASE of_subject WHEN 'STOCK' THEN r.stock_resend_to ELSE r.product_resend_to END $$;
