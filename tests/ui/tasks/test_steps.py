"""Tasks as lines: the rows of the list and what stands above the text of one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.style import Style

from support import tasks as fake_tasks
from support.calls import LARGE, new_call
from tale_tui.domain.forecasts import NOTHING, Estimate, ForecastSummary, PastForecasts
from tale_tui.domain.metrics import CallKind
from tale_tui.domain.plans import PlanForecast
from tale_tui.domain.tasks import (
    Plan,
    PlanApproval,
    Priority,
    Reason,
    Step,
    StepKind,
    StepSpec,
    StepState,
    TaskDetail,
    TaskState,
)
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
    behind = Columns.of(width, 4).tokens + Columns.of(width, 4).hard
    assert {row(tasks[shown], width).index(words) + len(words) for shown, words in whens} == {width - 1 - behind}
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
    assert "1 of 3 done, write" in row(running, 80)
    assert "1/3   0:42   ~0:30" in row(running, 54)
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
    assert lines[1:] == ["▰▰▰▱▱▱▱▱ 1 of 3   0:42, ~0:30   412 tok"]


def test_the_gauge_of_a_plan_says_what_is_done_and_what_is_left() -> None:
    detail = fake_tasks.some().work["k4t900000000000"]
    left = PlanForecast((), Estimate(2_100, 1_500, 3_000), NOTHING, Estimate(900, 600, 1_560), (), 12)
    shown = {
        width: head_lines(detail.task, detail.steps, fake_tasks.NOW, width, 20, tokens=316, plan=left)[1].plain
        for width in (70, 58, 44, 34, 24)
    }
    assert shown == {
        70: "▰▰▰▱▱▱▱▱ 1 of 3   0:42, ~15 min (10–26)   412 of ~2.1k tok",
        58: "▰▰▰▱▱▱▱▱ 1 of 3   0:42, ~15 min (10–26)   412 of ~2.1k tok",
        44: "▰▰▰▱▱▱▱▱ 1 of 3   0:42, ~15 min (10–26)",
        34: "▰▰▰▱▱▱▱▱ 1 of 3   0:42, ~15 min",
        24: "1 of 3   0:42, ~15 min",
    }
    soon = replace(left, left=Estimate(90, 60, 130), runs=4)
    lines = head_lines(detail.task, detail.steps, fake_tasks.NOW, 70, 20, plan=soon)
    assert "0:42, ~1:30   " in lines[1].plain
    paused = replace(detail.task, state=TaskState.PAUSED, worked_s=42.0, running_since=None)
    assert "1 of 3  paused   0:42, ~1:30" in head_lines(paused, detail.steps, 0.0, 70, 20, plan=soon)[1].plain


def test_what_is_stored_of_a_running_step_is_not_counted_twice() -> None:
    detail = fake_tasks.some().work["k4t900000000000"]
    for stored, written in ((396, 412), (450, 450)):
        task = replace(detail.task, completion_tokens=stored)
        lines = head_lines(task, detail.steps, fake_tasks.NOW, 60, 20, tokens=316)
        assert lines[1].plain.endswith(f"{written} tok")


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


def test_a_wide_list_has_tokens_and_complexity_of_what_was_foreseen() -> None:
    foreseen = ForecastSummary(Estimate(620, 380, 1_020), Estimate(70, 45, 110), NOTHING, 12, "medium")
    waits = fake_tasks.task("p8c3", "Tests for Fibonacci", waits_for=("k4t9",), forecast=foreseen)
    assert row(waits, 90).rstrip().endswith("waits for k4t9          ~1:10   620 tok  medium")
    done = replace(waits, state=TaskState.DONE, completion_tokens=318, worked_s=51.0, finished=fake_tasks.NOW - 60)
    assert row(done, 90).rstrip().endswith("318 tok  medium")
    assert "tok" not in row(waits, 80)


def test_how_near_earlier_forecasts_were_stands_below_where_there_is_room() -> None:
    foreseen = ForecastSummary(
        *(Estimate(620, 380, 1_020), Estimate(70, 45, 110), NOTHING, 12, "medium"), past=PastForecasts(50, 26, "code")
    )
    task = fake_tasks.task("p8c3", "Tests for Fibonacci", forecast=foreseen)
    near = "tokens within 30 %: .52 of the last 50 (code)"
    wide = [line.plain for line in head_lines(task, (), fake_tasks.NOW, 120, 20)]
    assert wide[2] == f"forecast medium · 620 tok (380–1.0k) · 1:10 (0:45–1:50) · {near}"
    narrow = [line.plain for line in head_lines(task, (), fake_tasks.NOW, 60, 20)]
    assert narrow[2:4] == ["forecast medium · 620 tok (380–1.0k) · 1:10 (0:45–1:50)", f"         {near}"]
    assert len(head_lines(task, (), fake_tasks.NOW, 60, 6)) == 3


def test_what_a_plan_wants_a_yes_to_is_said_whole() -> None:
    asks = fake_tasks.task("r5n1", "Web application", "waiting", reason=Reason.APPROVAL, steps_total=2)
    specs = (
        StepSpec("plan", "plan", kind=StepKind.PLAN),
        StepSpec("a", "Data model", "Draw it.", files=("schema.sql",), purpose="for the rest", max_tokens=1000),
        StepSpec("b", "Copy", "Copy it.", ("a",), repeatable=False),
    )
    steps = (Step(specs[0], StepState.DONE), *(Step(spec, allowed=False) for spec in specs[1:]))
    plan = Plan(specs, reasoning="The model comes first.")
    detail = TaskDetail(asks, "Build it", plan, steps, approval=PlanApproval("It asks because it is large."))
    why, first, second = passages(detail, TaskView.OUTPUT, fake_tasks.NOW)
    assert (why.text, why.thinking) == ("It asks because it is large.", "The model comes first.")
    assert first.title == f"1 of 2 {signs().dot} Data model"
    assert first.text == "for: for the rest\ngives: schema.sql\nat most: 1.0k tok\nDraw it."
    assert second.text == "outside: it has effects outside of this task\nCopy it."


def test_a_plan_that_is_made_is_not_shown_as_json() -> None:
    maker = StepSpec("plan", "plan", kind=StepKind.PLAN)
    done = Step(StepSpec("a", "Data model", "Draw it."), StepState.DONE, text="A table.")
    running = fake_tasks.task("r5n1", "Web application", "running", steps_total=2, steps_done=1)
    planned = [("Data model", "A table.")]
    for state, shown in ((StepState.RUNNING, [("Plan", "1. Routes"), *planned]), (StepState.DONE, planned)):
        made = Step(maker, state, text='{"steps": [{"key": "routes", "title": "Routes", "prompt": "Dra')
        detail = TaskDetail(running, "Build it", Plan((maker, done.spec, done.spec)), (made, done, done))
        assert [(one.title, one.text) for one in passages(detail, TaskView.OUTPUT, fake_tasks.NOW)][:2] == shown[:2] + (
            planned if state is StepState.DONE else []
        )


def test_why_a_task_was_not_broken_down_stands_before_its_text() -> None:
    maker = StepSpec("plan", "plan", kind=StepKind.PLAN)
    whole = Step(StepSpec("whole", "The whole at once"), StepState.DONE, text="All of it.")
    plan = Plan((maker, whole.spec), reasoning="Not broken down: The answer has no JSON.")
    ended = fake_tasks.task("r5n1", "Web application", "done")
    detail = TaskDetail(ended, "Build it", plan, (Step(maker, StepState.DONE, text="{}"), whole), "All of it.")
    first, second = passages(detail, TaskView.OUTPUT, fake_tasks.NOW)
    assert (first.title, first.text) == ("Plan", "Not broken down: The answer has no JSON.")
    assert second.text == "All of it."
