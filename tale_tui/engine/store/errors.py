"""What SQLite and the file system say when they fail, as errors with a sentence for the user."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from tale_tui.domain.constants import FREE_DISK_BYTES_MIN
from tale_tui.domain.errors import DatabaseBusy, DiskFull, ReadOnly, StoreError
from tale_tui.domain.text import clean_line

PRIMARY_CODE = 0xFF
"""The bits of an extended result code of SQLite that hold the primary one."""

# Errors that do not come from the library itself carry no code: these are its own words.
_WORDS = {
    "database or disk is full": sqlite3.SQLITE_FULL,
    "readonly database": sqlite3.SQLITE_READONLY,
    "unable to open database file": sqlite3.SQLITE_CANTOPEN,
    "is locked": sqlite3.SQLITE_BUSY,
    "disk I/O error": sqlite3.SQLITE_IOERR,
    "malformed": sqlite3.SQLITE_CORRUPT,
    "is not a database": sqlite3.SQLITE_NOTADB,
}


def result_code(error: sqlite3.Error) -> int:
    """The primary result code of SQLite; `SQLITE_ERROR` where it cannot be told."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & PRIMARY_CODE
    said = str(error)
    return next((code for words, code in _WORDS.items() if words in said), sqlite3.SQLITE_ERROR)


def is_damage(error: Exception) -> bool:
    """Whether the error says that the file is no sound database."""
    return isinstance(error, sqlite3.Error) and result_code(error) in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def store_error(error: sqlite3.Error | OSError, path: Path) -> StoreError:
    """The error of ours that says what happened.

    Args:
        error: what came from SQLite or the file system.
        path: the database.
    """
    if isinstance(error, OSError):
        return _from_system(error, path)
    code = result_code(error)
    # Where the files beside the database cannot grow, SQLite knows no better word.
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _disk_is_full(path)):
        return _full(path)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return _read_only(path)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseBusy(f"Another process holds {_name(path)} for too long. Close it, or try again.")
    if is_damage(error):
        return StoreError(
            f"{_name(path)} is damaged. Start tale-tui again: it checks the database, sets a damaged one aside and "
            "deletes nothing."
        )
    return StoreError(f"{_name(path)} did not do what was asked: {clean_line(str(error))}. Try again.")


def _from_system(error: OSError, path: Path) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(path)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return _read_only(path)
    said = clean_line(error.strerror or str(error))
    return StoreError(f"{_name(path)} cannot be used: {said}. Set TALE_HOME to another folder, or try again.")


def _disk_is_full(path: Path) -> bool:
    with suppress(OSError):  # what cannot be looked at is not known to be full
        return shutil.disk_usage(path.parent).free < FREE_DISK_BYTES_MIN
    return False


def _full(path: Path) -> DiskFull:
    return DiskFull(f"There is no space left for {_name(path)}. Make room and try again.")


def _read_only(path: Path) -> ReadOnly:
    return ReadOnly(
        f"{_name(path)} cannot be opened for writing. Give yourself the right to write there, or set TALE_HOME to "
        "another folder."
    )


def only_reading(path: Path) -> StoreError:
    """Why a process that only reads does not write: its folder cannot be written, is full, or belongs to another."""
    if not os.access(path.parent, os.W_OK):
        return _read_only(path)
    if _disk_is_full(path):
        return _full(path)
    return ReadOnly("This process only reads the database. Close the other one, or write there.")


def _name(path: Path) -> str:
    return clean_line(str(path))
