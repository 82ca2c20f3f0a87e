"""Forged identities over HTTP: headers that are repeated, combined, empty or missing must not
yield anybody's rows but the caller's own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from mcpdb.attack.answer import Answer
from mcpdb.attack.campaign import Campaign, SqlTool
from mcpdb.attack.detectors import Clue, Count, Truth, clues
from mcpdb.attack.identity import HttpIdentity, Identity
from mcpdb.attack.library import COUNTED
from mcpdb.attack.session import Session
from mcpdb.attack.tables import NOBODY
from mcpdb.errors import Unavailable

Headers = list[tuple[str, str]]

_EVERYBODY: Final = ("*", NOBODY, "0", "admin", "%")
"""Values that may stand for somebody who sees all."""


async def attack_callers(campaign: Campaign, nobody: Identity | None) -> None:
    """Call every tool under each forged identity, and as nobody."""
    a, b = campaign.a.identity, campaign.b.identity
    if isinstance(a, HttpIdentity) and isinstance(b, HttpIdentity):
        if campaign.options.wants("identity"):
            for name, headers, is_claim in _forgeries(a.headers, b.headers):
                await _call_as(campaign, a.sending(headers), name, is_claim=is_claim)
        nobody = nobody or a.sending(_shared(a.headers, b.headers))
    if nobody is not None and campaign.options.wants("nobody"):
        await _call_as(campaign, nobody, "no identity", family="nobody")


def _shared(a: Sequence[tuple[str, str]], b: Sequence[tuple[str, str]]) -> Headers:
    """What both send: it tells nobody apart."""
    return [pair for pair in a if pair in b]


def _forgeries(
    a: Sequence[tuple[str, str]], b: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, Headers, bool]]:
    """The name of each forgery, its headers, and whether it openly claims to be somebody."""
    rest = _shared(a, b)
    theirs = {name.lower(): value for name, value in b if (name, value) not in rest}
    for name, mine in a:
        other = theirs.get(name.lower())
        if (name, mine) in rest or other is None:
            continue
        lines: Mapping[str, Headers] = {
            "A's header twice": [(name, mine), (name, mine)],
            "A's header, then B's": [(name, mine), (name, other)],
            "B's header, then A's": [(name, other), (name, mine)],
            "B's header among A's": [(name, mine), (name, other), (name, mine)],
            "the name in two cases": [(name.lower(), mine), (name.upper(), other)],
            "underscores in the name": [(name, mine), (name.replace("-", "_"), other)],
            "a forwarded header": [(name, mine), (f"X-Forwarded-{name}", other)],
            "an empty header beside A's": [(name, ""), (name, mine)],
        }
        values = {
            "A's, B's in one header": f"{mine},{other}",
            "B's, A's in one header": f"{other}, {mine}",
            "both, with a blank": f"{mine} {other}",
            "both, with a semicolon": f"{mine};{other}",
            "both, as a list": f'["{mine}", "{other}"]',
            "both, as a set": f"{{{mine},{other}}}",
            "both, cut by an encoded NUL": f"{mine}%00{other}",
            "empty": "",
            "a blank": " ",
            "a comma": ",",
            "A's in quotes": f"'{mine}'",
            "A's in capitals": mine.upper(),
            "A's, URL-encoded": quote(mine, safe="").replace("-", "%2D"),
            "a condition": f"{mine}' OR '1'='1",
            "null": "null",
        }
        for what, headers in lines.items():
            yield what, [*rest, *headers], False
        for what, value in values.items():
            yield what, [*rest, (name, value)], False
        for value in _EVERYBODY:
            if value not in {mine, other}:
                yield f"claims to be {value!r}", [*rest, (name, value)], True


async def _call_as(
    campaign: Campaign,
    identity: Identity,
    name: str,
    *,
    family: str = "identity",
    is_claim: bool = False,
) -> None:
    """Call each tool once. Whoever A, B or nobody may be: B's rows are not for this caller."""
    session = Session(identity, timeout_s=campaign.options.timeout_s)
    try:
        async with session:
            await session.tools()
            for view, call in campaign.honest_calls():
                answer = await session.call(view.name, dict(call.arguments))
                _judge(campaign, answer, view.name, family, name, is_claim=is_claim)
                await session.mend()
            for tool in campaign.known.sql:
                answer = await _counted(campaign, session, tool)
                _judge(campaign, answer, tool.view.name, family, name, is_claim=is_claim)
                await session.mend()
    except Unavailable:
        for view in campaign.known.tools:
            campaign.ledger.count(view.name, family, refused=True)
    except Exception as error:  # noqa: BLE001  # a server may cut such a caller off in any way
        campaign.ledger.remark(f"{family}: {name}: {type(error).__name__}")


async def _counted(campaign: Campaign, session: Session, tool: SqlTool) -> Answer:
    table = campaign.known.aim.table if campaign.known.aim else "pg_catalog.pg_class"
    return await campaign.ask(session, tool, f"SELECT '{COUNTED}' || count(*) FROM {table}")  # noqa: S608


def _judge(  # noqa: PLR0913  # what is written down of a call
    campaign: Campaign, answer: Answer, tool: str, family: str, name: str, *, is_claim: bool
) -> None:
    campaign.ledger.count(tool, family, refused=answer.is_refused)
    aim = campaign.known.aim
    table = aim.table if aim else ""
    found = list(clues(answer, _truth(campaign, family), table=table))
    for clue in found:
        if is_claim:
            # Whoever may say in a header who he is may be anybody: that is the design, of a
            # server for development, and not a hole in it.
            text = "a header alone lets its sender be everybody: for development only"
            clue = Clue("note", text)  # noqa: PLW2901
        campaign.note(clue, tool=tool, family=family, escape=name, sent="")


def _truth(campaign: Campaign, family: str) -> Truth:
    """What this caller must not see: nobody must not see A's rows either."""
    if family != "nobody":
        return campaign.truth
    mine, theirs = campaign.mirror.canaries, campaign.truth.canaries
    both = type(mine)(mine.strong | theirs.strong, mine.weak | theirs.weak)
    counts = {
        table: Count(0, max(count)) if count.mine != count.theirs else count
        for table, count in campaign.truth.counts.items()
    }
    return Truth(canaries=both, counts=counts)
