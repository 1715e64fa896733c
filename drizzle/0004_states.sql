-- The state of an entity as consumers are sent it: one JSON value with its children, so that it is of one snapshot, and what the feed must know of it. As functions because
-- streams and the sequencer ask for it alike. OFFSET 0 keeps it a look-up for each row that it is joined to: joined as a whole, Postgres may build the
-- JSON of every entity there is.

CREATE FUNCTION location_json(lo locations) RETURNS json LANGUAGE sql STABLE
AS $$ SELECT json_build_object('accountId', lo.account_id, 'id', lo.id, 'code', lo.code, 'name', lo.name) $$;
--> statement-breakpoint
CREATE FUNCTION product_state(of_account bigint, of_product bigint) RETURNS TABLE (revision bigint, key text, location_code text, entity json) LANGUAGE sql STABLE AS $$
  SELECT p.revision, p.handle, NULL::text, json_build_object(
    'accountId', p.account_id, 'id', p.id, 'handle', p.handle, 'title', p.title, 'description', p.description, 'vendor', p.vendor,
    'productType', p.product_type, 'tags', p.tags, 'status', p.status, 'imageUrls', p.image_urls, 'allowBackorder', p.allow_backorder,
    'revision', p.revision, 'createdAt', p.created_at, 'updatedAt', p.updated_at, 'variants', (
      SELECT coalesce(json_agg(json_build_object(
        'accountId', v.account_id, 'id', v.id, 'productId', v.product_id, 'ordinal', v.ordinal, 'sku', v.sku, 'title', v.title, 'barcode', v.barcode,
        'price', v.price::text, 'priceCurrency', v.price_currency, 'compareAtPrice', v.compare_at_price::text, 'compareAtCurrency', v.compare_at_currency,
        'weightGrams', v.weight_grams, 'options', v.options, 'stockLevels', (
          SELECT coalesce(json_agg(json_build_object(
            'accountId', s.account_id, 'id', s.id, 'variantId', s.variant_id, 'productId', s.product_id, 'locationId', s.location_id, 'onHand', s.on_hand,
            'reserved', s.reserved, 'revision', s.revision, 'updatedAt', s.updated_at, 'location', location_json(lo)) ORDER BY s.id), '[]')
          FROM stock_levels s JOIN locations lo ON lo.account_id = s.account_id AND lo.id = s.location_id
          WHERE s.account_id = v.account_id AND s.variant_id = v.id)) ORDER BY v.ordinal, v.id), '[]')
      FROM variants v WHERE v.account_id = p.account_id AND v.product_id = p.id))
  FROM products p WHERE p.account_id = of_account AND p.id = of_product OFFSET 0
$$;
--> statement-breakpoint
CREATE FUNCTION stock_state(of_account bigint, of_level bigint) RETURNS TABLE (revision bigint, key text, location_code text, entity json) LANGUAGE sql STABLE AS $$
  SELECT s.revision, v.sku, lo.code, json_build_object(
    'accountId', s.account_id, 'id', s.id, 'variantId', s.variant_id, 'productId', s.product_id, 'locationId', s.location_id, 'onHand', s.on_hand,
    'reserved', s.reserved, 'revision', s.revision, 'updatedAt', s.updated_at, 'variant', json_build_object(
      'accountId', v.account_id, 'id', v.id, 'productId', v.product_id, 'ordinal', v.ordinal, 'sku', v.sku, 'title', v.title, 'barcode', v.barcode,
      'price', v.price::text, 'priceCurrency', v.price_currency, 'compareAtPrice', v.compare_at_price::text, 'compareAtCurrency', v.compare_at_currency,
      'weightGrams', v.weight_grams, 'options', v.options), 'location', location_json(lo))
  FROM stock_levels s JOIN variants v ON v.account_id = s.account_id AND v.id = s.variant_id
  JOIN locations lo ON lo.account_id = s.account_id AND lo.id = s.location_id
  WHERE s.account_id = of_account AND s.id = of_level OFFSET 0
$$;
--> statement-breakpoint
-- Of entities that changed their states and the links that they concern, of these views or of all (null), in one snapshot. What concerns nobody is left out.
-- The subject is to be written out where it is called, so that the plan holds one of the two kinds of states.
CREATE FUNCTION dispatches(of_subject text, accounts bigint[], entities bigint[], views bigint[]) RETURNS TABLE (
  account_id bigint, entity_id bigint, "position" bigint, deleted boolean, origin_view_id bigint, concerned json, revision bigint, is_unsequenced boolean,
  key text, location_code text, entity json
) LANGUAGE sql STABLE AS $$
  SELECT f.account_id, f.entity_id, f.position, f.deleted, f.origin_view_id, c.concerned, coalesce(x.revision, f.revision), x.revision <> f.revision,
    coalesce(x.key, f.key), coalesce(x.location_code, f.location_code), x.entity
  FROM unnest(accounts, entities) AS k (account_id, entity_id)
  JOIN feed f ON f.account_id = k.account_id AND f.entity_id = k.entity_id AND f.subject::text = of_subject
  CROSS JOIN LATERAL (
    -- The sum keeps the list of views out of the index scan, which would else descend once for each of them.
    SELECT json_agg(json_build_object('v', l.view_id, 'r', l.revision, 'x', l.external_id)) AS concerned FROM links l
    WHERE l.account_id = f.account_id AND l.product_id = f.product_id AND NOT l.unlinked AND (views IS NULL OR l.view_id + 0 = ANY(views))) c
  LEFT JOIN LATERAL (
    SELECT p.* FROM product_state(f.account_id, f.entity_id) p WHERE of_subject = 'PRODUCT'
    UNION ALL
    SELECT s.* FROM stock_state(f.account_id, f.entity_id) s WHERE of_subject = 'STOCK') x ON true
  WHERE c.concerned IS NOT NULL ORDER BY f.position
$$;
