"""Events of a turn become what the transcript shows; messages of a branch stand where they belong."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tale_tui.domain.conversation import Author, Message, MessageState, Session, Transcript, View, WindowUse
from tale_tui.domain.events import (
    ModelLoading,
    PromptProgress,
    Routed,
    ServerAway,
    TaskAhead,
    TextDelta,
    TextSortedAnew,
    ThinkingDelta,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from tale_tui.domain.models import BackendName, ModelRef, Usage
from tale_tui.ui.chat.conversation import ShownBranch
from tale_tui.ui.chat.turn_presenter import RATE_AFTER_S, TurnPresenter

REF = ModelRef.parse("scripted/demo")


class Recorder:
    """A transcript that writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.live: Any = None
        self.turn_selection = SimpleNamespace(number=None)

    def __getattr__(self, name: str) -> Any:
        def record(*args: Any) -> None:
            self.calls.append((name, *args))

        return record

    def set_live(self, message_id: str, live: Any) -> None:
        self.live = live

    def view(self) -> tuple[str | None, int]:
        return "m1", 7

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


class ManualClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def user(id_: str, parent: str | None, text: str = "question") -> Message:
    return Message(id_, "s", parent, Author.USER, text, 1.0)


def reply(id_: str, parent: str, text: str = "", state: MessageState = MessageState.STREAMING) -> Message:
    return Message(id_, "s", parent, Author.ASSISTANT, text, 2.0, state)


@pytest.fixture
def view() -> Recorder:
    return Recorder()


@pytest.fixture
def branch(view: Recorder) -> ShownBranch:
    return ShownBranch(view)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def turn(branch: ShownBranch, clock: ManualClock) -> TurnPresenter:
    return TurnPresenter(branch, clock)


def begin(turn: TurnPresenter) -> None:
    turn.take(TurnStarted(user("u", None), reply("r", "u")))


def test_a_turn_shows_both_messages_and_waits(turn: TurnPresenter, view: Recorder) -> None:
    begin(turn)
    assert view.names() == ["add", "add"]
    assert (view.live.phase, view.live.started) == ("reading", 100.0)


def test_the_model_and_the_beginning_of_its_view_are_shown(
    turn: TurnPresenter, view: Recorder, branch: ShownBranch
) -> None:
    begin(turn)
    turn.take(Routed(REF, "the only one", "u"))
    assert ("set_view_from", "u") in view.calls
    assert branch["r"].ref == REF


def test_loading_counts_from_its_own_beginning(turn: TurnPresenter, view: Recorder, clock: ManualClock) -> None:
    begin(turn)
    clock.now = 105.0
    turn.take(ModelLoading(REF))
    assert (view.live.phase, view.live.started) == ("loading", 105.0)


def test_a_server_that_is_waited_for_is_named_until_it_is_back(
    turn: TurnPresenter, view: Recorder, clock: ManualClock
) -> None:
    begin(turn)
    clock.now = 105.0
    turn.take(ServerAway(BackendName.OLLAMA, 1.0))
    assert (view.live.phase, view.live.waits_for, view.live.started) == ("waiting", "Ollama", 105.0)
    turn.take(Routed(REF, "the only one"))
    assert view.live.phase == "reading"
    turn.take(TaskAhead(REF))
    assert (view.live.phase, view.live.waits_for) == ("waiting", f"a task of {REF.model}")
    turn.take(TextDelta("x", 1))
    assert view.live.ttft_ms is None


def test_reading_shows_how_much_was_read(turn: TurnPresenter, view: Recorder) -> None:
    begin(turn)
    turn.take(PromptProgress(30, 120))
    assert (view.live.phase, view.live.done, view.live.total) == ("reading", 30, 120)


def test_thinking_and_writing_stream_with_a_speed_after_a_while(
    turn: TurnPresenter, view: Recorder, clock: ManualClock
) -> None:
    begin(turn)
    turn.take(ThinkingDelta("hm", 1))
    assert ("stream_thinking", "r", "hm") in view.calls
    assert (view.live.phase, view.live.rate) == ("thinking", None)
    clock.now += 0.5
    turn.take(TextDelta("so", 11))
    assert ("stream_text", "r", "so") in view.calls
    assert view.live.phase == "writing"
    assert view.live.rate == pytest.approx(20.0)
    assert view.live.ttft_ms == pytest.approx(500.0)
    assert RATE_AFTER_S < 0.5


def test_the_first_token_of_a_model_that_was_loaded_first_has_no_time(turn: TurnPresenter, view: Recorder) -> None:
    begin(turn)
    turn.take(ModelLoading(REF))
    turn.take(TextDelta("x", 1))
    assert view.live.ttft_ms is None


def test_the_end_shows_what_is_stored_and_stops_what_moves(turn: TurnPresenter, view: Recorder) -> None:
    begin(turn)
    turn.take(TextDelta("x", 1))
    done = reply("r", "u", "x", MessageState.COMPLETE)
    turn.take(TurnDone(done, WindowUse(10, 100)))
    assert view.live is None
    assert view.calls[-1] == ("update", done)
    assert turn.done
    assert turn.window == WindowUse(10, 100)


@pytest.mark.parametrize("kind", [TurnFailed, TurnCancelled])
def test_a_turn_that_does_not_come_to_its_end(turn: TurnPresenter, view: Recorder, kind: Any) -> None:
    begin(turn)
    ended = reply("r", "u", "x", MessageState.FAILED)
    turn.take(TurnFailed(ended, "t", "s", "c") if kind is TurnFailed else TurnCancelled(ended))
    assert view.calls[-1] == ("update", ended)
    assert not turn.done


def test_stopping_shows_at_once_what_came_and_nothing_that_comes_later(
    turn: TurnPresenter, view: Recorder, branch: ShownBranch
) -> None:
    begin(turn)
    turn.take(ThinkingDelta("hm", 1))
    turn.take(TextDelta("so far", 2))
    turn.stop()
    shown = branch["r"]
    assert (shown.state, shown.text, shown.thinking) == (MessageState.STOPPED, "so far", "hm")
    assert view.live is None
    before = len(view.calls)
    turn.take(TextDelta(" and more", 3))
    turn.take(ThinkingDelta("hm", 4))
    assert len(view.calls) == before
    assert view.live is None


def test_text_that_was_thinking_is_shown_as_thinking_and_the_answer_begins_anew(
    turn: TurnPresenter, branch: ShownBranch, view: Recorder, clock: ManualClock
) -> None:
    begin(turn)
    turn.take(TextDelta("two and two", 3))
    turn.take(TextSortedAnew("", "two and two"))
    assert (branch["r"].text, branch["r"].thinking) == ("", "two and two")
    clock.now += 2
    turn.take(TextDelta("Four.", 4))
    assert view.live.ttft_ms == pytest.approx(2000.0)
    turn.stop()
    assert (branch["r"].text, branch["r"].thinking) == ("Four.", "two and two")


def test_thinking_that_was_the_answer_is_shown_as_the_answer(turn: TurnPresenter, branch: ShownBranch) -> None:
    begin(turn)
    turn.take(ThinkingDelta("Four.", 1))
    turn.take(TextSortedAnew("Four.", ""))
    assert (branch["r"].text, branch["r"].thinking) == ("Four.", "")


def test_a_reply_that_goes_on_keeps_its_beginning(turn: TurnPresenter, branch: ShownBranch) -> None:
    branch.put(user("u", None))
    branch.put(reply("r", "u", "begun", MessageState.STOPPED))
    turn.take(TurnStarted(None, reply("r", "u", "begun")))
    turn.take(TextDelta(" more", 1))
    turn.stop()
    assert branch["r"].text == "begun more"


def test_stopping_before_anything_is_stored_shows_nothing(turn: TurnPresenter, view: Recorder) -> None:
    turn.stop()
    assert view.calls == []
    turn.take(TextDelta("x", 1))
    assert view.calls == []


# the branch


def loaded(branch: ShownBranch, *messages: Message, view_from: str | None = None) -> Transcript:
    session = Session("s", "", 0.0, 0.0)
    return Transcript(session, messages, view_from=view_from)


def test_a_new_version_takes_the_place_of_what_was_below(branch: ShownBranch, view: Recorder) -> None:
    branch.load(loaded(branch, user("u", None), reply("r", "u", "one", MessageState.COMPLETE)))
    branch.put(reply("r2", "u"))
    assert view.calls[-2:] == [("drop_after", "u"), ("add", reply("r2", "u"))]
    assert "r" not in branch
    assert branch.tip == reply("r2", "u")


def test_a_new_version_of_the_first_message_takes_the_place_of_all(branch: ShownBranch, view: Recorder) -> None:
    branch.load(loaded(branch, user("u", None), reply("r", "u", "one", MessageState.COMPLETE)))
    branch.put(user("u2", None))
    assert ("drop_after", None) in view.calls
    assert branch.tip == user("u2", None)
    assert "r" not in branch


def test_what_did_not_change_is_not_shown_again(branch: ShownBranch, view: Recorder) -> None:
    first, second = user("u", None), reply("r", "u", "one", MessageState.COMPLETE)
    branch.load(loaded(branch, first, second))
    view.calls.clear()
    branch.sync(loaded(branch, first, second, user("v", "r"), view_from="v"))
    assert view.calls == [("add", user("v", "r")), ("set_view_from", "v")]
    view.calls.clear()
    branch.sync(loaded(branch, first, replace(second, text="two"), user("v", "r")))
    assert view.calls[0] == ("update", replace(second, text="two"))


def test_another_branch_is_loaded_at_the_place_of_the_reader(branch: ShownBranch, view: Recorder) -> None:
    branch.load(loaded(branch, user("u", None), reply("r", "u")))
    view.calls.clear()
    branch.sync(loaded(branch, user("u", None), reply("r2", "u")))
    (call,) = view.calls
    assert call[0] == "load"
    assert call[1].view == View("m1", 7)


@pytest.mark.parametrize(
    ("state", "resumable"),
    [
        (MessageState.COMPLETE, False),
        (MessageState.STREAMING, False),
        (MessageState.STOPPED, True),
        (MessageState.INTERRUPTED, True),
        (MessageState.FAILED, True),
    ],
)
def test_what_can_be_gone_on_with(branch: ShownBranch, state: MessageState, resumable: bool) -> None:
    assert branch.resumable is None
    branch.put(user("u", None))
    assert branch.resumable is None
    branch.put(reply("r", "u", "x", state))
    assert (branch.resumable is not None) is resumable
    assert branch.being_written is (state is MessageState.STREAMING)


def test_the_window_shows_what_was_counted_last(branch: ShownBranch) -> None:
    assert branch.counted is None
    branch.put(user("u", None))
    branch.put(
        replace(reply("r", "u", "x", MessageState.COMPLETE), usage=Usage(prompt_tokens=30, completion_tokens=12))
    )
    branch.put(user("v", "r"))
    branch.put(replace(reply("w", "v", "x", MessageState.STOPPED), usage=Usage(completion_tokens=5)))
    assert branch.counted == 42


@pytest.mark.parametrize(("text", "phase"), [("half", "writing"), ("", "thinking")])
def test_a_turn_that_is_followed_shows_what_came_and_cost_before(
    branch: ShownBranch, view: Recorder, clock: ManualClock, text: str, phase: str
) -> None:
    presenter = TurnPresenter(branch, clock)
    so_far = Usage(completion_tokens=7, ttft_ms=250.0 if text else None, load_ms=0.0, total_ms=2_000.0)
    presenter.take(TurnStarted(user("u", None), reply("r", "u", text), so_far=so_far))
    assert branch["r"].text == text
    assert (view.live.phase, view.live.tokens, view.live.started) == (phase, 7, 98.0)
    presenter.take(TextDelta(" more", 8))
    assert view.live.tokens == 8
    assert view.live.ttft_ms == (250.0 if text else 2_000.0)
    presenter.stop()
    assert branch["r"].text == text + " more"


def test_a_turn_that_is_followed_before_anything_came_says_what_it_waits_for(
    branch: ShownBranch, view: Recorder, clock: ManualClock
) -> None:
    presenter = TurnPresenter(branch, clock)
    presenter.take(TurnStarted(None, reply("r", "u"), so_far=Usage(total_ms=500.0)))
    assert (view.live.phase, view.live.started) == ("reading", 99.5)
    presenter.take(ModelLoading(REF))
    assert view.live.phase == "loading"
