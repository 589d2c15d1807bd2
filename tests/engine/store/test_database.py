"""Cancelled, closed, killed: what was handed over is stored whole, and nothing stays open."""

from __future__ import annotations

import asyncio
import inspect
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiosqlite
import pytest

from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Message, MessageState
from tale_tui.domain.errors import NoSuchSession, StoreError
from tale_tui.domain.models import ModelRef
from tale_tui.engine.store.store import Store

Talk = Callable[..., Awaitable[tuple[Message, Message]]]
WAIT_S = 30.0


class SlowClock:
    """A clock that can be made to stop whoever looks at it, in the middle of a transaction."""

    def __init__(self) -> None:
        self.looked_at = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def now(self) -> float:
        self.looked_at.set()
        assert self.go_on.wait(WAIT_S)
        return 5.0

    def hold(self) -> None:
        self.looked_at.clear()
        self.go_on.clear()


@pytest.fixture
def slow_clock() -> Iterator[SlowClock]:
    slow_clock = SlowClock()
    yield slow_clock
    slow_clock.go_on.set()


async def test_a_cancelled_write_is_stored_whole(path: Path, slow_clock: SlowClock, ref: ModelRef) -> None:
    store = await Store.open(path, Clock(now=slow_clock.now))
    session = await store.add_session()
    slow_clock.hold()
    turn = asyncio.create_task(store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref))
    assert await asyncio.to_thread(slow_clock.looked_at.wait, WAIT_S)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    slow_clock.go_on.set()
    await store.rename_session(session.id, "After it")
    transcript = await store.transcript(session.id)
    assert [message.text for message in transcript.messages] == ["Hello", ""]
    assert transcript.session.title == "After it"
    await store.close()


async def test_a_reader_does_not_wait_for_a_writer(path: Path, slow_clock: SlowClock, ref: ModelRef) -> None:
    store = await Store.open(path, Clock(now=slow_clock.now))
    session = await store.add_session()
    slow_clock.hold()
    turn = asyncio.create_task(store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref))
    assert await asyncio.to_thread(slow_clock.looked_at.wait, WAIT_S)
    assert (await store.transcript(session.id)).messages == ()
    assert not turn.done()
    slow_clock.go_on.set()
    assert (await store.transcript(session.id)).messages in ((), (await turn)[:2])
    await store.close()


async def test_closing_finishes_what_was_handed_over(path: Path, slow_clock: SlowClock, ref: ModelRef) -> None:
    store = await Store.open(path, Clock(now=slow_clock.now))
    session = await store.add_session()
    slow_clock.hold()
    turn = asyncio.create_task(store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref))
    assert await asyncio.to_thread(slow_clock.looked_at.wait, WAIT_S)
    closing = asyncio.create_task(store.close())
    slow_clock.go_on.set()
    await closing
    user, *_ = await turn
    assert user.text == "Hello"
    await store.close()
    for call in (store.sessions(), store.add_session()):
        with pytest.raises(StoreError, match="closed"):
            await call


async def test_a_job_that_fails_leaves_no_transaction_open(store: Store, talk: Talk, path: Path) -> None:
    for _ in range(3):
        with pytest.raises(NoSuchSession):
            await store.rename_session("nope", "x")
        with pytest.raises(NoSuchSession):
            await store.transcript("nope")
    other = await Store.open(path, Clock())
    session = await other.add_session()
    await other.close()
    await talk(session.id, "Hello")


WRITER = """
import asyncio, sys
from pathlib import Path
from tale_tui.engine.store.store import Store
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.clock import Clock

async def main():
    store = await Store.open(Path(sys.argv[1]), Clock())
    session = await store.add_session()
    {body}

asyncio.run(main())
"""
STREAMS = """
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=None)
    for n in range(1, 10**9):
        await store.save_partial(reply.id, "word " * n)
        if n == 5:
            print(session.id, flush=True)
"""
LEAVES = """
    await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=None)
    print(session.id, flush=True)
"""
TALKS = """
    for n in range(40):
        _, reply, *_ = await store.begin_turn(session.id, user_id=f"{session.id}{n}", text="Hello", reply_ref=None)
        await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="Hi")
    print(session.id, flush=True)
    await store.close()
"""


def start(path: Path, body: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITER.format(body=body.strip()), str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.process
async def test_kill_9_in_the_middle_of_a_reply_loses_no_message(path: Path) -> None:
    with start(path, STREAMS) as process:
        assert process.stdout is not None
        session_id = (await asyncio.to_thread(process.stdout.readline)).strip()
        process.send_signal(signal.SIGKILL)
    store = await Store.open(path, Clock())
    assert store.notices == ()
    assert store.interrupted == 1
    user, reply = (await store.transcript(session_id)).messages
    await store.close()
    assert user.text == "Hello"
    assert reply.state is MessageState.INTERRUPTED
    assert len(reply.text) >= len("word " * 5)


@pytest.mark.process
async def test_a_process_that_ends_without_closing_ends(path: Path) -> None:
    with start(path, LEAVES) as process:
        out, _ = await asyncio.to_thread(process.communicate, timeout=WAIT_S)
        assert process.returncode == 0
    store = await Store.open(path, Clock())
    assert (await store.session(out.strip())).turns == 1
    await store.close()


@pytest.mark.process
async def test_two_processes_write_at_once(path: Path) -> None:
    opened = await Store.open(path, Clock())
    processes = [start(path, TALKS) for _ in range(2)]
    ids = [(await asyncio.to_thread(process.communicate, timeout=WAIT_S))[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [(await opened.session(id_)).turns for id_ in ids] == [40, 40]
    await opened.close()


async def test_a_whole_function_is_run_on_the_thread_of_the_connection_whoever_waits(path: Path) -> None:
    """The one private name of aiosqlite that is used: `_execute` runs a function there, in order, and to its end."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    library = aiosqlite.Connection(lambda: connection, iter_chunk_size=1)
    await library
    begun, go_on, ran = threading.Event(), threading.Event(), []

    def hold(given: sqlite3.Connection, word: str) -> str:
        begun.set()
        assert go_on.wait(WAIT_S)
        ran.append((given, word, threading.current_thread()))
        return word

    assert list(inspect.signature(library._execute).parameters) == ["fn", "args", "kwargs"]
    cancelled = asyncio.create_task(library._execute(hold, connection, "cancelled"))
    assert await asyncio.to_thread(begun.wait, WAIT_S)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    after = asyncio.create_task(library._execute(hold, connection, word="after"))
    go_on.set()
    assert await after == "after"
    assert [(given, word) for given, word, _ in ran] == [(connection, "cancelled"), (connection, "after")]
    (thread,) = {thread for *_, thread in ran}
    assert thread is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        await library._execute(lambda: 1 / 0)
    await library.close()


async def test_its_threads_keep_no_process_alive(path: Path, clock: Clock) -> None:
    before = set(threading.enumerate())
    store = await Store.open(path, clock)
    made = [thread for thread in set(threading.enumerate()) - before if "asyncio" not in thread.name]
    assert len(made) == 2
    assert all(thread.daemon for thread in made)
    await store.close()
    for thread in made:
        await asyncio.to_thread(thread.join, WAIT_S)
        assert not thread.is_alive()
