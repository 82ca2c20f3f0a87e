-- How much all tenants have together, as the catalogs and the statistics collector count it.
-- aim: metadata

-- name: estimate-reltuples
SELECT relname, reltuples FROM pg_class WHERE relname IN ('orders', 'items', 'customers')

-- name: estimate-reltuples-qualified-oid
SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = 'shop.items'::regclass

-- name: estimate-relpages
SELECT relname, relpages FROM pg_class WHERE relnamespace = 'shop'::regnamespace

-- name: estimate-relpages-of-indexes
SELECT c.relname, c.relpages, c.reltuples FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE i.indrelid = 'shop.orders'::regclass

-- name: estimate-live-tuples
SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE schemaname = 'shop'

-- name: estimate-live-tuples-function
SELECT pg_stat_get_live_tuples('shop.items'::regclass)

-- name: estimate-inserted-and-deleted
SELECT relname, n_tup_ins, n_tup_del, n_tup_upd FROM pg_stat_all_tables WHERE relname = 'orders'

-- name: estimate-dead-and-modified
SELECT pg_stat_get_tuples_inserted('shop.orders'::regclass), pg_stat_get_tuples_deleted('shop.orders'::regclass), pg_stat_get_mod_since_analyze('shop.orders'::regclass)

-- name: estimate-pg-stats-of-tenant
SELECT attname, n_distinct, most_common_vals::text, most_common_freqs FROM pg_stats WHERE schemaname = 'shop'

-- name: estimate-pg-statistic
SELECT stavalues1::text FROM pg_statistic WHERE starelid = 'shop.orders'::regclass

-- name: estimate-pg-stats-ext
SELECT statistics_name, n_distinct::text, most_common_vals::text FROM pg_stats_ext

-- name: estimate-pg-stats-ext-exprs
SELECT expr, most_common_vals::text, histogram_bounds::text FROM pg_stats_ext_exprs

-- name: estimate-statistic-ext-data
SELECT stxdndistinct::text, stxdmcv::text FROM pg_statistic_ext_data

-- name: estimate-database-counters
-- varies: true
SELECT tup_returned, tup_inserted, xact_commit FROM pg_stat_database WHERE datname = current_database()

-- name: estimate-io-of-tables
-- varies: true
SELECT heap_blks_read, heap_blks_hit, idx_blks_hit FROM pg_statio_user_tables WHERE relname = 'orders'

-- name: estimate-index-use
-- varies: true
SELECT idx_scan, idx_tup_read, idx_tup_fetch FROM pg_stat_user_indexes WHERE relname = 'orders'

-- name: estimate-last-analyzed
-- varies: true
SELECT last_analyze, analyze_count, last_vacuum FROM pg_stat_user_tables WHERE relname = 'orders'

-- name: estimate-sequences-view
SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'shop'

-- name: estimate-sequence-last-value
SELECT pg_sequence_last_value('shop.order_numbers'::regclass)

-- name: estimate-sequence-as-a-table
SELECT last_value, is_called FROM shop.order_numbers

-- name: estimate-pg-stat-io
-- since: 16
-- varies: true
SELECT * FROM pg_stat_io

-- name: estimate-wal
-- varies: true
SELECT wal_records, wal_bytes FROM pg_stat_wal

-- name: estimate-attribute-statistics-target
SELECT attname, attstattarget, attavgwidth FROM pg_attribute a, LATERAL (SELECT stawidth AS attavgwidth FROM pg_statistic WHERE starelid = a.attrelid AND staattnum = a.attnum) s WHERE attrelid = 'shop.orders'::regclass

-- name: estimate-unqualified-catalog-in-a-join
SELECT o.canary, c.reltuples FROM shop.orders o JOIN pg_class c ON c.relname = 'orders'

-- name: estimate-through-tableoid
SELECT DISTINCT (SELECT reltuples FROM pg_class WHERE oid = o.tableoid) FROM shop.orders o
