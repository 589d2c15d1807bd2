"""What was told and not yet acknowledged: a limit that was passed, a model that got slower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.domain.alerts import AlertKind
from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import plural, when
from tale_tui.ui.text import fitted

if TYPE_CHECKING:
    from tale_tui.domain.alerts import Alert

_LOOK = (AlertKind.REGRESSION, AlertKind.BUDGET)
"""These want a look; all others are a limit that was passed."""
_WHEN_CELLS = 6
_TEXT_MAX = 140
"""Cells of a line at most: longer ones nobody reads to their end."""


class AlertLines(Widget):
    """Data comes in by attribute.

    Attributes:
        clock: seconds since the epoch.
    """

    ALLOW_SELECT = False
    auto_links = False

    alerts: reactive[tuple[Alert, ...]] = reactive(())
    """Those that nobody acknowledged, the newest first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock = clock

    def render(self) -> Content:
        return Content("\n").join(alert_lines(self.alerts, self.size.width, self.size.height, self.clock()))


def alert_lines(alerts: Sequence[Alert], width: int, height: int, now: float) -> list[Content]:
    """The alerts in at most `height` lines; of more than fit the last line tells how many.

    Args:
        alerts: the newest first.
        width, height: cells.
        now: the present, in seconds since the epoch.
    """
    shown = alerts[:height]
    lines = [_line(alert, min(width, _TEXT_MAX), now) for alert in shown]
    more = len(alerts) - len(shown)
    if more and lines:
        words = f"  and {plural(more, 'more alert')}"
        last = _line(shown[-1], min(width, _TEXT_MAX) - len(words), now)
        lines[-1] = Content.assemble(last, (words, "$muted"))
    return lines


def _line(alert: Alert, width: int, now: float) -> Content:
    if alert.ended is not None:
        sign, colour = signs().done, "$success"
    elif alert.kind in _LOOK:
        sign, colour = signs().failed, "$warning"
    else:
        sign, colour = signs().wrong, "$error"
    over = "" if alert.ended is None else f" Well again: {when(alert.ended, now)}."
    lead = f"{when(alert.raised, now):<{_WHEN_CELLS}} "
    words = fitted(clean_line(alert.sentence) + over, max(width - len(lead) - 3, 0))
    return Content.assemble(" ", (sign, colour), " ", (lead, "$muted"), words)
