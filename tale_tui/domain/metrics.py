"""What every call of a model was and cost, and the sums of it. Frozen, plain data and the rules on it.

Times are seconds since the epoch (UTC), durations milliseconds. None is what the server did not say, never zero, and is
in no sum. What was cached is a part of the prompt, what was thought is a part of the completion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, Self, TypeVar

from tale_tui.domain.constants import GENERATION_MIN_MS, HOUR_S, PACE_WINDOW_S, TOKENS_PER_SECOND_MAX
from tale_tui.domain.models import ModelRef, Role, Usage

N = TypeVar("N", int, float)


class CallKind(StrEnum):
    """What a model is called for."""

    CHAT = "chat"
    STEP = "step"
    """Of a task."""
    PLAN = "plan"
    TITLE = "title"
    DIGEST = "digest"
    MEMORY = "memory"
    EMBEDDING = "embedding"
    LOAD = "load"
    """To be brought into memory; it reads and writes nothing."""


class CallOutcome(StrEnum):
    """How a call ended."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Whoever asked did not want it any longer."""
    INTERRUPTED = "interrupted"
    """By the end of the process; what is known of it is an estimate."""


@dataclass(frozen=True, slots=True)
class CallLabels:
    """Who asks a model, and for what. It goes with the request; what is not so is empty."""

    kind: CallKind = CallKind.CHAT
    task_type: str = ""
    """The detector's label, of `DetectLabel`."""
    complexity: str = ""
    """Of a task."""
    task_id: str = ""
    step: str = ""
    """The key of the step."""
    session_id: str = ""
    message_id: str = ""
    """The reply, or the card of the task."""
    turn_id: str = ""
    """The user's message that is answered."""
    why: str = ""
    """Why this model, in a few words."""
    asked: float | None = None
    """When the user, or the task, began to wait, by the monotonic clock; None where nobody does."""
    loaded_ms: float = 0.0
    """How long the model was loaded since then, before this call."""

    @property
    def owner(self) -> str:
        """What is stored together with the row of the call: the reply, or the step; empty where it is neither."""
        if self.kind is CallKind.CHAT:
            return self.message_id
        return step_owner(self.task_id, self.step) if self.kind is CallKind.STEP and self.task_id else ""


def step_owner(task_id: str, key: str) -> str:
    """A step of a task, as `CallLabels.owner` names it."""
    return f"{task_id}/{key}"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call of a model: a row of `token_metrics`."""

    timestamp: float
    """When it began."""
    ref: ModelRef
    role: Role | None
    """For whom it was; None where that was not kept."""
    labels: CallLabels
    outcome: CallOutcome
    error: str = ""
    """The class of the error, as in errors.py."""
    digest: str = ""
    """Of the model's files, where the server says it."""
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    thinking_tokens: int | None = None
    ttft_ms: float | None = None
    """To the first visible text, loading left out."""
    load_ms: float | None = None
    waiting_ms: float | None = None
    """From the moment when somebody began to wait until the call, loading left out."""
    total_ms: float | None = None
    """For a reply and a step from that moment on, else of the call."""
    tokens_per_second: float | None = None
    """By the server's own figures."""
    own_prompt_tokens: int | None = None
    """An estimate: what the last message alone is of the prompt, without the history that was sent with it."""
    estimated_prompt_tokens: int | None = None
    """Where the server did not say it; the same of the next two."""
    estimated_completion_tokens: int | None = None
    estimated_tokens_per_second: float | None = None

    @property
    def total_tokens(self) -> int | None:
        """Prompt and completion, as far as they were said; None where neither was."""
        return add_known(self.prompt_tokens, self.completion_tokens)

    @property
    def usage(self) -> Usage:
        """The figures as a reply or a step shows them; what was written is an estimate where nothing was said."""
        written, rate = self.completion_tokens, self.tokens_per_second
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.estimated_completion_tokens if written is None else written,
            cached_tokens=self.cached_tokens,
            ttft_ms=self.ttft_ms,
            load_ms=self.load_ms,
            total_ms=self.total_ms,
            tokens_per_second=self.estimated_tokens_per_second if rate is None else rate,
        )

    def timed(self, usage: Usage) -> Self:
        """The same with the times as whoever waited saw them: from their own beginning, with our own work in it."""
        return replace(
            self,
            ttft_ms=usage.ttft_ms,
            load_ms=usage.load_ms,
            total_ms=usage.total_ms,
            estimated_tokens_per_second=None if self.tokens_per_second is not None else usage.tokens_per_second,
        )

    def failed_as(self, code: str) -> Self:
        """The same, where what ended it was an error of whoever asked: a step that took too long stops its call."""
        if self.outcome is not CallOutcome.CANCELLED:
            return self
        return replace(self, outcome=CallOutcome.FAILED, error=code)


def server_rate(tokens: int | None, generation_ms: float | None) -> float | None:
    """Tokens a second by what a server says that it wrote and how long that took; None where it cannot be told."""
    if not tokens or generation_ms is None or generation_ms < GENERATION_MIN_MS:
        return None
    rate = tokens / (generation_ms / 1000)
    return rate if rate <= TOKENS_PER_SECOND_MAX else None


def add_known(first: N | None, second: N | None) -> N | None:
    """The sum of what is known; None where nothing is."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


class CallDimension(StrEnum):
    """What calls are told apart by."""

    MODEL = "model"
    ROLE = "role"
    KIND = "kind"
    TYPE = "type"
    COMPLEXITY = "complexity"
    DAY = "day"
    """Of the user's clock; it may have 23 or 25 hours."""
    HOUR = "hour"
    """Of the user's clock; one that comes twice is two."""
    SESSION = "session"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class TokenSums:
    """The sum of some calls. A sum is None where no server said that number."""

    calls: int = 0
    failed: int = 0
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    thinking_tokens: int | None = None
    total_tokens: int | None = None
    uncounted: int = 0
    """Calls of which the prompt or the completion was not said; loads left out."""
    estimated_tokens: int | None = None
    """About what is missing by that: in none of the sums above."""
    timed_tokens: int | None = None
    """Written in the next time."""
    generation_us: int | None = None
    """How long servers say that they wrote, in microseconds: whole ones, so that any split sums to the same."""
    ttft_ms_sum: int | None = None
    ttft_calls: int = 0
    """Calls of which the time to the first text is known."""
    cost: float | None = None
    """By the prices of the settings; None where no model has one."""

    @property
    def tokens_per_second(self) -> float | None:
        """How fast was written, on the average of all tokens."""
        return 1_000_000 * self.timed_tokens / self.generation_us if self.timed_tokens and self.generation_us else None

    @property
    def ttft_ms(self) -> float | None:
        """The mean time to the first text."""
        return self.ttft_ms_sum / self.ttft_calls if self.ttft_ms_sum is not None and self.ttft_calls else None

    def __add__(self, other: TokenSums) -> TokenSums:
        """The sums of both; what is known of one of them alone is that."""
        added: tuple[Any, ...] = tuple(map(add_known, _numbers(self), _numbers(other)))
        return TokenSums(*added)


_numbers: Callable[[TokenSums], tuple[Any, ...]] = attrgetter(*(field.name for field in fields(TokenSums)))


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are meant."""

    since: float | None = None
    """From this moment on; None for the first."""
    until: float | None = None
    """Before this one; None for the last, which a clock that was set back may have put into the future."""
    model: str = ""
    """`backend/model`, or the model alone; empty for all."""
    session_id: str = ""
    """The whole id; empty for all."""
    where: tuple[tuple[CallDimension, str], ...] = ()
    """Only those that have this value there, an empty one for those that have none. Days and hours are told by `since`
    and `until`."""


EVERY_CALL = CallFilter()


@dataclass(frozen=True, slots=True)
class TokenGroup:
    """The calls that are alike in all dimensions that were asked for."""

    key: tuple[str, ...]
    """One value a dimension; empty where it has none."""
    sums: TokenSums
    title: str = ""
    """Of the session or the task, where it is still there."""


@dataclass(frozen=True, slots=True)
class TokenReport:
    """The sums of some calls, in all and by group."""

    total: TokenSums
    by: tuple[CallDimension, ...] = ()
    groups: tuple[TokenGroup, ...] = ()
    first: float | None = None
    """When the first of these calls began."""


@dataclass(frozen=True, slots=True)
class TokenTimeline:
    """Tokens over time, by model. The sums of all pieces are the total of the same calls."""

    edges: tuple[float, ...]
    """Where the pieces of time begin, and where the last one ends."""
    models: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """`backend/model` -> prompt and completion in each piece, the model with the most first."""


@dataclass(frozen=True, slots=True)
class TokenOverview:
    """Tokens that were read and written lately, by the user's clock."""

    session: int | None
    """In the session used last; None where there is none."""
    hour: int
    """In the last one."""
    today: int
    today_calls: int
    month: int
    """Since its first day."""
    lately: int
    """In the last `PACE_WINDOW_S`."""

    @property
    def pace(self) -> float:
        """Tokens an hour, as lately."""
        return self.lately * HOUR_S / PACE_WINDOW_S


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A call that has not ended."""

    ref: ModelRef
    role: Role | None
    kind: CallKind
    began: float
    tokens: int = 0
    """That came so far, as pieces were counted."""
    tokens_per_second: float | None = None
    heard: float = 0.0
    """When something came last, or it began."""
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class PeriodChange:
    """The sums of some days beside those of as many days before them."""

    days: int
    now: TokenSums
    before: TokenSums


@dataclass(frozen=True, slots=True)
class CallActivity:
    """What models do now, read from memory."""

    running: tuple[RunningCall, ...] = ()
    recorded: int = 0
    """Grows with every call that has ended and is stored: where it stands still, no sum has changed."""

    @property
    def tokens_per_second(self) -> float | None:
        """How fast all together write; None where none does."""
        speeds = [call.tokens_per_second for call in self.running if call.tokens_per_second is not None]
        return sum(speeds) if speeds else None


@dataclass(frozen=True, slots=True)
class TokenSavings:
    """What the large model was spared, as shares of 1 of all tokens of replies and steps; None where nothing is known.

    Its words: what the large model would have read and written for what the small one answered.
    """

    small: ModelRef
    large: ModelRef
    alone: float | None = None
    """Each prompt alone, without the history that was sent with it."""
    alone_tasks_large: float | None = None
    """The same if every task had gone to the large model."""
    resent: float | None = None
    """With the history that is sent again with each prompt, as the servers counted it."""
    resent_tasks_large: float | None = None
    turns: int = 0
    """Turns that the small model answered."""
    misses: int = 0
    """Of these: asked again with another model."""
