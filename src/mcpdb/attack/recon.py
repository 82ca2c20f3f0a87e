"""Reconnaissance: which tools there are, what each caller honestly gets, what tells them apart."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from mcpdb.attack.arguments import Parameter, ToolView
from mcpdb.attack.campaign import Campaign, Honest, SqlTool, sent_text
from mcpdb.attack.canaries import Canaries, apart, columns_of
from mcpdb.attack.detectors import Truth, counts_in
from mcpdb.attack.library import COUNTED
from mcpdb.attack.session import Session
from mcpdb.attack.tables import learn_tables
from mcpdb.errors import ConfigurationError

_SQL: Final = re.compile(r"(?i)\bsql\b|sql|\bquery\b|\bstatement\b|_query\b")
_KEYS: Final = re.compile(r"(?i)(^|_)(id|key|code|sku|number|no|email|name|uuid)$|Id$")
_SEEDS: Final = 3


async def learn(campaign: Campaign) -> None:
    """Learn all that can be learnt by honest calls.

    Raises:
        ConfigurationError: There is no tool to attack.
    """
    await _list_tools(campaign)
    for view in campaign.known.tools:
        await _call_honestly(campaign, view)
    await _find_sql(campaign)
    for view in campaign.known.tools:
        await _follow_keys(campaign, view)
    tables = await learn_tables(campaign)
    _set_canaries(campaign, tables)
    _look_at_honest_answers(campaign)


async def _list_tools(campaign: Campaign) -> None:
    options = campaign.options
    listed = await campaign.a.tools()
    views = [ToolView.of(tool, options.arguments.get(tool.name, {})) for tool in listed]
    names = {view.name for view in views}
    named = {*options.tools, *options.arguments, *(e.partition(".")[0] for e in options.sql_tools)}
    if unknown := sorted(named - names):
        raise ConfigurationError(
            f"The server has no tool {unknown[0]!r}.", hint=f"It has {', '.join(sorted(names))}."
        )
    campaign.known.tools = [v for v in views if not options.tools or v.name in options.tools]
    if not campaign.known.tools:
        raise ConfigurationError("The server lists no tools: there is nothing to attack.")
    # The client of the newest protocol may only call what it has listed.
    await campaign.b.tools()


async def _call_honestly(campaign: Campaign, view: ToolView) -> None:
    for arguments in view.variants():
        await _honest_call(campaign, view, arguments, arguments)
    if all(each.mine.is_refused for each in campaign.known.honest[view.name]):
        last = campaign.known.honest[view.name][0].mine
        if last.kind in {"error", "answer"}:
            campaign.ledger.remark(
                f"{view.name} refused every honest call: say its arguments with --arg."
            )


async def _honest_call(
    campaign: Campaign, view: ToolView, mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """Call as both, B twice: what B's second answer lacks is no fact of B's."""
    # One after the other: what goes wrong at the same time is a class of its own.
    a = await campaign.a.call(view.name, mine)
    b = await campaign.b.call(view.name, theirs)
    again = await campaign.b.call(view.name, theirs)
    await asyncio.gather(campaign.a.mend(), campaign.b.mend())
    calls = campaign.known.honest.setdefault(view.name, [])
    calls.append(Honest(mine, a, b, theirs))
    if again.text != b.text:
        calls.append(Honest(mine, a, again, theirs))


async def _find_sql(campaign: Campaign) -> None:
    """The tools that answer a statement of ours as PostgreSQL does."""
    said = dict(each.split(".", 1) for each in campaign.options.sql_tools)
    for view in campaign.known.tools:
        for parameter in view.parameters:
            is_said = said.get(view.name) == parameter.name
            if is_said or (parameter.is_text and _SQL.search(parameter.about)):
                tool = SqlTool(view, parameter.name)
                answer = await campaign.ask(campaign.a, tool, f"SELECT '{COUNTED}' || (6 * 7)")
                if 42 in counts_in(answer):
                    campaign.known.sql.append(tool)
                    break
                if is_said:
                    campaign.ledger.remark(f"{view.name} does not answer SELECT honestly.")


def key_parameters(view: ToolView) -> Iterable[Parameter]:
    """Those that may name one row: what a caller would put another's key into."""
    for each in view.parameters:
        if (each.is_text or each.is_whole) and (each.is_required or _KEYS.search(each.name)):
            yield each


async def _follow_keys(campaign: Campaign, view: ToolView) -> None:
    """Call with keys that other tools have shown, each caller with its own."""
    every_call = [c for calls in campaign.known.honest.values() for c in calls]
    mine = columns_of(call.mine for call in every_call)
    theirs = columns_of(call.theirs for call in every_call)
    for parameter in key_parameters(view):
        if any(parameter.name == tool.parameter for tool in campaign.known.sql):
            continue
        own = _seeds(parameter, mine, theirs)
        others = _seeds(parameter, theirs, mine)
        for a_seed, b_seed in zip(own, others, strict=False):
            honest = view.honest()
            await _honest_call(
                campaign,
                view,
                honest | {parameter.name: typed(parameter, a_seed)},
                honest | {parameter.name: typed(parameter, b_seed)},
            )
        campaign.known.seeds[f"{view.name}.{parameter.name}"] = others
        campaign.ledger.hidden.update(others)


def _seeds(
    parameter: Parameter, own: Mapping[str, set[str]], other: Mapping[str, set[str]]
) -> list[str]:
    wanted = parameter.name.lower()
    bare = wanted.removesuffix("_id")
    values = [
        value
        for column, found in own.items()
        if column.lower() in {wanted, f"{bare}_id", bare} or wanted.endswith(f"_{column.lower()}")
        for value in found - other.get(column, set())
        if parameter.is_text or re.fullmatch(r"-?\d{1,18}", value)
    ]
    return sorted(set(values))[:_SEEDS]


def typed(parameter: Parameter, text: str) -> JsonValue:
    """A value as the parameter takes it."""
    return int(text) if parameter.is_whole and re.fullmatch(r"-?\d+", text) else text


def _set_canaries(campaign: Campaign, tables: tuple[Sequence[str], Sequence[str]]) -> None:
    """What each must not see: what tables have shown for certain, and what tools seem to show."""
    options = campaign.options
    certain_b = [*options.canaries_b, *tables[0], *_long_ids(campaign.b, campaign.a)]
    certain_a = [*options.canaries_a, *tables[1], *_long_ids(campaign.a, campaign.b)]
    _look_for_open_tools(campaign, Canaries.of(certain_b, named=options.canaries_b))
    # What an open tool shows A is not honestly A's.
    closed = {t: c for t, c in campaign.known.honest.items() if t not in campaign.known.open}
    mine = {tool: columns_of(c.mine for c in calls) for tool, calls in closed.items()}
    theirs = {tool: columns_of(c.theirs for c in calls) for tool, calls in closed.items()}
    campaign.truth = Truth(
        canaries=_canaries(theirs, mine, certain_b, options.canaries_b),
        counts=campaign.truth.counts,
    )
    campaign.mirror = Truth(
        canaries=_canaries(mine, theirs, certain_a, options.canaries_a),
        counts=campaign.mirror.counts,
    )
    if not campaign.truth.canaries:
        campaign.ledger.remark(
            "Nothing was found that only B sees: name values of B's rows with --canary-b."
        )


def _look_for_open_tools(campaign: Campaign, certain: Canaries) -> None:
    """Tools that show A what is B's for certain, without any forgery."""
    for tool, calls in campaign.known.honest.items():
        for call in calls:
            if certain.within(call.mine.text, sent=sent_text(call.arguments)):
                campaign.known.open.add(tool)


def _canaries(
    theirs: Mapping[str, Mapping[str, set[str]]],
    mine: Mapping[str, Mapping[str, set[str]]],
    certain: Sequence[str],
    named: Sequence[str],
) -> Canaries:
    """The values that seem to be theirs, without those that one honestly sees anywhere."""
    seem: set[str] = set()
    by_name: defaultdict[str, set[str]] = defaultdict(set)
    for columns in mine.values():
        for column, values in columns.items():
            by_name[column] |= values
    for tool, columns in theirs.items():
        inside = apart(mine.get(tool, {}), columns)
        # A column of the same name that another tool shows to both is shared as well.
        seem |= {v for vs in apart(by_name, inside).values() for v in vs}
    honestly = {
        value for columns in mine.values() for values in columns.values() for value in values
    }
    likely = Canaries.of(seem - honestly)
    sure = Canaries.of(certain, named=named)
    return Canaries(sure.strong | likely.strong, (sure.weak | likely.weak) - sure.strong)


def _long_ids(session: Session, other: Session) -> list[str]:
    """Ids that appear nowhere by chance."""
    return [e for e in session.identity.ids if len(e) >= 16 and e not in other.identity.ids]


def _look_at_honest_answers(campaign: Campaign) -> None:
    """Rows of B's where nothing was forged at all: a forgotten WHERE, a view of the owner's."""
    for tool, calls in campaign.known.honest.items():
        for call in calls if campaign.options.wants("honest") else ():
            campaign.judge(
                call.mine,
                tool=tool,
                family="honest",
                escape="an honest call",
                sent=call.arguments,
            )
