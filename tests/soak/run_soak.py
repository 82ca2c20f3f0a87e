"""`make soak`: ten million rows direct and ten through PgBouncer, each with both ways to begin a
transaction, and the mutant."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

from mcpdb.embedded import EmbeddedPostgres
from mcpdb.isolation import Sealed
from servers import Cluster, Fresh, fresh_database
from soak.crowd import Outcome, make_database, make_server, plain_entries, soak
from soak.mutant import SessionSetting, committing
from soak.test_soak import way

MUTANT_ROWS: Final = 400_000
_SETTINGS: Final = {"fsync": "off", "shared_buffers": "128MB"}


async def _run(rows: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="mcpdb-soak-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # noqa: ASYNC240  # before anything runs
        async with (
            EmbeddedPostgres(folder / "postgres", settings=_SETTINGS) as postgres,
            fresh_database(await Cluster.of(postgres)) as database,
        ):
            connection = await asyncpg.connect(database.dsn())
            key = await make_database(
                connection, app=database.role("app"), keeper=database.role("keeper")
            )
            await connection.close()
            good = [
                await _soaked(database, key, rows, folder, pooled=pooled, single_flight=flies)
                for pooled in (False, True)
                for flies in (False, True)
            ]
            red = [await _mutant(database, folder, pooled=p) for p in (False, True)]
    return all(good) and all(red)


async def _soaked(  # what is soaked, and how
    database: Fresh, key: str, rows: int, folder: Path, *, pooled: bool, single_flight: bool
) -> bool:
    async with way(database, database.role("app"), folder, pooled=pooled) as dsn:
        sealed = Sealed(key=key)
        server = make_server(dsn, sealed, pooler=pooled, single_flight=single_flight)
        outcome = await soak(server, rows=rows)
    _say("sealed, one flight" if single_flight else "sealed", outcome, pooled=pooled)
    return not outcome.wrong and not outcome.errors


async def _mutant(database: Fresh, folder: Path, *, pooled: bool) -> bool:
    async with way(database, database.admin, folder, pooled=pooled) as dsn:
        with committing():
            server = make_server(dsn, SessionSetting(), pooler=pooled, table=plain_entries)
            outcome = await soak(server, rows=MUTANT_ROWS)
    _say("mutant", outcome, pooled=pooled)
    return "foreign" in outcome.wrong


def _say(what: str, outcome: Outcome, *, pooled: bool) -> None:
    print(  # noqa: T201  # the result
        f"{what:18} {'PgBouncer' if pooled else 'direct':9} {outcome.rows:>11,} rows in"
        f" {outcome.calls:,} calls, {outcome.cancelled:,} cancelled,"
        f" {outcome.wrong.count('foreign')} calls with foreign rows,"
        f" {outcome.wrong.count('missing')} with rows missing,"
        f" {len(outcome.errors)} errors, {outcome.seconds:.0f} s",
        flush=True,
    )


def main() -> None:
    """Exit 1 if a foreign row was seen, or the mutant was not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    sys.exit(0 if asyncio.run(_run(parser.parse_args().rows)) else 1)


if __name__ == "__main__":
    main()
