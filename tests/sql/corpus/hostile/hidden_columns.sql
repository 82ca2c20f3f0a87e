-- Columns and tables that say which tenant is who, and which the tenant may not read.
-- aim: value

-- name: hidden-secret
SELECT secret FROM shop.stores

-- name: hidden-star
SELECT * FROM shop.stores

-- name: hidden-whole-row
SELECT s FROM shop.stores s

-- name: hidden-whole-row-as-text
SELECT s::text FROM shop.stores s

-- name: hidden-to-json
SELECT to_jsonb(s) FROM shop.stores s

-- name: hidden-row-to-json
SELECT row_to_json(stores) FROM shop.stores

-- name: hidden-in-where
SELECT id FROM shop.stores WHERE secret = 'secret 3'

-- name: hidden-in-order-by
SELECT id FROM shop.stores ORDER BY secret

-- name: hidden-in-group-by
SELECT count(*) FROM shop.stores GROUP BY secret

-- name: hidden-in-a-join-using
SELECT count(*) FROM shop.stores JOIN shop.stores t USING (secret)

-- name: hidden-renamed
SELECT s.d FROM shop.stores AS s(a, b, c, d)

-- name: hidden-table-command
TABLE shop.stores

-- name: hidden-in-a-cte
WITH s AS (SELECT * FROM shop.stores) SELECT secret FROM s

-- name: hidden-in-exists
SELECT EXISTS (SELECT secret FROM shop.stores WHERE secret LIKE 'secret%')

-- name: hidden-in-an-aggregate
SELECT string_agg(secret, ',') FROM shop.stores

-- name: hidden-in-a-window
SELECT rank() OVER (ORDER BY secret) FROM shop.stores

-- name: hidden-count-of-whole-rows
SELECT count(s) FROM shop.stores s

-- name: hidden-count-distinct-rows
SELECT count(DISTINCT s.*) FROM shop.stores s

-- name: hidden-is-null-of-a-row
SELECT id FROM shop.stores s WHERE s IS NOT NULL

-- name: hidden-managers
SELECT manager, store_id FROM shop.managers

-- name: hidden-tenants
SELECT id FROM shop.tenants

-- name: hidden-materialized-view
SELECT * FROM shop.totals

-- name: hidden-natural-join
SELECT count(*) FROM shop.stores NATURAL JOIN (VALUES ('secret 3')) v(secret)

-- name: hidden-union
SELECT name FROM shop.stores UNION ALL SELECT secret FROM shop.stores
