-- The second wall between accounts, behind the code's own: requests run as the role `synkvy_requests`, which sees and writes the rows of one account, that of the setting
-- `synkvy.account`, even where a statement forgets to name it. Everybody else is held back by nothing here: the owner of the tables, who serves all accounts at once, and whoever else was
-- given rights on them.

-- The account of the request that is being answered; null where none is set, and then nothing is seen.
CREATE FUNCTION account_of_request() RETURNS bigint LANGUAGE sql STABLE
AS $$ SELECT nullif(current_setting('synkvy.account', true), '')::bigint $$;
--> statement-breakpoint
-- Whether whoever asks may ask of this account: for functions that look beyond the wall. They run as their owner, so who asks is told by the setting `role`.
CREATE FUNCTION may_ask_of(of_account bigint) RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT current_setting('role') <> 'synkvy_requests' OR coalesce(of_account = account_of_request(), false) $$;
--> statement-breakpoint
-- For who has changed many links: only the owner of a table may have its statistics taken.
CREATE FUNCTION analyze_links() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN ANALYZE links; END $$;
--> statement-breakpoint
-- Puts up of the wall what is missing: the role, its rights, and a policy on every table that has accounts. Changes nothing where it stands. Called by each migration that makes
-- tables, and at every start, since the role is not part of a database that is restored on another server. Whoever may not do it is told, and src/db/wall.ts finds what is missing.
CREATE PROCEDURE raise_wall() LANGUAGE plpgsql AS $$
DECLARE
  is_granular boolean := current_setting('server_version_num')::int >= 160000;
  t record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'synkvy_requests') THEN
    BEGIN
      CREATE ROLE synkvy_requests NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      -- The role is of the whole server: another database's migration was faster.
      NULL;
    END;
  END IF;
  -- Whoever takes a lock hears first what others have changed: without it a role that another database has made a moment ago may be seen in pg_roles and yet not be known by its name.
  LOCK TABLE sequencer IN ROW SHARE MODE;
  IF NOT pg_has_role('synkvy_requests', CASE WHEN is_granular THEN 'SET' ELSE 'MEMBER' END) THEN
    BEGIN
      EXECUTE 'GRANT synkvy_requests TO CURRENT_USER' || CASE WHEN is_granular THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END IF;
  FOR t IN SELECT c.oid, c.relname AS name, c.relrowsecurity AS is_secured, CASE c.relname WHEN 'accounts' THEN 'id' ELSE 'account_id' END AS account
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND (c.relname = 'accounts' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped))
  LOOP
    IF NOT t.is_secured THEN EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.name); END IF;
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = t.oid AND polname = 'everybody') THEN
      EXECUTE format('CREATE POLICY everybody ON %I USING (true)', t.name);
    END IF;
    -- As an expression rather than by account_of_request(), which would be put in its place for each statement that is planned.
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = t.oid AND polname = 'own_account') THEN
      EXECUTE format($policy$CREATE POLICY own_account ON %I AS RESTRICTIVE TO synkvy_requests USING (%I = nullif(current_setting('synkvy.account', true), '')::bigint)$policy$,
        t.name, t.account);
    END IF;
    IF NOT has_table_privilege('synkvy_requests', t.oid, 'SELECT') THEN
      EXECUTE format('GRANT %s ON %I TO synkvy_requests', CASE
        WHEN t.name IN ('accounts', 'feed', 'stream_minutes') THEN 'SELECT'
        WHEN t.name IN ('inbox', 'stock_movements', 'audit_log') THEN 'SELECT, INSERT'
        ELSE 'SELECT, INSERT, UPDATE, DELETE' END, t.name);
    END IF;
  END LOOP;
  IF NOT has_column_privilege('synkvy_requests', 'sequencer', 'head', 'SELECT') THEN
    -- Not the secret of cursors.
    GRANT SELECT ("only", head, epoch) ON sequencer TO synkvy_requests;
    GRANT SELECT ON SEQUENCE sequencer_sleep TO synkvy_requests;
    GRANT USAGE ON SCHEMA public TO synkvy_requests;
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'the wall between accounts could not be put up: %', SQLERRM USING HINT = '"synkvy doctor" says what to run by hand.';
END $$;
--> statement-breakpoint
CALL raise_wall();
