"""`tale-tui tasks` and `tale-tui result`: what there is to do, what was done, and what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.main import CountRange
from tale_tui.cli.output import echo_err, say, say_json
from tale_tui.cli.tasks.completion import task_ids
from tale_tui.cli.tasks.output import say_tasks, task_data
from tale_tui.domain.errors import BadInput, WrongState
from tale_tui.domain.tasks import ENDED, OPEN, TaskState
from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task, TaskDetail
    from tale_tui.engine.api import EngineApi

LIMIT = 1000
AT_ONCE = 32
"""Tasks that are asked for at the same time."""
NAMES = (*(state.value for state in TaskState), "open", "ended", "all")
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
            raise BadInput(f"{clean_line(word)!r} is no state of a task: write one of {', '.join(NAMES)}.")
    return tuple(state for state in TaskState if state in wanted)


def state_names(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """What `--state` takes that begins as what is typed, for the completion of shells."""
    return [name for name in NAMES if name.startswith(typed.lower())]


@click.command()
@click.option(
    "--state", "states", metavar="S", multiple=True, help="Only these, as in running, open or done. May be repeated.",
    shell_complete=state_names,
)  # fmt: skip
@click.option("--limit", metavar="N", type=CountRange(), default=LIMIT, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def tasks(invocation: CommandContext, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the tasks.

    What runs comes first, then what waits, then what ended last.
    """
    wanted = states_of(states)

    async def work(engine: EngineApi) -> tuple[tuple[Task, ...], list[TaskDetail], bool]:
        found = await engine.tasks.list(states=wanted, limit=limit + 1)
        cut = len(found) > limit
        found = found[:limit]
        return found, await _details(engine, found) if as_json else [], cut

    found, details, cut = invocation.run(work)
    if as_json:
        say_json({"tasks": [task_data(detail) for detail in details]})
    elif found:
        say_tasks(found)
    elif wanted:
        echo_err(f"No task is {' or '.join(word.strip().lower() for word in states)}. All of them: tale-tui tasks")
    else:
        echo_err("No tasks yet. Hand one in with: tale-tui submit TEXT")
    if cut:
        echo_err(f"There are more than {limit:,}. For more: --limit N")


async def _details(engine: EngineApi, found: tuple[Task, ...]) -> list[TaskDetail]:
    """Everything about these tasks, in their order."""
    details: list[TaskDetail] = []
    for first in range(0, len(found), AT_ONCE):
        details += await asyncio.gather(*(engine.tasks.get(task.id) for task in found[first : first + AT_ONCE]))
    return details


@click.command()
@click.argument("task_id", metavar="ID", shell_complete=task_ids(ENDED))
@click.option("--json", "as_json", is_flag=True, help="Print the task as one line of JSON.")
@click.pass_obj
def result(invocation: CommandContext, task_id: str, as_json: bool) -> int:
    """Print the result of a task.

    Exit code 2 where it has not ended yet, 1 where it failed or was cancelled.
    """

    async def work(engine: EngineApi) -> TaskDetail:
        return await engine.tasks.get((await engine.tasks.find(task_id)).id)

    detail = invocation.run(work)
    task = detail.task
    if task.state not in ENDED:
        raise WrongState(
            f"{task.shown} ({task.title}) is {task.state.value}, so it has no result yet: "
            f"tale-tui wait {task.shown} waits for it."
        )
    from tale_tui.cli.tasks.wait import say_end

    if task.state is not TaskState.DONE and not as_json:
        for step in detail.steps:
            if step.text:
                say(step.text.rstrip("\n"))
    code = say_end(detail, as_json=as_json)
    if code is not Exit.DONE:
        echo_err(f"To run it again: tale-tui retry {task.shown}")
    return code
