"""What was kept of the conversation, from the chat: shown, and the last step taken back or done again."""

from __future__ import annotations

from tale_tui.domain.checkpoints import CheckpointScope
from tale_tui.domain.errors import CannotUndo, CheckpointFailed, FolderIsLink, NoSuchCheckpoint
from tale_tui.domain.tasks import Task
from tale_tui.formatting.checkpoints import task_file_lines
from tale_tui.ui.chat.controller import ChatController
from tale_tui.ui.checkpoints.going_back import reverse
from tale_tui.ui.tasks.actions import scope_of

NO_STEP = "Nothing was done in this conversation yet that could be taken back."


async def browse(chat: ChatController, prefix: str) -> None:
    """Show what was kept of the conversation; of a task where the beginning of its id is given."""
    scope = _here(chat)
    if prefix:
        task = await chat.tasks.ids.find(prefix, "The checkpoints of which task?", "show")
        if task is None:
            return
        scope = scope_of(task)
    chat.screen.post_message(chat.screen.CheckpointsWanted(scope))


async def go(chat: ChatController, *, again: bool) -> None:
    """Undo the last step of the conversation, or redo it; the key of the notice takes that back."""
    scope = _here(chat)
    if not scope.session_id:
        raise CannotUndo(NO_STEP)
    if await reverse(chat.screen, chat.engine.checkpoints, scope, again=again) is not None:
        chat.reversal = (scope.session_id, again)


async def take_back(chat: ChatController) -> None:
    """Take back the undo or the redo that was the last in this conversation."""
    if chat.can_take_back and chat.reversal is not None:
        await go(chat, again=not chat.reversal[1])


async def files_of(chat: ChatController, task: Task) -> str:
    """The folder of a task as a tree, with what its last step changed and what came since; empty where nothing is
    kept, and a sentence where that cannot be read."""
    api = chat.engine.checkpoints
    try:
        newest = (await api.list(task_id=task.id, limit=1)).checkpoints
        if not newest:
            return ""
        detail, now = await api.show(newest[0].id), await api.diff(newest[0].id)
    except (CheckpointFailed, FolderIsLink, NoSuchCheckpoint) as error:
        return error.sentence
    return "\n".join(task_file_lines(detail, now, task.id))


def _here(chat: ChatController) -> CheckpointScope:
    session = chat.conversation.session
    return CheckpointScope() if session is None else CheckpointScope("", session.id, session.title)
