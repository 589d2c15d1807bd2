"""What the machine, the application and the models did, over time, and whether the promises hold. Frozen, plain data.

Moments are seconds since the epoch (UTC). None is what was not measured or cannot be read, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.time_ranges import ShownRange

DEFAULT_RANGE = ShownRange.HOUR
"""That a dashboard shows first."""
RANGE_MIN_S, RANGE_MAX_S = 60.0, 315_360_000.0
"""The shortest and the longest range that can be asked for: a minute, ten years."""


class Figure(StrEnum):
    """What is measured, in megabytes where it is memory: first what follows from calls, then what samples say."""

    FIRST_TEXT = "first_text_ms"
    """To the first visible text of a reply, its model loaded."""
    RATE = "tokens_per_second"
    """By the server's own figures."""
    WAITING = "waiting_ms"
    """From the moment when somebody began to wait until the call, loading left out."""
    SIMPLE_TASK = "simple_task_ms"
    """A step of a simple task, from the moment when it began to wait."""
    SWITCH = "switch_ms"
    """Until a model is in memory in the place of another one."""
    TOKENS = "tokens"
    """That were read and written, by the moment when their call began."""

    QUEUED = "queued"
    """Tasks that wait for their turn."""
    RUNNING = "running"
    """Tasks at work."""
    CALLS = "calls_running"
    MODELS_MEMORY = "models_memory_mb"
    """Of all models in the memory of this machine, as far as that is known."""
    SMALL_RESIDENT = "small_resident"
    """1 where the model of the role ux was in memory, 0 where it was not."""
    APP_CPU = "app_cpu_percent"
    """Of one core, by this process and what it started."""
    APP_MEMORY = "app_memory_mb"
    APP_DISK = "app_disk_mb_per_second"
    """Read and written."""
    OWN_NETWORK = "own_network_mb_per_second"
    """Sent to servers of models and received from them."""
    MACHINE_CPU = "machine_cpu_percent"
    """Of all cores."""
    MACHINE_FREE = "machine_free_mb"
    MACHINE_DISK = "machine_disk_mb_per_second"
    MACHINE_NETWORK = "machine_network_mb_per_second"


CALL_FIGURES = (Figure.FIRST_TEXT, Figure.RATE, Figure.WAITING, Figure.SIMPLE_TASK)
"""That follow from the rows of calls."""
SKETCHED_FIGURES = (*CALL_FIGURES, Figure.SWITCH, Figure.MODELS_MEMORY)
"""Whose percentiles are asked for."""
SAMPLED_FIGURES = tuple(Figure)[tuple(Figure).index(Figure.QUEUED) :]
"""That are measured when a sample is taken, in the order of the columns of their rows."""


@dataclass(frozen=True, slots=True)
class ModelSample:
    """A model in memory, at one moment."""

    ref: ModelRef
    role: Role | None = None
    """Whose process it is in, where each role has its own."""
    memory_bytes: int | None = None
    """As its server says."""
    gpu_share: float | None = None
    cpu_percent: float | None = None
    """Of one core, by its process."""
    process_bytes: int | None = None
    """In the memory of its process."""
    reason: str = ""
    """Why its process cannot be looked at, in a few words; empty where it can."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How all was at one moment, or during a time in which nothing happened and nobody looked."""

    began: float
    ended: float
    idle: bool = False
    """Whether nothing happened: then the figures are those of its beginning."""
    figures: tuple[float | None, ...] = ()
    """One for each of `SAMPLED_FIGURES`."""
    models: tuple[ModelSample, ...] = ()

    def __getitem__(self, figure: Figure) -> float | None:
        """One of the figures."""
        place = SAMPLED_FIGURES.index(figure)
        return self.figures[place] if place < len(self.figures) else None


class SlotState(StrEnum):
    """What is known of a part of a range."""

    RECORDED = "recorded"
    IDLE = "idle"
    """It was recorded that nothing happened."""
    GAP = "gap"
    """Nothing was recorded: no engine ran, or the machine slept."""


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """The values of one part of a range."""

    count: int
    mean: float
    smallest: float
    largest: float
    p50: float | None = None
    """Of times of calls and of the memory of models; None of what else is sampled."""
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """A figure over a range, for a plot."""

    figure: Figure
    model: str = ""
    """`backend/model`; empty where it is of all, or of none."""
    points: tuple[SeriesPoint | None, ...] = ()
    """One for each part of the range. None where there is no value: a line is neither zero there nor bridged."""
    last: float | None = None
    """The last value that is known."""


class PromiseState(StrEnum):
    """Whether a promise holds."""

    MET = "met"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    """There are too few values in the range."""


class PromiseName(StrEnum):
    """The promises that are held against what was measured."""

    CHAT = "chat"
    SIMPLE_TASK = "simple_task"
    SWITCH = "switch"
    MEMORY = "memory"
    SAVED = "saved"
    SMALL_RESIDENT = "small_resident"


@dataclass(frozen=True, slots=True)
class PromiseLight:
    """A promise over a range. Times are seconds, memory megabytes, the others shares of 1."""

    name: PromiseName
    state: PromiseState
    limit: float
    count: int = 0
    """Values that it was held against."""
    value: float | None = None
    """The middle one (p50); of memory the last one."""
    p95: float | None = None
    """What is held against the limit; None for a promise that is a share of all."""
    words: str = ""
    """What is promised, in a few words: `chat under 1 s`."""
    detail: str = ""
    """What is known of it: `3 of 5 calls`, `p95 0.62 s of 412 replies`."""


@dataclass(frozen=True, slots=True)
class ModelActivity:
    """What a model did over a range, and how it is now."""

    ref: ModelRef
    roles: tuple[Role, ...] = ()
    """That it serves now."""
    resident: bool = False
    """Whether it was in memory when it was last looked at."""
    since: float | None = None
    """When it came into memory."""
    memory_bytes: int | None = None
    gpu_share: float | None = None
    cpu_percent: float | None = None
    """Of one core, by its process."""
    busy: float | None = None
    """The share of the range that it spent in calls."""
    calls: int = 0
    failed: int = 0
    reloads: int = 0
    """How often it was loaded again that had been in memory before."""
    tokens: int | None = None
    tokens_per_second: float | None = None
    first_text_ms: float | None = None
    """The middle one (p50)."""
    breaker: str = ""
    """`closed`, or of `BackendHealth.state`: `trying`, `open`, `away`; empty where nobody can say."""
    reason: str = ""
    """Why its memory or its process is not known, in a few words."""


@dataclass(frozen=True, slots=True)
class DashboardReport:
    """What was measured over a range that ends now, for all models or for one."""

    begin: float
    end: float
    slot_s: float
    """The length of each part of the range; the first one begins at `begin`."""
    slots: tuple[SlotState, ...] = ()
    series: tuple[MetricSeries, ...] = ()
    promises: tuple[PromiseLight, ...] = ()
    """All of `PromiseName`, in their order."""
    models: tuple[ModelActivity, ...] = ()
    latest: Sample | None = None
    """The last sample that was taken, which may lie before the range."""
    model: str = ""
    """`backend/model` where only one is meant."""
    calls: int = 0
    total_tokens: int | None = None
    """Of all calls of the range, to the token."""

    def series_of(self, figure: Figure, model: str = "") -> MetricSeries:
        """The series of a figure; an empty one where there is none."""
        found = (one for one in self.series if (one.figure, one.model) == (figure, model))
        return next(found, MetricSeries(figure, model))
