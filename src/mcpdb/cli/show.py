"""What operators read: tables of at most 80 columns where there is no terminal, without colours."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from mcpdb.isolation.base import Finding
from mcpdb.isolation.plan import Plan
from mcpdb.operate.doctor import Diagnosis

_AROUND: Final = re.compile(
    r"SET LOCAL |RESET ROLE|SELECT pg_advisory_xact_lock|"
    r"GRANT \S+ TO CURRENT_USER|REVOKE \S+ FROM CURRENT_USER|"
    r"DO \$mcpdb\$\s+DECLARE\s(?s:.)*\bLOCK TABLE "
)
_WITHIN: Final = re.compile(
    r"DO \$mcpdb\$ BEGIN (?:EXECUTE format\(')?(COMMENT ON SCHEMA mcpdb|DROP ROLE [^;]+)"
)
"""What a block does that hides it."""
_WORDS: Final = 72


def show_plan(plan: Plan) -> None:
    """All that an operator has to know before the wall is put up, then the SQL as it is."""
    console = _console()
    _show(console, f"{plan.database}, PostgreSQL {_number(plan.version)}")
    show_losses(plan)
    for text in plan.missing:
        _show(console, f"Not in this version: {text}")
    if plan.missing:
        _show(console, "")
    if plan.refusals:
        _show(console, "The wall cannot stand here as it is declared:", style="bold red")
        for text in plan.refusals:
            _show(console, f"- {text}")
        return
    if not plan.statements:
        _show(console, "Nothing to do: the database is as declared.")
        return
    _show(console, "In one transaction:", style="bold")
    _show(console, "")
    # Not through the console, which breaks lines.
    console.file.write(plan.sql)
    console.file.flush()


def show_losses(plan: Plan, *, err: bool = False) -> None:
    """Who uses the tables today, and what changes for them."""
    console = _console(err=err)
    if not plan.losses:
        _show(console, "No other role can read or write these tables today.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Role", "Today", "With the wall"):
        table.add_column(heading, overflow="fold", ratio=1 if heading != "Role" else None)
    for each in plan.losses:
        change = each.change if each.is_declared else f"NOT DECLARED: {each.change}"
        style = "" if each.is_declared else "bold red"
        table.add_row(Text(each.role), Text(each.does), Text(change, style=style))
    console.print(table)


def first_words(statements: Iterable[str]) -> Sequence[str]:
    """The beginnings of those that change something; not those around them."""
    lines = [" ".join(each.split()) for each in statements if not _AROUND.match(each)]
    lines = [within[1] if (within := _WITHIN.match(line)) else line for line in lines]
    return [line if len(line) <= _WORDS else f"{line[: _WORDS - 3]}..." for line in lines]


def show_diagnosis(found: Diagnosis) -> None:
    """The findings, the errors first."""
    console = _console()
    _show(console, f"{found.database}, PostgreSQL {_number(found.version)}, as {found.login}")
    poolers = {
        None: "No pooler in between.",
        "undeclared": "A pooler in between, which is not declared.",
    }
    _show(console, poolers.get(found.pooler, f"A pooler in between: {found.pooler}."))
    way = "behind" if found.clock_s > 0 else "ahead of"
    _show(console, f"This machine's clock is {abs(found.clock_s):.2f} s {way} the database's.")
    for text in found.notes:
        _show(console, text)
    if found.findings:
        console.print(_findings(found.findings))
    errors = sum(finding.level == "error" for finding in found.findings)
    if errors:
        one = "1 error" if errors == 1 else f"{errors} errors"
        _show(console, f"{one}: a server does not start on this database.", style="bold red")
    else:
        _show(console, "No error.", style="bold green")


def _findings(findings: Sequence[Finding]) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Finding", no_wrap=True)
    table.add_column("What is so, and what mends it", overflow="fold", ratio=1)
    for each in findings:
        style = "bold red" if each.level == "error" else "yellow"
        name = Text.assemble((each.level, style), "\n", each.code)
        table.add_row(name, Text.assemble(each.message, "\n", (f"-> {each.mend}", "bold")))
        table.add_section()
    return table


def _number(version: int) -> str:
    return f"{version // 10_000}.{version % 10_000}"


def _console(*, err: bool = False) -> Console:
    return Console(stderr=err, highlight=False, markup=False, emoji=False)


def _show(console: Console, line: str, *, style: str = "") -> None:
    console.print(Text(line, style=style))
