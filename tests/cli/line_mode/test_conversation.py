"""Line mode: what it reads, writes and says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tale_tui.cli.follow import figures, follow
from tale_tui.cli.line_mode.conversation import LineConversation
from tale_tui.cli.stdin import InputLines
from tale_tui.domain.conversation import Session
from tale_tui.domain.errors import EngineLost, MessageTooLong, NoModel
from tale_tui.domain.events import (
    ModelLoading,
    PromptProgress,
    Routed,
    TextDelta,
    ThinkingDelta,
    TurnCancelled,
    TurnEvent,
    TurnFailed,
)
from tale_tui.domain.models import BackendName, BackendReport, ModelInfo, ModelRef, Role, Usage

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


async def talk(engine: Any, *lines: str, interactive: bool = False, **more: Any) -> tuple[LineConversation, Written]:
    written = Written()
    conversation = LineConversation(engine, given(list(lines)), written.take, written.told.append, interactive, **more)
    assert await conversation.run()
    return conversation, written


def sent(engine: Any) -> list[tuple[str, str]]:
    return [(call[1], call[2]) for call in engine.calls if call[0] == "send"]


async def test_each_line_is_answered_in_one_session(engine: Any) -> None:
    _, written = await talk(engine, "one", "", "  two  ")
    assert sent(engine) == [("new0aaaa", "one"), ("new0aaaa", "two")]
    assert written.out == "It is so.\nIt is so.\n"
    assert written.told == []


@pytest.mark.parametrize("word", ["exit", "EXIT", "quit", "/quit", "/exit"])
async def test_a_word_leaves(engine: Any, word: str) -> None:
    await talk(engine, "one", word, "never")
    assert [text for _, text in sent(engine)] == ["one"]


async def test_a_person_gets_prompts_and_states_in_words(engine: Any) -> None:
    _, written = await talk(engine, "one", interactive=True)
    assert written.out == "You: Answer: It is so.\nYou: \n"
    assert written.told == [
        "Line mode. Write a message, /help for commands, exit to leave.",
        "(0.31 s, 38 tok/s, 3 tok)",
    ]


async def test_nothing_is_drawn_coloured_or_written_over(engine: Any) -> None:
    _, written = await talk(engine, "one", "/help", "/sessions", "/model", interactive=True)
    everything = written.out + "".join(written.told)
    assert all(char.isprintable() or char == "\n" for char in everything)


async def test_a_session_goes_on(engine: Any) -> None:
    engine.known = [Session("abcd2345", "Old", 0, 0)]
    await talk(engine, "one", session=engine.known[0])
    assert sent(engine) == [("abcd2345", "one")]


async def test_new_begins_another_session(engine: Any) -> None:
    await talk(engine, "one", "/new", "two")
    assert sent(engine) == [("new0aaaa", "one"), ("new1aaaa", "two")]


async def test_sessions_lists_and_opens(engine: Any) -> None:
    engine.known = [Session("abcd2345", "Fibonacci", 0, 0, turns=12)]
    _, written = await talk(engine, "/sessions", "/sessions ab", "on")
    assert written.told == ["abcd  Fibonacci, 12 turns", "This goes on: Fibonacci, 12 turns."]
    assert sent(engine) == [("abcd2345", "on")]


async def test_without_sessions_it_says_so(engine: Any) -> None:
    _, written = await talk(engine, "/sessions")
    assert written.told == ["No sessions yet. The first message begins one."]


async def test_model_says_who_answers_and_what_there_is(engine: Any) -> None:
    engine.reports = [BackendReport(BackendName.OLLAMA, True, models=(ModelInfo(REF),))]
    _, written = await talk(engine, "/model")
    assert written.told == ["Answering: ollama/qwen2.5:7b, ready. ", "Installed: ollama/qwen2.5:7b"]


async def test_model_lets_another_one_answer(engine: Any) -> None:
    _, written = await talk(engine, "/model embedded/mine", "one", ref=REF)
    assert ("use", Role.UX, ModelRef(BackendName.EMBEDDED, "mine")) in engine.calls
    assert engine.calls[-1][3] is None
    assert written.told == ["embedded/mine answers from now on."]


async def test_system_shows_and_sets(engine: Any) -> None:
    _, written = await talk(engine, "/system", "/system Be brief.")
    assert written.told == ["System prompt: the one of the settings", "System prompt: Be brief."]
    assert ("set_system", "new0aaaa", "Be brief.") in engine.calls


async def test_export_prints_markdown(engine: Any) -> None:
    _, written = await talk(engine, "one", "/export")
    assert written.out.endswith("# Title\n\nWords.\n")


async def test_export_writes_a_new_file_and_never_over_one(engine: Any, tmp_path: Path) -> None:
    file = tmp_path / "talk.md"
    _, written = await talk(engine, "one", f"/export {file}", f"/export {file}")
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
    conversation, written = await talk(engine, line, "one")
    assert says in written.told[0]
    assert [text for _, text in sent(engine)] == ["one"]
    assert conversation.failed is not None


async def test_a_failed_answer_is_said_and_it_goes_on(engine: Any) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TextDelta("Half", 1), TurnFailed(reply, "Too long", "It broke off.", "broken_stream"))
    conversation, written = await talk(engine, "one", "two")
    assert written.out == "Half\nHalf\n"
    assert written.told == ["The answer broke off: It broke off."] * 2
    assert conversation.failed is not None
    assert engine.closed_turns == 2


async def test_without_a_model_a_script_ends_and_a_person_goes_on(engine: Any) -> None:
    engine.errors["chat.send"] = NoModel("Nothing was found.")
    await talk(engine, "one", "two")
    assert [text for _, text in sent(engine)] == ["one"]
    await talk(engine, "three", "four", interactive=True)
    assert [text for _, text in sent(engine)] == ["one", "three", "four"]


async def test_a_message_that_cannot_be_sent_is_said(engine: Any) -> None:
    engine.errors["chat.send"] = MessageTooLong("It has 9,000 tokens and 8,192 fit.")
    _, written = await talk(engine, "one")
    assert written.told == ["It has 9,000 tokens and 8,192 fit."]


async def test_an_answer_stopped_elsewhere_is_said(engine: Any) -> None:
    reply = engine.answer("s", "t", "k", None)[0].reply
    engine.events = (TextDelta("Half", 1), TurnCancelled(reply))
    _, written = await talk(engine, "one")
    assert written.told == ["Stopped in another window. What came is kept."]


async def test_ctrl_c_stops_the_answer_and_at_the_prompt_the_conversation(engine: Any) -> None:
    begun, asked_again, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    written = Written()

    async def endless(*_: object, **__: object) -> AsyncGenerator[TurnEvent, None]:
        try:
            yield TextDelta("Half", 1)
            begun.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def lines() -> AsyncIterator[str]:
        yield "one"
        asked_again.set()
        await asyncio.Event().wait()

    engine.chat.send = endless
    conversation = LineConversation(engine, lines(), written.take, written.told.append, interactive=False)
    run = asyncio.create_task(conversation.run())
    await begun.wait()
    conversation.interrupt()
    await asked_again.wait()
    assert closed.is_set()
    assert written.out == "Half\n"
    assert written.told == ["Stopped. What came is kept."]
    conversation.interrupt()
    assert await run is False
    conversation.interrupt()


async def test_cancelling_it_closes_the_answer(engine: Any) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def endless(*_: object, **__: object) -> AsyncGenerator[TurnEvent, None]:
        try:
            begun.set()
            await asyncio.Event().wait()
            yield TextDelta("never", 1)
        finally:
            closed.set()

    engine.chat.send = endless
    run = asyncio.create_task(talk(engine, "one"))
    await begun.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert closed.is_set()


async def test_a_turn_is_handed_out_as_it_happens(engine: Any) -> None:
    started, *_, done = engine.answer("s", "t", "k", None)

    async def events() -> AsyncGenerator[TurnEvent, None]:
        for event in (
            started,
            Routed(REF, "the role's"),
            ModelLoading(REF),
            PromptProgress(64, 128),
            ThinkingDelta("hm", 1),
            ThinkingDelta("hm", 2),
            TextDelta("a", 3),
            done,
        ):
            yield event

    heard: list[Any] = []
    end = await follow(
        events(), text=heard.append, waits=heard.append, reads=lambda ready, total: heard.append((ready, total))
    )
    assert heard == ["loading qwen2.5:7b", (64, 128), "thinking", "a"]
    assert end is done


async def test_a_turn_without_an_end_is_an_error() -> None:
    async def events() -> AsyncGenerator[TurnEvent, None]:
        yield PromptProgress(1, 2)

    with pytest.raises(EngineLost):
        await follow(events(), text=str, waits=str)


def test_figures_leave_out_what_is_unknown() -> None:
    assert figures(None) == []
    assert figures(Usage(completion_tokens=1900)) == ["1.9k tok"]
    assert figures(Usage(ttft_ms=1500.0, tokens_per_second=4.25)) == ["1.50 s", "4.2 tok/s"]


# standard input


async def read_all(content: bytes) -> list[str]:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    try:
        return [line async for line in InputLines(reader)]
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\n\nlast", ["one", "", "last"]),
        ("ä€𝄞\n".encode(), ["ä€𝄞"]),
        (b"bad \xff\n", ["bad \ufffd"]),
        (b"x" * 200_000 + b"\ny\n", ["x" * 200_000, "y"]),
    ],
    ids=["nothing", "lines", "unended", "wide", "no text", "long"],
)
async def test_lines_of_standard_input(content: bytes, lines: list[str]) -> None:
    if len(content) <= 60_000:
        assert await read_all(content) == lines
        return
    reader, writer = os.pipe()
    feeding = asyncio.create_task(asyncio.to_thread(feed, writer, content))
    assert [line async for line in InputLines(reader)] == lines
    await feeding
    os.close(reader)


async def test_no_more_is_read_than_is_soon_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.cli.stdin.LINES_AHEAD", 3)
    reader, writer = os.pipe()
    feeding = asyncio.create_task(asyncio.to_thread(feed, writer, b"yes\n" * 50_000))
    lines = InputLines(reader)
    for _ in range(10):
        assert await anext(lines) == "yes"
    assert lines._queue.qsize() <= 3
    assert not feeding.done(), "the rest waits in the pipe"
    assert len([line async for line in lines]) == 50_000 - 10
    await feeding
    os.close(reader)


async def test_a_line_that_does_not_end_is_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.cli.stdin.CHARACTERS_MAX", 1000)
    assert "".join(await read_all(b"x" * 5000)) == "x" * 5000


def feed(writer: int, content: bytes) -> None:
    while content:
        content = content[os.write(writer, content) :]
    os.close(writer)


async def test_a_line_comes_when_it_is_there(engine: Any) -> None:
    reader, writer = os.pipe()
    lines = InputLines(reader)
    os.write(writer, b"eins\nzw")
    assert await anext(lines) == "eins"
    os.write(writer, "ö\n".encode())
    assert await anext(lines) == "zwö"
    os.close(writer)
    with pytest.raises(StopAsyncIteration):
        await anext(lines)
    os.close(reader)
