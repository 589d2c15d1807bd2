"""All tasks as the list shows them: order, kinds, filter, numbers."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from support import tasks as fake_tasks
from tale_tui.domain.tasks import Priority, TaskState
from tale_tui.ui.tasks.list_model import TaskListModel, TaskOrder, TaskTab


@pytest.fixture
def book() -> TaskListModel:
    found = TaskListModel()
    found.load(fake_tasks.some().all.values())
    return found


def shown(book: TaskListModel) -> list[str]:
    return [task.shown for task in book.rows]


def test_numbers_follow_each_change(book: TaskListModel) -> None:
    before = book.tally
    assert (before.running, before.queued, before.paused, before.needs_you, before.done, before.failed) == (
        2, 1, 1, 2, 1, 1
    )  # fmt: skip
    book.put(replace(book.rows[2], state=TaskState.DONE))
    assert (book.tally.needs_you, book.tally.done) == (1, 2)


def test_a_change_of_a_row_in_its_place_moves_nothing(book: TaskListModel) -> None:
    rows = book.rows
    assert not book.put(replace(rows[0], steps_done=2))
    assert book.rows is rows
    assert rows[0].steps_done == 2


def test_a_change_elsewhere_leaves_the_rows_that_others_hold_alone(book: TaskListModel) -> None:
    rows = book.rows
    assert book.put(replace(rows[0], state=TaskState.DONE, finished=2e9))
    assert rows[0].shown == "k4t9"
    assert shown(book) == ["m2x7", "r5n1", "t6b2", "p8c3", "k4t9", "w9d4", "z3h6", "b7y5"]


def test_what_is_not_shown_moves_nothing(book: TaskListModel) -> None:
    book.show(tab=TaskTab.FAILED)
    running = book.get("k4t900000000000")
    assert running is not None
    assert not book.put(replace(running, state=TaskState.DONE))
    assert shown(book) == ["z3h6"]
    assert book.put(replace(running, state=TaskState.FAILED, finished=2e9))
    assert shown(book) == ["k4t9", "z3h6"]


def test_queued_tasks_go_by_priority_then_as_they_came() -> None:
    book = TaskListModel()
    book.load(fake_tasks.task(name, name) for name in ("bbbb", "cccc", "dddd"))
    urgent = replace(book.rows[2], priority=Priority.URGENT)
    book.put(urgent)
    assert shown(book) == ["dddd", "bbbb", "cccc"]
    book.put(fake_tasks.task("ffff", "new"))
    assert shown(book) == ["dddd", "bbbb", "cccc", "ffff"]
    assert book.neighbour(urgent, -1) is None
    behind = book.neighbour(urgent, 1)
    assert behind is not None
    assert behind.shown == "bbbb"


def test_the_queue_is_put_in_another_order_and_all_else_stays() -> None:
    book = TaskListModel()
    tasks = [fake_tasks.task(f"{letter}222", letter.upper()) for letter in "bcd"]
    book.load([fake_tasks.task("run2", "Runs", "running"), *tasks, fake_tasks.task("end2", "Done", "done")])
    started = replace(tasks[1], state=TaskState.RUNNING)
    book.put(started)
    book.line_up(reversed(tasks))  # read just before one of them began to run
    assert shown(book) == ["run2", "c222", "d222", "b222", "end2"]
    assert book.get(started.id) is started


@pytest.mark.parametrize("order", TaskOrder)
@pytest.mark.parametrize("tab", TaskTab)
def test_many_changes_give_the_rows_that_reading_anew_gives(order: TaskOrder, tab: TaskTab) -> None:
    chance = random.Random(f"{order} {tab}")
    book = TaskListModel()
    tasks = list(fake_tasks.many(120))
    book.load(tasks)
    book.show(tab=tab, order=order)
    for _ in range(300):
        number = chance.randrange(len(tasks))
        tasks[number] = replace(
            tasks[number],
            state=chance.choice(list(TaskState)),
            priority=chance.choice(list(Priority)),
            worked_s=chance.random() * 100,
            finished=chance.random() * 1e9,
            title=chance.choice(["letter", "poem", tasks[number].title]),
        )
        book.put(tasks[number])
    found = list(book.rows)
    book.show()
    assert [task.id for task in found] == [task.id for task in book.rows]
    assert found == book.rows


def test_a_longer_filter_keeps_what_a_new_one_would_find(book: TaskListModel) -> None:
    for words in ("f", "fi", "fib ", "fib tests"):
        book.show(words=words)
    narrowed = shown(book)
    book.show(words="")
    book.show(words="fib tests")
    assert narrowed == shown(book) == ["p8c3"]
