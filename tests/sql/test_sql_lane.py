"""Configuration 2: no guard, and the login that may only have queries run."""

from sql.judged import Verdicts, failed, told


def test_no_statement_gets_a_row_or_a_value_of_another_tenant(lane_verdicts: Verdicts) -> None:
    assert told(lane_verdicts) == {}


def test_every_honest_statement_has_an_answer(lane_verdicts: Verdicts) -> None:
    assert failed(lane_verdicts) == {}


def test_no_session_of_another_tenant_is_killed(lane_verdicts: Verdicts) -> None:
    assert not [
        each.statement.name for found in lane_verdicts.values() for each in found if each.killed
    ]


def test_nothing_but_queries_is_run(lane_verdicts: Verdicts) -> None:
    """PostgreSQL itself refuses the rest, whatever the guard may let through."""
    classes = {"utility", "writes", "explain"}
    ran = [
        each.statement.name
        for found in lane_verdicts.values()
        for each in found
        if each.statement.of in classes and not each.outcome.code
    ]
    assert ran == []
