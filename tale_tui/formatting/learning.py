"""What was learned, in words."""

from __future__ import annotations

from collections.abc import Callable

from tale_tui.domain.forecasts import NEAR_SHARE, ForecastHistory
from tale_tui.domain.learning import LearnedPart, LearnedState, LearningEvent, LearningOutcome
from tale_tui.domain.text import clean_line
from tale_tui.formatting.forecasts import history_lines, near_words
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import percent, plural

EVENTS_SHOWN = 5
POINTS_SHOWN = 8
_MANY = 200
"""A share of so many is told with three digits."""
_SOURCES = {LearnedPart.DETECTION: "correction", LearnedPart.COMPLEXITY: "task", LearnedPart.FORECAST: "run"}


def learned_lines(state: LearnedState, when: Callable[[float], str], *, events: int = EVENTS_SHOWN) -> list[str]:
    """One part, line by line.

    Args:
        state: of it.
        when: a moment in words.
        events: so many are told of at most.
    """
    source = plural(state.examples, _SOURCES[state.part])
    new = f", {state.new} of them new" if state.new else ""
    stopped = "" if state.enabled else f"; learns nothing more ({state.setting} is off, or nothing can be written)"
    lines = [f"{state.part}: from {source}{new}{stopped}"]
    if state.problem:
        lines.append(f"  {clean_line(state.problem)}")
    lines.append(f"  {'good':<10}{_good(state)}")
    if len(state.points) > 1:
        errors = ", ".join(f"{when(point.at)} {percent(point.error)}" for point in state.points[-POINTS_SHOWN:])
        lines.append(f"  {'error':<10}{errors}")
    if state.rollbacks:
        lines.append(f"  {'undone':<10}{plural(state.rollbacks, 'time')} what was learned was dropped or undone")
    for event in state.events[:events]:
        lines.append(f"  {clean_line(event.id):<14}{when(event.at)}  {event_words(event)}")
        lines += [f"    {clean_line(change)}" for change in event.report.changes]
    if (more := len(state.events) - events) > 0:
        lines.append(f"  and {more} before")
    return lines


def event_words(event: LearningEvent) -> str:
    """What came of a fit."""
    if event.outcome is LearningOutcome.RESET:
        words = "all was forgotten"
    else:
        report = event.report
        words = f"{event.outcome} from {plural(report.examples, 'example')}"
        if report.before is not None and report.after is not None:
            words += f": right {percent(report.before)} before, {percent(report.after)} after"
        if report.changed:
            words += f"; {plural(report.changed, 'text')} of yours judged differently"
    return words if event.undone is None else f"{words} (undone)"


def _good(state: LearnedState) -> str:
    if state.now is None:
        return "not measured yet"
    if state.part is LearnedPart.FORECAST:
        now = near_words(state.now, state.kept_apart)
    else:
        now = f"{percent(state.now)} right on {plural(state.kept_apart, 'text')} kept apart"
    return now if state.before is None else f"{now}; {percent(state.before)} before"


# in a table


def good_words(state: LearnedState, *, short: bool = False) -> str:
    """How good a part is on what was kept apart: `.968 right`, `tokens within 30 %: .52`; a dash before anything was
    measured.
    """
    if state.now is None:
        return signs().dash
    share = share_words(state.now, state.kept_apart)
    if state.part is not LearnedPart.FORECAST:
        return f"{share} right"
    within = f"within {percent(NEAR_SHARE)}"
    return f"{share} {within}" if short else f"tokens {within}: {share}"


def was_words(state: LearnedState) -> str:
    """The same before the last change: `.961`."""
    return signs().dash if state.before is None else share_words(state.before, state.kept_apart)


def share_words(share: float, count: int) -> str:
    """A share with as many digits as what it was measured on deserves: `.52`, `.968`, `1.0`.

    Args:
        share: 0 to 1.
        count: what it was measured on.
    """
    words = f"{share:.{3 if count >= _MANY else 2}f}"
    return words[1:] if words.startswith("0") else f"{share:.1f}"


def last_event(state: LearnedState) -> LearningEvent | None:
    """What is undone first: the newest event that has changed what is in use; None where there is none."""
    return next((event for event in state.events if event.counts), None)


def changed_words(state: LearnedState) -> str:
    """What the last event changed, in a few words; a dash where nothing was."""
    event = last_event(state)
    if event is None:
        return signs().dash
    if event.outcome is LearningOutcome.RESET:
        return "all was forgotten"
    if event.report.changes:
        return clean_line(event.report.changes[0])
    return f"{plural(event.report.changed, 'text')} of yours judged differently"


def aim_words(history: ForecastHistory) -> str:
    """How near the forecasts of the last tasks were, in one line, the kinds of answers that came most first."""
    first, *kinds = history_lines(history)
    words = [" ".join(line.split()) for line in kinds]
    return f"{first}. {f' {signs().dot} '.join(words)}" if words else first
