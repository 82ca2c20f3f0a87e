"""Configuration 3: no guard, and the login that may read the tables."""

from typing import Final

from sql.judged import Verdicts, failed, told

_NOT_SENT: Final = frozenset({"explain-generic-plan", "parser-parameter"})
"""asyncpg itself refuses these: it wants values for parameters."""


def test_no_statement_gets_a_row_or_a_value_of_another_tenant(login_verdicts: Verdicts) -> None:
    assert told(login_verdicts) == {}


def test_every_honest_statement_has_an_answer(login_verdicts: Verdicts) -> None:
    assert failed(login_verdicts) == {}


def test_nothing_lasts_longer_than_the_limit(login_verdicts: Verdicts) -> None:
    outcomes = [each.outcome for found in login_verdicts.values() for each in found]
    assert not [each for each in outcomes if each.code in {"hung", "57014"}]


def test_no_answer_is_lost_before_the_detector_sees_it(login_verdicts: Verdicts) -> None:
    lost = {
        each.statement.name: each.outcome.text
        for found in login_verdicts.values()
        for each in found
        if each.outcome.code == "client"
    }
    assert set(lost) <= _NOT_SENT, lost
