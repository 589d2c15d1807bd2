"""What has failed lately: pauses that grow, then a circuit breaker that opens, so that another model serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tale_tui.domain.constants import (
    BREAKER_OPEN_MAX_S,
    BREAKER_OPEN_S,
    BREAKER_OPENS_AFTER,
    RESTART_PAUSE_MAX_S,
    RESTART_PAUSE_S,
)
from tale_tui.domain.errors import BackendCrashed, BrokenStream, ModelError, TimedOut, Unreachable
from tale_tui.domain.models import BackendHealth, BackendName, ModelRef

COUNTED = (Unreachable, BackendCrashed, BrokenStream, TimedOut)
"""Errors that say something of a model or server, and not of what it was asked."""


@dataclass(slots=True)
class Trouble:
    """Failures of one model or server, in a row."""

    failures: int
    first: float
    """When the first of them happened, by the clock that only goes forward."""
    last: float
    retry_at: float
    sentence: str

    @property
    def opened(self) -> bool:
        """Whether it failed so often that it was given up."""
        return self.failures >= BREAKER_OPENS_AFTER


class Breakers:
    """One for each model, and one for each server that does not answer.

    Args:
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._troubles: dict[ModelRef | BackendName, Trouble] = {}

    def failed(self, ref: ModelRef, error: ModelError, began: float) -> bool:
        """A call failed.

        Args:
            ref: the model.
            error: what happened.
            began: when the call began. Calls that were under way together fail together, which counts once.
        Returns:
            Whether it counted.
        """
        if not isinstance(error, COUNTED):
            return False
        key, now = _key(ref, error), self._monotonic()
        trouble = self._troubles.get(key)
        if trouble is None:
            trouble = self._troubles[key] = Trouble(0, now, began, now, "")
        elif began <= trouble.last:
            return False
        trouble.failures += 1
        trouble.last, trouble.sentence = now, error.sentence
        trouble.retry_at = now + pause_s(trouble.failures)
        return True

    def worked(self, ref: ModelRef) -> float | None:
        """A call came to its end.

        Returns:
            Seconds since the first failure of a row of them that is over now; None where there was none.
        """
        over = [self._troubles.pop(key) for key in (ref, ref.backend) if key in self._troubles]
        return self._monotonic() - min(trouble.first for trouble in over) if over else None

    def forgive(self, ref: ModelRef) -> None:
        """Somebody wants it tried now: it starts afresh."""
        self._troubles.pop(ref, None)
        self._troubles.pop(ref.backend, None)

    def forgive_server(self, name: BackendName) -> None:
        """A server is back: it and all its models start afresh."""
        self._troubles = {
            key: trouble for key, trouble in self._troubles.items() if name not in (key, getattr(key, "backend", None))
        }

    def troubled(self, ref: ModelRef) -> bool:
        """Whether its last call failed."""
        return bool(self._of(ref))

    def open(self, ref: ModelRef) -> bool:
        """Whether a model, or its server, is given up for now."""
        troubles = (self._troubles.get(key) for key in (ref, ref.backend))
        return any(one is not None and one.opened and self._monotonic() < one.retry_at for one in troubles)

    def wait_s(self, ref: ModelRef) -> float:
        """Seconds until it should be tried again; 0 for now."""
        now = self._monotonic()
        return max((trouble.retry_at - now for trouble in self._of(ref)), default=0.0) if self._of(ref) else 0.0

    def health(self, names: tuple[str, ...], now: float) -> tuple[BackendHealth, ...]:
        """How servers and models have been.

        Args:
            names: of the backends that are told of in any case.
            now: seconds since the epoch.
        """
        found = []
        troubles = {str(key): trouble for key, trouble in self._troubles.items()}
        for name in dict.fromkeys((*names, *troubles)):
            trouble = troubles.get(name)
            if trouble is None:
                found.append(BackendHealth(name, "ok"))
                continue
            left = trouble.retry_at - self._monotonic()
            state = "open" if trouble.opened and left > 0 else "trying"
            retry_at = now + left if left > 0 else None
            found.append(BackendHealth(name, state, trouble.failures, retry_at, trouble.sentence))
        return tuple(found)

    def _of(self, ref: ModelRef) -> list[Trouble]:
        return [self._troubles[key] for key in (ref, ref.backend) if key in self._troubles]


def pause_s(failures: int) -> float:
    """Seconds to leave a model alone after so many failures in a row."""
    if failures < BREAKER_OPENS_AFTER:
        return float(min(RESTART_PAUSE_S * 2 ** (failures - 1), RESTART_PAUSE_MAX_S))
    return float(min(BREAKER_OPEN_S * 2 ** (failures - BREAKER_OPENS_AFTER), BREAKER_OPEN_MAX_S))


def _key(ref: ModelRef, error: ModelError) -> ModelRef | BackendName:
    """A server that does not answer concerns all its models; all else one of them."""
    return ref.backend if isinstance(error, Unreachable) else ref
