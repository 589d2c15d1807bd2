"""Which models got worse: the trends that are watched, and what changed when they turned. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tale_tui.domain.alerts import AlertKind, LimitReading
from tale_tui.domain.text import clean_line
from tale_tui.engine.metrics.trends import REFERENCE_MAX, WINDOWS, Shift, find_regression
from tale_tui.engine.store.alerts.environment import EnvironmentChange
from tale_tui.engine.store.alerts.figures import TrendCall
from tale_tui.formatting.alerts import whole_percent
from tale_tui.formatting.units import moment

TREND_CALLS = REFERENCE_MAX + max(window for window, _ in WINDOWS)
"""Calls of a model that are looked at."""
NEAR_CALLS = 15
"""What changed between so many calls before a turn and as many after it may be why: its place is not known better."""
VALUE_CHARACTERS = 40
CHANGES_NAMED_MAX = 4

Series = tuple[str, Callable[[TrendCall], float | None], bool]
TRENDS: tuple[Series, ...] = (
    ("first text in ms", lambda call: None if call.failed else call.ttft_ms, False),
    ("tokens per second", lambda call: call.tokens_per_second, True),
    ("tokens per answer", lambda call: None if call.failed else call.completion_tokens, False),
    ("share of failures", lambda call: float(call.failed), False),
)
"""What is watched of a model: its name, its value of a call, and whether less of it is worse."""


@dataclass(frozen=True, slots=True)
class Regression:
    """A trend of a model that turned for the worse; without a shift where it did not."""

    subject: str
    """The model and the trend."""
    shift: Shift | None = None
    calls: tuple[TrendCall, ...] = ()
    """Those that the places of the shift count."""

    @property
    def began(self) -> float:
        """When, in seconds since the epoch."""
        return self.calls[self.shift.began].timestamp if self.shift else 0.0

    @property
    def near(self) -> tuple[float, float]:
        """The time around it, in which what changed may be why."""
        began = self.shift.began if self.shift else 0
        first, last = max(0, began - NEAR_CALLS), min(len(self.calls) - 1, began + NEAR_CALLS)
        return self.calls[first].timestamp, self.calls[last].timestamp


def regressions(calls: Mapping[str, Sequence[TrendCall]]) -> tuple[Regression, ...]:
    """How the trends of all models are; it takes milliseconds for each, and no place on the event loop.

    Args:
        calls: of each model, the oldest first.
    """
    found = []
    for model, all_calls in calls.items():
        for name, value_of, worse_is_less in TRENDS:
            pairs = [(call, value) for call in all_calls if (value := value_of(call)) is not None]
            shift = find_regression([value for _, value in pairs], worse_is_less=worse_is_less)
            near = tuple(call for call, _ in pairs) if shift else ()
            found.append(Regression(f"{model} {name}", shift, near))
    return tuple(found)


def regression_reading(found: Regression, changes: Iterable[EnvironmentChange], since: float) -> LimitReading:
    """A trend as a figure with a limit: 1 for one that turned, 0 for any other.

    Args:
        found: the trend.
        changes: what changed near its turn.
        since: what began before that, in seconds since the epoch, is not told: nobody watched then.
    """
    if found.shift is None or found.began < since:
        return LimitReading(AlertKind.REGRESSION, found.subject, 0.0, 1.0, "")
    words = _words(found, found.shift, changes)
    return LimitReading(AlertKind.REGRESSION, found.subject, 1.0, 1.0, words, began=found.began)


def _words(found: Regression, shift: Shift, changes: Iterable[EnvironmentChange]) -> str:
    changed = _changed(found, shift, changes)
    what = f"what changed then: {', '.join(changed)}" if changed else "nothing that is known changed then"
    share = f" ({whole_percent(abs(shift.change))})" if shift.before else ""
    return f"{found.subject}: {shift.before:.4g} before, {shift.after:.4g}{share} since {moment(found.began)}; {what}."


def _changed(found: Regression, shift: Shift, changes: Iterable[EnvironmentChange]) -> list[str]:
    """What may be why, in words, each once."""
    near = found.calls[max(0, shift.began - NEAR_CALLS) : shift.began + NEAR_CALLS + 1]
    words = ["the model's files"] if len({call.digest for call in near if call.digest}) > 1 else []
    for change in changes:
        told = change.before and change.after and not change.name.startswith("the text of")
        before, after = (clean_line(value, VALUE_CHARACTERS) for value in (change.before, change.after))
        values = f" ({before} before, {after} now)"
        words.append(f"{change.name}{values if told else ''}")
    return list(dict.fromkeys(words))[:CHANGES_NAMED_MAX]
