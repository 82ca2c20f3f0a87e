"""Runs the corpus in one configuration, in both directions."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from servers import Cluster
from sql.statements import Statement, honest, hostile
from sql.worlds import DIRECTIONS, Make, Verdict, Worlds, judge

Verdicts: TypeAlias = Mapping[str, Sequence[Verdict]]
"""By the tenant who asks."""


def on(cluster: Cluster, statements: Sequence[Statement]) -> list[Statement]:
    """Those that this server has the syntax for."""
    return [
        each for each in statements if each.runs_on(cluster.version, has_vector=cluster.has_vector)
    ]


async def both_ways(make: Make, worlds: Worlds) -> Verdicts:
    """What all statements, but those that only take their time, tell either tenant."""
    every = on(worlds.usual.fresh.cluster, [*hostile(), *honest()])
    every = [each for each in every if each.aim != "resource"]
    return {
        own: await judge(make, worlds, every, own=own, other=other) for own, other in DIRECTIONS
    }


def told(verdicts: Verdicts) -> Mapping[str, str]:
    """The statements that got a row or a value of the other tenant's, and what."""
    return {
        f"{own}: {each.statement.name}": each.value
        for own, found in verdicts.items()
        for each in found
        if each.value
    }


def failed(verdicts: Verdicts) -> Mapping[str, str]:
    """The honest statements that have no answer, and why."""
    return {
        f"{own}: {each.statement.name}": str(each.outcome)
        for own, found in verdicts.items()
        for each in found
        if not each.statement.aim and each.outcome.code
    }


def opened(verdicts: Verdicts) -> Mapping[str, frozenset[str]]:
    """By class, the statements that show what the database leaves open, in either direction."""
    found: dict[str, set[str]] = {}
    for each in (each for verdicts_of_one in verdicts.values() for each in verdicts_of_one):
        if each.opens:
            found.setdefault(each.statement.of, set()).add(each.statement.name)
    return {of: frozenset(names) for of, names in found.items()}
