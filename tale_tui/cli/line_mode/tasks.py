"""Tasks in line mode: its commands on them, in words."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

from tale_tui.cli.tasks.choose import find_task
from tale_tui.domain.clock import random_id
from tale_tui.domain.errors import BadInput, NoSuchTask, WrongState
from tale_tui.domain.tasks import ENDED, Reason, Task, TaskState
from tale_tui.engine.client_actions import ACTIONS, KINDS, likeliest, parse_priority
from tale_tui.formatting.plans import plan_lines
from tale_tui.formatting.tasks import chip, model_name, state_words, times, tokens

if TYPE_CHECKING:
    from tale_tui.domain.tasks import TaskDetail
    from tale_tui.engine.api import EngineApi

TASKS_LISTED = 20
HELP = """\
/tasks                 the tasks: what runs and waits first
/task TEXT             hand in a task, without asking whether it is one
/status [ID]           how a task is; without ID the one that runs, else the latest
/result [ID]           its result
/plan [ID]             its steps, what is foreseen of each, and why it asks
/wait [ID]             how it goes on, then its result; Ctrl+C leaves it going
/cancel, /pause, /resume, /retry, /give, /approve, /decline [ID]
                       without ID the latest with which it can be done; give: to the other model
/priority ID PRIORITY  urgent, high, normal or low"""


class TaskCommands:
    """The commands of line mode on tasks.

    Args:
        out: writes a result.
        told: writes a line that is not a result.
    """

    def __init__(self, engine: EngineApi, out: Callable[[str], None], told: Callable[[str], None]) -> None:
        self._engine = engine
        self._out = out
        self._told = told

    def table(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """Name of a command -> what it does with the words behind it."""
        return {
            "tasks": self._tasks,
            "task": self._task,
            "status": self._status,
            "result": self._result,
            "plan": self._plan,
            "priority": self._priority,
            **{name: self._change(name) for name in ACTIONS},
        }

    def say_end(self, detail: TaskDetail) -> None:
        """Write the result of a task that has ended, or why there is none."""
        task = detail.task
        if task.state is TaskState.DONE:
            self._out(detail.result.rstrip("\n") + "\n")
        elif task.state is TaskState.FAILED:
            self._told(f"{task.shown} failed: {task.error}")
        else:
            self._told(f"{task.shown} was cancelled.")

    async def _tasks(self, _: str) -> None:
        found = await self._engine.tasks.list(limit=TASKS_LISTED)
        for task in found:
            self._told(_words(task))
        if not found:
            self._told("No tasks yet. Hand one in with /task TEXT.")

    async def _task(self, text: str) -> None:
        self._told(_words(await self._engine.tasks.submit(text, key=random_id())))

    async def _status(self, prefix: str) -> None:
        self._told(_words(await self.find(prefix)))

    async def _result(self, prefix: str) -> None:
        detail = await self._engine.tasks.get((await self.find(prefix)).id)
        task = detail.task
        if task.state not in ENDED:
            raise WrongState(
                f"{task.shown} is {task.state.value}, so it has no result yet: /status {task.shown} says how it is."
            )
        self.say_end(detail)

    async def _plan(self, prefix: str) -> None:
        task = await self.find(prefix)
        detail, forecast = await self._engine.tasks.get(task.id), await self._engine.learning.of_plan(task.id)
        for line in (_words(detail.task), *plan_lines(detail, forecast)):
            self._told(line)

    async def _priority(self, words: str) -> None:
        prefix, _, name = words.rpartition(" ")
        if not prefix:
            raise BadInput("Write the task and its priority, as in /priority k4t9 high")
        priority = parse_priority(name)
        task = await self.find(prefix.strip())
        self._told(_words(await self._engine.tasks.set_priority(task.id, priority)))

    def _change(self, name: str) -> Callable[[str], Awaitable[None]]:
        action = ACTIONS[name]
        # Of what is paused it is said that it goes on: it is not run again unless it is named.
        meant = ENDED if name == "retry" else KINDS[action.kind]

        async def command(prefix: str) -> None:
            task = await self.find(prefix, meant)
            self._told(_words(await action.run(self._engine, task.id)))

        return command

    async def find(self, prefix: str, meant: Collection[TaskState] = KINDS["any"]) -> Task:
        """The task that is meant; without a word the one that runs, else the latest.

        Args:
            prefix: the beginning of its id, or nothing.
            meant: without a word, one in these states goes before all others.
        Raises:
            NoSuchTask: there is none.
            AmbiguousTask: several ids begin so; the sentence lists them.
        """
        found = await find_task(self._engine, prefix, asks=False) if prefix else await likeliest(self._engine, meant)
        if found is None:
            raise NoSuchTask("There are no tasks yet: hand one in with /task TEXT.")
        return found


def _words(task: Task) -> str:
    """A task in one line, without signs: it is read aloud."""
    now = time.time()
    parts = [f"{task.shown}  {task.title}", state_words(task, now)]
    if task.started is not None:
        parts.append(times(task, now))
    return ", ".join(part for part in (*parts, tokens(task), task.error) if part)


def asking(task: Task) -> str:
    """What is said when a task waits for the user, and how that is answered."""
    answers = f"/approve {task.shown} or /decline {task.shown} answers, and /wait {task.shown} waits for it"
    look = f"/plan {task.shown} shows it, " if task.reason is Reason.APPROVAL else ""
    return f"{task.shown}  {state_words(task, time.time())}: {look}{answers}"


def acknowledged(task: Task) -> str:
    """What is said when a message became a task."""
    return f"{task.shown} {chip(task)}: {model_name(task) or 'the big model'} works on it"
