"""When the transcript paints.

Text that streams in is collected and set at most 25 times a second, the first piece at once; where setting takes long
(a very long table) it is done less often, so that it never takes more than a fifth of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tale_tui.domain.constants import ANIMATION_INTERVAL_S
from tale_tui.ui.transcript.text_selection import TextSelection

if TYPE_CHECKING:
    from textual.timer import Timer

PAINT_INTERVAL_S = 0.04
"""Between two paints of growing text."""
_REST = 4
"""After setting text, so many times as long is left for everything else."""
_STILL_INTERVAL_S = 1.0
"""Between two paints of a running time where nothing may be animated."""
_CLOCK_INTERVAL_S = 30.0
"""Between two looks at the clock for headers that say how long ago something was."""


class RepaintThrottle(TextSelection):
    """Turns that are painted when it is time to."""

    _resting: Timer | None = None
    spinning: Timer | None = None
    """Turns the spinner; None while it stands still."""
    _waiting = False
    _still = False

    def on_mount(self) -> None:
        """Keep the times in the headers true."""
        self.set_interval(_CLOCK_INTERVAL_S, self.tell_time)

    def update_soon(self) -> None:
        """Bring the screen up to date: now, or when the time since the last time is over."""
        if self._resting is None:
            self.update_now()
        else:
            self._waiting = True

    def update_now(self) -> None:
        """Bring the screen up to date."""
        if not self.is_attached:
            return
        start = self.monotonic()
        self._waiting = False
        self.settle()
        self._rest(max(PAINT_INTERVAL_S, (self.monotonic() - start) * _REST))

    def settle(self) -> None:
        """As it is, and go on with it soon where a message is too long to be set at once."""
        super().settle()
        if self._resting is None and not self._all_whole():
            self._rest(PAINT_INTERVAL_S)

    def _rest(self, seconds: float) -> None:
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(seconds, self._rested)

    def _rested(self) -> None:
        self._resting = None
        if self._waiting or not self._all_whole():
            self.update_now()

    def _all_whole(self) -> bool:
        return all(self.stack.turns[shown.turn].whole for shown in self.shown())

    def spin(self, on: bool) -> None:
        """Let the spinner turn, or stand still."""
        if on and self.spinning is None:
            self._still = self.app.animation_level == "none"
            interval = _STILL_INTERVAL_S if self._still else ANIMATION_INTERVAL_S
            self.spinning = self.set_interval(interval, self.turn_spinner)
        elif not on and self.spinning is not None:
            self.spinning.stop()
            self.spinning = None

    def turn_spinner(self) -> None:
        """Show its next sign, and the times beside it."""
        if not self._still:
            self._frame += 1
        self.tell_time()

    def tell_time(self) -> None:
        """Draw the headers on the screen anew."""
        if self.stack.setting is None:
            return
        for number in {shown.turn for shown in self.shown()}:
            self.stack.turns[number].refresh_head(self.stack.setting)
        self.repaint()
