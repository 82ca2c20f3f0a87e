-- Words that frighten a reader of texts, and are harmless: keywords, comments, quotes, letters.

-- name: word-drop-in-a-comment
SELECT count(*) FROM orders -- ; DROP TABLE orders

-- name: word-comment-before-and-after
/* how many? */ SELECT count(*) /* all */ FROM shop.orders -- of ours
/* the end */

-- name: word-nested-comment
SELECT /* a /* nested; DELETE FROM orders */ comment */ count(*) FROM shop.orders

-- name: word-trailing-semicolon
SELECT count(*) FROM shop.orders;

-- name: word-trailing-semicolon-and-comment
SELECT count(*) FROM shop.orders ; -- done

-- name: word-delete-in-a-literal
SELECT 'DELETE FROM orders; DROP TABLE items' AS advice, count(*) FROM shop.orders

-- name: word-set-config-in-a-literal
SELECT 'set_config(''mcpdb.ctx'', ''x'', true)' AS call, id FROM shop.stores ORDER BY id

-- name: word-comment-in-a-literal
SELECT '-- no comment', '/* nor this */' FROM shop.stores LIMIT 1

-- name: word-semicolon-in-a-literal
SELECT string_agg(name, '; ' ORDER BY id) FROM shop.stores

-- name: word-backslash-in-a-literal
SELECT 'C:\temp\', E'a\tb\\', '\d+' FROM shop.stores LIMIT 1

-- name: word-quote-in-a-literal
SELECT 'it''s', E'it\'s', $$it's$$, $x$ $$ ' $x$

-- name: word-dollar-quote
SELECT $body$ SELECT * FROM secrets; $body$ AS text, count(*) FROM shop.stores

-- name: word-unicode-literal
SELECT U&'d\0061t\+000061', U&'\00e9', U&'d!0061t' UESCAPE '!'

-- name: word-unicode-letters
SELECT 'Ærø, 東京, 😀' AS "größe", length('😀') FROM shop.stores LIMIT 1

-- name: word-unicode-alias
SELECT id AS "Größe", name AS größe FROM shop.stores ORDER BY id

-- name: word-unicode-space-in-a-literal
SELECT 'a<U+00A0>b', 'c<U+2028>d', length('<U+FEFF>')

-- name: word-keyword-as-an-alias
SELECT id AS "select", name AS "from", city AS "where" FROM shop.stores ORDER BY "select"

-- name: word-keyword-as-a-bare-alias
SELECT id delete, name update, city insert FROM shop.stores ORDER BY id

-- name: word-keyword-as-a-table-alias
SELECT "table"."id" FROM shop.orders AS "table" ORDER BY 1 LIMIT 2

-- name: word-keyword-as-a-column
SELECT "group", count(*) FROM shop.customers GROUP BY "group" ORDER BY 1

-- name: word-function-named-column
SELECT count, max FROM (SELECT count(*), max(id) FROM shop.products) q

-- name: word-keyword-as-a-cte
WITH "delete" AS (SELECT id FROM shop.products), "update" AS (SELECT id FROM "delete") SELECT count(*) FROM "update"

-- name: word-for-update-in-a-literal
SELECT id, 'FOR UPDATE' AS lock FROM shop.stores ORDER BY id

-- name: word-into-as-a-text
SELECT 'SELECT * INTO x FROM y' ~ 'INTO' AS has_into, 'copy' AS copy, 'grant' AS execute

-- name: word-capitals
sElEcT CoUnT(*) fRoM SHOP.Orders WHERE Status <> 'NEW'

-- name: word-quoted-lower-case
SELECT "o"."id" FROM "shop"."orders" "o" WHERE "o"."status" = 'new' ORDER BY "o"."id"

-- name: word-many-lines
SELECT
    o.status,          -- what it is

    count(*) AS n      -- how many; of all
FROM shop.orders AS o
WHERE o.amount > 0
  /* not the returned ones */
  AND o.status <> 'returned'
GROUP BY
    o.status
ORDER BY n DESC,
    o.status

-- name: word-carriage-returns
SELECT id,<U+000D>
 name<U+000D>
FROM shop.stores ORDER BY id

-- name: word-tabs
SELECT<U+0009>id<U+0009>FROM<U+0009>shop.stores<U+0009>ORDER BY 1

-- name: word-continued-literal
SELECT 'a '
  'b' AS words FROM shop.stores LIMIT 1

-- name: word-bit-and-hex
SELECT B'101'::text, X'FF'::int, 1.5e2

-- name: word-underscored-numbers
-- since: 16
SELECT 1_000 + 0x10 + 0b11

-- name: word-operators-close-together
SELECT 1-1, 2*-3, 4- -4, 5>=5, 'a'||'b', 1::text||'x', -id FROM shop.stores ORDER BY id

-- name: word-operator-syntax
SELECT 1 OPERATOR(pg_catalog.+) 2, pg_catalog.length('abc'), 'abc' COLLATE "C" < 'abd'

-- name: word-like-percent
SELECT count(*) FROM shop.customers WHERE email LIKE '%' || '1' || '%' AND name NOT LIKE '%\%%'

-- name: word-question-marks-and-dollars
SELECT 'what?', '$1', ':name', '%s', '{id}' FROM shop.stores LIMIT 1

-- name: word-email-text
SELECT name FROM shop.customers WHERE email = 'pat5@101.example' OR email = 'pat5@102.example'

-- name: word-other-tenant-named
SELECT count(*) FROM shop.orders WHERE tenant = '101' OR tenant = '102'

-- name: word-current-user-in-a-literal
SELECT 'current_user', 'pg_catalog.pg_class', 'mcpdb.keys' FROM shop.stores LIMIT 1

-- name: word-aliases-of-catalogs
SELECT pg_class.id FROM shop.stores AS pg_class ORDER BY 1
