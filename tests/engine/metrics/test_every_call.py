"""Every call on every path is one row, and a reply or a step shows what its row says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from support.waiting import until
from tale_tui.domain.errors import BackendCrashed, Refused, UnknownModel
from tale_tui.domain.events import TurnDone
from tale_tui.domain.metrics import CallDimension, CallFilter, CallKind, CallOutcome, CallRecord
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.domain.tasks import TaskDetail, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Fail, Hold, Say, Script, ScriptedBackend, spoken

SCRIPTED = BackendName.SCRIPTED
SMALL, BIG = ModelRef(SCRIPTED, "small"), ModelRef(SCRIPTED, "big")
BOTH = {"ux": str(SMALL), "task": str(BIG)}

Start = Callable[..., Awaitable[Engine]]


def backend_of(answer: Any) -> ScriptedBackend:
    return ScriptedBackend(answer, models=("small", "big"))


async def turn(engine: Engine, session_id: str, text: str, key: str, **more: Any) -> Any:
    async with aclosing(engine.chat.send(session_id, text, key=key, **more)) as events:
        return [event async for event in events][-1]


async def ended(engine: Engine, task_id: str) -> TaskDetail:
    async with aclosing(engine.tasks.follow(task_id)) as events:
        async for _ in events:
            pass
    return await engine.tasks.get(task_id)


async def rows(engine: Engine, backend: ScriptedBackend) -> tuple[CallRecord, ...]:
    """All rows, when every call and every load has one; what is stored with nothing may come a moment later."""
    async with asyncio.timeout(10):
        while len(calls := await engine.metrics.calls()) < len(backend.requests) + len(backend.loads):
            await asyncio.sleep(0.01)
    assert len(calls) == len(backend.requests) + len(backend.loads)
    return calls


def of_kind(calls: tuple[CallRecord, ...], kind: CallKind) -> list[CallRecord]:
    """In the order in which they began: one that failed may be stored behind the one that stood in for it."""
    return sorted((call for call in calls if call.labels.kind is kind), key=lambda call: call.timestamp)


async def test_a_reply_is_a_row_which_says_who_asked_and_what_it_shows(start_engine: Start) -> None:
    backend = backend_of([spoken("Fine, ", "thank you.")])
    engine = await start_engine({SCRIPTED: backend}, **BOTH)
    session = await engine.sessions.create()
    done = await turn(engine, session.id, "How are you?", "key1")
    assert isinstance(done, TurnDone)
    [call] = of_kind(await rows(engine, backend), CallKind.CHAT)
    labels = call.labels
    assert (labels.session_id, labels.message_id, labels.turn_id) == (session.id, done.reply.id, "key1")
    assert (labels.task_type, labels.why, call.role, call.ref) == ("chat", done.reply.why, Role.UX, SMALL)
    assert call.usage == done.reply.usage
    assert call.prompt_tokens is not None
    assert call.own_prompt_tokens is not None
    assert 0 < call.own_prompt_tokens < call.prompt_tokens
    assert call.waiting_ms is not None
    [stored] = [m for m in (await engine.sessions.transcript(session.id)).messages if m.id == done.reply.id]
    assert stored.usage == call.usage


async def test_what_failed_and_who_stood_in_for_it_are_two_rows(start_engine: Start) -> None:
    def answer(request: ChatRequest) -> Script:
        return Script((Fail(BackendCrashed("dead")),)) if request.model == "small" else spoken("yes")

    backend = backend_of(answer)
    engine = await start_engine({SCRIPTED: backend}, load=False, **BOTH)
    session = await engine.sessions.create()
    done = await turn(engine, session.id, "Hi", "key1")
    first, second = of_kind(await rows(engine, backend), CallKind.CHAT)
    assert (first.ref, first.outcome, first.error, first.total_tokens) == (SMALL, CallOutcome.FAILED, "crashed", None)
    assert (second.ref, second.outcome, second.usage) == (BIG, CallOutcome.DONE, done.reply.usage)
    assert first.labels.message_id == second.labels.message_id == done.reply.id


async def test_a_reply_that_is_stopped_is_a_row_with_an_estimate(start_engine: Start) -> None:
    backend = backend_of([Script((Say("One"), Say(" two"), Hold(asyncio.Event())))])
    engine = await start_engine({SCRIPTED: backend}, **BOTH)
    session = await engine.sessions.create()
    async with aclosing(engine.chat.send(session.id, "Count", key="key1")) as events:
        async for event in events:
            if getattr(event, "tokens", 0) == 2:
                break
    [call] = of_kind(await rows(engine, backend), CallKind.CHAT)
    assert (call.outcome, call.completion_tokens, call.estimated_completion_tokens) == (CallOutcome.CANCELLED, None, 2)
    reply = (await engine.sessions.transcript(session.id)).messages[-1]
    assert reply.usage == call.usage
    report = await engine.metrics.tokens()
    assert (report.total.total_tokens, report.total.uncounted) == (None, 1)
    assert report.total.estimated_tokens is not None


async def test_each_attempt_at_a_step_is_a_row_and_the_task_shows_their_sum(start_engine: Start) -> None:
    answers = [Script((Fail(BackendCrashed("dead")),)), spoken("print(", "1", ")")]
    backend = backend_of(answers)
    engine = await start_engine(
        {SCRIPTED: backend}, **BOTH, route={"fallback": False}, tasks={"backoff_s": 0.01, "retries": 2}, load=False
    )
    task = await engine.tasks.submit("Write a greeting", key="task1")
    detail = await ended(engine, task.id)
    assert detail.task.state is TaskState.DONE
    await rows(engine, backend)
    first, second = await engine.metrics.calls(task_id=task.id)
    assert [call.outcome for call in (first, second)] == [CallOutcome.FAILED, CallOutcome.DONE]
    labels = second.labels
    assert (labels.kind, labels.step, labels.task_type, labels.complexity) == (
        CallKind.STEP,
        detail.steps[0].spec.key,
        "task",
        "simple",
    )
    assert (second.role, second.ref, labels.why) == (Role.TASK, BIG, detail.task.why)
    assert second.usage == detail.steps[0].usage
    report = await engine.metrics.tokens(by=(CallDimension.TASK,))
    [group] = [group for group in report.groups if group.key == (task.id,)]
    assert group.title == "Write a greeting"
    assert group.sums.total_tokens == (detail.task.prompt_tokens or 0) + (detail.task.completion_tokens or 0)


async def test_a_step_that_took_too_long_failed_by_that(start_engine: Start) -> None:
    backend = backend_of([Script((Say("One"), Hold(asyncio.Event())))])
    engine = await start_engine({SCRIPTED: backend}, **BOTH, tasks={"step_limit_s": 0.2, "retries": 0}, load=False)
    task = await engine.tasks.submit("Write a greeting", key="task1")
    assert (await ended(engine, task.id)).task.state is TaskState.FAILED
    await rows(engine, backend)
    [call] = await engine.metrics.calls(task_id=task.id)
    assert (call.outcome, call.error, call.estimated_completion_tokens) == (CallOutcome.FAILED, "step_timed_out", 1)


async def test_a_step_that_is_paused_is_a_row(start_engine: Start) -> None:
    backend = backend_of([Script((Say("One"), Hold(asyncio.Event())))])
    engine = await start_engine({SCRIPTED: backend}, **BOTH, load=False, route={"simple_tasks": "task"})
    task = await engine.tasks.submit("Write a greeting", key="task1")

    async def has_written() -> bool:
        return any(call.tokens for call in (await engine.metrics.activity()).running)

    await until(has_written, "the model has written")
    [running] = (await engine.metrics.activity()).running
    assert (running.ref, running.kind, running.tokens) == (BIG, CallKind.STEP, 1)
    await engine.tasks.pause(task.id)
    await rows(engine, backend)
    [call] = await engine.metrics.calls(task_id=task.id)
    assert (call.outcome, call.estimated_completion_tokens) == (CallOutcome.CANCELLED, 1)
    assert (await engine.metrics.activity()).running == ()


async def test_all_paths_together_make_as_many_rows_as_the_server_had_requests(start_engine: Start) -> None:
    def answer(request: ChatRequest) -> Script:
        text = request.messages[-1].text
        return Script((Fail(Refused("no")),)) if "refuse" in text else spoken("Fine, ", "thank you.")

    backend = backend_of(answer)
    engine = await start_engine({SCRIPTED: backend}, **BOTH, tasks={"retries": 0})
    session = await engine.sessions.create()
    replies = [await turn(engine, session.id, text, f"key{n}") for n, text in enumerate(("a", "b", "refuse", "c"))]
    async with aclosing(engine.chat.regenerate(session.id, replies[3].reply.id)) as events:
        assert [event async for event in events]
    async with aclosing(engine.chat.edit(session.id, "key3", "d", key="key9")) as events:
        assert [event async for event in events]
    await turn(engine, session.id, "Write it", "key10", as_task=True)
    await turn(engine, session.id, "big one", "key11", ref=BIG)
    task = await engine.tasks.submit("refuse this", key="task1")
    await ended(engine, task.id)
    [card] = [one for one in await engine.tasks.list() if one.id != task.id]
    await ended(engine, card.id)
    calls = await rows(engine, backend)
    report = await engine.metrics.tokens(by=(CallDimension.KIND, CallDimension.MODEL))
    assert report.total.calls == len(calls)
    assert sum(group.sums.calls for group in report.groups) == len(calls)
    assert report.total.total_tokens == sum(group.sums.total_tokens or 0 for group in report.groups)
    again = await engine.metrics.savings()
    assert again is not None
    assert (again.small, again.large) == (SMALL, BIG)
    assert again.resent is not None


async def test_only_calls_of_a_model_or_a_range_are_meant(start_engine: Start) -> None:
    backend = backend_of([spoken("a")])
    engine = await start_engine({SCRIPTED: backend}, **BOTH)
    session = await engine.sessions.create()
    await turn(engine, session.id, "Hi", "key1")
    await rows(engine, backend)
    assert (await engine.metrics.tokens(CallFilter(model="small"))).total.calls > 0
    assert (await engine.metrics.tokens(CallFilter(model="big"))).total.calls == 0
    assert (await engine.metrics.tokens(CallFilter(until=1.0))).total.calls == 0
    with pytest.raises(UnknownModel, match=r"do you mean .*small"):
        await engine.metrics.tokens(CallFilter(model="smal"))
