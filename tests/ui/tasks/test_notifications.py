"""What becomes of tasks is told once, gathered, and to the terminal where nobody looks."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.domain.tasks import Task, TaskState
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.tasks.notifications import Notification, TaskNotifier, news_of

NOW = 1000.0


def task(name: str, state: str = "done", **fields: Any) -> Task:
    plain: dict[str, Any] = {"worked_s": 42.0, "finished": NOW, **fields}
    return Task(f"{name}aaaa", name, f"Title of {name}", TaskState(state), 1.0, NOW, **plain)


class Desk:
    """A screen and its terminal, with timers that a test lets ring."""

    is_headless = False

    def __init__(self) -> None:
        self.app = self.screen = self
        self._driver = self
        self.written: list[str] = []
        self.app_focus = True
        self.is_current = True
        self.timers: list[Any] = []

    def set_timer(self, delay: float, callback: Any) -> object:
        self.timers.append(callback)
        return callback

    def write(self, data: str) -> None:
        self.written.append(data)

    def flush(self) -> None:
        pass

    def ring(self) -> None:
        for callback in self.timers:
            callback()
        self.timers.clear()


class FixedClock:
    def now(self) -> float:
        return NOW


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def told() -> list[Notification]:
    return []


@pytest.fixture
def rung(desk: Desk) -> list[str]:
    return desk.written


@pytest.fixture
def room(desk: Desk, told: list[Notification]) -> TaskNotifier:
    return TaskNotifier(desk, FixedClock(), told.append, lambda task_id: task_id == "seenaaaa", WindowPreferences())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tasks", "title", "sentence", "severity"),
    [
        ([task("k4t9")], "k4t9 is done", "Title of k4t9, 0:42", "information"),
        (
            [task("k4t9", "failed", error="Nothing answers at 127.0.0.1.")],
            "k4t9 failed",
            "Title of k4t9: Nothing answers at 127.0.0.1.",
            "error",
        ),
        (
            [task("k4t9", "waiting", steps_total=14, finished=None)],
            "k4t9 needs you",
            "Title of k4t9: approve 14 steps",
            "warning",
        ),
        (
            [task("a111"), task("b222"), task("c333", "failed")],
            "1 task failed, 2 tasks are done",
            "c333 Title of c333, a111 Title of a111, b222 Title of b222",
            "error",
        ),
        (
            [task(f"a{n}") for n in range(12)],
            "12 tasks are done",
            "a0 Title of a0, a1 Title of a1, a2 Title of a2, and 9 more",
            "information",
        ),
    ],
)
def test_the_words(tasks: list[Task], title: str, sentence: str, severity: str) -> None:
    assert news_of(tasks, NOW) == Notification(title, sentence, severity)  # type: ignore[arg-type]


def test_what_happens_at_once_is_told_at_once(room: TaskNotifier, desk: Desk, told: list[Notification]) -> None:
    for number in range(300):
        room.on_task(task(f"t{number:03}"))
    assert len(desk.timers) == 1
    desk.ring()
    assert [one.title for one in told] == ["300 tasks are done"]


def test_what_happens_in_the_next_seconds_is_told_with_it_at_their_end(
    room: TaskNotifier, desk: Desk, told: list[Notification]
) -> None:
    room.on_task(task("k4t9"))
    first = desk.timers.pop()
    first()
    assert [one.title for one in told] == ["k4t9 is done"]
    room.on_task(task("m2x7"))
    room.on_task(task("p8c3", "failed"))
    [rest] = desk.timers
    rest()
    assert [one.title for one in told] == ["k4t9 is done", "1 task failed, 2 tasks are done"]
    desk.timers.clear()
    room.on_task(task("r5n1"))
    desk.ring()
    assert told[-1].title == "r5n1 is done"


def test_nothing_is_told_twice(room: TaskNotifier, desk: Desk, told: list[Notification]) -> None:
    room.on_task(task("k4t9"))
    desk.ring()
    room.on_task(task("k4t9", priority="high"))
    desk.ring()
    assert len(told) == 1
    room.on_task(task("k4t9", finished=NOW + 60))
    desk.ring()
    assert len(told) == 2


@pytest.mark.parametrize("state", ["queued", "running", "paused", "cancelled"])
def test_who_does_something_knows_it(room: TaskNotifier, desk: Desk, told: list[Notification], state: str) -> None:
    room.on_task(task("k4t9", state))
    desk.ring()
    assert told == []


def test_what_was_taken_back_meanwhile_is_not_told(room: TaskNotifier, desk: Desk, told: list[Notification]) -> None:
    room.on_task(task("k4t9", "waiting"))
    room.on_task(task("k4t9", "queued"))
    desk.ring()
    assert told == []


def test_what_is_looked_at_need_not_be_told(
    room: TaskNotifier, desk: Desk, told: list[Notification], rung: list[str]
) -> None:
    room.on_task(task("seen"))
    assert desk.timers == []
    desk.app_focus = False
    room.on_task(task("seen", finished=NOW + 1))
    desk.ring()
    assert len(told) == 1
    assert len(rung) == 1


def test_the_terminal_is_only_asked_where_nobody_looks(room: TaskNotifier, desk: Desk, rung: list[str]) -> None:
    room.on_task(task("k4t9"))
    desk.ring()
    assert rung == []
    desk.app_focus = False
    room.on_task(task("m2x7"))
    desk.ring()
    assert "m2x7 is done" in rung[0]
    room.manners = WindowPreferences(terminal=False, bell=False)
    room.on_task(task("p8c3"))
    desk.ring()
    assert len(rung) == 1
