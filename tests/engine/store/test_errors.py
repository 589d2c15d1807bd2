"""What SQLite and the file system say becomes an error with a sentence."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from tale_tui.domain.errors import DatabaseBusy, DiskFull, ReadOnly, StoreError
from tale_tui.engine.store.errors import is_damage, result_code, store_error

PATH = Path("/data/tale.db")


def real_error() -> sqlite3.Error:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE TABLE t (a UNIQUE)")
        connection.execute("INSERT INTO t VALUES (1), (1)")
    except sqlite3.IntegrityError as error:
        return error
    finally:
        connection.close()
    raise AssertionError("a second 1 was taken")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (sqlite3.OperationalError("database or disk is full"), DiskFull),
        (sqlite3.OperationalError("attempt to write a readonly database"), ReadOnly),
        (sqlite3.OperationalError("unable to open database file"), ReadOnly),
        (sqlite3.OperationalError("database is locked"), DatabaseBusy),
        (sqlite3.OperationalError("database table is locked"), DatabaseBusy),
        (sqlite3.DatabaseError("database disk image is malformed"), StoreError),
        (sqlite3.DatabaseError("file is not a database"), StoreError),
        (sqlite3.OperationalError("disk I/O error\x1b[2J"), StoreError),
        (OSError(errno.ENOSPC, "No space left on device"), DiskFull),
        (PermissionError(errno.EACCES, "Permission denied"), ReadOnly),
        (OSError(errno.EROFS, "Read-only file system"), ReadOnly),
        (OSError("odd"), StoreError),
    ],
)
def test_every_failure_has_its_class_and_a_sentence(error: sqlite3.Error | OSError, expected: type[StoreError]) -> None:
    mapped = store_error(error, PATH)
    assert type(mapped) is expected
    assert "/data/tale.db" in mapped.sentence
    assert mapped.sentence.endswith(".")
    assert "\x1b" not in mapped.sentence


@pytest.mark.parametrize(("free", "expected"), [(0, DiskFull), (10**9, StoreError)])
def test_a_disk_without_room_is_full_whatever_sqlite_calls_it(
    free: int, expected: type[StoreError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    assert type(store_error(sqlite3.OperationalError("disk I/O error"), PATH)) is expected


@pytest.mark.parametrize("said", ["database disk image is malformed", "file is not a database"])
def test_damage_is_told_from_other_failures(said: str) -> None:
    assert is_damage(sqlite3.DatabaseError(said))
    assert not is_damage(sqlite3.OperationalError("database is locked"))
    assert not is_damage(OSError(errno.EIO, said))


def test_an_extended_code_is_known_by_its_primary_one() -> None:
    error = real_error()
    assert error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE
    assert result_code(error) == sqlite3.SQLITE_CONSTRAINT
    assert "UNIQUE constraint failed" in store_error(error, PATH).sentence
