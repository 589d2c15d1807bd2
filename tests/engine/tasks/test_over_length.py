"""Steps that write far more than their like: they ask, or stop, as the settings say; nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from tale_tui.domain.errors import WrongState
from tale_tui.domain.events import TaskSeen
from tale_tui.domain.models import BackendName, FinishReason
from tale_tui.domain.tasks import Reason, TaskDetail, TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.learning.length_budget import LIMIT_MIN, SUPPOSED_LIMIT_MIN
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Say, Script, ScriptedBackend, spoken

Start = Callable[..., Awaitable[Engine]]
TEXT = "Write a haiku about rain"
TWO_STEPS = """
{"steps": [{"key": "a", "title": "A", "prompt": "x"}, {"key": "b", "title": "B", "prompt": "y", "after": ["a"]}]}
"""
WITH_FILE = '{"steps": [{"key": "a", "prompt": "x", "files": ["a.txt"]}]}'
OWN_LIMIT = '{"steps": [{"key": "a", "prompt": "x", "max_tokens": 60}]}'


def rambles(request: ChatRequest) -> Script:
    """Goes on from where it stands, and is cut at the limit of the request."""
    first = len(request.continue_text.split())
    words = [f"w{number} " for number in range(first, first + request.max_tokens)]
    return Script(tuple(map(Say, words)), FinishReason.LENGTH, completion_tokens=len(words))


def ends(request: ChatRequest) -> Script:
    """Rambles, and comes to its end when it is asked to go on."""
    return spoken("and so ", "it ends.") if request.continue_text else rambles(request)


@pytest.fixture
def start(start_engine: Start) -> Callable[..., Awaitable[tuple[Engine, list[ChatRequest]]]]:
    async def one(answers: Any, **tasks: Any) -> tuple[Engine, list[ChatRequest]]:
        backend = ScriptedBackend(answers, models=("small", "big"))
        backends = {BackendName.SCRIPTED: backend}
        engine = await start_engine(backends, ux="scripted/small", task="scripted/big", load=False, tasks=tasks)
        return engine, backend.requests

    return one


async def until(engine: Engine, task_id: str, *states: TaskState) -> TaskDetail:
    async with asyncio.timeout(20), aclosing(engine.tasks.follow(task_id)) as events:
        async for event in events:
            if isinstance(event, TaskSeen) and event.detail.task.state in states:
                return event.detail
    return await engine.tasks.get(task_id)


async def test_a_step_asks_where_it_writes_far_more_and_goes_on_from_where_it_stands(start: Any) -> None:
    engine, requests = await start(ends)
    await engine.tasks.submit(TEXT, key="t" * 16)
    asks = await until(engine, "t" * 16, TaskState.WAITING)
    assert asks.task.reason is Reason.LENGTH
    limit = requests[0].max_tokens
    assert SUPPOSED_LIMIT_MIN <= limit < 4096
    written = asks.steps[0].text
    assert len(written.split()) == limit == asks.task.completion_tokens
    await engine.tasks.approve("t" * 16, yes=True)
    done = await until(engine, "t" * 16, TaskState.DONE)
    assert done.result == written + "and so it ends."
    assert requests[1].continue_text == written
    assert requests[1].max_tokens == 4096
    assert done.steps[0].earlier == ()


async def test_with_a_no_what_is_there_is_its_result_and_no_model_is_asked(start: Any) -> None:
    engine, requests = await start(rambles)
    await engine.tasks.submit(TEXT, key="t" * 16)
    asks = await until(engine, "t" * 16, TaskState.WAITING)
    assert (await engine.tasks.approve("t" * 16, yes=False)).state is TaskState.QUEUED
    done = await until(engine, "t" * 16, TaskState.DONE)
    assert done.result == asks.steps[0].text
    assert done.task.completion_tokens == asks.task.completion_tokens
    assert len(requests) == 1
    with pytest.raises(WrongState):
        await engine.tasks.approve("t" * 16, yes=False)


async def test_the_steps_after_one_that_was_kept_go_on(start: Any) -> None:
    engine, requests = await start(lambda request: spoken("done") if "B" in asked(request) else rambles(request))
    await engine.tasks.submit(TEXT, key="t" * 16, plan=TWO_STEPS)
    await until(engine, "t" * 16, TaskState.WAITING)
    await engine.tasks.approve("t" * 16, yes=False)
    done = await until(engine, "t" * 16, TaskState.DONE)
    assert (done.task.steps_done, done.result, len(requests)) == (2, "done", 2)


async def test_a_step_that_was_kept_without_its_files_is_run_anew(start: Any) -> None:
    answers = iter([rambles])
    block = "```text a.txt\nA\n```"
    engine, requests = await start(lambda request: next(answers, lambda _: spoken(block))(request), backoff_s=0.01)
    await engine.tasks.submit(TEXT, key="t" * 16, plan=WITH_FILE)
    asks = await until(engine, "t" * 16, TaskState.WAITING)
    await engine.tasks.approve("t" * 16, yes=False)
    done = await until(engine, "t" * 16, TaskState.DONE, TaskState.FAILED, TaskState.WAITING)
    assert (done.task.state, done.result) == (TaskState.DONE, block)
    assert [request.continue_text for request in requests] == ["", ""]
    assert done.steps[0].earlier == (asks.steps[0].text,)


def asked(request: ChatRequest) -> str:
    return request.messages[-1].text.rpartition("Your step of it, ")[2][:1]


async def test_stop_keeps_what_is_there_without_asking(start: Any) -> None:
    engine, requests = await start(rambles, over_length="stop")
    await engine.tasks.submit(TEXT, key="t" * 16)
    done = await until(engine, "t" * 16, TaskState.DONE)
    assert len(done.result.split()) == requests[0].max_tokens < 4096
    assert "cut off" in done.task.why


async def test_off_knows_no_budget_and_says_nothing_of_it(start: Any) -> None:
    engine, requests = await start(rambles, over_length="off", max_tokens=3000)
    await engine.tasks.submit(TEXT, key="t" * 16)
    await until(engine, "t" * 16, TaskState.DONE)
    assert requests[0].max_tokens == 3000
    assert "as a rule" not in requests[0].messages[0].text


async def test_the_model_is_told_what_is_usual_and_a_text_that_says_it_is_not_told_twice(start: Any) -> None:
    engine, requests = await start(lambda _: spoken("yes"))
    for key, text in (("t", TEXT), ("u", "Write 200 words on rain")):
        await engine.tasks.submit(text, key=key * 16)
        await until(engine, key * 16, TaskState.DONE)
    assert "words as a rule" in requests[0].messages[0].text
    assert "words as a rule" not in requests[1].messages[0].text


async def test_a_step_with_a_limit_of_its_own_is_cut_there_as_its_plan_says(start: Any) -> None:
    engine, requests = await start(rambles)
    await engine.tasks.submit(TEXT, key="t" * 16, plan=OWN_LIMIT)
    done = await until(engine, "t" * 16, TaskState.DONE)
    assert requests[0].max_tokens == 60
    assert "cut off" in done.task.why


async def test_one_that_only_thought_until_its_budget_may_write_as_much_as_the_settings_allow(start: Any) -> None:
    def answer(request: ChatRequest) -> Script:
        if request.max_tokens < 4096:
            thoughts = tuple(Say("hm ", thinking=True) for _ in range(request.max_tokens))
            return Script(thoughts, FinishReason.LENGTH, completion_tokens=request.max_tokens)
        return spoken("Rain.")

    engine, requests = await start(answer)
    await engine.tasks.submit(TEXT, key="t" * 16)
    done = await until(engine, "t" * 16, TaskState.DONE)
    assert (done.result, len(requests)) == ("Rain.", 2)


async def test_a_limit_is_learned_from_runs_of_its_like(start: Any) -> None:
    engine, requests = await start(lambda request: spoken(*["word "] * 40))
    for number in range(12):
        key = f"{number:x}" * 16
        await engine.tasks.submit(f"{TEXT} number {number}", key=key)
        await until(engine, key, TaskState.DONE)
    assert requests[0].max_tokens >= SUPPOSED_LIMIT_MIN
    async with asyncio.timeout(10):
        while (await engine.learning.forecast(TEXT)).runs < 12:
            await asyncio.sleep(0.01)
    await engine.tasks.submit(TEXT, key="z" * 16)
    await until(engine, "z" * 16, TaskState.DONE)
    assert LIMIT_MIN <= requests[-1].max_tokens < SUPPOSED_LIMIT_MIN


async def test_a_question_survives_a_restart_and_a_retry_asks_anew(start: Any) -> None:
    engine, _ = await start(ends)
    await engine.tasks.submit(TEXT, key="t" * 16)
    asks = await until(engine, "t" * 16, TaskState.WAITING)
    await engine.stop()
    second, requests = await start(ends)
    assert (await second.tasks.get("t" * 16)).task.reason is Reason.LENGTH
    await second.tasks.approve("t" * 16, yes=True)
    done = await until(second, "t" * 16, TaskState.DONE)
    assert done.result.startswith(asks.steps[0].text)
    await second.tasks.retry("t" * 16)
    assert (await until(second, "t" * 16, TaskState.WAITING)).task.reason is Reason.LENGTH
    assert requests[-1].max_tokens < 4096
