"""A short tour: the same questions over HTTP as three people, their answers side by side."""

import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent
from rich.console import Console
from rich.table import Table

from zava.app import make_server
from zava.generate import Plan
from zava.identity import HEAD_OFFICE, HEADER, development_identity, manager_id
from zava.progress import progress_bars
from zava.services import Place, seeded_place, serving

_NOT_VISIBLE: Final = "[dim]·[/]"
_WIDTH: Final = 118


def _counted(orders: int) -> str:
    return "1 order" if orders == 1 else f"{orders:,} orders"


Rows = list[list[Any]]
Lines = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of the tour, and what of its answer to show: a label and a figure for each row."""

    asked: str
    tool: str
    arguments: dict[str, Any]
    lines: Callable[[Rows], Lines]


QUESTIONS: Final = (
    Question(
        asked="What did the stores that I can see sell in the last 30 days?",
        tool="sales_by_store",
        arguments={"days": 30},
        lines=lambda rows: [(row[0], f"${row[4]:,.0f} in {_counted(row[2])}") for row in rows],
    ),
    Question(
        asked="Which five products brought in most in the last 90 days?",
        tool="top_products",
        arguments={"days": 90, "limit": 5},
        lines=lambda rows: [
            (f"No. {place}", f"{row[1]}: ${row[5]:,.0f}") for place, row in enumerate(rows, 1)
        ],
    ),
    Question(
        asked='How much do my stores have of "waterproof outdoor paint"?',
        tool="semantic_search_products",
        arguments={"query_description": "waterproof outdoor paint", "max_rows": 5},
        lines=lambda rows: [(row[1], f"{row[5]:,} in stock") for row in rows],
    ),
    Question(
        asked="In SQL that a model wrote: which categories bring in most?",
        tool="execute_sales_query",
        arguments={
            "postgresql_query": "SELECT c.category_name, round(100 * sum(i.total_amount)"
            " / sum(sum(i.total_amount)) OVER (), 1) AS percent"
            " FROM retail.order_items i JOIN retail.products p USING (product_id)"
            " JOIN retail.categories c USING (category_id)"
            " GROUP BY c.category_name ORDER BY percent DESC LIMIT 3"
        },
        lines=lambda rows: [(row[0].capitalize(), f"{row[1]} %") for row in rows],
    ),
)
HOSTILE: Final = f"""\
SELECT set_config('app.current_rls_user_id', '{HEAD_OFFICE}', false), sum(total_amount)
FROM retail.order_items"""  # noqa: S608  # the injection is what is shown
"""What a text can talk a model into: to say that it is the head office."""


async def guide(place: Place, plan: Plan | None, *, port: int, go_on: bool) -> None:
    """Give the tour over a server of its own, and then go on serving."""
    console = _console()
    async with seeded_place(place, plan, bars=progress_bars) as ready:
        server = make_server(
            ready.dsn, key=ready.key, tenancy=development_identity(), sql_dsn=ready.sql_dsn
        )
        async with serving(server, port=port) as task:
            url = f"http://127.0.0.1:{port}/mcp"
            await tour(url, console)
            if go_on:
                console.print(f"[bold]Zava is served at {url}[/] until you press Ctrl+C.")
                console.print("To ask it from VS Code, put this into .vscode/mcp.json:\n")
                console.print(settings_to_paste(url), highlight=False, soft_wrap=True)
                await task


async def tour(url: str, console: Console) -> None:
    """Ask the questions as the Seattle manager, the Redmond manager and the head office."""
    people = {
        "Seattle's manager": manager_id("Seattle"),
        "Redmond's manager": manager_id("Redmond"),
        "Head office": HEAD_OFFICE,
    }
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(_client(url, identity=identity, stack=stack))
            for name, identity in people.items()
        }
        for question in QUESTIONS:
            answers: dict[str, Lines] = {}
            notices: dict[str, str] = {}
            for name, client in clients.items():
                result = await client.call_tool(question.tool, question.arguments)
                answer = result.structured_content
                answers[name] = question.lines(answer["rows"])
                notices[name] = answer["notice"] or ""
            console.print(f"\n[bold]{question.asked}[/]", highlight=False)
            console.print(_side_by_side(question, answers))
            _print_notices(notices, console)
        talked_into = await clients["Redmond's manager"].call_tool(
            "execute_sales_query", {"postgresql_query": HOSTILE}
        )
        nobody = await stack.enter_async_context(_client(url, identity=None, stack=stack))
        refused = await nobody.call_tool("sales_by_store", {})
    console.print("\n[bold]And SQL that says it is the head office, as Redmond's manager?[/]")
    console.print(HOSTILE, style="dim", markup=False, highlight=False)
    console.print(_said(talked_into), style="red", markup=False, highlight=False)
    console.print("\n[bold]And somebody without an identity?[/]")
    console.print(_said(refused), style="red", markup=False, highlight=False)
    console.print()


def _said(result: CallToolResult) -> str:
    return " ".join(block.text for block in result.content if isinstance(block, TextContent))


def settings_to_paste(url: str) -> str:
    """What goes into `.vscode/mcp.json` to ask as the Seattle manager."""
    server = {"type": "http", "url": url, "headers": {HEADER: manager_id("Seattle")}}
    return json.dumps({"servers": {"zava": server}}, indent=2)


def _console() -> Console:
    """A console that is wide enough for the tables even where nobody told its width."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _client(url: str, *, identity: str | None, stack: AsyncExitStack) -> Client:
    headers = {} if identity is None else {HEADER: identity}
    http = httpx2.AsyncClient(headers=headers)
    stack.push_async_callback(http.aclose)
    return Client(streamable_http_client(url, http_client=http))


def _side_by_side(question: Question, answers: dict[str, Lines]) -> Table:
    """One line for each label that anyone sees, one column for each person."""
    table = Table()
    table.add_column(question.tool, style="cyan")
    for name in answers:
        table.add_column(name)
    figures = {name: dict(lines) for name, lines in answers.items()}
    labels = dict.fromkeys(label for lines in reversed(answers.values()) for label, _ in lines)
    for label in labels:
        cells = [figures[name].get(label, _NOT_VISIBLE) for name in answers]
        table.add_row(label.removeprefix("Zava Retail "), *cells)
    return table


def _print_notices(notices: dict[str, str], console: Console) -> None:
    said = set(notices.values())
    lines = said if len(said) == 1 else [f"{name}: {text}" for name, text in notices.items()]
    for line in lines:
        if line:
            console.print(line, style="dim", markup=False, highlight=False)
