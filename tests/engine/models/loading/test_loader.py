"""The pool and memory: a process for each role, models that take turns, failures that are counted, notes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest

from support.backends import PerRoleScriptedBackend
from support.waiting import until
from tale_tui.domain.constants import BREAKER_OPENS_AFTER, RESIDENT_TRUST_S
from tale_tui.domain.errors import BackendCrashed, OutOfMemory, StoreError, WrongState
from tale_tui.domain.models import BackendName, LoadedModel, ModelRef, ResidencyChange, Role
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, Finished
from tale_tui.engine.models.loading.loader import ResidencyCache
from tale_tui.engine.models.loading.memory import MemoryGuard
from tale_tui.engine.models.loading.residency_log import ResidencyLog
from tale_tui.engine.models.machine import MachineMemory
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import given_backends
from tale_tui.engine.models.scripted import Fail, Hold, Say, Script, ScriptedBackend, spoken

GB = 10**9
UX, TASK = Role.UX, Role.TASK
SMALL, BIG = (ModelRef(BackendName.SCRIPTED, name) for name in ("small", "big"))


class Notes:
    """A store in memory; `broken` cannot write."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str]] = []
        self.ms: dict[str, float] = {}
        self.broken = False

    async def add_residency(
        self, ref: ModelRef, what: str, *, ms: float | None, size_bytes: int | None, at: float | None
    ) -> None:
        if self.broken:
            raise StoreError("The disk is full.")
        self.kept.append((ref.model, what))

    async def typical_ms(self, ref: ModelRef, what: str) -> float | None:
        if self.broken:
            raise StoreError("The disk is full.")
        return self.ms.get(ref.model)


class Rig:
    def __init__(self, backend: ScriptedBackend, free_gb: float = 8) -> None:
        self.time = 0.0
        self.notes = Notes()
        self.backend = backend
        self.evictions: list[tuple[ModelRef, tuple[ModelRef, ...]]] = []
        self.machine = lambda: MachineMemory(int(free_gb * GB), 16 * GB)
        self.guard = MemoryGuard(
            30,
            lambda: self.machine(),
            on_eviction=lambda arriving, evicted: self.evictions.append((arriving, evicted)),
        )
        self.pool = Pool(
            given_backends({BackendName.SCRIPTED: backend}),
            window=0,
            probe_s=1,
            monotonic=lambda: self.time,
            guard=self.guard,
            residency_log=ResidencyLog(self.notes, lambda: self.time),
        )

    def chat(self, ref: ModelRef, role: Role = UX) -> AsyncGenerator[BackendEvent, None]:
        return self.pool.chat(ref, ChatRequest(ref.model, (ChatMessage("user", "hi"),), 4096, 10, role=role))

    async def ask(self, ref: ModelRef, role: Role = UX) -> int:
        async with aclosing(self.chat(ref, role)) as events:
            return len([event async for event in events])


async def test_each_role_has_a_process_of_its_own() -> None:
    rig = Rig(PerRoleScriptedBackend())
    assert (await rig.pool.load(SMALL)).role is UX
    assert rig.pool.resident(SMALL, TASK) is None
    assert (await rig.pool.load(SMALL, role=TASK)).role is TASK
    assert rig.pool.separate(SMALL)
    await rig.ask(SMALL, TASK)
    assert rig.backend.requests[-1].role is TASK
    assert rig.backend.loads == ["small", "small"]
    rig.time += RESIDENT_TRUST_S
    await rig.pool.load(SMALL, role=TASK)
    assert rig.backend.loads == ["small", "small"]


async def test_elsewhere_the_roles_share_one() -> None:
    rig = Rig(ScriptedBackend([spoken("a")], models=("small",)))
    await rig.pool.load(SMALL)
    assert rig.pool.resident(SMALL, TASK) is not None
    await rig.pool.load(SMALL, role=TASK)
    assert rig.backend.loads == ["small"]
    assert not rig.pool.separate(SMALL)


async def test_a_second_process_that_does_not_fit_is_shared_instead() -> None:
    rig = Rig(PerRoleScriptedBackend(sizes={"small": 9 * GB}), free_gb=0.5)
    rig.backend.processes["small", UX] = LoadedModel(SMALL, 8192, 9 * GB, role=UX)
    await rig.pool.load(SMALL)
    assert (await rig.pool.load(SMALL, role=TASK)).role is UX
    assert rig.pool.resident(SMALL, TASK) is not None
    await rig.ask(SMALL, TASK)
    assert rig.backend.requests[-1].role is UX
    await rig.pool.unload(SMALL)
    assert rig.pool.resident(SMALL, TASK) is None
    await rig.ask(SMALL, TASK)
    assert rig.backend.requests[-1].role is TASK


async def test_who_shared_a_process_gets_its_own_when_there_is_room() -> None:
    rig = Rig(PerRoleScriptedBackend(sizes={"small": 9 * GB}), free_gb=0.5)
    rig.backend.processes["small", UX] = LoadedModel(SMALL, 8192, 9 * GB, role=UX)
    assert (await rig.pool.load(SMALL, role=TASK)).role is UX
    rig.machine = lambda: MachineMemory(8 * GB, 16 * GB)
    rig.time += RESIDENT_TRUST_S
    assert (await rig.pool.load(SMALL, role=TASK)).role is TASK
    await rig.ask(SMALL, TASK)
    assert rig.backend.requests[-1].role is TASK


async def test_for_a_second_process_nobody_has_to_leave() -> None:
    rig = Rig(PerRoleScriptedBackend(sizes={"small": 5 * GB, "big": 6 * GB}), free_gb=0.2)
    rig.backend.processes["small", UX] = LoadedModel(SMALL, 8192, 5 * GB, role=UX)
    rig.backend.processes["big", TASK] = LoadedModel(BIG, 8192, 6 * GB, role=TASK)
    assert (await rig.pool.load(SMALL, role=TASK)).role is UX
    assert {model.ref for model in await rig.pool.here()} == {SMALL, BIG}


async def test_a_process_of_nobody_knows_whom_is_not_shared() -> None:
    rig = Rig(PerRoleScriptedBackend(sizes={"small": 9 * GB}), free_gb=0.5)
    rig.backend.processes["small", None] = LoadedModel(SMALL, 8192, 9 * GB)
    with pytest.raises(OutOfMemory):
        await rig.pool.load(SMALL, role=TASK)


async def test_a_model_with_another_window_is_loaded_again() -> None:
    rig = Rig(PerRoleScriptedBackend())
    rig.backend.processes["small", UX] = LoadedModel(SMALL, 512, role=UX)
    assert (await rig.pool.load(SMALL)).window == 8192
    assert rig.backend.loads == ["small"]


class SmallWindow(ScriptedBackend):
    """Serves a smaller window than is asked for."""

    async def load(self, model: str, window: int | None) -> LoadedModel:
        self.in_memory[model] = replace(await super().load(model, window), window=2048)
        return self.in_memory[model]


async def test_a_window_that_was_served_smaller_than_it_was_asked_for_is_taken_as_it_is() -> None:
    rig = Rig(SmallWindow([spoken("a")], models=("small",)))
    await rig.pool.load(SMALL)
    assert rig.pool.known_window(SMALL) == 2048
    rig.time += RESIDENT_TRUST_S
    assert (await rig.pool.load(SMALL)).window == 2048
    assert rig.backend.loads == ["small"]


async def test_who_waits_for_a_load_that_is_under_way_is_told_and_nothing_is_asked_twice() -> None:
    gate = asyncio.Event()
    backend = PerRoleScriptedBackend()
    load_for = backend.load_for

    async def gated(role: Role, model: str, window: int | None) -> LoadedModel:
        await gate.wait()
        return await load_for(role, model, window)

    backend.load_for = gated  # type: ignore[method-assign]
    rig, told = Rig(backend), []
    loads = [asyncio.create_task(rig.pool.load(SMALL, lambda number=number: told.append(number))) for number in (1, 2)]
    await until(lambda: sorted(told) == [1, 2], "both wait")
    gate.set()
    assert await asyncio.gather(*loads) == [await rig.pool.load(SMALL)] * 2
    assert (backend.loads, backend.looks) == (["small"], 1)


class LoadsWithin(PerRoleScriptedBackend):
    """Says of every call that the model was loaded within it."""

    async def chat(self, request: ChatRequest) -> AsyncGenerator[BackendEvent, None]:
        async with aclosing(super().chat(request)) as events:
            async for event in events:
                yield replace(event, load_ms=4000.0) if isinstance(event, Finished) else event


async def test_a_call_keeps_a_model_known_and_a_load_within_it_is_noted() -> None:
    rig = Rig(LoadsWithin())
    await rig.pool.load(SMALL)
    rig.time += RESIDENT_TRUST_S - 1
    await rig.ask(SMALL)
    rig.time += RESIDENT_TRUST_S - 1
    assert rig.pool.resident(SMALL) is not None
    assert rig.notes.kept == [("small", "load"), ("small", "load")]


async def test_a_model_that_was_loaded_by_somebody_else_meanwhile_is_no_load_of_ours() -> None:
    class There(ScriptedBackend):
        async def load(self, model: str, window: int | None) -> LoadedModel:
            return replace(await super().load(model, window), load_ms=0.0)

    rig = Rig(There([spoken("a")], models=("small",)))
    await rig.pool.load(SMALL)
    assert rig.notes.kept == []


@pytest.fixture
def crowded() -> Rig:
    """Room for one of two models."""
    return Rig(PerRoleScriptedBackend(sizes={"small": 5 * GB, "big": 6 * GB}), free_gb=8)


async def test_models_that_do_not_fit_together_take_turns(crowded: Rig) -> None:
    crowded.machine = lambda: MachineMemory(8 * GB - 5 * GB * len(crowded.backend.processes), 16 * GB)
    await crowded.pool.load(SMALL)
    await crowded.pool.load(BIG, role=TASK)
    assert [model.ref for model in await crowded.pool.here()] == [BIG]
    assert crowded.pool.resident(SMALL) is None
    assert crowded.notes.kept == [("small", "load"), ("small", "unload"), ("big", "load"), ("big", "switch")]
    with pytest.raises(OutOfMemory, match="unload big"):
        await crowded.pool.load(SMALL, may_evict=False)


async def test_who_is_at_work_is_waited_for_and_comes_back_when_asked(crowded: Rig) -> None:
    gate = asyncio.Event()
    crowded.backend.answers = [Script((Say("a"), Hold(gate), Say("b"))), spoken("c")]
    crowded.machine = lambda: MachineMemory(8 * GB - 5 * GB * len(crowded.backend.processes), 16 * GB)
    await crowded.pool.load(SMALL)
    async with aclosing(crowded.chat(SMALL)) as events:
        await anext(events)
        assert crowded.pool.residency.busy(SMALL)
        with pytest.raises(WrongState, match="small is at work"):
            await crowded.pool.unload(SMALL)
        loading = asyncio.create_task(crowded.pool.load(BIG, role=TASK))
        await until(lambda: crowded.evictions, "it is to leave")
        again = asyncio.create_task(crowded.pool.load(SMALL))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not again.done(), "it is about to leave"
        assert not loading.done()
        gate.set()
        assert len([event async for event in events]) == 2
    assert (await loading).ref == BIG
    assert (await again).ref == SMALL
    crowded.time += RESIDENT_TRUST_S
    looks = crowded.backend.looks
    assert await crowded.ask(SMALL) == 2
    assert crowded.backend.looks == looks, "it came back, so nobody need look"
    await crowded.pool.load(BIG, role=TASK)
    assert await crowded.ask(SMALL) == 2
    assert [model.ref for model in await crowded.pool.here()] == [SMALL]


async def test_a_model_is_at_work_until_the_last_of_its_calls_ends() -> None:
    known = ResidencyCache(lambda: 0.0, RESIDENT_TRUST_S)
    with known.call(SMALL):
        with known.call(SMALL):
            pass
        waiting = asyncio.create_task(known.idle(SMALL))
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


class OneAtATime(ScriptedBackend):
    """A server that has room for one model, and says nothing when another leaves for it."""

    async def load(self, model: str, window: int) -> LoadedModel:
        self.in_memory.clear()
        return await super().load(model, window)


async def test_a_server_that_makes_room_by_itself_is_noticed() -> None:
    rig = Rig(OneAtATime([spoken("a")], models=("small", "big")))
    await rig.pool.load(SMALL)
    await rig.pool.load(BIG)
    assert rig.evictions == [(BIG, (SMALL,))]
    assert rig.pool.resident(SMALL) is None
    assert rig.notes.kept == [("small", "load"), ("big", "load"), ("small", "evicted")]


async def test_a_hundred_calls_of_a_process_that_dies_recover() -> None:
    """All break off together, which counts as one failure; all succeed when they are asked again."""
    gate = asyncio.Event()
    dies = Script((Say("a"), Hold(gate), Fail(BackendCrashed("The process ended."))))
    backend = PerRoleScriptedBackend(*[dies] * 100, spoken("b"))
    rig = Rig(backend)
    await rig.pool.load(BIG, role=TASK)
    calls = [asyncio.create_task(rig.ask(BIG, TASK)) for _ in range(100)]
    await until(lambda: backend.open_streams == 100, "all are under way")
    backend.processes.clear()
    rig.time = 10.0
    gate.set()
    assert {type(error) for error in await asyncio.gather(*calls, return_exceptions=True)} == {BackendCrashed}
    assert rig.pool.troubled.is_set()
    assert not rig.pool.breakers.open(BIG)
    assert not rig.pool.residency.busy(BIG)

    async def again() -> int:
        await rig.pool.load(BIG, role=TASK)
        return await rig.ask(BIG, TASK)

    rig.time = 12.5
    assert await asyncio.gather(*(again() for _ in range(100))) == [2] * 100
    assert backend.loads == ["big", "big"]
    assert rig.notes.kept == [("big", "load"), ("big", "died"), ("big", "load"), ("big", "recovered")]


async def test_one_that_dies_again_and_again_is_given_up_and_serves_again_when_it_works() -> None:
    backend = PerRoleScriptedBackend(
        *[Script((Fail(BackendCrashed("The process ended.")),))] * BREAKER_OPENS_AFTER, spoken("b")
    )
    rig = Rig(backend)
    for _ in range(BREAKER_OPENS_AFTER):
        rig.time += 1
        with pytest.raises(BackendCrashed):
            await rig.ask(BIG, TASK)
    assert rig.pool.breakers.open(BIG)
    await rig.ask(BIG, TASK)
    assert not rig.pool.breakers.open(BIG)


@pytest.mark.parametrize("work", [lambda log: log.note(BIG, "load", 5.0), lambda log: log.learn(BIG)])
async def test_what_cannot_be_kept_is_only_lost(
    work: Callable[[ResidencyLog], asyncio.Future[None]], caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes()
    notes.broken = True
    await work(ResidencyLog(notes, lambda: 1.0))
    assert "The disk is full." in caplog.text


async def test_how_long_a_load_takes_is_learned_from_earlier_ones() -> None:
    notes = Notes()
    residency_log = ResidencyLog(notes, lambda: 1.0)
    assert residency_log.typical_load_s(BIG) is None
    await residency_log.note(BIG, ResidencyChange.LOAD, 4000.0)
    assert (residency_log.load_ms(BIG), residency_log.typical_load_s(BIG)) == (4000.0, 4.0)
    notes.ms["big"] = 2000.0
    await residency_log.learn(BIG)
    assert residency_log.typical_load_s(BIG) == 2.0
