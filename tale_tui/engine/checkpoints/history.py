"""Which checkpoints can be undone and done again, and which are too old to be kept. Pure functions of a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tale_tui.domain.checkpoints import Checkpoint, CheckpointKind
from tale_tui.domain.constants import CHECKPOINT_ALL_S, CHECKPOINT_DAILY_S, CHECKPOINT_HOURLY_S

_DONE = (CheckpointKind.STEP, CheckpointKind.RESTORE)
"""What can be taken back."""


@dataclass(frozen=True, slots=True)
class Reversible:
    """What can be taken back and done again, the last one first to go."""

    done: tuple[Checkpoint, ...]
    undone: tuple[Checkpoint, ...]


def in_order(checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
    """The oldest first."""
    return sorted(checkpoints, key=lambda one: (one.at, one.number, one.id))


def reversible(checkpoints: Iterable[Checkpoint], task_id: str = "") -> Reversible:
    """What can be undone and redone, as in an editor: something new ends the redoing of what was undone before it.

    Args:
        checkpoints: all, or those of one group; those of other groups do not disturb each other.
        task_id: only what was done in this task, or with all of its group.
    """
    done: list[Checkpoint] = []
    undone: list[Checkpoint] = []
    for one in in_order(checkpoints):
        if task_id and one.task_id not in ("", task_id):
            continue
        if one.kind in _DONE:
            done = [other for other in done if not _is_again(one, other)]
            done.append(one)
            undone = [other for other in undone if not _concerns(one, other)]
        elif one.kind is CheckpointKind.UNDO:
            taken = [other for other in done if other.id == one.of]
            undone += taken
            # What came after it was passed over: it had been taken back by other means, and is not to be again.
            before = done.index(taken[0]) if taken else len(done)
            done = [
                *done[:before],
                *(other for other in done[before:] if other not in taken and not _concerns(one, other)),
            ]
        elif one.kind is CheckpointKind.REDO:
            done += [other for other in undone if other.id == one.of]
            undone = [other for other in undone if other.id != one.of]
    return Reversible(tuple(done), tuple(undone))


def _is_again(new: Checkpoint, old: Checkpoint) -> bool:
    """Whether a step was done once more, so that its first time is no step of the present any more."""
    return new.kind is old.kind is CheckpointKind.STEP and (new.task_id, new.step) == (old.task_id, old.step)


def _concerns(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether two are about the same: then something new makes it pointless to do again what was undone."""
    if one.group != other.group:
        return False
    return one.task_id == other.task_id or "" in (one.task_id, other.task_id)


def too_old(checkpoints: Sequence[Checkpoint], now: float) -> tuple[str, ...]:
    """Those that are to go: of the last day all stay, of the last week the last one of each hour, of the last month the
    last one of each day; those that the user wished always do, and so does the newest of all.

    Args:
        checkpoints: of all groups.
        now: seconds since the epoch.
    """
    gone: list[str] = []
    taken: set[tuple[str, str]] = set()
    newest = max(checkpoints, key=lambda one: (one.at, one.number), default=None)
    for one in reversed(in_order(checkpoints)):
        age = now - one.at
        if one is newest or one.kind is CheckpointKind.KEPT or age <= CHECKPOINT_ALL_S:
            continue
        if age > CHECKPOINT_DAILY_S:
            gone.append(one.id)
            continue
        span = "%Y-%m-%d %H" if age <= CHECKPOINT_HOURLY_S else "%Y-%m-%d"
        place = (one.group, datetime.fromtimestamp(one.at).astimezone().strftime(span))
        if place in taken:
            gone.append(one.id)
        taken.add(place)
    return tuple(gone)


def over_budget(checkpoints: Sequence[Checkpoint]) -> tuple[str, ...]:
    """Those that may go where room is short, the first one first: the older ones, and none that the user wished."""
    ordered = in_order(checkpoints)
    return tuple(one.id for one in ordered[:-1] if one.kind is not CheckpointKind.KEPT)
