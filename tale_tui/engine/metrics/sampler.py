"""Takes samples while something happens or somebody looks, and notes for how long nothing does. Then it sleeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from tale_tui.config.load_thread import in_load_thread
from tale_tui.config.settings import SampleSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import (
    CLOCK_TOLERANCE_S,
    DAY_S,
    HOUR_S,
    IDLE_EXTENDED_S,
    LOOKED_AT_INTERVAL_S,
    LOOKED_AT_S,
    MEGABYTE,
    NOTICED_AFTER_S,
    SAMPLE_INTERVAL_S,
    SAMPLES_THINNED_S,
)
from tale_tui.domain.errors import StoreError, TaleError
from tale_tui.domain.events import Fact, Notice
from tale_tui.domain.models import ModelRef
from tale_tui.domain.samples import SAMPLED_FIGURES, Figure, Sample
from tale_tui.domain.tasks import TaskCounts
from tale_tui.engine.metrics.gauges import CounterRates, GaugeReader, GaugeReading
from tale_tui.engine.metrics.models_seen import ModelsSeen, SeenModel, sample_of
from tale_tui.engine.store.samples.rollups import STEPS_S
from tale_tui.engine.unexpected import BackgroundTasks

log = logging.getLogger(__name__)

T = TypeVar("T")


class SampleStore(Protocol):
    """Where samples are kept."""

    async def add_sample(self, sample: Sample) -> int:
        """Keep one; the number of its row."""
        ...

    async def extend_sample(self, n: int, ended: float) -> None:
        """Nothing happened since the sample `n` until this moment."""
        ...

    async def roll_up(self, minutes_from: float) -> None:
        """Sum up what came since, in minutes only from this moment on."""
        ...

    async def thin(self, samples_before: float, steps_before: list[tuple[int, float]]) -> None:
        """Delete what is kept no longer."""
        ...

    async def task_counts(self) -> TaskCounts:
        """How many tasks there are."""
        ...


@dataclass(frozen=True, slots=True)
class EngineWork:
    """What goes on in the engine, read from memory."""

    calls: Callable[[], int]
    """How many are under way."""
    ended: Callable[[], int]
    """Grows with every call that ended."""
    small: Callable[[], ModelRef | None]
    """The model of the role ux."""
    small_loads: Callable[[], bool]
    """Whether that one is neither loaded nor refused: it comes with the next call, or is on its way."""
    network_bytes: Callable[[], int]
    """That went to servers of models and came from them."""


class Sampler:
    """Takes samples. `nudge` wakes it, `close` ends it.

    Args:
        store: where they are kept.
        settings: whether, and how long what is kept.
        clock: the time.
        work: what goes on.
        models: what is in memory.
        publish: is told where it broke off.
        stays: whether this engine stays, so that the time in which nothing happens is worth a note.
        gauges: reads the machine; None takes psutil.
        wait: waits for an event, at most so many seconds; None waits by the real clock.
    """

    def __init__(
        self,
        store: SampleStore,
        settings: SampleSettings,
        clock: Clock,
        work: EngineWork,
        models: ModelsSeen,
        publish: Callable[[Fact], None],
        *,
        stays: bool,
        gauges: GaugeReader | None = None,
        wait: Callable[[asyncio.Event, float], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._work = work
        self._models = models
        self._publish = publish
        self._stays = stays
        self._gauges = gauges or GaugeReader(clock.monotonic)
        self._wait = wait or _wait
        self._rates = CounterRates(clock.monotonic)
        self._background = BackgroundTasks(self._broke_off)
        self._running: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._looked_until = float("-inf")
        self._ended_seen = work.ended()
        self._small_loaded: ModelRef | None = None
        """The model that answers, where it was in memory."""
        self._thinned = float("-inf")
        self._complained = False
        self._closed = not settings.enabled
        self._since = 0.0
        """When the time began that the next sample is about, by the monotonic clock."""

    def begin(self) -> None:
        """Note from now on what happens, where this engine stays."""
        if self._stays:
            self._start()

    def nudge(self) -> None:
        """Something begins."""
        self._start()
        self._woken.set()

    def call_begins(self) -> None:
        """A call begins: noticed a moment later, so that nothing of this goes before its request."""
        if not self._closed:
            asyncio.get_running_loop().call_later(NOTICED_AFTER_S, self.nudge)

    def looked_at(self) -> None:
        """Somebody looks."""
        if self._stays:
            self._looked_until = self._clock.monotonic() + LOOKED_AT_S
            self.nudge()

    async def roll_up(self) -> None:
        """Sum up the calls that came since, as far as the database can be written."""
        await self._keep(self._roll_up)

    async def _roll_up(self) -> None:
        await self._store.roll_up(self._clock.now() - self._settings.minutes_days * DAY_S)

    async def close(self) -> None:
        """Note the last that happened, and end. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._woken.set()
        if self._running is not None:
            await asyncio.wait([self._running])

    def _start(self) -> None:
        if not self._closed and (self._running is None or self._running.done()):
            self._running = self._background.start(self._run(), "Taking samples")

    def _broke_off(self, error: TaleError) -> None:
        self._closed = True
        self._publish(Notice("No samples are taken any more", error.sentence, "error"))

    def _ends(self) -> bool:
        return self._closed

    def _looks(self) -> bool:
        return self._clock.monotonic() < self._looked_until

    def _busy(self) -> bool:
        """Whether something happens, or somebody looks."""
        return bool(self._work.calls()) or self._work.ended() != self._ended_seen or self._looks()

    async def _run(self) -> None:
        await self._thin()
        while not self._ends():
            if self._busy():
                await self._record()
            if self._ends() or not self._stays:
                return
            await self._rest()

    async def _record(self) -> None:
        """Take samples until nothing happens and nobody looks."""
        await in_load_thread(self._gauges.prime)
        self._rates.forget()
        self._rates.rate("network", self._work.network_bytes())
        self._since = self._clock.monotonic()
        while self._busy() and not self._ends():
            await self._pause(LOOKED_AT_INTERVAL_S if self._looks() else SAMPLE_INTERVAL_S)
            await self._keep(self._take)
            await self._thin()

    async def _rest(self) -> None:
        """Note for how long nothing happens; after a sleep of the machine, or where a clock was set, in a new row."""
        n = await self._keep(self._take_idle)
        ahead = self._clock.now() - self._clock.monotonic()
        while not (self._busy() or self._ends()):
            self._woken.clear()
            await self._wait(self._woken, IDLE_EXTENDED_S)
            if abs(self._clock.now() - self._clock.monotonic() - ahead) > CLOCK_TOLERANCE_S:
                return
            if n is not None:
                await self._keep(partial(self._extend, n))
            await self._thin()

    async def _extend(self, n: int) -> None:
        await self._store.extend_sample(n, self._clock.now())

    async def _pause(self, seconds: float) -> None:
        """Wait; a look makes it shorter, the end ends it."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0 and not self._ends():
            self._woken.clear()
            await self._wait(self._woken, left)
            if self._looks():
                until = min(until, self._since + LOOKED_AT_INTERVAL_S)

    async def _take(self) -> None:
        self._ended_seen = self._work.ended()
        sample = await self._sample(idle=False)
        await self._store.add_sample(sample)
        await self._roll_up()

    async def _take_idle(self) -> int:
        self._since = self._clock.monotonic()
        n = await self._store.add_sample(await self._sample(idle=True))
        await self._roll_up()
        return n

    async def _sample(self, *, idle: bool) -> Sample:
        # Asked for first: a model that is loaded while the others are asked is seen as it was.
        small, loads = self._work.small(), self._work.small_loads()
        seen, tasks = await self._models.now(ask=not self._closed), await self._store.task_counts()
        pids = [each.pid for each in seen if each.pid is not None]
        reading = await asyncio.to_thread(self._gauges.read, pids)
        network = self._rates.rate("network", self._work.network_bytes())
        now, elapsed = self._clock.now(), self._clock.monotonic() - self._since
        self._since += elapsed
        figures = self._figures(reading, seen, tasks)
        figures[Figure.SMALL_RESIDENT] = self._small_resident(small, loads, seen)
        figures[Figure.OWN_NETWORK] = None if network is None else network / MEGABYTE
        if idle:  # since the last reading much else may have been
            for figure in (Figure.APP_CPU, Figure.APP_DISK, Figure.OWN_NETWORK, Figure.MACHINE_CPU):
                figures[figure] = None
            figures[Figure.MACHINE_DISK] = figures[Figure.MACHINE_NETWORK] = None
        return Sample(
            now - elapsed,
            now,
            idle,
            tuple(figures[figure] for figure in SAMPLED_FIGURES),
            tuple(sample_of(each, reading.processes) for each in seen),
        )

    def _figures(
        self, reading: GaugeReading, seen: tuple[SeenModel, ...], tasks: TaskCounts
    ) -> dict[Figure, float | None]:
        here = [each.model for each in seen if each.local]
        sizes = [model.size_bytes for model in here if not model.shares]
        known = [size for size in sizes if size is not None]
        own = reading.own
        return {
            Figure.QUEUED: tasks.queued,
            Figure.RUNNING: tasks.running,
            Figure.CALLS: self._work.calls(),
            # Of models that take an unknown part the sum would be too small.
            Figure.MODELS_MEMORY: sum(known) / MEGABYTE if len(known) == len(sizes) else None,
            Figure.APP_CPU: own.cpu_percent,
            Figure.APP_MEMORY: None if own.memory_bytes is None else own.memory_bytes / MEGABYTE,
            Figure.APP_DISK: own.disk_mb_per_second,
            Figure.MACHINE_CPU: reading.machine_cpu_percent,
            Figure.MACHINE_FREE: reading.machine_free_mb,
            Figure.MACHINE_DISK: reading.machine_disk_mb_per_second,
            Figure.MACHINE_NETWORK: reading.machine_network_mb_per_second,
        }

    def _small_resident(self, small: ModelRef | None, loads: bool, seen: tuple[SeenModel, ...]) -> float | None:
        """1 where the model that answers is in memory; None where there is none, or it never was yet."""
        if small is None:
            return None
        if any(each.model.ref == small for each in seen):
            self._small_loaded = small
            return 1.0
        # At the end of the engine models are given back by itself.
        unknown = self._closed or (loads and self._small_loaded != small)
        return None if unknown else 0.0

    async def _thin(self) -> None:
        """Now and then, delete what is kept no longer."""
        if not self._stays or self._clock.monotonic() < self._thinned + SAMPLES_THINNED_S:
            return
        self._thinned, now, keep = self._clock.monotonic(), self._clock.now(), self._settings
        kept_s = (keep.minutes_days * DAY_S, keep.hours_days * DAY_S, keep.days_days * DAY_S)
        steps = [(step_s, now - seconds) for step_s, seconds in zip(STEPS_S, kept_s, strict=True)]
        await self._keep(partial(self._store.thin, now - keep.samples_hours * HOUR_S, steps))

    async def _keep(self, write: Callable[[], Awaitable[T]]) -> T | None:
        """Write something; while the database cannot be written, that is a gap."""
        try:
            result = await write()
        except StoreError as error:
            if not self._complained:
                self._complained = True
                log.warning("samples are not kept: %s", error.sentence)
            return None
        self._complained = False
        return result


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
