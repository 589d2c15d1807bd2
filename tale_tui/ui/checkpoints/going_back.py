"""Undo, redo and restore, from wherever they are wanted: seen first, asked where that is needed, done, told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from tale_tui.domain.events import Notice
from tale_tui.domain.text import clean_line
from tale_tui.formatting.checkpoints import (
    NOTHING_DIFFERS,
    operation_name,
    place_name,
    restoration_preview,
    restoration_report,
    short_name,
)
from tale_tui.ui.dialogs.confirm import ConfirmDialog

if TYPE_CHECKING:
    from tale_tui.domain.checkpoints import Checkpoint, CheckpointScope, Restoration
    from tale_tui.engine.api import CheckpointApi
    from tale_tui.ui.base_screen import BaseScreen

_NAME_MAX = 90
"""Characters of a checkpoint, or of a file, inside a question."""
_STAY = "Stay as it is"

See = Callable[[bool], Awaitable["Restoration"]]
"""Says what going back does (True), or does it (False)."""


async def reverse(
    screen: BaseScreen, checkpoints: CheckpointApi, scope: CheckpointScope, *, again: bool
) -> Restoration | None:
    """Take back the last step, or do again what was taken back; asks only where a file was changed since.

    Args:
        screen: asks and tells; from a worker only.
        checkpoints: of the engine.
        scope: of what the last step is meant.
        again: do again.
    Returns:
        What was done; None where the user left it.
    Raises:
        CannotUndo: nothing is left.
        TaleError: as for the verbs of the engine.
    """
    verb = checkpoints.redo if again else checkpoints.undo
    ids = partial(verb, task_id=scope.task_id, session_id=scope.session_id)
    seen = await ids(dry_run=True)
    if seen.conflicts:
        what = f"{'Do again' if again else 'Undo'} {_name(seen)}"
        dialog = ConfirmDialog(f"{what}?", what, _STAY, detail=restoration_preview(seen))
        if not await screen.ask(dialog):
            return None
    done = await ids(dry_run=False)
    title = f"{'Done again' if again else 'Undone'}: {_name(done)}"
    screen.tell(Notice(title, restoration_report(done), about="redone" if again else "undone"))
    return done


async def restore(
    screen: BaseScreen, checkpoints: CheckpointApi, checkpoint: Checkpoint, *, task_id: str = "", file: str = ""
) -> Restoration | None:
    """Go back to a checkpoint, after asking.

    Args:
        screen: asks and tells; from a worker only.
        checkpoints: of the engine.
        checkpoint: which.
        task_id: only this task; empty for all.
        file: only this file of it; empty for all.
    Returns:
        What was done; None where the user left it, or nothing differs.
    Raises:
        TaleError: as for the verb of the engine.
    """
    go = partial(checkpoints.restore, checkpoint.id, task_id=task_id, file=file)
    seen = await go(dry_run=True)
    if seen.empty:
        screen.say(NOTHING_DIFFERS)
        return None
    what = f"{clean_line(file, _NAME_MAX)} of " if file else ""
    question = f"Go back to {what}{clean_line(place_name(checkpoint), _NAME_MAX)}?"
    if not await screen.ask(ConfirmDialog(question, "Go back", _STAY, detail=restoration_preview(seen))):
        return None
    done = await go(dry_run=False)
    title = f"Back to {what}{clean_line(short_name(checkpoint), _NAME_MAX)}"
    screen.tell(Notice(title, restoration_report(done), about="redone"))
    return done


def _name(restoration: Restoration) -> str:
    """What is undone or done again."""
    return clean_line(operation_name(restoration.checkpoint), _NAME_MAX)
