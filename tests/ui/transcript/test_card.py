"""The lines of a card at every width."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.domain.conversation import Author, Message
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import Priority, Reason, Task, TaskState
from tale_tui.formatting.symbols import UNICODE
from tale_tui.ui.markdown.lines import CardAction, RenderedLines
from tale_tui.ui.markdown.wrap import cells
from tale_tui.ui.transcript import card
from tale_tui.ui.transcript.card import CardContext
from tale_tui.ui.transcript.parts import LiveFigures

NOW = 1_786_284_120.0
CARD = Message("a1", "s", "u1", Author.ASSISTANT, "", NOW - 60, task_id="k4t9")


@pytest.fixture(autouse=True)
def unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("tale_tui.formatting.tasks", "tale_tui.ui.transcript.card", "tale_tui.formatting.symbols"):
        monkeypatch.setattr(f"{place}.signs", lambda: UNICODE)


def task(state: TaskState = TaskState.RUNNING, title: str = "Fibonacci function", **fields: Any) -> Task:
    known = {"ref": ModelRef(BackendName.OLLAMA, "qwen3:14b"), "p": 0.93, **fields}
    return Task("k4t9" * 5, "k4t9", title, state, NOW - 600, NOW, **known)


RUNS = task(running_since=NOW - 42, expected_s=72.0, steps_total=3, steps_done=1, step_title="write")


def text_of(pieces: Any) -> str:
    return "".join(piece.text for piece in pieces)


def line(what: Task, width: int, live: LiveFigures | None = None) -> str:
    return text_of(card.line(what, CardContext(NOW, width, live=live)))


def test_a_card_that_runs_tells_all_where_there_is_room() -> None:
    assert line(RUNS, 100) == (
        "◐ k4t9  Fibonacci function" + " " * 18 + "1 of 3 done, write   ▰▰▰▰▰▱▱▱      0:42, about 0:30 left"
    )


def test_narrow_times_and_counts_keep_and_words_go() -> None:
    writing = LiveFigures("writing", 0.0)
    assert line(RUNS, 75, writing) == "◐ k4t9  Fibonacci function               1/3 writing   ▰▰▰▱▱     0:42 ~0:30"
    assert line(RUNS, 53, writing) == "◐ k4t9  Fibonacci funct…   1/3 writing     0:42 ~0:30"
    assert line(RUNS, 34).endswith("0:42 ~0:30")
    assert line(RUNS, 16) == "◐ k4t9  Fibonac…"


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (LiveFigures("loading", 0.0), "loading the model"),
        (LiveFigures("reading", 0.0), "reading  "),
        (LiveFigures("reading", 0.0, 320, 512), "reading 320 of 512"),
        (LiveFigures("thinking", 0.0), "thinking"),
        (LiveFigures("writing", 0.0), "writing"),
        (None, "working"),
    ],
)
def test_what_goes_on_in_the_step(live: LiveFigures | None, words: str) -> None:
    assert words in line(task(running_since=NOW - 42), 100, live)


def test_numbers_that_change_keep_their_place() -> None:
    def at(second: float) -> str:
        return text_of(card.line(RUNS, CardContext(NOW + second, 100)))

    # The last word changes: over its time it takes longer than usual.
    assert len({at(second).index("▰") for second in (0, 5, 20, 28)}) == 1
    assert len({len(at(second)) for second in (0, 20, 28)}) == 1


def test_what_has_ended_tells_tokens_and_time() -> None:
    done = task(TaskState.DONE, worked_s=51.0, finished=NOW - 60, completion_tokens=412)
    assert line(done, 100).endswith("done   412 tok   0:51")
    failed = task(TaskState.FAILED, worked_s=3.0, finished=NOW - 60, error_code="out_of_memory")
    assert line(failed, 100).endswith("out of memory   0:03")
    assert line(failed, 40).endswith("out of memory")


def test_a_word_that_wants_something_stays_longest() -> None:
    asks = task(TaskState.WAITING, reason=Reason.APPROVAL, steps_total=14)
    assert line(asks, 44).endswith("approve 14 steps")


@settings(max_examples=300)
@given(
    width=st.integers(1, 120),
    state=st.sampled_from(TaskState),
    title=st.text(min_size=1, max_size=60),
    expected_s=st.none() | st.floats(1, 9000),
    steps=st.integers(1, 20),
)
def test_a_line_never_takes_more_room_than_there_is(
    width: int, state: TaskState, title: str, expected_s: float | None, steps: int
) -> None:
    since = NOW - 42 if state is TaskState.RUNNING else None
    what = task(state, title, expected_s=expected_s, steps_total=steps, running_since=since, priority=Priority.HIGH)
    pieces = card.line(what, CardContext(NOW, width))
    assert sum(cells(piece.text) for piece in pieces) <= max(width, len("◐ k4t9  "))


def test_foreign_text_is_one_harmless_line() -> None:
    evil = "[/]\x1b[31m<script>\n\u202eabc"
    what = task(TaskState.RUNNING, evil, step_title=evil, steps_total=2, running_since=NOW)
    shown = line(what, 120)
    assert not {"\x1b", "\n", "\u202e"} & set(shown)
    assert "[/]" in shown
    assert "<script>" in shown


def test_what_is_copied_of_a_card_is_its_id_and_title() -> None:
    sheet = RenderedLines()
    card.put_card(sheet, RUNS, CardContext(NOW, 100))
    assert sheet.rows == ["k4t9  Fibonacci function"]
    places = [(piece.at, piece.text) for piece in sheet.lines[0].pieces if piece.at >= 0]
    assert places == [(0, "k4t9"), (4, "  "), (6, "Fibonacci function")]


def header(what: Task, width: int = 100, **fields: Any) -> str:
    named, undo, quiet = (
        fields.pop(name, default) for name, default in (("named", False), ("undo", ""), ("quiet", True))
    )
    telling = CardContext(NOW, width, live=fields.pop("live", None))
    message = fields.pop("message", CARD)
    return text_of(card.header(what, message, telling, named=named, undo_key=undo, quiet=quiet))


def test_the_header_says_how_sure_it_is_and_how_to_undo_it() -> None:
    assert header(RUNS, undo="F8").lstrip() == "task .93    F8 just talk"
    assert len(header(RUNS, undo="F8")) == 100
    assert header(task(p=None)).lstrip() == "task"
    assert header(RUNS, named=True).startswith("qwen3:14b   ")
    assert header(task(ref=None), named=True).startswith("Task   ")
    assert header(RUNS, 20, named=True, undo="F8") == "qwen3:14b   task .93"
    assert header(RUNS, 10, named=True, undo="F8").strip() == "qwen3:14b"


def test_the_header_counts_while_text_comes() -> None:
    live = LiveFigures("writing", 0.0, tokens=96, rate=11.8)
    assert header(RUNS, live=live, quiet=False).lstrip() == "12 tok/s ·   96 tok   task .93"
    assert header(task(completion_tokens=96), quiet=False).lstrip() == "96 tok   task .93"
    assert header(task(completion_tokens=96), quiet=True).lstrip() == "task .93"


def test_the_header_tells_when_it_ended_and_which_version_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "when", lambda seconds, now: "14:02")
    assert header(task(TaskState.DONE, finished=NOW - 60)).lstrip() == "task .93   14:02"
    second = Message("a2", "s", "u1", Author.ASSISTANT, "", NOW, task_id="k4t9", sibling=2, siblings=2)
    assert header(RUNS, message=second).lstrip() == "‹ 2/2 ›   task .93"


def test_the_sentence_above_a_card_is_broken_where_it_must_be() -> None:
    sheet = RenderedLines()
    card.put_acknowledgement(sheet, RUNS, 30)
    assert [one.text for one in sheet.lines] == [
        "qwen3:14b is working on it. Go",
        "on talking; it will show up",
        "here.",
        "",
    ]
    assert sheet.rows == ["qwen3:14b is working on it. Go on talking; it will show up here.", ""]


@pytest.mark.parametrize(
    ("state", "opened", "words"),
    [
        (TaskState.DONE, False, "▸ whole result · 3 lines · enter opens"),
        (TaskState.DONE, True, "▾ whole result · enter folds"),
        (TaskState.RUNNING, False, "▸ text so far · 3 lines · enter opens"),
        (TaskState.RUNNING, True, ""),
        (TaskState.PAUSED, False, "▸ what it wrote · 3 lines · enter opens"),
    ],
)
def test_what_is_folded_says_so(state: TaskState, opened: bool, words: str) -> None:
    assert text_of(card.fold_note(task(state), "a\nb\nc", opened=opened, key="enter")) == words


def test_what_does_not_go_on_by_itself_says_what_to_do() -> None:
    keys = {"open": "enter", "retry": "r", "resume": "space"}
    notes = {state: card.answer_note(task(state), keys) for state in TaskState}
    assert {state.value: text_of(note) for state, note in notes.items() if note} == {
        "waiting": "enter shows what would run",
        "paused": "space goes on",
        "failed": "r tries again",
    }
    assert notes[TaskState.FAILED][0].target == CardAction("retry")
