"""Who works: which process is the engine, and what is to be started where none works off the queue."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tale_tui.domain.tasks import EngineStatus

NO_MODEL_FOUND = "No model was found on this machine."
"""Of a role without a model, where no server that somebody named is what is wrong."""
HOW_TO_START = "To work it off: tale-tui run, or tale-tui run --background, or tale-tui for the window"


def is_here(status: EngineStatus) -> bool:
    """Whether this process is the engine: then none runs that goes on without it."""
    return status.pid == os.getpid()


def engine_words(status: EngineStatus) -> str:
    """Which process is the engine, in a few words."""
    if status.background:
        return f"the engine without a window, process {status.pid}"
    return f"the window, process {status.pid}" if status.works_queue else f"a command, process {status.pid}"


def who_works(status: EngineStatus, model: str = "") -> str:
    """Who will do what is queued, or what to start.

    Args:
        status: the engine.
        model: the name of the model that will be asked; empty where it is not known.
    """
    if is_here(status) or not status.works_queue:
        return f"Nothing works on the queue now. {HOW_TO_START}"
    return f"{model or 'It'} will do it: {engine_words(status)}, works on the queue."
