"""`tale-tui tasks`: what runs, what waits, and what was done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.main import CountRange
from tale_tui.cli.output import echo_err, echo_json
from tale_tui.cli.tasks.output import echo_tasks, task_data
from tale_tui.domain.errors import BadInput
from tale_tui.domain.metrics import CallDimension, TokenReport, TokenSums
from tale_tui.domain.tasks import ENDED, OPEN, TaskState
from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task, TaskDetail
    from tale_tui.engine.api import EngineApi

LISTED_MAX = 1000
DETAILS_AT_ONCE = 32
"""Tasks that are asked for at the same time."""
STATE_NAMES = (*(state.value for state in TaskState), "open", "ended", "all")
STATE_GROUPS = {"all": frozenset(TaskState), "open": OPEN, "ended": ENDED}


def state_names(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """What `--state` takes that begins as what is typed, for the completion of shells."""
    return [name for name in STATE_NAMES if name.startswith(typed.lower())]


@click.command()
@click.option(
    "--state", "states", metavar="S", multiple=True, help="Only these, as in running, open or done. May be repeated.",
    shell_complete=state_names,
)  # fmt: skip
@click.option("--limit", metavar="N", type=CountRange(), default=LISTED_MAX, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def tasks(context: CommandContext, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the tasks.

    What runs comes first, then what waits, then what ended last.
    """
    chosen = states_of(states)

    async def work(engine: EngineApi) -> tuple[tuple[Task, ...], list[TaskDetail], dict[str, TokenSums], bool]:
        found = await engine.tasks.list(states=chosen, limit=limit + 1)
        cut = len(found) > limit
        found = found[:limit]
        if as_json:
            return found, await _details(engine, found), {}, cut
        counted = await engine.metrics.tokens(by=(CallDimension.TASK,)) if found else TokenReport(TokenSums())
        return found, [], {group.key[0]: group.sums for group in counted.groups}, cut

    found, details, counted, cut = context.run(work)
    if as_json:
        echo_json({"tasks": [task_data(detail) for detail in details]})
    elif found:
        echo_tasks(found, counted)
    elif chosen:
        echo_err(f"No task is {' or '.join(word.strip().lower() for word in states)}. All of them: tale-tui tasks")
    else:
        echo_err("No tasks yet. Hand one in with: tale-tui submit TEXT")
    if cut:
        echo_err(f"There are more than {limit:,}. For more: --limit N")


def states_of(words: tuple[str, ...]) -> tuple[TaskState, ...]:
    """The states that `--state` means; none for all.

    Raises:
        BadInput: there is no such state.
    """
    meant: set[TaskState] = set()
    for word in words:
        name = word.strip().lower()
        if name in STATE_GROUPS:
            meant |= STATE_GROUPS[name]
        elif name in set(TaskState):
            meant.add(TaskState(name))
        else:
            raise BadInput(f"{clean_line(word)!r} is no state of a task: write one of {', '.join(STATE_NAMES)}.")
    return tuple(state for state in TaskState if state in meant)


async def _details(engine: EngineApi, found: tuple[Task, ...]) -> list[TaskDetail]:
    """Everything about these tasks, in their order."""
    details: list[TaskDetail] = []
    for first in range(0, len(found), DETAILS_AT_ONCE):
        details += await asyncio.gather(*(engine.tasks.get(task.id) for task in found[first : first + DETAILS_AT_ONCE]))
    return details
