"""What can be undone and redone, read off a list."""

from __future__ import annotations

from tale_tui.domain.checkpoints import Checkpoint, CheckpointKind
from tale_tui.engine.checkpoints.history import reversible

STEP, RESTORE, UNDO, REDO = CheckpointKind.STEP, CheckpointKind.RESTORE, CheckpointKind.UNDO, CheckpointKind.REDO


def history(*made: tuple[CheckpointKind, str, str]) -> list[Checkpoint]:
    """Checkpoints by kind, name and what they are of; one is of the task whose letter its name begins with."""
    return [
        Checkpoint(name, float(place), place, kind, name, "group", "group", name[0] if kind is STEP else "", name, of)
        for place, (kind, name, of) in enumerate(made)
    ]


def names(checkpoints: tuple[Checkpoint, ...]) -> str:
    return " ".join(one.id for one in checkpoints)


def test_what_was_passed_over_is_not_undone_after_what_was_before_it() -> None:
    made = history((STEP, "a1", ""), (STEP, "a2", ""), (RESTORE, "r1", ""), (UNDO, "u1", "a2"))
    found = reversible(made)
    assert (names(found.done), names(found.undone)) == ("a1", "a2")


def test_a_younger_step_of_another_task_stays_where_one_is_undone() -> None:
    undo = Checkpoint("u1", 9.0, 9, UNDO, "u1", "group", "group", "a", "a1", "a1")
    found = reversible([*history((STEP, "a1", ""), (STEP, "b1", "")), undo])
    assert (names(found.done), names(found.undone)) == ("b1", "a1")


def test_steps_go_back_one_by_one_and_forth_again() -> None:
    made = history((STEP, "a1", ""), (STEP, "a2", ""), (UNDO, "u1", "a2"), (UNDO, "u2", "a1"), (REDO, "r1", "a1"))
    found = reversible(made)
    assert (names(found.done), names(found.undone)) == ("a1", "a2")
