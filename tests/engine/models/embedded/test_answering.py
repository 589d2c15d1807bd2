"""Answers of a process that can be stopped, die, fall silent or talk nonsense."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing
from typing import Any

import pytest

from support.waiting import until
from tale_tui.domain.errors import BackendCrashed, ModelError, NotAvailable, Refused, TimedOut
from tale_tui.domain.models import FinishReason
from tale_tui.engine.models.backend import ChatMessage, Finished
from tale_tui.engine.models.embedded import backend as embedded
from tale_tui.engine.models.embedded import process as embedded_process
from tale_tui.engine.models.files.starter import STARTER_REPEAT_PENALTY, STARTER_TEMPERATURE

# a test may wait for its files

pytestmark = pytest.mark.process


async def test_what_is_asked_of_the_library(bench: Any) -> None:
    backend = bench.backend()
    await bench.ask(backend, "say it", temperature=0.5, think=False)
    assert bench.body == {
        "messages": [{"role": "user", "content": "say it"}],
        "max_tokens": 50,
        "temperature": 0.5,
        "chat_template_kwargs": {"enable_thinking": False},
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "timings_per_token": True,
    }
    await bench.ask(backend, "say it")
    assert {"temperature", "repeat_penalty", "chat_template_kwargs"}.isdisjoint(bench.body)


async def test_the_starter_is_asked_so_that_it_finds_an_end(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "STARTER_NAME", "m")
    backend = bench.backend()
    await bench.ask(backend, "say it")
    assert (bench.body["temperature"], bench.body["repeat_penalty"]) == (STARTER_TEMPERATURE, STARTER_REPEAT_PENALTY)
    await bench.ask(backend, "say it", temperature=0.5)
    assert (bench.body["temperature"], "repeat_penalty" in bench.body) == (0.5, False)


@pytest.mark.parametrize(
    ("partial", "sent", "came", "new"),
    [
        ("", None, "on", "on"),
        (" \n", None, "on", "on"),
        ("One two", "One two", " three", " three"),
        ("One two ", "One two", " three", "three"),
        ("One two ", "One two", ", three", ", three"),
    ],
)
async def test_a_partial_answer_is_continued(
    bench: Any, monkeypatch: pytest.MonkeyPatch, partial: str, sent: str | None, came: str, new: str
) -> None:
    monkeypatch.setenv("FAKE_CONTINUATION", came)
    assert bench.text_of(await bench.ask(bench.backend(), f"say {came}", continue_text=partial)) == new
    last = bench.body["messages"][-1]
    assert last == ({"role": "assistant", "content": sent} if sent else {"role": "user", "content": f"say {came}"})


async def test_lone_surrogates_do_not_reach_the_library(bench: Any) -> None:
    await bench.ask(bench.backend(), "say \ud83d")
    assert bench.body["messages"][0]["content"] == "say ?"


async def test_the_answer_passes_the_border(bench: Any) -> None:
    assert bench.text_of(await bench.ask(bench.backend(), "say a\x1b[2Jb")) == "ab"


async def test_one_process_answers_one_after_another(bench: Any) -> None:
    backend = bench.backend()
    answers = await asyncio.gather(*(bench.ask(backend, f"say {number}") for number in range(5)))
    assert [bench.text_of(answer) for answer in answers] == ["0", "1", "2", "3", "4"]
    finished = [event for answer in answers for event in answer if isinstance(event, Finished)]
    assert [one.reason for one in finished] == [FinishReason.STOP] * 5
    assert [bool(one.load_ms) for one in finished] == [True, False, False, False, False]
    assert len(bench.children()) == 1


@pytest.mark.parametrize(
    ("number", "error", "told"),
    [
        (signal.SIGKILL, BackendCrashed, "memory"),
        (signal.SIGBUS, BackendCrashed, "changed while it was in use"),
        (signal.SIGSEGV, BackendCrashed, "SIGSEGV"),
        (signal.SIGILL, NotAvailable, "AVX2"),
    ],
)
async def test_a_process_that_dies_in_an_answer_says_so_and_comes_back(
    bench: Any, number: int, error: type[ModelError], told: str
) -> None:
    backend = bench.backend()
    came, raised = await bench.error(backend, f"die {int(number)}")
    assert came == "half"
    assert isinstance(raised, error)
    assert told in raised.sentence
    assert bench.text_of(await bench.ask(backend, "say back")) == "back"


async def gone(backend: Any) -> bool:
    return not await backend.loaded()


async def test_a_process_that_died_while_nobody_looked_is_started_anew(bench: Any) -> None:
    backend = bench.backend()
    await bench.ask(backend, "say on")
    (child,) = bench.children()
    child.kill()
    await until(lambda: gone(backend), "its end is noticed")
    assert await backend.count_tokens("m", (ChatMessage("user", "x"),)) is None
    assert bench.text_of(await bench.ask(backend, "say back")) == "back"
    assert [other.pid for other in bench.children()] != [child.pid]


async def test_a_stop_is_heeded_and_the_process_lives(bench: Any) -> None:
    backend = bench.backend()
    async with aclosing(backend.chat(bench.asking("slow"))) as events:
        await anext(events)
    before = bench.children()
    assert bench.text_of(await bench.ask(backend, "say next")) == "next"
    assert bench.children() == before


async def test_a_task_that_is_cancelled_stops_the_answer(bench: Any) -> None:
    backend = bench.backend()
    await backend.load("m", None)
    before = bench.children()
    task = asyncio.create_task(bench.ask(backend, "slow"))
    await bench.until((bench.folder / "body.json").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.text_of(await bench.ask(backend, "say next")) == "next"
    assert bench.children() == before


async def test_a_stop_that_is_not_heeded_kills_the_process(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_process, "CHILD_STOP_TIMEOUT_S", 0.1)
    backend = bench.backend()
    async with aclosing(backend.chat(bench.asking("deaf"))) as events:
        await anext(events)
    (before,) = bench.children()
    assert bench.text_of(await bench.ask(backend, "say next")) == "next"
    assert [child.pid for child in bench.children()] != [before.pid]


async def test_who_waits_and_gives_up_does_not_disturb_the_others(bench: Any) -> None:
    backend = bench.backend()
    async with aclosing(backend.chat(bench.asking("slow"))) as events:
        await anext(events)
        waiting = [asyncio.create_task(bench.ask(backend, f"say {number}")) for number in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
    assert bench.text_of(await waiting[0]) == "0"
    assert bench.text_of(await waiting[2]) == "2"


@pytest.mark.parametrize(("text", "limits"), [("silent", {"first_token_s": 0.5}), ("deaf", {"silence_s": 0.3})])
async def test_a_model_that_says_nothing_is_not_waited_for_for_ever(
    bench: Any, monkeypatch: pytest.MonkeyPatch, text: str, limits: dict[str, float]
) -> None:
    monkeypatch.setattr(embedded_process, "CHILD_STOP_TIMEOUT_S", 0.1)
    backend = bench.backend(limits=limits)
    await backend.load("m", None)
    with pytest.raises(TimedOut, match="took too long"):
        await bench.ask(backend, text)


@pytest.mark.parametrize("text", ["raise Cannot have 2 assistant messages", "error Compute error."])
async def test_a_conversation_that_is_refused_leaves_the_process_alone(bench: Any, text: str) -> None:
    backend = bench.backend()
    with pytest.raises(Refused, match="log"):
        await bench.ask(backend, text)
    before = bench.children()
    assert bench.text_of(await bench.ask(backend, "say on")) == "on"
    assert bench.children() == before


async def test_a_fault_of_the_process_itself_ends_it(bench: Any) -> None:
    backend = bench.backend()
    with pytest.raises(BackendCrashed):
        await bench.ask(backend, "fault")
    assert "ZeroDivisionError" in bench.log.read_text()
    assert bench.text_of(await bench.ask(backend, "say on")) == "on"


async def test_a_process_that_babbles_is_ended(bench: Any) -> None:
    backend = bench.backend()
    with pytest.raises(BackendCrashed):
        await bench.ask(backend, "garbage")
    assert bench.text_of(await bench.ask(backend, "say on")) == "on"


async def test_a_count_that_takes_too_long_is_done_without(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.engine.models.embedded.backend.EMBEDDED_COUNT_TIMEOUT_S", 0.0)
    backend = bench.backend()
    await backend.load("m", None)
    assert await backend.count_tokens("m", (ChatMessage("user", "x"),)) is None


async def test_a_library_that_does_not_count_is_done_without(bench: Any) -> None:
    backend = bench.backend()
    await backend.load("m", None)
    assert await backend.count_tokens("m", (ChatMessage("user", "x"),)) is None
    assert bench.text_of(await bench.ask(backend, "say on")) == "on"
