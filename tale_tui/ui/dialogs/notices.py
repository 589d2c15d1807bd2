"""What happened lately: every notice that was shown, kept to be read in peace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import when
from tale_tui.ui.dialogs.dialog import Dialog, Reader
from tale_tui.ui.text import NoMarkup, plain_line

if TYPE_CHECKING:
    from tale_tui.domain.events import Notice

SHOWN_MAX = 100
"""Notices that are shown, the newest ones."""
_TONES = {"warning": "$warning", "error": "$error"}


class NoticesDialog(Dialog[None]):
    """The list of notices, the newest first."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "notices.tcss"]

    def __init__(self, notices: Sequence[tuple[float, Notice]], now: float) -> None:
        """Take the notices.

        Args:
            notices: each with the moment at which it came (seconds since the epoch), oldest first.
            now: the present, likewise.
        """
        super().__init__("Notices", str(len(notices)) if notices else "")
        self._notices = notices
        self._now = now

    def body(self) -> Iterable[Widget]:
        """Each with its sign, title and time in one line and its sentence below."""
        if not self._notices:
            yield NoMarkup(
                "Nothing has happened yet. What you should know will stand here.", id="text", classes="quiet"
            )
            return
        with Reader(id="focus-first"):
            for came, notice in self._notices[: -SHOWN_MAX - 1 : -1]:
                yield NoMarkup(self._head(came, notice))
                yield NoMarkup(notice.sentence, classes="sentence")

    def _head(self, came: float, notice: Notice) -> Content:
        grave = notice.severity in _TONES
        sign = (signs().failed if grave else signs().dot, f"{_TONES.get(notice.severity, '$muted')} bold")
        title = plain_line(notice.title, style="bold")
        return Content.assemble(sign, " ", title, "  ", (when(came, self._now), "$muted"))
