-- Customers and orders: captured, and shown to streams, as products and stock are. What concerns a view is told by its owner rather than by links.

-- Its one argument is the subject.
CREATE FUNCTION capture_owned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  of_subject text := TG_ARGV[0];
  origin bigint := origin_view();
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO inbox (account_id, subject, entity_id, owner_user_id, revision, origin_view_id, origin_live)
    SELECT account_id, of_subject, id, owner_user_id, revision, origin, CASE WHEN origin IS NOT NULL THEN live_of(account_id, of_subject, origin) END FROM new_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO inbox (account_id, subject, entity_id, owner_user_id, revision, origin_view_id, origin_live)
    SELECT account_id, of_subject, id, owner_user_id, revision, origin, CASE WHEN origin IS NOT NULL THEN live_of(account_id, of_subject, origin) END
    FROM new_rows WHERE updated_at >= statement_timestamp();
  ELSE
    INSERT INTO inbox (account_id, subject, entity_id, owner_user_id, revision, deleted, key, origin_view_id, origin_live)
    SELECT account_id, of_subject, id, owner_user_id, greatest(revision + 1, clock_microseconds()), true, external_id, origin,
      CASE WHEN origin IS NOT NULL THEN live_of(account_id, of_subject, origin) END FROM old_rows;
  END IF;
  IF FOUND THEN PERFORM wake_sequencer(); END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- A line is part of its order: its change is the order's, raised under the order's lock, in the order of ids.
CREATE FUNCTION capture_order_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    WITH touched AS (
      SELECT o.account_id, o.id FROM orders o
      WHERE (o.account_id, o.id) IN (SELECT DISTINCT account_id, order_id FROM new_rows) ORDER BY o.account_id, o.id FOR NO KEY UPDATE)
    UPDATE orders o SET revision = o.revision + 1 FROM touched t WHERE o.account_id = t.account_id AND o.id = t.id;
  ELSIF TG_OP = 'UPDATE' THEN
    WITH touched AS (
      SELECT o.account_id, o.id FROM orders o
      WHERE (o.account_id, o.id) IN (
        SELECT account_id, order_id FROM (SELECT * FROM new_rows EXCEPT SELECT * FROM old_rows) n)
      ORDER BY o.account_id, o.id FOR NO KEY UPDATE)
    UPDATE orders o SET revision = o.revision + 1 FROM touched t WHERE o.account_id = t.account_id AND o.id = t.id;
  ELSE
    WITH touched AS (
      SELECT o.account_id, o.id FROM orders o
      WHERE (o.account_id, o.id) IN (SELECT DISTINCT account_id, order_id FROM old_rows) ORDER BY o.account_id, o.id FOR NO KEY UPDATE)
    UPDATE orders o SET revision = o.revision + 1 FROM touched t WHERE o.account_id = t.account_id AND o.id = t.id;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER customers_key BEFORE UPDATE ON customers FOR EACH ROW
  WHEN (NEW.account_id <> OLD.account_id OR NEW.id <> OLD.id OR NEW.owner_user_id IS DISTINCT FROM OLD.owner_user_id) EXECUTE FUNCTION refuse_key_change();
--> statement-breakpoint
CREATE TRIGGER customers_revision BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION raise_revision();
--> statement-breakpoint
CREATE TRIGGER customers_inserted AFTER INSERT ON customers REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_owned('CUSTOMER');
--> statement-breakpoint
CREATE TRIGGER customers_updated AFTER UPDATE ON customers REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_owned('CUSTOMER');
--> statement-breakpoint
CREATE TRIGGER customers_deleted AFTER DELETE ON customers REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_owned('CUSTOMER');
--> statement-breakpoint
CREATE TRIGGER customers_truncated BEFORE TRUNCATE ON customers FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
--> statement-breakpoint
CREATE TRIGGER orders_key BEFORE UPDATE ON orders FOR EACH ROW
  WHEN (NEW.account_id <> OLD.account_id OR NEW.id <> OLD.id OR NEW.owner_user_id IS DISTINCT FROM OLD.owner_user_id) EXECUTE FUNCTION refuse_key_change();
--> statement-breakpoint
CREATE TRIGGER orders_revision BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION raise_revision();
--> statement-breakpoint
CREATE TRIGGER orders_inserted AFTER INSERT ON orders REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_owned('ORDER');
--> statement-breakpoint
CREATE TRIGGER orders_updated AFTER UPDATE ON orders REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_owned('ORDER');
--> statement-breakpoint
CREATE TRIGGER orders_deleted AFTER DELETE ON orders REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_owned('ORDER');
--> statement-breakpoint
CREATE TRIGGER orders_truncated BEFORE TRUNCATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
--> statement-breakpoint
CREATE TRIGGER order_lines_key BEFORE UPDATE ON order_lines FOR EACH ROW
  WHEN (NEW.account_id <> OLD.account_id OR NEW.id <> OLD.id OR NEW.order_id <> OLD.order_id) EXECUTE FUNCTION refuse_key_change();
--> statement-breakpoint
CREATE TRIGGER order_lines_inserted AFTER INSERT ON order_lines REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_order_lines();
--> statement-breakpoint
CREATE TRIGGER order_lines_updated AFTER UPDATE ON order_lines REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_order_lines();
--> statement-breakpoint
CREATE TRIGGER order_lines_deleted AFTER DELETE ON order_lines REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_order_lines();
--> statement-breakpoint
CREATE TRIGGER order_lines_truncated BEFORE TRUNCATE ON order_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
--> statement-breakpoint
CALL enable_triggers_always();
