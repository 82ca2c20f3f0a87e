"""Every hole of the weak server is found, by the class that is there for it; its mended twin has
none."""

import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from attack import weak_server
from attack.sales import HEADER, NORTH, SOUTH
from attack.weak_server import make_weak
from mcpdb.attack import (
    HttpIdentity,
    MemoryIdentity,
    Options,
    Report,
    StdioIdentity,
    attack,
)
from mcpdb.testing.escapes import assert_no_leaks
from transports.support import served

pytestmark = pytest.mark.timeout(180)

_TIMEOUT_S: Final = 2.0

# The tool with the hole, the class that has to find it, and the hole.
HOLES: Final = (
    ("execute_query", "settings", "policies believe a setting, which any SELECT sets"),
    ("execute_query", "text-sql", "functions run SQL that they are given as text"),
    ("execute_query", "stacked", "several statements are run"),
    ("execute_query", "parsers", "nothing reads the statement"),
    ("execute_query", "catalogs", "the catalogs can be read"),
    ("execute_query", "files", "the login may read the server's files"),
    ("execute_query", "side-effects", "the login may write"),
    ("execute_query", "oracles", "a plan tells whether another tenant has a value"),
    ("execute_query", "explain", "plans are answered"),
    ("execute_query", "resources", "a query may run for as long as it likes"),
    ("execute_query", "in-flight", "the same login sees, ends and blocks others' queries"),
    ("execute_query", "identity", "of two headers the first counts"),
    ("execute_query", "nobody", "a caller without an identity is the head office"),
    ("find_orders", "arguments", "SQL by concatenation"),
    ("store_sales", "honest", "a view with its owner's rights"),
    ("get_order", "foreign-ids", "a function with its owner's rights believes the key"),
    ("check_email", "errors", "PostgreSQL's DETAIL goes to the caller"),
    ("my_orders", "concurrent", "the tenant is set on one connection and read on another"),
    ("best_customer", "cancelled", "a cancelled call leaves its tenant behind"),
    ("list_orders", "nobody", "a caller without an identity is the head office"),
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def report(weak_dsn: str) -> AsyncGenerator[Report]:
    """What an attack over HTTP finds."""
    async with served(make_weak(weak_dsn).streamable_http_app()) as address:
        yield await attack(
            a=HttpIdentity(f"{address}/mcp", [(HEADER, NORTH)]),
            b=HttpIdentity(f"{address}/mcp", [(HEADER, SOUTH)]),
            options=Options(timeout_s=_TIMEOUT_S),
        )


@pytest.mark.parametrize(("tool", "family", "hole"), HOLES)
async def test_each_hole_is_found_by_its_class(
    report: Report, tool: str, family: str, hole: str
) -> None:
    found = {(each.tool, each.family) for each in report.failures}
    assert (tool, family) in found, hole


async def test_a_setting_that_outlives_its_call_is_found(report: Report) -> None:
    afterwards = {
        each.escape for each in report.failures if each.evidence.startswith("afterwards A counts")
    }
    assert "set_config, not local, every setting" in afterwards or "SET" in afterwards


async def test_most_forms_of_a_forgery_get_out(report: Report) -> None:
    settings = [e for e in report.failures if (e.family, e.level) == ("settings", "leak")]
    assert len(settings) >= 50


async def test_where_no_hole_was_planted_none_is_found(report: Report) -> None:
    found = {(each.tool, each.family) for each in report.failures}
    assert ("list_orders", "honest") not in found
    assert ("list_orders", "concurrent") not in found
    assert ("find_orders", "honest") not in found
    assert ("get_order", "honest") not in found
    assert ("execute_query", "honest") not in found
    assert not report.is_ok


async def test_a_report_holds_no_identity_and_no_value_of_the_others(report: Report) -> None:
    text = json.dumps(report.as_json())
    for secret in (NORTH, SOUTH, "@south.example", "south 0", "south c"):
        assert secret not in text


async def test_the_mended_twin_has_no_hole(mended_url: str) -> None:
    report = await attack(
        a=HttpIdentity(mended_url, [(HEADER, NORTH)]),
        b=HttpIdentity(mended_url, [(HEADER, SOUTH)]),
        options=Options(timeout_s=_TIMEOUT_S),
    )
    assert_no_leaks(report)
    assert {each.family for each in report.findings} <= {"identity"}  # notes on the header alone
    assert report.canaries > 20


async def test_holes_are_found_over_stdio(weak_dsn: str) -> None:
    a, b = (
        StdioIdentity(
            [sys.executable, str(Path(weak_server.__file__)), weak_dsn], {"WEAK_MANAGER": manager}
        )
        for manager in (NORTH, SOUTH)
    )
    families = ("honest", "text-sql", "explain", "foreign-ids", "arguments")
    options = Options(timeout_s=_TIMEOUT_S, families=families)
    report = await attack(a=a, b=b, options=options)
    found = {(each.tool, each.family) for each in report.failures}
    assert {
        ("execute_query", "text-sql"),
        ("execute_query", "explain"),
        ("find_orders", "arguments"),
        ("get_order", "foreign-ids"),
        ("store_sales", "honest"),
    } <= found
    text = json.dumps(report.as_json())
    assert NORTH not in text
    assert weak_dsn not in text


async def test_holes_are_found_in_memory(weak_dsn: str) -> None:
    a, b = (MemoryIdentity(make_weak(weak_dsn, each), [each]) for each in (NORTH, SOUTH))
    families = ("honest", "files", "foreign-ids")
    report = await attack(a=a, b=b, options=Options(timeout_s=_TIMEOUT_S, families=families))
    found = {(each.tool, each.family) for each in report.failures}
    assert found == {
        ("execute_query", "files"),
        ("get_order", "foreign-ids"),
        ("store_sales", "honest"),
    }
    with pytest.raises(AssertionError, match="findings at in memory: weak"):
        assert_no_leaks(report)


async def test_a_server_that_dies_of_an_argument_is_found_and_the_attack_goes_on() -> None:
    a, b = (
        StdioIdentity(
            [sys.executable, str(Path(weak_server.__file__).with_name("dying_server.py"))],
            {"WHO": who},
        )
        for who in ("someone-north", "someone-south")
    )
    families = ("arguments", "concurrent")
    report = await attack(a=a, b=b, options=Options(families=families, calls=3))
    found = {(each.tool, each.family, each.level) for each in report.failures}
    assert found == {("look_up", "arguments", "resource")}
    assert {row.family for row in report.rows} == {"arguments", "concurrent"}
