"""Where nothing can be written, there is no space, or others write too."""

# ruff: noqa: ASYNC240  # a test may wait for its files

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Message, MessageState
from tale_tui.domain.errors import DatabaseBusy, DiskFull, ReadOnly, StoreError
from tale_tui.domain.models import ModelRef
from tale_tui.engine.store import open as opening
from tale_tui.engine.store.store import Store

Talk = Callable[..., Awaitable[tuple[Message, Message]]]
Titles = Callable[..., Awaitable[list[str]]]


def on_connect(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    """Every connection begins with this."""
    connect = sqlite3.connect

    def prepared(where: str, **how: Any) -> sqlite3.Connection:
        connection = connect(where, **how)
        connection.execute(sql)
        return connection

    monkeypatch.setattr(sqlite3, "connect", prepared)


async def test_a_data_folder_can_be_moved(titles: Titles, path: Path, session_id: str, tmp_path: Path) -> None:
    assert str(tmp_path).encode() not in path.read_bytes()
    moved = tmp_path / "elsewhere"
    path.parent.rename(moved)
    assert await titles(moved / "tale.db") == ["A quokka"]


async def test_reading_alone_where_nothing_is_yet(path: Path, ref: ModelRef) -> None:
    store = await Store.open(path, Clock(), read_only=True)
    assert await store.sessions() == ()
    assert await store.search("quokka") == ()
    for call in (
        store.add_session(),
        store.begin_turn("s", user_id="u", text="Hello", reply_ref=ref),
        store.save_partial("m", "text"),
    ):
        with pytest.raises(ReadOnly):
            await call
    await store.close()
    assert not path.parent.exists()


async def test_what_only_reads_says_why(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = await Store.open(path, Clock(), read_only=True)
    with pytest.raises(ReadOnly, match="Close the other one"):
        await reader.add_session()
    monkeypatch.setattr("os.access", lambda place, how: place != path.parent)
    with pytest.raises(ReadOnly, match="Give yourself the right to write there"):
        await reader.add_session()
    await reader.close()


async def test_reading_alone_beside_one_that_writes(store: Store, path: Path, talk: Talk) -> None:
    session = await store.add_session()
    await talk(session.id, "One")
    reader = await Store.open(path, Clock(), read_only=True)
    assert (await reader.transcript(session.id)) == await store.transcript(session.id)
    await talk(session.id, "Two")
    assert (await reader.transcript(session.id)) == await store.transcript(session.id)
    await reader.close()


NOTHING_MADE = ["unable to open database file", "database or disk is full"]
"""What SQLite says where a folder cannot be written, and where the disk is full."""


def refuse_side_files(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """As SQLite does where it cannot make the files beside a database, whoever runs the tests."""
    connect = sqlite3.connect

    def refusing(where: str, **how: Any) -> sqlite3.Connection:
        if where.endswith("mode=ro"):
            raise sqlite3.OperationalError(words)
        return connect(where, **how)

    monkeypatch.setattr(sqlite3, "connect", refusing)


@pytest.mark.parametrize("words", NOTHING_MADE)
async def test_reading_alone_where_nothing_can_be_made_beside_it(
    titles: Titles, path: Path, session_id: str, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    refuse_side_files(monkeypatch, words)
    assert await titles(path, read_only=True) == ["A quokka"]


@pytest.mark.parametrize("words", NOTHING_MADE)
async def test_reading_alone_what_a_crash_left_in_the_log(
    titles: Titles, store: Store, path: Path, talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    await talk((await store.add_session()).id, "In the log")
    copy = tmp_path / "copy" / "tale.db"
    copy.parent.mkdir()
    for ending in ("", "-wal"):
        copy.with_name("tale.db" + ending).write_bytes(path.with_name("tale.db" + ending).read_bytes())
    refuse_side_files(monkeypatch, words)
    assert await titles(copy, read_only=True) == ["In the log"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, ReadOnly),
        (errno.EACCES, ReadOnly),
        (errno.EIO, StoreError),
    ],
)
async def test_a_folder_that_cannot_be_made(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[StoreError]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(expected) as caught:
        await Store.open(path, Clock())
    assert type(caught.value) is expected
    assert str(path) in caught.value.sentence


async def test_a_database_that_cannot_be_written(
    titles: Titles, path: Path, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_connect(monkeypatch, "PRAGMA query_only = ON")
    with pytest.raises(ReadOnly):
        await Store.open(path, Clock())
    assert await titles(path, read_only=True) == ["A quokka"]


async def test_a_folder_where_the_database_should_be(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ReadOnly):
        await Store.open(path, Clock())


async def test_a_full_disk_loses_nothing(
    path: Path, session_id: str, monkeypatch: pytest.MonkeyPatch, ref: ModelRef
) -> None:
    on_connect(monkeypatch, f"PRAGMA max_page_count = {path.stat().st_size // 4096 + 4}")
    store = await Store.open(path, Clock())
    with pytest.raises(DiskFull, match="There is no space left"):
        await store.begin_turn(session_id, user_id="u2", text="long " * 20_000, reply_ref=ref)
    assert len((await store.transcript(session_id)).messages) == 2
    _, reply, *_ = await store.begin_turn(session_id, user_id="u3", text="short", reply_ref=ref)
    with pytest.raises(DiskFull):
        await store.save_partial(reply.id, "long " * 20_000)
    done = await store.finish_reply(reply.id, state=MessageState.INTERRUPTED, text="short")
    assert (await store.transcript(session_id)).messages[-1] == done
    await store.close()


async def test_another_process_that_writes_for_too_long(
    path: Path, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_S", 0.01)
    store = await Store.open(path, Clock())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusy, match="Another process holds"):
        await store.rename_session(session_id, "Held")
    with pytest.raises(DatabaseBusy):
        await Store.open(path, Clock())
    assert len((await store.transcript(session_id)).messages) == 2
    other.execute("ROLLBACK")
    other.close()
    assert (await store.rename_session(session_id, "Free")).title == "Free"
    await store.close()


async def test_a_new_file_that_another_process_reads(
    titles: Titles, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM sqlite_master").fetchall()
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_S", 0.01)
    with pytest.raises(DatabaseBusy):
        await Store.open(path, Clock())
    other.execute("COMMIT")
    other.close()
    assert await titles(path) == []


@pytest.mark.parametrize("attempt", range(10))
async def test_many_can_open_a_new_database_at_once(path: Path, attempt: int) -> None:
    stores = await asyncio.gather(*(Store.open(path, Clock()) for _ in range(6)))
    sessions = await asyncio.gather(*(store.add_session(title="One") for store in stores))
    assert {await stores[0].session(session.id) for session in sessions} == set(sessions)
    assert list(path.parent.glob("*damaged*")) == []
    await asyncio.gather(*(store.close() for store in stores))


async def test_two_writers_at_once_wait_for_each_other(path: Path, clock: Clock, ref: ModelRef) -> None:
    stores = [await Store.open(path, replace(clock)) for _ in range(2)]
    sessions = [await store.add_session() for store in stores]

    async def talk(store: Store, session_id: str) -> None:
        for number in range(40):
            key = f"{session_id}{number}"
            _, reply, *_ = await store.begin_turn(session_id, user_id=key, text="Hello", reply_ref=ref)
            await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="Hi")

    await asyncio.gather(*(talk(store, session.id) for store, session in zip(stores, sessions, strict=True)))
    for session in sessions:
        assert (await stores[0].session(session.id)).turns == 40
    await asyncio.gather(*(store.close() for store in stores))
