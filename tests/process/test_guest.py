"""A guest leaves the server as it was: how long models stay on an Ollama that others use too."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from support.fake_ollama import FOR_EVER_S, FakeOllama
from support.waiting import until
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import random_id
from tale_tui.domain.events import TurnDone
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.ollama.backend import OllamaBackend

pytestmark = [pytest.mark.process, pytest.mark.long]

SMALL, BIG, OTHER = "small:latest", "big:latest", "other:latest"
SLACK_S = 20.0
"""A test takes less."""


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    made = FakeOllama()
    made.start()
    yield made
    made.kill()


def settings(server: FakeOllama, **ollama: Any) -> Settings:
    return Settings(
        ux="ollama/small:latest",
        task="ollama/big:latest",
        ollama={"host": server.url, **ollama},
        detect={"enabled": False},
        memory={"both": "no"},
    )


@asynccontextmanager
async def running(paths: Paths, settings: Settings) -> AsyncIterator[Engine]:
    """An engine whose model for answering is loaded."""
    engine = await Engine.start(paths, settings)
    try:

        async def ready() -> bool:
            return (await engine.models.roles())[0].state is RoleState.READY

        await until(ready, "the model that answers is there")
        yield engine
    finally:
        await engine.stop()


async def say(engine: Engine) -> None:
    session = await engine.sessions.create()
    async with aclosing(engine.chat.send(session.id, "Hello [you]", key=random_id())) as events:
        assert isinstance([event async for event in events][-1], TurnDone)


async def left(server: FakeOllama) -> dict[str, float]:
    return await asyncio.to_thread(server.left_s)


async def other_program(server: FakeOllama, model: str, keep_alive_s: int) -> None:
    """Asks as tale does, so that nothing is loaded again, or first."""
    body = {"model": model, "messages": [], "keep_alive": keep_alive_s, "shift": False, "options": {"num_ctx": 8192}}
    await asyncio.to_thread(server.ask, "/api/chat", body)


def about(seconds: float) -> Any:
    return pytest.approx(seconds - SLACK_S / 2, abs=SLACK_S / 2)


async def test_what_was_loaded_stays_ten_minutes_meanwhile_and_five_afterwards(
    server: FakeOllama, paths: Paths
) -> None:
    async with running(paths, settings(server)) as engine:
        await say(engine)
        await engine.models.load(ModelRef(BackendName.OLLAMA, BIG))
        assert await left(server) == {SMALL: about(600), BIG: about(600)}
    assert await left(server) == {SMALL: about(300), BIG: about(300)}
    assert server.loads() == [SMALL, BIG]


@pytest.mark.parametrize("before_s", [120, 3600, -1])
async def test_what_was_there_before_stays_as_long_as_it_would_have(
    before_s: int, server: FakeOllama, paths: Paths
) -> None:
    await other_program(server, SMALL, before_s)
    would = FOR_EVER_S if before_s < 0 else before_s
    async with running(paths, settings(server)) as engine:
        await say(engine)
        assert (await left(server))[SMALL] == about(max(600, would))
    assert (await left(server))[SMALL] == about(would)
    assert server.loads() == [SMALL]


@pytest.mark.parametrize("others_s", [60, 1800, -1])
async def test_what_somebody_else_asked_for_meanwhile_is_left_alone(
    others_s: int, server: FakeOllama, paths: Paths
) -> None:
    async with running(paths, settings(server)) as engine:
        await say(engine)
        await engine.models.residency()
        await other_program(server, SMALL, others_s)
    assert (await left(server))[SMALL] == about(FOR_EVER_S if others_s < 0 else others_s)


async def test_a_call_after_that_of_somebody_else_shortens_nothing(server: FakeOllama, paths: Paths) -> None:
    async with running(paths, settings(server)) as engine:
        await say(engine)
        await engine.models.residency()
        await other_program(server, SMALL, -1)
        await engine.models.residency()
        await say(engine)
    assert (await left(server))[SMALL] == about(FOR_EVER_S)


@pytest.mark.parametrize(("set_s", "stays_s"), [(-1, FOR_EVER_S), (5, 5), (0, None), (900, 900)])
async def test_a_time_that_the_user_set_is_obeyed(
    set_s: int, stays_s: float | None, server: FakeOllama, paths: Paths
) -> None:
    async with running(paths, settings(server, keep_alive_s=set_s)) as engine:
        await say(engine)
    found = (await left(server)).get(SMALL)
    assert found is None if stays_s is None else found == pytest.approx(stays_s, abs=min(SLACK_S, stays_s))


async def test_what_no_role_uses_any_more_is_given_back(server: FakeOllama, paths: Paths) -> None:
    await other_program(server, BIG, -1)
    async with running(paths, settings(server)) as engine:
        await engine.models.use(Role.UX, ModelRef(BackendName.OLLAMA, OTHER))

        async def given_back() -> bool:
            return SMALL not in await left(server)

        await until(given_back, "the model that nobody uses is gone")
        await engine.models.use(Role.UX, ModelRef(BackendName.OLLAMA, BIG))
        await say(engine)
        await engine.models.use(Role.UX, ModelRef(BackendName.OLLAMA, SMALL))
    assert await left(server) == {SMALL: about(300), BIG: about(FOR_EVER_S)}


async def test_after_a_kill_it_is_gone_in_ten_minutes(server: FakeOllama, paths: Paths) -> None:
    environment = os.environ | {
        "TALE_HOME": str(paths.data.parent),
        "TALE_UX": "ollama/small:latest",
        "TALE_TASK": "ollama/small:latest",
        "TALE_OLLAMA__HOST": server.url,
    }
    command = [sys.executable, "-m", "tale_tui", "run", "--stay"]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=nowhere, stderr=nowhere)
    try:

        async def loaded() -> bool:
            return SMALL in await left(server)

        await until(loaded, "it has loaded its model")
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert await left(server) == {SMALL: about(600)}


async def test_a_model_that_runs_out_is_asked_for_again_and_one_that_is_gone_is_not_loaded(server: FakeOllama) -> None:
    async def renewed(model: str) -> dict[str, float]:
        await backend.loaded()
        await backend.renew(model, 8192)
        return await left(server)

    backend = OllamaBackend(settings(server), "")
    try:
        await other_program(server, SMALL, 400)
        assert await renewed(SMALL) == {SMALL: about(400)}
        await other_program(server, SMALL, 200)
        assert await renewed(SMALL) == {SMALL: about(600)}
        assert await renewed(BIG) == {SMALL: about(600)}
        assert server.loads() == [SMALL]
    finally:
        await backend.close()
    assert await left(server) == {SMALL: about(200)}
