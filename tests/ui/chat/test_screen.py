"""The chat screen: sending, stopping, waiting, editing, keys, and what is said around the transcript."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual import events

from support.replies import held
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.errors import DiskFull, ReadOnly, Unreachable
from tale_tui.domain.events import EngineMoved, Notice
from tale_tui.domain.metrics import CallActivity, CallKind, RunningCall
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.chat import generate
from tale_tui.engine.chat import generate as generate_module
from tale_tui.engine.models.scripted import Fail, Hold, Read, Say, Script, ScriptedBackend, spoken
from tale_tui.ui.chat.status import SPEED_EVERY_S
from tale_tui.ui.dialogs.details import DetailsDialog
from tale_tui.ui.dialogs.help import HelpScreen
from tale_tui.ui.widgets.banner import Banner
from tale_tui.ui.widgets.status_line import KeyHint


async def test_a_message_is_answered(open_window: Any) -> None:
    async with open_window([spoken("An ", "answer.")]) as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        assert window.texts == ["hello", "An answer."]
        assert window.prompt.text == ""
        assert window.chat.title_bar.title == "hello"
        assert window.chat.title_bar.turns == 1
        assert window.chat.line.window is not None


async def test_on_the_smallest_terminal_what_is_told_has_one_line_above_the_prompt(open_window: Any) -> None:
    async with open_window(size=(20, 5)) as window:
        await window.ready()
        window.app.notify("Nothing else.", title="Told")
        await window.shows("Told: Nothing")
        line = window.chat.notice_line
        assert line.region.height == 1
        assert window.prompt.region.y == line.region.bottom


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_is_told_covers_nothing_moves_nothing_and_makes_no_second_line(
    open_window: Any, size: tuple[int, int]
) -> None:
    async with open_window([spoken("\n".join(["line"] * 60))], size=size) as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        before = window.chat.view.region, window.prompt.region
        window.app.notify("Write a Python function, 0:04", title="k4t9 is done")
        await window.shows("k4t9 is done: Write a Python function, 0:04", "esc close")
        assert (window.chat.view.region, window.prompt.region) == before
        assert window.chat.notice_line.region.y == window.chat.view.region.bottom
        await window.press("f1")
        await window.dialog(HelpScreen)
        assert len(window.app.query("Toast")) == 0
        await window.press("escape")
        await window.closed()
        await window.shows("k4t9 is done")


async def test_escape_puts_away_what_is_told_before_it_does_anything_else_but_stop(open_window: Any) -> None:
    script, event = held("A")
    async with open_window([script]) as window:
        await window.ready()
        window.app.notify("Something.", title="First")
        await window.shows("First: Something.")
        await window.press("escape")
        await window.hides("First: Something.")
        await window.say("hello")
        await window.streams("A")
        window.app.notify("Something.", title="Second")
        await window.shows("Second: Something.")
        await window.press("escape")
        await window.until(lambda: not window.writing, "the reply is stopped")
        assert "Second: Something." in window.painted
        event.set()


async def test_leaving_by_ctrl_c_begins_anew_where_something_was_typed_or_sent_between(open_window: Any) -> None:
    async with open_window([spoken("An answer.")]) as window:
        await window.ready()
        await window.press("ctrl+c")
        await window.tells("Again to leave")
        await window.press("x")
        await window.until(lambda: window.prompt.text == "x", "it is typed")
        await window.press("backspace", "ctrl+c")
        assert not window.leaving
        assert window.told.count("Again to leave.") == 2
        await window.say("hello")
        await window.press("ctrl+c")
        await window.answered()
        assert not window.leaving


async def test_what_is_said_of_a_long_message_goes_with_it_and_comes_back_with_it(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("long " * 50_000)
        await window.until(lambda: window.notice is not None, "it is too long")
        await window.press("ctrl+c")
        await window.until(lambda: window.notice is None, "nothing is said of an empty prompt")
        await window.press("ctrl+underscore")
        await window.until(lambda: window.notice is not None, "the text is back, and what is said of it")


async def test_a_message_that_waits_goes_before_one_that_is_written_later(open_window: Any) -> None:
    script, event = held("one")
    async with open_window([script, spoken("two"), spoken("three")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        await window.say("second")
        await window.until(lambda: window.queued, "it waits")
        await window.press("escape")
        await window.until(lambda: not window.busy, "the reply is stopped")
        assert [one.text for one in window.queued] == ["second"]
        await window.say("third")
        await window.answered(2)
        asked = [message.text for message in window.messages if message.author == "user"]
        assert asked == ["first", "second", "third"]
        event.set()


async def test_the_users_turn_is_shown_before_it_is_stored(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        stored, send = asyncio.Event(), window.engine.chat.send

        async def slow(*args: Any, **kwargs: Any) -> Any:
            await stored.wait()
            async for event in send(*args, **kwargs):
                yield event

        window.engine.chat.send = slow
        await window.say("hello")
        await window.until(lambda: window.texts == ["hello"], "the turn is on the screen")
        stored.set()
        await window.answered()


async def test_what_is_typed_and_sent_before_there_is_an_engine_is_kept(open_window: Any) -> None:
    gate = asyncio.Event()
    async with open_window([spoken("one"), spoken("two")], gate=gate) as window:
        assert window.chat.line.model.state == "starting"
        await window.say("first")
        await window.say("second")
        await window.write("third")
        assert [waiting.text for waiting in window.queued] == ["first", "second"]
        gate.set()
        await window.answered(2)
        assert window.texts == ["first", "one", "second", "two"]
        assert window.prompt.text == "third"
        assert window.queued == ()


async def test_escape_takes_back_what_was_sent_before_there_is_an_engine(open_window: Any) -> None:
    async with open_window(gate=asyncio.Event()) as window:
        await window.say("first")
        await window.press("escape")
        assert window.prompt.text == "first"
        assert window.queued == ()


async def test_escape_stops_the_reply_at_once_and_what_came_stays(open_window: Any) -> None:
    script, _ = held("so far")
    async with open_window([script]) as window:
        await window.ready()
        await window.say("go")
        await window.streams("so far")
        window.chat.action_back()
        # Without waiting for anything: this is what the screen shows in the same moment.
        assert window.messages[-1].state is MessageState.STOPPED
        assert not window.writing
        await window.until(lambda: window.backend.open_streams == 0, "the model is stopped")
        await window.idle()
        assert window.texts == ["go", "so far"]
        assert window.messages[-1].state is MessageState.STOPPED
        stored = (await window.engine.sessions.transcript(window.messages[0].session_id)).messages
        assert (stored[-1].text, stored[-1].state) == ("so far", MessageState.STOPPED)


async def test_escape_never_leaves(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press(*["escape"] * 5)
        assert window.app.is_running


async def test_what_is_sent_while_a_reply_streams_waits_and_goes_next(open_window: Any) -> None:
    script, event = held("one")
    async with open_window([script, spoken("two"), spoken("three")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        await window.say("second")
        await window.say("third")
        await window.until(lambda: len(window.queued) == 2, "two wait")
        assert "take back" in window.chat.composer.queue.hint
        event.set()
        await window.answered(3)
        assert window.texts == ["first", "one rest", "second", "two", "third", "three"]
        assert window.queued == ()


async def test_a_reply_goes_on_in_its_own_conversation_while_another_one_is_shown(open_window: Any) -> None:
    script, event = held("so far")
    async with open_window([script, spoken("two")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("so far")
        first = window.session.id
        window.chat.run_command("new")
        await window.until(lambda: window.messages == [], "a new conversation")
        assert not window.busy
        await window.say("second")
        await window.answered()
        assert window.texts == ["second", "two"]
        await window.open_session(first)
        await window.streams("so far")
        assert window.writing
        event.set()
        await window.answered()
        assert window.texts == ["first", "so far rest"]


async def test_a_reply_that_ends_unseen_is_there_when_its_conversation_is_shown_again(open_window: Any) -> None:
    script, event = held("so far")
    async with open_window([script, spoken("later")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("so far")
        first = window.session.id
        await window.say("and then")
        await window.until(lambda: window.queued, "it waits")
        window.chat.run_command("clear")
        await window.until(lambda: window.messages == [], "a new conversation")
        event.set()
        await window.until(lambda: window.backend.open_streams == 0 and not window.app.workers, "it has ended")
        assert window.messages == []
        assert window.chat.title_bar.title == "new conversation"
        assert window.chat.line.window.used == 0
        await window.open_session(first)
        await window.answered(2)
        assert window.texts == ["first", "so far rest", "and then", "later"]


async def test_a_message_that_is_left_at_once_is_answered_in_its_own_conversation(open_window: Any) -> None:
    async with open_window([spoken("one")]) as window:
        await window.ready()
        window.send("first")
        window.chat.run_command("new")
        await window.idle()
        assert window.messages == []
        [session] = await window.engine.sessions.list()
        stored = (await window.engine.sessions.transcript(session.id)).messages
        assert [message.text for message in stored] == ["first", "one"]


async def test_a_conversation_may_be_deleted_while_it_is_answered_unseen(open_window: Any) -> None:
    script, _ = held("so far")
    async with open_window([script, spoken("later")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("so far")
        first = window.session.id
        await window.say("and then")
        await window.until(lambda: window.queued, "it waits")
        window.chat.run_command("new")
        await window.until(lambda: window.messages == [], "a new conversation")
        await window.engine.sessions.delete(first)
        await window.until(lambda: window.backend.open_streams == 0 and not window.app.workers, "it has ended")
        assert window.told == []
        assert await window.engine.sessions.list() == ()


async def test_escape_stops_first_and_then_takes_the_waiting_message_back(open_window: Any) -> None:
    script, _ = held("one")
    async with open_window([script, spoken("two")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        await window.say("second")
        await window.until(lambda: window.queued, "it waits")
        await window.press("escape")
        await window.until(lambda: not window.busy, "it is stopped")
        assert [waiting.text for waiting in window.queued] == ["second"]
        await window.write("later")
        await window.press("escape")
        await window.until(lambda: not window.queued, "it is taken back")
        assert window.prompt.text == "second\n\nlater"
        assert window.texts == ["first", "one"]


async def test_enter_on_nothing_sends_what_waits(open_window: Any) -> None:
    script, _ = held("one")
    async with open_window([script, spoken("two")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        await window.say("second")
        await window.until(lambda: window.queued, "it waits")
        await window.press("escape")
        await window.until(lambda: not window.busy, "it is stopped")
        await window.press("enter")
        await window.answered()
        assert window.texts == ["first", "one", "second", "two"]


async def test_a_click_takes_a_waiting_message_back(open_window: Any) -> None:
    script, event = held("one")
    async with open_window([script, spoken("two")]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        await window.say("second")
        await window.until(lambda: window.chat.composer.queue.size.height == 1, "it is shown")
        await window.pilot.click(window.chat.composer.queue, offset=(10, 0))
        await window.until(lambda: window.prompt.text == "second", "it is back")
        event.set()
        await window.answered()
        assert window.texts == ["first", "one rest"]


async def test_an_empty_message_sends_nothing_and_says_so(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("   ")
        assert window.messages == []
        assert any("nothing to send" in toast for toast in window.told)


async def test_a_failed_reply_keeps_the_message_and_can_be_tried_again(open_window: Any) -> None:
    broken = Script((Fail(Unreachable("Nothing answers at the address.")),))
    async with open_window([broken, spoken("now")]) as window:
        await window.ready()
        await window.say("hello")
        await window.until(lambda: window.messages and window.messages[-1].state is MessageState.FAILED, "it failed")
        assert window.texts[0] == "hello"
        assert "Nothing answers" in window.messages[-1].error
        await window.until(lambda: not window.busy, "the turn ended")
        await window.press("ctrl+r")
        await window.answered()
        assert window.texts == ["hello", "now"]


async def test_a_stopped_reply_goes_on_with_a_key(open_window: Any) -> None:
    script, _ = held("The beginning")
    async with open_window([script, spoken(" and the end.")]) as window:
        await window.ready()
        await window.say("tell")
        await window.streams("The beginning")
        await window.press("escape")
        await window.idle()
        assert any(hint.label == "go on" for hint in window.chat.line.keys)
        await window.press("ctrl+r")
        await window.answered()
        assert window.texts == ["tell", "The beginning and the end."]
        assert window.backend.requests[-1].continue_text == "The beginning"


async def test_ctrl_c_stops_then_clears_then_leaves(open_window: Any) -> None:
    script, _ = held("one")
    async with open_window([script]) as window:
        await window.ready()
        await window.say("go")
        await window.streams("one")
        await window.write("draft")
        await window.press("ctrl+c")
        await window.until(lambda: not window.busy, "it is stopped")
        assert window.prompt.text == "draft"
        await window.press("ctrl+c")
        assert window.prompt.text == ""
        await window.press("ctrl+c")
        assert window.app.is_running
        assert any("Again to leave" in toast for toast in window.told)
        await window.press("ctrl+c")
        await window.left()
        assert window.app.return_code == 0


async def test_ctrl_c_copies_what_is_selected_in_the_prompt(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.write("some words")
        await window.press("f7", "ctrl+c")
        assert window.app.clipboard == "some words"
        assert window.prompt.text == "some words"


@pytest.mark.parametrize("way", ["/quit", "/exit", "ctrl+q"])
async def test_ways_to_leave(open_window: Any, way: str) -> None:
    async with open_window() as window:
        await window.ready()
        if way.startswith("/"):
            await window.say(way)
        else:
            await window.press(way)
        await window.left()


async def test_an_unknown_command_stays_in_the_prompt(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/hlep me")
        assert window.prompt.text == "/hlep me"
        assert any("Did you mean /help?" in toast for toast in window.told)
        assert window.messages == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [("//help is a word", "/help is a word"), ("// a comment", "// a comment"), ("//hlep", "//hlep")],
)
async def test_two_slashes_before_the_name_of_a_command_send_one(open_window: Any, written: str, meant: str) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say(written)
        await window.answered()
        assert window.texts[0] == meant


async def test_completing_a_command(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.write("/mo")
        assert window.chat.composer.completion.display
        await window.press("tab")
        assert window.prompt.text == "/model "
        assert not window.prompt.completing
        window.prompt.fill("")
        await window.write("/")
        await window.press("escape")
        assert not window.chat.composer.completion.display
        assert window.prompt.text == "/"


async def test_enter_runs_the_chosen_command(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.write("/he")
        await window.press("enter")
        await window.dialog(HelpScreen)
        await window.press("escape")
        assert window.prompt.text == ""


async def test_editing_makes_another_version_and_brings_the_draft_back(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        await window.ready()
        await window.say("old words")
        await window.answered()
        await window.write("draft")
        view = window.chat.view
        view.post_message(view.ActionRequested("edit", window.messages[0].id))
        await window.until(lambda: window.prompt.text == "old words", "the message is in the prompt")
        assert window.chat.composer.marker == "editing"
        await window.press("escape")
        assert (window.prompt.text, window.chat.composer.marker) == ("draft", "")
        view.post_message(view.ActionRequested("edit", window.messages[1].id))
        await window.until(lambda: window.prompt.text == "old words", "a reply stands for its question")
        window.prompt.fill("new words")
        await window.press("enter")
        await window.until(lambda: window.texts == ["new words", "two"], "another version was answered")
        assert window.prompt.text == "draft"
        assert (window.messages[0].sibling, window.messages[0].siblings) == (2, 2)


async def test_asking_again_and_going_back_to_the_version_before(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        view = window.chat.view
        view.post_message(view.ActionRequested("regenerate", window.messages[1].id))
        await window.until(lambda: window.texts == ["hello", "two"], "another version")
        await window.until(lambda: not window.busy, "the turn ended")
        view.post_message(view.ActionRequested("previous", window.messages[1].id))
        await window.until(lambda: window.texts == ["hello", "one"], "the version before")
        assert (window.messages[1].sibling, window.messages[1].siblings) == (1, 2)


async def test_keys_go_from_version_to_version(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        await window.press("shift+tab", "r")
        await window.until(lambda: window.texts == ["hello", "two"], "another version")
        await window.until(lambda: not window.busy, "the turn ended")
        for key, shown in (("left", "one"), ("right", "two"), ("left", "one")):
            await window.press(key)
            await window.until(lambda shown=shown: window.texts == ["hello", shown], f"{key}: {shown}")
            assert window.chat.view.chosen == window.messages[1].id


async def test_a_fork_is_opened(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        await window.ready()
        await window.say("first")
        await window.answered(1)
        await window.say("second")
        await window.answered(2)
        before = window.session.id
        view = window.chat.view
        view.post_message(view.ActionRequested("fork", window.messages[1].id))
        await window.until(lambda: window.texts == ["first", "one"], "the fork is on the screen")
        assert window.session.id != before


async def test_wishes_that_change_a_streaming_conversation_are_refused(open_window: Any) -> None:
    script, event = held("one")
    async with open_window([script]) as window:
        await window.ready()
        await window.say("go")
        await window.streams("one")
        view = window.chat.view
        for kind in ("edit", "regenerate", "continue"):
            view.post_message(view.ActionRequested(kind, window.messages[0].id))
        await window.until(lambda: len(window.told) >= 1, "it is said")
        assert all("being written" in toast for toast in window.told if "demo" not in toast and "Demo" not in toast)
        event.set()
        await window.answered()
        assert window.texts == ["go", "one rest"]


async def test_copying_a_turn_copies_its_source(open_window: Any) -> None:
    async with open_window([spoken("# Title\n\n- a")]) as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        view = window.chat.view
        view.post_message(view.ActionRequested("copy", window.messages[1].id))
        await window.until(lambda: window.app.clipboard == "# Title\n\n- a", "it is in the clipboard")


async def test_shift_tab_goes_to_the_turns_and_back(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("shift+tab")
        assert window.chat.view.has_focus
        assert window.chat.line.keys[-1].key == "question_mark"
        await window.press("escape")
        assert window.prompt.has_focus
        assert window.chat.line.keys[-1].key == "f1"


async def test_an_engine_that_cannot_be_opened_is_said_and_tried_again(open_window: Any) -> None:
    gate = asyncio.Event()
    async with open_window(broken=ReadOnly("The data folder cannot be written."), gate=gate) as window:
        await window.say("kept")
        gate.set()
        await window.until(lambda: window.chat.line.model.state == "failed", "it failed")
        shown = window.notice
        assert shown.text == "The data folder cannot be written."
        assert [hint.key for hint in shown.keys] == ["ctrl+r", "ctrl+q"]
        assert window.prompt.text == "kept"
        await window.press("ctrl+r")
        await window.ready()
        assert window.notice is None
        await window.press("enter")
        await window.answered()


async def test_a_model_that_is_away_is_said_above_the_prompt_and_retried(open_window: Any) -> None:
    backend = ScriptedBackend([spoken("back")], away=Unreachable("Nothing answers. Start the server."))
    async with open_window(backend=backend) as window:
        await window.until(lambda: window.chat.line.model.state == "away", "it is away")
        shown = window.notice
        assert shown.text == "Nothing answers. Start the server."
        assert [hint.label for hint in shown.keys] == ["try again", "choose another"]
        assert window.app.screen is window.chat
        backend.away = None
        await window.press("ctrl+r")
        await window.until(lambda: window.chat.line.model.state == "ready", "it is back")
        assert window.notice is None


async def test_an_error_stands_once_on_the_screen(open_window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "TURN_SERVER_WAIT_S", 0.1)
    backend = ScriptedBackend([spoken("back")], away=Unreachable("Nothing answers. Start the server."))
    async with open_window(backend=backend) as window:
        await window.until(lambda: "Nothing answers" in window.painted, "the model is away")
        await window.say("hello")
        await window.until(lambda: "does not answer" in window.painted, "the reply says why")
        await window.until(lambda: window.painted.count("Nothing answers") == 1, "it is said once")
        await window.say("/new")
        await window.until(lambda: "Nothing answers" in window.painted, "nothing else says why")


async def test_a_message_waits_for_a_server_that_is_away_and_is_answered_when_it_is_back(open_window: Any) -> None:
    backend = ScriptedBackend([spoken("back")], away=Unreachable("Nothing answers."))
    async with open_window(backend=backend) as window:
        await window.until(lambda: window.chat.line.model.state == "away", "it is away")
        await window.say("hello")
        await window.shows("waits for the server")
        assert window.busy
        backend.away = None
        await window.answered()
        assert window.texts == ["hello", "back"]
        assert window.notice is None


async def test_what_could_not_be_answered_is_answered_when_the_model_is_back(
    open_window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate_module, "TURN_SERVER_WAIT_S", 0)
    backend = ScriptedBackend([spoken("back")], away=Unreachable("Nothing answers."))
    async with open_window(backend=backend) as window:
        await window.until(lambda: window.chat.line.model.state == "away", "it is away")
        await window.say("hello")
        await window.until(lambda: window.messages and not window.busy, "it was tried")
        assert window.texts[0] == "hello"
        backend.away = None
        await window.press("ctrl+r")
        await window.answered()
        assert window.texts == ["hello", "back"]


async def test_another_key_for_a_binding(open_window: Any) -> None:
    async with open_window(look=FirstFrameSettings(keys={"prompt.send": "ctrl+y"})) as window:
        await window.ready()
        await window.write("hello")
        await window.press("ctrl+y")
        await window.answered()
        assert window.chat.line.keys[0].key == "ctrl+y"
        assert any("prompt.redo does not have it any more" in notice.sentence for _, notice in window.app.notices.kept)


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (120, 40), (200, 60)])
async def test_every_size_shows_the_prompt(open_window: Any, size: tuple[int, int]) -> None:
    async with open_window(size=size) as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        region = window.prompt.region
        assert region.height >= 1
        assert window.app.screen.region.contains_region(region)
        assert window.chat.view.size.height >= 1
        boxed = size[0] >= 100 and size[1] >= 18
        assert (window.chat.query_one("#prompt-box").styles.border_top[0] == "round") is boxed


async def test_thinking_loading_and_reading_are_shown(open_window: Any) -> None:
    event = asyncio.Event()
    script = Script((Read(10, 100), Say("hm", thinking=True), Hold(event), Say("so")))
    async with open_window([script]) as window:
        await window.ready()
        await window.say("think")
        await window.until(
            lambda: [turn.content.thinking for turn in window.chat.view.turn_layout.turns][1:] == ["hm"], "it thinks"
        )
        event.set()
        await window.answered()
        assert window.messages[-1].thinking == "hm"


async def test_details_and_code_of_a_turn(open_window: Any) -> None:
    async with open_window([spoken("```py\nx = 1\n```\n")]) as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        view = window.chat.view
        view.post_message(view.ActionRequested("copy_code", window.messages[1].id))
        await window.until(lambda: window.app.clipboard == "x = 1", "the code is copied")
        view.post_message(view.ActionRequested("copy_code", window.messages[0].id))
        await window.tells("no code")
        view.post_message(view.ActionRequested("details", window.messages[1].id))
        await window.dialog(DetailsDialog)
        view.post_message(view.ActionRequested("copy", "no-such-message"))


async def test_asking_again_by_command(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        await window.ready()
        await window.say("/retry")
        assert any("no message yet" in toast for toast in window.told)
        await window.say("hello")
        await window.answered()
        await window.say("/retry")
        await window.until(lambda: window.texts == ["hello", "two"], "another answer")


async def test_going_on_with_nothing_says_so(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("ctrl+r")
        await window.tells("nothing to go on with")


async def test_another_window_that_was_faster_makes_the_message_wait(open_window: Any) -> None:
    script, event = held("theirs")
    async with open_window([spoken("one"), script, spoken("two")]) as window:
        await window.ready()
        await window.say("first")
        await window.answered()
        session = window.session

        async def elsewhere() -> None:
            async for _ in window.engine.chat.send(session.id, "elsewhere", key="k" * 16):
                pass

        # Sent in the same moment: this window does not know of the other one's turn yet.
        other = asyncio.create_task(elsewhere())
        window.send("mine")
        await window.until(lambda: window.queued or "mine" in window.texts, "it waits or goes")
        event.set()
        await other
        await window.until(lambda: "mine" in window.texts, "it was sent in the end")
        await window.until(lambda: not window.busy, "all is said")
        assert sorted(text for text in window.texts if text in ("first", "elsewhere", "mine")) == [
            "elsewhere",
            "first",
            "mine",
        ]


async def test_a_turn_that_is_dropped_before_its_first_step_leaves_nothing_counted(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        turns = window.chat.controller.turns
        turns.send_waiting()
        assert turns.writing
        window.app.workers.cancel_all()
        await window.until(lambda: not turns.writing, "nothing is counted")
        assert not turns.busy
        await window.say("hello")
        await window.answered()


async def test_of_turns_that_wait_one_that_is_dropped_holds_nobody_up(open_window: Any) -> None:
    script, go_on = held("one")
    async with open_window([script, spoken("two"), spoken("three")]) as window:
        await window.ready()
        await window.say("first")
        await window.until(lambda: "first" in window.texts, "it is under way")
        before = set(window.app.workers)
        turns = window.chat.controller.turns
        turns.send("dropped")
        for worker in set(window.app.workers) - before:
            worker.cancel()
        turns.send("last")
        go_on.set()
        await window.answered(2)
        assert [text for text in window.texts if text in ("first", "dropped", "last")] == ["first", "last"]
        assert not turns.busy


async def test_a_store_that_fails_gives_the_message_back(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()

        async def full(*args: Any, **kwargs: Any) -> Any:
            raise DiskFull("There is no space left. Free some and send again.")
            yield

        window.engine.chat.send = full
        await window.say("precious")
        await window.until(lambda: window.prompt.text == "precious", "it is back in the prompt")
        assert window.messages == []
        assert any("no space left" in toast for toast in window.told)


async def test_an_engine_that_moved_is_said_and_everything_is_read_again(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("first")
        await window.answered()
        window.hear(EngineMoved(here=True))
        await window.tells("this window runs it now")
        await window.idle()
        assert window.texts == ["first", "An answer."]


async def test_a_notice_of_the_engine_is_told_and_kept(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        window.hear(Notice("A thing", "It happened [/].", "warning"))
        await window.until(lambda: "It happened [/]." in window.told, "it is told")
        assert window.app.notices.kept[-1][1].severity == "warning"


async def test_a_paste_while_the_turns_have_the_focus_goes_to_the_prompt(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("shift+tab")
        window.app.post_message(events.Paste("pasted\x1b[31m"))
        await window.until(lambda: window.prompt.text == "pasted", "it is in the prompt")
        assert window.prompt.has_focus


@pytest.mark.parametrize("text", ["hello", "/"])
async def test_the_prompt_is_in_sight_below_a_standing_notice_in_a_tiny_terminal(open_window: Any, text: str) -> None:
    async with open_window(size=(20, 5)) as window:
        await window.ready()
        keys = (KeyHint("ctrl+r", "try again"), KeyHint("ctrl+l", "choose another"))
        window.chat.composer.set_banner(
            "role", Banner("The file is cut off or damaged. Fetch it again.", keys, "error")
        )
        await window.write(text)
        await window.pilot.pause()
        assert window.prompt.region.bottom == 5
        assert window.prompt.region.height == 1
        assert window.chat.composer.banner.render().plain.splitlines()[-1].strip().startswith("ctrl+r")


async def test_the_last_line_says_how_fast_is_written_while_something_is(open_window: Any) -> None:
    gate = asyncio.Event()
    async with open_window([Script((Say("Begin"), Hold(gate), Say(" and end")))]) as window:
        await window.ready()
        asked = 0

        async def activity() -> CallActivity:
            nonlocal asked
            asked += 1
            return CallActivity(
                (RunningCall(ModelRef(BackendName.SCRIPTED, "demo"), None, CallKind.CHAT, 0.0, 61, 38.0),)
            )

        window.controller.engine.metrics.activity = activity
        await window.say("hello")
        await window.until(lambda: window.chat.line.speed == 38.0, "it is looked at")
        gate.set()
        await window.answered()
        await window.until(lambda: window.chat.line.speed is None, "nothing is written any more")
        before = asked
        await window.pilot.pause(SPEED_EVERY_S * 1.5)
        assert asked == before
