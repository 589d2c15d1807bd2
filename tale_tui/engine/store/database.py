"""Jobs on the database: plain functions of a `sqlite3.Connection`, each run as one transaction on a thread."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TypeVar

import aiosqlite

from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import MERGED_PAGES, REWRITTEN_BYTES_MAX
from tale_tui.domain.errors import StoreError
from tale_tui.engine.store.errors import is_damage, only_reading, store_error
from tale_tui.engine.store.transactions import Job, Writes, transaction

T = TypeVar("T")

CHECK_MARK = "-check"
"""What is added to the name of a database for the empty file that asks for a whole check at the next start."""
CLOSED = "The database is closed. Start tale-tui again."


def check_mark(path: Path) -> Path:
    """The file that lies beside a database which is to be checked as a whole."""
    return path.with_name(path.name + CHECK_MARK)


class Connection:
    """A connection on a thread of its own, to which whole functions are handed.

    A function that has been handed over runs to its end, whatever becomes of the coroutine that waits for it: so a
    cancellation cannot leave a transaction open. They run in the order in which they came.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._on_thread = _on_daemon_thread(connection)
        self.writes = Writes()
        """The jobs that wait to be written."""

    async def start(self) -> Connection:
        """Start the thread; itself."""
        await self._on_thread
        return self

    async def run(self, job: Job[T]) -> T:
        """Run `job` on the thread of the connection and return what it returns.

        Raises:
            StoreError: it is closed.
        """
        if self._connection is None:
            raise StoreError(CLOSED)
        # aiosqlite hands single statements to its thread by public names; a whole function only by this one.
        result: T = await self._on_thread._execute(job, self._connection)  # type: ignore[no-untyped-call]
        return result

    async def close(self) -> None:
        """Run what was handed over, close and end the thread. May be called twice."""
        self._connection = None
        await self._on_thread.close()


def _on_daemon_thread(connection: sqlite3.Connection) -> aiosqlite.Connection:
    """A connection whose thread does not keep a process alive that ends without closing: what was committed is safe."""
    made: list[aiosqlite.Connection] = []
    # A thread that is made by a daemon is one itself; aiosqlite has no other public way to say so.
    maker = Thread(target=lambda: made.append(aiosqlite.Connection(lambda: connection, iter_chunk_size=1)), daemon=True)
    maker.start()
    maker.join()
    return made[0]


class Database:
    """One connection that writes and one that reads: a long read does not keep a write waiting.

    The aggregates build on it; `Store` is all of them.

    Args:
        path: the file, for sentences.
        clock: the time and the ids.
        reader: reads alone.
        writer: None where nothing may be written.
    """

    def __init__(self, path: Path, clock: Clock, reader: Connection, writer: Connection | None) -> None:
        self._path = path
        self._clock = clock
        self._reader = reader
        self._writer = writer

    @property
    def folder(self) -> Path:
        """Where the database lies."""
        return self._path.parent

    async def _read(self, job: Job[T]) -> T:
        """Run a job that reads, on one state of the database.

        Raises:
            StoreError: it could not be read.
        """
        return await self._reader.run(partial(self._guarded, partial(transaction, "BEGIN", job)))

    async def _write(self, job: Job[T]) -> T:
        """Run a job that writes: all of it is stored, or nothing. A cancelled caller does not stop it.

        Jobs that wait at the same time are committed together; each may be run twice, of which one is kept.

        Raises:
            ReadOnly, DiskFull, DatabaseBusy, StoreError: nothing was stored.
        """
        writer = self._writable()
        return await writer.run(partial(self._guarded, writer.writes.add(job)))

    async def _rewrite(self) -> None:
        """Rewrite the file without what was deleted; a large one stays as it is, with its free pages zeroed."""
        await self._writable().run(partial(self._guarded, _rewrite_small))

    async def _forget_words(self, index: str) -> None:
        """Rewrite a full-text index and the file, so that the words of what was deleted leave both.

        Another process may keep us from tidying up; what was deleted is gone, and later writes tidy up as well.

        Args:
            index: its name, of this package.
        """
        with suppress(StoreError):
            rest = await self._write(partial(_merge_index, index, -MERGED_PAGES))
            while rest:
                rest = await self._write(partial(_merge_index, index, MERGED_PAGES))
            await self._rewrite()

    def _writable(self) -> Connection:
        if self._writer is None:
            raise only_reading(self._path)
        return self._writer

    def _guarded(self, job: Job[T], connection: sqlite3.Connection) -> T:
        """Run a job; what SQLite and the file system raise becomes an error of ours."""
        try:
            return job(connection)
        except (sqlite3.Error, OSError) as error:
            if is_damage(error) and self._writer is not None:
                with suppress(OSError):  # it is a request to the next start, not more
                    check_mark(self._path).touch()
            raise store_error(error, self._path) from error

    async def close(self) -> None:
        """Write what is under way and close. May be called twice."""
        for connection in (self._reader, self._writer):
            if connection is not None:
                await connection.close()


def _merge_index(index: str, pages: int, connection: sqlite3.Connection) -> bool:
    """Rewrite a part of a full-text index, so that deleted words leave it; whether something is left to do.

    Args:
        index: its name.
        pages: how many; negative to begin. See "The 'merge' Command" in the manual of FTS5.
        connection: inside a transaction.
    """
    before = connection.total_changes
    connection.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)", (pages,))  # noqa: S608 # nosec B608
    return connection.total_changes - before > 1


def _rewrite_small(connection: sqlite3.Connection) -> None:
    (pages,), (page_bytes,) = (connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
    if pages * page_bytes <= REWRITTEN_BYTES_MAX:
        connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
