"""`tale-tui cancel`, `pause`, `resume`, `retry`, `approve`, `priority`: what is done to one task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.output import echo_err
from tale_tui.cli.tasks.completion import task_ids
from tale_tui.cli.tasks.output import echo_changed
from tale_tui.cli.tasks.submit import priorities, priority_of
from tale_tui.domain.tasks import ENDED, OPEN, TaskState
from tale_tui.formatting.engine import who_works

if TYPE_CHECKING:
    from tale_tui.domain.tasks import EngineStatus, Task, TaskDetail
    from tale_tui.engine.api import EngineApi

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the task as one line of JSON.")


def _command(states: Collection[TaskState]) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """What all of these take.

    Args:
        states: of the tasks with which it can be done: the shell completes their ids.
    """
    which = click.argument("task_id", metavar="ID", shell_complete=task_ids(states))
    return lambda function: click.pass_obj(which(_JSON(function)))


@click.command()
@_command(OPEN)
def cancel(invocation: CommandContext, task_id: str, as_json: bool) -> None:
    """End a task; what it wrote is kept."""
    _change(invocation, task_id, lambda engine, task: engine.tasks.cancel(task.id), as_json=as_json)


@click.command()
@_command((TaskState.QUEUED, TaskState.RUNNING))
def pause(invocation: CommandContext, task_id: str, as_json: bool) -> None:
    """Stop a task for now.

    Its text is kept, and others can run.
    """
    _change(invocation, task_id, lambda engine, task: engine.tasks.pause(task.id), as_json=as_json)


@click.command()
@_command((TaskState.PAUSED,))
def resume(invocation: CommandContext, task_id: str, as_json: bool) -> None:
    """Let a paused task go on."""
    _change(invocation, task_id, lambda engine, task: engine.tasks.resume(task.id), as_json=as_json)


@click.command()
@_command((*ENDED, TaskState.PAUSED))
@click.option("--from", "step", metavar="STEP", default="", help="Run it again from this step on.")
def retry(invocation: CommandContext, task_id: str, step: str, as_json: bool) -> None:
    """Run a task again.

    A failed or cancelled one goes on from where it stands, a done one begins anew.
    """
    _change(invocation, task_id, lambda engine, task: engine.tasks.retry(task.id, step=step), as_json=as_json)


@click.command()
@_command((TaskState.WAITING,))
@click.option("--no", "declined", is_flag=True, help="Say no: the task is cancelled.")
def approve(invocation: CommandContext, task_id: str, declined: bool, as_json: bool) -> None:
    """Say yes to what a task waits for."""
    _change(invocation, task_id, lambda engine, task: engine.tasks.approve(task.id, yes=not declined), as_json=as_json)


@click.command()
@_command(OPEN)
@click.argument("level", metavar="PRIORITY", shell_complete=priorities)
def priority(invocation: CommandContext, task_id: str, level: str, as_json: bool) -> None:
    """Give a task another priority.

    PRIORITY is urgent, high, normal or low.
    """
    wanted = priority_of(level)
    _change(invocation, task_id, lambda engine, task: engine.tasks.set_priority(task.id, wanted), as_json=as_json)


def _change(
    invocation: CommandContext, prefix: str, does: Callable[[EngineApi, Task], Awaitable[Task]], *, as_json: bool
) -> None:
    async def work(engine: EngineApi) -> tuple[TaskDetail, EngineStatus]:
        task = await engine.tasks.find(prefix)
        await does(engine, task)
        return await engine.tasks.get(task.id), await engine.control.status()

    detail, status = invocation.run(work)
    echo_changed(detail, as_json=as_json)
    if detail.task.state is TaskState.QUEUED and not as_json:
        echo_err(who_works(status, detail.task.ref.model if detail.task.ref else ""))
