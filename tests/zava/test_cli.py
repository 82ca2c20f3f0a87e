"""The command `zava` as its users run it: processes of their own, on folders of their own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from mcpdb.embedded import EmbeddedPostgres
from zava.identity import HEADER, manager_id
from zava.key import key_file

ZAVA = str(Path(sys.executable).with_name("zava"))
PATIENCE_S = 50
STORE_ROWS = {
    "Seattle": [["Zava Retail Seattle", False]],
    "Redmond": [["Zava Retail Redmond", False]],
}

pytestmark = pytest.mark.timeout(180)


def zava(*arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ZAVA, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment(key),
    )


def environment(key: str | None) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if name != "ZAVA_KEY"}
    return others if key is None else {**others, "ZAVA_KEY": key}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that was seeded by the command and cleanly stopped."""
    folder = tmp_path_factory.mktemp("zava") / "data"
    done = zava("seed", "--data", str(folder), "--size", "small", "--until", "2026-10-31")
    assert done.returncode == 0, done.stderr
    assert "Seeded: size small" in done.stdout
    assert "ZAVA_KEY" not in done.stdout
    assert "mcpdb-key-" not in done.stdout + done.stderr
    return folder


@asynccontextmanager
async def http_server(
    data: Path, *options: str
) -> AsyncGenerator[tuple[str, asyncio.subprocess.Process]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(ZAVA, "serve", "--data", str(data), "--http", "--port", str(port), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await until_ready(port)
        yield f"http://127.0.0.1:{port}/mcp", process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE_S)


async def until_ready(port: int) -> None:
    async with asyncio.timeout(PATIENCE_S), httpx2.AsyncClient() as client:
        while True:
            try:
                response = await client.get(f"http://127.0.0.1:{port}/health/ready")
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
            else:
                assert response.json() == {"status": "ready"}
                return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def ask(url: str, mode: str, headers: dict[str, str]) -> tuple[bool, str]:
    """Whether the call was refused, and the text of its answer."""
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        result = await client.call_tool("sales_by_store", {"days": 366})
        return result.is_error, "".join(getattr(block, "text", "") for block in result.content)


def stores(text: str) -> list[list[object]]:
    return [row[:2] for row in json.loads(text)["rows"]]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_over_http_each_manager_sees_the_own_store(data: Path, mode: str) -> None:
    async with http_server(data, "--dev-identity") as (url, process):
        for store, rows in STORE_ROWS.items():
            refused, text = await ask(url, mode, {HEADER: manager_id(store)})
            assert not refused
            assert stores(text) == rows
        for headers in ({}, {HEADER: "Seattle"}, {HEADER: ""}):
            refused, text = await ask(url, mode, headers)
            assert refused
            assert text.endswith("[tenant]")
        process.send_signal(signal.SIGTERM)
        printed, problems = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0
    assert b"Traceback" not in problems
    assert b"mcpdb-key-" not in printed + problems
    assert key_file(data).read_text().split("-")[-1].strip().encode() not in printed + problems


async def test_without_dev_identity_nobody_is_believed(data: Path) -> None:
    async with http_server(data) as (url, _):
        for identity in (manager_id("Seattle"), "00000000-0000-0000-0000-000000000000"):
            refused, text = await ask(url, "auto", {HEADER: identity})
            assert refused
            assert "--dev-identity" in text
            assert identity not in text


@pytest.mark.parametrize("store", STORE_ROWS)
async def test_over_stdio_the_command_line_says_who_asks(data: Path, store: str) -> None:
    arguments = ["serve", "--data", str(data), "--store", store.lower()]
    async with Client(StdioServerParameters(command=ZAVA, args=arguments)) as client:
        result = await client.call_tool("sales_by_store", {"days": 366})
    assert [row[:2] for row in result.structured_content["rows"]] == STORE_ROWS[store]


async def test_two_servers_share_one_folder(data: Path) -> None:
    arguments = ["serve", "--data", str(data), "--head-office"]
    async with http_server(data, "--dev-identity") as (url, _):
        async with Client(StdioServerParameters(command=ZAVA, args=arguments)) as client:
            result = await client.call_tool("sales_by_store", {"days": 366})
        assert len(result.structured_content["rows"]) == 8
        refused, _ = await ask(url, "auto", {HEADER: manager_id("Seattle")})
        assert not refused


KEY = f"mcpdb-key-1-{'A' * 43}"
REFUSALS: Sequence[tuple[list[str], str]] = (
    (["serve", "--store", "Seattle"], "--data"),
    (["serve", "--data", "{data}"], "--store"),
    (["serve", "--data", "{data}", "--store", "Paris"], "Choose among: Seattle"),
    (["serve", "--data", "{data}", "--store", "Seattle", "--head-office"], "Choose one"),
    (["serve", "--data", "{data}", "--http", "--store", "Seattle"], "for stdio"),
    (["serve", "--data", "{data}", "--dev-identity"], "for --http"),
    (["serve", "--data", "{data}", "--store", "Seattle", "--size", "full"], "size"),
    (["serve", "--data", "{data}", "--dsn", "postgresql://a@b/c", "--http"], "either"),
    (
        ["serve", "--dsn", "postgresql://u:secret@127.0.0.1:1/z", "--http"],
        "--dsn",
    ),
    (["serve", "--dsn", "mysql://u:secret@127.0.0.1:1/z", "--http"], "--dsn"),
    (["serve", "--data", "{data}", "--store", "Seattle", "--port", "9"], "for --http"),
    (["seed", "--data", "{data}", "--size", "full"], "--replace"),
    (["seed", "--data", "{data}", "--catalogue", "nowhere.json"], "nowhere.json"),
    (["seed", "--dsn", "postgresql://u:secret@127.0.0.1:1/z"], "does not answer"),
    (["seed", "--dsn", "not a url"], "--dsn"),
    (["tour", "--data", "/dev/null/nowhere", "--tour-only"], "/dev/null"),
)


@pytest.mark.parametrize(("arguments", "said"), REFUSALS, ids=lambda value: str(value)[:60])
def test_a_command_that_cannot_go_on_says_why_in_one_line(
    data: Path, arguments: list[str], said: str
) -> None:
    done = zava(*(argument.format(data=data) for argument in arguments), key=KEY)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1, done.stderr
    assert said in lines[0]
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
    assert KEY not in done.stderr


def test_a_port_that_is_taken_is_one_line(data: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        for command in (["serve", "--http"], ["tour", "--tour-only"]):
            done = zava(*command, "--data", str(data), "--port", port)
            assert done.returncode == 1
            assert port in done.stderr
            assert "Traceback" not in done.stderr


def test_the_tour_shows_three_people_their_own_rows(data: Path) -> None:
    done = zava("tour", "--data", str(data), "--port", str(free_port()), "--tour-only")
    assert done.returncode == 0, done.stderr
    (redmond,) = [line for line in done.stdout.splitlines() if line.startswith("│ Redmond")]
    seattle_sees, redmond_sees, head_office_sees = redmond.split("│")[2:5]
    assert seattle_sees.strip() == "·"
    assert "orders" in redmond_sees
    assert "order" in head_office_sees
    assert "[tenant]" in done.stdout
    assert "mcpdb-key-" not in done.stdout + done.stderr


async def test_a_server_of_one_s_own_is_seeded_and_served_with_its_key(
    postgres: EmbeddedPostgres, empty: str
) -> None:
    admin = postgres.dsn(database=empty, user="postgres")
    app = postgres.dsn(database=empty, user="zava_app")
    sizes = ("--size", "small", "--until", "2026-10-31")
    done = zava("seed", "--dsn", admin, *sizes)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("ZAVA_KEY=")]
    key = line.removeprefix("ZAVA_KEY=")
    assert done.stdout.count("mcpdb-key-") == 1
    assert "mcpdb-key-" not in done.stderr
    again = zava("seed", "--dsn", admin, *sizes)
    assert again.returncode == 0, again.stderr
    assert "mcpdb-key-" not in again.stdout + again.stderr

    arguments = ["serve", "--dsn", app, "--store", "Redmond"]
    parameters = StdioServerParameters(command=ZAVA, args=arguments, env=environment(key))
    async with Client(parameters) as client:
        result = await client.call_tool("sales_by_store", {"days": 366})
    assert [row[:2] for row in result.structured_content["rows"]] == STORE_ROWS["Redmond"]

    for wrong, said in ((None, "ZAVA_KEY"), ("key", "not a key"), (KEY, "refuses this server")):
        done = zava(*arguments, key=wrong)
        assert done.returncode == 1
        assert said in done.stderr
        assert "rotate-keys" in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "mcpdb-key-1-A" not in done.stderr


async def test_ctrl_c_ends_the_tour_server_cleanly(data: Path) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(ZAVA, "tour", "--data", str(data), "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        printed = ""
        while "mcp.json" not in printed:
            printed += (await process.stdout.readline()).decode()
        process.send_signal(signal.SIGINT)
        _, problems = await process.communicate()
    assert process.returncode == 0, problems.decode()
    assert b"Traceback" not in problems
