"""The tasks as a shell sees them that completes an id."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tale_tui.domain.tasks import Task, TaskState
from tale_tui.engine.store.read_only import peek_tasks
from tale_tui.engine.store.store import Store

HandIn = Callable[..., Awaitable[Task]]


async def test_ids_are_named_as_they_are_shown_the_newest_first(store: Store, hand_in: HandIn, path: Path) -> None:
    await hand_in("One", id="k4t9aaaaaaaa")
    await hand_in("Two", id="k4t9abbbbbbb")
    await hand_in("Three", id="m2m2aaaaaaaa")
    assert list(peek_tasks(path, "", TaskState).items()) == [
        ("m2m2", "Three"),
        ("k4t9ab", "Two"),
        ("k4t9aa", "One"),
    ]
    assert peek_tasks(path, " K4T9ab", TaskState) == {"k4t9ab": "Two"}
    assert peek_tasks(path, "k4t9abbb", TaskState) == {"k4t9abbbbbbb": "Two"}, "never shorter than what is typed"
    assert peek_tasks(path, "", [TaskState.QUEUED]).keys() == {"m2m2", "k4t9ab", "k4t9aa"}
    assert peek_tasks(path, "", [TaskState.DONE]) == {}
    assert peek_tasks(path, "%", TaskState) == {}


@pytest.mark.parametrize("content", [None, b"", b"not a database, " * 100])
def test_where_nothing_can_be_read_there_is_nothing(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "tale.db"
    if content is not None:
        file.write_bytes(content)
    assert peek_tasks(file, "", TaskState) == {}
    assert file.exists() is (content is not None)


def test_a_database_that_is_held_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.engine.store.read_only.PEEK_TIMEOUT_S", 0.0)
    holder = sqlite3.connect(tmp_path / "tale.db", isolation_level=None)
    holder.execute("CREATE TABLE task (id)")
    holder.execute("BEGIN EXCLUSIVE")
    assert peek_tasks(tmp_path / "tale.db", "", TaskState) == {}
    holder.close()
