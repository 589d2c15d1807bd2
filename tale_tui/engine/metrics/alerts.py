"""Looks at what was recorded whenever something was, and raises alerts. Nothing happens while no call ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import quantiles

from tale_tui.config.settings import AlertSettings
from tale_tui.domain.alerts import Alert, AlertKind, LimitReading
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import StoreError, TaleError
from tale_tui.domain.events import Fact, Notice
from tale_tui.engine.metrics.figures import local_time
from tale_tui.engine.metrics.trends import REFERENCE_MAX, WINDOWS, Shift, find_regression
from tale_tui.engine.store.alerts.figures import TrendCall, WatchedFigures
from tale_tui.engine.store.store import Store
from tale_tui.engine.unforeseen import BackgroundTasks
from tale_tui.formatting.units import count, moment, percent

log = logging.getLogger(__name__)

LOOK_PAUSE_S = 1.0
"""Between two looks at the rows: calls that end meanwhile are looked at together."""
LOOKED_AT = 20
"""So many of the last times of one kind are held against a limit."""
JUDGED_FROM = 5
"""With fewer of them nothing is said."""
BUDGET_WARNING = 0.8
"""From this share of a budget on the user is warned."""
TREND_CALLS = REFERENCE_MAX + max(window for window, _ in WINDOWS)
TREND_EVERY = 5
"""Trends are looked at after so many calls."""

Series = tuple[str, Callable[[TrendCall], float | None], bool]
TRENDS: tuple[Series, ...] = (
    ("first text in ms", lambda call: None if call.failed else call.ttft_ms, False),
    ("tokens per second", lambda call: call.tokens_per_second, True),
    ("tokens per answer", lambda call: None if call.failed else call.completion_tokens, False),
    ("share of failures", lambda call: float(call.failed), False),
)
"""What is watched of a model: its name, its value of a call, and whether less of it is worse."""


def upper_end(values: Sequence[float]) -> float | None:
    """The value that 95 % stay below (between two values: interpolated); None with fewer than `JUDGED_FROM`."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) >= JUDGED_FROM else None


def readings(found: WatchedFigures, limits: AlertSettings) -> tuple[LimitReading, ...]:
    """The figures that have a limit, and are known, with what is to be said of them."""
    return (*_times(found, limits), *_counts(found, limits))


def _times(found: WatchedFigures, limits: AlertSettings) -> Iterator[LimitReading]:
    for kind, what, values, limit_s in (
        (AlertKind.FIRST_TEXT, "The first text of a reply", found.first_text_ms, limits.first_text_s),
        (AlertKind.SIMPLE_TASK, "A simple task", found.simple_task_ms, limits.simple_task_s),
        (AlertKind.SWITCH, "Another model", found.switch_ms, limits.switch_s),
    ):
        seen_ms = upper_end(values)
        if limit_s and seen_ms is not None:
            seen = seen_ms / 1000
            sentence = f"{what} takes {seen:.2f} s (95 % of the last {len(values)}); the limit is {limit_s:g} s."
            yield LimitReading(kind, "", seen, limit_s, sentence)


def _counts(found: WatchedFigures, limits: AlertSettings) -> Iterator[LimitReading]:
    if limits.failures:
        sentence = f"{found.failed_tasks} tasks failed since the last one that was done."
        yield LimitReading(AlertKind.FAILURES, "", found.failed_tasks, limits.failures, sentence)
    for name, spent, budget in (
        ("day", found.day_tokens, limits.day_tokens),
        ("month", found.month_tokens, limits.month_tokens),
    ):
        if budget:
            sentence = f"{count(spent)} of {count(budget)} tokens of this {name} are spent."
            if spent < budget:  # else the same would be told twice
                yield LimitReading(AlertKind.BUDGET, name, spent, BUDGET_WARNING * budget, sentence)
            yield LimitReading(AlertKind.BUDGET_SPENT, name, spent, budget, sentence)


def regressions(calls: Mapping[str, Sequence[TrendCall]]) -> tuple[LimitReading, ...]:
    """What got worse, by model; it takes milliseconds for each, and no place on the event loop.

    Args:
        calls: of each model, the oldest first.
    """
    found = []
    for model, all_calls in calls.items():
        for name, value_of, worse_is_less in TRENDS:
            pairs = [(call, value) for call in all_calls if (value := value_of(call)) is not None]
            shift = find_regression([value for _, value in pairs], worse_is_less=worse_is_less)
            subject = f"{model} {name}"
            if shift is None:
                found.append(LimitReading(AlertKind.REGRESSION, subject, 0.0, 1.0, ""))
                continue
            sentence = _shift_words(subject, shift, [call for call, _ in pairs])
            # Above its limit by definition: what the detector finds is judged there.
            found.append(LimitReading(AlertKind.REGRESSION, subject, 1.0, 1.0, sentence))
    return tuple(found)


def _shift_words(subject: str, shift: Shift, calls: Sequence[TrendCall]) -> str:
    before, began = calls[shift.began - 1], calls[shift.began]
    changed = "its files changed then" if before.digest != began.digest else "its files are the same as before"
    change = f" ({percent(abs(shift.change))})" if shift.before else ""
    return (
        f"{subject}: {shift.before:.4g} before, {shift.after:.4g}{change} since {moment(began.timestamp)}; {changed}."
    )


class AlertWatch:
    """Raises alerts.

    Args:
        store: has the rows.
        limits: of the settings.
        clock: says when the user's day began.
        publish: takes a notice of each new alert.
    """

    def __init__(self, store: Store, limits: AlertSettings, clock: Clock, publish: Callable[[Fact], None]) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._publish = publish
        self._background = BackgroundTasks(self._broke_off)
        self._work: asyncio.Task[None] | None = None
        self._calls = 0
        self._looked_at = 0
        self._trends_at = 0
        self._ended = not limits.enabled

    def nudge(self, calls: int) -> None:
        """So many calls were stored: look at them soon."""
        self._calls += calls
        if not self._ended and (self._work is None or self._work.done()):
            self._work = self._background.start(self._look_and_rest(), "Looking for alerts")

    async def close(self) -> None:
        """Look a last time, where calls were stored since, and end."""
        if self._ended:
            return
        self._ended = True
        await self._background.close()
        await self._look_at_new()

    async def _look_and_rest(self) -> None:
        await self._look_at_new()
        # Calls that end meanwhile begin no look of their own.
        await asyncio.sleep(LOOK_PAUSE_S)
        if self._looked_at < self._calls:
            self._work = self._background.start(self._look_and_rest(), "Looking for alerts")

    async def _look_at_new(self) -> None:
        """Look where calls were stored since."""
        calls = self._calls
        if self._looked_at == calls:
            return
        try:
            await self.look()
        except StoreError as error:
            log.warning("alerts are not looked at: %s", error.sentence)
        self._looked_at = calls

    def _broke_off(self, error: TaleError) -> None:
        self._ended = True
        self._publish(Notice("Alerts are not looked at any more", error.sentence, "error"))

    async def look(self) -> tuple[Alert, ...]:
        """Judge what the rows say now.

        Returns:
            What was raised, after it was told.
        Raises:
            StoreError: the rows cannot be read or written.
        """
        today = local_time(self._clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
        # Without its distance from UTC: midnight may have had another one than now.
        today = today.replace(tzinfo=None)
        day, month = today.timestamp(), today.replace(day=1).timestamp()
        found = list(readings(await self._store.watched_figures(LOOKED_AT, day, month), self._limits))
        if self._limits.regressions and self._calls >= self._trends_at:
            self._trends_at = self._calls + TREND_EVERY
            found += await asyncio.to_thread(regressions, await self._store.trend_calls(TREND_CALLS))
        raised = await self._store.judge(found) if found else ()
        for alert in raised:
            self._publish(Notice("Alert", alert.sentence, "warning"))
        return raised
