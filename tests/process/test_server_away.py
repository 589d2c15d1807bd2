"""An Ollama that is killed and started again under tasks and a conversation: everything is finished by itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import pytest

from support.fake_ollama import FakeOllama, answer_to
from support.waiting import until
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import random_id
from tale_tui.domain.conversation import Message, MessageState
from tale_tui.domain.events import ServerAway, TextDelta, TurnCancelled, TurnDone, TurnEvent, TurnFailed
from tale_tui.domain.models import BackendName, RoleState
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.engine.chat import generate as generate_module
from tale_tui.engine.engine import Engine

pytestmark = [pytest.mark.process, pytest.mark.long]

TASKS = 40


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    server = FakeOllama()
    yield server
    server.kill()


def settings(server: FakeOllama, **tasks: object) -> Settings:
    """No retry is allowed, so that one that is used up shows."""
    return Settings(
        ux="ollama/small:latest",
        task="ollama/big:latest",
        ollama={"host": server.url},
        detect={"enabled": False},
        tasks={"retries": 0, "per_model": 4, **tasks},
    )


async def reply_of(events: AsyncGenerator[TurnEvent, None]) -> tuple[Message, list[TurnEvent]]:
    async with aclosing(events):
        seen = [event async for event in events]
    end = seen[-1]
    assert isinstance(end, TurnDone | TurnFailed | TurnCancelled)
    return end.reply, seen


async def tasks_in(engine: Engine, state: TaskState) -> list[Task]:
    return [task for task in await engine.tasks.list() if task.state is state]


async def some_are_done(engine: Engine, least: int) -> None:
    async def enough() -> bool:
        return len(await tasks_in(engine, TaskState.DONE)) >= least

    await until(enough, f"{least} tasks are done")


@pytest.mark.long
async def test_killed_and_started_twice_nothing_fails_nothing_is_done_twice_and_all_is_finished(
    ollama: FakeOllama, paths: Paths
) -> None:
    ollama.start()
    engine = await Engine.start(paths, settings(ollama))
    try:
        session = await engine.sessions.create()
        ids = [
            (await engine.tasks.submit(f"Count for me [task {number}]", key=random_id())).id for number in range(TASKS)
        ]
        replies: list[asyncio.Task[tuple[Message, list[TurnEvent]]]] = []
        for turn, done in enumerate((3, 15)):
            await some_are_done(engine, done)
            await asyncio.to_thread(ollama.kill)

            async def held() -> bool:
                queued = await tasks_in(engine, TaskState.QUEUED)
                rest = TASKS - len(await tasks_in(engine, TaskState.DONE))
                return len(queued) == rest and all(task.reason is Reason.SERVER for task in queued)

            await until(held, "all that is left waits for the server")
            events = engine.chat.send(session.id, f"And you? [turn {turn}]", key=random_id())
            replies.append(asyncio.create_task(reply_of(events)))
            await asyncio.sleep(0.2)
            assert not replies[-1].done()
            await asyncio.to_thread(ollama.start)
            reply, seen = await asyncio.wait_for(replies[-1], 30)
            assert (reply.state, reply.text.split()) == (
                MessageState.COMPLETE,
                "".join(answer_to(f"[turn {turn}]")).split(),
            )
            assert any(isinstance(event, ServerAway) and event.backend is BackendName.OLLAMA for event in seen)
        await some_are_done(engine, TASKS)
        for number, task_id in enumerate(ids):
            detail = await engine.tasks.get(task_id)
            assert detail.result.split() == "".join(answer_to(f"[task {number}]")).split()
            assert [step.attempts for step in detail.steps] == [1]
            assert [entry.what for entry in detail.history].count("done") == 1
        assert (await engine.models.roles())[0].state is RoleState.READY
        recovered = [one for one in await engine.store.residencies() if one.ref.model == ""]
        assert [one.what.value for one in recovered] == ["recovered"] * 2
        assert all(one.ms for one in recovered)
    finally:
        await engine.stop()


async def test_a_reply_that_had_begun_waits_for_a_key_and_goes_on_then(ollama: FakeOllama, paths: Paths) -> None:
    ollama.start()
    engine = await Engine.start(paths, settings(ollama))
    try:
        session = await engine.sessions.create()
        text, last = "", None
        async with aclosing(engine.chat.send(session.id, "Tell me [story]", key=random_id())) as events:
            async for event in events:
                last = event
                text += event.text if isinstance(event, TextDelta) else ""
                if text and not text.endswith("cut"):
                    await asyncio.to_thread(ollama.kill)
                    text += "cut"
        assert isinstance(last, TurnFailed)
        assert last.reply.state is MessageState.INTERRUPTED
        await asyncio.to_thread(ollama.start)
        whole, _ = await reply_of(engine.chat.resume(session.id, last.reply.id))
        assert whole.text.split() == "".join(answer_to("[story]")).split()
    finally:
        await engine.stop()


async def test_a_server_that_starts_after_the_application_is_noticed(
    ollama: FakeOllama, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    engine = await Engine.start(paths, settings(ollama))
    try:
        task = await engine.tasks.submit("Count for me [late]", key=random_id())

        async def waits() -> bool:
            now = (await engine.tasks.get(task.id)).task
            return now.state is TaskState.QUEUED and now.reason is Reason.SERVER and now.server_since is not None

        await until(waits, "it waits for the server")
        assert [status.state for status in await engine.models.roles()] == [RoleState.AWAY] * 2
        await asyncio.to_thread(ollama.start)
        await some_are_done(engine, 1)

        async def loaded() -> bool:
            return (await engine.models.roles())[0].state is RoleState.READY

        await until(loaded, "the model that answers is loaded")
        assert (await engine.tasks.get(task.id)).result.split() == "".join(answer_to("[late]")).split()
        told = [record.message for record in caplog.records if re.search("ollama is (away|back)", record.message)]
        assert len([line for line in told if "away" in line]) == 1
        assert len(told) <= 2
    finally:
        await engine.stop()


async def test_roles_without_a_model_find_one_when_a_server_comes(ollama: FakeOllama, paths: Paths) -> None:
    nobody = settings(ollama).model_copy(update={"ux": "auto", "task": "auto"})
    engine = await Engine.start(paths, nobody)
    try:

        async def nobody_serves() -> bool:
            return [status.state for status in await engine.models.roles()] == [RoleState.UNSET] * 2

        async def one_is_loaded() -> bool:
            return (await engine.models.roles())[0].state is RoleState.READY

        await until(nobody_serves, "nobody serves")
        await asyncio.to_thread(ollama.start)
        await until(one_is_loaded, "a model was found and loaded")
        assert all(status.ref and status.ref.backend is BackendName.OLLAMA for status in await engine.models.roles())
    finally:
        await engine.stop()


async def test_escape_stops_a_turn_that_waits(ollama: FakeOllama, paths: Paths) -> None:
    engine = await Engine.start(paths, settings(ollama))
    try:
        session = await engine.sessions.create()
        async with aclosing(engine.chat.send(session.id, "Hello [you]", key=random_id())) as events:
            async for event in events:
                if isinstance(event, ServerAway):
                    break
        [_, reply] = (await engine.sessions.transcript(session.id)).messages
        assert (reply.state, reply.text) == (MessageState.STOPPED, "")
    finally:
        await engine.stop()


async def test_a_turn_waits_for_a_while_and_says_then_what_is_wrong(
    ollama: FakeOllama, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate_module, "TURN_SERVER_WAIT_S", 0.3)
    engine = await Engine.start(paths, settings(ollama))
    try:
        session = await engine.sessions.create()
        reply, seen = await reply_of(engine.chat.send(session.id, "Hello [you]", key=random_id()))
        assert (reply.state, reply.error) == (MessageState.FAILED, seen[-1].sentence)
        assert "Nothing answers" in reply.error
        assert any(isinstance(event, ServerAway) for event in seen)
    finally:
        await engine.stop()


async def test_after_a_day_a_task_asks_and_goes_on_with_a_yes(ollama: FakeOllama, paths: Paths) -> None:
    engine = await Engine.start(paths, settings(ollama, server_wait_s=0.5, backoff_max_s=0.1))
    try:
        task = await engine.tasks.submit("Count for me [patient]", key=random_id())

        async def asks() -> bool:
            now = (await engine.tasks.get(task.id)).task
            return (now.state, now.reason) == (TaskState.WAITING, Reason.SERVER)

        await until(asks, "it asks")
        await asyncio.to_thread(ollama.start)
        await until(lambda: engine.pool.servers.away(BackendName.OLLAMA) is None, "the server is back")
        await engine.tasks.approve(task.id, yes=True)
        await some_are_done(engine, 1)
    finally:
        await engine.stop()
