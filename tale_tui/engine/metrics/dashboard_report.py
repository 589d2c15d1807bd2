"""Puts a dashboard together: what the store has of a range, and what models are now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tale_tui.domain.distribution import Distribution, merged
from tale_tui.domain.metrics import CallFilter, add_known
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.samples import SKETCHED_FIGURES, DashboardReport, Figure, ModelActivity, ModelSample, Sample
from tale_tui.engine.metrics.dashboard import (
    LAID_FIGURES,
    PLAIN_FIGURES,
    Laid,
    SlotGrid,
    grid_of,
    lay_rollups,
    lay_single,
    series_on,
    slot_states,
    token_series,
)
from tale_tui.engine.metrics.figures import savings_of
from tale_tui.engine.metrics.models_seen import ModelsSeen, sample_of
from tale_tui.engine.metrics.promises import RangeSaving, lights
from tale_tui.engine.metrics.sampler import Sampler
from tale_tui.engine.store.samples.use import ModelLoads, ModelWork
from tale_tui.engine.store.store import Store

MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class ModelsNow:
    """What is known of models at this moment, read from memory."""

    serving: Callable[[Role], ModelRef | None]
    breaker: Callable[[ModelRef], str]
    """`closed`, `trying`, `open` or `away`."""
    seen: ModelsSeen


class DashboardReader:
    """Puts them together.

    Args:
        store: has the rows.
        sampler: is told that somebody looks.
        models: what models are now.
        limit_gb: what models on this machine may take.
        now: seconds since the epoch.
        stays: whether this engine looks after models; else only samples tell of them.
        can_write: whether what came since can be summed up first.
    """

    def __init__(
        self,
        store: Store,
        sampler: Sampler,
        models: ModelsNow,
        limit_gb: float,
        now: Callable[[], float],
        *,
        stays: bool,
        can_write: bool,
    ) -> None:
        self._store = store
        self._sampler = sampler
        self._models = models
        self._limit_gb = limit_gb
        self._now = now
        self._stays = stays
        self._can_write = can_write

    async def report(self, range_s: float, ref: ModelRef | None) -> DashboardReport:
        """See `MetricsApi.dashboard`."""
        self._sampler.looked_at()
        if self._can_write:
            await self._sampler.roll_up()
        grid = grid_of(range_s, self._now())
        model = "" if ref is None else str(ref)
        which = CallFilter(grid.begin, grid.end, model)
        idle = await self._store.idle_times(grid.begin, grid.end)
        laid = await self._laid(grid, model)
        tokens = await self._store.token_slots(which, grid.begin, grid.slot_s)
        work = await self._store.model_work(which)
        latest = await self._store.last_sample()
        series = (*await asyncio.to_thread(series_on, grid, laid, idle), *token_series(grid, tokens))
        ranged = {figure: merged(laid.get(figure, {}).values()) for figure in LAID_FIGURES}
        memory = None if latest is None else latest[Figure.MODELS_MEMORY]
        return DashboardReport(
            grid.begin,
            grid.end,
            grid.slot_s,
            slot_states(grid, laid, idle),
            series,
            lights(ranged, memory, self._limit_gb, await self._saving(which, work)),
            await self._uses(grid, work, latest, ref),
            latest,
            model,
            sum(each.calls for each in work),
            _sum([each.total_tokens for each in work]),
        )

    async def _laid(self, grid: SlotGrid, model: str) -> Laid:
        if grid.step_s:
            span = (grid.begin, grid.end)
            rows = await self._store.rollups(grid.step_s, SKETCHED_FIGURES, *span, model)
            plain = await self._store.plain_rollups(grid.step_s, PLAIN_FIGURES, *span, grid.slot_s)
            return await asyncio.to_thread(lay_rollups, grid, rows, plain)
        samples = await self._store.samples(grid.begin, grid.end)
        calls = await self._store.call_values(grid.begin, grid.end, model)
        return await asyncio.to_thread(lay_single, grid, samples, calls)

    async def _saving(self, which: CallFilter, work: Sequence[ModelWork]) -> RangeSaving:
        """What was saved is a matter of both models, whichever is shown."""
        small, large = self._models.serving(Role.UX), self._models.serving(Role.TASK)
        everything = CallFilter(which.since, which.until)
        if which.model:
            work = await self._store.model_work(everything)
        answers = sum(each.answers for each in work)
        if small is None or large is None or small == large:
            return RangeSaving(None, answers)
        return RangeSaving(savings_of(await self._store.answer_totals(everything), small, large).alone, answers)

    async def _uses(
        self, grid: SlotGrid, work: Sequence[ModelWork], latest: Sample | None, only: ModelRef | None
    ) -> tuple[ModelActivity, ...]:
        """A line for each model that serves, is in memory or was called."""
        sampled = latest.models if latest is not None else ()
        here = [sample_of(each, {}) for each in await self._models.seen.now()] if self._stays else [*sampled]
        loads = {each.ref: each for each in await self._store.model_loads(grid.begin, grid.end)}
        worked = {each.ref: each for each in work}
        serving = [ref for role in Role if (ref := self._models.serving(role)) is not None]
        refs = dict.fromkeys((*serving, *(each.ref for each in here), *worked))
        first_text = await self._first_texts(grid)
        return tuple(
            self._use(
                grid,
                ref,
                here=[each for each in here if each.ref == ref],
                sampled=[each for each in sampled if each.ref == ref],
                work=worked.get(ref),
                loads=loads.get(ref),
                first_text=first_text.get(str(ref), Distribution()),
            )
            for ref in refs
            if only in (None, ref)
        )

    async def _first_texts(self, grid: SlotGrid) -> Mapping[str, Distribution]:
        """The times to the first text by model."""
        if grid.step_s:
            rows = await self._store.rollups_by_model(grid.step_s, Figure.FIRST_TEXT, grid.begin, grid.end)
            return await asyncio.to_thread(lambda: {model: merged(values) for model, values in rows.items()})
        found: dict[str, list[float]] = {}
        for value in await self._store.call_values(grid.begin, grid.end):
            if value.figure is Figure.FIRST_TEXT:
                found.setdefault(value.model, []).append(value.value)
        return {model: Distribution.of(values) for model, values in found.items()}

    def _use(
        self,
        grid: SlotGrid,
        ref: ModelRef,
        here: Sequence[ModelSample],
        sampled: Sequence[ModelSample],
        work: ModelWork | None,
        loads: ModelLoads | None,
        first_text: Distribution,
    ) -> ModelActivity:
        shares = [each.gpu_share for each in here if each.gpu_share is not None]
        reasons = dict.fromkeys(each.reason for each in (sampled or here) if each.reason)
        cpu = [each.cpu_percent for each in sampled if each.cpu_percent is not None]
        span_s = max(1.0, min(self._now(), grid.end) - grid.begin)
        return ModelActivity(
            ref,
            tuple(role for role in Role if self._models.serving(role) == ref),
            bool(here),
            loads.since if loads is not None and here else None,
            _sum([each.memory_bytes for each in here]),
            shares[0] if shares else None,
            sum(cpu) if cpu else None,
            None if work is None else min(1.0, work.busy_ms / MILLISECONDS / span_s),
            work.calls if work else 0,
            work.failed if work else 0,
            loads.reloads if loads else 0,
            work.total_tokens if work else None,
            work.tokens_per_second if work else None,
            first_text.percentile(0.5),
            self._models.breaker(ref) if self._stays else "",
            "; ".join(reasons),
        )


def _sum(numbers: Sequence[int | None]) -> int | None:
    whole: int | None = None
    for number in numbers:
        whole = add_known(whole, number)
    return whole
