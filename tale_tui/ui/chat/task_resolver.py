"""Which task is meant: by the beginning of its id, by a choice, or because there is only one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tale_tui.domain.errors import AmbiguousTask, NoSuchTask
from tale_tui.domain.tasks import ENDED, OPEN, Task, TaskState
from tale_tui.formatting.tasks import short_state, sign
from tale_tui.ui import commands
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.commands import MARK, Command, TaskKind
from tale_tui.ui.widgets.composer import CompletionRow

KINDS: Mapping[TaskKind, frozenset[TaskState]] = {
    "any": frozenset(TaskState),
    "open": OPEN,
    "going": frozenset({TaskState.QUEUED, TaskState.RUNNING}),
    "paused": frozenset({TaskState.PAUSED}),
    "written": frozenset({TaskState.DONE}),
    "again": ENDED | {TaskState.PAUSED},
}
"""The states in which a command may find a task."""
KNOWN_MAX = 200
"""Tasks that are offered for completion: all that run or wait, and those that ended last."""
ROWS_MAX = 50
_NONE: Mapping[TaskKind, str] = {
    "any": "There is no task yet. What is work becomes one, or write /task and what is to be done.",
    "open": "No task is open.",
    "going": "No task runs or is queued.",
    "paused": "No task is paused.",
    "written": "No task is done yet.",
    "again": "No task has ended yet.",
}


class TaskResolver:
    """Finds tasks, and offers their ids while a command is written.

    Args:
        screen: asks.
        conversation: what is on the screen.
        changed: called when other ids may be offered.
    """

    def __init__(self, screen: BaseScreen, conversation: Conversation, changed: Callable[[], None]) -> None:
        self._screen = screen
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
            self._screen.spawn(self._read, group="ids", exclusive=True)
        command, typed = found
        states = KINDS[command.tasks] if command.tasks is not None else frozenset()
        fitting = [one for one in self._known if one.state in states and one.id.startswith(typed.lower())]
        now = self._conversation.clock.now()
        rows = [_row(command, task, now) for task in fitting[:ROWS_MAX]]
        if rows and not typed:
            return [CompletionRow(f"{MARK}{command.name}", f"{MARK}{command.name}", command.summary), *rows]
        if len(rows) > 1 and all(task.shown != typed for task in fitting):
            return [CompletionRow(text, typed, f"{len(fitting)} tasks: choose one"), *rows]
        return rows

    async def _read(self) -> None:
        self._known = await self._conversation.engine.tasks.list(limit=KNOWN_MAX)
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
        try:
            return await self._conversation.engine.tasks.find(prefix.lower())
        except AmbiguousTask:
            fitting = [
                task for task in await self._conversation.engine.tasks.list() if task.id.startswith(prefix.lower())
            ]
            return await self._choose(fitting, title, verb)

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
        fitting = await self._conversation.engine.tasks.list(states=tuple(KINDS[kind]), limit=KNOWN_MAX)
        if not fitting:
            raise NoSuchTask(_NONE[kind])
        return fitting[0] if len(fitting) == 1 else await self._choose(fitting, title, verb)

    async def latest(self, kind: TaskKind) -> Task:
        """The newest task of this conversation, else of all.

        Raises:
            NoSuchTask: there is none.
        """
        session = self._conversation.session
        states = tuple(KINDS[kind])
        found: tuple[Task, ...] = ()
        if session is not None:
            found = await self._conversation.engine.tasks.list(states=states, session_id=session.id, limit=KNOWN_MAX)
        found = found or await self._conversation.engine.tasks.list(states=states, limit=KNOWN_MAX)
        if not found:
            raise NoSuchTask(_NONE[kind])
        return max(found, key=lambda task: task.updated)

    async def _choose(self, tasks: Sequence[Task], title: str, verb: str) -> Task | None:
        from tale_tui.ui.dialogs.choose_task import ChooseTaskDialog

        dialog = ChooseTaskDialog(tasks, self._conversation.clock.now(), title=title, verb=verb)
        chosen = await self._screen.ask(dialog)
        return next((task for task in tasks if task.id == chosen), None)


def _row(command: Command, task: Task, now: float) -> CompletionRow:
    return CompletionRow(
        f"{MARK}{command.name} {task.shown}", task.shown, f"{sign(task)} {task.title}   {short_state(task, now)}"
    )
