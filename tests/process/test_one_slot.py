"""A server that answers one call at a time, as both roles have one model and it has one slot, or as it holds one model
of two: conversation goes first, and the task goes on after it."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from support.fake_ollama import FakeOllama, answer_to
from support.waiting import until
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import random_id
from tale_tui.domain.events import TaskAhead, TurnDone
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.engine import Engine

pytestmark = [pytest.mark.process, pytest.mark.long]


SMALL, BIG = "small:latest", "big:latest"


@pytest.mark.parametrize("worker", [SMALL, BIG], ids=["one model, one slot", "two models, one held"])
@pytest.mark.long
async def test_a_reply_interrupts_a_task_which_goes_on_from_its_text(paths: Paths, worker: str) -> None:
    server = FakeOllama(slots=1, holds=1, word_s=0.3)
    server.start()
    settings = Settings(
        ux=f"ollama/{SMALL}",
        task=f"ollama/{worker}",
        ollama={"host": server.url},
        memory={"both": "yes"},
        detect={"enabled": False},
        route={"simple_tasks": "task"},
    )
    engine = await Engine.start(paths, settings)

    async def is_known() -> bool:
        """Whether the server showed that it holds one model, where there are two."""
        return worker == SMALL or (await engine.models.residency()).one_model

    try:
        await until(is_known, "it is known that the server holds one model")
        task = await engine.tasks.submit("Count for me [task]", key=random_id())

        async def text() -> str:
            return (await engine.tasks.get(task.id)).steps[0].text

        await until(text, "the task has written something")
        session = await engine.sessions.create()
        async with aclosing(engine.chat.send(session.id, "And you? [turn]", key=random_id())) as events:
            seen = [event async for event in events]
        end = seen[-1]
        assert isinstance(end, TurnDone)
        assert end.reply.text.split() == "".join(answer_to("[turn]")).split()
        assert TaskAhead(ModelRef(BackendName.OLLAMA, worker)) in seen
        detail = await engine.tasks.get(task.id)
        assert detail.task.state is TaskState.RUNNING
        assert len(detail.steps[0].text.split()) < len(answer_to("[task]"))

        async def done() -> bool:
            return (await engine.tasks.get(task.id)).task.state is TaskState.DONE

        await until(done, "the task is done")
        detail = await engine.tasks.get(task.id)
        assert detail.result.split() == "".join(answer_to("[task]")).split()
        assert [step.attempts for step in detail.steps] == [1]
    finally:
        await engine.stop()
        server.kill()
