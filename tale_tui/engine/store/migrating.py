"""Numbered steps from an empty file to the tables of this version."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tale_tui.engine.errors import DatabaseNewer

_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number becomes the version of the database."""

    number: int
    sql: str


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
