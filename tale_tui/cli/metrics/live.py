"""`tale-tui tokens --live`: the sums as they grow, written over on a terminal, a line each elsewhere."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from typing import TYPE_CHECKING

from tale_tui.cli.metrics.output import echo_report
from tale_tui.cli.output import echo, echo_err, is_terminal, wants_colour

if TYPE_CHECKING:
    from tale_tui.domain.metrics import CallActivity, CallDimension, CallFilter, TokenReport
    from tale_tui.engine.api import EngineApi

LOOK_S = 0.5
"""Between two looks at the engine: what works moves at least once a second."""
HEAD_LINES = 4
"""Of a screen, beside the groups: what happens now, the heading, the sum, and the line of the cursor."""


class LiveTokens:
    """The sums, and what models write now.

    Args:
        which: the calls that are meant.
        by: the dimensions of the groups.
    """

    def __init__(self, which: CallFilter, by: tuple[CallDimension, ...]) -> None:
        self._which = which
        self._by = by
        self._over = is_terminal(sys.stdout) and wants_colour() is not False
        self._lines = 0
        self._said = ""
        self._notes: set[str] = set()
        self._report: TokenReport | None = None
        self._recorded = -1

    async def look(self, engine: EngineApi) -> None:
        """Show how it is now, where that is news."""
        activity = await engine.metrics.activity()
        if self._report is None or activity.recorded != self._recorded:
            self._report = await engine.metrics.tokens(self._which, by=self._by)
            self._recorded = activity.recorded
        self._show(self._report, activity)

    def note(self, sentence: str) -> None:
        """Say something beside it, once; what is shown next stands below."""
        if sentence not in self._notes:
            self._notes.add(sentence)
            self._lines = 0
            echo_err(sentence)

    async def follow(self, engine: EngineApi) -> None:
        """Show it as it goes, for ever."""
        while True:
            await self.look(engine)
            await asyncio.sleep(LOOK_S)

    def _show(self, report: TokenReport, activity: CallActivity) -> None:
        now = time.time()
        words = f"{_sums_words(report)}  {_now_words(activity, now)}"
        if words == self._said:
            return
        self._said = words
        if not self._over:
            echo(f"{time.strftime('%H:%M:%S', time.localtime(now))}  {words}")
            return
        if self._lines:
            echo(f"\x1b[{self._lines}F\x1b[J", end="")
        size = shutil.get_terminal_size()
        shown = report.groups[: max(size.lines - HEAD_LINES, 0)]
        echo(words[: size.columns])
        echo_report(report, len(shown))
        self._lines = len(shown) + HEAD_LINES - 1


def _sums_words(report: TokenReport) -> str:
    from tale_tui.formatting.units import plural

    return f"{report.total.total_tokens or 0:,} tok in {plural(report.total.calls, 'call')}"


def _now_words(activity: CallActivity, now: float) -> str:
    """What models do now, and how fast all together write."""
    from tale_tui.formatting.tokens import running_words
    from tale_tui.formatting.units import rate

    calls, speed = running_words(activity, now), activity.tokens_per_second
    if not calls:
        return "nothing runs"
    return calls if speed is None else f"now {rate(speed)}  {calls}"
