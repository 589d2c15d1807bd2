"""What the user does with tasks in the window: from the chat by commands and keys on cards, and on the tasks screen.

Which task is meant, what has to be asked first and what is said afterwards stands here; what is then done to the task
is `client_actions`, as for line mode and the command line.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from textual.app import App
from textual.screen import ModalScreen
from textual.worker import Worker

from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Message, Session
from tale_tui.domain.errors import BadPriority, NoSuchTask
from tale_tui.domain.tasks import OPEN, Priority, Task, TaskDetail, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine import client_actions
from tale_tui.engine.api import EngineApi
from tale_tui.engine.client_actions import ACTIONS, CHOICES_MAX, KINDS, PRIORITY_NAMES, TaskKind
from tale_tui.formatting.tasks import model_name, short_state, sign, state_words, times, tokens
from tale_tui.ui import commands
from tale_tui.ui.commands import MARK, Command
from tale_tui.ui.dialogs.choose_task import ChooseTaskDialog
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.save_files import save_files
from tale_tui.ui.tasks.list_model import TaskListModel
from tale_tui.ui.terminal.editor import NoEditor, edit_outside
from tale_tui.ui.transcript.view import TranscriptView
from tale_tui.ui.widgets.banner import Severity
from tale_tui.ui.widgets.composer import CompletionRow
from tale_tui.ui.workers import Args, Work

T = TypeVar("T")
ShowTask = Callable[[str], None]
"""Shows a task on the screen of tasks; empty for all of them."""

COMPLETIONS_MAX = 50
STATUS_S = 20.0
"""A report stands so long: it is to be read."""
REPORTED_MAX = 6
"""Tasks of which a report tells, where several run."""

_TITLE_MAX = 48
"""Characters of a title inside a question."""
_PRIORITIES = tuple(Priority)
"""The highest first."""


class ActionsHost(Protocol):
    """What the actions may ask of the screen that they belong to."""

    def say(
        self, sentence: str, *, title: str = "", severity: Severity = "information", timeout_s: float | None = None
    ) -> None:
        """Tell the user something that goes by itself. Safe text."""
        ...

    def spawn(self, function: Work[*Args], *args: *Args, group: str, exclusive: bool = False) -> Worker[None]:
        """Do `function(*args)` in a worker; what goes wrong in it is told."""
        ...

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """Show a dialog and wait for its result; from a worker only."""
        ...

    def copy(self, text: str, what: str) -> None:
        """Put `text` into the clipboard and say so; `what` begins the sentence."""
        ...


class TaskActions:
    """What both screens do with a task.

    Args:
        host: tells and asks.
        engine: has the tasks.
        changed: takes a task as it is afterwards.
    """

    def __init__(self, host: ActionsHost, engine: EngineApi, changed: Callable[[Task], None]) -> None:
        self._host = host
        self._engine = engine
        self._changed = changed

    async def change(self, name: str, task: Task) -> Task:
        """Do what is called so in `client_actions.ACTIONS`, and give the task as it is then."""
        return self._seen(await ACTIONS[name].run(self._engine, task.id))

    async def retry_from(self, task: Task, step: str) -> Task:
        """Run a task again from a step on; empty for where it stands, or the beginning."""
        return self._seen(await self._engine.tasks.retry(task.id, step=step))

    async def set_priority(self, task: Task, priority: Priority) -> Task:
        """Give a task another priority."""
        return self._seen(await self._engine.tasks.set_priority(task.id, priority))

    async def move(self, task: Task, before: Task | None) -> Task:
        """Put a queued task before another one; None puts it last."""
        return self._seen(await self._engine.tasks.move(task.id, before=before.id if before else None))

    async def show_in_editor(self, app: App[object], text: str) -> bool:
        """Show a result in the external editor. What is changed there changes nothing here; whether anything was."""
        try:
            changed = await edit_outside(app, text)
        except NoEditor as error:
            self._host.say(str(error), title="No editor", severity="warning")
            return False
        return changed != text.rstrip("\n")

    async def save(self, task: Task, text: str, folder: Path) -> None:
        """Save the code of a result as files."""
        await save_files(task.title, text, folder, self._host.ask, self._host.say)

    def _seen(self, task: Task) -> Task:
        self._changed(task)
        return task


# in the chat


class CardsOnScreen(Protocol):
    """Shows the cards of a conversation."""

    def follow(self, task_id: str) -> None:
        """Bring what a task writes to its card from now on."""
        ...

    def leave(self, task_id: str) -> None:
        """Let a task write without being read."""
        ...

    def show(self, task_id: str) -> None:
        """Show all of a card's text."""
        ...

    def on_task(self, task: Task) -> None:
        """A task is so now."""
        ...


class MessagesById(Protocol):
    """The shown branch of a conversation."""

    def get(self, message_id: str | None) -> Message | None:
        """The message of this id; None where it is not on the screen."""
        ...


class ConversationOnScreen(Protocol):
    """The conversation to which cards belong."""

    engine: EngineApi
    clock: Clock
    session: Session | None
    tasks: dict[str, Task]

    @property
    def branch(self) -> MessagesById:
        """Its messages."""
        ...


class TaskResolver:
    """Which task is meant: by the beginning of its id, by a choice, or because there is only one.

    Args:
        host: asks.
        conversation: the one on the screen.
        changed: called when other ids may be offered for completion.
    """

    def __init__(self, host: ActionsHost, conversation: ConversationOnScreen, changed: Callable[[], None]) -> None:
        self._host = host
        self._conversation = conversation
        self._changed = changed
        self._known: tuple[Task, ...] | None = None

    def forget(self) -> None:
        """Tasks have changed: read them again when they are wanted."""
        self._known = None

    def rows(self, text: str) -> Sequence[CompletionRow]:
        """What the id in a command that is being written may become; none where it takes none.

        What is typed comes first as long as it names no task or several: nothing is done to a task that nobody named.
        """
        found = commands.task_argument(text)
        if found is None:
            return ()
        if self._known is None:
            self._known = ()
            self._host.spawn(self._read, group="ids", exclusive=True)
        command, typed = found
        states = KINDS[command.tasks] if command.tasks is not None else frozenset()
        fitting = [one for one in self._known if one.state in states and one.id.startswith(typed.lower())]
        now = self._conversation.clock.now()
        rows = [_completion(command, task, now) for task in fitting[:COMPLETIONS_MAX]]
        if rows and not typed:
            return [CompletionRow(f"{MARK}{command.name}", f"{MARK}{command.name}", command.summary), *rows]
        if len(rows) > 1 and all(task.shown != typed for task in fitting):
            return [CompletionRow(text, typed, f"{len(fitting)} tasks: choose one"), *rows]
        return rows

    async def _read(self) -> None:
        self._known = await self._conversation.engine.tasks.list(limit=CHOICES_MAX)
        self._changed()

    async def find(self, prefix: str, title: str, verb: str) -> Task | None:
        """The task whose id begins with `prefix`; where several do, the user chooses one.

        Args:
            prefix: as it was typed.
            title: what is asked then.
            verb: what will be done with it, in a word.
        Returns:
            None where nothing was chosen.
        Raises:
            NoSuchTask: none; the sentence suggests the nearest.
        """
        return await self._one_of(await client_actions.matching(self._conversation.engine, prefix), title, verb)

    async def pick(self, kind: TaskKind, title: str, verb: str) -> Task | None:
        """The only task that something can be done with, or the one that the user chooses.

        Args:
            kind: what can be done with it.
            title: as for `find`.
            verb: likewise.
        Returns:
            None where nothing was chosen.
        Raises:
            NoSuchTask: there is none.
        """
        return await self._one_of(await client_actions.choices(self._conversation.engine, kind), title, verb)

    async def latest(self, kind: TaskKind) -> Task:
        """The newest task of this conversation, else of all.

        Raises:
            NoSuchTask: there is none.
        """
        session = self._conversation.session
        return await client_actions.latest(self._conversation.engine, kind, session.id if session else "")

    async def _one_of(self, tasks: Sequence[Task], title: str, verb: str) -> Task | None:
        if len(tasks) == 1:
            return tasks[0]
        dialog = ChooseTaskDialog(tasks, self._conversation.clock.now(), title=title, verb=verb)
        chosen = await self._host.ask(dialog)
        return next((task for task in tasks if task.id == chosen), None)


def _completion(command: Command, task: Task, now: float) -> CompletionRow:
    return CompletionRow(
        f"{MARK}{command.name} {task.shown}", task.shown, f"{sign(task)} {task.title}   {short_state(task, now)}"
    )


_CHANGES: Mapping[str, tuple[str, str]] = {
    "cancel": ("Which task is to be cancelled?", "is cancelled"),
    "pause": ("Which task is to be paused?", "is paused"),
    "resume": ("Which task is to be resumed?", "goes on"),
}
"""Of a command: what is asked where several tasks may be meant, and what is said of the task afterwards."""


class CardActions:
    """What the chat does with tasks: its commands, and the keys on their cards.

    Args:
        host: tells and asks.
        conversation: the one on the screen.
        cards: its cards.
        ids: finds tasks.
        view: the transcript.
        show: leads to the screen of tasks.
    """

    def __init__(
        self,
        host: ActionsHost,
        conversation: ConversationOnScreen,
        cards: CardsOnScreen,
        ids: TaskResolver,
        view: TranscriptView,
        show: ShowTask,
    ) -> None:
        self._host = host
        self._conversation = conversation
        self._cards = cards
        self._ids = ids
        self._view = view
        self._show = show
        self._actions = TaskActions(host, conversation.engine, self._changed)

    def run(self, name: str, argument: str) -> bool:
        """Do what a command says; False where it is none about tasks."""
        spawn = self._host.spawn
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
                prefix, folder = (*argument.split(maxsplit=1), "", "")[:2]
                spawn(self._save, prefix, folder, group="dialog")
            case _:
                return False
        return True

    def run_card_action(self, event: TranscriptView.TaskActionRequested) -> None:
        """Do what a key on a card asks for."""
        task = self._conversation.tasks.get(event.task_id)
        if task is None:
            return
        match event.kind:
            case "open":
                (self._cards.follow if event.opened else self._cards.leave)(task.id)
            case "cancel" | "pause" | "resume":
                self._host.spawn(partial(self._change, event.kind, task.id, quiet=True), group="dialog")
            case "retry":
                self._host.spawn(partial(self.retry, task.id, quiet=True), group="dialog")
            case "result":
                self._host.spawn(self._in_editor, task.id, group="dialog")
            case "save":
                self._host.spawn(self._save, task.id, "", group="dialog")
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
            self._say_done(await self._actions.retry_from(task, step), "is run again", quiet=quiet)

    async def _status(self, prefix: str) -> None:
        if prefix:
            task = await self._ids.find(prefix, "Which task?", "show")
            tasks: tuple[Task, ...] = () if task is None else (task,)
        else:
            try:
                tasks = await client_actions.running(self._conversation.engine) or (await self._ids.latest("any"),)
            except NoSuchTask as none:
                # That there is none is the answer, and nothing that went wrong.
                self._host.say(none.sentence, title="Status", timeout_s=STATUS_S)
                return
        if tasks:
            now = self._conversation.clock.now()
            lines = [_report(task, now) for task in tasks[:REPORTED_MAX]]
            if len(tasks) > REPORTED_MAX:
                lines.append(f"and {len(tasks) - REPORTED_MAX} more: /tasks")
            self._host.say("\n".join(lines), title="Status", timeout_s=STATUS_S)

    async def _change(self, name: str, prefix: str, *, quiet: bool = False) -> None:
        title, outcome = _CHANGES[name]
        task = await self._meant(prefix, ACTIONS[name].kind, title, name)
        if task is not None:
            self._say_done(await self._actions.change(name, task), outcome, quiet=quiet)

    async def _priority(self, argument: str) -> None:
        prefix, _, word = argument.rpartition(" ")
        try:
            priority = client_actions.parse_priority(word)
        except BadPriority as error:
            asked = f"{word!r} is no priority" if word else "Which task, and which priority"
            raise BadPriority(f"{asked}: it is one of {PRIORITY_NAMES}, as in /priority k4t9 high.") from error
        task = await self._meant(prefix.strip(), "open", f"Which task is to be {priority.value}?", word)
        if task is not None:
            done = await self._actions.set_priority(task, priority)
            self._say_done(done, f"has priority {done.priority.value}")

    async def _result(self, prefix: str) -> None:
        task = await self._written(prefix)
        if task is not None:
            card = self._conversation.branch.get(task.message_id)
            if card is None:
                self._show(task.id)
            else:
                self._cards.show(task.id)
                self._view.focus()
                self._view.show_message(card.id)

    async def _in_editor(self, task_id: str) -> None:
        detail = await self._conversation.engine.tasks.get(task_id)
        await self._actions.show_in_editor(self._view.app, client_actions.result_text(detail))

    async def _save(self, prefix: str, folder: str) -> None:
        task = await self._written(prefix)
        if task is not None:
            detail = await self._conversation.engine.tasks.get(task.id)
            await self._actions.save(task, detail.result, _place(folder))

    async def _meant(self, prefix: str, kind: TaskKind, title: str, verb: str) -> Task | None:
        """The task that is named, else one with which it can be done."""
        return await (self._ids.find(prefix, title, verb) if prefix else self._ids.pick(kind, title, verb))

    async def _written(self, prefix: str) -> Task | None:
        if prefix:
            return await self._ids.find(prefix, "The result of which task?", "show")
        return await self._ids.latest("written")

    def _changed(self, task: Task) -> None:
        self._cards.on_task(task)
        self._ids.forget()

    def _say_done(self, task: Task, outcome: str, *, quiet: bool = False) -> None:
        if not quiet:
            self._host.say(f"{task.shown} {task.title} {outcome}.")


def _place(folder: str) -> Path:
    """Where files go that are to be saved into `folder`."""
    # Unlike Path.expanduser, this leaves a user who does not exist as it stands instead of failing.
    return Path.cwd() / os.path.expanduser(folder)  # noqa: PTH111


def _report(task: Task, now: float) -> str:
    """How a task is doing, in a line: `◐ k4t9 Fibonacci function: step 2 of 3, writing, 0:42, 412 tok, qwen3:14b`."""
    parts = (state_words(task, now), times(task, now), tokens(task), model_name(task))
    return f"{sign(task)} {task.shown} {task.title}: {', '.join(part for part in parts if part)}"


# on the tasks screen


class ListHost(ActionsHost, Protocol):
    """What the keys of the tasks screen may ask of it."""

    @property
    def app(self) -> App[object]:
        """Has the terminal."""
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
class ListActions:
    """What the keys of the tasks screen do with the chosen task.

    Args:
        host: the screen.
        engine: has the tasks.
        model: all tasks in their order.
        now: the clock, in seconds since the epoch.
    """

    host: ListHost
    engine: EngineApi
    model: TaskListModel
    now: Callable[[], float]

    @property
    def _actions(self) -> TaskActions:
        return TaskActions(self.host, self.engine, self.host.changed)

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
            "approve": lambda one: self._answer("approve", one),
            "decline": lambda one: self._answer("decline", one),
            "editor": self._open_in_editor,
            "save": self._save,
            "copy": self._copy,
            "quote": self._quote,
        }
        await doing[kind](task)

    # how it goes on

    async def _pause(self, task: Task) -> None:
        await self._actions.change("resume" if task.state is TaskState.PAUSED else "pause", task)

    async def _cancel(self, task: Task) -> None:
        if task.state in OPEN:
            detail = "What it wrote so far is kept."
            dialog = ConfirmDialog(f"Cancel {_named(task)}?", "Cancel it", "Keep it", detail=detail)
            if not await self.host.ask(dialog):
                return
        await self._actions.change("cancel", task)

    async def _retry(self, task: Task) -> None:
        if task.state is TaskState.DONE:
            detail = "It is done. Its result is replaced by the new one."
            dialog = ConfirmDialog(f"Run {_named(task)} again?", "Run it again", "Leave it", detail=detail)
            if not await self.host.ask(dialog):
                return
        await self._actions.change("retry", task)

    async def _retry_from(self, task: Task) -> None:
        from tale_tui.ui.dialogs.choose_step import StepDialog

        detail = await self.engine.tasks.get(task.id)
        if len(detail.steps) < 2:
            await self._retry(task)
            return
        key = await self.host.ask(StepDialog(detail))
        if key is not None:
            await self._actions.retry_from(task, key)

    async def _reprioritise(self, task: Task, step: int) -> None:
        place = _PRIORITIES.index(task.priority) + step
        if 0 <= place < len(_PRIORITIES):
            await self._actions.set_priority(task, _PRIORITIES[place])
        else:
            self.host.say(f"{task.priority.value.capitalize()} is as {'late' if step > 0 else 'soon'} as it gets.")

    async def _move(self, task: Task, step: int) -> None:
        if task.state is not TaskState.QUEUED:
            self.host.say(f"{task.shown} is not queued, so it has no place to move from.")
            return
        beside = self.model.neighbour(task, step)
        if beside is None:
            self.host.say(f"{task.shown} is the {'last' if step > 0 else 'first'} of those that wait.")
            return
        # A task goes before another one, so going behind its neighbour is going before the next but one.
        await self._actions.move(task, beside if step < 0 else self.model.neighbour(beside, 1))
        self.host.line_up()

    async def _answer(self, name: str, task: Task) -> None:
        if task.state is not TaskState.WAITING:
            self.host.say(f"{task.shown} asks nothing: {state_words(task, self.now())}.")
            return
        await self._actions.change(name, task)

    # what came of it

    async def _text(self, task: Task) -> str:
        """What a task wrote; empty where that is nothing, which is told."""
        detail: TaskDetail = await self.engine.tasks.get(task.id)
        text = client_actions.result_text(detail)
        if not text.strip():
            self.host.say(f"{task.shown} has not written anything yet.")
            return ""
        return text

    async def _open_in_editor(self, task: Task) -> None:
        text = await self._text(task)
        if text and await self._actions.show_in_editor(self.host.app, text):
            self.host.say("The result is as it was. What you changed is only in what you saved elsewhere.")

    async def _save(self, task: Task) -> None:
        text = await self._text(task)
        if text:
            await self._actions.save(task, text, Path.cwd())

    async def _copy(self, task: Task) -> None:
        text = await self._text(task)
        if text:
            self.host.copy(text, "What it wrote")

    async def _quote(self, task: Task) -> None:
        text = await self._text(task)
        if text:
            quoted = "\n".join(f"> {line}".rstrip() for line in text.rstrip("\n").split("\n"))
            self.host.quote(f"{clean_line(task.title)} ({task.shown}):\n\n{quoted}\n\n")


def _named(task: Task) -> str:
    return f'"{clean_line(task.title, _TITLE_MAX)}"'
