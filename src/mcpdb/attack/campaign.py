"""An attack under way: both callers connected, what is known of the server, and what was found."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcpdb.attack.answer import Answer
from mcpdb.attack.arguments import ToolView
from mcpdb.attack.canaries import Canaries
from mcpdb.attack.detectors import Clue, Truth, clues, counts_in, same_answer, slips
from mcpdb.attack.library import Aim, Level
from mcpdb.attack.report import Leak, Ledger
from mcpdb.attack.session import Session
from mcpdb.errors import ConfigurationError

_PAUSE_S: Final = 0.5

FAMILIES: Final = (
    "honest",
    "settings",
    "text-sql",
    "stacked",
    "parsers",
    "catalogs",
    "files",
    "side-effects",
    "oracles",
    "explain",
    "resources",
    "arguments",
    "foreign-ids",
    "identity",
    "nobody",
    "in-flight",
    "cancelled",
    "concurrent",
    "errors",
)
"""The classes of escapes, in the order in which they are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an attack may be told, and need not be.

    Attributes:
        timeout_s: Seconds that a call may take before the client gives it up.
        canaries_a: Texts that A alone may see, beside those that are found.
        canaries_b: Texts that B alone may see.
        arguments: Honest arguments of tools: `{"find_orders": {"customer": "7"}}`.
        sql_tools: Tools that take SQL, with the parameter: `"query.sql"`. Else they are found.
        tables: Tables to look into, beside those that are found.
        tenant_columns: Columns that hold the tenant's id: `"shop.orders.tenant"`.
        settings: Settings to forge, beside the usual ones.
        foreign_ids: Ids of B's, beside what B's headers and environment say.
        families: The classes to try; empty for all.
        tools: The tools to try; empty for all.
        calls: How many calls each of the two makes at once with the other.

    Raises:
        ConfigurationError: A class is none, or a number is too small.
    """

    timeout_s: float = 15.0
    canaries_a: Sequence[str] = ()
    canaries_b: Sequence[str] = ()
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    sql_tools: Sequence[str] = ()
    tables: Sequence[str] = ()
    tenant_columns: Sequence[str] = ()
    settings: Sequence[str] = ()
    foreign_ids: Sequence[str] = ()
    families: Sequence[str] = ()
    tools: Sequence[str] = ()
    calls: int = 50

    def __post_init__(self) -> None:
        unknown = [each for each in self.families if each not in FAMILIES]
        if unknown:
            raise ConfigurationError(
                f"There is no class {unknown[0]!r}.", hint=f"The classes: {', '.join(FAMILIES)}."
            )
        if self.timeout_s < 1 or self.calls < 1:
            raise ConfigurationError(
                "A timeout is at least 1 second, and there is at least 1 call."
            )
        wrong = [e for e in (*self.sql_tools, *self.tenant_columns) if "." not in e]
        if wrong:
            raise ConfigurationError(
                f"{wrong[0]!r} has no dot.", hint="Write TOOL.PARAMETER, or TABLE.COLUMN."
            )

    def wants(self, family: str) -> bool:
        """Whether a class is to be tried."""
        return not self.families or family in self.families


@dataclass(frozen=True, slots=True)
class SqlTool:
    """A tool that runs SQL, and the parameter that takes it."""

    view: ToolView
    parameter: str

    def arguments(self, sql: str) -> dict[str, Any]:
        """Those of a call that runs this."""
        return self.view.honest() | {self.parameter: sql}


@dataclass(frozen=True, slots=True)
class Honest:
    """One honest call, as each of the two made it: with keys, each gave its own."""

    arguments: Mapping[str, Any]
    mine: Answer
    theirs: Answer
    of_theirs: Mapping[str, Any]


@dataclass(slots=True)
class Known:
    """What reconnaissance has learnt.

    Attributes:
        tools: All that are to be attacked.
        sql: Those of them that take SQL.
        honest: Honest calls by tool.
        aim: What statements are about; None where no table tells the tenants apart.
        probes: Columns of that table, each with a value that only B's rows have.
        seeds: Values of B's by the column that shows them.
        foreign: Ids to pass for B, the likeliest first.
        settings: Settings to forge, the likeliest first.
        open: Tools that show B's rows to A without any forgery.
    """

    tools: list[ToolView] = field(default_factory=list[ToolView])
    sql: list[SqlTool] = field(default_factory=list[SqlTool])
    honest: dict[str, list[Honest]] = field(default_factory=dict[str, list[Honest]])
    aim: Aim | None = None
    probes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    seeds: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    foreign: list[str] = field(default_factory=list[str])
    settings: list[str] = field(default_factory=list[str])
    open: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class Campaign:
    """An attack under way.

    Attributes:
        a: The attacker.
        b: The other tenant, of whom A must see nothing.
        options: What the user has said.
        ledger: What was found.
        truth: What A must not see.
        mirror: What B must not see.
        known: What was learnt.
        shown: Values of B's that were sent, and must not be shown.
    """

    a: Session
    b: Session
    options: Options
    ledger: Ledger
    truth: Truth = field(default_factory=lambda: Truth(canaries=Canaries()))
    mirror: Truth = field(default_factory=lambda: Truth(canaries=Canaries()))
    known: Known = field(default_factory=Known)

    async def ask(self, session: Session, tool: SqlTool, sql: str) -> Answer:
        """What this caller gets for a statement."""
        return await session.call(tool.view.name, tool.arguments(sql))

    def judge(  # noqa: PLR0913  # what is written down of a call
        self,
        answer: Answer,
        *,
        tool: str,
        family: str,
        escape: str,
        sent: Mapping[str, Any],
        table: str = "",
        truth: Truth | None = None,
    ) -> bool:
        """Look through an answer of A's, and write down what betrays a leak; whether there is."""
        self.ledger.count(tool, family, refused=answer.is_refused)
        text = sent_text(sent)
        found = list(clues(answer, truth or self.truth, sent=text, table=table))
        if answer.kind == "gone":
            found.append(Clue("resource", "the connection broke under this call"))
        for clue in found:
            self.note(clue, tool=tool, family=family, escape=escape, sent=text)
        for name, clue in slips(answer) if self.options.wants("errors") else ():
            self.note(clue, tool=tool, family="errors", escape=name, sent=text)
        return bool(found)

    def note(self, clue: Clue, *, tool: str, family: str, escape: str, sent: str) -> None:
        """Write down a finding."""
        self.ledger.add(
            Leak(
                level=clue.level,
                tool=tool,
                family=family,
                escape=escape,
                sent=sent,
                evidence=clue.evidence,
            )
        )

    async def still_exact(
        self, tool: SqlTool, *, family: str, escape: str, sent: str, times: int = 1
    ) -> None:
        """Count again as both: what a call has left behind on a pooled connection shows here."""
        aim = self.known.aim
        if aim is None or aim.table not in self.truth.counts:
            return
        count = self.truth.counts[aim.table]
        await asyncio.gather(self.a.mend(), self.b.mend())
        for name, session, own, other in (
            ("A", self.a, count.mine, count.theirs),
            ("B", self.b, count.theirs, count.mine),
        ):
            clue = await self._recount(tool, session, times, own=own, other=other)
            if clue is not None:
                shown = Clue(clue.level, f"afterwards {name} {clue.evidence}")
                self.note(shown, tool=tool.view.name, family=family, escape=escape, sent=sent)

    async def _recount(
        self, tool: SqlTool, session: Session, times: int, *, own: int, other: int
    ) -> Clue | None:
        aim = self.known.aim
        assert aim is not None
        asked = [self.ask(session, tool, aim.count) for _ in range(times)]
        found = [counts_in(answer) for answer in await asyncio.gather(*asked)]
        wrong = [seen[0] for seen in found if seen and seen[0] != own]
        if wrong:
            # Less than one's own is somebody else's doing too, but shows no foreign row.
            level: Level = "leak" if wrong[0] == other or wrong[0] > own else "side-effect"
            return Clue(level, f"counts {wrong[0]} rows of {aim.table} instead of {own}")
        if all(found):
            return None
        # A server that is busy for a moment is no finding: it is asked once more.
        await asyncio.sleep(_PAUSE_S)
        if counts_in(await self.ask(session, tool, aim.count)):
            return None
        return Clue("side-effect", f"cannot count the rows of {aim.table} any more")

    def changed(
        self, tool: str, honest: Honest, answer: Answer, *, is_b: bool = False
    ) -> Clue | None:
        """Whether an honest answer has become the other's, as a whole."""
        own, other = (honest.theirs, honest.mine) if is_b else (honest.mine, honest.theirs)
        if same_answer(own, other) or not same_answer(answer, other):
            return None
        name, whose = ("B", "A's") if is_b else ("A", "B's")
        return Clue("leak", f"{name} got {whose} answer of {tool}, as a whole")

    def honest_calls(self) -> Iterable[tuple[ToolView, Honest]]:
        """Of each tool the simplest honest call that was answered, or the simplest.

        Not of tools that show B's rows to everybody: that is found already.
        """
        for view in self.known.tools:
            calls = self.known.honest.get(view.name, [])
            if calls and view.name not in self.known.open:
                yield view, next((e for e in calls if not e.mine.is_refused), calls[0])


def sent_text(arguments: Mapping[str, Any]) -> str:
    """The arguments of a call as one text."""
    return json.dumps(arguments, ensure_ascii=False, default=str)
