"""From a path to connections that can be trusted: checked, migrated, and a damaged file set aside."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import BUSY_RETRY_S, BUSY_TIMEOUT_S, CHECKED_WHOLE_BYTES, WAL_KEPT_BYTES
from tale_tui.domain.errors import DatabaseNewer, DiskFull, StoreError
from tale_tui.domain.events import Notice
from tale_tui.engine.store.crash_recovery import interrupt_all
from tale_tui.engine.store.database import check_mark
from tale_tui.engine.store.errors import is_damage, result_code, store_error

APPLICATION_ID = 1413565509
"""Marks the file as ours; the first migration writes it."""
MAGIC = b"SQLite format 3\0"
"""What every database of SQLite begins with."""
SMALLEST_BYTES = 512
"""No database that holds something is smaller."""
SIDE_FILES = ("-wal", "-shm")
"""What SQLite keeps beside a database, by the end of the name."""

_INDEXES = "SELECT name FROM sqlite_master WHERE name IN ('message_fts', 'recall_fts')"
_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")


class _NotSound(Exception):
    """The file is damaged, or a database of something else."""


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    """A database that is ready.

    Attributes:
        reader: reads alone.
        writer: None where nothing may be written.
        notices: what the user wants to know.
        interrupted: how many replies were found half written.
        interrupted_tasks: how many tasks were found running.
    """

    reader: sqlite3.Connection
    writer: sqlite3.Connection | None = None
    notices: tuple[Notice, ...] = ()
    interrupted: int = 0
    interrupted_tasks: int = 0

    def close(self) -> None:
        """Close what nobody uses."""
        self.reader.close()
        if self.writer is not None:
            self.writer.close()


async def in_a_thread(opens: Callable[[], OpenedDatabase]) -> OpenedDatabase:
    """Open a database in a thread; where nobody waits for it any more, it is closed there.

    Args:
        opens: does it.
    Raises:
        StoreError: it cannot be used; the class says why.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="open the database")
    opening = thread.submit(opens)
    thread.shutdown(wait=False)
    try:
        return await asyncio.wrap_future(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unused)
        raise


def _close_unused(opening: Future[OpenedDatabase]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number becomes the version of the database."""

    number: int
    sql: str


def open_for_writing(path: Path, clock: Clock) -> OpenedDatabase:
    """Open the database, make it where there is none, set it aside where it is damaged.

    Replies that are half written become interrupted, tasks that run become paused.

    Raises:
        DatabaseNewer: a newer version wrote it.
        StoreError: it cannot be used; the class says why.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        notices: tuple[Notice, ...] = ()
        try:
            writer, interrupted = _open_sound(path, clock)
        except (_NotSound, sqlite3.DatabaseError) as error:
            if not isinstance(error, _NotSound) and not is_damage(error):
                raise
            notices = (_set_aside(path, clock.now()),)
            writer, interrupted = _open_sound(path, clock)
        reader = _connect(str(path))
        reader.execute("PRAGMA query_only = ON")
    except (sqlite3.Error, OSError) as error:
        raise store_error(error, path) from error
    return OpenedDatabase(reader, writer, notices, *interrupted)


def open_for_reading(path: Path) -> OpenedDatabase:
    """Open the database without changing anything; one that is not there yet is empty.

    Raises:
        DatabaseNewer: a newer version wrote it.
        StoreError: it cannot be read; the class says why.
    """
    try:
        reader = _connect_reader(path) if path.exists() else _in_memory()
        reader.execute("PRAGMA query_only = ON")
    except (sqlite3.Error, OSError) as error:
        raise store_error(error, path) from error
    return OpenedDatabase(reader)


def _connect(where: str) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions begin where the code says so."""
    connection = sqlite3.connect(
        where, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, uri=where.startswith("file:")
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _open_sound(path: Path, clock: Clock) -> tuple[sqlite3.Connection, tuple[int, int]]:
    """A connection for writing, and the numbers of replies and of tasks that were interrupted.

    Raises:
        _NotSound: the file is not what it should be.
    """
    if not path.exists():
        path.touch(mode=0o600)
    elif path.is_file():
        _check_header(path)
    connection = _connect(str(path))
    with ExitStack() as undo:
        undo.callback(connection.close)
        _check(connection, path)
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is gone from the file as well
        migrate(connection)
        interrupted = interrupt_all(connection, clock.now())
        undo.pop_all()
    return connection, interrupted


def _check_header(path: Path) -> None:
    """Before SQLite does: it would delete the log beside a file that is no database."""
    with path.open("rb") as file:
        header = file.read(SMALLEST_BYTES)
    if header and not (len(header) == SMALLEST_BYTES and header.startswith(MAGIC)):
        raise _NotSound


def _check(connection: sqlite3.Connection, path: Path) -> None:
    refuse_newer(connection)
    owner, tables = _owner_and_tables(connection)
    if tables and owner != APPLICATION_ID:
        raise _NotSound
    asked = check_mark(path)
    if not asked.exists() and path.stat().st_size > CHECKED_WHOLE_BYTES:
        return
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise _NotSound
    if asked.exists():
        for (index,) in connection.execute(_INDEXES).fetchall():
            connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608 # nosec B608 # ours
        asked.unlink()


def _owner_and_tables(connection: sqlite3.Connection) -> tuple[int, int]:
    """The mark of the application, and how many tables there are, of one moment: another process may be making them."""
    owner, tables = connection.execute(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_master)"
    ).fetchone()
    return int(owner), int(tables)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Readers and a writer do not keep each other waiting. Changing to it is not waited for by SQLite itself."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if result_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_RETRY_S)
        else:
            return


def _set_aside(path: Path, now: float) -> Notice:
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    name, count = f"{path.name}.damaged-{stamp}", 1
    while path.with_name(name).exists():
        count += 1
        name = f"{path.name}.damaged-{stamp}-{count}"
    path.rename(path.with_name(name))
    for ending in SIDE_FILES:
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(path.with_name(name + ending))
    check_mark(path).unlink(missing_ok=True)
    return Notice(
        "The database was damaged",
        f"It lies as {name} in the data folder; nothing was deleted. A new, empty one was made.",
        "error",
    )


def _connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, also where the folder cannot be written or the disk is full."""
    uri = path.absolute().as_uri()
    address = uri + "?mode=ro"
    try:
        return _connect_sound(address)
    except sqlite3.OperationalError as error:
        full = isinstance(store_error(error, path), DiskFull)
        if not full and result_code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
    # A log beside it can only be read where its index can be written.
    log = path.with_name(path.name + "-wal")
    if not log.exists() or log.stat().st_size == 0:
        return _connect_sound(address + "&immutable=1")
    if full:
        return _in_memory(_connect_alone(uri + "?mode=rw"))
    with TemporaryDirectory(prefix="tale-tui-") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        shutil.copyfile(log, Path(folder) / log.name)
        return _in_memory(_connect_sound(str(copy)))


def _connect_alone(where: str) -> sqlite3.Connection:
    """A connection that keeps the index of the log in memory, which takes the database for it alone."""
    connection = _connect(where)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def _connect_sound(where: str) -> sqlite3.Connection:
    """A connection to tables of this version; those of an earlier one are migrated in a copy in memory."""
    connection = _connect(where)
    with ExitStack() as undo:
        undo.callback(connection.close)
        refuse_newer(connection)
        owner, tables = _owner_and_tables(connection)
        if tables and owner != APPLICATION_ID:
            raise StoreError("The database in the data folder is not one of tale-tui. Set TALE_HOME to another folder.")
        if version_of(connection) < migrations()[-1].number:
            return _in_memory(connection)
        undo.pop_all()
    return connection


def _in_memory(source: sqlite3.Connection | None = None) -> sqlite3.Connection:
    """A database of this version in memory: empty, or a copy of `source`, which is closed."""
    copy = _connect(":memory:")
    if source is not None:
        source.backup(copy)
        source.close()
    migrate(copy)
    return copy


@cache
def migrations() -> tuple[Migration, ...]:
    """All steps that come with this version, in order."""
    found = []
    for file in (files("tale_tui.engine.store") / "migrations").iterdir():
        name = _FILE_NAME.fullmatch(file.name)
        if name is not None:
            found.append(Migration(int(name[1]), file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda step: step.number))


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the last step that was taken; 0 in an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(connection: sqlite3.Connection) -> None:
    """Keep away from what a newer version of the program wrote.

    Raises:
        DatabaseNewer: it did; nothing was changed.
    """
    version, known = version_of(connection), migrations()[-1].number
    if version > known:
        raise DatabaseNewer(
            f"The database was written by a newer version of tale-tui (its format is {version}, this version knows "
            f"{known}). Install that one again, or set TALE_HOME to another folder."
        )


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that are missing, all in one transaction: after a failure the database is as it was.

    Raises:
        DatabaseNewer: a newer version of the program got here first.
        sqlite3.Error: as SQLite says.
    """
    if version_of(connection) == migrations()[-1].number:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        refuse_newer(connection)
        done = version_of(connection)  # another process may have done it while this one waited
        for step in migrations():
            if step.number > done:
                for statement in statements(step.sql):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {step.number}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def statements(sql: str) -> Iterator[str]:
    """The single statements of a script; triggers stay whole. Each statement begins on a line of its own."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
