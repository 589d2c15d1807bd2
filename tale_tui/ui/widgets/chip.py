"""What the message in the prompt will become, in one line: `a task .93 · medium → qwen3:14b · 620 tok · 1:10`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from textual.content import Content

from tale_tui.domain.forecasts import ForecastSummary
from tale_tui.formatting.forecasts import LARGE, clock_words, cost_words, tok_words, waits_words
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import clock, count, format_probability
from tale_tui.ui.text import fitted

ChipKind = Literal["task", "ask", "chat"]

NAME_MIN = 6
"""Cells that the name of a model gets at least."""
NAME_WANTED = 16
"""Cells that it gets before its complexity is told."""
_NAMES: dict[ChipKind, str] = {"task": "a task", "ask": "ask", "chat": "chat"}
_TONES: dict[ChipKind, str] = {"task": "$task", "ask": "$foreground", "chat": "$muted"}


@dataclass(frozen=True, slots=True)
class ChipShown:
    """A judgement, as the chip says it."""

    kind: ChipKind
    share: float = 0.0
    """How sure that is, 0 to 1."""
    chosen: bool = False
    """Whether the user said so; then nobody asks how sure it is."""
    model: str = ""
    """Who would do it; safe text."""
    expected_s: float | None = None
    """How long that would take, where nothing is foreseen yet."""
    key: str = ""
    """The key that makes it the other thing."""
    forecast: ForecastSummary | None = None
    """What is foreseen of it, as a task."""


def chip_line(shown: ChipShown, width: int) -> Content:
    """The judgement in one line; with little room first the wait, the cost and the interval of the tokens go, then the
    key, the complexity, the tokens, the model, and the time.

    Args:
        shown: the judgement.
        width: cells at most.
    """
    tone = _TONES[shown.kind]
    number = "set" if shown.chosen else format_probability(shown.share)
    line = Content.assemble((f"{_NAMES[shown.kind]} ", f"{tone} bold" if shown.chosen else tone), (number, tone))
    key = Content("")
    if shown.key:
        other = "just talk" if shown.kind == "task" else "a task"
        key = Content.assemble((f" {signs().rule} ", "$muted"), shown.key, (f" {other}", "$muted"))
    if shown.kind == "task":
        if shown.forecast is not None and shown.forecast.large:
            line += Content.assemble((f" {signs().dot} ", "$muted"), (LARGE, "$warning"))
        for hard, figures, keyed in _variants(shown):
            found = _with_model(line, shown.model, hard, figures, width - (key.cell_length if keyed else 0))
            if found is not None:
                line = found
                break
    return line + key if line.cell_length + key.cell_length <= width else line


def _variants(shown: ChipShown) -> list[tuple[str, list[str], bool]]:
    """What may stand beside the model, the longest first: complexity, figures, whether the key has to fit besides."""
    forecast = shown.forecast
    if forecast is None:
        time = [] if shown.expected_s is None else [f"about {clock(shown.expected_s)}"]
        return [("", time, False)]
    takes = clock_words(forecast.seconds, forecast.runs)
    wide = tok_words(forecast.completion_tokens, forecast.runs)
    narrow = f"{count(forecast.completion_tokens.middle)} tok"
    hard, waits = forecast.complexity or "", waits_words(forecast.waiting)
    cost = cost_words(forecast.cost, forecast.runs)
    full = [part for part in (wide, takes, waits, cost) if part]
    return [
        (hard, full, True),
        (hard, [part for part in (wide, takes, cost) if part], True),
        (hard, [wide, takes], True),
        (hard, [narrow, takes], True),
        (hard, [narrow, takes], False),
        ("", [narrow, takes], False),
        ("", [takes], False),
    ]


def _with_model(line: Content, model: str, hard: str, figures: list[str], width: int) -> Content | None:
    """The line with more in it; None where the name of the model has no room."""
    dot, arrow = f" {signs().dot} ", f" {signs().arrow} "
    if hard:
        line += Content.assemble((dot, "$muted"), (hard, "$task"))
    rest = "".join(dot + figure for figure in figures)
    room = width - line.cell_length - len(arrow) - len(rest)
    # A short name stands whole before anything else is said; a long one is cut before all else goes.
    if not model or room < (min(max(cell_len(model), NAME_MIN), NAME_WANTED) if hard else NAME_MIN):
        return None
    return line + Content.assemble((arrow, "$muted"), (fitted(model, room), "$task"), (rest, "$muted"))
