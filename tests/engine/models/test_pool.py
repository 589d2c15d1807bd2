import asyncio
from collections.abc import Mapping

import pytest

from tale_tui.config.paths import Paths
from tale_tui.config.settings import OpenAISettings, Settings
from tale_tui.domain.constants import RESIDENT_TRUST_S
from tale_tui.domain.errors import BackendCrashed, ModelNotFound, NotAvailable, Unreachable
from tale_tui.domain.models import BackendName, LoadedModel, ModelRef
from tale_tui.engine.models.backend import Backend, BackendEvent, BackendRegistry, ChatMessage, ChatRequest, TextPiece
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import configured_backends, given_backends
from tale_tui.engine.models.scripted import Fail, Say, Script, ScriptedBackend, spoken

SCRIPTED = BackendName.SCRIPTED
DEMO = ModelRef(SCRIPTED, "demo")


class Timer:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def timer() -> Timer:
    return Timer()


def pool_of(backend: Backend, timer: Timer, *, window: int = 0) -> Pool:
    return Pool(given_backends({SCRIPTED: backend}), window=window, probe_s=1.0, monotonic=timer)


async def ask(pool: Pool) -> list[BackendEvent]:
    request = ChatRequest("demo", (ChatMessage("user", "hi"),), 4096, 10)
    return [event async for event in pool.chat(DEMO, request)]


async def test_a_model_is_loaded_once_and_then_believed_for_a_while(timer: Timer) -> None:
    backend = ScriptedBackend([spoken("a")])
    pool = pool_of(backend, timer)
    waited: list[str] = []
    assert pool.resident(DEMO) is None
    assert await pool.load(DEMO, lambda: waited.append("first")) == LoadedModel(DEMO, 8192)
    assert pool.resident(DEMO) == LoadedModel(DEMO, 8192)
    await backend.unload("demo")
    await pool.load(DEMO, lambda: waited.append("cached"))
    timer.time += RESIDENT_TRUST_S
    await pool.load(DEMO, lambda: waited.append("evicted"))
    assert waited == ["first", "evicted"]
    assert backend.loads == ["demo", "demo"]


async def test_one_that_is_still_there_is_not_loaded_again(timer: Timer) -> None:
    backend = ScriptedBackend([spoken("a")])
    pool = pool_of(backend, timer)
    await pool.load(DEMO)
    timer.time += RESIDENT_TRUST_S
    await pool.load(DEMO)
    assert backend.loads == ["demo"]


async def test_one_that_somebody_loaded_with_another_window_is_loaded_as_asked(timer: Timer) -> None:
    backend = ScriptedBackend([spoken("a")])
    await backend.load("demo", 2048)
    loaded = await pool_of(backend, timer, window=4096).load(DEMO)
    assert loaded.window == 4096
    assert backend.loads == ["demo", "demo"]


async def test_a_window_that_the_server_makes_smaller_is_not_asked_for_again_and_again(timer: Timer) -> None:
    backend = ScriptedBackend([spoken("a")], window=8192)
    pool = pool_of(backend, timer, window=32768)
    assert (await pool.load(DEMO)).window == 8192
    assert pool.known_window(DEMO) == 8192
    timer.time += RESIDENT_TRUST_S
    await pool.load(DEMO)
    assert backend.loads == ["demo"]


async def test_an_answer_makes_it_believed_for_longer(timer: Timer) -> None:
    backend = ScriptedBackend([spoken("a")])
    pool = pool_of(backend, timer)
    await pool.load(DEMO)
    timer.time += RESIDENT_TRUST_S - 1
    assert await ask(pool)
    timer.time += RESIDENT_TRUST_S - 1
    assert pool.resident(DEMO) is not None


async def test_an_error_ends_the_belief(timer: Timer) -> None:
    backend = ScriptedBackend([Script((Say("a"), Fail(BackendCrashed("dead")))), spoken("b")])
    pool = pool_of(backend, timer)
    await pool.load(DEMO)
    with pytest.raises(BackendCrashed):
        await ask(pool)
    assert pool.resident(DEMO) is None
    await backend.unload("demo")
    await pool.load(DEMO)
    assert backend.loads == ["demo", "demo"]
    assert (await ask(pool))[0] == TextPiece("b")


async def test_two_that_want_it_at_once_load_it_once(timer: Timer) -> None:
    gate = asyncio.Event()
    backend = SlowToLoad(gate)
    pool = pool_of(backend, timer)
    waited: list[int] = []
    first = asyncio.create_task(pool.load(DEMO, lambda: waited.append(1)))
    await backend.begun.wait()
    second = asyncio.create_task(pool.load(DEMO, lambda: waited.append(2)))
    await asyncio.sleep(0)
    assert waited == [1, 2]
    gate.set()
    assert await first == await second
    assert backend.loads == ["demo"]


async def test_when_the_first_gives_up_the_second_loads_it(timer: Timer) -> None:
    gate = asyncio.Event()
    backend = SlowToLoad(gate)
    pool = pool_of(backend, timer)
    first = asyncio.create_task(pool.load(DEMO))
    await backend.begun.wait()
    second = asyncio.create_task(pool.load(DEMO))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert (await second).ref == DEMO
    with pytest.raises(asyncio.CancelledError):
        await first


class SlowToLoad(ScriptedBackend):
    def __init__(self, gate: asyncio.Event) -> None:
        super().__init__([spoken("a")])
        self.gate = gate
        self.begun = asyncio.Event()

    async def load(self, model: str, window: int | None) -> LoadedModel:
        self.begun.set()
        await self.gate.wait()
        return await super().load(model, window)


async def test_the_same_window_is_asked_for_in_every_call(timer: Timer) -> None:
    backend = ScriptedBackend([spoken("a")], window=2048)
    pool = pool_of(backend, timer)
    assert await pool.window(DEMO) == 2048
    backend.away = Unreachable("gone")
    assert await pool.window(DEMO) == 2048
    assert await pool_of(backend, timer, window=512).window(DEMO) == 512


async def test_an_unknown_backend_is_named_and_reported(timer: Timer) -> None:
    pool = pool_of(ScriptedBackend([spoken("a")]), timer)
    with pytest.raises(NotAvailable, match="no backend ollama"):
        await pool.load(ModelRef(BackendName.OLLAMA, "m"))
    report = await pool.report(BackendName.OLLAMA)
    assert not report.available
    assert "scripted" in report.detail


async def test_pulling_and_counting_go_to_the_backend(timer: Timer) -> None:
    backend = ScriptedBackend([spoken("a")])
    pool = pool_of(backend, timer)
    assert [step.finished async for step in pool.pull(ModelRef(SCRIPTED, "more"))] == [False, True]
    assert await pool.count_tokens(DEMO, (ChatMessage("user", "1234"),)) == 5
    with pytest.raises(ModelNotFound):
        await pool.load(ModelRef(SCRIPTED, "none"))


async def test_closing_closes_only_what_was_made() -> None:
    made: list[BackendName] = []
    closed: list[BackendName] = []

    class Closing(ScriptedBackend):
        async def close(self) -> None:
            closed.append(BackendName.SCRIPTED)

    def make() -> Backend:
        made.append(SCRIPTED)
        return Closing()

    backends = BackendRegistry({SCRIPTED: make, BackendName.OLLAMA: make}, (SCRIPTED,))
    assert await backends.get(SCRIPTED) is await backends.get(SCRIPTED)
    await backends.close()
    await backends.close()
    assert made == [SCRIPTED]
    assert closed == [SCRIPTED]


@pytest.mark.parametrize(
    ("error", "other", "raised"),
    [
        (Unreachable("It does not answer."), None, Unreachable),
        (Unreachable("It does not answer."), OSError("a bug"), ExceptionGroup),
    ],
    ids=["one", "two"],
)
async def test_one_that_cannot_be_closed_keeps_no_other_open(
    error: Exception, other: Exception | None, raised: type[Exception]
) -> None:
    closed: list[str] = []

    class Closing(ScriptedBackend):
        def __init__(self, error: Exception | None = None) -> None:
            super().__init__()
            self._error = error

        async def close(self) -> None:
            if self._error is not None:
                raise self._error
            for _ in range(5):  # longer than it takes to tell the error
                await asyncio.sleep(0)
            closed.append(self.name)

    names = (SCRIPTED, BackendName.OLLAMA, BackendName.EMBEDDED)
    backends = given_backends(dict(zip(names, (Closing(), Closing(error), Closing(other)), strict=True)))
    for name in names:
        await backends.get(name)
    with pytest.raises(raised):
        await backends.close()
    assert len(closed) == (2 if other is None else 1)


@pytest.mark.parametrize(
    ("url", "automatic"),
    [
        (OpenAISettings().base_url, (BackendName.OLLAMA, BackendName.EMBEDDED)),
        ("http://127.0.0.1:9/v1", (BackendName.OLLAMA, BackendName.OPENAI, BackendName.EMBEDDED)),
    ],
)
async def test_the_configured_backends_are_made_when_they_are_wanted(
    paths: Paths, url: str, automatic: tuple[BackendName, ...]
) -> None:
    backends = configured_backends(Settings(openai=OpenAISettings(base_url=url)), paths)
    assert backends.automatic == automatic
    names: Mapping[BackendName, str] = {name: (await backends.get(name)).name for name in BackendName}
    assert names == {name: name for name in BackendName}
    await backends.close()
