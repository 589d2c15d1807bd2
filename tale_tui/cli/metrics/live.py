"""What `--live` shows: written over on a terminal, a line for each change elsewhere; and so the sums of tokens."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from tale_tui.cli.metrics.output import echo_report
from tale_tui.cli.output import echo, echo_err, is_terminal, wants_colour
from tale_tui.domain.errors import EngineLost

if TYPE_CHECKING:
    from tale_tui.cli.context import CommandContext
    from tale_tui.domain.metrics import CallActivity, CallDimension, CallFilter, TokenReport
    from tale_tui.engine.api import EngineApi

ENGINE_LOOK_S = 1.0
"""Between two looks for an engine, while none runs."""
LOOK_S = 0.5
"""Between two looks at the engine: what works moves at least once a second."""
HEAD_LINES = 4
"""Of a screen, beside the groups: what happens now, the heading, the sum, and the line of the cursor."""


class LiveView(Protocol):
    """What is shown live."""

    def note(self, sentence: str) -> None:
        """Say something beside it, once; what is shown next stands below."""
        ...

    async def follow(self, engine: EngineApi) -> None:
        """Show it as it goes, for ever."""
        ...


class LiveOutput:
    """Standard output, on which the same is written again and again."""

    def __init__(self) -> None:
        self._over = is_terminal(sys.stdout) and wants_colour() is not False
        self._lines = 0
        self._said = ""
        self._notes: set[str] = set()

    def note(self, sentence: str) -> None:
        """Say something beside it, once; what is shown next stands below."""
        if sentence not in self._notes:
            self._notes.add(sentence)
            self._lines = 0
            echo_err(sentence)

    def show(self, words: str, write: Callable[[], int]) -> None:
        """Show it, where it is news.

        Args:
            words: all of it that changes, in one line: what a pipe gets.
            write: writes it for a terminal and returns how many lines that took.
        """
        if words == self._said:
            return
        self._said = words
        if not self._over:
            echo(f"{time.strftime('%H:%M:%S', time.localtime(time.time()))}  {words}")
            return
        if self._lines:
            echo(f"\x1b[{self._lines}F\x1b[J", end="")
        self._lines = write()


def show_live(context: CommandContext, view: LiveView) -> None:
    """Show it until the user ends it. This process is never the engine for longer than a look: who ends it must not
    end what others ask of models."""

    async def follow(engine: EngineApi | None) -> bool:
        if engine is None:
            return False
        await view.follow(engine)
        return True

    while True:
        try:
            there = context.run_there(follow)
        except EngineLost:
            there = True
        if not there:
            view.note("No engine runs, so nothing moves. To start one: tale-tui, or tale-tui run --background")
        time.sleep(ENGINE_LOOK_S)


class LiveTokens:
    """The sums, and what models write now.

    Args:
        which: the calls that are meant.
        by: the dimensions of the groups.
    """

    def __init__(self, which: CallFilter, by: tuple[CallDimension, ...]) -> None:
        self._which = which
        self._by = by
        self._output = LiveOutput()
        self._report: TokenReport | None = None
        self._recorded = -1

    def note(self, sentence: str) -> None:
        """See `LiveView.note`."""
        self._output.note(sentence)

    async def look(self, engine: EngineApi) -> None:
        """Show how it is now, where that is news."""
        activity = await engine.metrics.activity()
        if self._report is None or activity.recorded != self._recorded:
            self._report = await engine.metrics.tokens(self._which, by=self._by)
            self._recorded = activity.recorded
        report = self._report
        words = f"{_sums_words(report)}  {_now_words(activity, time.time())}"
        self._output.show(words, lambda: _echo_sums(words, report))

    async def follow(self, engine: EngineApi) -> None:
        """Show it as it goes, for ever."""
        while True:
            await self.look(engine)
            await asyncio.sleep(LOOK_S)


def _echo_sums(words: str, report: TokenReport) -> int:
    size = shutil.get_terminal_size()
    shown = report.groups[: max(size.lines - HEAD_LINES, 0)]
    echo(words[: size.columns])
    echo_report(report, len(shown))
    return len(shown) + HEAD_LINES - 1


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
