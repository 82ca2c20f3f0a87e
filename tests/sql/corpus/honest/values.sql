-- Arrays, ranges, dates, texts, numbers, conditions.

-- name: array-operators
SELECT count(*) FROM shop.orders WHERE tags && ARRAY['red', 'blue'] AND tags @> ARRAY['red'] AND 'red' = ANY (tags)

-- name: array-unnest-with-ordinality
SELECT o.id, t.tag, t.n FROM shop.orders o, unnest(o.tags) WITH ORDINALITY AS t(tag, n) ORDER BY 1, 3

-- name: array-functions
SELECT array_length(tags, 1), cardinality(tags), array_position(tags, 'red'), array_to_string(tags, '/'), tags[1], tags[1:1] FROM shop.orders ORDER BY id LIMIT 4

-- name: array-of-a-sub-select
SELECT s.city, ARRAY(SELECT t.name FROM shop.stores t WHERE t.city = s.city ORDER BY t.id) FROM shop.stores s ORDER BY s.id

-- name: array-constructors
SELECT ARRAY[[1, 2], [3, 4]], '{a,"b c",NULL}'::text[], array_cat(ARRAY[1], ARRAY[2, 3]), ARRAY[1] || 2, array_remove(ARRAY[1, 2], 1)

-- name: range-operators
SELECT id FROM shop.products WHERE numrange(10, 20, '[]') @> price ORDER BY id

-- name: range-functions
SELECT lower(r), upper_inc(r), isempty(r), r * int4range(3, 9) FROM (VALUES (int4range(1, 5))) v(r)

-- name: range-multirange
SELECT count(*) FROM shop.orders WHERE placed <@ '{[2025-01-01,2025-01-10), [2025-02-01,2025-02-10)}'::tstzmultirange

-- name: date-trunc-and-extract
SELECT EXTRACT(year FROM placed), EXTRACT(dow FROM placed AT TIME ZONE 'Europe/Oslo'), date_part('hour', placed AT TIME ZONE 'UTC'), count(*) FROM shop.orders GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: date-calendar
SELECT d::date, count(o.id) FROM generate_series(timestamp '2025-01-01', timestamp '2025-01-14', interval '1 day') d LEFT JOIN shop.orders o ON (o.placed AT TIME ZONE 'UTC')::date = d::date GROUP BY d ORDER BY d

-- name: date-arithmetic
SELECT id, born + 30, born + interval '1 month', age(date '2025-01-01', born), date '2025-01-01' - born FROM shop.customers ORDER BY id

-- name: date-bin-and-make
SELECT date_bin('15 minutes', timestamp '2025-01-01 10:07', timestamp '2025-01-01'), make_date(2025, 2, 3), make_interval(days => 3), justify_interval(interval '40 days')

-- name: date-formats
SELECT to_char(placed AT TIME ZONE 'UTC', 'YYYY-MM-DD "at" HH24:MI'), to_date('03.02.2025', 'DD.MM.YYYY'), to_timestamp(0) AT TIME ZONE 'UTC' FROM shop.orders ORDER BY id LIMIT 2

-- name: date-overlaps
SELECT count(*) FROM shop.orders WHERE (placed, interval '1 day') OVERLAPS (timestamptz '2025-01-05 00:00+00', timestamptz '2025-01-09 00:00+00')

-- name: date-now
SELECT now() > timestamp '2020-01-01', CURRENT_DATE > date '2020-01-01', count(*) FROM shop.orders WHERE placed < CURRENT_TIMESTAMP + interval '100 years'

-- name: date-time-zones
SELECT placed AT TIME ZONE 'America/New_York', timezone('UTC', placed) FROM shop.orders ORDER BY id LIMIT 3

-- name: date-iso-week
SELECT to_char(born, 'IYYY-IW'), EXTRACT(isodow FROM born), EXTRACT(epoch FROM interval '1 hour') FROM shop.customers ORDER BY id LIMIT 3

-- name: text-functions
SELECT upper(name), lower(city), initcap(name), length(name), left(name, 3), right(name, 1), reverse(city), md5(name) FROM shop.stores ORDER BY id

-- name: text-sql-syntax
SELECT substring(email FROM 1 FOR 3), position('@' IN email), trim(BOTH 'p' FROM email), overlay(email PLACING 'x' FROM 1 FOR 2) FROM shop.customers ORDER BY id LIMIT 3

-- name: text-split-and-replace
SELECT split_part(email, '@', 2), replace(email, 'pat', 'sam'), translate(email, 'pt', 'xy'), regexp_replace(email, '\d+', '#', 'g') FROM shop.customers ORDER BY id LIMIT 3

-- name: text-concat-and-format
SELECT concat_ws(', ', name, city, NULL), format('%s in %I costs %L', name, city, id), name || ' / ' || city, lpad(id::text, 5, '0') FROM shop.stores ORDER BY id

-- name: text-regular-expressions
SELECT regexp_matches(canary, 'c(\d+)-(\d+)'), regexp_count(canary, '\d'), regexp_substr(canary, '\d+$'), substring(canary FROM '-(\d)') FROM shop.orders ORDER BY id LIMIT 3

-- name: text-split-to-rows
SELECT w, count(*) FROM shop.products, regexp_split_to_table(description, '\s+') w GROUP BY w ORDER BY 2 DESC, 1 LIMIT 5

-- name: text-string-to-array
SELECT string_to_array('a,b,,c', ',', ''), starts_with(name, 'store'), ascii('a'), chr(97), to_hex(255), quote_literal('a''b') FROM shop.stores LIMIT 1

-- name: text-collation
SELECT name FROM shop.customers ORDER BY name COLLATE "C" DESC LIMIT 3

-- name: search-vector
SELECT id, ts_rank(to_tsvector('english', description), q)::numeric(6, 4) FROM shop.products, plainto_tsquery('english', 'red things') q WHERE to_tsvector('english', description) @@ q ORDER BY 1

-- name: search-web-query
SELECT count(*) FROM shop.products WHERE to_tsvector('simple', description) @@ websearch_to_tsquery('simple', '"red thing" or small -heavy')

-- name: search-headline
SELECT ts_headline('simple', description, to_tsquery('simple', 'thing & !nothing')) FROM shop.products ORDER BY id LIMIT 2

-- name: number-functions
SELECT round(price, 1), trunc(price), ceil(price), floor(price), abs(-price), mod(id, 3), power(id, 2), sqrt(id)::numeric(8, 4), sign(price), greatest(id, 5), least(id, 5) FROM shop.products ORDER BY id

-- name: number-width-bucket
SELECT width_bucket(amount, 0, 3000, 10) AS bucket, count(*) FROM shop.orders GROUP BY 1 ORDER BY 1

-- name: number-operators
SELECT 7 % 3, 2 ^ 10, 5 / 2, 5 / 2.0, 5 # 3, 5 & 4, 5 | 2, ~5, 1 << 3, |/ 16.0, ||/ 27.0, @ -3

-- name: number-casts
SELECT id::text, '12'::int + 1, CAST(amount AS integer), amount::float8, int '5', numeric '1.50', 1e3, .5, '1'::boolean FROM shop.orders ORDER BY id LIMIT 2

-- name: number-formats
SELECT to_char(amount, 'FM999G990D00'), to_number('1,234.5', '9,999.9') FROM shop.orders ORDER BY id LIMIT 2

-- name: case-searched
SELECT CASE WHEN amount < 1010 THEN 'small' WHEN amount < 1020 THEN 'middle' ELSE 'large' END AS size, count(*) FROM shop.orders GROUP BY 1 ORDER BY 1

-- name: case-simple
SELECT CASE status WHEN 'new' THEN 1 WHEN 'paid' THEN 2 END AS step, count(*) FROM shop.orders GROUP BY step ORDER BY step NULLS LAST

-- name: coalesce-and-nullif
SELECT coalesce(category, 'none'), nullif(category, 'paint'), num_nulls(category, NULL) FROM shop.products ORDER BY id

-- name: boolean-logic
SELECT true AND NOT false OR NULL, 1 = 1 IS TRUE, (NULL = 1) IS UNKNOWN

-- name: series-of-numbers
SELECT n, n * n FROM generate_series(1, 5) AS n ORDER BY n DESC

-- name: bytes-and-hashes
SELECT encode(sha256(convert_to(name, 'UTF8')), 'hex'), octet_length(name), bit_length(name) FROM shop.stores ORDER BY id

-- name: uuid-and-types
SELECT '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid, '10.0.0.0/8'::inet >> '10.1.2.3', '(1,2)'::point <-> '(4,6)'::point

-- name: random-is-random
-- varies: true
SELECT id FROM shop.products ORDER BY random() LIMIT 3
