"""What the user does with tasks from the chat: which one is meant, the commands, and the keys on the cards."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tale_tui.domain.errors import BadPriority, NoSuchTask
from tale_tui.domain.tasks import Reason, Task, TaskState
from tale_tui.engine import client_actions
from tale_tui.engine.client_actions import ACTIONS, CHOICES_MAX, KINDS, PRIORITY_NAMES, TaskKind
from tale_tui.formatting.slash import MARK
from tale_tui.formatting.tasks import model_name, short_state, sign, state_words, times, tokens
from tale_tui.ui import commands
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.chat.tasks.cards import TaskCards
from tale_tui.ui.commands import Command
from tale_tui.ui.dialogs.choose_task import ChooseTaskDialog
from tale_tui.ui.tasks.actions import TaskActions
from tale_tui.ui.transcript.view import TranscriptView
from tale_tui.ui.widgets.composer import CompletionRow

ShowTask = Callable[[str], None]
"""Shows a task on the screen of tasks; empty for all of them."""

COMPLETIONS_MAX = 50
STATUS_S = 20.0
"""A report stands so long: it is to be read."""
REPORTED_MAX = 6
"""Tasks of which a report tells, where several run."""


class TaskResolver:
    """Which task is meant: by the beginning of its id, by a choice, or because there is only one.

    Args:
        screen: asks.
        conversation: the one on the screen.
        changed: called when other ids may be offered for completion.
    """

    def __init__(self, screen: BaseScreen, conversation: Conversation, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._conversation = conversation
        self._changed = changed
        self._known: tuple[Task, ...] = ()
        self._stale = True
        """Whether they are to be read again; until then the rows stay as they are, and so does what is chosen."""

    def forget(self) -> None:
        """Tasks have changed: read them again when they are wanted."""
        self._stale = True

    def rows(self, text: str) -> Sequence[CompletionRow]:
        """What the id in a command that is being written may become; none where it takes none.

        What is typed comes first as long as it names no task or several: nothing is done to a task that nobody named.
        """
        found = commands.task_argument(text)
        if found is None:
            return ()
        if self._stale:
            self._stale = False
            self._screen.spawn(self._read, group="ids", exclusive=True)
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

    async def planned(self) -> Task:
        """The task whose plan waits for a yes and changed last, else the newest one as `latest` says.

        Raises:
            NoSuchTask: there is none.
        """
        waiting = await self._conversation.engine.tasks.list(states=(TaskState.WAITING,))
        asking = [task for task in waiting if task.reason is Reason.APPROVAL]
        return max(asking, key=lambda task: task.updated) if asking else await self.latest("any")

    async def _one_of(self, tasks: Sequence[Task], title: str, verb: str) -> Task | None:
        if len(tasks) == 1:
            return tasks[0]
        dialog = ChooseTaskDialog(tasks, self._conversation.clock.now(), title=title, verb=verb)
        chosen = await self._screen.ask(dialog)
        return next((task for task in tasks if task.id == chosen), None)


def _completion(command: Command, task: Task, now: float) -> CompletionRow:
    return CompletionRow(
        f"{MARK}{command.name} {task.shown}", task.shown, f"{sign(task)} {task.title}   {short_state(task, now)}"
    )


_CHANGES: Mapping[str, tuple[str, str]] = {
    "cancel": ("Which task is to be cancelled?", "is cancelled"),
    "pause": ("Which task is to be paused?", "is paused"),
    "resume": ("Which task is to be resumed?", "goes on"),
    "give": ("Which task is the other model to do?", "is given to the other model"),
}
"""Of a command: what is asked where several tasks may be meant, and what is said of the task afterwards."""


class CardActions:
    """What the chat does with tasks: its commands, and the keys on their cards.

    Args:
        screen: tells and asks.
        conversation: the one on the screen.
        cards: its cards.
        ids: finds tasks.
        view: the transcript.
        show: leads to the screen of tasks.
    """

    def __init__(
        self,
        screen: BaseScreen,
        conversation: Conversation,
        cards: TaskCards,
        ids: TaskResolver,
        view: TranscriptView,
        show: ShowTask,
    ) -> None:
        self._screen = screen
        self._conversation = conversation
        self._cards = cards
        self._ids = ids
        self._view = view
        self._show = show
        self._actions = TaskActions(screen, conversation.engine, self._changed)

    def run(self, name: str, argument: str) -> bool:
        """Do what a command says; False where it is none about tasks."""
        spawn = self._screen.spawn
        match name:
            case "tasks":
                self._show("")
            case "status":
                spawn(self._status, argument, group="dialog")
            case "cancel" | "pause" | "resume" | "give":
                spawn(self._change, name, argument, group="dialog")
            case "priority":
                spawn(self._priority, argument, group="dialog")
            case "result":
                spawn(self._result, argument, group="dialog")
            case "plan":
                spawn(self._plan, argument, group="dialog")
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
                self._screen.spawn(partial(self._change, event.kind, task.id, quiet=True), group="dialog")
            case "retry":
                self._screen.spawn(partial(self.retry, task.id, quiet=True), group="dialog")
            case "give":
                self._screen.spawn(self._change, "give", task.id, group="dialog")
            case "result":
                self._screen.spawn(self._in_editor, task.id, group="dialog")
            case "save":
                self._screen.spawn(self._save, task.id, "", group="dialog")
            case "show" if task.state is TaskState.WAITING and task.reason is Reason.APPROVAL:
                self._screen.spawn(self._open_plan, task, group="dialog")
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
                self._screen.say(none.sentence, title="Status", timeout_s=STATUS_S)
                return
        if tasks:
            now = self._conversation.clock.now()
            lines = [_report(task, now) for task in tasks[:REPORTED_MAX]]
            if len(tasks) > REPORTED_MAX:
                lines.append(f"and {len(tasks) - REPORTED_MAX} more: /tasks")
            self._screen.say("\n".join(lines), title="Status", timeout_s=STATUS_S)

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

    async def _plan(self, prefix: str) -> None:
        task = await (self._ids.find(prefix, "The plan of which task?", "show") if prefix else self._ids.planned())
        if task is not None:
            await self._open_plan(task)

    async def _open_plan(self, task: Task) -> None:
        # Not needed before somebody wants one.
        from tale_tui.ui.plans.open import open_plan

        await open_plan(self._screen, self._conversation.engine, task.id, self._conversation.clock.now, self._changed)

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
            self._screen.say(f"{task.shown} {task.title} {outcome}.")


def _place(folder: str) -> Path:
    """Where files go that are to be saved into `folder`."""
    # Unlike Path.expanduser, this leaves a user who does not exist as it stands instead of failing.
    return Path.cwd() / os.path.expanduser(folder)  # noqa: PTH111


def _report(task: Task, now: float) -> str:
    """How a task is doing, in a line: `◐ k4t9 Fibonacci function: 1 of 3 done, writing, 0:42, 412 tok, qwen3:14b`."""
    parts = (state_words(task, now), times(task, now), tokens(task), model_name(task))
    return f"{sign(task)} {task.shown} {task.title}: {', '.join(part for part in parts if part)}"
