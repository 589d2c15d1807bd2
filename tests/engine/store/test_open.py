"""Opening: migrated, checked, set aside, or refused."""

# ruff: noqa: ASYNC240  # a test may wait for its files

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from support.waiting import until
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Message, MessageState
from tale_tui.domain.errors import DatabaseNewer, StoreError
from tale_tui.domain.models import ModelRef
from tale_tui.engine.store import open as opening
from tale_tui.engine.store.crash_recovery import INTERRUPTED
from tale_tui.engine.store.open import Migration, OpenedDatabase, migrations, open_for_writing, statements
from tale_tui.engine.store.store import Store

Talk = Callable[..., Awaitable[tuple[Message, Message]]]
NOW = 1_760_000_000.0
ASIDE = "tale.db.damaged-20251009T085320Z"
Titles = Callable[..., Awaitable[list[str]]]


def query(path: Path, sql: str) -> object:
    connection = sqlite3.connect(path)
    row = connection.execute(sql).fetchone()
    connection.close()
    return row[0]


def with_migrations(monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    """As if later versions had taken further steps."""
    steps = (*migrations(), *(Migration(len(migrations()) + n, sql) for n, sql in enumerate(more, start=1)))
    monkeypatch.setattr(opening, "migrations", lambda: steps)


async def test_a_new_database(titles: Titles, path: Path) -> None:
    assert await titles(path) == []
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert query(path, "PRAGMA user_version") == len(migrations())
    assert query(path, "PRAGMA journal_mode") == "wal"
    assert query(path, "PRAGMA application_id") == opening.APPLICATION_ID
    assert [file.name for file in path.parent.iterdir()] == ["tale.db"]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_script_is_cut_into_statements() -> None:
    script = "-- a; comment\nCREATE TABLE t (a); -- more\nCREATE TRIGGER x AFTER INSERT ON t BEGIN\nSELECT 1;\nEND;\n2"
    cut = list(statements(script))
    assert [part.strip().splitlines()[-1] for part in cut] == ["CREATE TABLE t (a); -- more", "END;", "2"]
    assert list(statements("\n\n")) == []


async def test_a_step_that_fails_leaves_the_database_as_it_was(
    titles: Titles, path: Path, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_migrations(monkeypatch, "CREATE TABLE one (a);", "CREATE TABLE two (a);\nCREATE TABLE two (a);")
    with pytest.raises(StoreError, match="already exists"):
        await Store.open(path, Clock())
    monkeypatch.undo()
    assert query(path, "PRAGMA user_version") == len(migrations())
    assert query(path, "SELECT count(*) FROM sqlite_master WHERE name IN ('one', 'two')") == 0
    assert await titles(path) == ["A quokka"]


async def test_an_older_database_is_migrated_or_read_from_a_copy(
    titles: Titles, path: Path, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_migrations(monkeypatch, "UPDATE session SET title = 'migrated';")
    before = path.read_bytes()
    assert await titles(path, read_only=True) == ["migrated"]
    assert path.read_bytes() == before
    assert await titles(path) == ["migrated"]
    assert query(path, "PRAGMA user_version") == len(migrations()) + 1


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_database_is_refused_and_not_touched(path: Path, session_id: str, read_only: bool) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseNewer, match="its format is 99, this version knows") as caught:
        await Store.open(path, Clock(), read_only=read_only)
    assert "TALE_HOME" in caught.value.sentence
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*damaged*"))


def root_page(path: Path, table: str) -> int:
    """Where the first page of a table begins."""
    page = query(path, f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'")  # noqa: S608  # our own words
    assert isinstance(page, int)
    return (page - 1) * 4096


def garbage_at(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xa5" * 3000)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a garbage header": lambda path: garbage_at(path, 0),
    "garbage in the tables": lambda path: garbage_at(path, 4096),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:10_000]),
    "a text": lambda path: path.write_text("this is a letter to my landlord"),
    "a few bytes": lambda path: path.write_bytes(b"SQLi"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_database_is_set_aside_and_said(
    titles: Titles, path: Path, session_id: str, damage: Callable[[Path], object], ref: ModelRef
) -> None:
    damage(path)
    damaged = path.read_bytes()
    store = await Store.open(path, Clock(now=lambda: NOW))
    (notice,) = store.notices
    assert (notice.title, notice.severity) == ("The database was damaged", "error")
    assert ASIDE in notice.sentence
    assert path.with_name(ASIDE).read_bytes() == damaged
    session = await store.add_session()
    await store.begin_turn(session.id, user_id="u1", text="Fresh", reply_ref=ref)
    await store.close()
    assert await titles(path) == ["Fresh"]
    path.write_bytes(b"damaged again")
    again = await Store.open(path, Clock(now=lambda: NOW))
    await again.close()
    assert path.with_name(ASIDE + "-2").read_bytes() == b"damaged again"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_database_is_left_where_nothing_may_be_written(
    titles: Titles, path: Path, session_id: str, damage: Callable[[Path], object]
) -> None:
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="damaged"):
        await titles(path, read_only=True)
    assert path.read_bytes() == before


async def test_damage_within_is_found_at_the_start(titles: Titles, path: Path, session_id: str) -> None:
    garbage_at(path, root_page(path, "message"))
    assert await titles(path) == []
    assert path.with_name(ASIDE).exists()


async def test_the_log_goes_aside_with_its_database(titles: Titles, path: Path, session_id: str) -> None:
    path.write_bytes(b"no database at all, not even close")
    path.with_name("tale.db-wal").write_bytes(b"log")
    path.with_name("tale.db-shm").write_bytes(b"index")
    assert await titles(path) == []
    assert path.with_name(ASIDE + "-wal").read_bytes() == b"log"
    assert path.with_name(ASIDE + "-shm").read_bytes() == b"index"


async def test_a_database_of_something_else_is_set_aside(titles: Titles, path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE message (theirs)")
    connection.close()
    with pytest.raises(StoreError, match="not one of tale-tui"):
        await titles(path, read_only=True)
    assert await titles(path) == []
    assert query(path.with_name(ASIDE), "SELECT count(*) FROM message") == 0


async def test_an_empty_file_is_a_new_database(titles: Titles, path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert await titles(path, read_only=True) == []
    store = await Store.open(path, Clock())
    assert store.notices == ()
    await store.close()


async def test_damage_found_later_is_said_and_checked_at_the_next_start(
    path: Path, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CHECKED_WHOLE_BYTES", 0)
    garbage_at(path, root_page(path, "message"))
    store = await Store.open(path, Clock(now=lambda: NOW))
    assert store.notices == ()
    with pytest.raises(StoreError, match="Start tale-tui again: it checks the database"):
        await store.transcript(session_id)
    await store.close()
    assert path.with_name("tale.db-check").exists()
    again = await Store.open(path, Clock(now=lambda: NOW))
    assert len(again.notices) == 1
    await again.close()
    assert not path.with_name("tale.db-check").exists()
    assert path.with_name(ASIDE).exists()


async def test_a_check_that_finds_nothing_mends_the_index(path: Path, session_id: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO message_fts (message_fts) VALUES ('delete-all')")
    connection.commit()
    connection.close()
    path.with_name("tale.db-check").touch()
    store = await Store.open(path, Clock())
    assert store.notices == ()
    assert [hit.session_id for hit in await store.search("quok")] == [session_id]
    await store.close()
    assert [file.name for file in path.parent.iterdir()] == ["tale.db"]


async def test_a_reply_that_was_cut_off_is_interrupted(store: Store, path: Path, ref: ModelRef, talk: Talk) -> None:
    session = await store.add_session()
    await talk(session.id, "Before")
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hello", reply_ref=ref)
    await store.save_partial(reply.id, "Half a quokka", "", ref)
    assert store.interrupted == 0
    await store.close()
    reader = await Store.open(path, Clock(), read_only=True)
    assert (reader.interrupted, (await reader.message(reply.id)).state) == (0, MessageState.STREAMING)
    await reader.close()
    again = await Store.open(path, Clock())
    assert again.interrupted == 1
    left = await again.message(reply.id)
    assert (left.state, left.text, left.error) == (MessageState.INTERRUPTED, "Half a quokka", INTERRUPTED)
    assert [hit.message_id for hit in await again.search("quokka")] == [reply.id]
    await again.close()


FIRST_VERSION = """
    INSERT INTO session (n, id, title, system, created, updated, shown_root, tip)
    VALUES (1, 's1', 'Old', '', 1, 1, 1, 1);
    INSERT INTO message (n, id, session_n, author, state, created, text)
    VALUES (1, 'm1', 1, 'user', 'complete', 1, 'Hi');
"""


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_database_from_before_there_were_tasks(path: Path, read_only: bool) -> None:
    path.parent.mkdir(parents=True)
    old = sqlite3.connect(path)
    old.executescript(migrations()[0].sql + "PRAGMA user_version = 1;" + FIRST_VERSION)
    old.close()
    store = await Store.open(path, Clock(now=lambda: NOW), read_only=read_only)
    assert store.notices == ()
    (message,) = (await store.transcript("s1")).messages
    assert (message.text, message.task_id, message.p, message.why) == ("Hi", None, None, "")
    assert await store.tasks() == ()
    await store.close()
    assert query(path, "PRAGMA user_version") == (1 if read_only else len(migrations()))


def is_closed(connection: sqlite3.Connection | None) -> bool:
    assert connection is not None
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return True
    return False


async def test_what_is_opened_when_nobody_waits_any_more_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on, closed, opened = threading.Event(), threading.Event(), threading.Event(), []
    close = OpenedDatabase.close

    def closes(database: OpenedDatabase) -> None:
        close(database)
        closed.set()

    def opens() -> OpenedDatabase:
        begun.set()
        goes_on.wait(10)
        opened.append(open_for_writing(path, Clock()))
        return opened[0]

    monkeypatch.setattr(OpenedDatabase, "close", closes)
    waiting = asyncio.create_task(opening.in_a_thread(opens))
    await asyncio.to_thread(begun.wait, 10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    goes_on.set()
    # A connection that another thread is closing must not be asked: that ends the interpreter.
    await until(closed.is_set, "it is closed")
    assert is_closed(opened[0].reader)
    assert is_closed(opened[0].writer)
