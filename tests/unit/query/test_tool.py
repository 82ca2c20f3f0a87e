"""Tool.build and Tool.result: from checked arguments to selects, and from rows to a result."""

import datetime as dt
import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, computed_field
from sqlalchemy import Integer, Numeric, Text, column, literal, select, table

from mcpdb import (
    Embedded,
    InvalidArguments,
    Limits,
    Report,
    Result,
    ResultError,
    Rows,
    Tables,
    ToolOptions,
)
from mcpdb.query.tool import Tool
from mcpdb.result import Fetched

_items = table("items", column("id", Integer), column("name", Text))


def items(limit: int = 10_000) -> Rows:
    """Items."""
    return select(_items).limit(limit)


def _tool(function: Any = items, **options: Any) -> Tool:
    return Tool(function, ToolOptions(**options), limits=Limits(), dimensions=2)


def _rows(count: int) -> list[tuple[int, str]]:
    return [(i, f"item {i}") for i in range(count)]


def _limit(rows: Any) -> int:
    return int(rows._limit_clause.value)


def _answer(tool: Tool, rows: list[Any], *, notice: Any = None, **arguments: object) -> Result:
    """The result of a call whose select would find these rows."""
    query = tool.build(tool.check(arguments), {})
    names = tuple(query.selects["rows"].selected_columns.keys())
    fetched = {"rows": Fetched(names, rows[: _limit(query.selects["rows"])])}
    if "notice" in query.selects:
        fetched["notice"] = Fetched(("notice",), notice)
    result = tool.result(query, fetched)
    jsonschema.validate(result.structured, tool.output_schema)
    assert json.loads(result.text) == result.structured
    return result


@given(total=st.integers(0, 60), own=st.none() | st.integers(0, 60), most=st.integers(1, 50))
def test_there_are_never_more_rows_than_allowed_and_truncated_is_exact(
    total: int, own: int | None, most: int
) -> None:
    arguments = {} if own is None else {"limit": own}
    result = _answer(_tool(max_rows=most), _rows(total), **arguments).structured
    wanted = min(total, 10_000 if own is None else own)
    assert result["row_count"] == len(result["rows"]) == min(wanted, most)
    assert result["truncated"] == (wanted > most)
    assert bool(result["notice"]) == result["truncated"]


def test_the_notice_says_that_there_is_more() -> None:
    result = _answer(_tool(max_rows=3), _rows(9)).structured
    assert result["notice"] == (
        "Only the first 3 rows are shown; there are more. Narrow the question."
    )


def today() -> Rows:
    """The day."""
    return select(literal("x").label("notice"))


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        ([("Until Monday.",)], "Until Monday."),
        ([(dt.date(2024, 2, 29),)], "2024-02-29"),
        ([(Decimal("1.50"),)], "1.5"),
        ([("",)], None),
        ([(None,)], None),
        ([], None),
    ],
)
def test_the_tools_notice_is_said(notice: list[Any], said: str | None) -> None:
    assert _answer(_tool(notice=today), _rows(1), notice=notice).structured["notice"] == said


def test_both_notices_are_said() -> None:
    result = _answer(_tool(notice=today, max_rows=1), _rows(2), notice=[("Until Monday.",)])
    assert result.structured["notice"] == (
        "Until Monday. Only the first row is shown; there are more. Narrow the question."
    )


def test_a_notice_of_any_length_leaves_room_for_the_rows() -> None:
    result = _answer(_tool(notice=today, max_bytes=2_000), _rows(30), notice=[("\x01ü" * 50_000,)])
    assert len(result.text.encode()) <= 2_000
    assert result.structured["rows"]


def test_the_notice_reads_one_row_in_the_same_query() -> None:
    query = _tool(notice=today).build({"limit": 1}, {})
    assert list(query.selects) == ["rows", "notice"]
    assert _limit(query.selects["notice"]) == 1


def test_arguments_are_checked_before_anything_is_built() -> None:
    with pytest.raises(InvalidArguments):
        _tool().check({"limit": "many"})


def test_an_embedded_argument_reaches_the_function_as_text_and_vector() -> None:
    seen: list[Embedded] = []

    def search(question: Embedded) -> Rows:
        """Searches."""
        seen.append(question)
        return select(_items)

    tool = _tool(search)
    tool.build(tool.check({"question": "paint"}), {"question": (0.0, 1.0)})
    assert seen[-1] == Embedded("paint", (0.0, 1.0))


def changing(kind: str = "rows") -> Rows:
    """Returns what it should not."""
    other = select(literal(1).label("other"))
    made = {"rows": select(_items), "other": other, "report": Report({"a": other})}.get(kind)
    return cast("Rows", made)


@pytest.mark.parametrize("kind", ["report", "nothing"])
def test_a_function_that_returns_another_kind_than_before_is_an_error(kind: str) -> None:
    tool = _tool(changing)
    with pytest.raises(ResultError, match="something else than it published"):
        tool.build({"kind": kind}, {})


def test_other_columns_than_published_are_an_error() -> None:
    tool = _tool(changing)
    query = tool.build({"kind": "other"}, {})
    with pytest.raises(ResultError, match="other columns than it published") as refusal:
        tool.result(query, {"rows": Fetched(("other",), [(1,)])})
    assert "columns='dynamic'" in refusal.value.detail


def test_other_columns_are_right_where_they_are_dynamic() -> None:
    tool = _tool(changing, columns="dynamic")
    query = tool.build({"kind": "other"}, {})
    result = tool.result(query, {"rows": Fetched(("other",), [(1,)])})
    assert result.structured["columns"] == [{"name": "other", "type": "integer"}]
    jsonschema.validate(result.structured, tool.output_schema)


def changing_report(kind: str = "a") -> Report:
    """Returns what it should not."""
    one = select(_items)
    made = {
        "a": Report({"a": one}),
        "b": Report({"b": one}),
        "ab": Report({"a": one, "b": one}),
        "then": Report({"a": one}, then=_summed),
    }.get(kind)
    return cast("Report", made)


@pytest.mark.parametrize("kind", ["b", "ab", "then", "nothing"])
def test_other_tables_than_published_are_an_error(kind: str) -> None:
    with pytest.raises(ResultError, match="something else than it published"):
        _tool(changing_report).build({"kind": kind}, {})


class Summed(BaseModel):
    model_config = ConfigDict(serialize_by_alias=False)

    total: Decimal
    big: int = 2**60
    first_day: dt.date | None = Field(default=None, serialization_alias="firstDay")
    ratio: float = 0.5

    @computed_field  # type: ignore[prop-decorator]  # mypy issue 14461
    @property
    def half(self) -> float:
        return float(self.total) / 2


def _summed(tables: Tables) -> Summed:
    return Summed(
        total=sum((row["price"] for row in tables["prices"]), start=Decimal(0)),
        first_day=dt.date(2024, 2, 29),
    )


def _report(then: Callable[[Tables], BaseModel] | None = None) -> Callable[[], Report]:
    def report() -> Report:
        """Prices."""
        prices = select(column("price", Numeric)).select_from(table("prices"))
        return Report({"prices": prices}, then=then)

    return report


def _computed(then: Callable[[Tables], BaseModel], count: int = 3, **options: Any) -> Result:
    tool = _tool(_report(then), **options)
    rows = [(Decimal("0.10"),)] * count
    result = tool.result(tool.build({}, {}), {"prices": Fetched(("price",), rows)})
    jsonschema.validate(result.structured, tool.output_schema)
    assert json.loads(result.text) == result.structured
    return result


def test_then_gets_the_drivers_own_values_and_its_model_is_the_result() -> None:
    assert _computed(_summed).structured == {
        "total": "0.30",
        "big": 2**60,  # as its own schema says: an integer
        "firstDay": "2024-02-29",
        "ratio": 0.5,
        "half": 0.15,
    }


def test_then_never_computes_from_cut_off_tables() -> None:
    assert _computed(_summed, 5, max_rows=5).structured["total"] == "0.50"
    with pytest.raises(ResultError, match="'prices' has more than 5 rows"):
        _computed(_summed, 6, max_rows=5)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_model_with_a_number_that_is_not_finite_is_an_error(number: float) -> None:
    def then(_: Tables) -> Summed:
        return Summed(total=Decimal(1), ratio=number)

    with pytest.raises(ResultError, match="not finite"):
        _computed(then)


class Octets(BaseModel):
    content: bytes


def test_a_model_that_json_cannot_hold_is_an_error() -> None:
    def then(_: Tables) -> Octets:
        return Octets(content=b"\xff")

    with pytest.raises(ResultError, match="a value that JSON cannot hold"):
        _computed(then)


class Words(BaseModel):
    words: list[str]


def test_a_model_that_is_too_long_is_an_error_and_not_cut() -> None:
    def then(_: Tables) -> Words:
        return Words(words=["word"] * 1_000)

    with pytest.raises(ResultError, match="longer than this tool's limit of 2000 bytes"):
        _computed(then, max_bytes=2_000)


def test_a_report_without_then_is_its_tables() -> None:
    tool = _tool(_report())
    rows = [(Decimal(1),), (None,)]
    result = tool.result(tool.build({}, {}), {"prices": Fetched(("price",), rows)})
    jsonschema.validate(result.structured, tool.output_schema)
    assert result.structured["tables"]["prices"]["rows"] == [[1], [None]]


def test_every_select_of_a_report_is_limited() -> None:
    query = _tool(_report(), max_rows=7).build({}, {})
    assert _limit(query.selects["prices"]) == 8
