"""What stands above the text of a task: who it is, how it goes, its plan with its steps. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from tale_tui.engine.text import clean_line
from tale_tui.ui.markdown.wrap import wrap
from tale_tui.ui.signs import signs
from tale_tui.ui.task_words import clock, elapsed_s, model_name, short_times, state_words, times, tone
from tale_tui.ui.widgets.line import fitted, spread
from tale_tui.ui.words import about, count, plural

if TYPE_CHECKING:
    from tale_tui.engine.task_types import Step, Task

COLOURS = {"work": "$task", "look": "$warning", "ok": "$success", "bad": "$error", "quiet": "$muted"}
"""Tone of a state -> colour."""
ERROR_LINES = 4
"""Lines of a sentence about what went wrong, at most."""
_STEP_SIGNS = {"pending": "waiting", "running": "working", "done": "done", "failed": "wrong"}
_STEP_COLOURS = {"pending": "$muted", "running": "$task", "done": "$success", "failed": "$error"}
_TIME_CELLS, _TOKEN_CELLS = 8, 11
_STEPS_MIN = 3
_NARROW = 48
"""Cells below which words go."""


def head_lines(
    task: Task, steps: Sequence[Step], now: float, width: int, height: int, *, doing: str = "", tokens: int = 0
) -> list[Content]:
    """The lines above the text.

    Args:
        task: which.
        steps: of its plan; empty while they are not known.
        now: the present, in seconds since the epoch.
        width: cells.
        height: lines that there may be.
        doing: what is going on in the step that runs, where that is known.
        tokens: of the step that runs, as they were counted so far.
    """
    lines = [_title(task, width), _state(task, steps, now, width, doing=doing, tokens=tokens)]
    lines += _problem(task, steps, now, width)
    # What waits for a yes has its plan below, whole.
    if len(steps) > 1 and not asks_for_plan(task):
        lines.append(Content(""))
        lines += _plan(steps, task, now, width, max(height - len(lines), _STEPS_MIN), tokens)
    return lines


def asks_for_plan(task: Task) -> bool:
    """Whether it waits for a yes to all that it will do."""
    return task.state == "waiting" and task.reason == "approval" and not task.steps_done


def _title(task: Task, width: int) -> Content:
    priority = "" if task.priority == "normal" else task.priority.value
    name = clean_line(model_name(task))
    dot = f" {signs().dot} " if priority and name else ""
    right = Content.assemble(
        (priority, "$warning" if priority == "urgent" else "$muted"), (dot, "$muted"), (name, "$task")
    )
    room = width - cell_len(task.shown) - 2
    if room - right.cell_length - 2 < min(room, 16):
        right = Content("")
    room -= right.cell_length + (2 if right else 0)
    left = Content.assemble((task.shown, "$muted"), "  ", (fitted(clean_line(task.title), room), "bold"))
    return spread(left, right, width) if right else left


def _state(task: Task, steps: Sequence[Step], now: float, width: int, *, doing: str, tokens: int) -> Content:
    """`running 0:42, about 0:30 left · 412 tok`."""
    colour = COLOURS[tone(task)]
    words = _word(task, now, doing, single=len(steps) < 2)
    told = (short_times if width < _NARROW else times)(task, now)
    if not (elapsed_s(task, now) or task.state == "running"):
        told = ""
    written = _written(task, steps, tokens)
    figures = [part for part in (told, f"{count(written)} tok" if written else "") if part]
    dot = f" {signs().dot} "
    line = Content.assemble((words, colour), (" " if figures else "", ""), (dot.join(figures), "$muted"))
    return line.truncate(width, ellipsis=True)


def _written(task: Task, steps: Sequence[Step], tokens: int) -> int:
    """Tokens of a task so far: what is stored, a second old at most, or what came since where that is more."""
    stored = task.completion_tokens or 0
    if task.state != "running":
        return stored
    ended = sum(step.usage.completion_tokens or 0 for step in steps if step.usage and step.state != "running")
    return max(stored, ended + tokens)


def _word(task: Task, now: float, doing: str, *, single: bool) -> str:
    if task.state == "running":
        return (doing or "running") if single else "running"
    return state_words(task, now) if task.state != "failed" else "failed"


def _problem(task: Task, steps: Sequence[Step], now: float, width: int) -> list[Content]:
    """What went wrong, in a sentence; of a task that tries again, when."""
    error = task.error
    failed = next((step for step in steps if step.error and step.state != "done"), None)
    if not error and failed is not None:
        error = failed.error
    if not error:
        return []
    sign = f"{signs().failed} "
    sentence = clean_line(error, 1000)
    if task.state == "queued" and task.next_try is not None:
        sentence += f" It is tried again in {about(task.next_try - now)}." if task.next_try > now else ""
    ends = wrap(sentence, max(width - len(sign), 1))[:ERROR_LINES]
    colour = "$error" if task.state == "failed" else "$warning"
    return [
        Content.assemble((" " * len(sign) if start else sign, f"bold {colour}"), (sentence[start:end], colour))
        for start, end in ends
    ]


def _plan(steps: Sequence[Step], task: Task, now: float, width: int, room: int, tokens: int) -> list[Content]:
    """A line a step; of a plan that is too long, the steps around the one that is next."""
    first, last = _window(steps, room)
    lines = [_step(step, task, now, width, tokens) for step in steps[first:last]]
    if first:
        done = sum(step.state == "done" for step in steps[: first + 1])
        words = f"{plural(first + 1, 'step')} before, {done} done"
        lines[0] = Content.assemble((f"{signs().ellipsis} {words}", "$muted"))
    if last < len(steps):
        words = f"{plural(len(steps) - last + 1, 'more step')}"
        lines[-1] = Content.assemble((f"{signs().ellipsis} {words}", "$muted"))
    return lines


def _window(steps: Sequence[Step], room: int) -> tuple[int, int]:
    if len(steps) <= room:
        return 0, len(steps)
    current = next((number for number, step in enumerate(steps) if step.state != "done"), len(steps) - 1)
    first = min(max(current - room // 2, 0), len(steps) - room)
    return first, first + room


def _step(step: Step, task: Task, now: float, width: int, tokens: int) -> Content:
    sign = getattr(signs(), _STEP_SIGNS[step.state])
    colour = _STEP_COLOURS[step.state]
    written = step.usage.completion_tokens if step.usage is not None else None
    if step.state == "running":
        written = tokens or written
    figures = _step_time(step, now).rjust(_TIME_CELLS)
    figures += (f"{count(written)} tok" if written else "").rjust(_TOKEN_CELLS)
    note = f"  try {step.attempts}" if step.attempts > 1 else ""
    if width < _NARROW // 2:
        figures = ""
    room = max(width - len(sign) - 1 - len(figures), 1)
    title = fitted(clean_line(step.spec.title or step.spec.key), max(room - len(note), 1))
    asks = "$warning" if step.spec.kind == "approval" and step.state != "done" else "$muted"
    words = "" if step.state == "running" else "$muted" if step.state == "pending" else ""
    left = Content.assemble(
        (signs().asks if asks == "$warning" else sign, asks if asks == "$warning" else colour),
        " ",
        (title, words),
        (note, "$warning"),
    )
    return spread(left, Content(figures).stylize("$muted"), width)


def _step_time(step: Step, now: float) -> str:
    if step.state == "pending":
        return f"in {about(step.next_try - now)}" if step.next_try is not None and step.next_try > now else ""
    if step.started is None:
        return ""
    return clock((step.finished if step.finished is not None else now) - step.started)
