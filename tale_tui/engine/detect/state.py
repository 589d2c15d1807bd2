"""What the application is doing, as evidence: a few reasoned shifts of the log-odds, none by default.

They are small on purpose. A clear message stays what it is; a short one that could be either goes with the situation.
"""

from __future__ import annotations

from dataclasses import dataclass

from tale_tui.engine.detect.features import Features

SHORT_TOKENS = 4
"""Bucket of up to 16 tokens: longer messages say themselves what they want."""
STATUS_SHIFT = -1.5
"""While a task runs, a short question with words like `done`, `status`, `how long` asks about it."""
FOLLOW_UP_SHIFT = 1.0
"""After the result of a task, a short message like `shorter`, `now in Rust`, `again` asks for a change to it."""
_STATUS = frozenset({"APPW", "DID", "MANY", "BACK"})
_CHANGE = frozenset({"CHANGE", "MORE", "NOW", "BACK", "WITH", "TECH", "MAKE"})
_TALK = frozenset({"THANKS", "BYE", "GREET", "FEEL", "THINK", "WHO", "WHEN", "WHERE", "WHY", "DID", "BE", "?"})


@dataclass(frozen=True, slots=True)
class DetectState:
    """The situation in which a message is written; the default is one of which nothing is known.

    Attributes:
        task_running: a task of this user is queued or runs.
        last_turn_was_task: the last thing in the conversation is the result of a task.
    """

    task_running: bool = False
    last_turn_was_task: bool = False


def shift(features: Features, state: DetectState) -> tuple[float, tuple[str, ...]]:
    """What the situation adds to the log-odds of work, and why."""
    if not (state.task_running or state.last_turn_was_task) or not _is_short(features):
        return 0.0, ()
    kinds = {name.split()[1] for name in features.shape if name.startswith("has ")}
    asks = "?" in kinds or bool({"WHAT", "HOW", "WHEN", "WHY", "BE"} & kinds)
    if state.task_running and asks and kinds & _STATUS:
        return STATUS_SHIFT, ("chat: a task is running, and this asks about it",)
    if state.last_turn_was_task and kinds & _CHANGE and not kinds & _TALK:
        return FOLLOW_UP_SHIFT, ("task: changes the result before it",)
    return 0.0, ()


def _is_short(features: Features) -> bool:
    return any(name in features.shape for name in _SHORT)


_SHORT = frozenset(f"tokens {step}" for step in range(SHORT_TOKENS + 1))
