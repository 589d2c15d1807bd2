"""From rows to the classes of the domain, the columns that this takes, and a plan as the JSON that a column holds."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import (
    COPY_TARGET_CHARACTERS,
    FIRST_WORDS_CHARACTERS,
    PLAN_REASONING_CHARACTERS,
    RESULT_FILE_NAME_CHARACTERS,
    STEP_KEY_CHARACTERS,
    STEP_TITLE_CHARACTERS,
    STEP_WORDS_CHARACTERS,
    TITLE_WORDS,
)
from tale_tui.domain.conversation import Author, Message, MessageState, Session
from tale_tui.domain.errors import EmptyMessage, NoSuchSession
from tale_tui.domain.forecasts import NOTHING, Estimate
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Role, Usage
from tale_tui.domain.tasks import PLAN_FORMAT, Plan, Priority, StepKind, StepSpec
from tale_tui.domain.text import clean, clean_line, is_blank
from tale_tui.formatting.plans import plan_json

Row = tuple[Any, ...]

SESSION = """
    SELECT s.id, s.title, s.first_words, s.created, s.updated, s.turns, s.system, s.forked_from
    FROM session AS s
"""
MESSAGE_COLUMNS = """
    m.id, m.author, m.state, m.created, m.backend, m.model, m.finish, m.error, m.thinking, m.text,
    m.task_id, m.p, m.why, m.remembered,
    u.message_n IS NOT NULL, u.prompt_tokens, u.completion_tokens, u.cached_tokens, u.ttft_ms, u.load_ms, u.total_ms,
    u.tokens_per_second
"""
_TAKEN = """
    SELECT 1 FROM session WHERE id = :id UNION ALL SELECT 1 FROM message WHERE id = :id
    UNION ALL SELECT 1 FROM task WHERE id = :id
"""

# Looking a member up by its value costs ten times as much through the class.
_AUTHORS = {author.value: author for author in Author}
_STATES = {state.value: state for state in MessageState}
_FINISHES = {None: None} | {reason.value: reason for reason in FinishReason}
_MODELS_REMEMBERED = 64
_PLANS_REMEMBERED = 16
"""The plan of a task is read several times while it is taken in and begun, and most tasks have the same one step."""


def session_of(row: Row) -> Session:
    """A session from a row of `SESSION`; restored text passes the border again: the file may come from anywhere."""
    id_, title, first_words, created, updated, turns, system, forked_from = row
    return Session(id_, clean_line(title or first_words), created, updated, turns, clean(system), forked_from)


def message_of(row: Row, session_id: str, parent_id: str | None, sibling: int = 1, siblings: int = 1) -> Message:
    """A message from a row of `MESSAGE_COLUMNS`; restored text passes the border again."""
    id_, author, state, created, backend, model, finish, error, thinking, text, task_id, p, why, *rest = row[:-7]
    remembered, has_usage = rest
    return Message(
        id_,
        session_id,
        parent_id,
        _AUTHORS[author],
        clean(text),
        created,
        _STATES[state],
        clean(thinking) if thinking else "",
        ref_of(backend, model) if backend else None,
        Usage(*row[-7:]) if has_usage else None,
        _FINISHES[finish],
        clean(error) if error else "",
        sibling,
        siblings,
        task_id,
        p,
        clean(why) if why else "",
        remembered,
    )


@lru_cache(_MODELS_REMEMBERED)
def ref_of(backend: str, model: str) -> ModelRef | None:
    """A model as its two columns name it; None for a backend that this version does not have."""
    if backend not in list(BackendName):
        return None
    return ModelRef(BackendName(backend), clean(model))


def ref_columns(ref: ModelRef | None) -> tuple[str | None, str | None]:
    """A model as two columns keep it."""
    return (ref.backend, clean(ref.model)) if ref else (None, None)


def session_at(connection: sqlite3.Connection, n: int) -> Session:
    """The session with this number, which is there."""
    return session_of(connection.execute(SESSION + "WHERE s.n = ?", (n,)).fetchone())


def session_n(connection: sqlite3.Connection, session_id: str) -> int:
    """The inner number of a session.

    Raises:
        NoSuchSession: it is not there.
    """
    row = connection.execute("SELECT n FROM session WHERE id = ?", (session_id,)).fetchone()
    if row is None:
        raise no_such_session()
    return int(row[0])


def forget_draft(connection: sqlite3.Connection, session_n: int, text: str) -> None:
    """What is sent is written no longer: after a crash it must not stand in the prompt once more."""
    (draft,) = connection.execute("SELECT draft FROM session WHERE n = ?", (session_n,)).fetchone()
    if draft and draft.strip() == text.strip():
        connection.execute("UPDATE session SET draft = '' WHERE n = ?", (session_n,))


def message_text(text: str) -> str:
    """What the user wrote, safe to keep.

    Raises:
        EmptyMessage: nothing is left of it.
    """
    safe = clean(text)
    if is_blank(safe):
        raise EmptyMessage("There is nothing to send: write something first.")
    return safe


def first_words(text: str, limit: int = TITLE_WORDS) -> str:
    """The beginning of a text, as a title of so many words at most."""
    words = text.split(maxsplit=limit)
    more = " …" if len(words) > limit else ""
    return clean_line(" ".join(words[:limit]) + more, FIRST_WORDS_CHARACTERS)


def fresh_id(connection: sqlite3.Connection, clock: Clock) -> str:
    """A new id that no session, no message and no task has."""
    while True:
        id_ = clock.new_id()
        if connection.execute(_TAKEN, {"id": id_}).fetchone() is None:
            return id_


def no_such_session() -> NoSuchSession:
    """For a whole id that is not there."""
    return NoSuchSession("That session is not there any more. `tale-tui sessions` lists all of them.")


def safe_plan(plan: Plan) -> Plan:
    """The plan with every text past the border."""
    steps = tuple(
        replace(
            spec,
            key=step_key(spec.key),
            title=clean_line(spec.title, STEP_TITLE_CHARACTERS),
            prompt=clean(spec.prompt),
            after=tuple(map(step_key, spec.after)),
            kind=clean_line(spec.kind, STEP_KEY_CHARACTERS),
            purpose=clean_line(spec.purpose, STEP_WORDS_CHARACTERS),
            inputs=tuple(map(clean_line, spec.inputs)),
            output=clean_line(spec.output, STEP_WORDS_CHARACTERS),
            files=tuple(clean_line(name, RESULT_FILE_NAME_CHARACTERS) for name in spec.files),
            part_of=step_key(spec.part_of),
            to=clean_line(spec.to, COPY_TARGET_CHARACTERS),
        )
        for spec in plan.steps
    )
    return replace(plan, steps=steps, reasoning=clean_line(plan.reasoning, PLAN_REASONING_CHARACTERS))


def step_key(key: str) -> str:
    """A key as the store knows it."""
    return clean_line(key, STEP_KEY_CHARACTERS)


def plan_text(plan: Plan) -> str:
    """The plan as one line of JSON."""
    return plan_json(plan)


@lru_cache(_PLANS_REMEMBERED)
def plan_of(text: str) -> Plan:
    """The plan that `plan_text` wrote; its texts pass the border again."""
    fields = json.loads(text)
    steps = tuple(map(_spec_of, fields["steps"]))
    given = fields.get("approval", False), fields.get("format", PLAN_FORMAT), fields.get("reasoning", "")
    return safe_plan(Plan(steps, *given))


def _spec_of(fields: dict[str, Any]) -> StepSpec:
    return StepSpec(
        fields["key"],
        fields["title"],
        fields.get("prompt", ""),
        tuple(fields.get("after", ())),
        fields.get("kind", StepKind.MODEL.value),
        Role(fields.get("role", Role.TASK)),
        fields.get("max_tokens"),
        fields.get("time_limit_s"),
        fields.get("retries"),
        fields.get("repeatable", True),
        fields.get("purpose", ""),
        tuple(fields.get("inputs", ())),
        fields.get("output", ""),
        tuple(fields.get("files", ())),
        model_of(fields.get("model", "")),
        Priority(fields.get("priority", Priority.NORMAL)),
        fields.get("part_of", ""),
        fields.get("level", 1),
        fields.get("to", ""),
    )


def model_of(text: str) -> ModelRef | None:
    """A model as `backend/model`; None for a backend that this version does not have."""
    backend, _, model = text.partition("/")
    return ref_of(backend, model) if model else None


def estimate_of(middle: float, low: float, high: float) -> Estimate:
    """An interval as it was kept; one that is none, of a row that somebody changed, is nothing."""
    return Estimate(middle, low, high) if 0 <= low <= middle <= high < float("inf") else NOTHING
