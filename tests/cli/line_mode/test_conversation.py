"""Line mode: what it reads, writes and says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.calls import LARGE, SMALL, new_call
from support.dashboard import busy
from support.waiting import until
from tale_tui.cli.line_mode.conversation import LineConversation
from tale_tui.domain.conversation import Session
from tale_tui.domain.errors import BadInput, MessageTooLong, NoModel
from tale_tui.domain.events import (
    Routed,
    TextDelta,
    TextSortedAnew,
    TurnCancelled,
    TurnDone,
    TurnEvent,
    TurnFailed,
)
from tale_tui.domain.metrics import TokenSavings
from tale_tui.domain.models import BackendName, BackendReport, FinishReason, ModelInfo, ModelRef, Role, Usage
from tale_tui.engine.models.scripted import Hold
from tale_tui.formatting.tokens import EMPTY, saved_words

REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")


class Written:
    """What line mode wrote: answers and everything else, in the order in which it came."""

    def __init__(self) -> None:
        self.out = ""
        self.told: list[str] = []

    def take(self, piece: str) -> None:
        self.out += piece


async def given(lines: list[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line


async def run_lines(
    engine: Any, *lines: str, interactive: bool = False, **more: Any
) -> tuple[LineConversation, Written]:
    written = Written()
    conversation = LineConversation(engine, given(list(lines)), written.take, written.told.append, interactive, **more)
    assert await conversation.run()
    return conversation, written


def sent(engine: Any) -> list[tuple[str, str]]:
    return [(call[1], call[2]) for call in engine.calls if call[0] == "send"]


async def test_each_line_is_answered_in_one_session(engine: Any) -> None:
    _, written = await run_lines(engine, "one", "", "  two  ")
    assert sent(engine) == [("new0aaaa", "one"), ("new0aaaa", "two")]
    assert written.out == "It is so.\nIt is so.\n"
    assert written.told == []


@pytest.mark.parametrize("word", ["exit", "EXIT", "quit", "/quit", "/exit"])
async def test_a_word_leaves(engine: Any, word: str) -> None:
    await run_lines(engine, "one", word, "never")
    assert [text for _, text in sent(engine)] == ["one"]


async def test_a_person_gets_prompts_and_states_in_words(engine: Any) -> None:
    _, written = await run_lines(engine, "one", interactive=True)
    assert written.out == "You: Answer: It is so.\nYou: \n"
    assert written.told == [
        "Line mode. Write a message, /help for commands, exit to leave.",
        "(0.31 s, 38 tok/s, 3 tok)",
    ]


async def test_nothing_is_drawn_coloured_or_written_over(engine: Any) -> None:
    _, written = await run_lines(engine, "one", "/help", "/sessions", "/model", interactive=True)
    everything = written.out + "".join(written.told)
    assert all(char.isprintable() or char == "\n" for char in everything)


async def test_a_session_goes_on(engine: Any) -> None:
    engine.known = [Session("abcd2345", "Old", 0, 0)]
    await run_lines(engine, "one", session=engine.known[0])
    assert sent(engine) == [("abcd2345", "one")]


async def test_new_begins_another_session(engine: Any) -> None:
    await run_lines(engine, "one", "/new", "two")
    assert sent(engine) == [("new0aaaa", "one"), ("new1aaaa", "two")]


async def test_sessions_lists_and_opens(engine: Any) -> None:
    engine.known = [Session("abcd2345", "Fibonacci", 0, 0, turns=12)]
    _, written = await run_lines(engine, "/sessions", "/sessions ab", "on")
    assert written.told == ["abcd  Fibonacci, 12 turns", "This goes on: Fibonacci, 12 turns."]
    assert sent(engine) == [("abcd2345", "on")]


async def test_without_sessions_it_says_so(engine: Any) -> None:
    _, written = await run_lines(engine, "/sessions")
    assert written.told == ["No sessions yet. The first message begins one."]


async def test_tokens_are_told_in_words(engine: Any) -> None:
    _, written = await run_lines(engine, "/tokens")
    assert written.told == [EMPTY]
    engine.rows = [new_call(), new_call(LARGE, prompt_tokens=1000, completion_tokens=None)]
    engine.saved = TokenSavings(SMALL, LARGE, 0.7, 0.3, 0.61, 0.5, turns=118, misses=2)
    _, written = await run_lines(engine, "/tokens")
    assert written.told == [
        "hour 1.0k   today 1.0k   month 1.0k   at this pace 4.1k an hour",
        "ollama/qwen3:14b: 1 call, 1,000 prompt, – completion, 1,000 total",
        "ollama/qwen2.5:7b: 1 call, 12 prompt, 3 completion, 15 total",
        "all: 2 calls, 1,012 prompt, 3 completion, 1,015 total",
        "1 call gave no numbers, or not all.",
        saved_words(engine.saved),
    ]


async def test_dashboard_is_told_in_sentences(engine: Any) -> None:
    engine.dashboard = busy
    _, written = await run_lines(engine, "/dashboard")
    assert "The last 1 h: 443 calls, 184k tokens." in written.told
    assert written.out == ""
    assert ("dashboard", 3600.0, "") in engine.calls


async def test_model_says_who_answers_and_what_there_is(engine: Any) -> None:
    engine.reports = [BackendReport(BackendName.OLLAMA, True, models=(ModelInfo(REF),))]
    _, written = await run_lines(engine, "/model")
    assert written.told == ["Answering: ollama/qwen2.5:7b, ready. ", "Installed: ollama/qwen2.5:7b"]


async def test_model_lets_another_one_answer(engine: Any) -> None:
    _, written = await run_lines(engine, "/model embedded/mine", "one", ref=REF)
    assert ("use", Role.UX, ModelRef(BackendName.EMBEDDED, "mine")) in engine.calls
    assert engine.calls[-1][3] is None
    assert written.told == ["embedded/mine answers from now on."]


async def test_system_shows_and_sets(engine: Any) -> None:
    _, written = await run_lines(engine, "/system", "/system Be brief.")
    assert written.told == ["System prompt: the one of the settings", "System prompt: Be brief."]
    assert ("set_system", "new0aaaa", "Be brief.") in engine.calls


async def test_export_prints_markdown(engine: Any) -> None:
    _, written = await run_lines(engine, "one", "/export")
    assert written.out.endswith("# Title\n\nWords.\n")


async def test_export_writes_a_new_file_and_never_over_one(engine: Any, tmp_path: Path) -> None:
    file = tmp_path / "talk.md"
    _, written = await run_lines(engine, "one", f"/export {file}", f"/export {file}")
    assert file.read_text() == "# Title\n\nWords.\n"
    assert written.told[0] == f"Written to {file}"
    assert "File exists" in written.told[1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/nope", "There is no command /nope."),
        ("/", "There is no command /."),
        ("/model qwen", "Write it as BACKEND/MODEL"),
        ("/sessions zz", "No session begins with zz."),
        ("/export", "There is nothing to export yet."),
    ],
)
async def test_a_command_that_cannot_be_done_is_said_and_it_goes_on(engine: Any, line: str, says: str) -> None:
    conversation, written = await run_lines(engine, line, "one")
    assert says in written.told[0]
    assert [text for _, text in sent(engine)] == ["one"]
    assert conversation.failed is not None


async def test_what_only_looks_like_a_command_is_a_message(engine: Any) -> None:
    _, written = await run_lines(engine, "//help me", "// a comment", "//nope", "/etc/hosts is a file")
    assert [text for _, text in sent(engine)] == ["/help me", "// a comment", "//nope", "/etc/hosts is a file"]
    assert written.told == []


async def test_a_failed_answer_is_said_and_it_goes_on(engine: Any) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TextDelta("Half", 1), TurnFailed(reply, "Too long", "It broke off.", "broken_stream"))
    conversation, written = await run_lines(engine, "one", "two")
    assert written.out == "Half\nHalf\n"
    assert written.told == ["The answer broke off: It broke off."] * 2
    assert conversation.failed is not None
    assert engine.closed_turns == 2


async def test_an_answer_without_text_is_said_and_it_goes_on(engine: Any) -> None:
    started, *_, done = engine.answer("s", "t", "k", None)
    engine.events = (started, TurnDone(replace(done.reply, text=" ", finish=FinishReason.TOOL_CALL)))
    conversation, written = await run_lines(engine, "one", "two")
    assert written.out == ""
    assert len(written.told) == 2
    assert "asked for a tool" in written.told[0]
    assert conversation.failed is not None
    assert conversation.failed.code == "model"


async def test_thinking_without_a_beginning_is_no_part_of_a_piped_answer(engine: Any) -> None:
    started, *_, done = engine.answer("s", "t", "k", None)
    came = (TextDelta("two", 1), TextSortedAnew("", "two"), TextDelta("Four.", 2))
    engine.events = (started, Routed(REF, "it talks", certain=False), *came, done)
    _, written = await run_lines(engine, "one")
    assert written.out == "Four.\n"
    _, written = await run_lines(engine, "one", interactive=True)
    assert written.out == "You: Answer: two\nAnswer: Four.\nYou: \n"
    assert "(that was thinking)" in written.told


async def test_a_line_that_is_no_text_is_said_and_the_next_one_asked(engine: Any) -> None:
    class Lines:
        def __init__(self) -> None:
            self.left: list[str | BadInput] = ["one", BadInput("It is not UTF-8."), "three"]

        def __aiter__(self) -> Lines:
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            if isinstance(line := self.left.pop(0), BadInput):
                raise line
            return line

    written = Written()
    conversation = LineConversation(engine, Lines(), written.take, written.told.append, interactive=False)
    assert await conversation.run()
    assert [text for _, text in sent(engine)] == ["one", "three"]
    assert written.told == ["It is not UTF-8."]
    assert isinstance(conversation.failed, BadInput)


async def test_without_a_model_a_script_ends_and_a_person_goes_on(engine: Any) -> None:
    engine.errors["chat.send"] = NoModel("Nothing was found.")
    await run_lines(engine, "one", "two")
    assert [text for _, text in sent(engine)] == ["one"]
    engine.errors["chat.send"] = NoModel("Nothing was found.")
    await run_lines(engine, "three", "four", interactive=True)
    assert [text for _, text in sent(engine)] == ["one", "three", "four"]


async def test_a_message_that_cannot_be_sent_is_said(engine: Any) -> None:
    engine.errors["chat.send"] = MessageTooLong("It has 9,000 tokens and 8,192 fit.")
    _, written = await run_lines(engine, "one")
    assert written.told == ["It has 9,000 tokens and 8,192 fit."]


async def test_an_answer_stopped_elsewhere_is_said(engine: Any) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TextDelta("Half", 1), TurnCancelled(reply))
    _, written = await run_lines(engine, "one")
    assert written.told == ["Stopped in another window. What came is kept."]


def under_way(engine: Any, text: str = "Half") -> tuple[TurnEvent, ...]:
    """A turn in session `s` that another window asked for, of which `text` has come."""
    started, *_, done = engine.answer("s", "theirs", "k", None)
    started = replace(started, reply=replace(started.reply, text=text), so_far=Usage(completion_tokens=1))
    return (started, Routed(REF, "it talks"), TextDelta(" whole", 2), done)


async def test_an_answer_that_comes_in_the_session_is_written_from_all_there_is(engine: Any) -> None:
    engine.elsewhere = [under_way(engine)]
    _, written = await run_lines(engine, session=Session("s", "Tea", 0.0, 0.0))
    assert written.out == "Half whole\n"
    assert written.told == ["An answer that was asked for elsewhere is coming in this session:"]
    assert sent(engine) == []


async def test_a_line_waits_for_the_answers_that_come_and_is_sent_then(engine: Any) -> None:
    engine.elsewhere = [under_way(engine, "First"), under_way(engine, "Second")]
    engine.known = [Session("s", "Tea", 0.0, 0.0)]
    conversation, written = await run_lines(engine, "/sessions s", "mine")
    assert written.out == "First whole\nSecond whole\nIt is so.\n"
    assert sent(engine)[-1] == ("s", "mine")
    assert conversation.failed is None


class Endless:
    """A turn of another window that is followed and does not end."""

    def __init__(self, engine: Any) -> None:
        self.begun = asyncio.Event()
        self._first = under_way(engine)[:2]
        engine.chat.follow_turn = self.follow

    async def follow(self, session_id: str) -> AsyncGenerator[TurnEvent, None]:
        for event in self._first:
            yield event
        self.begun.set()
        await asyncio.Event().wait()


async def test_ctrl_c_stops_an_answer_that_was_asked_for_elsewhere(engine: Any) -> None:
    endless, written = Endless(engine), Written()
    session = Session("s", "Tea", 0.0, 0.0)
    conversation = LineConversation(engine, given([]), written.take, written.told.append, False, session)
    run = asyncio.create_task(conversation.run())
    await endless.begun.wait()
    conversation.interrupt()
    assert await run is True
    assert engine.calls == [("stop_turn", "s", "rk")]
    assert written.out == "Half\n"
    assert written.told[-1] == "Stopped. What came is kept."


async def test_leaving_stops_nothing_that_was_asked_for_elsewhere(engine: Any) -> None:
    endless = Endless(engine)
    run = asyncio.create_task(run_lines(engine, session=Session("s", "Tea", 0.0, 0.0)))
    await endless.begun.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert engine.calls == []


async def test_ctrl_c_stops_the_answer_and_at_the_prompt_the_conversation(engine: Any) -> None:
    asked_again = asyncio.Event()
    written = Written()

    async def lines() -> AsyncIterator[str]:
        yield "one"
        asked_again.set()
        await asyncio.Event().wait()

    engine.events = (TextDelta("Half", 1), Hold(asyncio.Event()))
    conversation = LineConversation(engine, lines(), written.take, written.told.append, interactive=False)
    run = asyncio.create_task(conversation.run())
    await until(lambda: written.out == "Half", "the answer begins")
    conversation.interrupt()
    await until(asked_again.is_set, "the next line is read")
    assert engine.closed_turns == 1
    assert written.out == "Half\n"
    assert written.told == ["Stopped. What came is kept."]
    conversation.interrupt()
    assert await run is False
    conversation.interrupt()


async def test_cancelling_it_closes_the_answer(engine: Any) -> None:
    engine.events = (Hold(asyncio.Event()), TextDelta("never", 1))
    run = asyncio.create_task(run_lines(engine, "one"))
    await until(lambda: sent(engine), "the message is sent")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert engine.closed_turns == 1
