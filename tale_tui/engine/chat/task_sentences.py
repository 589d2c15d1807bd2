"""Tasks told in sentences: what the user is answered, and what a model is shown of them. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from tale_tui.domain.tasks import OPEN, Reason, Task, TaskState

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 24 * HOUR_S
TITLE_LIMIT = 60
"""Characters of a title within a sentence."""
LISTED = 8
"""So many tasks are told one by one; the rest is counted."""


def name_of(task: Task) -> str:
    """Its title in quotes and the id that is shown."""
    title = task.title if len(task.title) <= TITLE_LIMIT else f"{task.title[: TITLE_LIMIT - 1].rstrip()}…"
    return f"“{title}” ({task.shown})"


def describe(task: Task, now: float) -> str:
    """How a task is, in a sentence or two.

    Args:
        task: the task.
        now: seconds since the epoch.
    """
    return f"{name_of(task)} {state_of(task, now)}"


def state_of(task: Task, now: float) -> str:
    """The rest of a sentence that begins with the task; it ends with a full stop."""
    match task.state:
        case TaskState.RUNNING:
            return _running(task, now)
        case TaskState.QUEUED:
            return _queued(task, now)
        case TaskState.WAITING:
            return f"waits for your yes. /tasks {task.shown} shows what it asks."
        case TaskState.PAUSED:
            how = "was cut off when the application ended" if task.reason is Reason.INTERRUPTED else "is paused"
            return f"{how}. /resume {task.shown} goes on with it."
        case TaskState.DONE:
            ended = f"; it ended{ago}" if (ago := _ago(task, now)) else ""
            return f"is done{ended}. /result {task.shown} shows all of it."
        case TaskState.FAILED:
            why = f": {task.error.rstrip('.')}" if task.error else ""
            return f"failed{_ago(task, now)}{why}. /retry {task.shown} tries it again."
        case TaskState.CANCELLED:
            return f"was cancelled{_ago(task, now)}. /retry {task.shown} runs it again."
        case TaskState.DRAFT:
            return "is planned and not handed in."


def describe_all(tasks: Sequence[Task], now: float) -> str:
    """How several tasks are: their number by state, then a line for each of the first."""
    count = {state: sum(task.state is state for task in tasks) for state in TaskState}
    numbers = ", ".join(f"{number} {state.value}" for state, number in count.items() if number)
    lines = [f"{len(tasks)} tasks: {numbers}.", "", *(f"- {describe(task, now)}" for task in tasks[:LISTED])]
    if len(tasks) > LISTED:
        lines.append(f"- and {len(tasks) - LISTED} more, in /tasks.")
    return "\n".join(lines)


def elapsed_s(task: Task, now: float) -> float:
    """How long a task has worked, the stretch that goes on included."""
    return task.worked_s + (max(0.0, now - task.running_since) if task.running_since is not None else 0.0)


def span(seconds: float) -> str:
    """A duration as people say it: `42 s`, `3 min`, `2 h`, `4 days`."""
    if seconds < MINUTE_S:
        return f"{max(0, round(seconds))} s"
    if seconds < HOUR_S:
        return f"{round(seconds / MINUTE_S)} min"
    if seconds < DAY_S:
        return f"{round(seconds / HOUR_S)} h"
    days = round(seconds / DAY_S)
    return "1 day" if days == 1 else f"{days} days"


def is_open(task: Task) -> bool:
    """Whether it has not ended."""
    return task.state in OPEN


def _running(task: Task, now: float) -> str:
    step = f", step {min(task.steps_done + 1, task.steps_total)} of {task.steps_total}" if task.steps_total > 1 else ""
    took = elapsed_s(task, now)
    if task.expected_s is None:
        left = ""
    elif took < task.expected_s:
        left = f" About {span(task.expected_s - took)} are left, going by earlier tasks."
    else:
        left = f" Earlier tasks took about {span(task.expected_s)}."
    return f"is running{step}: {span(took)} so far.{left}"


def _queued(task: Task, now: float) -> str:
    if task.waits_for:
        return f"waits for {', '.join(task.waits_for)}."
    if task.next_try is not None and task.next_try > now:
        return f"is tried again in {span(task.next_try - now)}."
    return "is queued and starts as soon as there is room."


def _ago(task: Task, now: float) -> str:
    if task.finished is None:
        return ""
    passed = now - task.finished
    return " just now" if passed < MINUTE_S else f" {span(passed)} ago"
