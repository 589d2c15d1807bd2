"""Sees to it that models do not take more memory than there is: a forecast before each load, and room made for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from tale_tui.domain.constants import GIGABYTE
from tale_tui.domain.errors import OutOfMemory
from tale_tui.domain.models import LoadedModel, ModelRef
from tale_tui.engine.models.machine import MachineMemory, look_at_memory
from tale_tui.engine.models.memory_forecast import Forecast


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """What models may take, in bytes."""

    limit: int
    used: int
    free: int

    @property
    def left(self) -> int:
        """What one more model may take."""
        return max(0, self.limit - self.used)


def memory_budget(limit_gb: float, machine: MachineMemory, loaded: Iterable[LoadedModel]) -> MemoryBudget:
    """What models on this machine may take.

    Args:
        limit_gb: the setting.
        machine: what it has.
        loaded: the models that are in its memory; what they take was free before them.
    """
    used = sum(main_memory(model) for model in loaded)
    return MemoryBudget(min(int(limit_gb * GIGABYTE), machine.free + used), used, machine.free)


def main_memory(model: LoadedModel) -> int:
    """What a model takes beside the memory of a GPU; 0 where its size is not known, or counts with another one's."""
    if model.shares is not None:
        return 0
    return int((model.size_bytes or 0) * (1 - (model.gpu_share or 0.0)))


class LocalModels(Protocol):
    """The models that are in memory, as the pool knows them."""

    async def here(self) -> tuple[LoadedModel, ...]:
        """Those in the memory of this machine."""
        ...

    async def evict(self, ref: ModelRef) -> None:
        """Have one leave as soon as it is not at work any more."""
        ...


class MemoryGuard:
    """Lets models into memory, one at a time.

    Args:
        limit_gb: models on this machine may take so much, in gigabytes, and never more than it has.
        machine: looks at its memory; called in a thread.
        on_eviction: called when models do not fit together: with the one that comes and those that leave for it.
    """

    def __init__(
        self,
        limit_gb: float,
        machine: Callable[[], MachineMemory] = look_at_memory,
        *,
        on_eviction: Callable[[ModelRef, tuple[ModelRef, ...]], None] = lambda arriving, evicted: None,
    ) -> None:
        self._limit_gb = limit_gb
        self._machine = machine
        self.on_eviction = on_eviction
        self._admitting = asyncio.Lock()
        self._evicting: set[ModelRef] = set()
        self._admitted: dict[ModelRef, int] = {}
        """What was let in and is not in memory yet, in bytes."""

    async def budget(self, loaded: tuple[LoadedModel, ...]) -> MemoryBudget:
        """What models may take now, these being there."""
        found = memory_budget(self._limit_gb, await asyncio.to_thread(self._machine), loaded)
        return replace(found, used=found.used + sum(self._admitted.values()))

    def admission_ended(self, ref: ModelRef) -> None:
        """A model that was let in is in memory now, or will not be."""
        self._admitted.pop(ref, None)

    async def fits(self, ref: ModelRef, forecast: Forecast | None, loaded: tuple[LoadedModel, ...]) -> bool:
        """Whether a model is known to fit beside those that are there."""
        return forecast is not None and needed(ref, forecast, loaded) <= (await self.budget(loaded)).left

    async def wait_evicted(self, ref: ModelRef) -> None:
        """Wait while this model is about to leave."""
        if ref in self._evicting:
            async with self._admitting:
                pass

    async def admit(
        self,
        ref: ModelRef,
        forecast: Forecast | None,
        window: int,
        local_models: LocalModels,
        *,
        may_evict: bool = True,
    ) -> tuple[ModelRef, ...]:
        """Make room for a model.

        Where it does not fit beside the others and would without them, they are evicted, the largest first, each as
        soon as it is not at work.

        Args:
            ref: the model that comes.
            forecast: what it will take; None where that is not known, which lets it in.
            window: tokens, for the sentence.
            local_models: those that are there.
            may_evict: whether others may be evicted.
        Returns:
            Those that were evicted. What was let in counts until `admission_ended` is called.
        Raises:
            OutOfMemory: it does not fit.
        """
        if forecast is None:
            return ()
        async with self._admitting:
            loaded = await local_models.here()
            found = await self.budget(loaded)
            missing = needed(ref, forecast, loaded) - found.left
            self._admitted[ref] = needed(ref, forecast, loaded)
            if missing <= 0:
                return ()
            kept = (ref, forecast.shares)
            others = sorted((model for model in loaded if model.ref not in kept), key=main_memory, reverse=True)
            if not may_evict or missing > sum(main_memory(model) for model in others):
                wanted = self._admitted.pop(ref)
                raise OutOfMemory(refusal(ref, wanted, found, window, () if may_evict else [one.ref for one in others]))
            return await self._make_room(ref, missing, others, local_models)

    async def _make_room(
        self, ref: ModelRef, missing: int, others: list[LoadedModel], local_models: LocalModels
    ) -> tuple[ModelRef, ...]:
        evicted: list[ModelRef] = []
        for model in others:
            if missing > 0 and model.ref not in evicted:
                evicted.append(model.ref)
                missing -= sum(main_memory(same) for same in others if same.ref == model.ref)
        self.on_eviction(ref, tuple(evicted))
        self._evicting.update(evicted)
        try:
            for other in evicted:
                await local_models.evict(other)
        finally:
            self._evicting.difference_update(evicted)
        return tuple(evicted)


def needed(ref: ModelRef, forecast: Forecast, loaded: tuple[LoadedModel, ...]) -> int:
    """What a model takes beside those that are there: less, where its weights are."""
    there = {model.ref for model in loaded}
    return forecast.beside_itself if ref in there or forecast.shares in there else forecast.total


def refusal(ref: ModelRef, needed: int, found: MemoryBudget, window: int, others: Iterable[ModelRef]) -> str:
    """Why a model is not loaded and what to do, as a sentence."""
    by_setting = found.limit < found.free + found.used
    of_what = (
        f"models may use {gigabytes(found.limit)} in all (memory.limit_gb)"
        if by_setting
        else f"{gigabytes(found.left)} are left for it"
    )
    names = ", ".join(dict.fromkeys(other.model for other in others))
    unload = f"unload {names}, " if names else ""
    raise_it = " or raise the limit" if by_setting else " or close other programs"
    return (
        f"{ref.model} would take about {gigabytes(needed)} of memory with a window of {window:,} tokens; {of_what}. "
        f"For it to fit, {unload}take a smaller model or window,{raise_it}."
    )


def gigabytes(count: float) -> str:
    """A size for a sentence."""
    return f"{count / GIGABYTE:,.1f} GB"
