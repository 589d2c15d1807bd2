"""The lines and the plot of the learning view, made of what was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tale_tui.domain.forecasts import NEAR_SHARE
from tale_tui.domain.learning import WEEK_S, LearnedPart, week_of
from tale_tui.domain.text import clean_line
from tale_tui.formatting.learning import event_words, last_event
from tale_tui.formatting.units import percent, when
from tale_tui.ui.text import fitted, spread
from tale_tui.ui.widgets.plot import PlotData, PlotSeries

if TYPE_CHECKING:
    from tale_tui.domain.learning import LearnedState, LearningEvent, LearningPoint

WEEKS_MAX = 26
"""A plot looks back so far at most."""
_PART_CELLS, _WHEN_CELLS = 12, 7

GROWS_BY = {
    LearnedPart.DETECTION: "Where it is wrong F8 says so, and it learns from that when nobody waits.",
    LearnedPart.COMPLEXITY: "It learns from tasks that are done, when nobody waits.",
    LearnedPart.FORECAST: "It learns from every run; a task that was foreseen and is done is held against it.",
}
"""How there comes to be something, by part."""


def plot_of(state: LearnedState, now: float) -> PlotData | None:
    """The error of a part by week; None where nothing was measured.

    Args:
        state: of the part.
        now: the present, in seconds since the epoch.
    """
    if not state.points:
        return None
    last = max(week_of(now), week_of(state.points[-1].at))
    first = max(week_of(state.points[0].at), last - (WEEKS_MAX - 1) * WEEK_S)
    weeks = range(first, last + WEEK_S, WEEK_S)
    foresees = state.part is LearnedPart.FORECAST
    learned = _by_week(state.points, weeks) if foresees else _by_fit(state.points, weeks)
    what = f"off by more than {percent(NEAR_SHARE)}" if foresees else "wrong on what was kept apart"
    series = [PlotSeries("learned", learned, "$task")]
    plain = {point.at: 1 - point.plain for point in state.points if point.plain is not None}
    if plain:
        series.insert(0, PlotSeries("median of the model alone", tuple(plain.get(week) for week in weeks), "$muted"))
    return PlotData(
        f"{state.part}: {what}, by week",
        (*weeks, last + WEEK_S),
        tuple(series),
        now=now,
        last=percent(state.points[-1].error),
        label=_scale_label,
    )


def _scale_label(share: float) -> str:
    """A share beside a plot, in at most five cells."""
    return f"{share * 100:.1f}".removesuffix(".0") + "%"


def _by_week(points: Sequence[LearningPoint], weeks: range) -> tuple[float | None, ...]:
    """The error of what came in each week."""
    found = {point.at: point.error for point in points}
    return tuple(found.get(week) for week in weeks)


def _by_fit(points: Sequence[LearningPoint], weeks: range) -> tuple[float | None, ...]:
    """The error of the fit that was in use at the end of each week."""
    errors: list[float | None] = []
    for week in weeks:
        before = [point.error for point in points if point.at < week + WEEK_S]
        errors.append(before[-1] if before else None)
    return tuple(errors)


def event_lines(
    states: Iterable[LearnedState], chosen: LearnedState | None, key: str, now: float, width: int, height: int
) -> list[Content]:
    """What was learned, forgotten and undone lately, the newest first, in at most `height` lines.

    Args:
        states: of all parts.
        chosen: what `key` undoes the last event of.
        key: its name; empty where it can do nothing.
        now: the present, in seconds since the epoch.
        width, height: cells.
    """
    events = sorted((event for state in states for event in state.events), key=lambda event: -event.at)
    undone_first = last_event(chosen) if chosen is not None and key else None
    return [
        _event_line(event, f"{key} undoes" if event is undone_first else "", now, width) for event in events[:height]
    ]


def _event_line(event: LearningEvent, note: str, now: float, width: int) -> Content:
    lead = f"{when(event.at, now):<{_WHEN_CELLS}} "
    words = "; ".join((event_words(event), *event.report.changes[:1]))
    room = width - len(lead) - _PART_CELLS - (len(note) + 2 if note else 0)
    line = Content.assemble((lead, "$muted"), f"{event.part:<{_PART_CELLS}}")
    line += Content(fitted(clean_line(words), max(room, 0))).stylize("" if event.counts else "$muted")
    return spread(line, Content(note).stylize("$accent"), width) if note else line
