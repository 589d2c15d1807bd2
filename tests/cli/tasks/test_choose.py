"""Which of several tasks is meant."""

from __future__ import annotations

import os
import pty
import sys
import time
from collections.abc import Iterator

import pytest

from support.scripted_engine import ScriptedEngine
from tale_tui.cli.tasks.choose import LISTED_MAX, find_task
from tale_tui.domain.errors import AmbiguousTask, NoSuchTask
from tale_tui.domain.tasks import Plan, Task, TaskDetail, TaskState

HOUR_S = 3600.0
CAKE, TEA, RAIN = "k4t9aaaabbbbcccc", "k4t7aaaabbbbcccc", "zzzzaaaabbbbcccc"


def a_task(task_id: str, title: str, state: TaskState, hours: float) -> TaskDetail:
    then = time.time() - hours * HOUR_S
    return TaskDetail(Task(task_id, task_id[:4], title, state, then, then), "text", Plan(()), ())


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(
        [
            a_task(CAKE, "Bake a cake", TaskState.PAUSED, 3),
            a_task(TEA, "Make tea", TaskState.CANCELLED, 50),
            a_task(RAIN, "Rain", TaskState.PAUSED, 1),
        ]
    )


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A terminal at standard input: what is written to it is typed."""
    master, slave = pty.openpty()
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield master
    os.close(master)


async def test_one_task_is_found_and_a_whole_id_wins(engine: ScriptedEngine) -> None:
    assert (await find_task(engine, "zz", asks=True)).id == RAIN
    assert (await find_task(engine, CAKE, asks=True)).id == CAKE
    with pytest.raises(NoSuchTask):
        await find_task(engine, "nope", asks=True)


async def test_several_are_listed_with_state_and_age(engine: ScriptedEngine) -> None:
    with pytest.raises(AmbiguousTask) as refused:
        await find_task(engine, "k4", asks=False)
    assert refused.value.sentence.splitlines() == [
        "Several tasks begin with k4; give more of the id:",
        "  k4t9  Bake a cake  paused  3 h old",
        "  k4t7  Make tea  cancelled  2 days old",
    ]


async def test_a_number_chooses_on_a_terminal(
    engine: ScriptedEngine, keyboard: int, capsys: pytest.CaptureFixture[str]
) -> None:
    os.write(keyboard, b"2\n")
    assert (await find_task(engine, "k4", asks=True)).id == TEA
    assert capsys.readouterr().err.splitlines() == [
        "Several tasks begin with k4:",
        "1  k4t9  Bake a cake  paused  3 h old",
        "2  k4t7  Make tea  cancelled  2 days old",
        "Which one? ",
    ]


@pytest.mark.parametrize("typed", [b"3\n", b"0\n", b"tea\n", b"\x04"])
async def test_anything_else_chooses_none(engine: ScriptedEngine, keyboard: int, typed: bytes) -> None:
    os.write(keyboard, typed)
    with pytest.raises(AmbiguousTask, match="from 1 to 2"):
        await find_task(engine, "k4", asks=True)


async def test_a_long_list_ends(engine: ScriptedEngine) -> None:
    for number in range(30):
        engine.give(a_task(f"k4{number:02}aaaabbbbcccc", "Many", TaskState.DONE, 1))
    with pytest.raises(AmbiguousTask) as refused:
        await find_task(engine, "k4", asks=False)
    assert len(refused.value.sentence.splitlines()) == 1 + LISTED_MAX + 1
    assert refused.value.sentence.endswith("and 12 more")
