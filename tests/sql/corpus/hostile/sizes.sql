-- How large tables are, which is how much all tenants have, and where their rows stand.
-- aim: metadata

-- name: size-relation
SELECT pg_relation_size('shop.orders')

-- name: size-relation-main-fork
SELECT pg_relation_size('shop.items'::regclass, 'main'), pg_relation_size('shop.items'::regclass, 'fsm')

-- name: size-total
SELECT pg_total_relation_size('shop.customers'), pg_table_size('shop.customers'), pg_indexes_size('shop.customers')

-- name: size-database
-- varies: true
SELECT pg_database_size(current_database())

-- name: size-database-pretty
-- varies: true
SELECT pg_size_pretty(pg_database_size(oid)) FROM pg_database

-- name: size-tablespace
-- varies: true
SELECT pg_tablespace_size('pg_default')

-- name: size-by-all-names
SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'i', 'm')

-- name: size-through-tableoid
SELECT DISTINCT pg_relation_size(tableoid::regclass) FROM shop.orders

-- name: size-file-path
-- varies: true
SELECT pg_relation_filepath('shop.orders'), pg_relation_filenode('shop.orders')

-- name: size-visibility-of-own-ctids
SELECT max(ctid), count(DISTINCT (ctid::text::point)[0]) FROM shop.items

-- name: size-currtid2
SELECT currtid2('shop.orders', '(0,1)'::tid), currtid2('shop.orders', '(1,40)'::tid)

-- name: size-currtid2-beyond-the-end
SELECT currtid2('shop.orders', '(9,1)'::tid)

-- name: size-tid-scan
SELECT ctid, canary FROM shop.orders WHERE ctid = ANY (ARRAY(SELECT format('(0,%s)', n)::tid FROM generate_series(1, 200) n))

-- name: size-tid-range-scan
SELECT count(*) FROM shop.orders WHERE ctid > '(0,0)' AND ctid < '(100,0)'

-- name: size-xmin-and-xmax
-- varies: true
SELECT xmin, xmax, cmin, cmax, ctid, canary FROM shop.orders ORDER BY id

-- name: size-xmin-of-others
-- varies: true
SELECT pg_xact_commit_timestamp(xmin), age(xmin) FROM shop.orders

-- name: size-tablesample-system-rows
SELECT count(*) FROM shop.items TABLESAMPLE SYSTEM (50) REPEATABLE (7)

-- name: size-tablesample-bernoulli
SELECT count(*) FROM shop.items TABLESAMPLE BERNOULLI (50) REPEATABLE (7)

-- name: size-tablesample-all
SELECT count(*) FROM shop.orders TABLESAMPLE SYSTEM (100)

-- name: size-brin-and-gin-functions
SELECT brin_summarize_new_values('shop.orders_tenant'::regclass)

-- name: size-pgstattuple
SELECT * FROM pgstattuple('shop.orders')

-- name: size-heap-page
SELECT * FROM heap_page_items(get_raw_page('shop.orders', 0))

-- name: size-partition-tree
SELECT relid::regclass, pg_relation_size(relid) FROM pg_partition_tree('shop.orders')
