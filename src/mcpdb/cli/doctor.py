"""`mcpdb doctor`: what keeps a server from starting, and what could be better."""

import asyncio
import json
from collections.abc import Mapping, Sequence
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
        first, *others = _of_target(target)
    else:
        first, others = asyncio.run(_examine(dsn or "", isolation=None, pool=None)), []
    if as_json:
        for_sql = {"sql": _as_json(others[0])} if others else {}
        typer.echo(json.dumps(_as_json(first) | for_sql, indent=2))
    else:
        for found in (first, *others):
            show_diagnosis(found)
    if not all(found.is_ok for found in (first, *others)):
        raise typer.Exit(1)


def _of_target(target: str) -> Sequence[Diagnosis]:
    """Of the login, and of the one for SQL that a model writes, where there is one."""
    loaded: Server | Database = load(target, [Server, Database], calls=True)
    database = loaded.database if isinstance(loaded, Server) else loaded
    return [
        asyncio.run(_examine(dsn_of(url), isolation=isolation, pool=pool, is_for_sql=name == "sql"))
        for name, (url, isolation, pool) in _inside(database).items()
    ]


async def _examine(
    dsn: str, *, isolation: Isolation | None, pool: PoolConfig | None, is_for_sql: bool = False
) -> Diagnosis:
    async with connected(dsn) as connection:
        return await examine(connection, isolation=isolation, pool=pool, is_for_sql=is_for_sql)


def _inside(database: Database) -> Mapping[str, tuple[URL, Isolation, PoolConfig]]:
    """What a database was made with. It is not opened: it may be one that does not open."""
    inside: Any = database
    return {
        name: (lane._url, lane._isolation, lane._config)  # noqa: SLF001
        for name, lane in inside._lanes.items()  # noqa: SLF001
    }


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
