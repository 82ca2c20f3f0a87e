"""The escapes of the library, sent to the tools that take SQL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mcpdb.attack.answer import Answer
from mcpdb.attack.campaign import Campaign, SqlTool
from mcpdb.attack.detectors import Clue, answered
from mcpdb.attack.library import Aim, Escape, load_escapes
from mcpdb.attack.tables import NOBODY

_OTHERS: Final = ("*", "")
"""What a careless policy may take for everybody."""
_FORGING: Final = ("{set}", "{call}", "{keep}", "{inner}", "{value}")
_EVERY: Final = 6
"""How many calls at once look for what a lasting escape left on pooled connections."""
_VALUES_FOR: Final = frozenset({"select list", "materialized CTE", "InitPlan", "UNION ALL"})
"""The forms that are tried with all values: for the others one is enough."""


async def attack_statements(campaign: Campaign) -> None:
    """Send every escape of the wanted classes to every tool that takes SQL."""
    aim = campaign.known.aim
    if not campaign.known.sql or aim is None:
        return
    aim = replace(aim, seconds=int(campaign.options.timeout_s) + 5)
    for tool in campaign.known.sql:
        stuck = False
        for escape in load_escapes():
            if campaign.options.wants(escape.family) and not (stuck and escape.is_slow):
                stuck = await _try(campaign, tool, escape, aim) and escape.is_slow


async def _try(campaign: Campaign, tool: SqlTool, escape: Escape, aim: Aim) -> bool:
    """Send one; whether it was answered with what it asks for."""
    if escape.is_oracle:
        await _ask_oracle(campaign, tool, escape, aim)
        return False
    got = False
    for foreign in _values(campaign, escape):
        got |= await _send(campaign, tool, escape, replace(aim, foreign=foreign))
    return got


def _values(campaign: Campaign, escape: Escape) -> Sequence[str]:
    known = campaign.known.foreign or [NOBODY]
    if not any(place in escape.template for place in _FORGING):
        return known[:1]
    if escape.name in _VALUES_FOR and escape.family == "settings":
        return list(dict.fromkeys([*known, NOBODY, *_OTHERS]))
    return known[:2]


async def _send(campaign: Campaign, tool: SqlTool, escape: Escape, aim: Aim) -> bool:
    sql = aim.statement(escape.template)
    arguments = tool.arguments(sql)
    answer = await campaign.ask(campaign.a, tool, sql)
    name = tool.view.name
    campaign.judge(
        answer,
        tool=name,
        family=escape.family,
        escape=escape.name,
        sent=arguments,
        table=aim.table,
    )
    clue = answered(answer, escape)
    if clue is not None:
        campaign.note(clue, tool=name, family=escape.family, escape=escape.name, sent=sql)
    if escape.is_lasting or not answer.is_refused:
        times = _EVERY if escape.is_lasting else 1
        await campaign.still_exact(
            tool, family=escape.family, escape=escape.name, sent=sql, times=times
        )
    await campaign.a.mend()
    return clue is not None


async def _ask_oracle(campaign: Campaign, tool: SqlTool, escape: Escape, aim: Aim) -> None:
    """Ask about a value of B's and about one of nobody's, twice each: only a difference that
    comes again is one."""
    if not campaign.known.probes:
        campaign.ledger.remark("No value of a table is B's alone: the oracles were not asked.")
    for column, value in campaign.known.probes:
        about = replace(aim, column=column)
        absent = _absent(value)
        outcomes: list[str] = []
        for probe in (value, absent, value, absent):
            sql = replace(about, probe=probe).statement(escape.template)
            answer = await campaign.ask(campaign.a, tool, sql)
            campaign.ledger.count(tool.view.name, escape.family, refused=answer.is_refused)
            outcomes.append(_outcome(answer, probe))
        if outcomes[0] == outcomes[2] != outcomes[1] == outcomes[3]:
            sql = replace(about, probe="<a value of B's>").statement(escape.template)
            clue = Clue("leak", f"the answer differs when the {column} is one of B's")
            campaign.note(
                clue, tool=tool.view.name, family=escape.family, escape=escape.name, sent=sql
            )


def _outcome(answer: Answer, probe: str) -> str:
    return f"{answer.kind}: {answer.text.replace(probe, '?')}"


def _absent(value: str) -> str:
    """A value of the same shape that nobody has: the planner's estimates go by the length too."""
    turned = {"0": "9", "9": "0"}
    return "".join(
        turned.get(c, "7") if c.isdigit() else ("q" if c.isalpha() and c != "q" else c)
        for c in value
    )
