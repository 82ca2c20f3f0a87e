"""`mcpdb doctor`: what keeps a server from starting, and what could be better."""

import asyncio
import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from sqlalchemy.engine import URL

from mcpdb.cli.load import load
from mcpdb.cli.show import show_diagnosis
from mcpdb.config import PoolConfig
from mcpdb.database import Database
from mcpdb.errors import ConfigurationError
from mcpdb.isolation.base import Isolation
from mcpdb.operate.connect import connected
from mcpdb.operate.doctor import Diagnosis, examine
from mcpdb.server import Server


def doctor(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A Server or a Database, or a function that returns one, as module:attribute."
        ),
    ] = None,
    *,
    dsn: Annotated[
        str | None,
        typer.Option(help="Instead: the server's login, for what can be seen without its key."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Say what keeps a server from starting on its database, and what could be better there."""
    if (target is None) == (dsn is None):
        raise ConfigurationError(
            "Say what to look at: a target, or --dsn. See mcpdb doctor --help."
        )
    if target is not None:
        found = _of_target(target)
    else:
        found = asyncio.run(_examine(dsn or "", isolation=None, pool=None))
    if as_json:
        typer.echo(json.dumps(_as_json(found), indent=2))
    else:
        show_diagnosis(found)
    if not found.is_ok:
        raise typer.Exit(1)


def _of_target(target: str) -> Diagnosis:
    loaded: Server | Database = load(target, [Server, Database], calls=True)
    database = loaded.database if isinstance(loaded, Server) else loaded
    url, isolation, pool = _inside(database)
    return asyncio.run(_examine(dsn_of(url), isolation=isolation, pool=pool))


async def _examine(dsn: str, *, isolation: Isolation | None, pool: PoolConfig | None) -> Diagnosis:
    async with connected(dsn) as connection:
        return await examine(connection, isolation=isolation, pool=pool)


def _inside(database: Database) -> tuple[URL, Isolation, PoolConfig]:
    """What a database was made with. It is not opened: it may be one that does not open."""
    inside: Any = database
    lane = inside._lane  # noqa: SLF001
    return lane._url, lane._isolation, lane._config  # noqa: SLF001


def dsn_of(url: URL) -> str:
    """The URL as the driver reads it, which has its own names for some options."""
    query = {name: value for name, value in url.query.items() if name not in _OURS}
    if "ssl" in url.query:
        query["sslmode"] = url.query["ssl"]
    hosts = query.get("host", ())
    if isinstance(hosts, tuple):  # several servers, each `host:port`
        pairs = [each.partition(":") for each in hosts]
        query["host"] = ",".join(host for host, _, _ in pairs)
        query["port"] = ",".join(port or "5432" for _, _, port in pairs)
    plain = url.set(drivername="postgresql", query={})
    options = "&".join(f"{name}={quote(str(value))}" for name, value in query.items() if value)
    return plain.render_as_string(hide_password=False) + (f"?{options}" if options else "")


_OURS = frozenset({"prepared_statement_cache_size", "ssl"})


def _as_json(found: Diagnosis) -> dict[str, Any]:
    return {
        "database": found.database,
        "login": found.login,
        "version": f"{found.version // 10_000}.{found.version % 10_000}",
        "pooler": found.pooler,
        "clock_s": round(found.clock_s, 3),
        "notes": list(found.notes),
        "findings": [
            {
                "level": finding.level,
                "code": finding.code,
                "message": finding.message,
                "mend": finding.mend,
            }
            for finding in found.findings
        ],
        "ok": found.is_ok,
    }
