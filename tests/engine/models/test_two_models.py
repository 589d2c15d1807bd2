"""Two different models in memory at once, for real: the right one each time, no swap, a chat that never waits for work.

The second model is the starter with one byte of its metadata changed: another model for everybody who looks.
"""

# a test may wait for its files

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from support.processes import model_processes
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BackendCrashed
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.engine.models.backend import ChatMessage, ChatRequest, Finished, PromptRead, TextPiece
from tale_tui.engine.models.embedded.backend import EmbeddedBackend
from tale_tui.engine.models.files.starter import STARTER_NAME
from tale_tui.engine.models.registry import given_backends
from tale_tui.engine.models.wiring import ModelServices, build_model_services
from tale_tui.engine.route.router import Router
from tale_tui.engine.store.store import Store

pytestmark = [pytest.mark.starter, pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]

UX, TASK = Role.UX, Role.TASK
TALK = ModelRef(BackendName.EMBEDDED, STARTER_NAME)
WORK = ModelRef(BackendName.EMBEDDED, "twin")
NAME = b"Smollm2 135M"
"""A part of `general.name` in the metadata."""
WORKS = (
    "Write a Python function that adds two numbers.",
    "Summarize in a sentence: The tide comes in twice a day and carries the boats out.",
    "Plan a picnic for four people in three steps.",
)


@pytest.fixture(scope="module")
def models(place_starter: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter, and its twin with another letter in its name."""
    folder = place_starter(tmp_path_factory.mktemp("models"))
    data = bytearray((folder / f"{STARTER_NAME}.gguf").read_bytes())
    data[data.index(NAME)] ^= 0x20
    (folder / "twin.gguf").write_bytes(data)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    made = await Store.open(tmp_path_factory.mktemp("data") / "tale.db", Clock())
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(
    models: Path, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ModelServices]:
    """Both roles on the embedded backend, both models kept."""
    settings = Settings(ux=str(TALK), task=str(WORK))
    backend = EmbeddedBackend(settings, models, tmp_path_factory.mktemp("logs") / "embedded.log")
    made = build_model_services(
        given_backends({BackendName.EMBEDDED: backend}), store, settings, Clock(), lambda fact: None
    )
    await made.roles.restore()
    await made.roles.warm()
    await made.supervisor.check()
    yield made
    await made.pool.close()


def processes() -> dict[str, psutil.Process]:
    """The processes of models by the file that is in their memory."""
    found = {}
    for child in model_processes():
        for line in Path(f"/proc/{child.pid}/maps").read_text().splitlines():
            if line.endswith(".gguf"):
                found[Path(line.split(maxsplit=5)[-1]).stem] = child
    return found


async def process_of(services: ModelServices, ref: ModelRef, role: Role) -> psutil.Process:
    """The process of a model that is in memory for a role."""
    [pid] = [model.pid for model in await services.pool.here() if (model.ref, model.role) == (ref, role)]
    assert pid is not None
    return psutil.Process(pid)


async def ask(services: ModelServices, ref: ModelRef, role: Role, text: str, max_tokens: int = 16) -> tuple[str, float]:
    """The answer, and the milliseconds to its first piece, being in memory or not."""
    window = await services.pool.window(ref)
    began, first, said = time.perf_counter(), 0.0, ""
    await services.roles.load(ref, role=role)
    request = ChatRequest(ref.model, (ChatMessage("user", text),), window, max_tokens, temperature=0, role=role)
    async with aclosing(services.pool.chat(ref, request)) as events:
        async for event in events:
            if isinstance(event, TextPiece):
                first = first or (time.perf_counter() - began) * 1000
                said += event.text
    return said, first


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has mapped")
@pytest.mark.long
async def test_both_stay_and_each_gets_its_own(
    services: ModelServices, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    before = processes()
    assert set(before) == {TALK.model, WORK.model}
    router = Router(services.roles, services.pool, Settings().route)
    with caplog.at_level(logging.INFO, "tale_tui.engine.route"):
        for work in WORKS:
            done = await router.route(TASK, p=0.9)
            talk = await router.route(UX)
            assert (talk.ref, done.ref) == (TALK, WORK)
            assert (await ask(services, done.ref, TASK, work))[0].strip()
            assert (await ask(services, talk.ref, UX, "Hello!"))[0].strip()
    said = [record.getMessage() for record in caplog.records if record.name.startswith("tale_tui.engine.route")]
    assert [line.split(":")[0] for line in said] == [f"a task goes to {WORK}", f"a reply goes to {TALK}"] * 3
    assert {name: child.pid for name, child in processes().items()} == {
        name: child.pid for name, child in before.items()
    }
    events = [(entry.ref, entry.what.value) for entry in await store.residencies()]
    assert sorted(events, key=str) == sorted([(TALK, "load"), (WORK, "load")], key=str)
    found = await services.reporter.report()
    assert {model.ref: model.roles for model in found.models} == {TALK: (UX,), WORK: (TASK,)}
    assert all(model.kept and model.load_ms for model in found.models)
    assert not found.one_model


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no nice value to ask for")
async def test_who_works_steps_back_behind_who_answers(services: ModelServices) -> None:
    found = processes()
    # What began with a nice value, as these tests may, cannot go beyond the highest one.
    assert found[WORK.model].nice() == min(psutil.Process().nice() + 10, 19)
    assert found[TALK.model].nice() == psutil.Process().nice()


async def test_a_forecast_is_near_what_is_taken(services: ModelServices) -> None:
    for model in (await services.reporter.report()).models:
        forecast = await services.pool.forecast(model.ref)
        assert forecast is not None
        assert model.size_bytes is not None
        assert model.size_bytes * 0.9 < forecast.total < model.size_bytes * 1.8


@pytest.mark.long
async def test_a_reply_comes_while_the_same_model_works(services: ModelServices) -> None:
    """Also where both roles have one model: each has a process of its own."""
    window = await services.pool.window(TALK)
    await services.roles.load(TALK, role=TASK)
    story = ChatRequest(TALK.model, (ChatMessage("user", "Tell me a story."),), window, 200, temperature=0, role=TASK)
    async with aclosing(services.pool.chat(TALK, story)) as work:
        while not isinstance(await anext(work), TextPiece):
            pass
        said, _ = await ask(services, TALK, UX, "Hello!", 8)
        assert said.strip()
        rest = [event async for event in work if not isinstance(event, PromptRead)]
    # The reply was whole while the story was not.
    assert isinstance(rest[-1], Finished)
    assert len(rest) > 2
    roles = [model.roles for model in (await services.reporter.report()).models if model.ref == TALK]
    assert sorted(roles) == [(), (UX,)]


@pytest.mark.long
async def test_a_process_that_is_killed_while_it_works_is_started_again(services: ModelServices, store: Store) -> None:
    """Calls that wait for it and those that ask again are answered; the other model notices nothing."""
    talking = await process_of(services, TALK, UX)
    killed = asyncio.Event()

    async def work(number: int) -> str:
        for _ in range(3):
            try:
                if number == 0 and not killed.is_set():
                    return await doomed()
                return (await ask(services, WORK, TASK, f"Count to {number + 3}.", 12))[0]
            except BackendCrashed:
                continue
        return ""

    async def doomed() -> str:
        window = await services.pool.window(WORK)
        await services.roles.load(WORK, role=TASK)
        working = await process_of(services, WORK, TASK)
        request = ChatRequest(WORK.model, (ChatMessage("user", "Tell a story."),), window, 400, role=TASK)
        async with aclosing(services.pool.chat(WORK, request)) as events:
            async for event in events:
                if isinstance(event, TextPiece) and not killed.is_set():
                    killed.set()
                    working.kill()
        return ""

    answers = await asyncio.gather(*(work(number) for number in range(10)))
    assert all(answer.strip() for answer in answers)
    assert services.roles.states.status(TASK).state is RoleState.READY
    events = [entry for entry in await store.residencies() if entry.ref == WORK]
    assert [entry.what.value for entry in reversed(events)] == ["load", "died", "load", "recovered"]
    recovery_ms = events[0].ms
    assert recovery_ms
    print(f"recovered in {recovery_ms:.0f} ms")
    assert await process_of(services, TALK, UX) == talking
