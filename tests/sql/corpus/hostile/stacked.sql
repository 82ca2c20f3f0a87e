-- More than one statement, and what one parser takes for one and another for two.
-- aim: value

-- name: stacked-plain
SELECT 1; SELECT canary FROM shop.orders

-- name: stacked-set-first
SET {setting} = '{foreign}'; SELECT canary FROM shop.orders

-- name: stacked-set-config-first
SELECT set_config('{setting}', '{foreign}', true); SELECT canary FROM shop.orders

-- name: stacked-commit-begin
COMMIT; BEGIN; SELECT canary FROM shop.orders

-- name: stacked-rollback-delete
SELECT 1; ROLLBACK; BEGIN READ WRITE; DELETE FROM shop.orders; COMMIT

-- name: stacked-after-line-comment
SELECT 1 -- one
; SELECT set_config('{setting}', '{foreign}', true)

-- name: stacked-after-block-comment
SELECT 1 /* ; */ ; /* ; */ DROP TABLE shop.orders /* ; */

-- name: stacked-after-dollar-quote
SELECT $a$;$a$ ; DELETE FROM shop.orders

-- name: stacked-dollar-tag-that-does-not-end
SELECT $a$ ; $b$ ; $a$; DELETE FROM shop.orders; SELECT $c$ $c$

-- name: stacked-in-a-backslash-literal
SELECT 'a\'; DELETE FROM shop.orders; --'

-- name: stacked-in-an-escape-literal
SELECT E'a\\'; DELETE FROM shop.orders; --'

-- name: stacked-after-nul
SELECT 1<U+0000>; DELETE FROM shop.orders

-- name: stacked-nul-in-a-literal
SELECT 'a<U+0000>b'; DELETE FROM shop.orders; --'

-- name: stacked-psql-separator
SELECT 1 \; SELECT canary FROM shop.orders

-- name: stacked-psql-meta-command
SELECT 1 \g /tmp/x

-- name: stacked-only-semicolons
;;;

-- name: stacked-empty-first
; SELECT canary FROM shop.orders

-- name: stacked-empty
 

-- name: stacked-only-a-comment
-- nothing at all

-- name: stacked-fullwidth-semicolon
SELECT 1<U+FF1B> SELECT canary FROM shop.orders

-- name: stacked-greek-question-mark
SELECT 1<U+037E> DELETE FROM shop.orders

-- name: stacked-carriage-return-ends-a-comment
SELECT 1 -- a<U+000D>; DELETE FROM shop.orders

-- name: stacked-line-separator-in-a-comment
SELECT 1 -- a<U+2028>; DELETE FROM shop.orders

-- name: stacked-next-line-in-a-comment
SELECT 1 -- a<U+0085>; DELETE FROM shop.orders

-- name: stacked-begin-atomic
CREATE FUNCTION pg_temp.f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT pg_temp.f()

-- name: stacked-unbalanced-comment
SELECT 1 /* /* */ ; DELETE FROM shop.orders; -- */

-- name: stacked-with-null-terminated-comment
SELECT 1 --<U+0000>
; SELECT canary FROM shop.orders
