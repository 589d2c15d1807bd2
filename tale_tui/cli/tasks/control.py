"""`tale-tui cancel`, `pause`, `resume`, `retry`, `approve`, `priority`: what is done to one task."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.output import echo_err
from tale_tui.cli.tasks.choose import find_task
from tale_tui.cli.tasks.completion import task_ids
from tale_tui.cli.tasks.output import echo_changed
from tale_tui.cli.tasks.submit import priorities
from tale_tui.domain.errors import BadInput
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.client_actions import ACTIONS, KINDS, TaskKind, parse_priority
from tale_tui.formatting.engine import who_works
from tale_tui.formatting.plans import step_at

if TYPE_CHECKING:
    from tale_tui.domain.tasks import EngineStatus, Task, TaskDetail
    from tale_tui.engine.api import EngineApi

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the task as one line of JSON.")


def _command(kind: TaskKind) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """What all of these take.

    Args:
        kind: of the tasks with which it can be done: the shell completes their ids.
    """
    which = click.argument("task_id", metavar="ID", shell_complete=task_ids(KINDS[kind]))
    return lambda function: click.pass_obj(which(_JSON(function)))


@click.command()
@_command("open")
def cancel(invocation: CommandContext, task_id: str, as_json: bool) -> None:
    """End a task; what it wrote is kept."""
    _change(invocation, task_id, ACTIONS["cancel"].run, as_json=as_json)


@click.command()
@_command("going")
def pause(invocation: CommandContext, task_id: str, as_json: bool) -> None:
    """Stop a task for now.

    Its text is kept, and others can run.
    """
    _change(invocation, task_id, ACTIONS["pause"].run, as_json=as_json)


@click.command()
@_command("paused")
def resume(invocation: CommandContext, task_id: str, as_json: bool) -> None:
    """Let a paused task go on."""
    _change(invocation, task_id, ACTIONS["resume"].run, as_json=as_json)


@click.command()
@_command("again")
@click.option("--from", "step", metavar="STEP", default="", help="Run it again from this step on.")
def retry(invocation: CommandContext, task_id: str, step: str, as_json: bool) -> None:
    """Run a task again.

    A failed or cancelled one goes on from where it stands, a done one begins anew.
    """
    _change(invocation, task_id, lambda engine, found: engine.tasks.retry(found, step=step), as_json=as_json)


@click.command()
@_command("any")
def give(invocation: CommandContext, task_id: str, as_json: bool) -> None:
    """Have the other model do a task.

    One that has ended is run again from its beginning, one that runs for what is not done. What the model before wrote
    is kept in the history of the task.
    """
    _change(invocation, task_id, ACTIONS["give"].run, as_json=as_json)


@click.command()
@_command("waiting")
@click.option("--step", metavar="N", default="", help="Only this step of the plan, by its number or its key.")
@click.option(
    "--no", "declined", is_flag=True, help="Say no: it is cancelled, or ends with what is there; a step is left out."
)
@click.option(
    "--refuse", "reason", metavar="REASON", help="Have the plan, or the rest of it, made anew; it heeds this."
)
def approve(
    invocation: CommandContext, task_id: str, step: str, declined: bool, reason: str | None, as_json: bool
) -> None:
    """Say yes to what a task waits for.

    A plan may run as a whole then, or with --step one step of it: each other one asks when its turn comes.
    """
    if reason is not None:
        if step or declined:
            raise BadInput("--refuse is for the whole plan: leave out --step and --no.")
        _change(invocation, task_id, lambda engine, found: engine.tasks.refuse(found, reason=reason), as_json=as_json)
        return

    async def answer(engine: EngineApi, found: str) -> Task:
        key = step_at(await engine.tasks.get(found), step) if step else ""
        return await engine.tasks.approve(found, yes=not declined, step=key)

    _change(invocation, task_id, answer, as_json=as_json)


@click.command()
@_command("open")
@click.argument("level", metavar="PRIORITY", shell_complete=priorities)
def priority(invocation: CommandContext, task_id: str, level: str, as_json: bool) -> None:
    """Give a task another priority.

    PRIORITY is urgent, high, normal or low.
    """
    wanted = parse_priority(level)
    _change(invocation, task_id, lambda engine, found: engine.tasks.set_priority(found, wanted), as_json=as_json)


def _change(
    invocation: CommandContext, prefix: str, does: Callable[[EngineApi, str], Awaitable[Task]], *, as_json: bool
) -> None:
    async def work(engine: EngineApi) -> tuple[TaskDetail, EngineStatus]:
        task = await find_task(engine, prefix)
        await does(engine, task.id)
        return await engine.tasks.get(task.id), await engine.control.status()

    detail, status = invocation.run(work)
    echo_changed(detail, as_json=as_json)
    if detail.task.state is TaskState.QUEUED and not as_json:
        echo_err(who_works(status, detail.task.ref.model if detail.task.ref else ""))
