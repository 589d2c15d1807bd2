"""What stands above the text of a task: who it is, how it goes, its plan with its steps. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from tale_tui.domain.text import clean_line, reveal
from tale_tui.formatting.servers import server_name
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.tasks import elapsed_s, model_name, short_times, state_words, times, tone
from tale_tui.formatting.tokens import call_cells
from tale_tui.formatting.units import about, clock, count, format_probability, moment, plural, token_count, when
from tale_tui.formatting.usage import usage_words
from tale_tui.ui.markdown.wrap import wrap
from tale_tui.ui.tasks.text import Passage
from tale_tui.ui.text import fitted, spread

if TYPE_CHECKING:
    from tale_tui.domain.metrics import CallRecord
    from tale_tui.domain.models import Usage
    from tale_tui.domain.tasks import Step, Task, TaskDetail


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
    words = _word(task, now, doing, single=len(steps) <= 1)
    told = (short_times if width < _NARROW else times)(task, now)
    if not (elapsed_s(task, now) or task.state == "running"):
        told = ""
    written = _written(task, steps, tokens)
    figures = [part for part in (told, token_count(written) if written else "") if part]
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
    figures += (token_count(written) if written else "").rjust(_TOKEN_CELLS)
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


_DATE = len("Sat 21 Nov 2026") + 2
"""Cells of the column of dates."""


class TaskView(StrEnum):
    """What of a task is read."""

    OUTPUT = "output"
    REQUEST = "request"
    HISTORY = "history"


def passages(detail: TaskDetail, view: TaskView, now: float, calls: Sequence[CallRecord] = ()) -> tuple[Passage, ...]:
    """The texts of a view.

    Args:
        detail: of the task.
        view: which.
        now: the present, in seconds since the epoch.
        calls: of models for it, as far as they are known.
    """
    match view:
        case TaskView.REQUEST:
            return (Passage("request", "You", when(detail.task.created, now), detail.text, literal=True),)
        case TaskView.HISTORY:
            return _history(detail, calls)
    if asks_for_plan(detail.task):
        return _to_approve(detail)
    return _output(detail)


def nothing_yet(task: Task) -> str:
    """What is said where a task has not written anything."""
    match task.state:
        case "queued" if task.waits_for:
            return f"It begins when {task.waits_for[0]} is done."
        case "queued" if task.reason == "server":
            server = server_name(task.ref.backend if task.ref else "")
            return f"Nothing is written yet. It begins when {server} is back."
        case "queued":
            return "Nothing is written yet. It begins when there is room for it."
        case "waiting":
            return "It waits for your answer."
        case "running":
            return ""
    return "It wrote nothing."


def _output(detail: TaskDetail) -> tuple[Passage, ...]:
    single = len(detail.steps) <= 1
    found = []
    if detail.result and not single and all(step.text != detail.result for step in detail.steps):
        found.append(Passage("result", "Result", text=detail.result))
    for step in detail.steps:
        running = step.state == "running"
        text = detail.result if single and detail.result else step.text
        if not (text.strip() or step.thinking or running):
            continue
        title = model_name(detail.task) if single else step.spec.title or step.spec.key
        key = passage_key(step)
        # Of what is being written the lines above the text count, as it comes.
        figures = "" if running else _figures(step.usage)
        found.append(Passage(key, title, figures, text, step.thinking, growing=running))
    return tuple(found)


def passage_key(step: Step) -> str:
    """The key of the passage of a step: another one for each attempt."""
    return f"{step.spec.key}#{step.attempts}"


def _figures(usage: Usage | None) -> str:
    words = usage_words(usage)
    return f" {signs().dot} ".join(part for part in (words.first, words.rate, words.tokens) if part)


def _to_approve(detail: TaskDetail) -> tuple[Passage, ...]:
    """Exactly what will run: every step with what the model is asked, its invisible characters made visible."""
    total = len(detail.steps)
    return tuple(
        Passage(
            f"plan {number}",
            f"{number} of {total} {signs().dot} {step.spec.title or step.spec.key}",
            ", ".join(step.spec.after) and f"after {', '.join(step.spec.after)}",
            reveal(step.spec.prompt or detail.text),
            literal=True,
        )
        for number, step in enumerate(detail.steps, 1)
    )


def _history(detail: TaskDetail, calls: Sequence[CallRecord]) -> tuple[Passage, ...]:
    task = detail.task
    # While it runs its tokens grow by the second: the first lines have them.
    ended = task.state != "running"
    facts = [
        ("model", f"{model_name(task)}{f', {task.why}' if task.why else ''}" if task.ref else ""),
        ("judged", f"a task, {format_probability(task.p)}" if task.p is not None else "a task, as somebody said"),
        ("priority", task.priority.value),
        ("limit", about(task.time_limit_s) if task.time_limit_s is not None else ""),
        ("waits for", ", ".join(task.waits_for)),
        ("read", f"{count(task.prompt_tokens)} tok" if task.prompt_tokens and ended else ""),
        ("written", f"{count(task.completion_tokens)} tok" if task.completion_tokens and ended else ""),
        ("id", task.id),
    ]
    about_it = "\n".join(f"{name:<11}{clean_line(words)}" for name, words in facts if words)
    lines, day = [], ""
    for entry in detail.history:
        date, at = moment(entry.at).split(", ")
        lines.append(f"{date if date != day else '':<{_DATE}}{at}  {clean_line(entry.what, 1000)}")
        day = date
    happened = Passage(
        "history", "What happened", plural(len(lines), "entry", "entries"), "\n".join(lines), literal=True
    )
    earlier = (
        Passage(f"earlier {step.spec.key} {number}", f"{step.spec.title or step.spec.key}, earlier", text=text)
        for step in detail.steps
        for number, text in enumerate(step.earlier, 1)
    )
    asked = (
        [Passage("calls", "Calls of models", plural(len(calls), "call"), _calls(calls), literal=True)] if calls else []
    )
    return (Passage("about", "About it", text=about_it, literal=True), *asked, happened, *earlier)


def _calls(calls: Sequence[CallRecord]) -> str:
    """A line for each: `write  qwen3:14b  96 + 316 tok  1.92 s  11.8 tok/s  done`."""
    lines = []
    for call in calls:
        step, model, prompt, completion, speed, first, ended = call_cells(call)
        parts = (step, model.partition("/")[2], f"{prompt} + {completion} tok", first, speed, ended)
        lines.append("  ".join(filter(None, parts)))
    return "\n".join(lines)
