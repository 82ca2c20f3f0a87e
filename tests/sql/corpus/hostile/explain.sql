-- Plans, which say how many rows there are before any policy has hidden one.
-- aim: metadata

-- name: explain-foreign-estimate
EXPLAIN SELECT * FROM shop.orders WHERE tenant = '{foreign}'

-- name: explain-json
EXPLAIN (FORMAT JSON) SELECT * FROM shop.items

-- name: explain-analyze-removed
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM shop.orders WHERE amount > 0

-- name: explain-analyze-buffers
-- varies: true
EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM shop.items

-- name: explain-verbose-qualities
EXPLAIN (VERBOSE, COSTS OFF) SELECT canary FROM shop.customers

-- name: explain-email
EXPLAIN SELECT 1 FROM shop.customers WHERE email = '{foreign_email}'

-- name: explain-generic-plan
-- since: 16
EXPLAIN (GENERIC_PLAN) SELECT canary FROM shop.orders WHERE tenant = $1

-- name: explain-in-capitals-and-comments
/* a */ eXpLaIn -- b
SELECT count(*) FROM shop.items

-- name: explain-of-a-write
EXPLAIN DELETE FROM shop.orders

-- name: explain-analyze-of-a-write
EXPLAIN ANALYZE DELETE FROM shop.orders

-- name: explain-settings
-- varies: true
EXPLAIN (SETTINGS, WAL, ANALYZE) SELECT 1 FROM shop.orders

-- name: explain-execute
EXPLAIN EXECUTE p

-- name: explain-in-parentheses
(EXPLAIN SELECT 1)

-- name: explain-in-a-cte
WITH e AS (EXPLAIN SELECT * FROM shop.orders) SELECT * FROM e

-- name: explain-through-xml
SELECT query_to_xml('EXPLAIN SELECT * FROM shop.orders', true, false, '')

-- name: explain-create-table-as
EXPLAIN CREATE TABLE t AS SELECT * FROM shop.orders

-- name: explain-declare
EXPLAIN DECLARE c CURSOR FOR SELECT * FROM shop.orders

-- name: explain-memory
-- since: 17
-- varies: true
EXPLAIN (MEMORY, SERIALIZE, ANALYZE) SELECT canary FROM shop.orders
