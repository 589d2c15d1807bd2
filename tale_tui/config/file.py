"""The settings file: read, brought up to date, written back. What the values mean is not known here."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tale_tui.config.names import rename_roles
from tale_tui.config.problems import SettingsError
from tale_tui.domain.text import reason_of

FILE_VERSION = 1
"""The version of the file's form that is written and understood."""
VERSION_KEY = "version"

Table = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class FileContents:
    """What the file holds, brought up to date."""

    values: dict[str, Any]
    notes: tuple[str, ...] = ()
    """What was moved, a sentence each."""


MIGRATIONS: tuple[Callable[[Table], list[str]], ...] = (rename_roles,)
"""The n-th brings a file of version n to version n + 1 and says what it moved."""


def migrate(table: Table, path: Path) -> list[str]:
    """Bring a file's contents to `FILE_VERSION`, in place; a file without a number is taken for the oldest.

    Returns:
        What was moved, a sentence each.
    Raises:
        SettingsError: the version is no number, or newer than this program.
    """
    version = table.get(VERSION_KEY, 0)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise SettingsError((f"{path}: `{VERSION_KEY}` takes a whole number; this program writes {FILE_VERSION}.",))
    if version > FILE_VERSION:
        raise SettingsError(
            (
                f"{path} has version {version} and was written for a newer tale-tui; this one knows {FILE_VERSION}. "
                f"Update tale-tui, or write `{VERSION_KEY} = {FILE_VERSION}` and correct what is named then.",
            )
        )
    # The old names of the roles are understood in a file of any version: people know them.
    notes = [f"{path}: {note}" for step in (*MIGRATIONS[version:], rename_roles) for note in step(table)]
    table[VERSION_KEY] = FILE_VERSION
    return notes


def read_text(path: Path) -> str:
    """The file's text; empty where there is none.

    Raises:
        SettingsError: it cannot be read, or is not text.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError((f"{path}, line {line}: this is not UTF-8 text.",)) from error
    except OSError as error:
        raise SettingsError((f"{path} cannot be read: {reason_of(error)}.",)) from error


def parse(text: str, path: Path) -> FileContents:
    """What a file's text says, brought up to date.

    Raises:
        SettingsError: it is not TOML (the sentence names the line), or is of a newer version.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError((f"{path} is not valid TOML: {error}.",)) from error
    except RecursionError as error:
        raise SettingsError((f"{path} cannot be read: lists lie too deep in each other.",)) from error
    notes = migrate(table, path)
    del table[VERSION_KEY]
    return FileContents(values=table, notes=tuple(notes))


def edited(text: str, path: Path, dotted_key: str, value: object) -> str:
    """A file's text with one setting changed and everything else as the user wrote it.

    Args:
        text: valid TOML.
        path: the file, for sentences.
        dotted_key: as in `look.theme`; what follows the first point is one name.
        value: of a type that TOML has; None takes the setting out, back to its default.
    """
    # Needed only when a setting is written, which is rare.
    import tomlkit

    document = tomlkit.parse(text)
    migrate(document, path)
    group, _, name = dotted_key.partition(".")
    table: Table = document.setdefault(group, tomlkit.table()) if name else document
    if value is None:
        table.pop(name or group, None)
    else:
        table[name or group] = value
    return tomlkit.dumps(document)


def replace(path: Path, text: str) -> None:
    """Put a new file in the place of the old one, whole or not at all; a link stays a link.

    Raises:
        OSError: the folder cannot be written or is full; the old file is as it was.
    """
    target = path.resolve()
    # mkstemp makes it readable by its owner alone.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
