-- Capture: every committed change of an entity leaves one narrow row in the inbox, in the writer's own transaction. No writer has to cooperate.
-- Revisions are hybrid logical clocks (Kulkarni and others, 2014): the larger of `old + 1` and the wall clock in microseconds, raised under the
-- lock of the entity's own row, so that a later state always has the higher number.

CREATE FUNCTION clock_microseconds() RETURNS bigint LANGUAGE sql VOLATILE
AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint $$;
--> statement-breakpoint
-- Whether the sequencer sleeps (2) or is awake (1), as a sequence, because a sequence's last_value is current in every snapshot.
-- Writers notify only while it sleeps: NOTIFY takes one lock for the whole server until the commit ends.
CREATE SEQUENCE sequencer_sleep MINVALUE 1 MAXVALUE 2 START WITH 1;
--> statement-breakpoint
SELECT setval('sequencer_sleep', 1);
--> statement-breakpoint
CREATE FUNCTION wake_sequencer() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- What is sent to a consumer must not vanish in a crash, so a commit that is captured waits for the disk.
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- Rather than a query, which takes longer to begin than to answer.
  IF pg_sequence_last_value('sequencer_sleep') = 2 THEN
    PERFORM pg_notify('synkvy_inbox', '');
  END IF;
END $$;
--> statement-breakpoint
CREATE FUNCTION origin_view() RETURNS bigint LANGUAGE sql STABLE
AS $$ SELECT nullif(current_setting('synkvy.origin_view', true), '')::bigint $$;
--> statement-breakpoint
-- How far a view had acknowledged LIVE of that stream.
CREATE FUNCTION live_of(of_account bigint, of_subject text, of_view bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT live FROM checkpoints WHERE account_id = of_account AND view_id = of_view AND subject = of_subject),
    (SELECT CASE WHEN of_subject IN ('PRODUCT', 'STOCK') THEN created_position ELSE 0 END FROM sync_views WHERE account_id = of_account AND id = of_view)) $$;
--> statement-breakpoint
CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% cannot be truncated: the connected systems would never hear of it. Use DELETE.', TG_TABLE_NAME
    USING ERRCODE = 'feature_not_supported';
END $$;
--> statement-breakpoint
CREATE FUNCTION refuse_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the key of a row of % is immutable: consumers know the entity by it. Delete the row and insert another.', TG_TABLE_NAME
    USING ERRCODE = 'feature_not_supported';
END $$;
--> statement-breakpoint
-- Products and stock levels: `revision` and `updated_at` belong to this trigger. Setting the revision, to whatever, is a touch: it is raised.
CREATE FUNCTION raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.revision := clock_microseconds();
    NEW.updated_at := clock_timestamp();
  ELSE
    NEW.updated_at := OLD.updated_at;
    IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
    NEW.revision := greatest(OLD.revision + 1, clock_microseconds());
    -- Never before the statement, even where the clock is set back meanwhile: what is captured is known by it.
    NEW.updated_at := greatest(clock_timestamp(), statement_timestamp());
  END IF;
  IF TG_TABLE_NAME = 'products' THEN NEW.raised_in := pg_current_xact_id(); END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE FUNCTION place_stock_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.product_id := (SELECT product_id FROM variants WHERE account_id = NEW.account_id AND id = NEW.variant_id);
  IF NEW.product_id IS NULL THEN
    -- As the foreign key would say it, which is asked later than whether there is a product.
    RAISE EXCEPTION 'the variant % of a stock level does not exist', NEW.variant_id USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
-- Of an update, what has changed is told from what has not by `updated_at`, which raise_revision sets for the former alone: to join the rows with what they were would
-- cost as much as all the rest. What was changed twice in one statement of a client may be captured once too often.
-- Where rows must be held against each other, it is by EXCEPT, never by a join: a session plans that once, for the first statement that it captures, and would then try every
-- pair of the rows of one that changes ten thousand.
CREATE FUNCTION capture_products() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  origin bigint := origin_view();
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO inbox (account_id, subject, entity_id, product_id, revision, origin_view_id, origin_live)
    SELECT account_id, 'PRODUCT', id, id, revision, origin, CASE WHEN origin IS NOT NULL THEN live_of(account_id, 'PRODUCT', origin) END FROM new_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO inbox (account_id, subject, entity_id, product_id, revision, origin_view_id, origin_live)
    SELECT account_id, 'PRODUCT', id, id, revision, origin, CASE WHEN origin IS NOT NULL THEN live_of(account_id, 'PRODUCT', origin) END
    FROM new_rows WHERE updated_at >= statement_timestamp();
  ELSE
    INSERT INTO inbox (account_id, subject, entity_id, product_id, revision, deleted, key, origin_view_id, origin_live)
    SELECT account_id, 'PRODUCT', id, id, greatest(revision + 1, clock_microseconds()), true, handle, origin, CASE WHEN origin IS NOT NULL THEN live_of(account_id, 'PRODUCT', origin) END FROM old_rows;
  END IF;
  IF FOUND THEN PERFORM wake_sequencer(); END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION capture_stock_levels() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  origin bigint := origin_view();
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO inbox (account_id, subject, entity_id, product_id, revision, origin_view_id, origin_live)
    SELECT account_id, 'STOCK', id, product_id, revision, origin, CASE WHEN origin IS NOT NULL THEN live_of(account_id, 'STOCK', origin) END FROM new_rows;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO inbox (account_id, subject, entity_id, product_id, revision, origin_view_id, origin_live)
    SELECT account_id, 'STOCK', id, product_id, revision, origin, CASE WHEN origin IS NOT NULL THEN live_of(account_id, 'STOCK', origin) END
    FROM new_rows WHERE updated_at >= statement_timestamp();
  ELSE
    INSERT INTO inbox (account_id, subject, entity_id, product_id, revision, deleted, key, location_code, origin_view_id, origin_live)
    SELECT s.account_id, 'STOCK', s.id, s.product_id, greatest(s.revision + 1, clock_microseconds()), true, v.sku, l.code, origin, CASE WHEN origin IS NOT NULL THEN live_of(s.account_id, 'STOCK', origin) END
    FROM old_rows s
    LEFT JOIN variants v ON v.account_id = s.account_id AND v.id = s.variant_id
    LEFT JOIN locations l ON l.account_id = s.account_id AND l.id = s.location_id;
  END IF;
  IF FOUND THEN PERFORM wake_sequencer(); END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Whether this very transaction raised a product's revision. The time is asked as well for databases that were restored into another server, which counts transactions anew.
CREATE FUNCTION was_raised_here(raised_in xid8, updated_at timestamptz) RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT coalesce(raised_in = pg_current_xact_id() AND updated_at >= now(), false) $$;
--> statement-breakpoint
-- A variant is part of its product: its change is the product's, raised under the product's lock, in the order of ids. A product whose revision this
-- transaction has raised is in the inbox already, and nobody has seen that revision: new products with their variants are written once, not twice.
CREATE FUNCTION capture_variants() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    WITH touched AS (
      SELECT p.account_id, p.id FROM products p
      WHERE (p.account_id, p.id) IN (SELECT DISTINCT account_id, product_id FROM new_rows)
        AND NOT was_raised_here(p.raised_in, p.updated_at)
      ORDER BY p.account_id, p.id FOR NO KEY UPDATE)
    UPDATE products p SET revision = p.revision + 1 FROM touched t WHERE p.account_id = t.account_id AND p.id = t.id;
  ELSIF TG_OP = 'UPDATE' THEN
    WITH touched AS (
      SELECT p.account_id, p.id FROM products p
      WHERE (p.account_id, p.id) IN (SELECT account_id, product_id FROM (SELECT * FROM new_rows EXCEPT SELECT * FROM old_rows) n)
        AND NOT was_raised_here(p.raised_in, p.updated_at)
      ORDER BY p.account_id, p.id FOR NO KEY UPDATE)
    UPDATE products p SET revision = p.revision + 1 FROM touched t WHERE p.account_id = t.account_id AND p.id = t.id;
    -- Consumers know a stock level by its SKU, so a new SKU is a change of the stock level as well.
    UPDATE stock_levels s SET revision = s.revision + 1
    FROM (SELECT account_id, id, sku FROM new_rows EXCEPT SELECT account_id, id, sku FROM old_rows) n
    WHERE s.account_id = n.account_id AND s.variant_id = n.id;
  ELSE
    WITH touched AS (
      SELECT p.account_id, p.id FROM products p
      WHERE (p.account_id, p.id) IN (SELECT DISTINCT account_id, product_id FROM old_rows)
        AND NOT was_raised_here(p.raised_in, p.updated_at)
      ORDER BY p.account_id, p.id FOR NO KEY UPDATE)
    UPDATE products p SET revision = p.revision + 1 FROM touched t WHERE p.account_id = t.account_id AND p.id = t.id;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- The stock levels go while their variant is still there to tell its SKU.
CREATE FUNCTION delete_stock_levels() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM stock_levels WHERE account_id = OLD.account_id AND variant_id = OLD.id;
  RETURN OLD;
END $$;
--> statement-breakpoint
CREATE TRIGGER products_key BEFORE UPDATE ON products FOR EACH ROW
  WHEN (NEW.account_id <> OLD.account_id OR NEW.id <> OLD.id) EXECUTE FUNCTION refuse_key_change();
--> statement-breakpoint
CREATE TRIGGER products_revision BEFORE INSERT OR UPDATE ON products FOR EACH ROW EXECUTE FUNCTION raise_revision();
--> statement-breakpoint
CREATE TRIGGER products_inserted AFTER INSERT ON products REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_products();
--> statement-breakpoint
CREATE TRIGGER products_updated AFTER UPDATE ON products REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_products();
--> statement-breakpoint
CREATE TRIGGER products_deleted AFTER DELETE ON products REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_products();
--> statement-breakpoint
CREATE TRIGGER products_truncated BEFORE TRUNCATE ON products FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
--> statement-breakpoint
CREATE TRIGGER variants_key BEFORE UPDATE ON variants FOR EACH ROW
  WHEN (NEW.account_id <> OLD.account_id OR NEW.id <> OLD.id OR NEW.product_id <> OLD.product_id) EXECUTE FUNCTION refuse_key_change();
--> statement-breakpoint
CREATE TRIGGER variants_stock BEFORE DELETE ON variants FOR EACH ROW EXECUTE FUNCTION delete_stock_levels();
--> statement-breakpoint
CREATE TRIGGER variants_inserted AFTER INSERT ON variants REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_variants();
--> statement-breakpoint
CREATE TRIGGER variants_updated AFTER UPDATE ON variants REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_variants();
--> statement-breakpoint
CREATE TRIGGER variants_deleted AFTER DELETE ON variants REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_variants();
--> statement-breakpoint
CREATE TRIGGER variants_truncated BEFORE TRUNCATE ON variants FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
--> statement-breakpoint
CREATE TRIGGER stock_levels_key BEFORE UPDATE ON stock_levels FOR EACH ROW
  WHEN (NEW.account_id <> OLD.account_id OR NEW.id <> OLD.id OR NEW.variant_id <> OLD.variant_id OR NEW.product_id <> OLD.product_id OR NEW.location_id <> OLD.location_id)
  EXECUTE FUNCTION refuse_key_change();
--> statement-breakpoint
CREATE TRIGGER stock_levels_placed BEFORE INSERT ON stock_levels FOR EACH ROW EXECUTE FUNCTION place_stock_level();
--> statement-breakpoint
CREATE TRIGGER stock_levels_revision BEFORE INSERT OR UPDATE ON stock_levels FOR EACH ROW EXECUTE FUNCTION raise_revision();
--> statement-breakpoint
CREATE TRIGGER stock_levels_inserted AFTER INSERT ON stock_levels REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_stock_levels();
--> statement-breakpoint
CREATE TRIGGER stock_levels_updated AFTER UPDATE ON stock_levels REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_stock_levels();
--> statement-breakpoint
CREATE TRIGGER stock_levels_deleted AFTER DELETE ON stock_levels REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION capture_stock_levels();
--> statement-breakpoint
CREATE TRIGGER stock_levels_truncated BEFORE TRUNCATE ON stock_levels FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
--> statement-breakpoint
CREATE TRIGGER locations_key BEFORE UPDATE ON locations FOR EACH ROW
  WHEN (NEW.account_id <> OLD.account_id OR NEW.id <> OLD.id OR NEW.code <> OLD.code) EXECUTE FUNCTION refuse_key_change();
--> statement-breakpoint
-- What concerns a view rather than an entity (links, a resend, a pause, a take-over) and API keys reach the gateways by the same way.
CREATE FUNCTION capture_view() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  row_ jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
  view_id bigint := coalesce(row_ ->> 'view_id', row_ ->> 'id')::bigint;
BEGIN
  INSERT INTO inbox (account_id, subject, entity_id, revision, deleted)
  VALUES ((row_ ->> 'account_id')::bigint, 'VIEW', view_id, 0, TG_OP = 'DELETE' AND TG_TABLE_NAME = 'sync_views');
  PERFORM wake_sequencer();
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION capture_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inbox (account_id, subject, entity_id, revision) VALUES (OLD.account_id, 'KEY', OLD.id, 0);
  PERFORM wake_sequencer();
  RETURN NULL;
END $$;
--> statement-breakpoint
-- As a foreign key's cascade would: without one, which would look the view up for each of a million links that are made.
CREATE FUNCTION delete_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM links l USING old_rows v WHERE l.account_id = v.account_id AND l.view_id = v.id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER sync_views_links AFTER DELETE ON sync_views REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION delete_links();
--> statement-breakpoint
-- Stock changes in place: room on the page keeps an update from touching the indexes.
ALTER TABLE stock_levels SET (fillfactor = 80);
--> statement-breakpoint
-- Every change of links raises the view's link_position, so links need no trigger of their own.
CREATE TRIGGER sync_views_updated AFTER UPDATE ON sync_views FOR EACH ROW
  WHEN (OLD.link_position <> NEW.link_position OR OLD.paused <> NEW.paused OR OLD.name <> NEW.name OR OLD.system IS DISTINCT FROM NEW.system
    OR OLD.auto_link <> NEW.auto_link OR OLD.order_scope <> NEW.order_scope OR OLD.doorbell_url IS DISTINCT FROM NEW.doorbell_url)
  EXECUTE FUNCTION capture_view();
--> statement-breakpoint
CREATE TRIGGER sync_views_added AFTER INSERT OR DELETE ON sync_views FOR EACH ROW EXECUTE FUNCTION capture_view();
--> statement-breakpoint
CREATE TRIGGER resends_changed AFTER INSERT OR UPDATE ON resends FOR EACH ROW EXECUTE FUNCTION capture_view();
--> statement-breakpoint
CREATE TRIGGER checkpoints_changed AFTER UPDATE ON checkpoints FOR EACH ROW
  WHEN (OLD.session <> NEW.session OR OLD.rewinds <> NEW.rewinds OR OLD.node_id IS DISTINCT FROM NEW.node_id) EXECUTE FUNCTION capture_view();
--> statement-breakpoint
CREATE TRIGGER checkpoints_added AFTER INSERT ON checkpoints FOR EACH ROW EXECUTE FUNCTION capture_view();
--> statement-breakpoint
CREATE TRIGGER api_keys_updated AFTER UPDATE ON api_keys FOR EACH ROW
  WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at OR OLD.expires_at IS DISTINCT FROM NEW.expires_at) EXECUTE FUNCTION capture_key();
--> statement-breakpoint
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION capture_key();
--> statement-breakpoint
-- A sign-out must reach the sockets that the session has opened, whichever gateway they are on: their key is looked at again. What expires ends by itself.
CREATE FUNCTION capture_sign_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO inbox (account_id, subject, entity_id, revision) VALUES (OLD.account_id, 'KEY', OLD.key_id, 0);
  PERFORM wake_sequencer();
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER sessions_deleted AFTER DELETE ON sessions FOR EACH ROW WHEN (OLD.expires_at > now()) EXECUTE FUNCTION capture_sign_out();
--> statement-breakpoint
-- Also for sessions that replicate (session_replication_role = replica): what they write must reach the connected systems too. Called by each migration that makes triggers.
CREATE PROCEDURE enable_triggers_always() LANGUAGE plpgsql AS $$
DECLARE t record;
BEGIN
  FOR t IN SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'A' AND c.relnamespace = 'public'::regnamespace
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', t.relname, t.tgname);
  END LOOP;
END $$;
--> statement-breakpoint
CALL enable_triggers_always();
