"""Which models are in memory, and in which processes: asked for now and then, and when something is known to change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tale_tui.domain.constants import MODELS_LOOK_LIMIT_S, MODELS_LOOK_S
from tale_tui.domain.models import BackendName, LoadedModel
from tale_tui.domain.samples import ModelSample
from tale_tui.engine.metrics.gauges import ProcessReading, ollama_runners
from tale_tui.engine.models.loading.loader import BackendModels

log = logging.getLogger(__name__)

ELSEWHERE = "it runs on another machine"
NOT_FOUND = "its process cannot be found"
SEVERAL = "Ollama runs several, and which process is whose it does not say"
IN_HERE = "it has no process of its own"
NOT_TOLD = "its server does not say which process it is"
ENDED = "its process has ended"


@dataclass(frozen=True, slots=True)
class SeenModel:
    """A model in memory."""

    model: LoadedModel
    local: bool
    pid: int | None = None
    reason: str = ""
    """Why its process is not known."""


class ModelsSeen:
    """Knows them.

    Args:
        look: asks the servers that were used for what they have in memory.
        known: what is in memory by what happened here, without asking: where that changed, they are asked at once.
        monotonic: the clock, in seconds.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[Sequence[BackendModels]]],
        known: Callable[[], object],
        monotonic: Callable[[], float],
    ) -> None:
        self._look = look
        self._known = known
        self._monotonic = monotonic
        self._seen: tuple[SeenModel, ...] = ()
        self._known_then: object = None
        self._next_look = float("-inf")

    async def now(self, *, ask: bool = True) -> tuple[SeenModel, ...]:
        """What is in memory, as of the last half minute; as before where no server answers in time.

        Args:
            ask: whether servers may be asked at all.
        """
        known, now = self._known(), self._monotonic()
        if ask and (known != self._known_then or now >= self._next_look):
            self._known_then, self._next_look = known, now + MODELS_LOOK_S
            try:
                async with asyncio.timeout(MODELS_LOOK_LIMIT_S):
                    found = await self._look()
                    self._seen = await _with_processes(found)
            except TimeoutError:
                log.debug("what is in memory was not told in time")
        return self._seen


async def _with_processes(found: Sequence[BackendModels]) -> tuple[SeenModel, ...]:
    on_ollama = sum(len(entry.models) for entry in found if entry.name is BackendName.OLLAMA and entry.local)
    runners = await asyncio.to_thread(ollama_runners) if on_ollama else ()
    return tuple(_seen(entry, model, on_ollama, runners) for entry in found for model in entry.models)


def _seen(entry: BackendModels, model: LoadedModel, on_ollama: int, runners: tuple[int, ...]) -> SeenModel:
    if model.pid is not None:
        return SeenModel(model, entry.local, model.pid)
    if not entry.local:
        return SeenModel(model, entry.local, reason=ELSEWHERE)
    if entry.name is BackendName.SCRIPTED:
        return SeenModel(model, entry.local, reason=IN_HERE)
    if entry.name is not BackendName.OLLAMA:
        return SeenModel(model, entry.local, reason=NOT_TOLD)
    if len(runners) == on_ollama == 1:
        return SeenModel(model, entry.local, runners[0])
    return SeenModel(model, entry.local, reason=SEVERAL if runners else NOT_FOUND)


def sample_of(seen: SeenModel, readings: Mapping[int, ProcessReading]) -> ModelSample:
    """A model as it goes into a sample."""
    model = seen.model
    memory_bytes = 0 if model.shares else model.size_bytes
    if seen.pid is None:
        return ModelSample(model.ref, model.role, memory_bytes, model.gpu_share, reason=seen.reason)
    process = readings.get(seen.pid)
    if process is None:
        return ModelSample(model.ref, model.role, memory_bytes, model.gpu_share, reason=ENDED)
    return ModelSample(model.ref, model.role, memory_bytes, model.gpu_share, process.cpu_percent, process.memory_bytes)
