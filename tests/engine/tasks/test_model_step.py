"""Tasks that ask models, on a whole engine: cancelled, continued, done by the other model, shown little."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from support import waiting
from tale_tui.config.settings import OpenAISettings, RouteSettings, Settings
from tale_tui.domain.errors import BackendCrashed, ModelNotFound, Unreachable, WrongState
from tale_tui.domain.events import StepReading, TaskSeen, TaskStarted
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Role
from tale_tui.domain.tasks import Task, TaskDetail, TaskState
from tale_tui.engine.client_actions import give_to_other
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.openai.backend import OpenAIBackend
from tale_tui.engine.models.scripted import Fail, Hold, Read, Say, Script, ScriptedBackend, spoken
from tale_tui.formatting.units import format_probability

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


SIMPLE, HARD = "Write a haiku about rain", "Build a web application with login, a database, an API and tests"
ALL = Settings().route


def by_model(request: Any) -> Script:
    """Each model says who it is."""
    return spoken(f"by {request.model}")


async def test_a_simple_task_is_done_by_the_small_model_as_was_said_before(start_engine: Start) -> None:
    engine = await start_engine(backend(by_model), task=BIG, ux=SMALL)
    foreseen = await engine.learning.forecast(SIMPLE)
    task = await engine.tasks.submit(SIMPLE, key="s" * 16)
    done = (await until(engine, task, TaskState.DONE)).task
    assert task.p_simple is not None
    assert task.p_simple > ALL.simple_from
    assert [str(one.ref) for one in (task, done, foreseen)] == [SMALL] * 3
    said = f"simple {format_probability(task.p_simple)}: small model"
    assert [one.startswith(said) for one in (task.why, done.why, foreseen.route_why)] == [True] * 3
    assert foreseen.route is Role.UX


async def test_what_is_not_simple_or_has_steps_is_done_by_the_big_one(start_engine: Start) -> None:
    engine = await start_engine(backend(by_model), task=BIG, ux=SMALL)
    steps = [{"key": "a", "prompt": "one"}, {"key": "b", "prompt": "two", "role": "ux", "after": ["a"]}]
    hard = await until(engine, await engine.tasks.submit(HARD, key="h" * 16), TaskState.DONE)
    plan = await engine.tasks.submit(SIMPLE, key="p" * 16, plan=json.dumps({"steps": steps}))
    planned = await until(engine, plan, TaskState.DONE)
    assert (str(hard.task.ref), planned.task.p_simple) == (BIG, None)
    assert [step.text for step in planned.steps] == ["by big", "by small"]


async def test_the_setting_turns_it_off(start_engine: Start) -> None:
    route = RouteSettings(simple_tasks="task")
    engine = await start_engine(backend(by_model), task=BIG, ux=SMALL, route=route)
    assert (await engine.learning.forecast(SIMPLE)).route is Role.TASK
    done = await until(engine, await engine.tasks.submit(SIMPLE, key="s" * 16), TaskState.DONE)
    assert (done.result, done.task.why.startswith("works on tasks")) == ("by big", True)


async def test_a_small_one_that_fails_is_stood_in_for_by_the_big_one(start_engine: Start) -> None:
    def answer(request: Any) -> Script:
        return Script((Fail(BackendCrashed("It ended.")),)) if request.model == "small" else by_model(request)

    engine = await start_engine(backend(answer), task=BIG, ux=SMALL)
    done = await until(engine, await engine.tasks.submit(SIMPLE, key="s" * 16), TaskState.DONE)
    assert (done.result, done.task.why) == ("by big", "in place of small, which failed")


async def test_who_hands_it_in_may_say_who_does_it(start_engine: Start) -> None:
    engine = await start_engine(backend(by_model), task=BIG, ux=SMALL)
    task = await engine.tasks.submit(SIMPLE, key="s" * 16, given=Role.TASK)
    done = await until(engine, task, TaskState.DONE)
    assert (done.result, task.given, done.task.why.split(";")[0]) == ("by big", Role.TASK, "you chose it")


async def test_an_answer_of_the_small_one_that_was_not_good_is_written_again_by_the_big_one(
    start_engine: Start,
) -> None:
    engine = await start_engine(backend(by_model), task=BIG, ux=SMALL)
    task = await engine.tasks.submit(SIMPLE, key="s" * 16)
    await until(engine, task, TaskState.DONE)
    again = await give_to_other(engine, task.id)
    assert (str(again.ref), again.state, again.given) == (BIG, TaskState.QUEUED, Role.TASK)
    done = await until(engine, task, TaskState.DONE)
    assert (done.result, done.steps[0].earlier) == ("by big", ("by small",))
    assert (await engine.tasks.retry(task.id)).given is Role.TASK, "what the user chose stays chosen"
    await until(engine, task, TaskState.DONE)
    back = await give_to_other(engine, task.id)
    assert str(back.ref) == SMALL


@pytest.mark.parametrize("state", [TaskState.PAUSED, TaskState.QUEUED, TaskState.RUNNING])
async def test_a_task_that_is_not_done_goes_to_the_other_model_too(start_engine: Start, state: TaskState) -> None:
    go_on = asyncio.Event()

    def answer(request: Any) -> Script:
        return Script((Say("by small, "), Hold(go_on))) if request.model == "small" else by_model(request)

    engine = await start_engine(backend(answer), task=BIG, ux=SMALL)
    task = await engine.tasks.submit(SIMPLE, key="s" * 16)
    await until(engine, task, TaskState.RUNNING)
    if state is TaskState.QUEUED:
        task = await engine.tasks.submit(SIMPLE, key="t" * 16)
    elif state is TaskState.PAUSED:
        await engine.tasks.pause(task.id)
    assert (await engine.tasks.get(task.id)).task.state is state
    given = await give_to_other(engine, task.id)
    assert (given.state, str(given.ref)) == (TaskState.PAUSED if state is TaskState.PAUSED else TaskState.QUEUED, BIG)
    if state is TaskState.PAUSED:
        await engine.tasks.resume(task.id)
    done = await until(engine, task, TaskState.DONE)
    assert done.result == "by big"


async def test_where_there_is_no_other_model_that_is_said(start_engine: Start) -> None:
    engine = await start_engine(backend(by_model), task=BIG, ux=BIG)
    task = await engine.tasks.submit(SIMPLE, key="s" * 16)
    await until(engine, task, TaskState.DONE)
    with pytest.raises(WrongState, match="One model answers and works here"):
        await give_to_other(engine, task.id)
    assert (await engine.tasks.get(task.id)).task.state is TaskState.DONE


async def test_a_prompt_too_long_for_the_small_one_goes_to_the_big_one(start_engine: Start) -> None:
    backends = backend(by_model)
    engine = await start_engine(backends, task=BIG, ux=SMALL)
    await engine.pool.load(ModelRef(SCRIPTED, "small"))
    window = engine.pool.known_window(ModelRef(SCRIPTED, "small"))
    assert window
    plan = json.dumps({"steps": [{"key": "answer", "prompt": "word " * (window * 3 // 5 + 1)}]})
    task = await engine.tasks.submit(SIMPLE, key="s" * 16, plan=plan)
    assert str(task.ref) == BIG
    assert "but the prompt is too long for small" in task.why
    assert (await until(engine, task, TaskState.DONE)).result == "by big"
