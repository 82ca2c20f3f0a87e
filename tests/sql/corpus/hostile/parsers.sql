-- Text that readers of SQL take for different things.
-- aim: parser

-- name: parser-backslash-in-a-literal
SELECT '\', canary FROM shop.orders WHERE tenant = '{foreign}' --'

-- name: parser-escape-literal-ends
SELECT E'\'', canary FROM shop.orders WHERE tenant = '{foreign}' --'

-- name: parser-doubled-quote
SELECT '''', "tenant" FROM shop.orders WHERE tenant = '{foreign}''' OR tenant = '{foreign}'

-- name: parser-identifier-with-quotes
SELECT 1 AS "a"", (SELECT canary FROM shop.orders) AS ""b" FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-dollar-in-an-identifier
SELECT 1 AS a$b$, canary FROM shop.orders WHERE tenant = '{foreign}' AND 'x' <> '$b$'

-- name: parser-dollar-tag-with-letters
SELECT $é$ a ' $é$, canary FROM shop.orders WHERE tenant = $t${foreign}$t$

-- name: parser-dollar-quote-within-a-comment
SELECT 1 /* $$ */ , canary FROM shop.orders WHERE tenant = '{foreign}' /* $$ */

-- name: parser-comment-within-a-literal
SELECT '/*', canary FROM shop.orders WHERE tenant = '{foreign}' AND '*/' <> ''

-- name: parser-nested-comment
SELECT 1 /* /* */ , secret FROM shop.stores -- */ FROM shop.orders

-- name: parser-mysql-comment
SELECT 1 /*! , secret FROM shop.stores */ FROM shop.orders WHERE false

-- name: parser-hash-is-no-comment
SELECT 5 # 3 -- , secret FROM shop.stores

-- name: parser-minus-minus
SELECT 1 - -1, 2--1
 , canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-operator-with-a-comment
SELECT 1 +/* x */- 2 AS n, 3 */**/ 4 AS m FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-operator-at-minus
SELECT @-5, !!'a'::tsquery, |/ 25.0, 5 ! = 3

-- name: parser-literal-in-two-lines
SELECT 'a'
  'b', canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-bit-and-hex-literals
SELECT B'101', X'1F', canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-number-with-underscores
-- since: 16
SELECT 1_000, 0x1F, 0b11, 0o17, canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-number-then-letters
SELECT 1a, 2x FROM shop.orders

-- name: parser-unicode-escape-of-a-quote
SELECT U&'\0027 OR tenant <> ''', canary FROM shop.orders WHERE tenant = U&'\+000031' || substr('{foreign}', 2)

-- name: parser-unicode-escape-character
SELECT U&'d!0061t!+000061' UESCAPE '!', canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-unicode-escape-in-a-comment
SELECT U&"c\0061nary" /* UESCAPE '!' */ FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-surrogate-pair
SELECT U&'\D83D\DE00', canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-lone-surrogate
SELECT U&'\D83D' FROM shop.orders

-- name: parser-escape-makes-nul
SELECT E'a\000b', E'a\x00b' FROM shop.orders

-- name: parser-fullwidth-quotes
SELECT <U+FF07>a<U+FF07> FROM shop.orders

-- name: parser-fullwidth-comment
SELECT canary FROM shop.orders <U+FF0D><U+FF0D> WHERE false

-- name: parser-zero-width-space
SELECT<U+200B>canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-ideographic-space
SELECT<U+3000>canary<U+3000>FROM shop.orders

-- name: parser-next-line-as-a-space
SELECT<U+0085>canary FROM shop.orders

-- name: parser-right-to-left-override
SELECT canary /* <U+202E> } <U+2066>if tenant<U+2069> */ FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-kelvin-sign
SELECT canary FROM shop.orders WHERE tenant LI<U+212A>E '{foreign}'

-- name: parser-dotless-i
SELECT canary FROM shop.<U+0131>tems

-- name: parser-control-characters
SELECT<U+0001>canary FROM shop.orders

-- name: parser-backspace
SELECT canary<U+0008> FROM shop.orders

-- name: parser-parameter
SELECT canary FROM shop.orders WHERE tenant = $1

-- name: parser-parameter-zero
SELECT $0

-- name: parser-psql-variable
SELECT canary FROM shop.orders WHERE tenant = :'{foreign}'

-- name: parser-percent-placeholder
SELECT canary FROM shop.orders WHERE tenant = %s AND canary LIKE '%c%'

-- name: parser-question-mark
SELECT note ? 'who', canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-type-modifier
SELECT numeric(5, 2) '1.234', interval(0) '1.5 s', char(2) 'abc', canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-cast-function-names
SELECT CAST('1' AS pg_catalog.int4), pg_catalog.int4('1'), int4 '1', canary FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-keyword-as-a-function
SELECT coalesce(canary), "coalesce"(canary) FROM shop.orders

-- name: parser-select-without-a-list
SELECT FROM shop.orders WHERE tenant = '{foreign}'

-- name: parser-table-star-and-parentheses
((((TABLE shop.orders ORDER BY id LIMIT 3))))

-- name: parser-union-of-table-and-values
(TABLE shop.tenants) UNION ALL VALUES ('x')

-- name: parser-very-long-identifier
SELECT <x200:a> FROM shop.orders

-- name: parser-very-long-literal
SELECT length('<x30000:a>')

-- name: parser-many-semicolons
SELECT 1 <x50:;>
