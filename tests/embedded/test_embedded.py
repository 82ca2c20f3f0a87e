"""One user of one folder: what it gets."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Literal

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

import mcpdb.embedded
from embedded.support import (
    FAST,
    ask,
    free_port,
    names,
    owners,
    serving,
)
from mcpdb.embedded import EmbeddedPostgres


@pytest.mark.parametrize("version", [16, 18])
async def test_a_new_folder_becomes_a_cluster_of_the_version_with_pgvector(
    tmp_path: Path, version: Literal[16, 18]
) -> None:
    """The folder and its parents are made; text is UTF-8 in one order on every machine."""
    folder = tmp_path / "new parent" / "pg"
    async with EmbeddedPostgres(folder, version=version, settings=FAST) as pg:
        assert pg.data_dir == folder
        assert pg.version == version
        number = await ask(pg, "SELECT current_setting('server_version_num')::int / 10000")
        assert number == version
        await ask(pg, "CREATE EXTENSION vector")
        assert await ask(pg, "SELECT '[3,4]'::vector <-> '[0,0]'::vector") == 5
        assert await ask(pg, "SHOW server_encoding") == "UTF8"
        assert await ask(pg, "SELECT lower('ÅÉ') || ('Z' < 'a')") == "åétrue"
        assert await ask(pg, "SHOW data_checksums") == "on"
        assert await ask(pg, "SHOW timezone") == "UTC"
        assert await ask(pg, "SHOW jit") == "off"
    assert serving(folder) is None


async def test_what_was_written_is_there_when_the_folder_is_opened_again(folder: Path) -> None:
    """One object can be opened again; the data is in the folder, not in the object."""
    pg = EmbeddedPostgres(folder, settings=FAST)
    async with pg:
        await ask(pg, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    async with pg:
        assert await ask(pg, "SELECT answer FROM kept") == 42


async def test_an_initialised_folder_opens_in_less_than_half_a_second(folder: Path) -> None:
    """Opening is cheap enough for every run of a test suite (best of three)."""
    durations: list[float] = []
    for _ in range(4):
        before = time.perf_counter()
        async with EmbeddedPostgres(folder):
            durations.append(time.perf_counter() - before)
    assert min(durations[1:]) < 0.5


async def test_the_dsn_works_with_sqlalchemy(folder: Path) -> None:
    """The URL is complete: no further arguments are needed."""
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        await ask(pg, 'CREATE DATABASE "my shop"')
        engine = create_async_engine(pg.dsn(database="my shop", user="postgres"))
        try:
            async with engine.connect() as connection:
                name = (await connection.execute(text("SELECT current_database()"))).scalar()
        finally:
            await engine.dispose()
        assert name == "my shop"


async def test_without_a_port_nothing_listens_on_tcp(folder: Path) -> None:
    """No other user of the machine can even try."""
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        assert await ask(pg, "SHOW listen_addresses") == ""
        assert await ask(pg, "SHOW unix_socket_permissions") == "0700"


async def test_over_tcp_a_role_needs_its_password(folder: Path) -> None:
    """On loopback every user of the machine could come; without a password nobody gets in."""
    port = free_port()
    async with EmbeddedPostgres(folder, port=port, settings=FAST) as pg:
        assert pg.port == port
        await ask(pg, "CREATE ROLE shop LOGIN PASSWORD 'right'")

        async def connect(user: str, password: str) -> None:
            connection = await asyncpg.connect(
                host="127.0.0.1", port=port, user=user, password=password, database="postgres"
            )
            await connection.close()

        await connect("shop", "right")
        for user, password in (("shop", "wrong"), ("postgres", "")):
            with pytest.raises(
                (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)
            ):
                await connect(user, password)


async def test_settings_reach_the_server(folder: Path) -> None:
    """They also win over our defaults."""
    settings = {**FAST, "jit": "on", "work_mem": "5MB"}
    async with EmbeddedPostgres(folder, settings=settings) as pg:
        assert await ask(pg, "SHOW work_mem") == "5MB"
        assert await ask(pg, "SHOW jit") == "on"


@pytest.mark.parametrize("name", ["x" * 120, "a b,c:'d\"é"])
async def test_a_path_that_cannot_hold_a_socket_gets_a_private_one(
    tmp_path: Path, name: str
) -> None:
    """It is short, closed to others, and gone afterwards."""
    folder = tmp_path / name
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        assert await ask(pg, "SELECT 1") == 1
        assert pg.socket_dir.parent != folder
        assert len(str(pg.socket_dir)) < 90
        assert pg.socket_dir.stat().st_mode & 0o077 == 0
        assert owners(folder) == owners(pg.socket_dir)
        place = pg.socket_dir
    assert serving(folder) is None
    assert place.name not in names(place.parent)


async def test_the_event_loop_runs_on_while_a_folder_is_made(new_folder: Path) -> None:
    """Others are served meanwhile: the loop ticks all the time."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with EmbeddedPostgres(new_folder, settings=FAST):
        ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
    assert ticks > 50


async def test_the_server_does_not_inherit_our_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's superuser can read the server's environment, so no secret may be in it."""
    monkeypatch.setenv("SHOP_API_KEY", "do-not-leak")
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1MB")
    async with EmbeddedPostgres(folder, settings=FAST) as pg:
        await ask(pg, "CREATE TABLE IF NOT EXISTS seen (line text)")
        await ask(pg, "COPY seen FROM PROGRAM 'env'")
        seen = await ask(pg, "SELECT string_agg(split_part(line, '=', 1), ' ') FROM seen")
        assert isinstance(seen, str)
        assert "PATH" in seen.split()
        assert "SHOP_API_KEY" not in seen.split()


def test_the_module_makes_one_name_public() -> None:
    """Everything else may change."""
    assert mcpdb.embedded.__all__ == ["EmbeddedPostgres"]
