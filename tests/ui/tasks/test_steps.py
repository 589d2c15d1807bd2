"""Tasks as lines: the rows of the list and what stands above the text of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.style import Style

from support import tasks as fake_tasks
from support.calls import LARGE, new_call
from tale_tui.domain.metrics import CallKind
from tale_tui.domain.tasks import Priority
from tale_tui.formatting.symbols import UNICODE, signs
from tale_tui.ui.tasks.list import Columns, task_segments
from tale_tui.ui.tasks.steps import TaskView, head_lines, passages
from tale_tui.ui.tasks.text import header


@pytest.fixture(autouse=True)
def _same_signs(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("tale_tui.formatting.symbols.choose_signs", lambda wanted, encoding: UNICODE)
    signs.cache_clear()
    yield
    monkeypatch.undo()
    signs.cache_clear()


def row(task: Any, width: int) -> str:
    segments = task_segments(task, Columns.of(width, 4), fake_tasks.NOW, lambda name: Style.null(), chosen=False)
    return "".join(segment.text for segment in segments)


@pytest.mark.parametrize("width", [20, 26, 40, 44, 54, 76, 100, 160])
def test_every_row_is_as_wide_as_the_list(width: int) -> None:
    for task in fake_tasks.some().all.values():
        assert cell_len(row(task, width)) == width, task.shown


@pytest.mark.parametrize("width", [54, 80, 120])
def test_what_stands_behind_the_titles_ends_at_the_same_edges_in_every_row(width: int) -> None:
    tasks = {task.shown: task for task in fake_tasks.some().all.values()}
    whens = [("k4t9", "~0:30"), ("m2x7", "~6:00"), ("w9d4", "14:01"), ("z3h6", "12:55"), ("b7y5", "Sat")]
    assert {row(tasks[shown], width).index(words) + len(words) for shown, words in whens} == {width - 1}
    elapsed = [("k4t9", "0:42"), ("m2x7", "2:10"), ("w9d4", "0:51")]
    edges = {row(tasks[shown], width).index(words) + len(words) for shown, words in elapsed}
    states = [
        ("r5n1", "approve 14 steps"),
        ("t6b2", "interrupted"),
        ("p8c3", "waits for k4t9"),
        ("z3h6", "out of memory"),
    ]
    ends = {row(tasks[shown], width).index(words) + len(words) for shown, words in states}
    assert len(edges) == 1
    assert len(ends) == 1
    assert ends == edges or width >= 76, "where there is little room, the words of a state take the column of its time"


def test_a_title_has_all_the_room_that_its_row_leaves() -> None:
    long = fake_tasks.task("k4t9", "word " * 40, "done", finished=fake_tasks.NOW, worked_s=51)
    for width in (54, 80):
        shown = row(long, width)
        assert shown.rstrip().endswith("now")
        assert cell_len(shown[shown.index("…") + 1 : shown.index("0:51")]) <= 6, shown


def test_a_title_of_wide_characters_is_cut_at_its_cells() -> None:
    wide = fake_tasks.task("k4t9", "数据库比较" * 20, "running", running_since_ago=3)
    assert cell_len(row(wide, 54)) == 54


def test_words_go_before_numbers_where_there_is_little_room() -> None:
    running = fake_tasks.some().all["k4t900000000000"]
    assert "step 2 of 3, write" in row(running, 80)
    assert "2/3   0:42   ~0:30" in row(running, 54)
    assert "0:42" in row(running, 36)
    assert "~0:30" not in row(running, 36)
    assert "Fibonacci" in row(running, 22)


def head(task_id: str, width: int = 60, height: int = 20, **given: Any) -> list[str]:
    detail = fake_tasks.some().work[task_id]
    return [line.plain for line in head_lines(detail.task, detail.steps, fake_tasks.NOW, width, height, **given)]


def test_a_head_says_who_how_far_and_until_when() -> None:
    lines = head("k4t900000000000", tokens=316)
    assert lines[0].startswith("k4t9  Fibonacci function")
    assert lines[0].endswith("high · qwen3:14b")
    assert lines[1] == "running 0:42, about 0:30 left · 412 tok"
    assert lines[3].split() == ["✓", "outline", "0:08", "96", "tok"]
    assert lines[4].split() == ["◐", "write", "0:34", "316", "tok"]
    assert lines[5].strip() == "· check"


def test_what_is_stored_of_a_running_step_is_not_counted_twice() -> None:
    detail = fake_tasks.some().work["k4t900000000000"]
    for stored, written in ((396, 412), (450, 450)):
        task = replace(detail.task, completion_tokens=stored)
        lines = head_lines(task, detail.steps, fake_tasks.NOW, 60, 20, tokens=316)
        assert lines[1].plain.endswith(f"{written} tok")


def test_a_long_plan_shows_the_steps_around_the_next_one() -> None:
    task = replace(fake_tasks.some().all["k4t900000000000"], steps_total=40, steps_done=20)
    steps = [fake_tasks.step(f"step {number}", "done" if number < 20 else "pending") for number in range(40)]
    lines = [line.plain.rstrip() for line in head_lines(task, steps, fake_tasks.NOW, 60, 10)]
    assert len(lines) == 10
    assert lines[3] == "… 18 steps before, 18 done"
    assert "· step 20" in lines
    assert lines[-1] == "… 17 more steps"


def test_an_error_is_a_sentence_of_few_lines() -> None:
    lines = head("z3h600000000000", width=40)
    assert lines[2].startswith("! qwen3:14b does not fit")
    task = replace(fake_tasks.some().all["z3h600000000000"], error="word " * 500)
    assert len(head_lines(task, (), fake_tasks.NOW, 40, 20)) == 6


def test_narrow_lines_keep_numbers_and_fit() -> None:
    for width in (20, 30, 40):
        lines = head("k4t900000000000", width=width)
        assert all(cell_len(line) <= width for line in lines), lines
        assert "0:42" in lines[1]


def test_urgent_and_why_it_waits_are_said() -> None:
    urgent = fake_tasks.task("k4t9", "One", priority=Priority.URGENT, next_try=fake_tasks.NOW + 12)
    failed = fake_tasks.step("one", error="The server is busy.")
    lines = [line.plain for line in head_lines(urgent, [failed], fake_tasks.NOW, 60, 10)]
    assert lines[0].endswith("urgent · qwen3:14b")
    assert lines[1].startswith("again in 10 s")
    assert lines[2] == "! The server is busy. It is tried again in 10 s."


def test_a_passage_that_grows_has_no_figures_of_what_was_stored() -> None:
    steps = (
        fake_tasks.step("outline", "done", "It is.", 96, took=8),
        fake_tasks.step("write", "running", "So", 1, took=3),
    )
    detail = fake_tasks.detail_of(fake_tasks.task("k4t9", "Fibonacci", "running"), steps)
    outline, write = passages(detail, TaskView.OUTPUT, fake_tasks.NOW)
    assert outline.note.endswith("96 + 96 tok")
    assert write.note == ""


def test_a_short_title_leaves_its_room_to_the_figures() -> None:
    figures = "1.03 s · 60 tok/s · 108 + 204 tok"
    assert header("collect", figures, 60) == ("collect", figures)
    assert header("a title that is long", figures, 30) == ("a title that…", "1.03 s · 60 to…")


def test_what_an_earlier_attempt_wrote_stands_below_the_history() -> None:
    step = fake_tasks.step("write", "done", "The whole story.", earlier=("Once upon a", "Once"))
    detail = fake_tasks.detail_of(fake_tasks.task("k4t9", "A story", "done"), [step], result="The whole story.")
    *_, happened, first, second = passages(detail, TaskView.HISTORY, fake_tasks.NOW)
    assert happened.key == "history"
    assert (first.text, second.text) == ("Once upon a", "Once")
    assert first.key != second.key
    assert "earlier" in first.title


def test_the_history_has_the_calls_of_models() -> None:
    detail = fake_tasks.detail_of(fake_tasks.task("k4t9", "Fibonacci", "done"))
    calls = [new_call(LARGE, kind=CallKind.STEP, step="write", tokens_per_second=11.8, ttft_ms=1920.0)]
    found = {one.key: one for one in passages(detail, TaskView.HISTORY, fake_tasks.NOW, calls)}
    assert found["calls"].text == "write  qwen3:14b  12 + 3 tok  1.92 s  12 tok/s  done"
    assert "calls" not in {one.key for one in passages(detail, TaskView.HISTORY, fake_tasks.NOW)}
