"""What an attack found, as values that can be printed, compared and written as JSON."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from mcpdb.attack.library import Level

_SENT: Final = 200
_EVIDENCE: Final = 240
_SHOWN: Final = 4
_HIDDEN: Final = 3
"""Shorter values say nothing, and stand in too many words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One finding, of whatever level.

    Attributes:
        level: How bad it is; see `Report`.
        tool: The tool that was called.
        family: The class of escapes.
        escape: Which of them.
        sent: The arguments, shortened, without what identifies the callers.
        evidence: What betrays it, shortened: of foreign values only the first characters.
    """

    level: Level
    tool: str
    family: str
    escape: str
    sent: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Row:
    """What one class of escapes came to at one tool.

    Attributes:
        tool: The tool.
        family: The class.
        tried: How many calls there were.
        refused: How many of them were refused.
        found: How many findings there are, without notes.
    """

    tool: str
    family: str
    tried: int
    refused: int
    found: int

    @property
    def outcome(self) -> str:
        """`LEAK n`, `refused` where every call was, or `ok`."""
        if self.found:
            return f"LEAK {self.found}"
        return "refused" if self.tried and self.refused == self.tried else "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an attack found.

    The levels: a `leak` is another tenant's rows, values or numbers; `metadata` is what catalogs,
    statistics or error texts tell of all tenants or of the server's inside; a `side-effect`
    reaches other callers, or changes something; a `resource` is held longer than the server
    should let one. These fail. A `note` is worth knowing, and does not.

    Attributes:
        server: The server, without secrets.
        rows: One for each tool and class.
        findings: All of them, the worst first.
        remarks: What the attack could not do, and so does not vouch for.
        canaries: How many values, and tables of another number of rows, tell B's rows from A's.
            With none, nothing could have been found.
        seconds: How long it took.
    """

    server: str
    rows: Sequence[Row]
    findings: Sequence[Leak]
    remarks: Sequence[str]
    canaries: int
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing but notes."""
        return all(each.level == "note" for each in self.findings)

    @property
    def failures(self) -> Sequence[Leak]:
        """The findings that are no notes."""
        return [each for each in self.findings if each.level != "note"]

    def as_json(self) -> dict[str, Any]:
        """All of it, JSON-safe."""
        return {
            "server": self.server,
            "ok": self.is_ok,
            "seconds": round(self.seconds, 1),
            "canaries": self.canaries,
            "rows": [{**asdict(row), "outcome": row.outcome} for row in self.rows],
            "findings": [asdict(each) for each in self.findings],
            "remarks": list(self.remarks),
        }


@dataclass(slots=True)
class Ledger:
    """A report in the making.

    Attributes:
        redact: Takes secrets out of what is written down.
        remarks: What could not be done.
        hidden: Values of B's that were sent, which are not written down either.
    """

    redact: Callable[[str], str] = field(repr=False)
    remarks: list[str] = field(default_factory=list[str])
    hidden: set[str] = field(default_factory=set[str], repr=False)
    _findings: dict[tuple[str, str, str, Level], Leak] = field(
        default_factory=dict[tuple[str, str, str, Level], Leak]
    )
    _tried: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _refused: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def count(self, tool: str, family: str, *, refused: bool) -> None:
        """A call was made."""
        self._tried[tool, family] += 1
        self._refused[tool, family] += refused

    def add(self, leak: Leak) -> None:
        """Something was found. The same again is not written down twice."""
        shown = replace(
            leak,
            sent=_short(self._shown(leak.sent), _SENT),
            evidence=_short(self._shown(leak.evidence), _EVIDENCE),
        )
        self._findings.setdefault((leak.tool, leak.family, leak.escape, leak.level), shown)

    def _shown(self, text: str) -> str:
        text = self.redact(text)
        for value in sorted(self.hidden, key=len, reverse=True):
            if len(value) >= _HIDDEN and value in text:
                text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "<a value of B's>", text)
        return text

    def remark(self, text: str) -> None:
        """Something could not be done."""
        if text not in self.remarks:
            self.remarks.append(self.redact(text))

    def report(self, *, server: str, canaries: int, seconds: float) -> Report:
        """The whole."""
        order: Mapping[str, int] = {
            level: number
            for number, level in enumerate(("leak", "side-effect", "metadata", "resource", "note"))
        }
        findings = sorted(
            self._findings.values(), key=lambda each: (order[each.level], each.tool, each.family)
        )
        for each in findings:  # a finding without a call of its class, such as of error texts
            self._tried.setdefault((each.tool, each.family), 0)
        rows = [
            Row(
                tool,
                family,
                tried,
                self._refused[tool, family],
                sum(
                    (each.tool, each.family) == (tool, family) and each.level != "note"
                    for each in findings
                ),
            )
            for (tool, family), tried in sorted(self._tried.items())
        ]
        return Report(
            server=server,
            rows=rows,
            findings=findings,
            remarks=self.remarks,
            canaries=canaries,
            seconds=seconds,
        )


def shortened(values: Sequence[str]) -> str:
    """Some foreign values, of each only the first characters: a report is no leak itself."""
    shown = ", ".join(f"{value[:_SHOWN]}... ({len(value)} characters)" for value in values[:3])
    return f"{len(values)} of B's values: {shown}"


def _short(text: str, most: int) -> str:
    line = " ".join(text.replace("\0", "\\0").split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
