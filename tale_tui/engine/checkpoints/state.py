"""The state of tasks and conversations as files of a checkpoint, and back.

checkpoint.json             what the checkpoint is
session/session.json        the conversation without its messages
session/00000.jsonl         its messages, one a line, some hundred a file
tasks/ID.json               a task: its state, plan, steps with their text, result and history
files/ID/...                its folder
before/files/ID/...         what the step, or going back, has written over or removed
before/tasks/ID.json        what a task was before one went back
after/files/ID/...          what was written
after/tasks/ID.json         a task that came back as a new one, as it was then
after/session/...           a conversation that did, likewise
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tale_tui.domain.checkpoints import Checkpoint
from tale_tui.domain.constants import CHECKPOINT_MESSAGES_PER_FILE
from tale_tui.domain.conversation import Session
from tale_tui.domain.errors import CheckpointDamaged, NoSuchSession
from tale_tui.domain.tasks import Task, TaskDetail
from tale_tui.domain.text import clean_line
from tale_tui.engine.store.store import Store

ABOUT = "checkpoint.json"
SESSION = "session"
SESSION_HEAD = "session.json"
TASKS = "tasks"
FILES = "files"
BEFORE = "before"
AFTER = "after"

_TASK_FIELDS = tuple(field.name for field in fields(Task))


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    """Built at its first use, as adapters cost time."""
    return TypeAdapter(kind)


def task_json(detail: TaskDetail) -> bytes:
    """A task as a person can read it with git, and `task_from` can."""
    packed = _adapter(TaskDetail).dump_python(detail, mode="json")
    return _pretty(packed.pop("task") | packed)


def task_from(content: bytes) -> TaskDetail:
    """The task that `task_json` wrote, or that came from anywhere.

    Raises:
        CheckpointDamaged: it is none.
    """
    packed = _read(content)
    about = {name: packed.pop(name) for name in _TASK_FIELDS if name in packed}
    found: TaskDetail = _validated(TaskDetail, packed | {"task": about})
    return found


def checkpoint_json(checkpoint: Checkpoint) -> bytes:
    """What a checkpoint is, but for its hash."""
    packed = _adapter(Checkpoint).dump_python(checkpoint, mode="json")
    del packed["id"]
    return _pretty(packed)


def checkpoint_from(id_: str, content: bytes) -> Checkpoint:
    """The checkpoint that `checkpoint_json` wrote.

    Raises:
        CheckpointDamaged: it is none.
    """
    found: Checkpoint = _validated(Checkpoint, _read(content) | {"id": id_})
    return replace(
        found,
        message=clean_line(found.message),
        group=clean_line(found.group),
        session_id=clean_line(found.session_id),
        task_id=clean_line(found.task_id),
        step=clean_line(found.step),
    )


async def session_files(store: Store, session_id: str) -> dict[str, bytes] | None:
    """A conversation as files, by name; None where it is not there (any more)."""
    files, offset = dict[str, bytes](), 0
    while True:
        try:
            head, lines = await store.export_part(session_id, offset, CHECKPOINT_MESSAGES_PER_FILE)
        except NoSuchSession:
            return None
        if lines:
            number = offset // CHECKPOINT_MESSAGES_PER_FILE
            files[f"{number:05}.jsonl"] = "".join(f"{line}\n" for line in lines).encode(errors="replace")
        if len(lines) < CHECKPOINT_MESSAGES_PER_FILE:
            files[SESSION_HEAD] = _pretty(json.loads(head))
            return files
        offset += CHECKPOINT_MESSAGES_PER_FILE


def session_export(files: Mapping[str, bytes]) -> str:
    """The conversation that `session_files` wrote, as an export that `import_json` takes.

    Raises:
        CheckpointDamaged: it is none.
    """
    lines = b"".join(files[name] for name in sorted(files) if name.endswith(".jsonl")).splitlines()
    messages = {"messages": [_read(line) for line in lines]}
    return json.dumps(_read(files.get(SESSION_HEAD, b"")) | messages, ensure_ascii=False)


def titled(files: Mapping[str, bytes], title: str) -> dict[str, bytes]:
    """The same conversation under another title.

    Raises:
        CheckpointDamaged: it is none.
    """
    head = _read(files.get(SESSION_HEAD, b""))
    about = _session_in(head) | {"title": title}
    return {**files, SESSION_HEAD: _pretty(head | {"session": about})}


def session_from(content: bytes) -> Session:
    """A conversation as a list shows it, from the head that `session_files` wrote.

    Raises:
        CheckpointDamaged: it is none.
    """
    about = _session_in(_read(content))
    title = clean_line(str(about.get("title") or about.get("first_words") or ""))
    found: Session = _validated(
        Session, {**{name: about.get(name) for name in ("id", "created", "updated")}, "title": title}
    )
    return found


def same_session(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> bool:
    """Whether two are the same conversation: its messages, title and system prompt; when it was opened is none of it.

    Raises:
        CheckpointDamaged: one of them is no conversation.
    """

    def parts(files: Mapping[str, bytes]) -> dict[str, Any]:
        about = _session_in(_read(files.get(SESSION_HEAD, b""))) | {"updated": None}
        return {**files, SESSION_HEAD: about}

    return parts(one) == parts(other)


def _session_in(head: Mapping[str, Any]) -> dict[str, Any]:
    """What the head of a conversation says of it."""
    about = head.get("session")
    if not isinstance(about, dict):
        raise CheckpointDamaged("What was kept of the conversation cannot be read.")
    return about


def _pretty(value: Any) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False, indent=1)}\n".encode(errors="replace")


def _read(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CheckpointDamaged("A part of the checkpoint is not what it should be.") from error
    if not isinstance(value, dict):
        raise CheckpointDamaged("A part of the checkpoint is not what it should be.")
    return value


def _validated(kind: type, value: dict[str, Any]) -> Any:
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        raise CheckpointDamaged("A part of the checkpoint is of another version, or damaged.") from error
