-- What costs the server more than an answer is worth.
-- aim: resource

-- name: bomb-sleep
SELECT pg_sleep(60)

-- name: bomb-sleep-for
SELECT pg_sleep_for('1 minute')

-- name: bomb-sleep-until
SELECT pg_sleep_until(now() + interval '1 minute')

-- name: bomb-sleep-in-where
SELECT canary FROM shop.orders WHERE pg_sleep(5) IS NULL

-- name: bomb-sleep-in-a-cte
WITH s AS MATERIALIZED (SELECT pg_sleep(60)) SELECT 1 FROM s

-- name: bomb-cross-join
SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b

-- name: bomb-cross-join-of-tables
SELECT count(*) FROM shop.items a, shop.items b, shop.items c, shop.items d

-- name: bomb-endless-recursion
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r

-- name: bomb-exponential-recursion
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT x FROM r, (VALUES (1), (2)) v(x)) SELECT count(*) FROM r

-- name: bomb-growing-text
WITH RECURSIVE r(t) AS (SELECT 'x' UNION ALL SELECT t || t FROM r WHERE length(t) < 200000000) SELECT max(length(t)) FROM r

-- name: bomb-repeat
SELECT length(repeat('x', 400000000))

-- name: bomb-repeat-of-repeat
SELECT md5(repeat(repeat('abc', 100000), 3000))

-- name: bomb-lpad
SELECT length(lpad('x', 400000000, 'abc'))

-- name: bomb-string-agg
SELECT length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, 300000)

-- name: bomb-array-agg
SELECT cardinality(array_agg(n)) FROM generate_series(1, 50000000) n

-- name: bomb-array-fill
SELECT cardinality(array_fill(0, ARRAY[20000000]))

-- name: bomb-jsonb
SELECT length(jsonb_agg(repeat('x', 1000))::text) FROM generate_series(1, 100000)

-- name: bomb-regular-expression
SELECT repeat('a', 40) ~ '^(a|a?)+b$', regexp_replace(repeat('a', 5000), '(a*)*(a*)*b', '')

-- name: bomb-regular-expression-back-reference
SELECT regexp_matches(repeat('ab', 2000), '(.*)(.*)(.*)(.*)\1\2\3\4x')

-- name: bomb-like
SELECT repeat('a', 30000) LIKE repeat('%a', 3000) || 'b' FROM generate_series(1, 1000)

-- name: bomb-factorial
SELECT factorial(30000)

-- name: bomb-power
SELECT (9.9::numeric ^ 99999) > 0, power(2.5::numeric, 99999.5) > 0 FROM generate_series(1, 1000)

-- name: bomb-large-series-sorted
SELECT n FROM generate_series(1, 20000000) n ORDER BY md5(n::text) LIMIT 1

-- name: bomb-distinct
SELECT count(DISTINCT md5(n::text)) FROM generate_series(1, 20000000) n

-- name: bomb-window
SELECT max(s) FROM (SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) AS s FROM generate_series(1, 1000000) n) q

-- name: bomb-cube
SELECT count(*) FROM shop.items GROUP BY CUBE (id, order_id, tenant, product_id, quantity, price, discount, canary, id, order_id)

-- name: bomb-many-rows
SELECT n FROM generate_series(1, 10000000) n

-- name: bomb-wide-rows
SELECT repeat('x', 20000000) FROM generate_series(1, 10)

-- name: bomb-nested-parentheses
SELECT <x3000:(>1<x3000:)>

-- name: bomb-nested-sub-selects
SELECT * FROM <x400:(SELECT * FROM >shop.orders<x400:) x>

-- name: bomb-plus-signs
SELECT 1<x20000:+1>

-- name: bomb-minus-signs
SELECT <x8000:- >1

-- name: bomb-not
SELECT <x5000:NOT >true

-- name: bomb-unions
SELECT 1<x3000: UNION SELECT 1>

-- name: bomb-joins
-- since: 16
SELECT count(*) FROM shop.orders<x13:, (SELECT FROM shop.orders)>

-- name: bomb-lateral-joins
-- since: 16
SELECT count(*) FROM shop.items i0 <x60:CROSS JOIN LATERAL (SELECT 1 FROM shop.items WHERE id < i0.id) >

-- name: bomb-case
SELECT <x900:CASE WHEN true THEN >1<x900: END>

-- name: bomb-array-nesting
SELECT <x1500:ARRAY[>1<x1500:]>

-- name: bomb-json-nesting
SELECT (repeat('[', 6000) || repeat(']', 6000))::jsonb

-- name: bomb-xml-entities
SELECT xmlparse(DOCUMENT '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>')

-- name: bomb-in-list
SELECT 1 WHERE 5 IN (0<x9000:, 1>)

-- name: bomb-comment-nesting
SELECT 1 <x2000:/*><x2000:*/>

-- name: bomb-ts-vector
SELECT length(to_tsvector('simple', string_agg(md5(n::text), ' '))) FROM generate_series(1, 2000000) n

-- name: bomb-timeout-off
SELECT set_config('statement_timeout', '0', true), pg_sleep(60)
