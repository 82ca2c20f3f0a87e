-- Counters of the own transaction, which tell how many rows an index had for a value: also those
-- that a policy then hid. They go on from transaction to transaction until the session sends them
-- to the statistics, about once a second: what varies here depends on that.
-- aim: metadata

-- name: probe-email-fetched
WITH a AS MATERIALIZED (SELECT count(*) AS n FROM shop.customers WHERE email = '{foreign_email}') SELECT n, pg_stat_get_xact_tuples_fetched('shop.customers_email_key'::regclass) FROM a

-- name: probe-email-returned
WITH a AS MATERIALIZED (SELECT set_config('enable_seqscan', 'off', true) AS s), b AS MATERIALIZED (SELECT count(*) AS n FROM a, shop.customers WHERE s = 'off' AND email = '{foreign_email}') SELECT n, pg_stat_get_xact_tuples_returned('shop.customers_email_key'::regclass), pg_stat_get_xact_tuples_fetched('shop.customers'::regclass) FROM b

-- name: probe-rows-of-a-table
WITH a AS MATERIALIZED (SELECT count(*) AS n FROM shop.orders) SELECT n, pg_stat_get_xact_tuples_returned('shop.orders'::regclass) FROM a

-- name: probe-rows-of-a-table-by-view
WITH a AS MATERIALIZED (SELECT count(*) AS n FROM shop.items) SELECT n, seq_tup_read, idx_tup_fetch FROM a, pg_stat_xact_user_tables WHERE relname = 'items'

-- name: probe-foreign-tenant
WITH a AS MATERIALIZED (SELECT count(*) AS n FROM shop.orders WHERE tenant = '{foreign}') SELECT n, pg_stat_get_xact_tuples_fetched('shop.orders_tenant'::regclass), pg_stat_get_xact_tuples_returned('shop.orders_tenant'::regclass) FROM a

-- name: probe-primary-key
WITH a AS MATERIALIZED (SELECT count(*) AS n FROM shop.orders WHERE id BETWEEN {foreign} * 100000 AND {foreign} * 100000 + 99) SELECT n, pg_stat_get_xact_tuples_returned('shop.orders_pkey'::regclass), pg_stat_get_xact_tuples_returned('shop.orders'::regclass) FROM a

-- name: probe-all-counters
WITH a AS MATERIALIZED (SELECT count(*) AS n FROM shop.customers WHERE email LIKE '%{foreign}%') SELECT n, relname, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch FROM a, pg_stat_xact_all_tables WHERE schemaname = 'shop'

-- name: probe-blocks
WITH a AS MATERIALIZED (SELECT count(*) AS n FROM shop.items) SELECT n, pg_stat_get_xact_blocks_fetched('shop.items'::regclass) FROM a

-- name: probe-numscans
-- varies: true
WITH a AS MATERIALIZED (SELECT count(*) AS n FROM shop.items) SELECT n, pg_stat_get_xact_numscans('shop.items'::regclass) FROM a

-- name: probe-own-backend-statistics
-- varies: true
-- since: 18
SELECT * FROM pg_stat_get_backend_io(pg_backend_pid())

-- name: probe-in-the-from-list
SELECT f.n FROM (SELECT count(*) FROM shop.items OFFSET 0) c, LATERAL pg_stat_get_xact_tuples_returned('shop.items'::regclass) AS f(n)

-- name: probe-by-attribute-notation
SELECT (SELECT count(*) FROM shop.items), ('shop.items'::regclass::oid).pg_stat_get_xact_tuples_returned

-- name: probe-flushed-counters
-- varies: true
SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'customers'

-- name: probe-force-next-flush
-- varies: true
SELECT pg_stat_force_next_flush(), pg_stat_get_tuples_returned('shop.orders'::regclass)

-- name: probe-function-calls
-- varies: true
SELECT funcname, calls FROM pg_stat_user_functions

-- name: probe-memory-contexts
-- varies: true
SELECT name, total_bytes FROM pg_backend_memory_contexts

-- name: probe-buffer-cache
SELECT * FROM pg_buffercache

-- name: probe-locks
-- varies: true
SELECT locktype, relation::regclass, mode FROM pg_locks
