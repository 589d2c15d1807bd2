"""The commands of the chat: what each of the table does."""

from __future__ import annotations

from functools import partial

from tale_tui.domain.text import clean_line
from tale_tui.ui.chat.host import ChatHost
from tale_tui.ui.chat.input import ChatInput
from tale_tui.ui.chat.models import ModelActions
from tale_tui.ui.chat.sessions import SessionActions
from tale_tui.ui.chat.task_actions import CardActions

_SYSTEM_HINT = "How the model is to answer in this conversation. Empty takes what the settings say."


class ChatCommands:
    """Runs commands.

    Args:
        host: the chat screen.
        sessions: does what concerns conversations.
        models: does what concerns the model.
        sending: does what concerns the message in the prompt.
        tasks: does what concerns tasks.
    """

    def __init__(
        self, host: ChatHost, sessions: SessionActions, models: ModelActions, sending: ChatInput, tasks: CardActions
    ) -> None:
        self._host = host
        self._sending = sending
        self._sessions = sessions
        self._models = models
        self._tasks = tasks

    def run(self, name: str, argument: str = "") -> bool:
        """Do what the command says.

        Returns:
            False where it is no command of a conversation.
        """
        host = self._host
        match name:
            case "new":
                host.spawn(host.new_session, group="session")
            case "clear":
                host.spawn(host.new_session, host.conversation.system, group="session")
            case "sessions":
                host.spawn(self._sessions.browse, argument, group="dialog")
            case "model":
                host.spawn(self._models.choose, argument, group="models", exclusive=True)
            case "system":
                host.spawn(self._system, argument, group="dialog")
            case "export":
                host.spawn(self._sessions.export, argument, group="dialog")
            case "rename":
                host.spawn(self._sessions.rename, argument, group="dialog")
            case "delete":
                host.spawn(self._sessions.delete, group="dialog")
            case "retry":
                self._retry(argument)
            case "task":
                self._task(argument)
            case "continue":
                host.go_on()
            case "editor":
                host.spawn(self._sending.write_in_editor, group="dialog")
            case "starter":
                host.spawn(self._models.starter, group="models", exclusive=True)
            case "trim":
                self._sending.trim()
            case "to_file":
                host.spawn(self._sending.keep_in_file, group="queue")
            case _:
                return self._tasks.run(name, argument)
        return True

    def _task(self, text: str) -> None:
        if text:
            self._sending.send(text, as_task=True)
        else:
            self._host.say("Write behind it what is to be done, as in: /task Write tests for the parser")

    def _retry(self, argument: str) -> None:
        host = self._host
        tip = host.conversation.branch.tip
        if argument:
            host.spawn(partial(self._tasks.retry, *argument.split(maxsplit=1)), group="dialog")
        elif tip is not None and tip.task_id is not None:
            host.spawn(partial(self._tasks.retry, tip.task_id, quiet=True), group="dialog")
        elif tip is None:
            host.say("There is no message yet that could be answered again.")
        elif host.turns.busy:
            host.say("A reply is being written. Stop it first, or wait for its end.")
        else:
            host.turns.regenerate(tip.id)

    async def _system(self, text: str) -> None:
        from tale_tui.ui.dialogs.text_entry import TextDialog

        conversation = self._host.conversation
        if not text:
            dialog = TextDialog("System prompt", conversation.system, hint=_SYSTEM_HINT, lines=True)
            answer = await self._host.ask(dialog)
            if answer is None:
                return
            text = answer
        await conversation.set_system(text)
        said = (
            f"It holds from the next message on: {clean_line(text, 80)}"
            if text
            else "It is that of the settings again."
        )
        self._host.say(said, title="System prompt")
