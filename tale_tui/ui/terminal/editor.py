"""The external editor: the message goes out into a file, and what was saved comes back."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess  # the user's own editor, started without a shell
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.app import App

from tale_tui.domain.text import reason_of

FALLBACKS = ("nano", "vim", "vi")
"""Tried in this order where no variable names an editor."""


class NoEditor(Exception):
    """No editor can be used; the message is a sentence for the user."""


def editor_command(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The editor and its arguments.

    Args:
        environ: VISUAL is asked first, then EDITOR.
    Raises:
        NoEditor: none is named and none is found, or the variable cannot be read.
    """
    for name in ("VISUAL", "EDITOR"):
        if value := environ.get(name, "").strip():
            try:
                command = shlex.split(value)
            except ValueError as error:
                raise NoEditor(f"{name} cannot be read: a quotation mark is not closed.") from error
            if command and shutil.which(command[0], path=environ.get("PATH")):
                return command
            raise NoEditor(f"{name} names an editor that is not there. Set it to the one you use.")
    for name in FALLBACKS:
        if found := shutil.which(name, path=environ.get("PATH")):
            return [found]
    raise NoEditor("No editor was found. Set EDITOR to the one you use, as in: export EDITOR=nano")


def edit(text: str, command: list[str]) -> str:
    """Let the user change `text` in an editor that has the terminal for itself; blocks until it ends.

    Args:
        text: what stands in the file at first.
        command: the editor and its arguments; the name of the file is added.
    Returns:
        What was saved; foreign text.
    Raises:
        NoEditor: it could not be started, ended with an error, or left no text. `text` is unchanged then.
    """
    # The file is made readable by its owner alone.
    descriptor, name = tempfile.mkstemp(prefix="tale-", suffix=".md")
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([*command, name], check=False)  # noqa: S603 # a list, and no shell
        if done.returncode != 0:
            raise NoEditor(f"The editor ended with {done.returncode}; the text is as it was.")
        return path.read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except OSError as error:
        raise NoEditor(f"The editor could not be used: {reason_of(error)}.") from error
    finally:
        path.unlink(missing_ok=True)


async def edit_outside(app: App[Any], text: str) -> str:
    """Let the user change `text` in an editor; the window gives the terminal away meanwhile, and the engine goes on.

    Args:
        app: the window.
        text: what stands in the file at first.
    Returns:
        What was saved; foreign text.
    Raises:
        NoEditor: as `editor_command` and `edit`.
    """
    command = editor_command()

    def tried() -> str | NoEditor:
        try:
            return edit(text, command)
        except NoEditor as error:
            return error

    # Textual does not take the terminal back where something is raised meanwhile. Nothing may be painted before.
    with app.batch_update(), app.suspend():
        outcome = await asyncio.to_thread(tried)
    if isinstance(outcome, NoEditor):
        raise outcome
    return outcome
