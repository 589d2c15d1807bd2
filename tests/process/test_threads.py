"""Two models that compute on the processors of one machine: the one that works leaves some to the one that answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from support.fake_ollama import FakeOllama
from support.waiting import until
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import random_id
from tale_tui.domain.events import TurnDone
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.machine import thread_count
from tale_tui.engine.models.ollama import backend as backend_module

pytestmark = [pytest.mark.process, pytest.mark.long]

SMALL, BIG = "small:latest", "big:latest"


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    made = FakeOllama(holds=2, word_s=0.0)
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def engine(server: FakeOllama, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    monkeypatch.setattr(backend_module, "has_gpu", lambda: False)
    monkeypatch.setattr(backend_module.sys, "platform", "linux")
    settings = Settings(ux=f"ollama/{SMALL}", task=f"ollama/{BIG}", ollama={"host": server.url}, memory={"both": "yes"})
    made = await Engine.start(paths, settings)
    await until(lambda: server.loads() == [SMALL, BIG], lambda: f"both are loaded: {server.loads()}")
    yield made
    await made.stop()


async def reply(engine: Engine) -> None:
    session = await engine.sessions.create()
    async with aclosing(engine.chat.send(session.id, "Hello [you]", key=random_id(), as_task=False)) as events:
        assert isinstance([event async for event in events][-1], TurnDone)


async def task(engine: Engine) -> None:
    made = await engine.tasks.submit("Write [words]", key=random_id())

    async def done() -> bool:
        return (await engine.tasks.get(made.id)).task.state is TaskState.DONE

    await until(done, "the task is done")


async def test_the_model_that_works_computes_with_its_share_and_is_never_loaded_again_for_it(
    engine: Engine, server: FakeOllama
) -> None:
    for _ in range(2):
        await reply(engine)
        await task(engine)
    assert server.threads() == {SMALL: None, BIG: thread_count(0, Role.TASK)}
    assert server.loads() == [SMALL, BIG]


async def test_a_model_that_does_both_jobs_takes_what_it_likes(engine: Engine, server: FakeOllama) -> None:
    await engine.models.use(Role.UX, ModelRef.parse(f"ollama/{BIG}"))
    await reply(engine)
    await task(engine)
    assert server.threads()[BIG] is None
