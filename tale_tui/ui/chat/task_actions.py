"""What the user does with tasks from the chat: by command, by a key on a card, and by the one key for both ways."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tale_tui.domain.errors import BadPriority, NoSuchTask
from tale_tui.domain.tasks import Priority, Task, TaskState
from tale_tui.formatting.tasks import model_name, sign, state_words, times, tokens
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.chat.task_cards import TaskCards, written
from tale_tui.ui.chat.task_resolver import TaskResolver
from tale_tui.ui.commands import TaskKind
from tale_tui.ui.transcript.view import TranscriptView

STATUS_S = 20.0
"""A report stands so long: it is to be read."""
REPORTED_MAX = 6
"""Tasks of which a report tells, where several run."""
ShowTask = Callable[[str], None]
"""Shows a task on the screen of tasks; empty for all of them."""


class CardActions:
    """Does it.

    Args:
        screen: tells and asks.
        conversation: what is on the screen.
        desk: the cards.
        ids: finds tasks.
        view: the transcript.
        show: leads to the screen of tasks.
    """

    def __init__(
        self,
        screen: BaseScreen,
        conversation: Conversation,
        desk: TaskCards,
        ids: TaskResolver,
        view: TranscriptView,
        show: ShowTask,
    ) -> None:
        self._screen = screen
        self._conversation = conversation
        self._desk = desk
        self._ids = ids
        self._view = view
        self._show = show

    def run(self, name: str, argument: str) -> bool:
        """Do what a command says; False where it is none about tasks."""
        spawn = self._screen.spawn
        match name:
            case "tasks":
                self._show("")
            case "status":
                spawn(self._status, argument, group="dialog")
            case "cancel" | "pause" | "resume":
                spawn(self._change, name, argument, group="dialog")
            case "priority":
                spawn(self._priority, argument, group="dialog")
            case "result":
                spawn(self._result, argument, group="dialog")
            case "save":
                prefix, path = (*argument.split(maxsplit=1), "", "")[:2]
                spawn(self._save, prefix, path, group="dialog")
            case _:
                return False
        return True

    def grant(self, wish: TranscriptView.TaskActionRequested) -> None:
        """Do what a key on a card asks for."""
        task = self._conversation.tasks.get(wish.task_id)
        if task is None:
            return
        match wish.kind:
            case "open":
                (self._desk.follow if wish.opened else self._desk.leave)(task.id)
            case "cancel" | "pause" | "resume":
                self._screen.spawn(partial(self._change, wish.kind, task.id, quiet=True), group="dialog")
            case "retry":
                self._screen.spawn(partial(self.retry, task.id, quiet=True), group="dialog")
            case "result":
                self._screen.spawn(self._in_editor, task.id, group="dialog")
            case "save":
                self._screen.spawn(self._save, task.id, "", group="dialog")
            case "show":
                self._show(task.id)

    async def retry(self, prefix: str, step: str = "", *, quiet: bool = False) -> None:
        """Run a task again.

        Args:
            prefix: the beginning of its id.
            step: the key of the step to begin with; empty for where it stands, or the beginning.
            quiet: whether its card says enough.
        """
        task = await self._ids.find(prefix, "Which task is to be run again?", "run again")
        if task is not None:
            done = await self._conversation.engine.tasks.retry(task.id, step=step)
            self._told(done, "is run again", quiet=quiet)

    async def _status(self, prefix: str) -> None:
        if prefix:
            task = await self._ids.find(prefix, "Which task?", "show")
            tasks = [task] if task is not None else []
        else:
            running = await self._conversation.engine.tasks.list(states=(TaskState.RUNNING,))
            try:
                tasks = list(running) or [await self._ids.latest("any")]
            except NoSuchTask as none:
                # That there is none is the answer, and nothing that went wrong.
                self._screen.say(none.sentence, title="Status", timeout_s=STATUS_S)
                return
        if tasks:
            now = self._conversation.clock.now()
            lines = [report(task, now) for task in tasks[:REPORTED_MAX]]
            if len(tasks) > REPORTED_MAX:
                lines.append(f"and {len(tasks) - REPORTED_MAX} more: /tasks")
            self._screen.say("\n".join(lines), title="Status", timeout_s=STATUS_S)

    async def _change(self, name: str, prefix: str, *, quiet: bool = False) -> None:
        kinds: dict[str, tuple[TaskKind, str]] = {
            "cancel": ("open", "is cancelled"),
            "pause": ("going", "is paused"),
            "resume": ("paused", "goes on"),
        }
        kind, said = kinds[name]
        title = f"Which task is to be {name.rstrip('e')}{'led' if name == 'cancel' else 'ed'}?"
        find = self._ids.find(prefix, title, name) if prefix else self._ids.pick(kind, title, name)
        task = await find
        if task is None:
            return
        engine = self._conversation.engine
        doing = {"cancel": engine.tasks.cancel, "pause": engine.tasks.pause, "resume": engine.tasks.resume}
        self._told(await doing[name](task.id), said, quiet=quiet)

    async def _priority(self, argument: str) -> None:
        prefix, _, word = argument.rpartition(" ")
        names = ", ".join(one.value for one in Priority)
        if word.lower() not in set(Priority):
            asked = f"{word!r} is no priority" if word else "Which task, and which priority"
            raise BadPriority(f"{asked}: it is one of {names}, as in /priority k4t9 high.")
        title = f"Which task is to be {word.lower()}?"
        prefix = prefix.strip()
        task = await (self._ids.find(prefix, title, word) if prefix else self._ids.pick("open", title, word))
        if task is not None:
            done = await self._conversation.engine.tasks.set_priority(task.id, Priority(word.lower()))
            self._told(done, f"has priority {done.priority.value}")

    async def _result(self, prefix: str) -> None:
        task = await self._written(prefix)
        if task is not None:
            card = self._conversation.branch.get(task.message_id)
            if card is None:
                self._show(task.id)
            else:
                self._desk.show(task.id)
                self._view.focus()
                self._view.show_message(card.id)

    async def _in_editor(self, task_id: str) -> None:
        """Show the result in the external editor; what is changed there changes nothing here."""
        from tale_tui.ui.terminal.editor import NoEditor, edit_outside

        detail = await self._conversation.engine.tasks.get(task_id)
        try:
            await edit_outside(self._view.app, detail.result or written(detail)[0])
        except NoEditor as error:
            self._screen.say(str(error), title="No editor", severity="warning")

    async def _save(self, prefix: str, folder: str) -> None:
        from tale_tui.ui.dialogs.save_files import save_files

        task = await self._written(prefix)
        if task is not None:
            detail = await self._conversation.engine.tasks.get(task.id)
            await save_files(task.title, detail.result, _place(folder), self._screen.ask, self._screen.say)

    async def _written(self, prefix: str) -> Task | None:
        if prefix:
            return await self._ids.find(prefix, "The result of which task?", "show")
        return await self._ids.latest("written")

    def _told(self, task: Task, what: str, *, quiet: bool = False) -> None:
        self._desk.on_task(task)
        self._ids.forget()
        if not quiet:
            self._screen.say(f"{task.shown} {task.title} {what}.")


def _place(folder: str) -> Path:
    """Where files go that are to be saved into `folder`."""
    # Unlike Path.expanduser, this leaves a user who does not exist as it stands instead of failing.
    return Path.cwd() / os.path.expanduser(folder)  # noqa: PTH111


def report(task: Task, now: float) -> str:
    """How a task is doing, in a line: `◐ k4t9 Fibonacci function: step 2 of 3, writing, 0:42, 412 tok, qwen3:14b`."""
    parts = (state_words(task, now), times(task, now), tokens(task), model_name(task))
    return f"{sign(task)} {task.shown} {task.title}: {', '.join(part for part in parts if part)}"
