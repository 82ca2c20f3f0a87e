"""Report and Embedded: values that check themselves."""

from typing import Any, cast

import pytest
from pydantic import BaseModel
from sqlalchemy import literal, select, text, union

from mcpdb import ConfigurationError, Embedded, Report, Tables

_one = select(literal(1).label("one"))


class Model(BaseModel):
    x: int


def _then(_: Tables) -> Model:
    return Model(x=1)


def test_a_report_has_at_least_one_select() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        Report({})


@pytest.mark.parametrize("part", [None, "SELECT 1", text("SELECT 1"), union(_one, _one)])
def test_every_part_of_a_report_is_a_select(part: object) -> None:
    with pytest.raises(ConfigurationError, match="'b' of a report is not a select"):
        Report({"a": _one, "b": cast("Any", part)})


def test_a_report_does_not_change_with_what_it_was_made_of() -> None:
    selects = {"a": _one}
    report = Report(selects, then=_then)
    selects["b"] = _one
    assert list(report.selects) == ["a"]
    assert report.then is _then
    with pytest.raises(TypeError):
        cast("Any", report.selects)["b"] = _one


def test_an_embedded_text_hides_its_vector() -> None:
    assert repr(Embedded("paint", (0.125,))) == "Embedded(text='paint')"
