"""The sums of the screen as a file: CSV or JSON, by its name."""

from __future__ import annotations

import time

from tale_tui.formatting.exports.tokens import report_csv, report_json
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.tokens.controller import TokensShown

FORMS = (".csv", ".json")
HINT = "A name that ends in .csv is for a spreadsheet or pandas, one that ends in .json for a program."


async def export(screen: BaseScreen, shown: TokensShown) -> None:
    """Ask for a name and write the groups that are shown; from a worker only. No file is replaced without asking.

    Args:
        screen: asks and tells.
        shown: what is written.
    """
    from tale_tui.ui.dialogs.save_text import save_text

    which = shown.which

    def text(form: str) -> str:
        if form == ".csv":
            return report_csv(shown.report)
        return report_json(shown.report, which.since, which.until)

    name = f"tokens-{time.strftime('%Y-%m-%d', time.localtime(shown.at))}.csv"
    await save_text(screen, "Write these sums to", name, HINT, FORMS, text)
