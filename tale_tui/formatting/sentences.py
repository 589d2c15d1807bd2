"""How a task is, as a sentence of a conversation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tale_tui.domain.budgets import BudgetUse
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.formatting.alerts import budget_left, budget_sentence
from tale_tui.formatting.servers import server_name
from tale_tui.formatting.tasks import elapsed_s, state_words, written
from tale_tui.formatting.units import plural, span

SENTENCE_TITLE_MAX = 60
"""Characters of a title within a sentence."""
SENTENCES_MAX = 8
"""So many tasks are told one by one; the rest is counted."""
_JUST_NOW_S = 60
_KEEPS = "On the tasks screen, or with tale-tui approve ID --no, one ends with what is there."


def name_of(task: Task) -> str:
    """Its title in quotes and the id that is shown."""
    title = task.title if len(task.title) <= SENTENCE_TITLE_MAX else f"{task.title[: SENTENCE_TITLE_MAX - 1].rstrip()}…"
    return f"“{title}” ({task.shown})"


def describe(task: Task, now: float) -> str:
    """How a task is, in a sentence or two.

    Args:
        task: the task.
        now: seconds since the epoch.
    """
    return f"{name_of(task)} {state_sentence(task, now)}"


def state_sentence(task: Task, now: float) -> str:
    """The rest of a sentence that begins with the task; it ends with a full stop."""
    match task.state:
        case TaskState.RUNNING:
            return _running_sentence(task, now)
        case TaskState.QUEUED:
            return _queued_sentence(task, now)
        case TaskState.WAITING:
            if task.reason is Reason.SERVER:
                server = server_name(task.ref.backend if task.ref else "")
                return f"has waited for {server} for long. /tasks {task.shown} asks whether to go on waiting."
            if task.reason is Reason.BUDGET:
                return f"waits: the budget of tokens does not allow it. /tasks {task.shown} asks whether to go on."
            if task.reason is Reason.LENGTH:
                return f"waits: it writes far more than its like. /tasks {task.shown} asks whether to go on."
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
    found = Counter(task.state for task in tasks)
    numbers = ", ".join(f"{found[state]} {state.value}" for state in TaskState if found[state])
    lines = [f"{len(tasks)} tasks: {numbers}.", "", *(f"- {describe(task, now)}" for task in tasks[:SENTENCES_MAX])]
    if len(tasks) > SENTENCES_MAX:
        lines.append(f"- and {len(tasks) - SENTENCES_MAX} more, in /tasks.")
    return "\n".join(lines)


def budget_question(tasks: Sequence[Task], uses: Sequence[BudgetUse]) -> tuple[str, str]:
    """What is asked about tasks that wait because of a budget, and what there is to know before one answers.

    Args:
        tasks: all of them for the same reason, one at least.
        uses: the budgets of the settings.
    """
    number = plural(len(tasks), "task")
    wait = f"{number} {'waits' if len(tasks) == 1 else 'wait'} for your yes"
    if tasks[0].reason is Reason.LENGTH:
        wrote = [
            f"{name_of(task)} has written {tokens}." for task in tasks[:SENTENCES_MAX] if (tokens := written(task))
        ]
        return f"Far longer than its like: {wait}", " ".join([*wrote, _KEEPS])
    if spent := [budget_sentence(use) for use in uses if use.is_spent]:
        return f"The budget is spent: {wait}", " ".join(spent)
    foreseen = [
        f"{name_of(task)} is to take about {plural(round(forecast.tokens), 'token')}."
        for task in tasks[:SENTENCES_MAX]
        if (forecast := task.forecast) is not None
    ]
    return f"More is foreseen than the budget has left: {wait}", " ".join([*foreseen, *map(budget_left, uses)])


def _running_sentence(task: Task, now: float) -> str:
    steps = f", {task.steps_done} of {task.steps_total} steps done" if task.steps_total > 1 else ""
    took = elapsed_s(task, now)
    if task.expected_s is None:
        left = ""
    elif took < task.expected_s:
        left = f" About {span(task.expected_s - took)} are left, going by earlier tasks."
    else:
        left = f" Earlier tasks took about {span(task.expected_s)}."
    return f"is running{steps}: {span(took)} so far.{left}"


def _queued_sentence(task: Task, now: float) -> str:
    if task.waits_for:
        return f"waits for {', '.join(task.waits_for)}."
    if task.reason is Reason.SERVER:
        server = server_name(task.ref.backend if task.ref else "")
        return f"{state_words(task, now)} and goes on by itself when {server} is back."
    if task.next_try is not None and task.next_try > now:
        return f"is tried again in {span(task.next_try - now)}."
    return "is queued and starts as soon as there is room."


def _ago(task: Task, now: float) -> str:
    if task.finished is None:
        return ""
    passed = now - task.finished
    return " just now" if passed < _JUST_NOW_S else f" {span(passed)} ago"
