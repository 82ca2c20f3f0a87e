"""What a SQL tool tells of the tables: whose rows are how many, and which values are whose."""

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from mcpdb.attack.campaign import Campaign, SqlTool
from mcpdb.attack.canaries import Canaries, apart, columns_of
from mcpdb.attack.detectors import Clue, Count, Truth, counts_in
from mcpdb.attack.library import COUNTED, Aim, literal
from mcpdb.attack.session import Session

_TABLES: Final = (
    "SELECT 'mcpdb:t=' || table_schema || '.' || table_name AS t FROM information_schema.tables"
    " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
)
_POLICIES: Final = (
    "SELECT 'mcpdb:q=' || coalesce(string_agg(qual, ' '), '') FROM pg_policies",
    "SELECT 'mcpdb:q=' || string_agg(prosrc, ' ') FROM pg_proc WHERE prosrc ~ 'current_setting'",
)
_QUALIFIED: Final = re.compile(r"\b([a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)\b")
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")
_READ: Final = re.compile(r"current_setting\(\s*'([A-Za-z_][\w]*(?:\.[\w]+)+)'")
_USUAL: Final = (
    "app.current_rls_user_id",
    "app.tenant",
    "app.tenant_id",
    "app.current_tenant",
    "app.current_tenant_id",
    "app.user_id",
    "request.jwt.claims",
    "rls.tenant",
    "mcpdb.tenant",
    "mcpdb.ctx",
)
NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_CANDIDATES: Final = 40
_SAMPLE: Final = 60
_CHECKED: Final = 12
_COLUMNS: Final = 3


async def learn_tables(campaign: Campaign) -> tuple[Sequence[str], Sequence[str]]:
    """Count and sample the tables as both; the values that are for certain B's, and A's.

    Sets what is known of counts, settings, ids, and the table to aim at.
    """
    known = campaign.known
    known.foreign = _foreign_ids(campaign)
    known.settings = list(dict.fromkeys([*campaign.options.settings, *_named(campaign), *_USUAL]))
    if not known.sql:
        return (), ()
    tool = known.sql[0]
    read = await _settings(campaign, tool)
    known.settings = list(dict.fromkeys([*campaign.options.settings, *read, *known.settings]))
    counts: dict[str, Count] = {}
    for table in await _table_names(campaign, tool):
        count = await _count(campaign, tool, table)
        if count is not None:
            counts[table] = count
    campaign.truth = Truth(canaries=Canaries(), counts=counts)
    campaign.mirror = Truth(
        canaries=Canaries(), counts={t: Count(c.theirs, c.mine) for t, c in counts.items()}
    )
    theirs, mine, columns = await _whose(campaign, tool, counts)
    _aim(campaign, counts, columns)
    await _check_tenant_columns(campaign, tool)
    return theirs, mine


def _foreign_ids(campaign: Campaign) -> list[str]:
    own = set(campaign.a.identity.ids)
    found = [each for each in campaign.b.identity.ids if each not in own]
    return list(dict.fromkeys([*campaign.options.foreign_ids, *found]))


def _named(campaign: Campaign) -> list[str]:
    """Settings that are named like the header by which the callers are told apart."""
    headers = getattr(campaign.b.identity, "headers", ())
    names = [name.lower().removeprefix("x-").replace("-", "_") for name, _ in headers]
    return [f"app.{name}" for name in names if _NAME.fullmatch(name) and name != "authorization"]


async def _settings(campaign: Campaign, tool: SqlTool) -> list[str]:
    answers = [await campaign.ask(campaign.a, tool, sql) for sql in _POLICIES]
    return [name for each in answers for name in _READ.findall(each.text.replace("''", "'"))]


async def _table_names(campaign: Campaign, tool: SqlTool) -> list[str]:
    answer = await campaign.ask(campaign.a, tool, _TABLES)
    found = re.findall(r"mcpdb:t=([a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)", answer.text)
    if not found:
        texts = [
            f"{v.description} {[p.schema for p in v.parameters]}" for v in campaign.known.tools
        ]
        texts += [c.mine.text for calls in campaign.known.honest.values() for c in calls]
        found = [name for text in texts for name in _QUALIFIED.findall(text)]
    columns = [each.rpartition(".")[0] for each in campaign.options.tenant_columns]
    return list(dict.fromkeys([*campaign.options.tables, *columns, *found]))[:_CANDIDATES]


async def _count(campaign: Campaign, tool: SqlTool, table: str) -> Count | None:
    sql = f"SELECT '{COUNTED}' || count(*) FROM {table}"  # noqa: S608  # of a server under attack
    answers = await asyncio.gather(
        *(campaign.ask(who, tool, sql) for who in (campaign.a, campaign.b, campaign.a, campaign.b))
    )
    first, second, third, fourth = (counts_in(answer)[:1] for answer in answers)
    if not first or not second:
        return None
    if (first, second) != (third, fourth):
        campaign.ledger.remark(f"{table} changes while it is counted: its counts prove nothing.")
        return None
    return Count(first[0], second[0])


async def _whose(
    campaign: Campaign, tool: SqlTool, counts: dict[str, Count]
) -> tuple[list[str], list[str], dict[str, list[tuple[str, str]]]]:
    """The values of each table that only one of the two can find in it, and by which column."""
    theirs: list[str] = []
    mine: list[str] = []
    aims: dict[str, list[tuple[str, str]]] = {}
    for table, count in counts.items():
        if not count.theirs:
            continue
        a, b = await asyncio.gather(
            *(campaign.ask(who, tool, f"SELECT * FROM {table} LIMIT {_SAMPLE}")  # noqa: S608
              for who in (campaign.a, campaign.b))
        )  # fmt: skip
        a_columns, b_columns = columns_of([a]), columns_of([b])
        _learn_id(campaign, a_columns, b_columns)
        for name, values in await _own(
            campaign.a, campaign, tool, table, apart(a_columns, b_columns)
        ):
            theirs += values
            aims.setdefault(table, []).append((name, values[0]))
        for _, values in await _own(campaign.b, campaign, tool, table, apart(b_columns, a_columns)):
            mine += values
    return theirs, mine, aims


async def _own(
    other: Session, campaign: Campaign, tool: SqlTool, table: str, columns: dict[str, set[str]]
) -> list[tuple[str, list[str]]]:
    """Those columns of whose values the other caller finds none by an honest question."""
    found: list[tuple[str, list[str]]] = []
    for name, values in _fit(columns):
        listed = ", ".join(literal(value) for value in values)
        sql = f"SELECT {name} FROM {table} WHERE CAST({name} AS text) IN ({listed})"  # noqa: S608
        answer = await campaign.ask(other, tool, sql)
        seen = {cell.value for cell in answer.cells()} if answer.kind == "answer" else set(values)
        if not answer.is_refused and not seen & set(values):
            found.append((name, values))
        if len(found) == _COLUMNS:
            break
    return found


def _fit(columns: dict[str, set[str]]) -> Iterable[tuple[str, list[str]]]:
    for name, values in columns.items():
        canaries = Canaries.of(values)
        chosen = sorted({*canaries.strong, *canaries.weak}, key=lambda e: (-len(e), e))[:_CHECKED]
        if chosen and _NAME.fullmatch(name):
            yield name, chosen


def _learn_id(campaign: Campaign, mine: dict[str, set[str]], theirs: dict[str, set[str]]) -> None:
    """A column with one value for each caller holds the tenant: that is who B is."""
    for name, values in theirs.items():
        own = mine.get(name, set())
        if len(values) == len(own) == 1 and values != own and len(campaign.known.foreign) < 4:
            (value,) = values
            if value not in campaign.known.foreign and len(value) <= 64:
                campaign.known.foreign.append(value)


def _aim(
    campaign: Campaign, counts: dict[str, Count], columns: dict[str, list[tuple[str, str]]]
) -> None:
    """The smallest table whose numbers of rows tell the two apart, and its telling column."""
    telling = [
        table for table, count in counts.items() if count.mine != count.theirs and count.theirs >= 1
    ]
    best = min(
        telling or list(columns),
        key=lambda table: (table not in columns, sum(counts[table])),
        default=None,
    )
    if best is None:
        campaign.ledger.remark(
            "No table tells A from B: name one with --table, or take callers with different rows."
        )
        return
    known = campaign.known
    known.probes = columns.get(best, [])
    campaign.ledger.hidden.update(value for _, value in known.probes)
    # The longest values are the least likely to be found by chance.
    column, _ = max(known.probes, key=lambda pair: len(pair[1]), default=("1", ""))
    known.aim = Aim(
        table=best,
        column=column,
        settings=known.settings,
        foreign=next(iter(known.foreign), NOBODY),
    )


async def _check_tenant_columns(campaign: Campaign, tool: SqlTool) -> None:
    """Rows with B's id that A gets by an honest question: a table without a policy."""
    for each in campaign.options.tenant_columns:
        table, _, column = each.rpartition(".")
        for foreign in campaign.known.foreign:
            condition = f"CAST({column} AS text) = {literal(foreign)}"
            sql = f"SELECT '{COUNTED}' || count(*) FROM {table} WHERE {condition}"  # noqa: S608
            answer = await campaign.ask(campaign.a, tool, sql)
            campaign.ledger.count(tool.view.name, "honest", refused=answer.is_refused)
            if any(counts_in(answer)):
                clue = Clue("leak", f"A sees {counts_in(answer)[0]} rows of B's in {table}")
                sent = json.dumps({tool.parameter: sql})
                campaign.note(
                    clue, tool=tool.view.name, family="honest", escape=f"rows of {table}", sent=sent
                )
