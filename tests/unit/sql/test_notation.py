"""Functions that are written as columns, against PostgreSQL: what it would call is refused."""

from collections.abc import AsyncGenerator, Iterator
from itertools import product

import asyncpg
import pytest_asyncio

from mcpdb import SqlRefused
from mcpdb.query.catalog import Catalog, Relation
from mcpdb.sql import Guard

_TAKES = ("text", "integer", "double precision", "numeric", "retail.orders")
_SETUP = """
CREATE SCHEMA retail;
CREATE TABLE retail.orders (order_id int, name text);
INSERT INTO retail.orders VALUES (1, 'a');
"""
_DANGER = """
CREATE FUNCTION public.danger({}) RETURNS int LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the function was called' USING ERRCODE = 'DANGE'; END $$
"""
_CALLED = "DANGE"

# Everything in FROM that can be called {a}, and some of it has a column or an alias danger.
_SOURCES = (
    "abs(3) {a}",
    "abs(3) {a}(danger)",
    "abs(3) {a}(x)",
    "unnest(ARRAY['a']) {a}",
    "unnest(ARRAY['a']) WITH ORDINALITY {a}(x)",
    "jsonb_array_elements_text('[\"a\"]') {a}",
    "jsonb_array_elements_text('[\"a\"]') {a}(danger)",
    "jsonb_each('{{\"a\": 1}}') {a}",
    "jsonb_to_record('{{}}') {a}(danger int)",
    "ROWS FROM (abs(3)) {a}",
    "ROWS FROM (abs(3), abs(4)) {a}",
    "ROWS FROM (abs(3), abs(4)) {a}(danger)",
    "ROWS FROM (jsonb_to_record('{{}}') AS (danger int)) {a}",
    "CAST('a' AS text) {a}",
    "CAST(3 AS float8) {a}(danger)",
    "coalesce(3, 4) {a}",
    "orders {a}",
    "orders {a}(danger)",
    "(SELECT 3) {a}",
    "(SELECT 3 AS danger) {a}",
    "(SELECT {a} FROM abs(3) {a}) {a}",
    "(SELECT {a} FROM orders {a}) {a}",
    "(SELECT danger FROM abs(3) danger) {a}",
    "(VALUES (3)) {a}",
    "(orders CROSS JOIN abs(3) danger) {a}",
    "(orders JOIN orders o USING (order_id) AS {a})",
    "JSON_TABLE('[1]', '$[*]' COLUMNS (danger int PATH '$')) {a}",
    "JSON_TABLE('[1]', '$[*]' COLUMNS (x int PATH '$')) {a}",
    "LATERAL (SELECT 1 AS danger) {a}",
    "w {a}",
    "w2 {a}",
)
_BARE = ("abs(3)", "unnest(ARRAY['a'])", "orders", "retail.orders", "w", "ROWS FROM (abs(3))")
_READ = (
    "{a}.danger",
    "({a}).danger",
    "({a}.danger)",
    "({a}.{a}).danger",
    "({a}.*).danger",
    "(SELECT {a}.danger)",
    "(SELECT ({a}).danger)",
    "(ARRAY[{a}])[1].danger",
    "(ROW({a})).f1.danger",
    "{a}.name",
    "retail.{a}.danger",
    "(SELECT s.danger FROM (SELECT {a}.*) s)",
    "(SELECT s.danger FROM (SELECT {a}) s)",
    "(SELECT s.{a}.danger FROM (SELECT {a}) s)",
)
_WITH = "WITH w AS (SELECT 3 AS danger), w2 AS (SELECT {a} FROM abs(3) {a}) SELECT {read} FROM "
# Elsewhere in the query the same names are given to something else.
_ELSEWHERE = (
    "",
    ", (SELECT 1 AS danger) s1",
    ", (SELECT 1 FROM abs(1) {a}(danger)) s1",
    ", (SELECT 1 FROM (SELECT 1 AS danger) {a}) s1",
    ", (SELECT 1 FROM orders {a}) s1",
    ", (SELECT 1 FROM abs(1) {a}) s1",
)


# The query within another one, where the alias is something else.
_AROUND = (
    "SELECT ({q}) FROM abs(3) {a}",
    "SELECT ({q}) FROM (SELECT 1 AS danger) {a}",
    "SELECT 1 FROM abs(3) {a}, LATERAL ({q}) l",
    "SELECT 1 FROM abs(3) {a} JOIN orders o9 ON ({q}) IS NULL",
    "SELECT (SELECT 1 FROM abs(3) {a}, ({q}) l) FROM (SELECT 1 AS danger) {a}",
    "SELECT (SELECT 1 FROM (SELECT 1 AS danger) {a}, ({q}) l) FROM abs(3) {a}",
    "SELECT (WITH o AS ({q}) SELECT 1 FROM o, (SELECT 1 AS danger) {a}) FROM abs(3) {a}",
)
_INNER = (
    "SELECT {a}.danger",
    "SELECT {a}.danger FROM (abs(3) {a} CROSS JOIN orders o8) AS j8",
    "SELECT {a}.danger FROM ((SELECT 1 AS danger) {a} CROSS JOIN orders o8) AS j8",
    "SELECT {a}.danger FROM (SELECT 1 AS danger) {a}",
    "SELECT 1 FROM (SELECT 1 AS danger) {a}, LATERAL (SELECT {a}.danger) l8",
    "SELECT 1 FROM (SELECT 1 AS danger) {a}, (SELECT {a}.danger) l8",
    "SELECT 1 FROM (SELECT 1 AS danger) {a}, abs({a}.danger)",
    "SELECT 1 FROM (SELECT 1 AS danger) {a}, (orders o8 JOIN orders o7 ON {a}.danger IS NULL)",
    "SELECT 1 FROM orders o8, (SELECT {a}.danger UNION SELECT 1) l8",
    "WITH c AS (SELECT {a}.danger) SELECT 1 FROM c, (SELECT 1 AS danger) {a}",
    "SELECT 1 UNION SELECT 2 ORDER BY (SELECT {a}.danger)",
    "SELECT s.danger FROM (SELECT {a}.*) s",
    "SELECT s.danger FROM (SELECT {a}.* FROM (SELECT 1 AS danger) {a}) s",
    "SELECT s.danger FROM (SELECT * FROM (SELECT {a}) x8) s",
)


def _queries() -> Iterator[str]:
    for name, around, inner in product(("g", "danger"), ("{q}", *_AROUND), _INNER):
        yield around.format(q=inner.format(a=name), a=name)
    for name, first, second, inner in product(("g", "danger"), _AROUND, _AROUND, _INNER):
        yield first.format(q=second.format(q=inner.format(a=name), a=name), a=name)
    for name, read, elsewhere in product(("g", "danger"), _READ, _ELSEWHERE):
        for source in _SOURCES:
            yield (_WITH + source + elsewhere).format(a=name, read=read.format(a=name))
        for source in _BARE if name == "g" else ():
            own = source.split("(")[-2].split()[-1] if "(" in source else source.split(".")[-1]
            yield (_WITH + source + elsewhere).format(a=own, read=read.format(a=own))


@pytest_asyncio.fixture
async def connection(admin: asyncpg.Connection) -> AsyncGenerator[asyncpg.Connection]:
    await admin.execute(_SETUP)
    for taken in _TAKES:
        await admin.execute(_DANGER.format(taken))
    await admin.execute("SET search_path = retail, public, pg_catalog")
    yield admin


def _passes(guard: Guard, sql: str) -> bool:
    try:
        guard.inspect(sql)
    except SqlRefused as error:
        refused = error
    else:
        return True
    assert refused.__cause__ is None, sql
    return False


async def _calls(connection: asyncpg.Connection, sql: str) -> bool:
    try:
        await connection.fetch(sql)
    except asyncpg.PostgresError as error:
        return bool(error.sqlstate == _CALLED)
    return False


async def test_what_postgresql_would_call_is_refused(connection: asyncpg.Connection) -> None:
    guard = Guard(Catalog([Relation("retail", "orders", ("order_id", "name"))]))
    called = accepted = 0
    for sql in _queries():
        passed = _passes(guard, sql)
        accepted += passed
        if await _calls(connection, sql):
            called += 1
            assert not passed, sql
    # Or else nothing was tested.
    assert called > 300
    assert accepted > 300
