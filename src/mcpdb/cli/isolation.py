"""`mcpdb isolation`: looks at the wall, puts it up, changes its keys, takes it down."""

import asyncio
import datetime as dt
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import typer

from mcpdb.cli.duration import seconds
from mcpdb.cli.key import place_for_key
from mcpdb.cli.load import load
from mcpdb.cli.show import first_words, show_losses, show_plan
from mcpdb.errors import ConfigurationError
from mcpdb.isolation.plan import Plan
from mcpdb.isolation.wall import Wall
from mcpdb.operate import apply_wall, plan_removal, plan_wall, remove_wall, rotate_keys
from mcpdb.operate.connect import Connection, connected

T = TypeVar("T")

app: Final = typer.Typer(help="The wall between tenants, in the database.")

Declaration: TypeAlias = Annotated[
    str, typer.Argument(metavar="WALL", help="The declaration, as module:attribute.")
]
Dsn: TypeAlias = Annotated[
    str | None,
    typer.Option(
        envvar="MCPDB_ADMIN_DSN",
        show_default=False,
        help="The administrator's login: postgresql://user@host/database.",
    ),
]
Sql: TypeAlias = Annotated[bool, typer.Option("--sql", help="The statements alone.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="As one JSON object.")]
KeyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Where the key is written, a new file; without it, to standard output."),
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def plan(wall: Declaration, *, dsn: Dsn = None, sql: Sql = False, as_json: Json = False) -> None:
    """Show who uses the tables today, what changes for them, and the SQL. Changes nothing."""
    if sql and as_json:
        raise ConfigurationError("Say --sql or --json, not both.")
    declared = load(wall, [Wall])
    found = _on(dsn, lambda connection: plan_wall(connection, declared))
    if sql:
        _print_sql(found)
    elif as_json:
        typer.echo(json.dumps(_as_json(found), indent=2))
    else:
        show_plan(found)
    if found.refusals:
        raise typer.Exit(1)


@app.command()
def apply(
    wall: Declaration, *, dsn: Dsn = None, key_file: KeyFile = None, yes: Yes = False
) -> None:
    """Add to the database what is missing, in one transaction; print the server's key, once."""
    declared = load(wall, [Wall])
    with place_for_key(key_file) as give_key:
        found = _on(dsn, lambda connection: plan_wall(connection, declared))
        if found.refusals:
            raise ConfigurationError(
                f"Nothing was changed. {' '.join(found.refusals)}", hint="See mcpdb isolation plan."
            )
        if not found.statements:
            _say(f"Nothing to do: {found.database} is exactly as declared.")
            return
        show_losses(found, err=True)
        _ask(f"Run {_count(found)} on {found.database}?", yes=yes)
        done = _on(dsn, lambda connection: apply_wall(connection, declared))
        _say(f"Done: {_count(done.plan)} on {found.database}, in one transaction.")
        if done.key is None:
            _say("The keys are those that there were.")
        else:
            _say("The server's key follows. It cannot be shown again: Sealed(key=...) takes it.")
            give_key(done.key)


@app.command()
def check(wall: Declaration, *, dsn: Dsn = None) -> None:
    """Say whether the database is exactly as declared: exit code 0, or else 1."""
    declared = load(wall, [Wall])
    found = _on(dsn, lambda connection: plan_wall(connection, declared))
    differences = found.refusals or first_words(found.statements)
    if not differences:
        typer.echo(f"{found.database} is exactly as declared.")
        return
    words = "Why apply would not mend it" if found.refusals else f"To mend it, {_count(found)}"
    typer.echo(f"{found.database} is not as declared. {words}:")
    for line in differences:
        typer.echo(f"  {line}")
    raise typer.Exit(1)


@app.command("rotate-keys")
def rotate(
    *,
    dsn: Dsn = None,
    overlap: Annotated[str, typer.Option(help="How long the old key is still good.")] = "24h",
    key_file: KeyFile = None,
) -> None:
    """Make a new key for servers; they go on with the old one for a while."""
    overlap_s = seconds(overlap)

    async def work(connection: Connection) -> tuple[str, dt.datetime]:
        key = await rotate_keys(connection, overlap_s=overlap_s)
        return key, await connection.fetchval("SELECT clock_timestamp()")

    with place_for_key(key_file) as give_key:
        key, now = _on(dsn, work)
        until = (now + dt.timedelta(seconds=overlap_s)).astimezone(dt.UTC)
        _say(f"The old key is good until {until:%Y-%m-%d %H:%M:%S} UTC. The new one follows.")
        give_key(key)


@app.command()
def remove(*, dsn: Dsn = None, yes: Yes = False, sql: Sql = False) -> None:
    """Take away everything that the wall has added, in one transaction."""
    found = _on(dsn, plan_removal)
    if found.refusals:
        raise ConfigurationError(" ".join(found.refusals))
    if sql:
        _print_sql(found)
        return
    _say(f"{_count(found)}, which --sql shows. Servers that use this wall stop working.")
    _ask(f"Take the wall of {found.database} down?", yes=yes)
    _on(dsn, remove_wall)
    _say(f"The wall of {found.database} is gone.")


def _on(dsn: str | None, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Do one thing on a connection of its own: nothing is held open while somebody is asked."""
    if not dsn:
        raise ConfigurationError("Say which database: --dsn, or MCPDB_ADMIN_DSN.")

    async def run() -> T:
        async with connected(dsn) as connection:
            connection.add_log_listener(_tell)
            return await work(connection)

    return asyncio.run(run())


def _tell(_: object, message: object) -> None:
    """Pass on what the wall's own statements say, such as which roles stay."""
    if str(words := getattr(message, "message", "")).startswith("the role "):
        _say(f"Note: {words}.")


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("There is no terminal to ask at: say --yes. Nothing was changed.")
    # Typer's own way to ask prints a blank to standard output, where the key will be.
    typer.echo(f"{question} [y/N]: ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise ConfigurationError("Nothing was changed.")


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _count(found: Plan) -> str:
    number = len(first_words(found.statements))
    return f"{number} statement{'' if number == 1 else 's'}"


def _print_sql(found: Plan) -> None:
    for refusal in found.refusals:
        _say(refusal)
    if not found.refusals:
        typer.echo(found.sql or "-- Nothing to do: the database is as declared.\n", nl=False)


def _as_json(found: Plan) -> dict[str, Any]:
    return {
        "database": found.database,
        "version": f"{found.version // 10_000}.{found.version % 10_000}",
        "roles": [
            {
                "role": each.role,
                "does": each.does,
                "change": each.change,
                "declared": each.is_declared,
            }
            for each in found.losses
        ],
        "missing": list(found.missing),
        "refusals": list(found.refusals),
        "statements": list(found.statements),
        "makes_key": found.makes_key,
    }
