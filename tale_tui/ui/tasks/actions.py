"""What can be done with a task from the tasks screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from textual.app import App
from textual.screen import ModalScreen

from tale_tui.domain.tasks import Priority, Task, TaskDetail, TaskState
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.tasks import state_words
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.save_files import save_files
from tale_tui.ui.tasks.list_model import TaskListModel
from tale_tui.ui.tasks.steps import whole_text
from tale_tui.ui.tasks.text import TaskText
from tale_tui.ui.terminal.editor import NoEditor, edit_outside
from tale_tui.ui.widgets.banner import Severity

T = TypeVar("T")

_TITLE_LIMIT = 48
"""Characters of a title inside a question."""
_PRIORITIES = tuple(Priority)
"""The highest first."""


class ActionsHost(Protocol):
    """What the desk may ask of the screen that holds it."""

    @property
    def app(self) -> App[object]:
        """Has the clipboard and the terminal."""
        ...

    def say(self, sentence: str, *, title: str = "", severity: Severity = "information") -> None:
        """Tell the user something that goes by itself. Safe text."""
        ...

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """Show a dialog and wait for its result; from a worker only."""
        ...

    def changed(self, task: Task) -> None:
        """A task is so now."""
        ...

    def line_up(self) -> None:
        """Read the order of what is queued again, soon."""
        ...

    def quote(self, text: str) -> None:
        """Put a text into the prompt of the chat."""
        ...


@dataclass(frozen=True, slots=True)
class TaskActions:
    """Does what the keys ask for.

    Args:
        host: the screen.
        book: all tasks.
        now: the clock, in seconds since the epoch.
    """

    host: ActionsHost
    engine: EngineApi
    book: TaskListModel
    now: Callable[[], float]

    async def do(self, kind: str, task: Task) -> None:
        """Do something with a task; what cannot be done is told.

        Args:
            kind: as the bindings of the screen have it.
            task: which.
        Raises:
            TaleError: nothing was done.
        """
        doing: dict[str, Callable[[Task], Awaitable[None]]] = {
            "pause": self._pause,
            "cancel": self._cancel,
            "retry": self._retry,
            "retry_from": self._retry_from,
            "raise": lambda one: self._reprioritise(one, -1),
            "lower": lambda one: self._reprioritise(one, 1),
            "move_up": lambda one: self._move(one, -1),
            "move_down": lambda one: self._move(one, 1),
            "approve": lambda one: self._answer(one, yes=True),
            "decline": lambda one: self._answer(one, yes=False),
            "editor": self._open_in_editor,
            "save": self._save,
            "copy": self._copy,
            "quote": self._quote,
        }
        await doing[kind](task)

    def copy_code(self, event: TaskText.CopyWanted) -> None:
        """Copy a block of code."""
        self._clip(event.code, "The code")

    # how it goes on

    async def _pause(self, task: Task) -> None:
        paused = task.state is TaskState.PAUSED
        self.host.changed(await (self.engine.tasks.resume if paused else self.engine.tasks.pause)(task.id))

    async def _cancel(self, task: Task) -> None:
        name = _named(task)
        if task.state in (TaskState.RUNNING, TaskState.QUEUED, TaskState.WAITING, TaskState.PAUSED, TaskState.DRAFT):
            dialog = ConfirmDialog(f"Cancel {name}?", "Cancel it", "Keep it", detail="What it wrote so far is kept.")
            if not await self.host.ask(dialog):
                return
        self.host.changed(await self.engine.tasks.cancel(task.id))

    async def _retry(self, task: Task) -> None:
        if task.state is TaskState.DONE:
            detail = "It is done. Its result is replaced by the new one."
            dialog = ConfirmDialog(f"Run {_named(task)} again?", "Run it again", "Leave it", detail=detail)
            if not await self.host.ask(dialog):
                return
        self.host.changed(await self.engine.tasks.retry(task.id))

    async def _retry_from(self, task: Task) -> None:
        from tale_tui.ui.dialogs.choose_step import StepDialog

        detail = await self.engine.tasks.get(task.id)
        if len(detail.steps) < 2:
            await self._retry(task)
            return
        key = await self.host.ask(StepDialog(detail))
        if key is not None:
            self.host.changed(await self.engine.tasks.retry(task.id, step=key))

    async def _reprioritise(self, task: Task, step: int) -> None:
        place = _PRIORITIES.index(task.priority) + step
        if 0 <= place < len(_PRIORITIES):
            self.host.changed(await self.engine.tasks.set_priority(task.id, _PRIORITIES[place]))
        else:
            self.host.say(f"{task.priority.value.capitalize()} is as {'late' if step > 0 else 'soon'} as it gets.")

    async def _move(self, task: Task, step: int) -> None:
        if task.state is not TaskState.QUEUED:
            self.host.say(f"{task.shown} is not queued, so it has no place to move from.")
            return
        beside = self.book.neighbour(task, step)
        if beside is None:
            self.host.say(f"{task.shown} is the {'last' if step > 0 else 'first'} of those that wait.")
            return
        # A task goes before another one, so going behind its neighbour is going before the next but one.
        before = beside if step < 0 else self.book.neighbour(beside, 1)
        self.host.changed(await self.engine.tasks.move(task.id, before=before.id if before else None))
        self.host.line_up()

    async def _answer(self, task: Task, *, yes: bool) -> None:
        if task.state is not TaskState.WAITING:
            self.host.say(f"{task.shown} asks nothing: {state_words(task, self.now())}.")
            return
        self.host.changed(await self.engine.tasks.approve(task.id, yes=yes))

    # what came of it

    async def _text(self, task: Task) -> tuple[TaskDetail, str]:
        """All of a task and what it wrote; empty where that is nothing, which is told."""
        detail = await self.engine.tasks.get(task.id)
        text = clean(whole_text(detail))
        if not text.strip():
            self.host.say(f"{task.shown} has not written anything yet.")
            return detail, ""
        return detail, text

    async def _open_in_editor(self, task: Task) -> None:
        _, text = await self._text(task)
        if not text:
            return
        try:
            changed = await edit_outside(self.host.app, text)
        except NoEditor as error:
            self.host.say(str(error), title="No editor", severity="warning")
        else:
            if changed != text.rstrip("\n"):
                self.host.say("The result is as it was. What you changed is only in what you saved elsewhere.")

    async def _save(self, task: Task) -> None:
        _, text = await self._text(task)
        if text:
            await save_files(task.title, text, Path.cwd(), self.host.ask, self.host.say)

    async def _copy(self, task: Task) -> None:
        _, text = await self._text(task)
        if text:
            self._clip(text, "What it wrote")

    def _clip(self, text: str, what: str) -> None:
        self.host.app.copy_to_clipboard(text)
        self.host.say(f"{what} was copied.")

    async def _quote(self, task: Task) -> None:
        _, text = await self._text(task)
        if text:
            quoted = "\n".join(f"> {line}".rstrip() for line in text.rstrip("\n").split("\n"))
            self.host.quote(f"{clean_line(task.title)} ({task.shown}):\n\n{quoted}\n\n")


def _named(task: Task) -> str:
    return f'"{clean_line(task.title, _TITLE_LIMIT)}"'
