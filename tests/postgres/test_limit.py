"""The row limit against the real server: the first rows, in order, and `truncated` exact."""

from collections.abc import Generator
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer, func, literal, select

from mcpdb import Database, FixedTenancy, PlainSetting, Report, Rows, Server, Tenant
from postgres.typed import Typed, connected

_few = settings.get_profile("postgres")
_MOST = 5

Kind = Literal["none", "limit", "expression", "fetch", "ties"]


def _numbers(count: int) -> Rows:
    number = func.generate_series(1, count, type_=Integer).column_valued("n")
    return select(number).order_by(number.desc())


def numbers(count: int, own: int = 3, offset: int = 0, kind: Kind = "none") -> Rows:
    """The numbers from `count` down to 1."""
    rows = _numbers(count).offset(offset)
    if kind == "limit":
        return rows.limit(own)
    if kind == "expression":
        return rows.limit(func.least(own, literal(1_000)))
    if kind == "fetch":
        return rows.fetch(own)
    if kind == "ties":
        return rows.fetch(own, with_ties=True)
    return rows


def two(count: int, other: int = 1) -> Report:
    """Two series."""
    return Report({"one": _numbers(count), "other": _numbers(other)})


@pytest.fixture(scope="module")
def counting(typed_dsn: str) -> Generator[Typed]:
    """Clients of a server whose results have at most five rows."""
    database = Database(
        typed_dsn,
        tenancy=FixedTenancy(Tenant.of("nobody")),
        isolation=PlainSetting(setting="app.tenant"),
    )
    server = Server("counting", database)
    for function in (numbers, two):
        server.tool(max_rows=_MOST)(function)
    with connected(server) as made:
        yield made


@settings(_few, max_examples=60)
@given(
    count=st.integers(0, 12),
    own=st.integers(0, 12),
    offset=st.integers(0, 3),
    kind=st.sampled_from(["none", "limit", "expression", "fetch", "ties"]),
)
def test_the_first_rows_are_shown_and_truncated_is_exact(
    counting: Typed, count: int, own: int, offset: int, kind: Kind
) -> None:
    wanted = [[n] for n in range(count, 0, -1)][offset:]
    if kind != "none":
        wanted = wanted[:own]
    answer = counting.call("numbers", count=count, own=own, offset=offset, kind=kind)
    structured: Any = answer.structured_content
    assert structured["rows"] == wanted[:_MOST]
    assert structured["row_count"] == min(len(wanted), _MOST)
    assert structured["truncated"] is (len(wanted) > _MOST)
    assert bool(structured["notice"]) is structured["truncated"]


@_few
@given(count=st.integers(0, 8), other=st.integers(0, 8))
def test_each_table_of_a_report_is_limited_alone(counting: Typed, count: int, other: int) -> None:
    structured: Any = counting.call("two", count=count, other=other).structured_content
    for name, total in (("one", count), ("other", other)):
        table = structured["tables"][name]
        assert table["row_count"] == min(total, _MOST)
        assert table["truncated"] is (total > _MOST)


def test_a_limit_below_zero_is_postgresqls_own_error(counting: Typed) -> None:
    answer = counting.call("numbers", count=3, own=-1, kind="limit")
    assert answer.is_error
    assert "2201W" in str(answer.content)
