"""`tale-tui tasks` and `tale-tui result`: what there is to do, what was done, and what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tale_tui.cli.exits import Exit
from tale_tui.cli.invocation import Invocation
from tale_tui.cli.output import say, say_json, tell
from tale_tui.cli.task_output import say_tasks, task_data
from tale_tui.engine import ENDED, OPEN, BadInput, TaskState, WrongState, clean_line

if TYPE_CHECKING:
    from tale_tui.engine import Task, TaskDetail, Verbs

LIMIT = 1000
AT_ONCE = 32
"""Tasks that are asked for at the same time."""
GROUPS = {"all": frozenset(TaskState), "open": OPEN, "ended": ENDED}


def states_of(words: tuple[str, ...]) -> tuple[TaskState, ...]:
    """The states that `--state` means; none for all.

    Raises:
        BadInput: there is no such state.
    """
    wanted: set[TaskState] = set()
    for word in words:
        name = word.strip().lower()
        if name in GROUPS:
            wanted |= GROUPS[name]
        elif name in set(TaskState):
            wanted.add(TaskState(name))
        else:
            names = ", ".join((*(state.value for state in TaskState), *GROUPS))
            raise BadInput(f"{clean_line(word)!r} is no state of a task. States are {names}.")
    return tuple(state for state in TaskState if state in wanted)


@click.command()
@click.option(
    "--state", "states", metavar="S", multiple=True, help="Only these, as in running, open or done. May be repeated."
)
@click.option("--limit", type=click.IntRange(1), default=LIMIT, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def tasks(invocation: Invocation, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the tasks.

    What runs comes first, then what waits, then what ended last.
    """
    wanted = states_of(states)

    async def work(face: Verbs) -> tuple[tuple[Task, ...], list[TaskDetail]]:
        found = await face.tasks(states=wanted, limit=limit)
        return found, await _details(face, found) if as_json else []

    found, details = invocation.run(work)
    if as_json:
        say_json({"tasks": [task_data(detail) for detail in details]})
    elif found:
        say_tasks(found)
    elif wanted:
        tell(f"No task is {' or '.join(word.strip().lower() for word in states)}. All of them: tale-tui tasks")
    else:
        tell("No tasks yet. Hand one in with: tale-tui submit TEXT")


async def _details(face: Verbs, found: tuple[Task, ...]) -> list[TaskDetail]:
    """Everything about these tasks, in their order."""
    details: list[TaskDetail] = []
    for first in range(0, len(found), AT_ONCE):
        details += await asyncio.gather(*(face.task(task.id) for task in found[first : first + AT_ONCE]))
    return details


@click.command()
@click.argument("task_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the task as one line of JSON.")
@click.pass_obj
def result(invocation: Invocation, task_id: str, as_json: bool) -> int:
    """Print the result of a task.

    Exit code 2 where it has not ended yet, 1 where it failed or was cancelled.
    """

    async def work(face: Verbs) -> TaskDetail:
        return await face.task((await face.find_task(task_id)).id)

    detail = invocation.run(work)
    task = detail.task
    if task.state not in ENDED:
        raise WrongState(
            f"{task.shown} ({task.title}) is {task.state.value}, so it has no result yet. "
            f"Wait for it with: tale-tui wait {task.shown}"
        )
    from tale_tui.cli.waiting import say_end

    if task.state is not TaskState.DONE and not as_json:
        for step in detail.steps:
            if step.text:
                say(step.text.rstrip("\n"))
    code = say_end(detail, as_json=as_json)
    if code is not Exit.DONE:
        tell(f"To run it again: tale-tui retry {task.shown}")
    return code
