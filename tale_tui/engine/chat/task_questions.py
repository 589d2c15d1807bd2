"""Questions about tasks: which one a message is, and its answer from what is stored, without a model.

Pure functions: rows in, sentence out. The forms of each language are in `question_patterns`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from tale_tui.domain.constants import QUOTE_CHARACTERS, TASK_QUESTION_CHARACTERS
from tale_tui.domain.conversation import Author, Message
from tale_tui.domain.tasks import OPEN, Task
from tale_tui.engine.chat.question_patterns.de import GERMAN
from tale_tui.engine.chat.question_patterns.en import ENGLISH
from tale_tui.engine.chat.question_patterns.es import SPANISH
from tale_tui.engine.chat.question_patterns.fr import FRENCH
from tale_tui.engine.chat.question_patterns.it import ITALIAN
from tale_tui.engine.chat.question_patterns.language import LanguagePatterns
from tale_tui.engine.chat.question_patterns.zh import CHINESE
from tale_tui.engine.detect.lexicon import fold
from tale_tui.formatting.sentences import describe, describe_all, name_of
from tale_tui.formatting.units import span

ANSWERED_FROM_TASKS = "from the list of tasks"
ANSWERED_FROM_RECALL = "from what is remembered"
"""Why no model wrote the reply."""


LANGUAGES = (ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, CHINESE)


class Question(StrEnum):
    """What is asked."""

    STATUS = "status"
    ALL = "all"
    """Of all tasks."""
    LAST = "last"
    """What the user asked for last."""
    LAST_TASK = "last task"
    CANCEL = "cancel"
    CANCEL_ALL = "cancel all"
    DECIDED = "decided"
    """What was decided, in any conversation."""


_SHORT_FORMS = (
    (re.compile(r"[’`´]"), "'"),
    (re.compile(r"\b(what|how|where|when|that|it)'?s\b"), r"\1 is"),
    (re.compile(r"\b(are|is|has|have|did|was)n't\b"), r"\1"),
    (re.compile(r"\bwhats\b"), "what is"),
    (re.compile(r"\bi'd\b"), "i would"),
    (re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])"), ""),
    (re.compile(r"\bu\b"), "you"),
    (re.compile(r"[^\w\s]+"), " "),
)
Groups = tuple[tuple[Question, Callable[[LanguagePatterns], tuple[str, ...]]], ...]
"""What is asked, and which patterns of a language are the ways to ask it."""
_GAP = r"(?: |(?<=[\u4e00-\u9fff]))"
"""Between words; Chinese has none."""
_FIRST, _LAST = "|".join(each.before for each in LANGUAGES), "|".join(each.after for each in LANGUAGES)
_BEFORE = re.compile(rf"^(?:(?:{_FIRST}){_GAP})+")
_AFTER = re.compile(rf"(?:{_GAP}(?:{_LAST}))+$")

_POINT_AT_ONE: Groups = (
    (Question.CANCEL, lambda each: each.cancel_it),
    (Question.CANCEL_ALL, lambda each: each.cancel_all),
    (Question.STATUS, lambda each: each.pointing),
    (Question.ALL, lambda each: each.around),
)
_NAME_TASKS: Groups = (
    (Question.CANCEL, lambda each: each.cancel),
    (Question.LAST, lambda each: each.last),
    (Question.LAST_TASK, lambda each: each.last_task),
    (Question.ALL, lambda each: each.every),
    (Question.STATUS, lambda each: each.status),
)


_ASK_DECISION: Groups = ((Question.DECIDED, lambda each: each.decided),)


@cache
def _compiled(groups: Groups) -> tuple[tuple[Question, re.Pattern[str]], ...]:
    return tuple(
        (question, re.compile("|".join(f"(?:{form})" for each in LANGUAGES for form in patterns_of(each))))
        for question, patterns_of in groups
    )


def prepare() -> None:
    """Compile all forms, which takes some ten milliseconds; otherwise the first message waits for it."""
    _compiled(_NAME_TASKS)
    _compiled(_POINT_AT_ONE)
    _compiled(_ASK_DECISION)


def naming(plain: str) -> Question | None:
    """What is asked of tasks by their name; `plain` is what `plain_of` gives."""
    return next((question for question, form in _compiled(_NAME_TASKS) if form.fullmatch(plain)), None)


def pointing(plain: str) -> Question | None:
    """What is asked with no more than a word like `it`; that is a question only where there is a task to be meant."""
    return next((question for question, form in _compiled(_POINT_AT_ONE) if form.fullmatch(plain)), None)


def asks_decision(text: str) -> bool:
    """Whether a message asks what was decided."""
    if len(text) > TASK_QUESTION_CHARACTERS:
        return False
    return any(form.fullmatch(plain_of(text)) for _, form in _compiled(_ASK_DECISION))


def plain_of(text: str) -> str:
    """Small letters without signs and accents, courtesies at both ends taken off."""
    plain = text.lower()
    for form, instead in _SHORT_FORMS:
        plain = form.sub(instead, plain)
    plain = " ".join(fold(plain).split())
    return _AFTER.sub("", _BEFORE.sub("", plain))


@dataclass(frozen=True, slots=True)
class TaskQuestion:
    """A question, and the task that it names."""

    question: Question
    task: Task | None = None
    """None for the latest."""


@dataclass(frozen=True, slots=True)
class KnownTasks:
    """What is known when a message comes."""

    tasks: Sequence[Task] = ()
    """Of the conversation: the open ones first, then the newest end first."""
    others: Sequence[Task] = ()
    """Open ones of other places."""
    last: Message | None = None
    """What the user asked for before, in this conversation; a question about tasks asks for nothing."""
    last_task_id: str | None = None
    """The task that it became."""
    now: float = 0.0


def last_request(branch: Sequence[Message]) -> tuple[Message | None, str | None]:
    """What the user asked for last, and the task that it became.

    Args:
        branch: the end of a conversation, oldest first.
    """
    reply: Message | None = None
    for message in reversed(branch):
        if message.author is not Author.USER:
            reply = message
        elif reply is None or reply.why not in (ANSWERED_FROM_TASKS, ANSWERED_FROM_RECALL):
            return message, reply.task_id if reply else None
    return None, None


def task_question(text: str, rows: KnownTasks) -> TaskQuestion | None:
    """What a message asks about tasks; None for any other message, and where there is nothing to tell."""
    if len(text) > TASK_QUESTION_CHARACTERS:
        return None
    plain = plain_of(text)
    words = set(plain.split())
    named = next((task for task in rows.tasks for word in words if _names(word, task)), None)
    if named is not None:
        plain = re.sub(rf"(?:\b(?:the |my )?(?:task|job) )?\b{re.escape(named.shown)}\w*", "the task", plain, count=1)
    question = naming(plain)
    can_be_it = named is not None or rows.last_task_id is not None or any(task.state in OPEN for task in rows.tasks)
    if question is None and can_be_it:
        question = pointing(plain)
    if question is None or not _can_be_answered(question, rows):
        return None
    return TaskQuestion(question, named)


def answer(found: TaskQuestion, rows: KnownTasks) -> str:
    """The sentence for a question that is not about cancelling."""
    mine = list(rows.tasks)
    if found.task is not None:
        return describe(found.task, rows.now)
    if found.question is Question.LAST:
        return _last(rows)
    if found.question is Question.LAST_TASK:
        return f"Your last task: {describe(newest(mine), rows.now)}"
    open_ones = [task for task in mine if task.state in OPEN] or ([] if mine else list(rows.others))
    if found.question is Question.ALL:
        open_ones = open_ones or list(rows.others)
        if not open_ones:
            return f"No task is open. The last one: {describe(newest(mine), rows.now)}"
    if len(open_ones) > 1:
        return describe_all(open_ones, rows.now)
    return describe(open_ones[0] if open_ones else newest(mine), rows.now)


def to_cancel(found: TaskQuestion, rows: KnownTasks) -> tuple[Task, ...]:
    """The tasks that are to be cancelled: the named one, the latest open one, or all open ones of the conversation."""
    if found.task is not None:
        return (found.task,)
    open_ones = [task for task in rows.tasks if task.state in OPEN]
    if found.question is Question.CANCEL_ALL:
        return tuple(open_ones)
    return (newest(open_ones),) if open_ones else ()


def describe_cancelled(tasks: Sequence[Task]) -> str:
    """What is said when tasks were cancelled."""
    if len(tasks) == 1:
        return f"{name_of(tasks[0])} is cancelled. What it wrote is kept; /retry {tasks[0].shown} runs it again."
    return f"{len(tasks)} tasks are cancelled: {', '.join(name_of(task) for task in tasks)}."


def newest(tasks: Sequence[Task]) -> Task:
    """The one that was made last."""
    return max(tasks, key=lambda task: task.created)


def _names(word: str, task: Task) -> bool:
    return len(word) >= len(task.shown) and task.id.startswith(word)


def _can_be_answered(question: Question, rows: KnownTasks) -> bool:
    if question is Question.LAST:
        return rows.last is not None
    if question in (Question.LAST_TASK, Question.CANCEL, Question.CANCEL_ALL):
        return bool(rows.tasks)
    return bool(rows.tasks or rows.others)


def _last(rows: KnownTasks) -> str:
    last = rows.last
    if last is None:
        return ""
    words = " ".join(last.text.split())
    quoted = words if len(words) <= QUOTE_CHARACTERS else f"{words[:QUOTE_CHARACTERS].rstrip()} …"
    ago = f"{span(max(0.0, rows.now - last.created))} ago"
    said = f"Your last request, {ago}: “{quoted}”"
    task = next((task for task in rows.tasks if task.id == rows.last_task_id), None)
    return said if task is None else f"{said} It became a task: {describe(task, rows.now)}"
