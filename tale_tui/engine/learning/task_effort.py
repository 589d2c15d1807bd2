"""How hard a task was, by what it took.

Three things give a level each: the tokens that were written, the time that it worked (as tokens at the usual speed of
its model, so that a slow machine makes no task hard) and its steps. The task has the middle one of the three, so that
one number that is out of the way, a model that stalled or one that rambled, decides nothing alone. Where the time says
nothing the tokens count for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, median_low

from tale_tui.domain.complexity import LEVELS, Complexity
from tale_tui.engine.learning.history import SECONDS_MAX, TOKENS_MAX
from tale_tui.engine.learning.scope import LONG_TOKENS
from tale_tui.engine.store.task_forecasts import EndedTask

SHORT_TOKENS = 250
"""Tokens up to which an answer is a short one."""
SIMPLE_STEPS, MEDIUM_STEPS = 1, 3
"""Steps up to which a task is simple, and medium."""


@dataclass(frozen=True, slots=True)
class TaskEffort:
    """A text with the level that its tasks came to."""

    text: str
    level: Complexity
    created: float
    """When the last of them ended, in seconds since the epoch."""


def efforts(tasks: Iterable[EndedTask]) -> list[TaskEffort]:
    """What ended tasks were, each text once; tasks with numbers that cannot be say nothing.

    Args:
        tasks: in any order. Of a text that came several times the middle level counts.
    """
    sound = [task for task in tasks if task.text.strip() and 0 < task.completion_tokens <= TOKENS_MAX]
    paces: dict[str, list[float]] = defaultdict(list)
    for task in sound:
        if _has_time(task):
            paces[str(task.ref)].append(task.worked_s / task.completion_tokens)
    usual = {model: median(of_model) for model, of_model in paces.items()}
    ranks: dict[str, list[int]] = defaultdict(list)
    ended: dict[str, float] = {}
    for task in sound:
        text = task.text.strip()
        ranks[text].append(LEVELS.index(effort(task, usual.get(str(task.ref)))))
        ended[text] = max(ended.get(text, 0.0), task.finished)
    return [TaskEffort(text, LEVELS[median_low(found)], ended[text]) for text, found in ranks.items()]


def effort(task: EndedTask, usual_pace: float | None) -> Complexity:
    """How hard one task was.

    Args:
        task: with sound numbers.
        usual_pace: of its model, in seconds for a token; None where it is not known.
    """
    tokens = _level(task.completion_tokens, SHORT_TOKENS, LONG_TOKENS)
    time = _level(task.worked_s / usual_pace, SHORT_TOKENS, LONG_TOKENS) if usual_pace and _has_time(task) else tokens
    return LEVELS[median_low((tokens, time, _level(task.steps, SIMPLE_STEPS, MEDIUM_STEPS)))]


def _has_time(task: EndedTask) -> bool:
    return 0 < task.worked_s <= SECONDS_MAX


def _level(value: float, simple: float, medium: float) -> int:
    return 0 if value <= simple else 1 if value <= medium else 2


def examples_of(found: Sequence[TaskEffort], known: float) -> list[dict[str, str]]:
    """As the process of the fit reads them.

    Args:
        found: the tasks.
        known: until this time they were learned from.
    """
    return [
        {"text": each.text, "label": each.level.value, "author": "known" if each.created <= known else "new"}
        for each in found
    ]
