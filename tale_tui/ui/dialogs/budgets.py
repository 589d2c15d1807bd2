"""What is used of the budgets of tokens, and how one is set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual.widget import Widget

from tale_tui.domain.budgets import BUDGET_WARNING
from tale_tui.formatting.alerts import whole_percent
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import bar, count
from tale_tui.ui.dialogs.dialog import FITTED, Dialog
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.pick_list import PickList, PickRow

if TYPE_CHECKING:
    from tale_tui.domain.budgets import BudgetUse

HOW_TO = "day_tokens, month_tokens and when_spent under [budgets] in the settings; tale-tui init says where they are."
EMPTY = "No budget is set."
_GAUGE_CELLS = 10


class BudgetsDialog(Dialog[None]):
    """A row for each budget; nothing is changed here."""

    EXTRA_LINES = 3

    def __init__(self, budgets: Sequence[BudgetUse]) -> None:
        """Take what is used of them, those of all models together first."""
        super().__init__("Budgets")
        self._budgets = budgets

    def body(self) -> Iterable[Widget]:
        """A row for each, and how they are set."""
        picks = PickList([self._row(use) for use in self._budgets], empty=EMPTY, id="focus-first")
        picks.add_class(FITTED)
        yield picks
        yield NoMarkup(HOW_TO, id="text", classes="quiet")

    def _row(self, use: BudgetUse) -> PickRow:
        near = use.share >= BUDGET_WARNING
        cells = (bar(use.share, _GAUGE_CELLS), whole_percent(use.share), f"{count(use.spent)} of {count(use.limit)}")
        sign = signs().failed if near else signs().dot
        return PickRow(use.subject, use.subject, cells, sign=sign, tone="warning" if near else "muted")
