"""The ids of tasks in the completion of shells."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

import tale_tui.engine.store.read_only
from tale_tui.cli.main import root
from tale_tui.domain.tasks import ENDED, OPEN, TaskState

EVERY = frozenset(TaskState)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[TaskState]]:
    """The states that were asked for."""
    states: list[frozenset[TaskState]] = []

    def peek(_: Path, beginning: str, wanted: Collection[TaskState]) -> dict[str, str]:
        states.append(frozenset(wanted))
        tasks = {"k4t9": "A haiku\x1b[31m", "m2m2": "A table"}
        return {shown: title for shown, title in tasks.items() if shown.startswith(beginning)}

    monkeypatch.setattr(tale_tui.engine.store.read_only, "peek_tasks", peek)
    return states


def completed(*words: str, typed: str = "") -> list[tuple[str, str | None]]:
    shell = ShellComplete(root, {}, "tale-tui", "_TALE_TUI_COMPLETE")
    return [(item.value, item.help) for item in shell.get_completions(list(words), typed)]


@pytest.mark.parametrize(
    ("words", "states"),
    [
        (["status"], EVERY),
        (["result"], ENDED),
        (["wait"], OPEN),
        (["cancel"], OPEN),
        (["pause"], {TaskState.QUEUED, TaskState.RUNNING}),
        (["resume"], {TaskState.PAUSED}),
        (["retry"], ENDED | {TaskState.PAUSED}),
        (["approve"], {TaskState.WAITING}),
        (["priority"], OPEN),
        (["submit", "--after"], EVERY),
    ],
)
def test_a_command_offers_the_tasks_that_fit_it(
    asked: list[frozenset[TaskState]], words: list[str], states: Collection[TaskState]
) -> None:
    assert completed(*words) == [("k4t9", "A haiku"), ("m2m2", "A table")]
    assert asked == [states]


def test_only_those_that_begin_as_what_is_typed(asked: list[frozenset[TaskState]]) -> None:
    assert completed("status", typed="m") == [("m2m2", "A table")]
    assert completed("priority", "m2m2", typed="hi") == [("high", None)]
