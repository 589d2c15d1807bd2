"""When the transcript is brought up to date: as text streams in, and as time goes by.

Text that streams in is collected and set at most 25 times a second, the first piece at once; where setting takes long
(a very long table) it is done less often, so that it never takes more than a fifth of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tale_tui.domain.constants import ANIMATION_INTERVAL_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message_pump import MessagePump
    from textual.timer import Timer
    from textual.widget import Widget

PAINT_INTERVAL_S = 0.04
"""Between two paints of growing text."""
_REST = 4
"""After an update, so many times as long is left for everything else."""
_STILL_INTERVAL_S = 1.0
"""Between two paints of a running time where nothing may be animated."""


class RepaintThrottle:
    """Updates now, or when the rest after the last update is over.

    Args:
        timers: the widget whose timers are used.
        update: brings the screen up to date.
        unfinished: whether an update has left something on the screen to be done by a further one.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        timers: MessagePump,
        update: Callable[[], None],
        unfinished: Callable[[], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._timers = timers
        self._update = update
        self._unfinished = unfinished
        self._monotonic = monotonic
        self._resting: Timer | None = None
        self._waiting = False

    def request(self) -> None:
        """Update now, or as soon as the rest is over."""
        if self._resting is None:
            self.run()
        else:
            self._waiting = True

    def run(self) -> None:
        """Update now, and rest."""
        if not self._timers.is_attached:
            return
        start = self._monotonic()
        self._waiting = False
        self._update()
        self._rest(max(PAINT_INTERVAL_S, (self._monotonic() - start) * _REST))

    def updated(self) -> None:
        """After any update: go on soon where a message is too long to be set at once."""
        if self._resting is None and self._unfinished():
            self._rest(PAINT_INTERVAL_S)

    def _rest(self, seconds: float) -> None:
        if self._resting is not None:
            self._resting.stop()
        self._resting = self._timers.set_timer(seconds, self._rested)

    def _rested(self) -> None:
        self._resting = None
        if self._waiting or self._unfinished():
            self.run()


class Spinner:
    """The picture that turns while a reply is made; where nothing may be animated only the time beside it goes on.

    Args:
        widget: whose timers are used, and whose application says what may be animated.
        redraw: draws the spinner and the time.

    Attributes:
        frame: number of its picture.
    """

    def __init__(self, widget: Widget, redraw: Callable[[], None]) -> None:
        self._widget = widget
        self._redraw = redraw
        self._timer = SwitchedTimer(widget, self.turn)
        self.frame = 0

    @property
    def still(self) -> bool:
        """Whether nothing may be animated."""
        return self._widget.is_attached and self._widget.app.animation_level == "none"

    @property
    def running(self) -> bool:
        """Whether it turns, or would if it might."""
        return self._timer.running

    def spin(self, on: bool) -> None:
        """Let it turn, or stop it."""
        if on:
            self._timer.start(_STILL_INTERVAL_S if self.still else ANIMATION_INTERVAL_S)
        else:
            self._timer.stop()

    def turn(self) -> None:
        """Show the next picture, and the time."""
        if not self.still:
            self.frame += 1
        self._redraw()


class SwitchedTimer:
    """A timer that goes while it is wanted.

    Args:
        timers: the widget whose timers are used.
        action: what is done again and again.
    """

    def __init__(self, timers: MessagePump, action: Callable[[], None]) -> None:
        self._timers = timers
        self._action = action
        self._timer: Timer | None = None

    @property
    def running(self) -> bool:
        """Whether it goes."""
        return self._timer is not None

    def start(self, interval_s: float) -> None:
        """Let it go, unless it goes already."""
        if self._timer is None:
            self._timer = self._timers.set_interval(interval_s, self._action)

    def stop(self) -> None:
        """Let it stand still."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
