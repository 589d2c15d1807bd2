"""Whether a step that failed is tried again, and when."""

from __future__ import annotations

from tale_tui.config.settings import TaskSettings
from tale_tui.domain.constants import BUSY_PAUSE_MAX_S, BUSY_RETRIES
from tale_tui.domain.errors import (
    DatabaseNewer,
    Fenced,
    FilesNotGiven,
    ModelError,
    ReadOnly,
    ServerBusy,
    StepTimedOut,
    StoreError,
    TaleError,
)
from tale_tui.domain.tasks import StepSpec


def may_help(error: TaleError) -> bool:
    """Whether the same step may succeed later without anybody changing anything."""
    if isinstance(error, ModelError):
        return error.retry_helps
    if isinstance(error, StoreError):
        return not isinstance(error, ReadOnly | DatabaseNewer | Fenced)
    return isinstance(error, StepTimedOut | FilesNotGiven)


def pause_s(failures: int, settings: TaskSettings) -> float:
    """Seconds before the next attempt: they double with each.

    Args:
        failures: how many attempts failed, from 1.
        settings: how long the first pause is, and the longest.
    """
    doubled: float = settings.backoff_s * 2.0 ** min(failures - 1, 64)  # far beyond any limit, and still a number
    return min(settings.backoff_max_s, doubled)


def next_pause_s(error: TaleError, failures: int, spec: StepSpec, settings: TaskSettings) -> float | None:
    """Seconds until a step is tried again; None where it is not.

    A step with effects outside is never tried again without asking. A server that is busy only wants to be asked again
    in a while, so that its limits are others.

    Args:
        error: why it failed.
        failures: how often it has failed now, from 1.
        spec: the step.
        settings: the rules where the step has none.
    """
    retries = settings.retries if spec.retries is None else spec.retries
    busy = isinstance(error, ServerBusy)
    if failures > (BUSY_RETRIES if busy else retries) or not spec.repeatable or not may_help(error):
        return None
    pause = pause_s(failures, settings)
    return min(pause, BUSY_PAUSE_MAX_S) if busy else pause
