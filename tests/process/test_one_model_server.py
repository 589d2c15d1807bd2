"""A server that holds one model: the one that answers is not evicted for a task that nobody asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing

import pytest

from support.fake_ollama import FakeOllama
from support.waiting import until
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import random_id
from tale_tui.domain.events import TurnDone
from tale_tui.domain.models import Role
from tale_tui.engine.engine import Engine

pytestmark = [pytest.mark.process, pytest.mark.long]

SMALL, BIG = "small:latest", "big:latest"


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    made = FakeOllama(holds=1)
    made.start()
    yield made
    made.kill()


async def test_what_did_not_fit_together_is_remembered_at_the_next_start(server: FakeOllama, paths: Paths) -> None:
    settings = Settings(
        ux=f"ollama/{SMALL}",
        task=f"ollama/{BIG}",
        ollama={"host": server.url},
        memory={"both": "yes"},
        detect={"enabled": False},
    )

    async def start(loads: list[str]) -> Engine:
        engine = await Engine.start(paths, settings)

        async def one_model() -> bool:
            return server.loads() == loads and (await engine.models.residency()).one_model

        await until(one_model, lambda: f"one model is held: {server.loads()}")
        return engine

    first = await start([SMALL, BIG])
    await first.stop()
    second = await start([SMALL, BIG, SMALL])
    try:
        session = await second.sessions.create()
        async with aclosing(second.chat.send(session.id, "Hello [you]", key=random_id())) as events:
            assert isinstance([event async for event in events][-1], TurnDone)
        assert (await second.models.roles())[0].role is Role.UX
        assert set(server.left_s()) == {SMALL}
    finally:
        await second.stop()
    assert server.loads() == [SMALL, BIG, SMALL]
