"""How tasks are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.formatting import tasks as words
from tale_tui.formatting.symbols import ASCII, UNICODE
from tale_tui.formatting.units import when

NOW = 1_786_284_120.0


def task(state: TaskState = TaskState.RUNNING, **fields: Any) -> Task:
    ref = ModelRef(BackendName.OLLAMA, "qwen3:14b")
    return Task("k4t9" * 5, "k4t9", "Fibonacci function", state, NOW - 600, NOW, **{"ref": ref, **fields})


def running(for_s: float, **fields: Any) -> Task:
    return task(running_since=NOW - for_s, **fields)


@pytest.mark.parametrize("of", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_state_has_a_sign_of_one_cell(of: Any) -> None:
    signs = {state: words.sign(task(state), of=of) for state in TaskState}
    assert all(len(sign) == 1 for sign in signs.values())
    told_apart = {sign for state, sign in signs.items() if state is not TaskState.DRAFT}
    assert len(told_apart) == len(TaskState) - 1


def test_what_waits_for_a_server_has_a_sign_of_its_own() -> None:
    held = task(TaskState.QUEUED, reason=Reason.SERVER, server_since=NOW)
    assert (words.sign(held, of=UNICODE), words.sign(held, of=ASCII)) == ("∿", "~")
    assert words.state_words(held, NOW) == f"waits for Ollama since {when(NOW, NOW + 60)}"
    assert words.sign(task(TaskState.WAITING, reason=Reason.SERVER), of=UNICODE) == UNICODE.asks


def test_loud_is_what_needs_a_look() -> None:
    tones = {state.value: words.tone(task(state)) for state in TaskState}
    assert {state: tone for state, tone in tones.items() if tone != "quiet"} == {
        "running": "work",
        "waiting": "look",
        "done": "ok",
        "failed": "bad",
    }
    assert words.tone(task(TaskState.PAUSED, reason=Reason.INTERRUPTED)) == "look"


def test_a_task_that_somebody_asked_for_has_no_chance() -> None:
    assert (words.chip(task(p=0.93)), words.chip(task())) == ("task .93", "task")


@pytest.mark.parametrize(
    ("what", "long", "short"),
    [
        (task(), "working", "working"),
        (task(steps_total=3, steps_done=1, step_title="write"), "1 of 3 done, write", "1/3 write"),
        (task(steps_total=3, steps_done=3), "3 of 3 done", "3/3"),
        (
            task(steps_total=6, steps_done=1, steps_running=3, step_title="b"),
            "1 of 6 done, 3 running",
            "1/6, 3 running",
        ),
        (task(TaskState.DRAFT), "draft", "draft"),
        (task(TaskState.QUEUED), "queued", "queued"),
        (task(TaskState.QUEUED, waits_for=("p8c3",)), "waits for p8c3", "waits for p8c3"),
        (
            task(TaskState.QUEUED, reason=Reason.SERVER, server_since=NOW - 90),
            f"waits for Ollama since {when(NOW - 90, NOW)}",
            "waits for Ollama",
        ),
        (task(TaskState.QUEUED, reason=Reason.SERVER, ref=None), "waits for the server", "waits for the server"),
        (task(TaskState.WAITING, reason=Reason.SERVER), "wait on for Ollama?", "wait on for Ollama?"),
        (task(TaskState.QUEUED, waits_for=("a", "b", "c")), "waits for a and 2 more", "waits for a and 2 more"),
        (task(TaskState.QUEUED, next_try=NOW + 8), "again in 8 s", "again in 8 s"),
        (task(TaskState.QUEUED, next_try=NOW - 1), "again soon", "again soon"),
        (task(TaskState.WAITING, reason=Reason.APPROVAL, steps_total=14), "approve 14 steps", "approve 14 steps"),
        (task(TaskState.WAITING, reason=Reason.APPROVAL), "approve 1 step", "approve 1 step"),
        (
            task(TaskState.WAITING, reason=Reason.APPROVAL, steps_total=3, steps_done=1, step_title="send"),
            "approve send",
            "approve send",
        ),
        (task(TaskState.WAITING, reason=Reason.REPEAT), "run again?", "run again?"),
        (task(TaskState.PAUSED, reason=Reason.USER), "paused", "paused"),
        (task(TaskState.PAUSED, reason=Reason.INTERRUPTED), "interrupted", "interrupted"),
        (task(TaskState.DONE), "done", "done"),
        (task(TaskState.FAILED, error_code="out_of_memory"), "out of memory", "out of memory"),
        (task(TaskState.FAILED, error_code="never heard of"), "failed", "failed"),
        (task(TaskState.CANCELLED), "cancelled", "cancelled"),
    ],
)
def test_where_a_task_is(what: Task, long: str, short: str) -> None:
    assert (words.state_words(what, NOW), words.short_state(what, NOW)) == (long, short)


def test_what_goes_on_now_is_told_in_place_of_the_title_of_the_step() -> None:
    assert words.state_words(task(steps_total=3, step_title="check"), NOW, doing="writing") == "0 of 3 done, writing"
    assert words.short_state(task(), NOW, doing="thinking") == "thinking"
    assert words.state_words(task(TaskState.QUEUED), NOW, doing="thinking") == "queued"


def test_time_goes_on_while_it_runs_and_is_kept_afterwards() -> None:
    assert words.elapsed_s(running(42, worked_s=8.0), NOW) == 50
    assert words.elapsed_s(task(TaskState.PAUSED, worked_s=8.0), NOW) == 8
    assert words.elapsed_s(task(TaskState.QUEUED), NOW) == 0
    assert words.elapsed_s(running(-5), NOW) == 0  # a clock was set back


@pytest.mark.parametrize(
    ("what", "long", "short"),
    [
        (running(42, expected_s=72.0), "0:42, about 0:30 left", "0:42 ~0:30"),
        (running(71, expected_s=72.0), "1:11, about 0:05 left", "1:11 ~0:05"),
        (running(80, expected_s=72.0), "1:20, longer than usual", "1:20"),
        (running(42), "0:42", "0:42"),
        (running(0), "0:00", "0:00"),
        (task(TaskState.QUEUED), "–", "–"),
        (task(TaskState.QUEUED, expected_s=72.0), "about 1:10", "~1:10"),
        (task(TaskState.PAUSED, worked_s=130.0, expected_s=300.0), "2:10", "2:10"),
        (task(TaskState.DONE, worked_s=51.0, expected_s=72.0), "0:51", "0:51"),
        (task(TaskState.CANCELLED, expected_s=72.0), "–", "–"),
        (running(9000), "2.5 h", "2.5 h"),
    ],
)
def test_how_long(what: Task, long: str, short: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "signs", lambda: UNICODE)
    assert (words.times(what, NOW), words.short_times(what, NOW)) == (long, short)


@settings(max_examples=200)
@given(for_s=st.floats(0, 5000), expected_s=st.none() | st.floats(0.1, 5000))
def test_times_of_what_runs_fit_their_place(for_s: float, expected_s: float | None) -> None:
    what = running(for_s, expected_s=expected_s)
    assert len(words.times(what, NOW)) <= words.TIMES_WIDTH
    assert len(words.short_times(what, NOW)) <= words.SHORT_TIMES_WIDTH


def test_a_share_only_where_one_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "signs", lambda: UNICODE)
    assert words.share(running(36, expected_s=72.0), NOW) == 0.5
    assert words.share(running(36), NOW) is None
    assert words.share(running(80, expected_s=72.0), NOW) is None
    assert words.progress(running(36, expected_s=72.0), NOW, 8) == "▰▰▰▰▱▱▱▱"


def test_a_progress_that_nobody_knows_is_no_gauge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "signs", lambda: UNICODE)
    assert words.progress(running(36), NOW, 8) == ""
    assert words.progress(task(TaskState.QUEUED), NOW, 8) == ""
    assert words.progress(running(80, expected_s=72.0), NOW, 8) == ""


def test_who_does_it_is_said_while_that_is_so() -> None:
    assert words.acknowledgement(task()) == "qwen3:14b is working on it. Go on talking; it will show up here."
    assert words.acknowledgement(task(TaskState.QUEUED)).startswith("qwen3:14b will work on it.")
    assert words.acknowledgement(task(ref=None)).startswith("The big model is")
    still = set(TaskState) - {TaskState.RUNNING, TaskState.QUEUED}
    assert {words.acknowledgement(task(state)) for state in still} == {""}


def test_tokens_are_told_where_they_are_known() -> None:
    assert (words.tokens(task(completion_tokens=1900)), words.tokens(task())) == ("1.9k tok", "")
