"""Tasks that ask models, on a whole engine: cancelled, continued, done by the other model, shown little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from support import waiting
from tale_tui.config.settings import OpenAISettings, Settings
from tale_tui.domain.errors import BackendCrashed, ModelNotFound, Unreachable
from tale_tui.domain.events import StepReading, TaskSeen, TaskStarted
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Role
from tale_tui.domain.tasks import Task, TaskDetail, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.openai.backend import OpenAIBackend
from tale_tui.engine.models.scripted import Fail, Hold, Read, Say, Script, ScriptedBackend, spoken

Start = Callable[..., Awaitable[Engine]]
SCRIPTED = BackendName.SCRIPTED
BIG, SMALL = "scripted/big", "scripted/small"
WAIT_S = 20.0


def backend(answers: Any) -> dict[BackendName, Any]:
    return {SCRIPTED: ScriptedBackend(answers, models=("big", "small"))}


async def until(engine: Engine, task: Task, *states: TaskState) -> TaskDetail:
    async with asyncio.timeout(WAIT_S), aclosing(engine.tasks.follow(task.id)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state in states:
                return event.detail
    raise AssertionError("it ended otherwise")


@pytest.mark.parametrize("before", [(), (Read(10, 100),), (Say("so "), Say("far"))], ids=["asked", "prefill", "stream"])
async def test_a_cancelled_task_has_let_go_of_the_model(start_engine: Start, before: tuple[Any, ...]) -> None:
    backends = backend([Script((*before, Hold(asyncio.Event())))])
    engine = await start_engine(backends, task=BIG, ux=SMALL)
    task = await engine.tasks.submit("count to ten", key="k" * 16)
    await waiting.until(lambda: backends[SCRIPTED].open_streams == 1, "it streams")
    await asyncio.sleep(0)
    cancelled = await engine.tasks.cancel(task.id)
    assert backends[SCRIPTED].open_streams == 0
    assert cancelled.state is TaskState.CANCELLED
    wanted = "".join(step.text for step in before if isinstance(step, Say))
    assert (await engine.tasks.get(task.id)).steps[0].text == wanted


@dataclass
class Slow:
    """A server of models that answers slowly, and knows when a client hangs up."""

    first: bytes = b""
    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET"):
                    body = b'{"object":"list","data":[{"id":"big","object":"model"}]}'
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                    writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                    continue
                if self.first:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
                    writer.write(b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(self.first), self.first))
                self.asked.set()
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                await reader.read()
                self.left.set()
                break
        writer.close()


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    one = Slow()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yield one
    server.close()


@pytest.mark.parametrize("first", [b"", b'data: {"choices":[{"index":0,"delta":{"content":"Once"}}]}\n\n'])
async def test_a_cancelled_task_hangs_up(start_engine: Start, slow: Slow, first: bytes) -> None:
    slow.first = first
    settings = Settings(openai=OpenAISettings(base_url=slow.url))
    backends = backend([spoken("hi")]) | {BackendName.OPENAI: OpenAIBackend(settings, None)}
    engine = await start_engine(backends, ux=SMALL, task="openai/big", route={"fallback": False})
    task = await engine.tasks.submit("write a story", key="k" * 16)
    async with asyncio.timeout(WAIT_S):
        await slow.asked.wait()
        await engine.tasks.cancel(task.id)
        await slow.left.wait()


async def test_the_other_model_stands_in_and_that_is_said(start_engine: Start) -> None:
    def answer(request: Any) -> Script:
        if request.model == "big":
            return Script((Fail(BackendCrashed("Its process ended.")),))
        return spoken("Done by the small one.")

    backends = backend(answer)
    engine = await start_engine(backends, task=BIG, ux=SMALL)
    detail = await until(engine, await engine.tasks.submit("write a story", key="k" * 16), TaskState.DONE)
    assert detail.result == "Done by the small one."
    assert detail.task.ref == ModelRef(SCRIPTED, "small")
    assert "in place of big" in detail.task.why
    assert any("Its process ended." in entry.what for entry in detail.history)
    assert {request.role for request in backends[SCRIPTED].requests} == {Role.TASK}


async def test_a_model_that_broke_off_is_asked_to_go_on(start_engine: Start) -> None:
    scripts = [Script((Say("Half "), Fail(Unreachable("Away.")))), spoken("and half.")]
    backends = backend(scripts)
    engine = await start_engine(backends, task=BIG, ux=SMALL, tasks={"backoff_s": 0.01})
    detail = await until(engine, await engine.tasks.submit("write a story", key="k" * 16), TaskState.DONE)
    assert detail.result == "Half and half."
    assert [request.continue_text for request in backends[SCRIPTED].requests] == ["", "Half "]


async def test_an_answer_that_is_cut_says_so_and_an_empty_one_is_none(start_engine: Start) -> None:
    scripts = [
        Script((Say("Long"),), FinishReason.LENGTH),
        Script((Say("I think", thinking=True),), FinishReason.LENGTH),
        Script(()),
    ]
    engine = await start_engine(backend(scripts), task=BIG, ux=SMALL, tasks={"retries": 0})
    first, second, third = [await engine.tasks.submit(f"write {n}", key=f"{n}" * 16) for n in "abc"]
    assert "cut off" in (await until(engine, first, TaskState.DONE)).task.why
    assert "tasks.max_tokens" in (await until(engine, second, TaskState.FAILED)).task.error
    assert "without a word" in (await until(engine, third, TaskState.FAILED)).task.error


async def test_a_task_of_a_conversation_is_shown_a_digest_and_fills_its_card(start_engine: Start) -> None:
    backends = backend([spoken(*(["A very long answer."] * 60)), spoken("The result.")])
    engine = await start_engine(backends, task=BIG, ux=SMALL)
    session = await engine.sessions.create()
    async for _ in engine.chat.send(session.id, "Tell me of otters", key="first"):
        pass
    task: Task | None = None
    async for event in engine.chat.send(session.id, "Write a poem of them", key="second", as_task=True):
        if isinstance(event, TaskStarted):
            task = event.task
    assert task is not None
    await until(engine, task, TaskState.DONE)
    card = (await engine.sessions.transcript(session.id)).messages[-1]
    assert (card.text, card.task_id) == ("The result.", task.id)
    shown = backends[SCRIPTED].requests[-1].messages[-1].text
    assert "User: Tell me of otters" in shown
    assert "[...]" in shown
    assert shown.count("Write a poem of them") == 1
    assert len(shown) < 1000


async def test_without_a_model_a_task_fails_with_a_sentence(start_engine: Start) -> None:
    away = ScriptedBackend([spoken("hi")], models=("small",), away=ModelNotFound("It is not there."))
    engine = await start_engine({SCRIPTED: away}, task="scripted/gone", ux=SMALL, route={"fallback": False})
    detail = await until(engine, await engine.tasks.submit("write", key="k" * 16), TaskState.FAILED)
    assert detail.task.error


async def test_who_follows_hears_that_a_prompt_is_read(start_engine: Start) -> None:
    gate = asyncio.Event()
    engine = await start_engine(backend([Script((Read(3, 9), Hold(gate), Say("Done.")))]), task=BIG, ux=SMALL)
    task = await engine.tasks.submit("write", key="k" * 16)
    async with asyncio.timeout(WAIT_S), aclosing(engine.tasks.follow(task.id)) as events:
        async for event in events:
            if isinstance(event, StepReading) and event.total:
                assert (event.done, event.total) == (3, 9)
                gate.set()
    assert (await engine.tasks.get(task.id)).result == "Done."


async def test_an_engine_that_only_reads_runs_nothing(start_engine: Start) -> None:
    backends = backend([spoken("hi")])
    engine = await start_engine(backends, task=BIG, ux=SMALL)
    held = await engine.tasks.submit("write", key="k" * 16, after=())
    await until(engine, held, TaskState.DONE)
    asked = len(backends[SCRIPTED].requests)
    again = await engine.tasks.retry(held.id)
    await engine.tasks.pause(again.id)
    await engine.stop()
    reading = await start_engine(backends, task=BIG, ux=SMALL, read_only=True, load=False)
    assert (await reading.tasks.get(held.id)).task.state is TaskState.PAUSED
    status = await reading.control.status()
    assert (status.can_write, status.works_queue) == (False, False)
    assert len(backends[SCRIPTED].requests) == asked
