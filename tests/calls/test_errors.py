"""What a client is told when something fails: what it can act on, and no value of any row."""

import logging
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from mcp import Client
from sqlalchemy import Integer, Text, TypeDecorator, cast, func, literal, select
from sqlalchemy.engine import Dialect
from typing_extensions import override

from calls.support import ERAS, Admin, Dsn, Era, all_back, call, outcome, said
from mcpdb import (
    DatabaseUnavailable,
    FixedTenancy,
    McpdbError,
    NotAllowed,
    PoolConfig,
    QueryFailed,
    QueryTimeout,
    Report,
    Request,
    Rows,
    Server,
    Tables,
    Tenant,
    Unavailable,
)
from shop import Share, sales, shop_server

SECRET = "s3cret-of-the-south"
NORTH = FixedTenancy(Tenant.of("north"))
RAISE = """
CREATE FUNCTION fail(state text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'about s3cret-of-the-south',
    DETAIL = 'Key (email)=(s3cret-of-the-south) already exists.', HINT = 's3cret-of-the-south';
END $$
"""

STATES: Sequence[tuple[str, type[McpdbError], str]] = (
    ("08006", DatabaseUnavailable, "not available now"),
    ("0A000", QueryFailed, "could not run"),
    ("21000", QueryFailed, "could not run"),
    ("22012", QueryFailed, "check ranges, divisors and formats"),
    ("22P02", QueryFailed, "check ranges, divisors and formats"),
    ("23505", QueryFailed, "could not run"),
    ("25006", NotAllowed, "read-only"),
    ("25P03", DatabaseUnavailable, "not available now"),
    ("25P04", DatabaseUnavailable, "not available now"),
    ("40001", Unavailable, "in the way of another transaction"),
    ("40P01", Unavailable, "in the way of another transaction"),
    ("42501", NotAllowed, "does not allow"),
    ("42P01", QueryFailed, "could not run"),
    ("53100", QueryFailed, "Ask for less, or try again later"),
    ("53200", QueryFailed, "Ask for less, or try again later"),
    ("53300", DatabaseUnavailable, "not available now"),
    ("54001", QueryFailed, "too large or too deep"),
    ("55P03", Unavailable, "in the way of another transaction"),
    ("57014", QueryTimeout, "time was up"),
    ("57P01", DatabaseUnavailable, "not available now"),
    ("57P02", DatabaseUnavailable, "not available now"),
    ("57P03", DatabaseUnavailable, "not available now"),
    ("57P04", DatabaseUnavailable, "not available now"),
    ("57P05", DatabaseUnavailable, "not available now"),
    ("P0001", QueryFailed, "could not run"),
    ("TN001", QueryFailed, "could not run"),
    ("XX000", QueryFailed, "could not run"),
)


@pytest.fixture
async def server(shop: Dsn, admin: Admin) -> Server:
    """The shop with one connection, and a tool that fails in PostgreSQL with a SQLSTATE."""
    await admin.execute(RAISE)
    server = shop_server(shop(), tenancy=NORTH, pool=PoolConfig(size=1))

    @server.tool()
    def fails(state: str = "P0001") -> Rows:
        """Fails."""
        return select(func.fail(state, type_=Integer).label("never"))

    return server


async def test_a_sqlstate_decides_what_is_said(server: Server) -> None:
    """The class of the error, whether another try makes sense, and nothing that PostgreSQL said."""
    async with Client(server.mcp(), cache=None) as client:
        for state, kind, words in STATES:
            error = await outcome(call(server, "fails", state=state))
            assert isinstance(error, McpdbError)
            assert type(error) is kind, state
            assert error.retryable == issubclass(kind, Unavailable)
            assert words in str(error)
            assert state in str(error) or kind is QueryTimeout
            assert SECRET not in str(error)
            assert SECRET in error.detail
            assert isinstance(error.__cause__, asyncpg.PostgresError)
            result = await client.call_tool("fails", {"state": state})
            assert result.is_error
            assert str(error) in said(result)
            assert f"[{kind.code}" in said(result)
            assert ("may succeed" in said(result)) == error.retryable
            assert SECRET not in result.model_dump_json()
            assert not (await client.call_tool("shares")).is_error


class Strict(TypeDecorator[str]):
    """A type whose author's code fails on a row."""

    impl = Text
    cache_ok = True

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> str:
        msg = f"no template for {SECRET}"
        raise FileNotFoundError(msg)


def leaks_in_then(_: Tables) -> Share:
    """A rule with a mistake in it."""
    msg = f"cannot divide by {SECRET}"
    raise ValueError(msg)


class Broken(FixedTenancy):
    """A directory with a mistake in it."""

    @override
    async def resolve(self, request: Request) -> Tenant:
        raise KeyError(SECRET)


def with_mistakes(server: Server) -> Server:
    """Add tools whose authors made mistakes that only show in a call."""

    @server.tool()
    def in_then() -> Report:
        """Fails after its rows were read."""
        return Report({"one": select(sales.c.id).limit(1)}, then=leaks_in_then)

    @server.tool()
    def in_build(key: str = "") -> Rows:
        """Fails when it is called with what the probe did not try."""
        return select(sales.c[{"": "id"}[key]].label("value"))

    @server.tool()
    def in_type() -> Rows:
        """Fails in a type's own code."""
        return select(sales.c.item.cast(Strict).label("item")).limit(1)

    return server


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments", "kind"),
    [
        ("in_then", {}, "ValueError"),
        ("in_build", {"key": SECRET}, "KeyError"),
        ("in_type", {}, "FileNotFoundError"),
    ],
)
async def test_a_bug_is_an_incident_outside_and_a_traceback_in_the_log(
    shop: Dsn,
    caplog: pytest.LogCaptureFixture,
    era: Era,
    *,
    tool: str,
    arguments: dict[str, Any],
    kind: str,
) -> None:
    """The same number in both; no word of the exception, nor its type, leaves the server."""
    server = with_mistakes(shop_server(shop(), tenancy=NORTH, pool=PoolConfig(size=1)))
    async with Client(server.mcp(), mode=era, cache=None) as client:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        found = re.search(r"\(incident ([0-9a-f]{8})\)", said(result))
        assert found, said(result)
        outside = result.model_dump_json()
        assert SECRET not in outside
        assert kind not in outside
        assert "Traceback" not in outside
        (record,) = (one for one in caplog.records if found[1] in one.getMessage())
        assert record.levelno == logging.ERROR
        assert record.exc_info
        assert record.exc_info[0].__name__ == kind  # type: ignore[union-attr]
        await all_back(server)
        assert not (await client.call_tool("shares")).is_error


async def test_a_bug_of_a_provider_is_an_incident_too(
    shop: Dsn, caplog: pytest.LogCaptureFixture
) -> None:
    """And it shows no rows: an error is never taken for a tenant."""
    server = shop_server(shop(), tenancy=Broken(Tenant.of("north")))
    async with Client(server.mcp(), cache=None) as client:
        result = await client.call_tool("shares")
        assert result.is_error
        assert "incident" in said(result)
        assert SECRET not in result.model_dump_json()
    assert SECRET in caplog.text


@asynccontextmanager
async def telling(shop: Dsn) -> AsyncGenerator[tuple[Server, Client]]:
    """A server with tools whose driver errors hold values, and its client."""
    server = shop_server(shop(), tenancy=NORTH, pool=PoolConfig(size=1))

    @server.tool()
    def parsed(item: str = "") -> Rows:
        """PostgreSQL says which text is no number."""
        return select(cast(literal(item), Integer).label("number"))

    @server.tool()
    def encoded(item: str = "") -> Rows:
        """The driver says which value is no number, before PostgreSQL sees it."""
        return select(sales.c.id).where(sales.c.id == literal(item, Integer))

    @server.tool()
    def of_rows() -> Rows:
        """PostgreSQL says which row's text is no number."""
        return select(cast(sales.c.item, Integer).label("number"))

    async with Client(server.mcp(), cache=None) as client:
        yield server, client


@pytest.mark.parametrize(
    ("tool", "arguments", "value"),
    [
        ("parsed", {"item": SECRET}, SECRET),
        ("encoded", {"item": SECRET}, SECRET),
        ("of_rows", {}, "north-"),
    ],
)
async def test_a_driver_s_message_does_not_reach_the_client(
    shop: Dsn,
    caplog: pytest.LogCaptureFixture,
    tool: str,
    arguments: dict[str, Any],
    value: str,
) -> None:
    """It repeats values of rows and arguments: they are for the operator's log alone."""
    with caplog.at_level(logging.INFO, logger="mcpdb"):
        async with telling(shop) as (server, client):
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert "query_failed" in said(result)
            assert value not in result.model_dump_json()
            error = await outcome(call(server, tool, **arguments))
            assert isinstance(error, QueryFailed)
            assert value not in str(error)
            assert not (await client.call_tool("shares")).is_error
    assert value in caplog.text


async def test_a_query_that_the_driver_cannot_send_is_not_called_an_outage(shop: Dsn) -> None:
    """More arguments than the protocol can count: another try would not help."""
    server = shop_server(shop(), tenancy=NORTH)

    @server.tool()
    def many(count: int = 1) -> Rows:
        """Asks for many ids, each as an argument of its own."""
        return select(sales.c.id).where(sales.c.id.in_(range(count)))

    async with server.database:
        error = await outcome(call(server, "many", count=33_000))
        assert type(error) is QueryFailed
        assert not error.retryable
        await all_back(server)


async def test_a_changed_table_costs_one_call_that_may_be_repeated(shop: Dsn, admin: Admin) -> None:
    """A migration under a running server: a prepared statement no longer fits, and is made anew."""
    server = shop_server(shop(), tenancy=NORTH, pool=PoolConfig(size=1))
    async with server.database:
        await call(server, "all_sales")
        await admin.execute("ALTER TABLE sales ALTER COLUMN id TYPE bigint")
        error = await outcome(call(server, "all_sales"))
        assert type(error) is Unavailable
        assert error.retryable
        assert "tables have just been changed" in str(error)
        await call(server, "all_sales")
