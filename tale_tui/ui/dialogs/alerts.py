"""What was told once because a limit was passed or a model got worse, and that it was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.formatting.alerts import alert_name, alert_state
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import when
from tale_tui.ui.dialogs.dialog import FITTED, Dialog
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.pick_list import PickList, PickRow

if TYPE_CHECKING:
    from tale_tui.domain.alerts import Alert

EVERY = 0
"""Stands for all alerts; their ids begin with 1."""
SENTENCE_LINES = 5
"""Lines of the sentence below the list, with the gap before it."""


class AlertsDialog(Dialog[int]):
    """The list of alerts, the newest first. The result is the id of the one that was read, or `EVERY`."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "alerts.tcss"]
    EXTRA_LINES: ClassVar[int] = SENTENCE_LINES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "read_all", "acknowledge all", id="alerts.read_all", tooltip="Acknowledge all alerts"),
    ]

    def __init__(self, alerts: Sequence[Alert], now: float) -> None:
        """Take the alerts.

        Args:
            alerts: the newest first.
            now: the present, in seconds since the epoch.
        """
        waiting = sum(alert.acknowledged is None for alert in alerts)
        super().__init__("Alerts", f"{waiting} not read" if waiting else "", enter="acknowledge" if alerts else "")
        self._alerts = {str(alert.id): alert for alert in alerts}
        self._now = now

    def body(self) -> Iterable[Widget]:
        """A row for each, and the sentence of the chosen one."""
        picks = PickList(
            [self._row(key, alert) for key, alert in self._alerts.items()],
            empty="Nothing was ever told: all that is watched was as it should be.",
            id="focus-first",
        )
        picks.add_class(FITTED)
        yield picks
        first = next(iter(self._alerts.values()), None)
        yield NoMarkup(first.sentence if first else "", id="sentence")

    def _row(self, key: str, alert: Alert) -> PickRow:
        new = alert.acknowledged is None
        state = alert_state(alert) if new else f"{alert_state(alert)}, read"
        sign = signs().failed if new else signs().dot
        cells = (state, when(alert.raised, self._now))
        return PickRow(key, alert_name(alert), cells, sign=sign, tone="warning" if new else "muted")

    @on(PickList.Moved)
    def _show_sentence(self, event: PickList.Moved) -> None:
        self.query_one("#sentence", NoMarkup).update(self._alerts[event.key].sentence)

    @on(PickList.Chosen)
    def _take(self, event: PickList.Chosen) -> None:
        self.dismiss(int(event.key))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to acknowledge where nothing was told."""
        return action != "read_all" or bool(self._alerts)

    def action_read_all(self) -> None:
        """All of them were read."""
        self.dismiss(EVERY)
