"""What the user does with a task in the window: what both screens share, and the keys of the tasks screen.

What has to be asked first and what is said afterwards stands here and beside the chat; what is then done to the task is
`client_actions`, as for line mode and the command line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from textual.app import App

from tale_tui.domain.checkpoints import CheckpointScope
from tale_tui.domain.plans import JOIN_KEY, depending_on
from tale_tui.domain.tasks import OPEN, Priority, Reason, Task, TaskDetail, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine import client_actions
from tale_tui.engine.api import EngineApi
from tale_tui.engine.client_actions import ACTIONS
from tale_tui.formatting.plans import numbered
from tale_tui.formatting.tasks import model_name, state_words
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.save_files import save_files
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.tasks.list_model import TaskListModel
from tale_tui.ui.terminal.editor import NoEditor, edit_outside

T = TypeVar("T")

_TITLE_MAX = 48
"""Characters of a title inside a question."""
_PRIORITIES = tuple(Priority)
"""The highest first."""


class TaskActions:
    """What both screens do with a task.

    Args:
        screen: tells and asks.
        engine: has the tasks.
        changed: takes a task as it is afterwards.
    """

    def __init__(self, screen: BaseScreen, engine: EngineApi, changed: Callable[[Task], None]) -> None:
        self._screen = screen
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
            self._screen.say(str(error), title="No editor", severity="warning")
            return False
        return changed != text.rstrip("\n")

    async def save(self, task: Task, text: str, folder: Path) -> None:
        """Save the code of a result as files."""
        await save_files(task.title, text, folder, self._screen.ask, self._screen.say)

    def _seen(self, task: Task) -> Task:
        self._changed(task)
        return task


# on the tasks screen


@dataclass(frozen=True, slots=True)
class ListActions:
    """What the keys of the tasks screen do with the chosen task.

    Args:
        screen: tells and asks.
        engine: has the tasks.
        model: all tasks in their order.
        now: the clock, in seconds since the epoch.
        changed: takes a task as it is afterwards.
        line_up: reads the order of what is queued again, soon.
        quote: puts a text into the prompt of the chat.
    """

    screen: BaseScreen
    engine: EngineApi
    model: TaskListModel
    now: Callable[[], float]
    changed: Callable[[Task], None]
    line_up: Callable[[], None]
    quote: Callable[[str], None]

    @property
    def _actions(self) -> TaskActions:
        return TaskActions(self.screen, self.engine, self.changed)

    async def do(self, kind: str, task: Task) -> None:
        """Do something with a task; what cannot be done is told.

        Args:
            kind: as the bindings of the screen have it; `skip KEY` for a step.
            task: which.
        Raises:
            TaleError: nothing was done.
        """
        doing: dict[str, Callable[[Task], Awaitable[None]]] = {
            "pause": self._pause,
            "cancel": self._cancel,
            "retry": self._retry,
            "retry_from": self._retry_from,
            "give": self._give,
            "raise": lambda one: self._reprioritise(one, -1),
            "lower": lambda one: self._reprioritise(one, 1),
            "move_up": lambda one: self._move(one, -1),
            "move_down": lambda one: self._move(one, 1),
            "approve": lambda one: self._answer("approve", one),
            "decline": lambda one: self._answer("decline", one),
            "plan": self._plan,
            "plan_anew": self._plan_anew,
            "editor": self._open_in_editor,
            "save": self._save,
            "copy": self._copy,
            "quote": self._quote,
            "undo": lambda one: self._reverse(one, again=False),
            "redo": lambda one: self._reverse(one, again=True),
            "checkpoints": self._show_checkpoints,
        }
        verb, _, step = kind.partition(" ")
        await (self._skip(task, step) if verb == "skip" else doing[verb](task))

    # how it goes on

    async def _pause(self, task: Task) -> None:
        await self._actions.change("resume" if task.state is TaskState.PAUSED else "pause", task)

    async def _cancel(self, task: Task) -> None:
        if task.state in OPEN:
            detail = "What it wrote so far is kept."
            dialog = ConfirmDialog(f"Cancel {_named(task)}?", "Cancel it", "Keep it", detail=detail)
            if not await self.screen.ask(dialog):
                return
        await self._actions.change("cancel", task)

    async def _retry(self, task: Task) -> None:
        if await self._may_replace(task, f"Run {_named(task)} again?", "Its result is replaced by the new one."):
            await self._actions.change("retry", task)

    async def _give(self, task: Task) -> None:
        kept = "The new result takes the place of this one, which stays in its history."
        if await self._may_replace(task, f"Have the other model do {_named(task)} again?", kept):
            given = await self._actions.change("give", task)
            self.screen.say(f"{given.shown} is given to {model_name(given) or 'the other model'}.")

    async def _may_replace(self, task: Task, question: str, detail: str) -> bool:
        """Whether the result of a task may be replaced, where it has one."""
        if task.state is not TaskState.DONE:
            return True
        dialog = ConfirmDialog(question, "Run it again", "Leave it", detail=f"It is done. {detail}")
        answer = await self.screen.ask(dialog)
        return bool(answer)

    async def _retry_from(self, task: Task) -> None:
        from tale_tui.ui.tasks.choose_step import StepDialog

        detail = await self.engine.tasks.get(task.id)
        if len(detail.steps) <= 1:
            await self._retry(task)
            return
        key = await self.screen.ask(StepDialog(detail))
        if key is not None:
            await self._actions.retry_from(task, key)

    async def _reprioritise(self, task: Task, step: int) -> None:
        place = _PRIORITIES.index(task.priority) + step
        if 0 <= place < len(_PRIORITIES):
            await self._actions.set_priority(task, _PRIORITIES[place])
        else:
            self.screen.say(f"{task.priority.value.capitalize()} is as {'late' if step > 0 else 'soon'} as it gets.")

    async def _move(self, task: Task, step: int) -> None:
        if task.state is not TaskState.QUEUED:
            self.screen.say(f"{task.shown} is not queued, so it has no place to move from.")
            return
        beside = self.model.neighbour(task, step)
        if beside is None:
            self.screen.say(f"{task.shown} is the {'last' if step > 0 else 'first'} of those that wait.")
            return
        # A task goes before another one, so going behind its neighbour is going before the next but one.
        await self._actions.move(task, beside if step < 0 else self.model.neighbour(beside, 1))
        self.line_up()

    async def _answer(self, name: str, task: Task) -> None:
        if task.state is not TaskState.WAITING:
            self.screen.say(f"{task.shown} asks nothing: {state_words(task, self.now())}.")
        elif name == "approve" and task.reason is Reason.APPROVAL:
            await self._plan(task)
        else:
            await self._actions.change(name, task)

    # its plan

    async def _plan(self, task: Task) -> None:
        # Not needed for the first frame of the screen.
        from tale_tui.ui.plans.open import open_plan

        await open_plan(self.screen, self.engine, task.id, self.now, self.changed)

    async def _plan_anew(self, task: Task) -> None:
        if not task.is_open or task.steps_total <= 1:
            self.screen.say(f"{task.shown} has no plan of which anything is left.")
            return
        hint = "Why, as the model is told that plans. What is done stays; the new plan waits for your yes."
        dialog = TextDialog(f"Plan the rest of {_named(task)} anew", hint=hint, placeholder="Use SQLite")
        if reason := await self.screen.ask(dialog):
            self.changed(await self.engine.tasks.refuse(task.id, reason=reason))
            self.screen.say(f"{task.shown} gets another plan.")

    async def _skip(self, task: Task, key: str) -> None:
        """Leave a step out, after asking; it may run."""
        detail = await self.engine.tasks.get(task.id)
        numbers = {step.spec.key: number for number, step in enumerate(numbered(detail), 1)}
        spec = next(spec for spec in detail.plan.steps if spec.key == key)
        others = [one for one in detail.plan.steps if one.key != JOIN_KEY]
        behind = [str(numbers[one]) for one in depending_on(others, {key}) - {key} if one in numbers]
        needs = f"What needs it is left out too: {', '.join(sorted(behind, key=int))}. " if behind else ""
        name = f"{numbers[key]} {clean_line(spec.title, _TITLE_MAX)}"
        question = ConfirmDialog(
            f"Leave {name} out?", "Leave it out", "Keep it", detail=f"{needs}The rest of the task goes on."
        )
        if await self.screen.ask(question):
            self.changed(await self.engine.tasks.skip(task.id, step=key))

    # back, and forth again

    async def _reverse(self, task: Task, *, again: bool) -> None:
        from tale_tui.ui.checkpoints.going_back import reverse

        await reverse(self.screen, self.engine.checkpoints, scope_of(task), again=again)

    async def _show_checkpoints(self, task: Task) -> None:
        self.screen.post_message(self.screen.CheckpointsWanted(scope_of(task)))

    # what came of it

    async def _text(self, task: Task) -> str:
        """What a task wrote; empty where that is nothing, which is told."""
        detail: TaskDetail = await self.engine.tasks.get(task.id)
        text = client_actions.result_text(detail)
        if not text.strip():
            self.screen.say(f"{task.shown} has not written anything yet.")
            return ""
        return text

    async def _open_in_editor(self, task: Task) -> None:
        text = await self._text(task)
        if text and await self._actions.show_in_editor(self.screen.app, text):
            self.screen.say("The result is as it was. What you changed is only in what you saved elsewhere.")

    async def _save(self, task: Task) -> None:
        text = await self._text(task)
        if text:
            await self._actions.save(task, text, Path.cwd())

    async def _copy(self, task: Task) -> None:
        text = await self._text(task)
        if text:
            self.screen.copy(text, "What it wrote")

    async def _quote(self, task: Task) -> None:
        text = await self._text(task)
        if text:
            quoted = "\n".join(f"> {line}".rstrip() for line in text.rstrip("\n").split("\n"))
            self.quote(f"{clean_line(task.title)} ({task.shown}):\n\n{quoted}\n\n")


def scope_of(task: Task) -> CheckpointScope:
    """The checkpoints of a task."""
    return CheckpointScope(task.id, task.session_id or "", f"{task.shown} {task.title}")


def _named(task: Task) -> str:
    return f'"{clean_line(task.title, _TITLE_MAX)}"'
