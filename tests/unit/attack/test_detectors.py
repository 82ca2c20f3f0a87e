"""What betrays a leak, and what does not."""

import pytest

from mcpdb.attack.answer import Answer
from mcpdb.attack.canaries import Canaries
from mcpdb.attack.detectors import Count, Truth, answered, clues, same_answer, slips
from mcpdb.attack.library import Escape, Level

TRUTH = Truth(canaries=Canaries.of(["secret of south"]), counts={"t": Count(40, 30)})


def seen(text: str, table: str = "t") -> list[str]:
    return [clue.evidence for clue in clues(Answer("answer", text), TRUTH, table=table)]


@pytest.mark.parametrize("number", [30, 41, 70])
def test_counts_of_others_are_leaks(number: int) -> None:
    assert seen(f"mcpdb:n={number}")


@pytest.mark.parametrize("number", [0, 1, 39, 40])
def test_own_counts_are_none(number: int) -> None:
    assert not seen(f"mcpdb:n={number}")


def test_a_count_of_a_table_that_both_see_proves_nothing() -> None:
    shared = Truth(canaries=Canaries(), counts={"t": Count(40, 40)})
    assert not list(clues(Answer("answer", "mcpdb:n=80"), shared, table="t"))


def test_a_statement_that_is_echoed_is_no_count() -> None:
    assert not seen("syntax error in SELECT 'mcpdb:n=' || count(*) FROM t")


def test_errors_are_looked_through_too() -> None:
    found = list(clues(Answer("error", "no such thing: secret of south"), TRUTH))
    assert [clue.level for clue in found] == ["leak"]
    assert "secret of south" not in found[0].evidence


def escape(level: Level, *, plan: bool = False, slow: bool = False) -> Escape:
    return Escape(
        family="f", name="n", template="", answered=level, wants_plan=plan, is_slow=slow, why="why"
    )


def test_an_escape_is_answered_if_it_got_something() -> None:
    wanted = escape("metadata")
    assert answered(Answer("answer", '[["mcpdb:seen=130"]]'), wanted) == ("metadata", "why: 130")
    for text in ("mcpdb:seen=0", "mcpdb:seen=-1", "SELECT 'mcpdb:seen=' || x", "no rows"):
        assert answered(Answer("answer", text), wanted) is None
    assert answered(Answer("error", "mcpdb:seen=130"), wanted) is None


def test_a_plan_is_known_by_its_costs() -> None:
    wanted = escape("leak", plan=True)
    assert answered(Answer("answer", "Seq Scan on t  (cost=0.00..1.40 rows=40)"), wanted)
    assert answered(Answer("answer", '[{"Plan": {"Plan Rows": 40}}]'), wanted)
    assert answered(Answer("answer", "EXPLAIN is not allowed"), wanted) is None


def test_what_is_slow_is_found_when_nobody_stops_it() -> None:
    wanted = escape("resource", slow=True)
    assert answered(Answer("timeout", ""), wanted)
    assert answered(Answer("answer", "mcpdb:seen=1"), wanted)
    assert answered(Answer("error", "statement timeout"), wanted) is None


@pytest.mark.parametrize(
    ("text", "name", "level"),
    [
        ("could not connect to postgresql://shop:pw@db/shop", "dsn", "leak"),
        ("connection failed: password=hunter22", "password", "leak"),
        ("Traceback (most recent call last):", "traceback", "metadata"),
        ('  File "/srv/app.py", line 3', "traceback", "metadata"),
        ("duplicate key\nDETAIL:  Key (email)=(a@b) already exists.", "detail", "metadata"),
    ],
)
def test_texts_that_tell_of_the_inside_are_found(text: str, name: str, level: Level) -> None:
    assert [(found, clue.level) for found, clue in slips(Answer("error", text))] == [(name, level)]


def test_a_plain_error_tells_nothing() -> None:
    assert not list(slips(Answer("error", "The table does not exist. Ask for another one.")))


def test_answers_are_the_same_by_their_facts() -> None:
    one, two = Answer("answer", "1", {"rows": [1]}), Answer("answer", "2", {"rows": [1]})
    assert same_answer(one, two)
    assert not same_answer(one, Answer("error", "1", {"rows": [1]}))
    assert not same_answer(Answer("answer", "x"), Answer("answer", "y"))
