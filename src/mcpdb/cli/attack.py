"""`mcpdb attack`: two callers and a library of escapes, against any MCP server."""

import asyncio
import json
import shlex
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcpdb.attack import FAMILIES, HttpIdentity, Identity, Options, Report, StdioIdentity
from mcpdb.attack import attack as run_attack
from mcpdb.cli.main import without_secrets
from mcpdb.errors import ConfigurationError, McpdbError

_Texts: TypeAlias = list[str] | None
_Url = Annotated[str | None, typer.Argument(help="The MCP endpoint, over streamable HTTP.")]
_A = Annotated[
    _Texts,
    typer.Option(
        "--a", metavar="HEADER", help="'Name: value' of A; '@FILE' for a value in a file."
    ),
]
_B = Annotated[_Texts, typer.Option("--b", metavar="HEADER", help="The same of B.")]
_StdioA = Annotated[str | None, typer.Option(metavar="COMMAND", help="Starts the server for A.")]
_StdioB = Annotated[str | None, typer.Option(metavar="COMMAND", help="Starts the server for B.")]
_EnvA = Annotated[_Texts, typer.Option(metavar="NAME=VALUE", help="In A's environment.")]
_EnvB = Annotated[_Texts, typer.Option(metavar="NAME=VALUE", help="In B's environment.")]
_Arguments = Annotated[
    _Texts, typer.Option("--arg", metavar="TOOL.PARAMETER=VALUE", help="An honest argument.")
]
_CanaryA = Annotated[_Texts, typer.Option(metavar="TEXT", help="A text that only A may see.")]
_CanaryB = Annotated[_Texts, typer.Option(metavar="TEXT", help="A text that only B may see.")]
_SqlTool = Annotated[_Texts, typer.Option(metavar="TOOL.PARAMETER", help="It takes SQL.")]
_Table = Annotated[_Texts, typer.Option(metavar="SCHEMA.TABLE", help="A table to look into.")]
_TenantColumn = Annotated[
    _Texts, typer.Option(metavar="SCHEMA.TABLE.COLUMN", help="It holds whose a row is.")
]
_Setting = Annotated[_Texts, typer.Option(metavar="NAME", help="A setting to forge.")]
_ForeignId = Annotated[_Texts, typer.Option(metavar="TEXT", help="An id of B's.")]
_Class = Annotated[
    _Texts, typer.Option("--class", metavar="CLASS", help=f"Only: {', '.join(FAMILIES)}.")
]
_Tool = Annotated[_Texts, typer.Option("--tool", metavar="NAME", help="Only this tool.")]
_Timeout = Annotated[float, typer.Option(metavar="SECONDS", help="Until a call is given up.")]
_Calls = Annotated[int, typer.Option(help="Calls of each, at once with the other's.")]
_Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]
_Output = Annotated[Path | None, typer.Option(metavar="FILE", help="The JSON, into a file.")]

_STYLES: Final[Mapping[str, str]] = {"LEAK": "bold red", "ok": "green", "refused": "green"}
_SHOWN: Final = 3
_USAGE: Final = 2


def attack(  # noqa: PLR0913  # each is an option of the command
    url: _Url = None,
    *,
    a: _A = None,
    b: _B = None,
    stdio_a: _StdioA = None,
    stdio_b: _StdioB = None,
    env_a: _EnvA = None,
    env_b: _EnvB = None,
    arg: _Arguments = None,
    canary_a: _CanaryA = None,
    canary_b: _CanaryB = None,
    sql_tool: _SqlTool = None,
    table: _Table = None,
    tenant_column: _TenantColumn = None,
    setting: _Setting = None,
    foreign_id: _ForeignId = None,
    family: _Class = None,
    tool: _Tool = None,
    timeout: _Timeout = 15.0,
    calls: _Calls = 50,
    as_json: _Json = False,
    output: _Output = None,
) -> None:
    """Try to see B's rows as A, through every tool of an MCP server that is yours to attack.

    The exit code is 0 when nothing was found, 1 when something was, 2 when nothing was proved.
    """
    try:
        callers = _callers(url, (a, b), (stdio_a, stdio_b), (env_a, env_b))
        options = Options(
            timeout_s=timeout,
            canaries_a=canary_a or (),
            canaries_b=canary_b or (),
            arguments=_arguments(arg or ()),
            sql_tools=sql_tool or (),
            tables=table or (),
            tenant_columns=tenant_column or (),
            settings=setting or (),
            foreign_ids=foreign_id or (),
            families=family or (),
            tools=tool or (),
            calls=calls,
        )
        report = asyncio.run(run_attack(a=callers[0], b=callers[1], options=options))
        _tell(report, as_json=as_json, output=output)
    except McpdbError as error:
        sys.stderr.write(f"{without_secrets(' '.join(f'error: {error}'.split()))}\n")
        raise typer.Exit(_USAGE) from None
    if not report.is_ok:
        raise typer.Exit(1)
    if not report.canaries:  # nothing could have been found
        raise typer.Exit(_USAGE)


def _callers(
    url: str | None,
    headers: tuple[_Texts, _Texts],
    commands: tuple[str | None, str | None],
    environments: tuple[_Texts, _Texts],
) -> tuple[Identity, Identity]:
    if (url is None) == (commands == (None, None)):
        raise ConfigurationError(
            "Say which server: its URL, or the commands --stdio-a and --stdio-b."
        )
    if url is not None:
        first, second = (tuple(map(_header, each or ())) for each in headers)
        if first == second:
            raise ConfigurationError("A and B are the same: tell them apart with --a and --b.")
        return HttpIdentity(url, first), HttpIdentity(url, second)
    if None in commands:
        raise ConfigurationError("Over stdio both are needed, --stdio-a and --stdio-b.")
    a, b = (
        StdioIdentity(shlex.split(command or ""), dict(_pair(each) for each in variables or ()))
        for command, variables in zip(commands, environments, strict=True)
    )
    if (a.command, a.environment) == (b.command, b.environment):
        raise ConfigurationError("A and B are the same: tell them apart by command or environment.")
    return a, b


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ConfigurationError("A header is written 'Name: value'.")
    value = value.strip()
    if value.startswith("@"):
        try:
            value = Path(value[1:]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(
                f"The value of the header {name.strip()} cannot be read: {error.strerror}."
            ) from error
    return name.strip(), value


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ConfigurationError("A variable of the environment is written NAME=VALUE.")
    return name, value


def _arguments(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for text in texts:
        path, sign, value = text.partition("=")
        tool, dot, parameter = path.partition(".")
        if not (sign and dot and parameter):
            raise ConfigurationError("An argument is written TOOL.PARAMETER=VALUE.")
        try:
            found[tool][parameter] = json.loads(value)
        except ValueError:
            found[tool][parameter] = value  # most values are plain text
    return dict(found)


def _tell(report: Report, *, as_json: bool, output: Path | None) -> None:
    text = json.dumps(report.as_json(), indent=2, ensure_ascii=False)
    if output is not None:
        try:
            output.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{output} cannot be written: {error.strerror}.") from error
    if as_json:
        typer.echo(text)
    else:
        show_report(report)


def show_report(report: Report) -> None:
    """The table of tools and classes, then each finding with what was sent and what betrays it."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(Text(f"{report.server}, attacked for {report.seconds:.0f} s"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Tool", "Class"):
        table.add_column(heading, overflow="fold")
    for heading in ("Calls", "Refused"):
        table.add_column(heading, justify="right")
    table.add_column("Outcome", no_wrap=True)
    last = ""
    for row in report.rows:
        if last not in {"", row.tool}:
            table.add_section()
        style = _STYLES[row.outcome.partition(" ")[0]]
        name = row.tool if row.tool != last else ""
        outcome = Text(row.outcome, style=style)
        table.add_row(name, row.family, str(row.tried), str(row.refused), outcome)
        last = row.tool
    console.print(table)
    _show_findings(console, report)
    for remark in report.remarks:
        console.print(Text(f"Not vouched for: {remark}", style="yellow"))
    if report.is_ok and not report.canaries:
        console.print(Text("This proves nothing: nothing tells B's rows from A's.", style="bold"))
    elif report.is_ok:
        console.print(Text("Nothing of B's was seen.", style="bold green"))
    else:
        count = len(report.failures)
        one = "1 finding" if count == 1 else f"{count} findings"
        console.print(Text(f"{one}: see above.", style="bold red"))


def _show_findings(console: Console, report: Report) -> None:
    """Of each tool and class the first few: where one form gets out, most do."""
    groups: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, each in enumerate(report.findings):
        groups[each.level, each.tool, each.family].append(number)
    for (level, tool, family), numbers in groups.items():
        style = "yellow" if level == "note" else "bold red"
        console.print(Text.assemble((level, style), f" {tool}, {family}"))
        for number in numbers[:_SHOWN]:
            each = report.findings[number]
            console.print(Text(f"  {each.escape}: {each.evidence}"))
            if each.sent:
                console.print(Text(f"    sent {each.sent}", style="dim"))
        if len(numbers) > _SHOWN:
            console.print(Text(f"  and {len(numbers) - _SHOWN} more; --json has them all"))
    if report.findings:
        console.print()
