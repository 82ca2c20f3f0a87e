-- Errors that would tell of rows which the tenant must not see, if those got that far.
-- aim: value

-- name: error-cast-of-a-canary
SELECT canary::int FROM shop.orders ORDER BY id DESC LIMIT 1

-- name: error-cast-of-foreign-only
SELECT count(*) FROM shop.orders WHERE tenant = '{foreign}' AND canary::int = 1

-- name: error-cast-before-the-policy
SELECT count(*) FROM shop.orders WHERE CASE WHEN tenant = '{foreign}' THEN canary::int = 1 ELSE true END

-- name: error-division-by-zero
SELECT sum(CASE WHEN tenant = '{foreign}' THEN 1 / (length(tenant) - 3) ELSE 1 END) FROM shop.orders

-- name: error-division-in-where
SELECT id FROM shop.customers WHERE email = '{foreign_email}' AND 1 / (length(email) - length('{foreign_email}')) = 1

-- name: error-more-than-one-row
SELECT (SELECT canary FROM shop.orders WHERE tenant = '{foreign}')

-- name: error-more-than-one-row-of-items
SELECT (SELECT 1 FROM shop.items WHERE tenant <> (SELECT min(tenant) FROM shop.orders))

-- name: error-told-by-a-function
SELECT id FROM shop.orders WHERE shop.tell(canary)

-- name: error-told-of-foreign-only
SELECT id FROM shop.orders WHERE tenant = '{foreign}' AND shop.tell(canary)

-- name: error-told-in-a-join
SELECT o.id FROM shop.orders o JOIN shop.items i ON shop.tell(o.canary || i.canary) AND o.tenant = '{foreign}'

-- name: error-told-of-an-index
SELECT id FROM shop.customers WHERE email > '' AND shop.tell(email) AND tenant = '{foreign}'

-- name: error-told-by-an-operator
SELECT id FROM shop.orders WHERE tenant = '{foreign}' AND tags[2]::int > 0

-- name: error-json-path
SELECT id FROM shop.orders WHERE tenant = '{foreign}' AND (note -> 'who' ->> 'canary')::jsonb IS NOT NULL

-- name: error-json-path-strict
SELECT jsonb_path_query(note, 'strict $.nothing') FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-regular-expression
SELECT id FROM shop.orders WHERE tenant = '{foreign}' AND 'x' ~ ('(' || canary)

-- name: error-to-number
SELECT to_number(canary, 'XX9'), to_date(canary, 'YYYY') FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-array-bound
SELECT array_fill(0, ARRAY[-1 * amount::int]) FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-negative-length
SELECT substr(canary, 1, -1 * id) FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-logarithm
SELECT ln(amount - amount) FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-enum-of-an-encoding
SELECT convert_from(convert_to(canary, 'UTF8'), canary) FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-has-privilege-name
SELECT has_table_privilege(canary, 'SELECT') FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-regclass-of-a-canary
SELECT canary::regclass FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-setting-of-a-canary
SELECT current_setting(canary) FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-limit-of-a-count
SELECT 1 FROM shop.products LIMIT (SELECT -count(*) FROM shop.orders WHERE tenant = '{foreign}')

-- name: error-limit-of-a-sum
SELECT 1 FROM shop.products LIMIT (SELECT (sum(amount) / count(*))::int FROM shop.orders WHERE tenant = '{foreign}')

-- name: error-window-frame
SELECT sum(1) OVER (ORDER BY n ROWS (SELECT -count(*) FROM shop.orders WHERE tenant = '{foreign}') PRECEDING) FROM generate_series(1, 3) n

-- name: error-generate-series-step
SELECT generate_series(1, 10, (SELECT count(*)::int FROM shop.orders WHERE tenant = '{foreign}'))

-- name: error-numeric-overflow
SELECT power(amount, 99999) FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-format-of-rows
SELECT format('%' || canary, 1) FROM shop.orders WHERE tenant = '{foreign}'

-- name: error-date-of-a-canary
SELECT canary::date, canary::timestamptz, canary::uuid FROM shop.customers WHERE tenant = '{foreign}'

-- name: error-xml-of-a-canary
SELECT xmlparse(DOCUMENT canary) FROM shop.customers WHERE tenant = '{foreign}'

-- name: error-count-as-a-cast
SELECT ('rows: ' || count(*))::int FROM shop.items WHERE tenant = '{foreign}'
