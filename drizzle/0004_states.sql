-- The state of an entity as consumers are sent it: one JSON value with its children, so that it is of one snapshot, and what the feed must know of it. As functions because
-- streams and the sequencer ask for it alike. Arrays rather than objects, whose keys take Postgres twice as long as all the rest; src/sync/states.ts names what
-- stands where. OFFSET 0 keeps it a look-up for each row that it is joined to: joined as a whole, Postgres may build the state of every entity there is.

CREATE FUNCTION product_state(of_account bigint, of_product bigint) RETURNS TABLE (revision bigint, key text, location_code text, entity json) LANGUAGE sql STABLE AS $$
  SELECT p.revision, p.handle, NULL::text, json_build_array(p.account_id, p.id, p.handle, p.title, p.description, p.vendor, p.product_type, p.tags, p.status, p.image_urls,
    p.allow_backorder, p.revision, p.created_at, p.updated_at, (
      SELECT coalesce(json_agg(json_build_array(v.id, v.product_id, v.ordinal, v.sku, v.title, v.barcode, v.price::text, v.price_currency, v.compare_at_price::text,
        v.compare_at_currency, v.weight_grams, v.options) ORDER BY v.ordinal, v.id), '[]')
      FROM variants v WHERE v.account_id = p.account_id AND v.product_id = p.id), (
      SELECT coalesce(json_agg(json_build_array(s.id, s.variant_id, s.product_id, s.location_id, s.on_hand, s.reserved, s.revision, s.updated_at, lo.code, lo.name) ORDER BY s.id), '[]')
      FROM stock_levels s JOIN locations lo ON lo.account_id = s.account_id AND lo.id = s.location_id WHERE s.account_id = p.account_id AND s.product_id = p.id))
  FROM products p WHERE p.account_id = of_account AND p.id = of_product OFFSET 0
$$;
--> statement-breakpoint
CREATE FUNCTION stock_state(of_account bigint, of_level bigint) RETURNS TABLE (revision bigint, key text, location_code text, entity json) LANGUAGE sql STABLE AS $$
  SELECT s.revision, v.sku, lo.code, json_build_array(s.account_id,
    json_build_array(s.id, s.variant_id, s.product_id, s.location_id, s.on_hand, s.reserved, s.revision, s.updated_at, lo.code, lo.name),
    json_build_array(v.id, v.product_id, v.ordinal, v.sku, v.title, v.barcode, v.price::text, v.price_currency, v.compare_at_price::text,
      v.compare_at_currency, v.weight_grams, v.options))
  FROM stock_levels s JOIN variants v ON v.account_id = s.account_id AND v.id = s.variant_id
  JOIN locations lo ON lo.account_id = s.account_id AND lo.id = s.location_id
  WHERE s.account_id = of_account AND s.id = of_level OFFSET 0
$$;
--> statement-breakpoint
-- An order carries its customer as of sending. src/trade/states.ts names what stands where.
CREATE FUNCTION customer_state(of_account bigint, of_customer bigint) RETURNS TABLE (revision bigint, key text, location_code text, entity json) LANGUAGE sql STABLE AS $$
  SELECT c.revision, c.external_id, NULL::text,
    json_build_array(c.account_id, c.id, c.owner_user_id, c.external_id, c.name, c.email, c.phone, c.address, c.revision, c.updated_at)
  FROM customers c WHERE c.account_id = of_account AND c.id = of_customer OFFSET 0
$$;
--> statement-breakpoint
CREATE FUNCTION order_state(of_account bigint, of_order bigint) RETURNS TABLE (revision bigint, key text, location_code text, entity json) LANGUAGE sql STABLE AS $$
  SELECT o.revision, o.external_id, NULL::text,
    json_build_array(o.account_id, o.id, o.owner_user_id, o.external_id, o.number, o.state, o.shipping_address, o.billing_address, o.currency, o.placed_at, o.revision, o.updated_at,
      (SELECT c.entity FROM customer_state(o.account_id, o.customer_id) c), l.total::text, l.lines)
  FROM orders o CROSS JOIN LATERAL (
    SELECT coalesce(sum(l.quantity * l.unit_price), 0) AS total, coalesce(json_agg(json_build_array(
      l.id, l.variant_id, l.sku, l.title, l.quantity, l.unit_price::text, l.tax_rate::text) ORDER BY l.ordinal), '[]') AS lines
    FROM order_lines l WHERE l.account_id = o.account_id AND l.order_id = o.id) l
  WHERE o.account_id = of_account AND o.id = of_order OFFSET 0
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
  JOIN feed f ON f.account_id = k.account_id AND f.entity_id = k.entity_id AND concat(f.subject) = of_subject
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
--> statement-breakpoint
-- The same of orders and customers, which concern the view of the user to whom they belong, and those that receive the whole shop's.
CREATE FUNCTION owned_dispatches(of_subject text, accounts bigint[], entities bigint[], views bigint[]) RETURNS TABLE (
  account_id bigint, entity_id bigint, "position" bigint, deleted boolean, origin_view_id bigint, concerned json, revision bigint, is_unsequenced boolean,
  key text, location_code text, entity json
) LANGUAGE sql STABLE AS $$
  SELECT f.account_id, f.entity_id, f.position, f.deleted, f.origin_view_id, c.concerned, coalesce(x.revision, f.revision), x.revision <> f.revision,
    coalesce(x.key, f.key), NULL::text, x.entity
  FROM unnest(accounts, entities) AS k (account_id, entity_id)
  JOIN feed f ON f.account_id = k.account_id AND f.entity_id = k.entity_id AND concat(f.subject) = of_subject
  CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('v', w.id, 'r', 0, 'x', NULL)) AS concerned FROM sync_views w
    WHERE w.account_id = f.account_id AND (w.order_scope = 'ALL' OR w.user_id = f.owner_user_id) AND (views IS NULL OR w.id + 0 = ANY(views))) c
  LEFT JOIN LATERAL (
    SELECT o.* FROM order_state(f.account_id, f.entity_id) o WHERE of_subject = 'ORDER'
    UNION ALL
    SELECT s.* FROM customer_state(f.account_id, f.entity_id) s WHERE of_subject = 'CUSTOMER') x ON true
  WHERE c.concerned IS NOT NULL ORDER BY f.position
$$;
