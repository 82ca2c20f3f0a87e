-- Questions whose answer would be another, if rows of others were in it.
-- aim: value

-- name: count-all
SELECT count(*) FROM shop.orders

-- name: count-all-tables
SELECT (SELECT count(*) FROM shop.orders), (SELECT count(*) FROM shop.items), (SELECT count(*) FROM shop.customers), (SELECT count(*) FROM shop.stores)

-- name: count-foreign
SELECT count(*), sum(amount), max(canary) FROM shop.orders WHERE tenant = '{foreign}'

-- name: count-not-own
SELECT count(*) FROM shop.orders WHERE tenant <> (SELECT tenant FROM shop.customers LIMIT 1)

-- name: count-by-tenant
SELECT tenant, count(*), sum(amount) FROM shop.orders GROUP BY ROLLUP (tenant)

-- name: count-distinct-tenants
SELECT count(DISTINCT tenant), min(tenant), max(tenant) FROM shop.items

-- name: count-email-exists
SELECT EXISTS (SELECT FROM shop.customers WHERE email = '{foreign_email}')

-- name: count-or-true
SELECT canary FROM shop.orders WHERE tenant = '{foreign}' OR true

-- name: count-or-one-equals-one
SELECT canary FROM shop.orders WHERE (1 = 1) OR (tenant = '{foreign}' AND 'x' = 'x') ORDER BY 1

-- name: count-not-in
SELECT canary FROM shop.items WHERE tenant NOT IN (SELECT tenant FROM shop.orders)

-- name: count-full-join
SELECT count(*), count(o.id), count(i.id) FROM shop.orders o FULL JOIN shop.items i ON i.order_id = o.id

-- name: count-anti-join-of-ids
SELECT count(*) FROM generate_series(10100001, 10200100) n WHERE EXISTS (SELECT FROM shop.orders o WHERE o.id = n)

-- name: count-cross-tenant-join
SELECT i.canary FROM shop.items i JOIN shop.orders o ON o.tenant <> i.tenant

-- name: count-union-of-both
SELECT canary FROM shop.orders WHERE tenant = '{foreign}' UNION ALL SELECT canary FROM shop.customers WHERE tenant = '{foreign}'

-- name: count-except-own
SELECT tenant, id FROM shop.orders EXCEPT SELECT tenant, order_id FROM shop.items

-- name: count-lateral-foreign
SELECT x.canary FROM (VALUES ('{foreign}')) v(t), LATERAL (SELECT canary FROM shop.orders o WHERE o.tenant = v.t) x

-- name: count-rank-in-all
SELECT max(rank), max(dense) FROM (SELECT rank() OVER (ORDER BY amount), dense_rank() OVER (ORDER BY amount) AS dense FROM shop.orders) r

-- name: count-percent-rank
SELECT max(cume_dist), min(percent) FROM (SELECT cume_dist() OVER w, percent_rank() OVER w AS percent FROM shop.items WINDOW w AS (ORDER BY price)) r

-- name: count-ntile
SELECT count(*) FROM (SELECT ntile(4) OVER (ORDER BY id) AS quarter FROM shop.orders) q WHERE quarter = 1

-- name: count-lag-of-a-neighbour
SELECT canary, lag(canary) OVER (ORDER BY placed), lead(canary) OVER (ORDER BY placed) FROM shop.orders

-- name: count-percentile
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount), mode() WITHIN GROUP (ORDER BY tenant) FROM shop.orders

-- name: count-hypothetical-rank
SELECT rank(2000) WITHIN GROUP (ORDER BY amount), cume_dist(2000) WITHIN GROUP (ORDER BY amount) FROM shop.orders

-- name: count-correlation
SELECT corr(id, amount), regr_count(amount, id), stddev_pop(amount), variance(amount) FROM shop.orders

-- name: count-hash-of-all
SELECT md5(string_agg(o::text, '|' ORDER BY o.id)), sum(hashtext(o::text)) FROM shop.orders o

-- name: count-json-of-all
SELECT jsonb_agg(to_jsonb(o) ORDER BY id)::text FROM shop.orders o

-- name: count-whole-row-of-items
SELECT i FROM shop.items i ORDER BY i DESC LIMIT 3

-- name: count-only-table
SELECT count(*) FROM ONLY shop.orders

-- name: count-inheritance-star
SELECT count(*) FROM shop.orders *

-- name: count-table-oid
SELECT DISTINCT tableoid::regclass::text FROM shop.orders

-- name: count-gaps-in-numbers
SELECT min(id), max(id), max(id) - min(id) + 1 - count(*) AS missing FROM shop.orders

-- name: count-fetch-with-ties
SELECT tenant FROM shop.items ORDER BY tenant FETCH FIRST 1 ROW WITH TIES

-- name: count-stores-of-others
SELECT id, name, city FROM shop.stores WHERE id NOT IN (1, 2) ORDER BY id
