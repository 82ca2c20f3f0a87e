"""The thread of `check`: shared, deep, and not disturbed by callers who leave."""

import asyncio
import sys
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from mcpdb import SqlRefused
from mcpdb.errors import TooManyCalls
from mcpdb.query.catalog import Catalog
from mcpdb.sql import Guard
from mcpdb.sql.parser import Parser
from mcpdb.sql.stack import DeepStack


def _threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "mcpdb-sql-guard"]


class _Gate:
    """A parser that waits at a gate, and counts what it is given."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self.open = threading.Event()
        self.at_it = threading.Event()
        self.seen: list[str] = []

    def parse(self, sql: str) -> Sequence[dict[str, Any]]:
        self.seen.append(sql)
        self.at_it.set()
        assert self.open.wait(timeout=20)
        return self._parser.parse(sql)


@pytest.fixture
def gate(parser: Parser) -> _Gate:
    return _Gate(parser)


async def test_it_decides_as_inspect_does(guard: Guard) -> None:
    await guard.check("SELECT 1")
    with pytest.raises(SqlRefused) as caught:
        await guard.check("SELECT 'é', pg_sleep(1)")
    assert caught.value.position == 13


async def test_many_at_once_get_their_own_answers(guard: Guard) -> None:
    async def ask(number: int) -> str:
        sql = f"SELECT {number}" if number % 2 else f"SELECT nope_{number}(1)"
        try:
            await guard.check(sql)
        except SqlRefused as error:
            return error.message
        return "accepted"

    answers = await asyncio.gather(*(ask(number) for number in range(100)))
    for number, answer in enumerate(answers):
        assert answer == "accepted" if number % 2 else f"nope_{number} " in answer


async def test_it_starts_one_thread_and_only_when_it_is_needed(
    catalog: Catalog, parser: Parser
) -> None:
    before, size = set(_threads()), threading.stack_size()  # some of them may end meanwhile
    guard = Guard(catalog, parser=parser)
    guard.inspect("SELECT 1")
    assert set(_threads()) <= before
    await asyncio.gather(*(guard.check("SELECT 1") for _ in range(50)))
    assert len(set(_threads()) - before) == 1
    assert all(one.daemon for one in _threads())
    assert threading.stack_size() == size


async def test_its_thread_ends_with_the_guard(catalog: Catalog, parser: Parser) -> None:
    before = set(_threads())

    async def use() -> threading.Thread:
        guard = Guard(catalog, parser=parser)
        await guard.check("SELECT 1")
        await asyncio.gather(guard.check("SELECT nope()"), return_exceptions=True)
        (thread,) = set(_threads()) - before
        return thread

    thread = await use()
    await asyncio.to_thread(thread.join, 20)
    assert not thread.is_alive()


async def test_a_caller_who_leaves_disturbs_nobody(catalog: Catalog, gate: _Gate) -> None:
    disturbed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: disturbed.append(told))
    guard = Guard(catalog, parser=gate)
    first = asyncio.create_task(guard.check("SELECT 1"))
    await asyncio.to_thread(gate.at_it.wait, 20)
    leaving = [asyncio.create_task(guard.check(f"SELECT 1{n}")) for n in range(50)]
    staying = [asyncio.create_task(guard.check(f"SELECT 2{n}")) for n in range(50)]
    await asyncio.sleep(0)
    for task in (first, *leaving):
        task.cancel()
    left = await asyncio.gather(first, *leaving, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in left)
    gate.open.set()
    assert await asyncio.gather(*staying) == [None] * 50
    assert not disturbed
    assert len(gate.seen) == 51  # what nobody waits for is not read
    with pytest.raises(SqlRefused):
        await guard.check("SELECT nope()")


async def test_a_hundred_may_wait_and_no_more(catalog: Catalog, gate: _Gate) -> None:
    guard = Guard(catalog, parser=gate)
    first = asyncio.create_task(guard.check("SELECT 1"))
    await asyncio.to_thread(gate.at_it.wait, 20)
    waiting = [asyncio.create_task(guard.check(f"SELECT 2{n}")) for n in range(100)]
    await asyncio.sleep(0)
    for task in waiting[:50]:
        task.cancel()
    await asyncio.sleep(0)  # what was cancelled still takes its place
    for _ in range(3):
        with pytest.raises(TooManyCalls) as caught:
            await guard.check("SELECT 3")
        assert caught.value.message == "Too much SQL waits to be read."
        assert caught.value.hint == "Try again in a few seconds."
        assert caught.value.retry_after_s == 1.0
    gate.open.set()
    assert await asyncio.gather(first, *waiting[50:]) == [None] * 51
    await guard.check("SELECT 4")
    assert "SELECT 3" not in gate.seen


async def test_a_caller_with_a_timeout_leaves_at_once(catalog: Catalog, gate: _Gate) -> None:
    guard = Guard(catalog, parser=gate)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(guard.check("SELECT 1"), 0.01)
    gate.open.set()
    await guard.check("SELECT 1")


def test_event_loops_share_it_and_one_that_is_closed_breaks_nothing(
    catalog: Catalog, gate: _Gate
) -> None:
    guard = Guard(catalog, parser=gate)

    async def leave() -> None:
        task = asyncio.create_task(guard.check("SELECT 1"))
        await asyncio.to_thread(gate.at_it.wait, 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave())  # its loop is closed before the work is done
    gate.open.set()
    answers: list[object] = []

    def run() -> None:
        answers.append(asyncio.run(guard.check("SELECT 1")))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert answers == [None] * 8


async def test_whatever_the_work_raises_is_the_callers() -> None:
    def fail() -> None:
        raise SystemExit(3)

    stack = DeepStack()
    with pytest.raises(SystemExit):
        await stack.run(fail)
    await stack.run(lambda: None)


async def test_nothing_of_a_statement_is_kept(catalog: Catalog, parser: Parser) -> None:
    guard = Guard(catalog, parser=parser)
    sql = "SELECT '" + "x" * 15_000 + "'"
    await guard.check("SELECT 1")
    before = sys.getrefcount(sql)
    await guard.check(sql)
    await guard.check("SELECT 1")
    assert sys.getrefcount(sql) == before
