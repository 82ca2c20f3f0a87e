"""Results: both halves say the same, whole rows fit, and what was left out is said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.client.streamable_http import DEFAULT_MAX_SSE_EVENT_SIZE
from mcp.server._streamable_http_modern import (
    _sse_event,  # pyright: ignore[reportPrivateUsage]
)
from mcp_types import CallToolResult, JSONRPCResponse, TextContent

from mcpdb import ResultError
from mcpdb.cells import encode
from mcpdb.result import (
    Column,
    Fetched,
    Result,
    Table,
    frame_fits,
    make_table,
    model_result,
    shorten_notice,
    table_result,
    tables_result,
)

_COLUMNS = (Column("id", "integer"), Column("name", "text"))

_TEXTS = st.one_of(
    st.text(max_size=40),
    st.text('"\\\n\x01\u2028', max_size=40),
    st.text("é中\U0001f600", max_size=40),
    st.integers(0, 40_000).map(lambda n: "x" * n),
    st.integers(0, 20_000).map(lambda n: '"\\' * n),
    st.integers(0, 40_000).map(lambda n: "é中\U0001f600"[n % 3] * n),
)
_ROWS = st.lists(st.tuples(st.integers(), _TEXTS), max_size=8).map(lambda rows: rows * 3)
_LIMITS = st.integers(1_000, 900_000)


def _table(rows: Any, *, max_rows: int = 1_000, notice: str | None = None) -> Table:
    return make_table(_COLUMNS, rows, max_rows=max_rows, notice=notice)


def _wire(result: Result) -> int:
    """What the pair takes where everything outside ASCII is escaped, as the SDK does over HTTP."""
    return len(json.dumps(result.structured, separators=(",", ":"))) + len(json.dumps(result.text))


def _check(result: Result, max_bytes: int) -> None:
    assert result.text == encode(result.structured)
    assert json.loads(result.text) == result.structured
    assert len(result.text.encode()) <= max_bytes
    assert _wire(result) <= 900_000 + 2  # the quotes around the text


@given(rows=_ROWS, max_bytes=_LIMITS, notice=st.none() | _TEXTS)
def test_a_table_fits_and_is_cut_between_rows(
    rows: list[tuple[int, str]], max_bytes: int, notice: str | None
) -> None:
    notice = notice and shorten_notice(notice, max_bytes=max_bytes)
    table = _table(rows, notice=notice)
    result = table_result(table, max_bytes=max_bytes)
    _check(result, max_bytes)
    shown = result.structured["rows"]
    assert shown == table.rows[: len(shown)]
    assert result.structured["truncated"] == (len(shown) < len(rows))
    assert ("more" in (result.structured["notice"] or "").removeprefix(notice or "")) or (
        not result.structured["truncated"] or not shown
    )


@given(tables=st.lists(_ROWS, min_size=1, max_size=4), max_bytes=st.integers(4_000, 900_000))
def test_the_tables_of_a_report_fit_together(
    tables: list[list[tuple[int, str]]], max_bytes: int
) -> None:
    named = {f"t{i}": _table(rows) for i, rows in enumerate(tables)}
    result = tables_result(named, max_bytes=max_bytes)
    _check(result, max_bytes)
    for name, table in named.items():
        shown = result.structured["tables"][name]
        assert shown["rows"] == table.rows[: shown["row_count"]]
        assert shown["truncated"] == (shown["row_count"] < len(table.rows))


def test_as_many_rows_are_kept_as_fit() -> None:
    rows = [(i, "x" * 100) for i in range(100)]
    result = table_result(_table(rows), max_bytes=5_000)
    row = len(encode([99, "x" * 100])) + 1
    assert 5_000 - row - 100 <= len(result.text) <= 5_000


def test_a_result_that_just_fits_is_whole() -> None:
    table = _table([(i, "x" * 100) for i in range(100)])
    size = len(encode(table.structured()))
    assert not table_result(table, max_bytes=size).structured["truncated"]
    assert table_result(table, max_bytes=size - 1).structured["truncated"]


@pytest.mark.parametrize(
    ("text", "wire_each"),
    [("x", 2), ("é", 12), ("中", 12), ("\U0001f600", 24), ('"', 6), ("\n", 5)],
)
def test_the_pair_fits_an_event_of_http_whatever_the_alphabet(text: str, wire_each: int) -> None:
    result = table_result(_table([(i, text * 1_000) for i in range(1_000)]), max_bytes=900_000)
    assert 890_000 - 1_000 * wire_each <= _wire(result) <= 900_002
    assert result.structured["truncated"]


@pytest.mark.parametrize("text", ["x", "é", "中", "\U0001f600", '"', "\\"])
def test_the_largest_result_is_an_event_that_the_sdks_client_takes(text: str) -> None:
    result = table_result(_table([(i, text * 900) for i in range(1_000)]), max_bytes=900_000)
    part = TextContent(type="text", text=result.text)
    answer = CallToolResult(content=[part], structured_content=result.structured)
    sent = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    event = _sse_event(JSONRPCResponse(jsonrpc="2.0", id=1, result=sent))
    assert 800_000 < len(event) < DEFAULT_MAX_SSE_EVENT_SIZE


def test_a_single_row_that_is_too_long_is_left_out_and_said() -> None:
    result = table_result(_table([(1, "x" * 10_000)]), max_bytes=5_000)
    assert result.structured["rows"] == []
    assert result.structured["truncated"] is True
    assert "first one alone is longer" in result.structured["notice"]
    assert "first one alone is longer" in result.text


@pytest.mark.parametrize(
    ("kept", "said"), [(1, "Only the first row is shown"), (2, "Only the first 2 rows are shown")]
)
def test_the_notice_says_in_both_halves_how_many_rows_there_are(kept: int, said: str) -> None:
    rows = [(i, "x" * 1_000) for i in range(9)]
    result = table_result(_table(rows), max_bytes=500 + kept * 1_010)
    assert result.structured["row_count"] == kept
    assert said in result.structured["notice"]
    assert said in result.text


def test_rows_left_out_for_two_reasons_are_said_once() -> None:
    table = _table([(i, "x" * 1_000) for i in range(30)], max_rows=20, notice="Until Monday.")
    result = table_result(table, max_bytes=5_000)
    assert result.structured["notice"] == (
        f"Until Monday. Only the first {result.structured['row_count']} rows are shown; "
        "there are more. Narrow the question."
    )


def test_what_short_tables_leave_goes_to_the_long_ones() -> None:
    short = _table([(1, "x")])
    long = _table([(i, "x" * 100) for i in range(1_000)])
    result = tables_result({"long": long, "short": short}, max_bytes=20_000)
    assert list(result.structured["tables"]) == ["long", "short"]
    assert not result.structured["tables"]["short"]["truncated"]
    assert len(result.text) > 19_000


def test_long_tables_share_alike() -> None:
    long = _table([(i, "x" * 100) for i in range(1_000)])
    result = tables_result({"a": long, "b": long, "c": long}, max_bytes=30_000)
    counts = [table["row_count"] for table in result.structured["tables"].values()]
    assert max(counts) - min(counts) <= 2
    assert len(result.text) > 29_000


def test_columns_alone_that_do_not_fit_are_an_error() -> None:
    columns = tuple(Column(f"column_{i:040}", "integer") for i in range(100))
    table = make_table(columns, [tuple(range(100))], max_rows=10)
    assert not frame_fits([table], max_bytes=3_000)
    with pytest.raises(ResultError, match="columns alone"):
        table_result(table, max_bytes=3_000)


@given(count=st.integers(0, 30), most=st.integers(1, 30))
def test_truncated_is_exact(count: int, most: int) -> None:
    table = _table([(i, "x") for i in range(count)][: most + 1], max_rows=most)
    assert len(table.rows) == min(count, most)
    assert table.truncated == (count > most)


def test_a_table_without_rows_is_whole() -> None:
    structured = _table([]).structured()
    assert structured == {
        "columns": [{"name": "id", "type": "integer"}, {"name": "name", "type": "text"}],
        "rows": [],
        "row_count": 0,
        "truncated": False,
        "notice": None,
    }


@pytest.mark.parametrize("length", [0, 1, 61, 62, 63, 4_000, 4_001, 100_000])
@pytest.mark.parametrize("max_bytes", [1_000, 900_000])
def test_a_notice_is_cut_visibly_and_only_where_it_must(length: int, max_bytes: int) -> None:
    most = 62 if max_bytes == 1_000 else 4_000
    made = shorten_notice("n" * length, max_bytes=max_bytes)
    assert made == ("n" * length if length <= most else "n" * (most - 1) + "…")


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_half_a_surrogate_pair_is_replaced_in_both_halves(text: str) -> None:
    result = table_result(_table([(1, text)]), max_bytes=1_000)
    _check(result, 1_000)
    assert "\ufffd" in result.structured["rows"][0][1]
    long = table_result(_table([(1, text * 400)] * 5), max_bytes=3_000)
    _check(long, 3_000)


def test_a_model_is_whole_or_an_error() -> None:
    assert model_result({"a": 1}, max_bytes=7).text == '{"a":1}'
    with pytest.raises(ResultError, match="limit of 6 bytes"):
        model_result({"a": 1}, max_bytes=6)
    with pytest.raises(ResultError, match="limit"):
        model_result({"a": "é" * 100_000}, max_bytes=900_000)


def test_fetched_rows_by_name() -> None:
    fetched = Fetched(("a", "b"), [(1, 2), (3, 4)])
    assert fetched.dicts() == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_values_of_rows_do_not_stand_in_a_log() -> None:
    result = table_result(_table([(1, "s3cret")]), max_bytes=1_000)
    assert "s3cret" not in repr(Fetched(("a",), [("s3cret",)]))
    assert "s3cret" not in repr(Result({}, result.text))
