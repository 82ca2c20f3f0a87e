"""Providers open in order with the database and close in reverse, also when one cannot open."""

import asyncio
from collections.abc import Sequence

import anyio
import pytest
from mcp import Client
from typing_extensions import override

from calls.support import ERAS, NAP_S, Admin, Dsn, Era, call, no_backends, pool, sleepers
from mcpdb import (
    ConfigurationError,
    Database,
    DatabaseUnavailable,
    EmbeddingProvider,
    EmbeddingsUnavailable,
    FixedTenancy,
    PlainSetting,
    Server,
    TenancyProvider,
    Tenant,
)
from mcpdb.provider import Provider
from shop import shop_server

OPENED = ["tenancy opens", "embeddings opens"]
CLOSED = ["embeddings closes", "tenancy closes"]


class Recording(Provider):
    """Writes down when it is opened and closed, and fails or waits where it is told to."""

    role: str

    def __init__(self, diary: list[str]) -> None:
        self.diary = diary
        self.failures: list[Exception] = []
        self.opening = asyncio.Event()
        self.gate: asyncio.Event | None = None
        self.hangs = False

    @override
    async def open(self) -> None:
        self.diary.append(f"{self.role} opens")
        self.opening.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop()

    @override
    async def close(self) -> None:
        await asyncio.sleep(0)  # a cancellation of whoever closes would be felt here
        if self.hangs:
            await asyncio.Event().wait()
        self.diary.append(f"{self.role} closes")


class Directory(Recording, FixedTenancy):
    role = "tenancy"

    def __init__(self, diary: list[str]) -> None:
        Recording.__init__(self, diary)
        FixedTenancy.__init__(self, Tenant.of("north"))


class Embedder(Recording, EmbeddingProvider):
    role = "embeddings"
    name = "recording"
    dimensions = 2

    @override
    async def embed_batch(self, texts: Sequence[str], *, kind: str) -> list[Sequence[float]]:
        return [(1.0, 0.0) for _ in texts]


@pytest.fixture
def diary() -> list[str]:
    """What the providers wrote down."""
    return []


@pytest.fixture
def tenancy(diary: list[str]) -> Directory:
    """Opened first."""
    return Directory(diary)


@pytest.fixture
def embeddings(diary: list[str]) -> Embedder:
    """Opened last."""
    return Embedder(diary)


@pytest.fixture
def server(shop: Dsn, tenancy: Directory, embeddings: Embedder) -> Server:
    """The shop with providers that write a diary."""
    return shop_server(shop(), tenancy=tenancy, embeddings=embeddings)


async def test_providers_open_in_order_and_close_in_reverse(
    server: Server, diary: list[str], admin: Admin
) -> None:
    """After the database itself is known to answer, and before its connections are closed."""
    async with server.database:
        assert diary == OPENED
    assert diary == OPENED + CLOSED
    await no_backends(admin)


async def test_opening_twice_shares_and_the_last_to_leave_closes(
    server: Server, diary: list[str]
) -> None:
    """Also when both open at the same moment."""
    async with asyncio.TaskGroup() as group:
        group.create_task(server.database.open())
        group.create_task(server.database.open())
    assert diary == OPENED
    shared = pool(server)
    await server.database.close()
    assert pool(server) is shared
    await call(server, "shares")
    await server.database.close()
    await server.database.close()
    assert diary == OPENED + CLOSED
    with pytest.raises(ConfigurationError, match="The database is not open"):
        await call(server, "shares")


async def test_a_database_that_was_closed_opens_again(server: Server, diary: list[str]) -> None:
    """With the same providers."""
    for _ in range(2):
        async with server.database:
            await call(server, "shares")
    assert diary == (OPENED + CLOSED) * 2


async def test_a_provider_that_cannot_open_closes_those_before_it(
    server: Server, diary: list[str], embeddings: Embedder, admin: Admin
) -> None:
    """Its error comes out, nothing stays open, and a later opening works."""
    embeddings.failures = [EmbeddingsUnavailable("The model is not there.")]
    with pytest.raises(EmbeddingsUnavailable):
        await server.database.open()
    assert diary == [*OPENED, "tenancy closes"]
    await no_backends(admin)
    diary.clear()
    async with server.database:
        await call(server, "shares")
    assert diary == OPENED + CLOSED


async def test_a_database_that_cannot_be_reached_opens_no_provider(
    diary: list[str], tenancy: TenancyProvider
) -> None:
    """The wall comes first."""
    database = Database(
        "postgresql+asyncpg://nobody@127.0.0.1:1/none",
        tenancy=tenancy,
        isolation=PlainSetting(setting="app.tenant"),
    )
    with pytest.raises(ConfigurationError):
        await database.open()
    assert diary == []


async def test_an_opening_that_is_cancelled_leaves_nothing_open(
    server: Server, diary: list[str], embeddings: Embedder, admin: Admin
) -> None:
    """What was open by then is closed, and the next opening works."""
    embeddings.gate = asyncio.Event()
    opening = asyncio.create_task(server.database.open())
    await embeddings.opening.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert diary == [*OPENED, "tenancy closes"]
    await no_backends(admin)
    embeddings.gate.set()
    async with server.database:
        await call(server, "shares")


async def test_a_cancelled_scope_closes_everything_on_its_way_out(
    server: Server, diary: list[str], admin: Admin
) -> None:
    """anyio cancels every await in it; those of the closing are spared."""
    with anyio.CancelScope() as scope:
        async with server.database:
            await call(server, "shares")
            scope.cancel()
            await asyncio.Event().wait()
    assert scope.cancelled_caught
    assert diary == OPENED + CLOSED
    await no_backends(admin)


@pytest.mark.parametrize("era", ERAS)
async def test_a_server_whose_task_is_cancelled_closes_everything(
    server: Server, diary: list[str], admin: Admin, era: Era
) -> None:
    """Through the SDK's lifespan."""
    answered = asyncio.Event()

    async def serve() -> None:
        async with Client(server.mcp(), mode=era, cache=None) as client:
            await client.call_tool("shares")
            answered.set()
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    await answered.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert diary == OPENED + CLOSED
    await no_backends(admin)


async def test_a_call_in_flight_when_the_database_closes_ends_with_an_error(
    server: Server, admin: Admin
) -> None:
    """Not with a cancellation that nobody asked for; and its query stops."""
    await server.database.open()
    calling = asyncio.create_task(call(server, "slow", seconds=NAP_S))
    await sleepers(admin)
    await server.database.close()
    with pytest.raises(DatabaseUnavailable, match="The database was closed during the call"):
        await calling
    await no_backends(admin)


async def test_a_provider_that_does_not_close_is_left_after_a_while(
    server: Server,
    diary: list[str],
    embeddings: Embedder,
    admin: Admin,
    *,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says which; the others and PostgreSQL's connections are closed all the same."""
    monkeypatch.setattr("mcpdb.database._CLOSE_S", 0.2)
    embeddings.hangs = True
    async with server.database:
        await call(server, "shares")
    assert diary == [*OPENED, "tenancy closes"]
    assert "Embedder did not close within 0.2 s." in caplog.text
    await no_backends(admin)


async def test_a_server_that_cannot_watch_its_clients_is_used_without(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL before 14, or on Windows, refuses the setting: that is not an outage."""
    monkeypatch.setattr("mcpdb.opening._WATCH", "client_connection_no_such_interval")
    async with server.database:
        await call(server, "shares")
