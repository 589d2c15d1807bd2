"""Measures a call of a model while it goes, and makes its row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from tale_tui.domain.constants import (
    CHARACTERS_PER_TOKEN_GUESS,
    LOAD_MIN_MS,
    OWN_CLOCK_MIN_S,
    TOKENS_PER_SECOND_MAX,
)
from tale_tui.domain.errors import BrokenStream, TaleError
from tale_tui.domain.metrics import CallKind, CallLabels, CallOutcome, CallRecord, RunningCall, server_rate
from tale_tui.domain.models import FinishReason, ModelRef, Role
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, Finished, PromptRead, TextPiece


class CallLog(Protocol):
    """Who keeps the rows."""

    def record(self, call: CallRecord) -> None:
        """Keep a call that has ended; takes no time."""
        ...


@dataclass(frozen=True, slots=True)
class CallContent:
    """What was said in a call."""

    messages: Sequence[ChatMessage]
    """That were sent."""
    answer: str
    """That came, without what was thought; empty where nobody wants it."""


class CallObserver(Protocol):
    """Who is told of each call beside that."""

    wants_answers: bool

    def call_ended(self, call: CallRecord, content: CallContent) -> None:
        """A call has ended; takes no time."""
        ...


@dataclass(frozen=True, slots=True)
class MeteredCall:
    """A call that is about to be made."""

    ref: ModelRef
    role: Role | None
    labels: CallLabels
    messages: Sequence[ChatMessage] = ()
    digest: str = ""


class CallMeter:
    """Measures one call: a context manager around it. However that is left, the row is made and handed on.

    Args:
        call: which.
        now: seconds since the epoch.
        monotonic: the clock for durations, in seconds.
        ended: takes the row.
        keeps_answer: whether what comes is kept.

    Attributes:
        needless: set where it turned out that there was nothing to ask for: the model was there.
    """

    def __init__(
        self,
        call: MeteredCall,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        ended: Callable[[CallMeter, CallRecord], None],
        *,
        keeps_answer: bool = False,
    ) -> None:
        self._call = call
        self._monotonic = monotonic
        self._ended = ended
        self.needless = False
        self._timestamp = now()
        self._began = self._heard = monotonic()
        self._first: float | None = None
        self._first_text: float | None = None
        self._first_tokens = 0
        self._last = 0.0
        self._tokens = 0
        self._read: int | None = None
        self._end: Finished | None = None
        self._answer: list[str] | None = [] if keeps_answer else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        outcome, code = self._outcome(error)
        self._ended(self, self._record(outcome, code))

    def take(self, event: BackendEvent) -> None:
        """Something came."""
        self._heard = self._monotonic()
        match event:
            case TextPiece():
                self._last = self._heard
                if self._first is None:
                    self._first, self._first_tokens = self._last, event.tokens
                if self._first_text is None and not event.thinking:
                    self._first_text = self._last
                self._tokens += event.tokens
                if self._answer is not None and not event.thinking:
                    self._answer.append(event.text)
            case PromptRead(done):
                self._read = done
            case Finished():
                self._end = event

    @property
    def content(self) -> CallContent:
        """What was said in it."""
        return CallContent(self._call.messages, "".join(self._answer or ()))

    @property
    def running(self) -> RunningCall:
        """How it is now."""
        spent = self._last - self._first if self._first is not None else 0.0
        rate = (self._tokens - self._first_tokens) / spent if spent >= OWN_CLOCK_MIN_S else 0.0
        return RunningCall(
            self._call.ref,
            self._call.role,
            self._call.labels.kind,
            self._timestamp,
            self._tokens,
            rate if 0 < rate <= TOKENS_PER_SECOND_MAX else None,
            self._timestamp + self._heard - self._began,
            self._call.labels.task_id,
        )

    def _outcome(self, error: BaseException | None) -> tuple[CallOutcome, str]:
        """How it ended, and the class of the error."""
        if self._end is not None:
            return CallOutcome.DONE, ""
        if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
            return CallOutcome.CANCELLED, ""
        if error is not None:
            return CallOutcome.FAILED, error.code if isinstance(error, TaleError) else TaleError.code
        if self._call.labels.kind is CallKind.LOAD:
            return CallOutcome.DONE, ""
        return CallOutcome.FAILED, BrokenStream.code

    def _record(self, outcome: CallOutcome, code: str) -> CallRecord:
        call, end = self._call, self._end or Finished(FinishReason.STOP)
        labels, total_ms = call.labels, (self._monotonic() - self._began) * 1000
        ttft_ms = None if self._first_text is None else (self._first_text - self._began) * 1000
        load_ms = labels.loaded_ms if self._end is not None else None
        if end.load_ms is not None and end.load_ms >= LOAD_MIN_MS:
            load_ms = end.load_ms + labels.loaded_ms
            if ttft_ms is not None and end.load_ms <= ttft_ms:
                ttft_ms -= end.load_ms
        waiting_ms = None
        if labels.asked is not None:
            waiting_ms = max(0.0, (self._began - labels.asked) * 1000 - labels.loaded_ms)
        prompt, completion = end.prompt_tokens, end.completion_tokens
        return CallRecord(
            self._timestamp,
            call.ref,
            call.role,
            labels,
            outcome,
            code,
            call.digest,
            prompt_tokens=prompt,
            cached_tokens=_part(end.cached_tokens, prompt),
            completion_tokens=completion,
            thinking_tokens=_part(end.thinking_tokens, completion),
            ttft_ms=ttft_ms,
            load_ms=total_ms if labels.kind is CallKind.LOAD else load_ms,
            waiting_ms=waiting_ms,
            total_ms=total_ms,
            tokens_per_second=server_rate(completion, end.generation_ms),
            own_prompt_tokens=None if prompt is None else _own_share(prompt, call.messages),
            estimated_prompt_tokens=self._estimated_prompt(outcome) if prompt is None else None,
            estimated_completion_tokens=(self._tokens or None) if completion is None else None,
        )

    def _estimated_prompt(self, outcome: CallOutcome) -> int | None:
        """About how much of the prompt was read; None for nothing, as when a server was not even reached."""
        if self._read is not None and not self._tokens:
            return self._read
        if not (self._tokens or self._end or outcome is CallOutcome.CANCELLED):
            return None
        return -(-sum(len(message.text) for message in self._call.messages) // CHARACTERS_PER_TOKEN_GUESS) or None


def _part(part: int | None, whole: int | None) -> int | None:
    """What a server says of a part, where it can be one."""
    return part if part is not None and whole is not None and part <= whole else None


def _own_share(prompt_tokens: int, messages: Sequence[ChatMessage]) -> int | None:
    """About how many tokens of a prompt its last message is, by characters."""
    characters = sum(len(message.text) for message in messages)
    return round(prompt_tokens * len(messages[-1].text) / characters) if characters else None
