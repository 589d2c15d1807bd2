"""Room in memory: what a model takes is forecast, a limit holds, and models that do not fit together take turns."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tale_tui.domain.errors import OutOfMemory
from tale_tui.domain.models import BackendName, LoadedModel, ModelRef, Role
from tale_tui.engine.models.loading.memory import MemoryGuard, main_memory, memory_budget
from tale_tui.engine.models.machine import MachineMemory
from tale_tui.engine.models.memory_forecast import Forecast, cache_bytes

GB = 10**9
BIG = ModelRef(BackendName.OLLAMA, "big")
SMALL = ModelRef(BackendName.OLLAMA, "small")


class Memory:
    """Models in memory. `hold` keeps one from leaving."""

    def __init__(self, *models: LoadedModel) -> None:
        self.models = list(models)
        self.left: list[ModelRef] = []
        self.asked = asyncio.Event()
        self.hold: asyncio.Event | None = None

    async def here(self) -> tuple[LoadedModel, ...]:
        return tuple(self.models)

    async def evict(self, ref: ModelRef) -> None:
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        self.models = [model for model in self.models if model.ref != ref]
        self.left.append(ref)


def guard(limit_gb: float = 30, free_gb: float = 8, **more: Any) -> MemoryGuard:
    return MemoryGuard(limit_gb, lambda: MachineMemory(int(free_gb * GB), 16 * GB), **more)


def test_a_forecast_is_the_file_a_fifth_more_and_the_cache() -> None:
    assert Forecast(1000, 50, 7).total == 1257
    assert Forecast(1000, 50, 7).beside_itself == 257


def test_the_cache_of_a_known_model_is_what_was_measured() -> None:
    assert cache_bytes(layers=30, heads=3, key_length=64, value_length=64, window=1) == 22.5 * 1024


@pytest.mark.parametrize(("limit_gb", "limit"), [(30, 10 * GB), (6, 6 * GB)])
def test_the_limit_is_never_more_than_the_machine_has(limit_gb: float, limit: int) -> None:
    found = memory_budget(limit_gb, MachineMemory(8 * GB, 16 * GB), [LoadedModel(SMALL, size_bytes=2 * GB)])
    assert (found.limit, found.used, found.left) == (limit, 2 * GB, limit - 2 * GB)


def test_what_lies_in_a_gpu_or_is_not_known_does_not_count() -> None:
    assert main_memory(LoadedModel(BIG, size_bytes=10 * GB, gpu_share=0.75)) == 2.5 * GB
    assert main_memory(LoadedModel(BIG)) == 0


async def test_what_fits_comes_in_and_sends_nobody_away() -> None:
    memory = Memory(LoadedModel(SMALL, size_bytes=2 * GB))
    assert await guard().admit(BIG, Forecast(5 * GB), 4096, memory) == ()
    assert memory.left == []


async def test_what_is_not_known_is_let_in() -> None:
    assert await guard(free_gb=0).admit(BIG, None, 4096, Memory()) == ()


async def test_what_was_let_in_counts_before_it_is_there() -> None:
    one = guard()
    await one.admit(BIG, Forecast(0, 5 * GB), 4096, Memory())
    assert not await one.fits(SMALL, Forecast(0, 4 * GB), ())
    one.admission_ended(BIG)
    assert await one.fits(SMALL, Forecast(0, 4 * GB), ())


async def test_what_fits_alone_has_the_others_leave_and_that_is_told() -> None:
    told: list[tuple[ModelRef, tuple[ModelRef, ...]]] = []
    one = guard(on_eviction=lambda arriving, evicted: told.append((arriving, evicted)))
    memory = Memory(LoadedModel(SMALL, size_bytes=2 * GB))
    assert await one.admit(BIG, Forecast(0, 9 * GB), 4096, memory) == (SMALL,)
    assert memory.left == [SMALL]
    assert told == [(BIG, (SMALL,))]


async def test_no_more_leave_than_have_to() -> None:
    sizes = {"a": 1, "b": 4, "c": 2}
    models = [LoadedModel(ModelRef(BackendName.OLLAMA, name), size_bytes=size * GB) for name, size in sizes.items()]
    memory = Memory(*models)
    await guard(free_gb=2).admit(BIG, Forecast(0, 5 * GB), 4096, memory)
    assert [ref.model for ref in memory.left] == ["b"]


@pytest.mark.parametrize(
    ("limit_gb", "words"),
    [
        (30, "big would take about 12.0 GB of memory with a window of 4,096 tokens; 8.0 GB are left for it"),
        (5, "models may use 5.0 GB in all (memory.limit_gb)"),
    ],
)
async def test_what_never_fits_is_refused_with_the_numbers(limit_gb: float, words: str) -> None:
    one, memory = guard(limit_gb), Memory(LoadedModel(SMALL, size_bytes=GB))
    with pytest.raises(OutOfMemory) as caught:
        await one.admit(BIG, Forecast(0, 12 * GB), 4096, memory)
    assert words.replace("8.0 GB", "8.0 GB") in caught.value.sentence
    assert memory.left == []
    assert await one.fits(SMALL, Forecast(0, GB), ())


async def test_who_must_not_push_is_told_who_is_in_the_way() -> None:
    memory = Memory(LoadedModel(SMALL, size_bytes=2 * GB))
    with pytest.raises(OutOfMemory, match="unload small, take a smaller model"):
        await guard().admit(BIG, Forecast(0, 9 * GB), 4096, memory, may_evict=False)


async def test_a_second_process_of_a_file_shares_its_pages() -> None:
    loaded = LoadedModel(BIG, size_bytes=7 * GB, role=Role.UX)
    assert await guard(free_gb=3).fits(BIG, Forecast(6 * GB, GB), (loaded,))
    assert not await guard(free_gb=3).fits(SMALL, Forecast(6 * GB, GB), (loaded,))


async def test_who_is_about_to_leave_is_waited_for() -> None:
    one, memory = guard(), Memory(LoadedModel(SMALL, size_bytes=2 * GB))
    memory.hold = asyncio.Event()
    coming = asyncio.create_task(one.admit(BIG, Forecast(0, 9 * GB), 4096, memory))
    await memory.asked.wait()
    waiting = asyncio.create_task(one.wait_evicted(SMALL))
    await asyncio.sleep(0)
    assert not waiting.done()
    memory.hold.set()
    assert await coming == (SMALL,)
    await waiting
    await one.wait_evicted(SMALL)


async def test_a_model_in_two_processes_leaves_once_and_the_next_one_leaves_too() -> None:
    twice = [LoadedModel(SMALL, size_bytes=2 * GB, role=role) for role in Role]
    other = ModelRef(BackendName.OLLAMA, "other")
    memory = Memory(*twice, LoadedModel(other, size_bytes=1 * GB))
    assert await guard(free_gb=0).admit(BIG, Forecast(0, 5 * GB), 4096, memory) == (SMALL, other)


async def test_who_was_evicted_waits_for_nobody_afterwards() -> None:
    one, memory = guard(), Memory(LoadedModel(SMALL, size_bytes=2 * GB))
    await one.admit(BIG, Forecast(0, 9 * GB), 4096, memory)
    third = ModelRef(BackendName.OLLAMA, "third")
    memory.models, memory.hold = [LoadedModel(third, size_bytes=2 * GB)], asyncio.Event()
    one.admission_ended(BIG)
    memory.asked.clear()
    admitting = asyncio.create_task(one.admit(BIG, Forecast(0, 9 * GB), 4096, memory))
    await memory.asked.wait()
    waiting = asyncio.create_task(one.wait_evicted(SMALL))
    await asyncio.sleep(0)
    assert waiting.done()
    memory.hold.set()
    await admitting


def test_weights_with_two_names_count_once() -> None:
    loaded = (LoadedModel(BIG, size_bytes=5 * GB), LoadedModel(SMALL, size_bytes=5 * GB, shares=BIG))
    assert memory_budget(30, MachineMemory(8 * GB, 16 * GB), loaded).used == 5 * GB


async def test_another_name_of_what_is_there_takes_its_window_alone_and_sends_nobody_away() -> None:
    memory = Memory(LoadedModel(BIG, size_bytes=6 * GB))
    assert await guard(free_gb=2).admit(SMALL, Forecast(6 * GB, 100, shares=BIG), 4096, memory) == ()
    with pytest.raises(OutOfMemory):
        await guard(free_gb=0).admit(SMALL, Forecast(6 * GB, 5 * GB, shares=BIG), 4096, memory)
    assert memory.left == []
