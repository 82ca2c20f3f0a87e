"""The command `zava`: serve, seed, tour."""

import asyncio
import datetime as dt
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import typer

from mcpdb import ConfigurationError, FixedTenancy, McpdbError, TenancyProvider
from zava import services
from zava.catalogue import load_catalogue
from zava.generate import DEFAULT_SEED, Plan
from zava.identity import NoIdentity, development_identity, named_tenant
from zava.progress import progress_bars

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Zava DIY: the reference server of mcpdb, a retailer with eight stores.",
)

Data: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Folder of the embedded PostgreSQL, seeded first when it is empty."),
]
Dsn: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Your own PostgreSQL instead: postgresql://zava_app@host/database, with its key in "
        "the environment as ZAVA_KEY."
    ),
]
SqlDsn: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="With --dsn, for the tool that takes SQL: postgresql://zava_sql@host/database. "
        "Without it there is no such tool."
    ),
]
Size: TypeAlias = Annotated[
    Literal["small", "full"] | None,
    typer.Option(
        help="full (50,000 customers, 414,000 order lines) or small (a fiftieth). "
        "By default what is there, or else full."
    ),
]
Port: TypeAlias = Annotated[int, typer.Option(min=1, max=65_535, help="Port on 127.0.0.1.")]


@app.command()
def serve(  # noqa: PLR0913  # each is an option of the command line
    *,
    data: Data = None,
    dsn: Dsn = None,
    sql_dsn: SqlDsn = None,
    http: Annotated[bool, typer.Option("--http", help="Over HTTP, not stdio.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="HTTP: port on 127.0.0.1, else 8091.")
    ] = None,
    store: Annotated[str | None, typer.Option(help="stdio: as this store's manager.")] = None,
    region: Annotated[str | None, typer.Option(help="stdio: as this region's manager.")] = None,
    head_office: Annotated[
        bool, typer.Option("--head-office", help="stdio: as the head office.")
    ] = False,
    dev_identity: Annotated[
        bool,
        typer.Option(
            "--dev-identity",
            help="HTTP: take the identity from the header x-rls-user-id, from this machine only. "
            "Without it every call is refused.",
        ),
    ] = False,
    size: Size = None,
) -> None:
    """Serve Zava to MCP clients, over stdio or HTTP."""
    # From the environment, because other users of the machine can read command lines.
    key = os.environ.get("ZAVA_KEY") or None
    place = services.Place(data=data, dsn=dsn, key=key, sql_dsn=sql_dsn)
    tenant = named_tenant(store=store, region=region, head_office=head_office)
    tenancy: TenancyProvider
    if http:
        if tenant is not None:
            raise ConfigurationError("--store, --region and --head-office are for stdio.")
        tenancy = development_identity() if dev_identity else NoIdentity()
    elif dev_identity or port is not None:
        raise ConfigurationError("--dev-identity and --port are for --http.")
    elif tenant is None:
        raise ConfigurationError("Say who asks: --store, --region or --head-office.")
    else:
        tenancy = FixedTenancy(tenant)

    async def work() -> None:
        async with services.seeded_place(place, _plan(size), bars=progress_bars) as ready:
            await services.serve(ready, tenancy, "http" if http else "stdio", port=port or 8091)

    logging.getLogger("mcpdb").setLevel(logging.INFO)  # which says where it listens
    _run(work())


@app.command()
def seed(  # noqa: PLR0913  # each is an option of the command line
    *,
    data: Data = None,
    dsn: Annotated[
        str | None, typer.Option(help="Your own PostgreSQL, as one who may create roles.")
    ] = None,
    size: Annotated[Literal["small", "full"], typer.Option(help="How much.")] = "full",
    number: Annotated[
        int, typer.Option("--seed", min=0, help="Another one gives other people and orders.")
    ] = DEFAULT_SEED,
    until: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day of orders; by default today."),
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="A JSON file of products, ours or in the original format.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Drop what is there.")] = False,
) -> None:
    """Fill a database with Zava's stores, products, customers and orders."""
    place = services.Place(data=data, dsn=dsn)
    plan = Plan(
        size=size,
        seed=number,
        until=until.date() if until else None,
        catalogue=load_catalogue(catalogue) if catalogue else None,
    )

    async def work() -> None:
        found = await services.seed_place(place, plan, replace=replace, bars=progress_bars)
        info = found.info
        typer.echo(f"Seeded: size {info.size}, seed {info.seed}, orders until {info.until}.")
        if dsn is not None:
            typer.echo(
                "The server logs in as zava_app, and for SQL that a model writes as zava_sql: give"
                " each a password (psql: \\password)."
            )
            if found.key is None:
                typer.echo("Its key is as it was; `mcpdb isolation rotate-keys` makes a new one.")
            else:
                typer.echo(
                    "Its key, shown this once, goes into the environment of `zava serve --dsn`:\n"
                    f"ZAVA_KEY={found.key}"
                )

    _run(work())


@app.command()
def tour(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the embedded PostgreSQL.")] = Path(".zava"),
    port: Port = 8091,
    size: Size = None,
    tour_only: Annotated[
        bool, typer.Option("--tour-only", help="End after the tour instead of serving on.")
    ] = False,
) -> None:
    """Ask the same questions as three people, side by side; then go on serving."""
    from zava.tour import guide  # noqa: PLC0415  # rich and a client: `serve` starts without them

    place = services.Place(data=data, dsn=None)
    _run(guide(place, _plan(size), port=port, go_on=not tour_only))


def main() -> None:
    """Run the command line: an error that its user can mend is one line and the exit code 1."""
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    try:
        app()
    except McpdbError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        raise SystemExit(130) from None


def _plan(size: Literal["small", "full"] | None) -> Plan | None:
    return None if size is None else Plan(size=size)


def _run(work: Coroutine[Any, Any, None]) -> None:
    async def until_done() -> None:
        # SIGTERM like SIGINT, for which asyncio cancels this task: what is open gets closed. While
        # it serves, the server has handlers of its own.
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
        await work

    asyncio.run(until_done())
