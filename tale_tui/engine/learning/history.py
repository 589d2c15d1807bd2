"""The runs that forecasts learn from: only those whose numbers can be."""

from __future__ import annotations

from typing import NamedTuple

from tale_tui.engine.store.task_forecasts import StepRun

TOKENS_MAX = 10_000_000
SECONDS_MAX = 30 * 86_400.0
"""More than a call ever has."""


class LearnedRun(NamedTuple):
    """What is learned from one run."""

    model: str
    """`backend/model`"""
    text: str
    complexity: str | None
    prompt_tokens: int | None
    completion_tokens: int
    seconds: float | None
    task: str = ""
    """Runs of one task were foreseen together, before the first of them; empty where a run is alone."""


def learned_run(run: StepRun) -> LearnedRun | None:
    """What is to be learned from a run; None where its numbers are impossible, or say nothing."""
    written = run.completion_tokens
    if run.ref is None or written is None or not 0 < written <= TOKENS_MAX:
        return None
    read, seconds = run.prompt_tokens, run.seconds
    return LearnedRun(
        str(run.ref),
        run.text,
        run.complexity,
        read if read is not None and 0 < read <= TOKENS_MAX else None,
        written,
        seconds if seconds is not None and 0 < seconds <= SECONDS_MAX else None,
        run.task_id,
    )
