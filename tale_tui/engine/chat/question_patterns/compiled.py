"""Compiles the forms of all languages: which question about tasks a message is, where it is one."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from functools import cache

from tale_tui.engine.chat.question_patterns.de import GERMAN
from tale_tui.engine.chat.question_patterns.en import ENGLISH
from tale_tui.engine.chat.question_patterns.es import SPANISH
from tale_tui.engine.chat.question_patterns.fr import FRENCH
from tale_tui.engine.chat.question_patterns.it import ITALIAN
from tale_tui.engine.chat.question_patterns.language import LanguagePatterns
from tale_tui.engine.chat.question_patterns.zh import CHINESE
from tale_tui.engine.detect.lexicon import fold

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


def naming(plain: str) -> Question | None:
    """What is asked of tasks by their name; `plain` is what `plain_of` gives."""
    return next((question for question, form in _compiled(_NAME_TASKS) if form.fullmatch(plain)), None)


def pointing(plain: str) -> Question | None:
    """What is asked with no more than a word like `it`; that is a question only where there is a task to be meant."""
    return next((question for question, form in _compiled(_POINT_AT_ONE) if form.fullmatch(plain)), None)


def plain_of(text: str) -> str:
    """Small letters without signs and accents, courtesies at both ends taken off."""
    plain = text.lower()
    for form, instead in _SHORT_FORMS:
        plain = form.sub(instead, plain)
    plain = " ".join(fold(plain).split())
    return _AFTER.sub("", _BEFORE.sub("", plain))
