"""What a task has to read, in one of three views: what it writes, what was asked, what happened. Pure functions."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from tale_tui.engine.figures import chance
from tale_tui.engine.text import clean_line, reveal
from tale_tui.ui.signs import signs
from tale_tui.ui.task_words import model_name
from tale_tui.ui.widgets.task_pane_lines import asks_for_plan
from tale_tui.ui.widgets.task_text import Passage
from tale_tui.ui.words import about, count, duration, moment, plural, rate, when

if TYPE_CHECKING:
    from tale_tui.engine.task_types import Step, Task, TaskDetail
    from tale_tui.engine.types import Usage

_DATE = len("Sat 21 Nov 2026") + 2
"""Cells of the column of dates."""


class TaskView(StrEnum):
    """What of a task is read."""

    OUTPUT = "output"
    REQUEST = "request"
    HISTORY = "history"


def passages(detail: TaskDetail, view: TaskView, now: float) -> tuple[Passage, ...]:
    """The texts of a view.

    Args:
        detail: of the task.
        view: which.
        now: the present, in seconds since the epoch.
    """
    match view:
        case TaskView.REQUEST:
            return (Passage("request", "You", when(detail.task.created, now), detail.text, literal=True),)
        case TaskView.HISTORY:
            return _history(detail)
    if asks_for_plan(detail.task):
        return _to_approve(detail)
    return _output(detail)


def nothing_yet(task: Task) -> str:
    """What is said where a task has not written anything."""
    match task.state:
        case "queued" if task.waits_for:
            return f"It begins when {task.waits_for[0]} is done."
        case "queued":
            return "Nothing is written yet. It begins when there is room for it."
        case "waiting":
            return "It waits for your answer."
        case "running":
            return ""
    return "It wrote nothing."


def whole_text(detail: TaskDetail) -> str:
    """All that came of a task: its result, else what its steps wrote so far, as Markdown."""
    if detail.result:
        return detail.result
    written = [step for step in detail.steps if step.text.strip()]
    if len(written) == 1:
        return written[0].text
    return "\n\n".join(f"## {clean_line(step.spec.title or step.spec.key)}\n\n{step.text}" for step in written)


def _output(detail: TaskDetail) -> tuple[Passage, ...]:
    single = len(detail.steps) < 2
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
    if usage is None:
        return ""
    first = "" if usage.ttft_ms is None else duration(usage.ttft_ms / 1000)
    speed = "" if usage.tokens_per_second is None else rate(usage.tokens_per_second)
    read = "" if usage.prompt_tokens is None else f"{count(usage.prompt_tokens)} + "
    written = "" if usage.completion_tokens is None else f"{read}{count(usage.completion_tokens)} tok"
    return f" {signs().dot} ".join(part for part in (first, speed, written) if part)


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


def _history(detail: TaskDetail) -> tuple[Passage, ...]:
    task = detail.task
    # While it runs its tokens grow by the second: the first lines have them.
    ended = task.state != "running"
    facts = [
        ("model", f"{model_name(task)}{f', {task.why}' if task.why else ''}" if task.ref else ""),
        ("judged", f"a task, {chance(task.p)}" if task.p is not None else "a task, as somebody said"),
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
    return (Passage("about", "About it", text=about_it, literal=True), happened)
