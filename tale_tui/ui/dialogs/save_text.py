"""A text as a file whose name the user is asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tale_tui.domain.errors import FileThere, TaleError
from tale_tui.domain.text import clean_line
from tale_tui.engine.result_files import save_file
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.text_entry import TextDialog

if TYPE_CHECKING:
    from tale_tui.ui.base_screen import BaseScreen


async def save_text(
    screen: BaseScreen, title: str, name: str, hint: str, forms: Sequence[str], text: Callable[[str], str]
) -> None:
    """Ask for a name and write a text; from a worker only. No file is replaced without asking.

    Args:
        screen: asks and tells.
        title: of the question.
        name: that is proposed.
        hint: which names there may be, in a sentence.
        forms: how the name may end, as in `.json`.
        text: what is written, by how the name ends.
    """
    while True:
        written: str | None = await screen.ask(TextDialog(title, name, hint=hint))
        if not written:
            return
        name = written
        path = place_of(name)
        if path.suffix.lower() in forms:
            break
        ends = f"does not end in {forms[0]}" if len(forms) == 1 else f"ends neither in {' nor in '.join(forms)}"
        screen.say(f"{clean_line(path.name)} {ends}.", title="Not written", severity="warning")
    words = text(path.suffix.lower())
    try:
        try:
            await asyncio.to_thread(save_file, path.parent, path.name, words)
        except FileThere:
            verb = f"Replace {clean_line(path.name)}"
            if not await screen.ask(ConfirmDialog(f"{verb}?", verb, "Keep", detail=clean_line(str(path)))):
                return
            await asyncio.to_thread(save_file, path.parent, path.name, words, replace=True)
    except TaleError as error:
        screen.say_error(error)
    else:
        screen.say(clean_line(str(path)), title="Written")


def place_of(name: str) -> Path:
    """Where a file is that the user named."""
    # Unlike that of Path, this leaves a user that does not exist as it stands: writing says what is wrong.
    return Path.cwd() / os.path.expanduser(name)  # noqa: PTH111
