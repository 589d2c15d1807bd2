"""Exit codes, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

from tale_tui.domain.errors import BadInput, NoModel, TaleError


class Exit(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    """What was asked cannot be done; nothing was changed."""
    NO_MODEL = 3
    INTERRUPTED = 130
    """128 and the number of SIGINT, as shells have it."""


NO_MODEL_CODES = frozenset({"no_model", "not_found", "unreachable", "not_available"})
"""Errors of a turn that say that there is no model to ask, as long as nothing of an answer came."""


def exit_for(error: TaleError) -> Exit:
    """The exit code of an error."""
    if isinstance(error, NoModel):
        return Exit.NO_MODEL
    return Exit.USAGE if isinstance(error, BadInput) else Exit.FAILED
