"""What was learned, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tale_tui.domain.learning import LearnedState, LearningEvent
from tale_tui.formatting.units import stamp

DIGITS = 4
"""Of a share."""


def learned_data(states: Iterable[LearnedState]) -> dict[str, Any]:
    """Everything, by part."""
    return {str(state.part): _state(state) for state in states}


def learned_json(states: Iterable[LearnedState]) -> str:
    """The same as a file."""
    return json.dumps(learned_data(states), ensure_ascii=False, indent=2) + "\n"


def event_data(event: LearningEvent) -> dict[str, Any]:
    """A fit, or a reset."""
    return {
        "id": event.id,
        "outcome": event.outcome.value,
        "at": stamp(event.at),
        "undone": None if event.undone is None else stamp(event.undone),
        "examples": event.report.examples,
        "kept_apart": event.report.kept_apart,
        "before": _rounded(event.report.before),
        "after": _rounded(event.report.after),
        "changed": event.report.changed,
        "changes": list(event.report.changes),
    }


def _state(state: LearnedState) -> dict[str, Any]:
    return {
        "learns": state.enabled,
        "setting": state.setting,
        "examples": state.examples,
        "new": state.new,
        "kept_apart": state.kept_apart,
        "now": _rounded(state.now),
        "before": _rounded(state.before),
        "rollbacks": state.rollbacks,
        "over_time": [
            {
                "at": stamp(point.at),
                "count": point.count,
                "error": _rounded(point.error),
                "error_of_median": None if point.plain is None else _rounded(1 - point.plain),
            }
            for point in state.points
        ],
        "history": [event_data(event) for event in state.events],
        "problem": state.problem or None,
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, DIGITS)
