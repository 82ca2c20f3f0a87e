"""Seeding that is cut off, in its way, or watched."""

import asyncio
import os
import signal
from collections.abc import Callable

import asyncpg
import pytest

from mcpdb import DatabaseUnavailable, EmbeddingProvider, EmbeddingsUnavailable, HashedEmbeddings
from stores import Connect, checksum
from zava.generate import Plan
from zava.load import Seeded, seed, seeded

STEPS = [
    *("stores", "store_access", "categories", "product_types", "products", "inventory"),
    *("embeddings", "customers", "orders", "order_items", "indexes"),
]


@pytest.fixture
async def admin(connect: Connect, empty: str) -> asyncpg.Connection:
    return await connect(empty, "postgres")


def raise_an_error(_admin: asyncpg.Connection) -> None:
    raise RuntimeError("stop here")


def cancel_the_task(_admin: asyncpg.Connection) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


def kill_the_connection(admin: asyncpg.Connection) -> None:
    os.kill(admin.get_server_pid(), signal.SIGTERM)  # as pg_terminate_backend does


@pytest.mark.parametrize("step", ["stores", "embeddings", "order_items", "indexes"])
@pytest.mark.parametrize(
    ("interrupt", "error"),
    [
        (raise_an_error, RuntimeError),
        (cancel_the_task, asyncio.CancelledError),
        (kill_the_connection, DatabaseUnavailable),
    ],
)
async def test_an_interrupted_seed_is_repaired_by_the_next_one(  # noqa: PLR0917  # fixtures
    connect: Connect,
    empty: str,
    zava: str,
    plan: Plan,
    embeddings: HashedEmbeddings,
    step: str,
    interrupt: Callable[[asyncpg.Connection], None],
    error: type[BaseException],
) -> None:
    first, second = await connect(empty, "postgres"), await connect(empty, "postgres")

    stopped = False

    def stop(reached: str, done: int, _total: int) -> None:
        nonlocal stopped
        if reached == step and done > 0 and not stopped:
            stopped = True
            interrupt(first)

    with pytest.raises(error):
        await asyncio.create_task(seed(first, plan, embeddings=embeddings, progress=stop))
    await seed(second, plan, embeddings=embeddings)
    assert await checksum(second) == await checksum(await connect(zava, "postgres"))


async def test_a_connection_that_is_lost_while_the_socket_is_full_ends_the_seed(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    backend = admin.get_server_pid()
    full = asyncio.Event()

    def stop_reading(step: str, done: int, _total: int) -> None:
        if step == "order_items" and done == 0:
            os.kill(backend, signal.SIGSTOP)
            full.set()

    async def die() -> None:
        await full.wait()
        for _ in range(1_000):  # turns in which the seed fills the socket, and then waits
            await asyncio.sleep(0)
        os.kill(backend, signal.SIGTERM)
        os.kill(backend, signal.SIGCONT)

    dying = asyncio.create_task(die())
    with pytest.raises(DatabaseUnavailable):
        async with asyncio.timeout(30):
            await seed(admin, plan, embeddings=embeddings, progress=stop_reading)
    await dying


async def test_an_interrupted_seed_leaves_no_schema(
    connect: Connect,
    empty: str,
    admin: asyncpg.Connection,
    plan: Plan,
    out_of_order: EmbeddingProvider,
) -> None:
    with pytest.raises(EmbeddingsUnavailable):
        await seed(admin, plan, embeddings=out_of_order)
    assert await seeded(admin) is None
    schemas = await (await connect(empty, "postgres")).fetchval(
        "SELECT count(*) FROM pg_namespace WHERE nspname IN ('retail', 'mcpdb')"
    )
    assert schemas == 0


async def test_of_two_seeds_at_once_one_works_and_the_other_finds_it_done(
    connect: Connect, empty: str, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    workers: set[int] = set()

    async def work(number: int) -> Seeded:
        connection = await connect(empty, "postgres")

        def note(_step: str, _done: int, _total: int) -> None:
            workers.add(number)

        return await seed(connection, plan, embeddings=embeddings, progress=note)

    first, second, third = await asyncio.gather(*map(work, range(3)))
    assert first.info == second.info == third.info
    assert len(workers) == 1
    assert sum(each.key is not None for each in (first, second, third)) == 1


async def test_others_may_run_while_a_seed_is_under_way(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    turns = 0
    seen: list[int] = []

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def note(_step: str, done: int, _total: int) -> None:
        if done > 0:
            seen.append(turns)

    other = asyncio.create_task(take_turns())
    await seed(admin, plan, embeddings=embeddings, progress=note)
    other.cancel()
    assert len(seen) > 10
    assert len(set(seen)) == len(seen)


async def test_progress_only_goes_up_and_ends_at_the_total(
    admin: asyncpg.Connection, plan: Plan, embeddings: HashedEmbeddings
) -> None:
    calls: dict[str, list[tuple[int, int]]] = {}

    def note(step: str, done: int, total: int) -> None:
        calls.setdefault(step, []).append((done, total))

    await seed(admin, plan, embeddings=embeddings, progress=note)
    assert list(calls) == STEPS
    for each in calls.values():
        done = [done for done, _ in each]
        assert done == sorted(done)
        assert done[0] == 0
        assert each[-1][0] == each[-1][1]
        assert all(done <= total for done, total in each)
