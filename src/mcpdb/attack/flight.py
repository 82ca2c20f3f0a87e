"""A query of B's in flight: whether A can read its text, end it, or stand in its way."""

import asyncio
import secrets
from typing import Final

from mcpdb.attack.answer import Answer
from mcpdb.attack.campaign import Campaign, SqlTool
from mcpdb.attack.detectors import Clue

_LOCK: Final = 7_225_918
_SESSIONS: Final = 6
_FLIGHT_S: Final = 0.8
_LONG_QUERIES: Final = (
    "SELECT '{marker}', pg_sleep({seconds})",
    "SELECT '{marker}', count(*) FROM generate_series(1, 3000000) g",
    (
        "SELECT '{marker}', count(*) FROM (SELECT 1 FROM {table} LIMIT 3000) a"
        " CROSS JOIN (SELECT 1 FROM {table} LIMIT 1000) b"
    ),
)
_OTHERS: Final = (
    "FROM pg_stat_activity WHERE query LIKE '%' || {halves} || '%' AND pid <> pg_backend_pid()"
)
_READING: Final = {
    "pg_stat_activity": f"SELECT 'mcpdb:seen=1', query {_OTHERS}",
    "pg_stat_get_activity": "SELECT 'mcpdb:seen=1', query FROM pg_stat_get_activity(NULL)"
    " WHERE query LIKE '%' || {halves} || '%' AND pid <> pg_backend_pid()",
    "pg_stat_statements": "SELECT 'mcpdb:seen=1', query FROM pg_stat_statements"
    " WHERE query LIKE '%' || {halves} || '%'",
    "pg_cursors and locks": "SELECT 'mcpdb:seen=1', a.query FROM pg_locks l JOIN pg_stat_activity a"
    " USING (pid) WHERE a.query LIKE '%' || {halves} || '%' AND pid <> pg_backend_pid()",
}
_ENDING: Final = {
    "pg_cancel_backend": f"SELECT 'mcpdb:ended=' || pg_cancel_backend(pid)::text {_OTHERS}",
    "pg_terminate_backend": f"SELECT 'mcpdb:ended=' || pg_terminate_backend(pid)::text {_OTHERS}",
}


async def attack_flight(campaign: Campaign) -> None:
    """Look for B's query while it runs, try to end it, and take locks that B may want."""
    if campaign.known.aim is None or not campaign.options.wants("in-flight"):
        return
    for tool in campaign.known.sql:
        for name, sql in _READING.items():
            await _read(campaign, tool, name, sql)
        for name, sql in _ENDING.items():
            await _end(campaign, tool, name, sql)
        await _lock(campaign, tool)


async def _read(campaign: Campaign, tool: SqlTool, name: str, sql: str) -> None:
    answer, _, marker = await _during(campaign, tool, sql)
    campaign.ledger.count(tool.view.name, "in-flight", refused=answer.is_refused)
    if marker in answer.text:
        clue = Clue("leak", "the text of a query that B was running")
        campaign.note(clue, tool=tool.view.name, family="in-flight", escape=name, sent=sql)


async def _end(campaign: Campaign, tool: SqlTool, name: str, sql: str) -> None:
    answer, victim, _ = await _during(campaign, tool, sql)
    campaign.ledger.count(tool.view.name, "in-flight", refused=answer.is_refused)
    if "mcpdb:ended=t" in answer.text:
        was = "and B's call failed" if victim.is_refused else "and PostgreSQL agreed"
        clue = Clue("side-effect", f"A ended a query of B's, {was}")
        campaign.note(clue, tool=tool.view.name, family="in-flight", escape=name, sent=sql)
    await asyncio.gather(campaign.a.mend(), campaign.b.mend())


async def _during(campaign: Campaign, tool: SqlTool, sql: str) -> tuple[Answer, Answer, str]:
    """Ask this as A while a query of B's runs, which holds a marker; both answers."""
    aim = campaign.known.aim
    assert aim is not None
    marker = f"mcpdb-marker-{secrets.token_hex(6)}"
    # In halves, so that A's own text does not hold it.
    halves = f"'{marker[:8]}' || '{marker[8:]}'"
    found = Answer("error", "")
    victim = Answer("error", "")
    for template in _LONG_QUERIES:
        parts = {"marker": marker, "seconds": _FLIGHT_S, "table": aim.table}
        running = asyncio.create_task(campaign.ask(campaign.b, tool, template.format(**parts)))
        await asyncio.sleep(0.05)
        found = await campaign.ask(campaign.a, tool, sql.replace("{halves}", halves))
        if marker not in found.text and "mcpdb:ended=t" not in found.text and not running.done():
            await asyncio.sleep(0.2)
            found = await campaign.ask(campaign.a, tool, sql.replace("{halves}", halves))
        victim = await running
        if not victim.is_refused or "mcpdb:" in found.text:
            break
    return found, victim, marker


async def _lock(campaign: Campaign, tool: SqlTool) -> None:
    """A takes an advisory lock. B, on several connections, must be able to take it too."""
    take = f"SELECT 'mcpdb:got=' || pg_try_advisory_lock({_LOCK})::text"
    release = "SELECT pg_advisory_unlock_all()"
    taken = await campaign.ask(campaign.a, tool, take)
    campaign.ledger.count(tool.view.name, "in-flight", refused=taken.is_refused)
    if "mcpdb:got=t" not in taken.text:
        return
    held = f"SELECT 'mcpdb:seen=' || count(*) FROM pg_locks WHERE objid = {_LOCK}"  # noqa: S608
    listed = await campaign.ask(campaign.b, tool, held)
    tries = await asyncio.gather(*(campaign.ask(campaign.b, tool, take) for _ in range(_SESSIONS)))
    # The tries of B's may stand in each other's way, but only if a lock outlives its question.
    if any("mcpdb:got=f" in each.text for each in tries) or "mcpdb:seen=1" in listed.text:
        clue = Clue("side-effect", "a lock that a question took was still held after it")
    else:
        clue = Clue("note", "a question may take advisory locks, which ended with it")
    campaign.note(clue, tool=tool.view.name, family="in-flight", escape="advisory lock", sent=take)
    await asyncio.gather(*(campaign.ask(campaign.a, tool, release) for _ in range(_SESSIONS)))
