"""From rows to the classes of the domain, the columns that this takes, and a plan as the JSON that a column holds."""

from __future__ import annotations

import json
import sqlite3
from functools import lru_cache
from typing import Any

from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import FIRST_WORDS_CHARACTERS, STEP_KEY_CHARACTERS, STEP_TITLE_CHARACTERS, TITLE_WORDS
from tale_tui.domain.conversation import Author, Message, MessageState, Session
from tale_tui.domain.errors import EmptyMessage, NoSuchSession
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Role, Usage
from tale_tui.domain.tasks import PLAN_FORMAT, Plan, StepKind, StepSpec
from tale_tui.domain.text import clean, clean_line, is_blank

Row = tuple[Any, ...]

SESSION = """
    SELECT s.id, s.title, s.first_words, s.created, s.updated, s.turns, s.system, s.forked_from
    FROM session AS s
"""
MESSAGE_COLUMNS = """
    m.id, m.author, m.state, m.created, m.backend, m.model, m.finish, m.error, m.thinking, m.text,
    m.task_id, m.p, m.why,
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


def session_of(row: Row) -> Session:
    """A session from a row of `SESSION`; restored text passes the border again: the file may come from anywhere."""
    id_, title, first_words, created, updated, turns, system, forked_from = row
    return Session(id_, clean_line(title or first_words), created, updated, turns, clean(system), forked_from)


def message_of(row: Row, session_id: str, parent_id: str | None, sibling: int = 1, siblings: int = 1) -> Message:
    """A message from a row of `MESSAGE_COLUMNS`; restored text passes the border again."""
    id_, author, state, created, backend, model, finish, error, thinking, text, task_id, p, why, has_usage = row[:-7]
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
        StepSpec(
            step_key(spec.key),
            clean_line(spec.title, STEP_TITLE_CHARACTERS),
            clean(spec.prompt),
            tuple(map(step_key, spec.after)),
            clean_line(spec.kind, STEP_KEY_CHARACTERS),
            spec.role,
            spec.max_tokens,
            spec.time_limit_s,
            spec.retries,
            spec.repeatable,
        )
        for spec in plan.steps
    )
    return Plan(steps, plan.approval, plan.format)


def step_key(key: str) -> str:
    """A key as the store knows it."""
    return clean_line(key, STEP_KEY_CHARACTERS)


def plan_text(plan: Plan) -> str:
    """The plan as one line of JSON."""
    fields: dict[str, Any] = {"steps": [_fields_of(spec) for spec in plan.steps]}
    if plan.approval:
        fields["approval"] = True
    if plan.format != PLAN_FORMAT:
        fields["format"] = plan.format
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def plan_of(text: str) -> Plan:
    """The plan that `plan_text` wrote; its texts pass the border again."""
    fields = json.loads(text)
    steps = tuple(map(_spec_of, fields["steps"]))
    return safe_plan(Plan(steps, fields.get("approval", False), fields.get("format", PLAN_FORMAT)))


def _fields_of(spec: StepSpec) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "prompt": spec.prompt or None,
        "after": list(spec.after) or None,
        "kind": spec.kind if spec.kind != StepKind.MODEL else None,
        "role": spec.role.value if spec.role is not Role.TASK else None,
        "max_tokens": spec.max_tokens,
        "time_limit_s": spec.time_limit_s,
        "retries": spec.retries,
        "repeatable": None if spec.repeatable else False,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return {"key": spec.key, "title": spec.title} | given


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
    )
