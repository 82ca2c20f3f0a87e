"""Values and their columns, from every shape in which servers answer."""

import json
from typing import Any

import pytest

from mcpdb.attack.answer import Answer, Cell, facts_of

ROWS = [{"id": 1, "name": "Rope"}, {"id": 2, "name": "Axe"}]
CELLS = [Cell("id", "1"), Cell("name", "Rope"), Cell("id", "2"), Cell("name", "Axe")]


@pytest.mark.parametrize(
    "facts",
    [
        ROWS,
        {"rows": ROWS},
        {"columns": ["id", "name"], "rows": [[1, "Rope"], [2, "Axe"]]},
        {"columns": [{"name": "id"}, {"name": "name"}], "rows": [[1, "Rope"], [2, "Axe"]]},
        {"c": ["id", "name"], "r": [[1, "Rope"], [2, "Axe"]]},
        {"columns": ["id", "name"], "rows": ROWS},
    ],
)
def test_rows_have_the_names_of_their_columns(facts: Any) -> None:
    assert list(Answer("answer", "", facts).cells()) == CELLS


def test_a_row_may_be_longer_than_its_headings() -> None:
    facts: Any = {"c": ["id"], "r": [[1, "x"]]}
    assert list(Answer("answer", "", facts).cells()) == [Cell("id", "1"), Cell("#1", "x")]


def test_text_that_is_not_json_is_words() -> None:
    answer = Answer("answer", "Rope, 12345 and a tent", facts_of(None, ["Rope, 12345"]))
    assert [cell.value for cell in answer.cells()] == ["Rope", "12345", "tent"]


def test_facts_are_the_structured_content_or_the_json_in_the_text() -> None:
    assert facts_of({"rows": []}, ["no"]) == {"rows": []}
    assert facts_of({"result": json.dumps(ROWS)}, []) == ROWS
    assert facts_of(None, [json.dumps(ROWS)]) == ROWS
    assert facts_of(None, ['{"a": 1}', '{"a": 2}']) == [{"a": 1}, {"a": 2}]
    assert facts_of(None, ['{"a": 1}', "and words"]) is None
    assert facts_of(None, ["{broken"]) is None
    assert facts_of(None, []) is None


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (Answer("error", "rows"), True),
        (Answer("timeout", ""), True),
        (Answer("gone", ""), True),
        (Answer("answer", '{"err": "permission denied for table x"}'), True),
        (Answer("answer", '{"rows": [["Rope"]]}'), False),
        (Answer("answer", "mcpdb:n=3, syntax error"), False),
    ],
)
def test_errors_that_are_sent_as_answers_are_refusals(answer: Answer, refused: bool) -> None:
    assert answer.is_refused is refused
