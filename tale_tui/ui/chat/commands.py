"""What the commands and keys of the chat do: those of the table in `ui/commands.py`, and a few that only have a key."""

from __future__ import annotations

from functools import partial

from tale_tui.domain.text import clean_line
from tale_tui.formatting.slash import SWITCHES
from tale_tui.ui.chat import checkpoints, message_actions, remembered, sessions
from tale_tui.ui.chat.controller import ChatController

_SYSTEM_HINT = "How the model is to answer in this conversation. Empty takes what the settings say."


def run_command(chat: ChatController, name: str, argument: str = "") -> bool:
    """Do what a command says.

    Args:
        chat: the conversation on the screen, and what is around it.
        name: of the command.
        argument: what stands behind it.
    Returns:
        False where it is no command of a conversation.
    """
    spawn = chat.screen.spawn
    match name:
        case "new":
            spawn(chat.new_session, group="session")
        case "clear":
            spawn(chat.new_session, chat.conversation.system, group="session")
        case "sessions":
            spawn(sessions.browse, chat, argument, group="dialog")
        case "model":
            spawn(chat.models.choose, argument, group="models", exclusive=True)
        case "system":
            spawn(_system, chat, argument, group="dialog")
        case "context":
            spawn(_context, chat, group="dialog")
        case "export":
            spawn(sessions.export, chat, argument, group="dialog")
        case "alerts":
            spawn(chat.alerts.browse, group="dialog")
        case "remember":
            spawn(remembered.remember, chat, argument, group="dialog")
        case "recall" | "memory" if argument.lower() in SWITCHES:
            spawn(remembered.switch, chat, argument.lower() == "on", group="dialog")
        case "forget":
            spawn(remembered.forget, chat, argument, group="dialog")
        case "checkpoints":
            spawn(checkpoints.browse, chat, argument, group="dialog")
        case "undo" | "redo":
            spawn(partial(checkpoints.go, chat, again=name == "redo"), group="dialog")
        case "take_back":
            spawn(checkpoints.take_back, chat, group="dialog")
        case "rename":
            spawn(sessions.rename, chat, argument, group="dialog")
        case "delete":
            spawn(sessions.delete, chat, group="dialog")
        case "retry":
            _retry(chat, argument)
        case "task":
            _task(chat, argument)
        case "continue":
            message_actions.resume(chat)
        case "editor":
            spawn(chat.input.write_in_editor, group="dialog")
        case "starter":
            spawn(chat.models.starter, group="models", exclusive=True)
        case "trim":
            chat.input.trim()
        case "to_file":
            spawn(chat.input.keep_in_file, group="queue")
        case _:
            return chat.tasks.actions.run(name, argument)
    return True


def _task(chat: ChatController, text: str) -> None:
    if text:
        chat.input.send(text, as_task=True)
    else:
        chat.screen.say("Write behind it what is to be done, as in: /task Write tests for the parser")


def _retry(chat: ChatController, argument: str) -> None:
    retry_task = chat.tasks.actions.retry
    tip = chat.conversation.branch.tip
    if argument:
        chat.screen.spawn(partial(retry_task, *argument.split(maxsplit=1)), group="dialog")
    elif tip is not None and tip.task_id is not None:
        chat.screen.spawn(partial(retry_task, tip.task_id, quiet=True), group="dialog")
    elif tip is None:
        chat.screen.say("There is no message yet that could be answered again.")
    elif chat.turns.busy:
        chat.screen.say(message_actions.BUSY)
    else:
        chat.turns.regenerate(tip.id)


async def _context(chat: ChatController) -> None:
    from tale_tui.ui.chat.context import ContextDialog

    session = chat.conversation.session
    if session is None:
        chat.screen.say("Nothing was said yet, so the whole window is free.", title="Context")
        return
    await chat.screen.ask(ContextDialog(await chat.engine.chat.context(session.id)))


async def _system(chat: ChatController, text: str) -> None:
    from tale_tui.ui.dialogs.text_entry import TextDialog

    if not text:
        dialog = TextDialog("System prompt", chat.conversation.system, hint=_SYSTEM_HINT, lines=True)
        answer = await chat.screen.ask(dialog)
        if answer is None:
            return
        text = answer
    await chat.conversation.set_system(text)
    said = f"It holds from the next message on: {clean_line(text, 80)}" if text else "It is that of the settings again."
    chat.screen.say(said, title="System prompt")
