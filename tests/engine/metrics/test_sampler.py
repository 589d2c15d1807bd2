"""Samples are taken while something happens or somebody looks; for the rest there is one row, or a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from support.calls import LARGE, SMALL
from support.waiting import until
from tale_tui.config.settings import SampleSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import DiskFull
from tale_tui.domain.models import BackendName, LoadedModel
from tale_tui.domain.samples import Figure, Sample
from tale_tui.domain.tasks import TaskCounts
from tale_tui.engine.metrics.gauges import GaugeReading, ProcessReading
from tale_tui.engine.metrics.models_seen import ModelsSeen
from tale_tui.engine.metrics.sampler import EngineWork, Sampler
from tale_tui.engine.models.loading.loader import BackendModels

BEGAN = 1_000_000.0
GIGABYTE = 10**9


class Gauges:
    """A machine on which always the same happens."""

    def __init__(self) -> None:
        self.readings = 0

    def prime(self) -> None:
        self.readings = 0

    def read(self, pids: Any = ()) -> GaugeReading:
        self.readings += 1
        process = ProcessReading(5 * GIGABYTE, 80.0, 1.0)
        return GaugeReading(ProcessReading(90_000_000, 2.0, 0.5), 40.0, 8_000.0, 3.0, 1.0, dict.fromkeys(pids, process))


class World:
    """An engine, a clock, and a store that can be full. Waiting takes no time but that of the clock.

    Attributes:
        plan: called one after the other, each when the sampler waits; after the last one it waits for ever.
    """

    def __init__(self) -> None:
        self.wall, self.steady = BEGAN, 100.0
        self.calls = self.ended = self.bytes = 0
        self.full = self.loads = False
        self.samples: list[Sample] = []
        self.extended: dict[int, float] = {}
        self.thinned: list[float] = []
        self.plan: list[Callable[[], object]] = []
        self.waits: list[float] = []
        self.looks = 0
        self.models = [LoadedModel(SMALL, size_bytes=5 * GIGABYTE, gpu_share=1.0, pid=7)]

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        self.waits.append(seconds)
        if not self.plan:
            await event.wait()
            return
        self.wall += seconds
        self.steady += seconds
        self.plan.pop(0)()
        await asyncio.sleep(0)

    async def add_sample(self, sample: Sample) -> int:
        if self.full:
            raise DiskFull("no room")
        self.samples.append(sample)
        return len(self.samples) - 1

    async def extend_sample(self, n: int, ended: float) -> None:
        self.extended[n] = ended

    async def roll_up(self, minutes_from: float) -> None:
        pass

    async def thin(self, samples_before: float, steps_before: list[tuple[int, float]]) -> None:
        self.thinned.append(samples_before)

    async def task_counts(self) -> TaskCounts:
        return TaskCounts(queued=3, running=1)

    async def look(self) -> tuple[BackendModels, ...]:
        self.looks += 1
        return (BackendModels(BackendName.EMBEDDED, True, tuple(self.models)),)

    def sampler(self, *, stays: bool = True, enabled: bool = True) -> Sampler:
        clock = Clock(lambda: self.wall, lambda: self.steady)
        seen = ModelsSeen(self.look, lambda: len(self.models), clock.monotonic)
        work = EngineWork(lambda: self.calls, lambda: self.ended, lambda: SMALL, lambda: self.loads, lambda: self.bytes)
        settings = SampleSettings(enabled=enabled)
        return Sampler(
            self, settings, clock, work, seen, lambda _: None, stays=stays, gauges=Gauges(), wait=self.wait  # type: ignore[arg-type]
        )  # fmt: skip

    def end_call(self) -> None:
        self.calls, self.ended = 0, self.ended + 1

    async def settle(self) -> None:
        """Wait until the plan is done and the sampler sleeps."""
        waits = -1
        while self.plan or waits != len(self.waits):
            waits = len(self.waits)
            for _ in range(20):
                await asyncio.sleep(0.001)


@pytest.fixture
def world() -> World:
    return World()


def nothing() -> None:
    """Time goes by."""


async def test_a_model_that_is_loaded_for_the_first_time_was_not_missing(world: World) -> None:
    def set_models(models: list[LoadedModel], *, loads: bool) -> Callable[[], None]:
        def change() -> None:
            world.models, world.loads = models, loads

        return change

    loaded = world.models
    world.calls, world.models, world.loads = 1, [], True
    world.plan = [
        nothing,
        set_models(loaded, loads=False),
        set_models([], loads=True),
        set_models(loaded, loads=False),
        world.end_call,
    ]
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    busy = [sample[Figure.SMALL_RESIDENT] for sample in world.samples if not sample.idle]
    assert busy == [None, 1.0, 0.0, 1.0, 1.0]
    await sampler.close()


async def test_a_model_that_is_given_back_at_the_end_is_not_missing(world: World) -> None:
    world.calls = 1
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    world.models, world.calls, world.ended = [], 0, 1
    await sampler.close()
    assert [sample[Figure.SMALL_RESIDENT] for sample in world.samples] == [None]


async def test_a_model_that_is_not_loaded_and_not_on_its_way_is_missing(world: World) -> None:
    world.calls, world.models = 1, []
    world.plan = [world.end_call]
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    assert world.samples[0][Figure.SMALL_RESIDENT] == 0.0
    await sampler.close()


async def test_a_call_is_noticed_behind_its_request(world: World) -> None:
    world.calls = 1
    world.plan = [world.end_call]
    sampler = world.sampler()
    sampler.call_begins()
    await asyncio.sleep(0)
    assert not world.waits
    await until(lambda: world.waits, "the sampler is woken")
    await world.settle()
    assert [sample.idle for sample in world.samples] == [False, True]
    await sampler.close()
    sampler.call_begins()  # the engine ends meanwhile


async def test_while_a_call_runs_a_sample_is_taken_every_five_seconds_and_one_after_its_end(world: World) -> None:
    world.calls = 1
    world.plan = [nothing, nothing, world.end_call]
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    busy = [sample for sample in world.samples if not sample.idle]
    assert [(sample.began - BEGAN, sample.ended - BEGAN) for sample in busy] == [(0, 5), (5, 10), (10, 15)]
    assert [sample.idle for sample in world.samples] == [False, False, False, True]
    await sampler.close()


async def test_a_sample_has_what_is_to_be_measured(world: World) -> None:
    def receive() -> None:
        world.bytes += 10_000_000

    world.calls, world.plan = 1, [receive]
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    sample = world.samples[0]
    assert sample[Figure.QUEUED] == 3
    assert sample[Figure.RUNNING] == 1
    assert sample[Figure.CALLS] == 1
    assert sample[Figure.MODELS_MEMORY] == 5000
    assert sample[Figure.SMALL_RESIDENT] == 1
    assert sample[Figure.APP_MEMORY] == 90
    assert sample[Figure.OWN_NETWORK] == pytest.approx(2.0)
    assert sample[Figure.MACHINE_CPU] == 40
    [model] = sample.models
    assert (model.ref, model.cpu_percent, model.process_bytes, model.reason) == (SMALL, 80.0, 5 * GIGABYTE, "")
    await sampler.close()


async def test_of_a_model_without_a_known_size_the_sum_is_not_known(world: World) -> None:
    world.models.append(LoadedModel(LARGE))
    sampler = world.sampler()
    sampler.begin()
    await world.settle()
    assert world.samples[0][Figure.MODELS_MEMORY] is None
    assert world.samples[0].models[1].reason
    await sampler.close()


async def test_while_somebody_looks_it_is_every_two_seconds_for_ten(world: World) -> None:
    world.plan = [nothing] * 5
    sampler = world.sampler()
    sampler.looked_at()
    await world.settle()
    assert [sample.ended - BEGAN for sample in world.samples if not sample.idle] == [2, 4, 6, 8, 10]
    assert world.samples[-1].idle
    await sampler.close()


async def test_a_time_in_which_nothing_happens_is_one_row_that_is_extended_once_a_minute(world: World) -> None:
    world.plan = [nothing] * 60
    sampler = world.sampler()
    sampler.begin()
    await world.settle()
    assert len(world.samples) == 1
    assert world.extended == {0: BEGAN + 3600}
    assert set(world.waits) == {60.0}
    assert world.looks == 1, "no server is asked meanwhile"
    await sampler.close()


async def test_a_call_ends_such_a_time_at_once(world: World) -> None:
    sampler = world.sampler()
    sampler.begin()
    await world.settle()
    world.wall += 7
    world.steady += 7
    world.calls, world.plan = 1, [world.end_call]
    sampler.nudge()
    await world.settle()
    assert world.extended[0] == BEGAN + 7
    assert [(sample.began - BEGAN, sample.idle) for sample in world.samples] == [(0, True), (7, False), (12, True)]
    await sampler.close()


async def test_a_machine_that_slept_leaves_a_gap(world: World) -> None:
    def sleep() -> None:
        world.wall += 3600

    world.plan = [nothing, sleep, nothing]
    sampler = world.sampler()
    sampler.begin()
    await world.settle()
    assert [sample.began - BEGAN for sample in world.samples] == [0, 3720]
    assert world.extended == {0: BEGAN + 60, 1: BEGAN + 3780}
    await sampler.close()


async def test_one_that_slept_while_a_call_ran_leaves_one_too(world: World) -> None:
    def sleep() -> None:
        world.wall += 3600

    world.calls, world.plan = 1, [nothing, sleep, world.end_call]
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    spans = [(sample.began - BEGAN, sample.ended - BEGAN) for sample in world.samples if not sample.idle]
    assert spans == [(0, 5), (3605, 3610), (3610, 3615)]
    await sampler.close()


async def test_after_a_clock_that_was_set_back_a_row_begins_anew(world: World) -> None:
    def set_back() -> None:
        world.wall -= 7200

    world.plan = [nothing, set_back, nothing]
    sampler = world.sampler()
    sampler.begin()
    await world.settle()
    assert [sample.began - BEGAN for sample in world.samples] == [0, 120 - 7200]
    assert world.extended == {0: BEGAN + 60, 1: BEGAN + 180 - 7200}
    assert all(sample.began <= sample.ended for sample in world.samples)
    await sampler.close()


async def test_a_command_that_is_the_engine_for_a_call_notes_that_call_alone(world: World) -> None:
    sampler = world.sampler(stays=False)
    sampler.begin()
    sampler.looked_at()
    await world.settle()
    assert (world.samples, world.waits) == ([], [])
    world.calls, world.plan = 1, [world.end_call]
    sampler.nudge()
    await world.settle()
    assert [sample.idle for sample in world.samples] == [False]
    await sampler.close()


async def test_the_end_keeps_what_was_not_kept_yet(world: World) -> None:
    world.calls = 1
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    world.wall += 3
    world.steady += 3
    await sampler.close()
    [sample] = world.samples
    assert (sample.began, sample.ended) == (BEGAN, BEGAN + 3)
    sampler.nudge()
    await sampler.close()
    assert len(world.samples) == 1


async def test_a_full_disk_is_a_gap_and_no_end(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def filled() -> None:
        world.full = True

    def freed() -> None:
        world.full = False

    world.calls, world.plan = 1, [nothing, filled, nothing, freed, world.end_call]
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    assert [sample.ended - BEGAN for sample in world.samples if not sample.idle] == [5, 20, 25]
    assert [record.getMessage() for record in caplog.records if "not kept" in record.getMessage()] == [
        "samples are not kept: no room"
    ]
    await sampler.close()


async def test_nothing_is_taken_where_the_settings_say_so(world: World) -> None:
    world.calls = 1
    sampler = world.sampler(enabled=False)
    sampler.begin()
    sampler.nudge()
    await world.settle()
    assert (world.samples, world.waits) == ([], [])
    await sampler.close()


async def test_what_is_kept_no_longer_goes_now_and_then(world: World) -> None:
    world.plan = [nothing] * 361
    sampler = world.sampler()
    sampler.begin()
    await world.settle()
    hours_48 = 48 * 3600
    assert world.thinned == [BEGAN - hours_48, BEGAN + 21_600 - hours_48]
    await sampler.close()


async def test_servers_are_asked_again_where_something_changed_or_after_half_a_minute(world: World) -> None:
    def load() -> None:
        world.models.append(LoadedModel(LARGE, size_bytes=9 * GIGABYTE))

    world.calls, world.plan = 1, [nothing, load, *[nothing] * 6]
    sampler = world.sampler()
    sampler.nudge()
    await world.settle()
    await until(lambda: len(world.samples) >= 8, "samples")
    assert [len(sample.models) for sample in world.samples[:3]] == [1, 2, 2]
    assert world.looks == 3
    await sampler.close()
