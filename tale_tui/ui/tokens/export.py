"""The sums of the screen as a file: CSV or JSON, by its name."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tale_tui.domain.errors import FileThere, TaleError
from tale_tui.domain.text import clean_line
from tale_tui.engine.result_files import save_file
from tale_tui.formatting.token_export import report_csv, report_json
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.tokens.controller import TokensShown

FORMS = (".csv", ".json")


async def export(screen: BaseScreen, shown: TokensShown) -> None:
    """Ask for a name and write the groups that are shown; from a worker only. No file is replaced without asking.

    Args:
        screen: asks and tells.
        shown: what is written.
    """
    from tale_tui.ui.dialogs.confirm import ConfirmDialog
    from tale_tui.ui.dialogs.text_entry import TextDialog

    name = f"tokens-{time.strftime('%Y-%m-%d', time.localtime(shown.at))}.csv"
    hint = "A name that ends in .csv is for a spreadsheet or pandas, one that ends in .json for a program."
    while True:
        written: str | None = await screen.ask(TextDialog("Write these sums to", name, hint=hint))
        if not written:
            return
        name = written
        path = _place(name)
        if path.suffix.lower() in FORMS:
            break
        screen.say(
            f"{clean_line(path.name)} ends neither in .csv nor in .json.", title="Not written", severity="warning"
        )
    which = shown.which
    text = (
        report_csv(shown.report)
        if path.suffix.lower() == ".csv"
        else report_json(shown.report, which.since, which.until)
    )
    try:
        try:
            await asyncio.to_thread(save_file, path.parent, path.name, text)
        except FileThere:
            verb = f"Replace {clean_line(path.name)}"
            if not await screen.ask(ConfirmDialog(f"{verb}?", verb, "Keep", detail=clean_line(str(path)))):
                return
            await asyncio.to_thread(save_file, path.parent, path.name, text, replace=True)
    except TaleError as error:
        screen.say_error(error)
    else:
        screen.say(clean_line(str(path)), title="Written")


def _place(name: str) -> Path:
    # Unlike that of Path, this leaves a user that does not exist as it stands: writing says what is wrong.
    return Path.cwd() / os.path.expanduser(name)  # noqa: PTH111
