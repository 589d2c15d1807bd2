"""Writes that wait together are stored together, and yet each stands for itself."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import TRANSACTION_JOBS_MAX
from tale_tui.domain.errors import NoSuchSession, StoreError, TaleError
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.transactions import Writes

WAIT_S = 30.0
Job = Callable[[sqlite3.Connection], object]


class Thread:
    """The thread that writes, by hand: jobs wait until it is their turn."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.execute("CREATE TABLE t (a UNIQUE)")
        self.commits = 0
        self.connection.set_trace_callback(self._count)
        self.writes = Writes()
        self._turns: list[Job] = []

    def _count(self, sql: str) -> None:
        self.commits += sql == "COMMIT"

    def add(self, *values: object) -> None:
        for value in values:
            self._turns.append(self.writes.add(lambda connection, value=value: put(connection, value)))

    def outcomes(self) -> list[object]:
        said: list[object] = []
        for turn in self._turns:
            try:
                said.append(turn(self.connection))
            except (TaleError, sqlite3.Error) as error:
                said.append(type(error))
        return said

    def rows(self) -> list[object]:
        return [a for (a,) in self.connection.execute("SELECT a FROM t ORDER BY rowid")]


def put(connection: sqlite3.Connection, value: object) -> object:
    connection.execute("INSERT INTO t VALUES (?)", (value,))
    if value == "refused":
        raise NoSuchSession("No.")
    return value


@pytest.fixture
async def thread() -> AsyncIterator[Thread]:
    thread = Thread()
    yield thread
    thread.connection.close()


async def test_what_waits_together_is_committed_once(thread: Thread) -> None:
    thread.add(1, 2, 3)
    assert thread.outcomes() == [1, 2, 3]
    assert (thread.rows(), thread.commits) == ([1, 2, 3], 1)
    thread.add(*range(10, 10 + TRANSACTION_JOBS_MAX + 1))
    thread.outcomes()
    assert thread.commits == 3


async def test_a_refused_job_takes_nothing_of_the_others(thread: Thread) -> None:
    thread.add(1, "refused", 2)
    assert thread.outcomes() == [1, NoSuchSession, 2]
    assert (thread.rows(), thread.commits) == ([1, 2], 1)


async def test_after_a_failure_each_is_run_by_itself_in_the_same_order(thread: Thread) -> None:
    thread.add(1, 2, "refused", 2, 3)
    assert thread.outcomes() == [1, 2, NoSuchSession, sqlite3.IntegrityError, 3]
    assert (thread.rows(), thread.commits) == ([1, 2, 3], 3)
    assert not thread.connection.in_transaction


@pytest.fixture
def slow(path: Path) -> tuple[Awaitable[Store], threading.Event, threading.Event]:
    looked, go_on = threading.Event(), threading.Event()
    go_on.set()

    def now() -> float:
        looked.set()
        assert go_on.wait(WAIT_S)
        return 5.0

    return Store.open(path, Clock(now=now)), looked, go_on


async def test_a_cancelled_write_of_a_group_is_stored(
    slow: tuple[Awaitable[Store], threading.Event, threading.Event], path: Path
) -> None:
    opening, looked, go_on = slow
    store = await opening
    looked.clear()
    go_on.clear()
    writes = [asyncio.create_task(store.add_session(f"Number {n}")) for n in range(5)]
    assert await asyncio.to_thread(looked.wait, WAIT_S)
    writes[3].cancel()
    go_on.set()
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert [getattr(session, "title", None) for session in done] == [
        "Number 0",
        "Number 1",
        "Number 2",
        None,
        "Number 4",
    ]
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM session").fetchone() == (5,)
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.add_session("late")
