"""Files of the user: read as text, and written without one being replaced unless the user says so."""

from __future__ import annotations

import os
from pathlib import Path

from tale_tui.domain.errors import BadInput
from tale_tui.domain.text import clean_line, reason_of

FILE_CHARACTERS_MAX = 16_000_000
"""Of one file: more than the largest plan has. What never ends would fill the memory otherwise."""


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse a file that is there, before the work for it is done.

    Raises:
        BadInput: it is there and is not to be replaced.
    """
    if path.exists() and not force:
        raise _there_already(path)


def refuse_unwritable(path: Path) -> None:
    """Refuse a place where no file can be written, before the work for it is done.

    Raises:
        BadInput: its folder is not there or not ours to write in, or it is a folder itself.
    """
    shown, folder = clean_line(str(path)), path.parent
    if not folder.is_dir():
        raise BadInput(f"{shown} cannot be written: {clean_line(str(folder))} is no folder. Choose another place.")
    if path.is_dir():
        raise BadInput(f"{shown} cannot be written: it is a folder. Add the name of a file.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise BadInput(f"{shown} cannot be written: the system does not allow it. Choose another place.")


def write_text(path: Path, text: str, *, force: bool) -> None:
    """Write a file whole, or not at all.

    Raises:
        BadInput: it is there and is not to be replaced.
        OSError: the system did not allow it.
    """
    from tale_tui.config.file import replace

    if force:
        replace(path, text)
        return
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError as error:
        raise _there_already(path) from error


def unwritten(path: Path, error: OSError) -> str:
    """That a file was not written, and why, as a sentence."""
    return f"{clean_line(str(path))} cannot be written: {reason_of(error)}."


def _there_already(path: Path) -> BadInput:
    return BadInput(f"{path} is there already. Choose another name, or replace it with --force")


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        BadInput: it cannot be read, is not text, or does not end.
    """
    try:
        # The mark that some programs write first is no part of the text.
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(FILE_CHARACTERS_MAX + 1)
    except UnicodeDecodeError as error:
        raise _not_text(path) from error
    except OSError as error:
        raise BadInput(f"{clean_line(str(path))} cannot be read ({reason_of(error)}): give a file that can.") from error
    if "\0" in text:
        raise _not_text(path)
    if len(text) > FILE_CHARACTERS_MAX:
        raise BadInput(
            f"{clean_line(str(path))} is longer than {FILE_CHARACTERS_MAX:,} characters: give a shorter file."
        )
    return text


def _not_text(path: Path) -> BadInput:
    return BadInput(f"{clean_line(str(path))} is not text: give a file of text in UTF-8.")
