"""What the window of the model is filled with, part by part, and the summary of older turns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.domain.context import PartName
from tale_tui.formatting.alerts import whole_percent
from tale_tui.formatting.context import PART_NAMES, PartLine, digest_words, part_lines, turns_words, window_words
from tale_tui.formatting.units import COUNT_WIDTH, bar, count
from tale_tui.ui.dialogs.dialog import FITTED, Dialog, Reader
from tale_tui.ui.text import NoMarkup

if TYPE_CHECKING:
    from tale_tui.domain.context import ContextReport

_BAR_CELLS = 10
_PERCENT_CELLS = len("100 %")


class ContextDialog(Dialog[None]):
    """Shows it; nothing is changed here."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../dialogs/dialog.tcss", "context.tcss"]

    def __init__(self, report: ContextReport) -> None:
        """Take what the model would be shown now."""
        super().__init__("Context", window_words(report))
        self._report = report

    def body(self) -> Iterable[Widget]:
        """A line for each part, then what became of the turns, and the summary."""
        report = self._report
        lines = part_lines(report)
        label = max(len(line.label) for line in lines)
        parts = Content("\n").join(_painted(line, label) for line in lines)
        said = [NoMarkup(f"{turns_words(report)}\n{digest_words(report)}", classes="said quiet")]
        if report.digest is not None:
            said.append(NoMarkup(report.digest.text, classes="summary"))
        yield Reader(NoMarkup(parts, classes="parts"), *said, id="focus-first", classes=FITTED)


def _painted(line: PartLine, label: int) -> Content:
    """A part: its name, how much of the window it has, its tokens, its limit."""
    return Content.assemble(
        f"{line.label:<{label}}  ",
        (bar(line.share, _BAR_CELLS), "$accent" if line.label == PART_NAMES[PartName.DIGEST] else "$muted"),
        f"  {count(line.tokens):>{COUNT_WIDTH}}  {whole_percent(line.share):>{_PERCENT_CELLS}}",
        (f"  {line.note}" if line.note else "", "$muted"),
    )
