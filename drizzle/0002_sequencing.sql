-- Sequencing: the one elected sequencer gives what is in the inbox its position in the feed.

INSERT INTO sequencer (cursor_secret) VALUES (encode(sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea), 'hex'));
--> statement-breakpoint
-- Updated by every batch: room on the page keeps the update within it, and autovacuum is not needed to reuse it.
ALTER TABLE sequencer SET (fillfactor = 10);
--> statement-breakpoint
-- A row is written and taken out within milliseconds: by the time that autovacuum's ordinary thresholds are reached the table would be mostly dead rows.
ALTER TABLE inbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
--> statement-breakpoint
ALTER TABLE feed SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
--> statement-breakpoint
-- Where this database comes from: its identifier and timeline. A promoted replica has another timeline, a restored dump another identifier.
CREATE FUNCTION database_lineage() RETURNS text LANGUAGE sql STABLE
AS $$ SELECT s.system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system() s $$;
--> statement-breakpoint
-- A new term: whoever led before no longer does, and positions go on beyond everything that was ever reserved.
CREATE FUNCTION begin_term(range_size bigint) RETURNS TABLE (term bigint, head bigint, range_ends bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  my_term bigint;
BEGIN
  UPDATE sequencer SET term = term + 1 RETURNING sequencer.term INTO my_term;
  RETURN QUERY SELECT my_term, r.head, r.range_ends FROM reserve_positions(my_term, range_size) r;
END $$;
--> statement-breakpoint
-- A place in Postgres' log as a number of bytes.
CREATE FUNCTION log_bytes(place pg_lsn) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT (place - '0/0')::bigint $$;
--> statement-breakpoint
-- Reserves the next range of positions. Must be committed durably before a position of it is given out. No row: the term is over.
CREATE FUNCTION reserve_positions(my_term bigint, range_size bigint) RETURNS TABLE (head bigint, range_ends bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  used bigint;
  previous position_ranges%ROWTYPE;
  range_begins bigint;
  range_nonce bigint := floor(random() * 2147483647)::bigint + 1;
  took_up_at bigint;
BEGIN
  SELECT s.head INTO used FROM sequencer s WHERE s.term = my_term FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  UPDATE position_ranges SET used_to = used WHERE used_to IS NULL;
  SELECT * INTO previous FROM position_ranges ORDER BY begins DESC LIMIT 1;
  range_begins := coalesce(previous.ends, 0) + 1;
  IF previous.lineage <> database_lineage() THEN
    -- A replica was promoted, or this is a copy: whatever the one before gave out, what comes now is newer.
    UPDATE sequencer SET epoch = epoch + 1;
  END IF;
  IF previous.server_started <> pg_postmaster_start_time() AND split_part(previous.lineage, '/', 1) = split_part(database_lineage(), '/', 1) THEN
    -- How far it replayed the log, be it after a crash or as a replica; a server that was stopped cleanly had nothing to replay.
    took_up_at := log_bytes(coalesce(pg_last_wal_replay_lsn(), pg_current_wal_lsn()));
  END IF;
  INSERT INTO position_ranges (begins, ends, nonce, term, lineage, server_started, took_up_at)
  VALUES (range_begins, range_begins + range_size - 1, range_nonce, my_term, database_lineage(), pg_postmaster_start_time(), took_up_at);
  UPDATE sequencer SET head = range_begins - 1, nonce = range_nonce, server_started = pg_postmaster_start_time();
  RETURN QUERY SELECT range_begins - 1, range_begins + range_size - 1;
END $$;
--> statement-breakpoint
-- How much of the database the calling statement's snapshot sees: the range of positions in use, the head, and how much of the log was on the disk. Raises where
-- the server was started, or promoted, since the range was reserved: whether it lacks what was sent before is found out when a term begins.
CREATE FUNCTION sighting() RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
  s sequencer%ROWTYPE;
BEGIN
  SELECT * INTO s FROM sequencer;
  IF s.server_started IS DISTINCT FROM pg_postmaster_start_time() THEN
    RAISE EXCEPTION 'no gateway sequences on this server yet' USING ERRCODE = 'cannot_connect_now';
  END IF;
  RETURN json_build_object('nonce', s.nonce, 'head', s.head, 'durableTo', s.durable_to);
END $$;
--> statement-breakpoint
-- Takes up to `batch_limit` rows out of the inbox, fairly by account, and gives each entity its next position, in one transaction that first locks
-- the row of its own term: no row, no work. `taken` counts inbox rows, `new_products` products that were never seen; `may_have_more` is false where the inbox was
-- emptied. Of up to `tell_limit` entities it tells which they are, so that the hub beside the sequencer need not ask: `numbered` is what followed `previous_head`.
-- Of up to `dispatch_limit` it tells their states and whom they concern, which saves a change that comes alone a second way to the database and back.
CREATE FUNCTION sequence_batch(my_term bigint, batch_limit int, tell_limit int, dispatch_limit int) RETURNS TABLE (
  head bigint, taken int, new_products int, may_have_more boolean, previous_head bigint, epoch bigint, sighting json, numbered json,
  products json, stock json, orders json, customers json
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  old_head bigint;
  first_account bigint;
  last_account bigint;
  inbox_accounts bigint[];
  result record;
  product_dispatches json;
  stock_dispatches json;
  order_dispatches json;
  customer_dispatches json;
BEGIN
  -- Asked every few milliseconds: what finds nothing writes nothing.
  SELECT i.account_id INTO first_account FROM inbox i ORDER BY i.account_id, i.id LIMIT 1;
  IF first_account IS NULL THEN
    RETURN QUERY SELECT s.head, 0, 0, false, s.head, s.epoch, NULL::json, NULL::json, NULL::json, NULL::json, NULL::json, NULL::json FROM sequencer s WHERE s.term = my_term;
    RETURN;
  END IF;
  SELECT s.head INTO old_head FROM sequencer s WHERE s.term = my_term FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT i.account_id INTO last_account FROM inbox i ORDER BY i.account_id DESC, i.id DESC LIMIT 1;
  IF first_account = last_account THEN
    inbox_accounts := ARRAY[first_account];
  ELSE
    WITH RECURSIVE waiting AS (
      SELECT first_account AS account_id
      UNION ALL
      SELECT (SELECT i.account_id FROM inbox i WHERE i.account_id > w.account_id ORDER BY i.account_id LIMIT 1) FROM waiting w WHERE w.account_id IS NOT NULL)
    SELECT array_agg(account_id) INTO inbox_accounts FROM waiting WHERE account_id IS NOT NULL;
  END IF;
  WITH gone AS (
    -- By their place in the table, so that no plan can look through all of it for them.
    DELETE FROM inbox WHERE ctid = ANY (ARRAY(
      SELECT c.ctid FROM unnest(inbox_accounts) a (account_id)
      CROSS JOIN LATERAL (
        SELECT i.ctid FROM inbox i WHERE i.account_id = a.account_id ORDER BY i.id
        LIMIT greatest(1, batch_limit / cardinality(inbox_accounts))) c
      LIMIT batch_limit)) RETURNING *),
  folded AS (
    SELECT g.account_id, g.subject, g.entity_id, max(g.product_id) AS product_id, max(g.owner_user_id) AS owner_user_id, max(g.revision) AS revision, bool_or(g.deleted) AS deleted,
      max(g.key) AS key, max(g.location_code) AS location_code, min(g.at) AS at, max(g.id) AS last_id, count(*)::int AS row_count,
      CASE WHEN count(g.origin_view_id) = count(*) AND min(g.origin_view_id) = max(g.origin_view_id) THEN min(g.origin_view_id) END AS origin_view_id,
      (array_agg(g.origin_live ORDER BY g.id))[1] AS origin_live
    FROM gone g GROUP BY g.account_id, g.subject, g.entity_id),
  placed AS (
    -- The origin is kept only if that view has nothing else to learn: what it had not acknowledged of this entity was its own as well.
    SELECT f.*, old_head + row_number() OVER (ORDER BY f.last_id) AS position, prev.position IS NULL AS is_new,
      CASE WHEN prev.position IS NULL OR prev.position <= f.origin_live OR prev.origin_view_id = f.origin_view_id THEN f.origin_view_id END AS kept_origin
    FROM folded f LEFT JOIN feed prev ON prev.account_id = f.account_id AND prev.entity_id = f.entity_id AND concat(prev.subject) = concat(f.subject)),
  written AS (
    INSERT INTO feed AS t (account_id, subject, entity_id, position, first_position, product_id, owner_user_id, revision, deleted, key, location_code, origin_view_id, at)
    SELECT account_id, subject, entity_id, position, position, product_id, owner_user_id, revision, deleted, key, location_code, kept_origin, at FROM placed
    ON CONFLICT (account_id, entity_id, subject) DO UPDATE SET position = excluded.position, product_id = excluded.product_id,
      revision = greatest(t.revision, excluded.revision), deleted = t.deleted OR excluded.deleted, key = coalesce(excluded.key, t.key),
      location_code = coalesce(excluded.location_code, t.location_code), origin_view_id = excluded.origin_view_id, at = excluded.at
    RETURNING 1),
  raised AS (
    -- What had been written when it was last asked is told once it is on the disk: always the end of a whole record, so no crash undoes it.
    UPDATE sequencer SET head = (SELECT max(position) FROM placed),
      durable_to = CASE WHEN log_bytes(pg_current_wal_flush_lsn()) >= written_to THEN written_to ELSE durable_to END,
      written_to = CASE WHEN log_bytes(pg_current_wal_flush_lsn()) >= written_to THEN log_bytes(pg_current_wal_insert_lsn()) ELSE written_to END
    WHERE EXISTS (SELECT 1 FROM placed) RETURNING sequencer.*)
  SELECT r.head, r.epoch, p.*, json_build_object('nonce', r.nonce, 'head', r.head, 'durableTo', r.durable_to) AS sighting
  INTO result FROM raised r, (
    SELECT sum(row_count)::int AS taken, (count(*) FILTER (WHERE is_new AND subject = 'PRODUCT' AND NOT deleted))::int AS new_products,
      CASE WHEN count(*) <= tell_limit THEN
        json_agg(json_build_object('accountId', account_id, 'subject', subject, 'entityId', entity_id, 'position', position) ORDER BY position) END AS numbered,
      count(*) <= dispatch_limit AS is_small, array_agg(account_id) FILTER (WHERE subject = 'PRODUCT') AS product_accounts,
      array_agg(entity_id) FILTER (WHERE subject = 'PRODUCT') AS products, array_agg(account_id) FILTER (WHERE subject = 'STOCK') AS level_accounts,
      array_agg(entity_id) FILTER (WHERE subject = 'STOCK') AS levels, array_agg(account_id) FILTER (WHERE subject = 'ORDER') AS order_accounts,
      array_agg(entity_id) FILTER (WHERE subject = 'ORDER') AS orders, array_agg(account_id) FILTER (WHERE subject = 'CUSTOMER') AS customer_accounts,
      array_agg(entity_id) FILTER (WHERE subject = 'CUSTOMER') AS customers
    FROM placed) p;
  -- Another sequencer was faster, in its last moments.
  IF result IS NULL THEN
    RETURN QUERY SELECT old_head, 0, 0, true, old_head, NULL::bigint, NULL::json, NULL::json, NULL::json, NULL::json, NULL::json, NULL::json;
    RETURN;
  END IF;
  -- A hint for the other gateways, where there are any; they read by position.
  IF (SELECT last_value FROM follower_seen) > extract(epoch FROM clock_timestamp()) - 3 THEN
    PERFORM pg_notify('synkvy_feed', '');
  END IF;
  -- In statements of their own, whose snapshots see what was numbered.
  IF result.is_small AND result.products IS NOT NULL THEN
    SELECT json_agg(d) INTO product_dispatches FROM dispatches('PRODUCT', result.product_accounts, result.products, NULL) d;
  END IF;
  IF result.is_small AND result.levels IS NOT NULL THEN
    SELECT json_agg(d) INTO stock_dispatches FROM dispatches('STOCK', result.level_accounts, result.levels, NULL) d;
  END IF;
  IF result.is_small AND result.orders IS NOT NULL THEN
    SELECT json_agg(d) INTO order_dispatches FROM owned_dispatches('ORDER', result.order_accounts, result.orders, NULL) d;
  END IF;
  IF result.is_small AND result.customers IS NOT NULL THEN
    SELECT json_agg(d) INTO customer_dispatches FROM owned_dispatches('CUSTOMER', result.customer_accounts, result.customers, NULL) d;
  END IF;
  RETURN QUERY SELECT result.head, result.taken, result.new_products, result.taken >= greatest(1, batch_limit / cardinality(inbox_accounts)),
    old_head, result.epoch, result.sighting, result.numbered, product_dispatches, stock_dispatches,
    order_dispatches, customer_dispatches;
END $$;
--> statement-breakpoint
-- When a gateway that does not sequence was last seen, in seconds: a sequence, because writing to it costs next to nothing.
CREATE SEQUENCE follower_seen;
--> statement-breakpoint
-- Numbers gateways. A gateway holds an advisory lock on its number for as long as it lives, so nobody need write down that it does.
CREATE SEQUENCE node_numbers AS integer MAXVALUE 2147483647 CYCLE;
