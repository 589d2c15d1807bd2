"""What the user wants done with a turn of the transcript."""

from __future__ import annotations

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.models import FinishReason, RoleState
from tale_tui.domain.tasks import TaskState
from tale_tui.ui.chat import checkpoints
from tale_tui.ui.chat.controller import ChatController
from tale_tui.ui.transcript.view import TranscriptView

BUSY = "A reply is being written. Stop it first, or wait for its end."

_NEEDS_REST = frozenset({"edit", "regenerate", "continue", "previous", "next"})


def run(chat: ChatController, event: TranscriptView.ActionRequested) -> None:
    """Do what a key on a turn asks for, or say why not."""
    message = chat.conversation.branch.get(event.message_id)
    if message is None:
        return
    if event.kind in _NEEDS_REST and chat.turns.busy:
        chat.screen.say(BUSY)
        return
    match event.kind:
        case "copy":
            chat.screen.copy(event.text or chat.view.source(message.id), "The turn")
        case "copy_code":
            _copy_code(chat, message)
        case "edit":
            _edit(chat, message)
        case "regenerate":
            chat.turns.regenerate(message.id)
        case "continue":
            chat.turns.resume(message.id)
        case "fork":
            chat.screen.spawn(_fork, chat, message, group="session")
        case "details":
            chat.screen.spawn(_details, chat, message, group="dialog")
        case "previous" | "next":
            _show_version(chat, message, 1 if event.kind == "next" else -1)


def _copy_code(chat: ChatController, message: Message) -> None:
    code = chat.view.code_block_at(message.id)
    if code:
        chat.screen.copy(code, "The code")
    else:
        chat.screen.say("There is no code in this turn.")


def _edit(chat: ChatController, message: Message) -> None:
    if message.author is Author.USER:
        chat.input.start_editing(message.id, message.text)
        return
    asked = chat.conversation.branch.get(message.parent_id)
    if asked is not None:
        chat.input.start_editing(asked.id, asked.text)


def _show_version(chat: ChatController, message: Message, step: int) -> None:
    if message.siblings > 1:
        chat.screen.spawn(chat.conversation.show_version, message.id, step, group="session")


async def _fork(chat: ChatController, message: Message) -> None:
    session = chat.conversation.session
    if session is not None:
        forked = await chat.engine.sessions.fork(session.id, message.id)
        await chat.open_session(forked.id)
        chat.screen.say("From here on it is a conversation of its own; the other one is in /sessions.", title="Forked")


async def _details(chat: ChatController, message: Message) -> None:
    from tale_tui.ui.dialogs.details import DetailsDialog

    calls = await chat.engine.metrics.calls(message_id=message.id)
    task, now = chat.view.task_of(message.id), chat.conversation.clock.now()
    remembered = await chat.engine.recall.offered(message.id) if message.remembered else ()
    files = await checkpoints.files_of(chat, task) if task is not None else ""
    await chat.screen.ask(DetailsDialog(message, task, calls, now, remembered, files))


def resume(chat: ChatController) -> None:
    """Help on what broke off: a task, the model, or the last reply; or say that nothing did."""
    branch, status = chat.conversation.branch, chat.models.status
    tip = branch.tip
    task = chat.conversation.tasks.get(tip.task_id or "") if tip is not None else None
    if task is not None and task.state is TaskState.PAUSED:
        chat.tasks.actions.run("resume", task.id)
    elif chat.turns.busy:
        chat.screen.say("A reply is being written.")
    elif status is not None and status.state in (RoleState.AWAY, RoleState.FAILED, RoleState.UNSET):
        chat.screen.spawn(_retry, chat, group="models", exclusive=True)
    elif tip is not None and tip.author is Author.USER:
        chat.turns.regenerate(tip.id)
    elif tip is not None and (branch.resumable or tip.finish is FinishReason.LENGTH):
        chat.turns.resume(tip.id)
    else:
        chat.screen.say("The last reply is complete: there is nothing to go on with.")


async def _retry(chat: ChatController) -> None:
    answers = await chat.models.retry()
    tip = chat.conversation.branch.tip
    if answers and tip is not None and not chat.turns.busy:
        if tip.author is Author.USER:
            chat.turns.regenerate(tip.id)
        elif tip.state is MessageState.FAILED:
            chat.turns.resume(tip.id)
