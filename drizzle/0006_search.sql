-- Finding products by a part of what they are called: trigrams, so that it does not matter where the part stands. The extension comes with Postgres, and is trusted:
-- whoever may create something in the database may create it.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
--> statement-breakpoint
-- A line each, so that nothing is found across two of them; and one index for all, so that a row that is written goes through it once.
CREATE INDEX products_search ON products USING gin ((handle || E'\n' || title || E'\n' || coalesce(vendor, '')) gin_trgm_ops);
--> statement-breakpoint
CREATE INDEX variants_search ON variants USING gin (sku gin_trgm_ops);
--> statement-breakpoint
-- Products whose handle, title or vendor, or one of whose SKUs, is like `pattern`, in no order. With `most` it finds all of them or, in each half, so many: then there may be others.
-- Below row-level security Postgres would look nothing up by trigrams, since ILIKE is not leakproof: it asks as the owner of the tables, having seen to the account itself.
-- Planned each time, for how to look depends on what for.
CREATE FUNCTION matching_products(of_account bigint, pattern text, most bigint) RETURNS SETOF bigint LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  IF NOT may_ask_of(of_account) THEN RETURN; END IF;
  RETURN QUERY
    (SELECT p.id FROM products p WHERE p.account_id = of_account AND (p.handle || E'\n' || p.title || E'\n' || coalesce(p.vendor, '')) ILIKE pattern LIMIT most)
    UNION
    (SELECT v.product_id FROM variants v WHERE v.account_id = of_account AND v.sku ILIKE pattern LIMIT most);
END $$;
