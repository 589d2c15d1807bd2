"""`tale-tui status`: one task, or the engine, its models and its queue."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.metrics.output import call_data, echo_calls
from tale_tui.cli.output import MUTED, Column, ProgressLine, echo, echo_err, echo_json, echo_table
from tale_tui.cli.tasks.choose import find_task
from tale_tui.cli.tasks.completion import task_ids
from tale_tui.cli.tasks.output import line_of, task_data
from tale_tui.cli.tasks.wait import wait_for
from tale_tui.domain.errors import BadInput
from tale_tui.domain.models import RoleState
from tale_tui.domain.tasks import TaskState
from tale_tui.formatting.alerts import alert_name, broken_line
from tale_tui.formatting.engine import engine_words, is_here

if TYPE_CHECKING:
    from tale_tui.domain.alerts import Alert
    from tale_tui.domain.metrics import CallRecord, TokenOverview
    from tale_tui.domain.models import RoleStatus
    from tale_tui.domain.tasks import EngineStatus, TaskCounts, TaskDetail
    from tale_tui.engine.api import EngineApi


@click.command()
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=task_ids())
@click.option("--follow", "-f", is_flag=True, help="Show how the task goes on until it has ended.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def status(context: CommandContext, task_id: str | None, follow: bool, as_json: bool) -> None:
    """Say how a task is, or the engine.

    Without ID: which process is the engine, which models it has, and what is queued. With -f standard error shows what
    another process does with the task, and how the task is comes when it has ended.
    """
    if task_id is None:
        if follow:
            raise BadInput("-f goes with a task: tale-tui status ID -f")
        echo_engine(context, as_json=as_json)
        return

    async def work(engine: EngineApi) -> tuple[TaskDetail, tuple[CallRecord, ...]]:
        task = await find_task(engine, task_id)
        goes_on = task.state in (TaskState.QUEUED, TaskState.RUNNING)
        if follow and goes_on and not is_here(await engine.control.status()):
            detail = await wait_for(engine, task.id, line=ProgressLine())
        else:
            detail = await engine.tasks.get(task.id)
        return detail, await engine.metrics.calls(task_id=task.id)

    detail, calls = context.run(work)
    if as_json:
        echo_json(task_data(detail) | {"calls": [call_data(call) for call in calls]})
    else:
        _echo_task(detail)
        if calls:
            echo_calls(calls)


def echo_engine(context: CommandContext, *, as_json: bool) -> None:
    """Write which process is the engine, which models it has, and what is queued."""

    async def work(
        engine: EngineApi,
    ) -> tuple[EngineStatus, tuple[RoleStatus, ...], TokenOverview, tuple[Alert, ...]]:
        # Asked for first: an engine that was made for this command alone looks for the models now.
        roles = await engine.models.roles()
        return await engine.control.status(), roles, await engine.metrics.overview(), await engine.metrics.alerts()

    found, roles, spent, alerts = context.run(work)
    broken = broken_line(alerts)
    if as_json:
        echo_json(
            _whole_data(found, roles)
            | {"tokens_today": spent.today, "calls_today": spent.today_calls}
            | {"broken": [alert_name(one) for one in alerts if one.ended is None]}
        )
        return
    echo_table(
        (Column("", style=MUTED), Column("", gives=True)),
        [
            ("engine", _engine_line(found)),
            *((each.role.value, _role_line(each)) for each in roles),
            ("queue", counts_line(found.tasks)),
            ("tokens", _tokens_line(spent)),
            *((("broken", f"{broken}. tale-tui alerts says more"),) if broken else ()),
        ],
    )
    if is_here(found):
        echo_err("No engine runs. To start one: tale-tui run, or tale-tui run --background, or tale-tui for the window")


def _whole_data(found: EngineStatus, roles: tuple[RoleStatus, ...]) -> dict[str, object]:
    engine = {
        "pid": found.pid,
        "version": found.version,
        "background": found.background,
        "works_queue": found.works_queue,
    }
    counts = found.tasks
    return {
        "engine": None if is_here(found) else engine,
        "models": {
            each.role.value: {
                "model": str(each.ref) if each.ref else None,
                "state": each.state.value,
                "window": each.window,
                "detail": each.detail or None,
            }
            for each in roles
        },
        "tasks": {
            "waiting": counts.waiting,
            "queued": counts.queued,
            "running": counts.running,
            "paused": counts.paused,
            "interrupted": counts.interrupted,
            "done": counts.done,
            "failed": counts.failed,
            "cancelled": counts.cancelled,
        },
    }


def _tokens_line(spent: TokenOverview) -> str:
    from tale_tui.formatting.units import count, plural

    return f"{count(spent.today)} today, in {plural(spent.today_calls, 'call')}"


def _engine_line(found: EngineStatus) -> str:
    from tale_tui.formatting.units import when

    if is_here(found):
        return "none"
    since = when(found.started, time.time())
    return f"{engine_words(found)}, since {since}" if since != "now" else engine_words(found)


def _role_line(role: RoleStatus) -> str:
    from tale_tui.formatting.symbols import signs

    marks = {
        RoleState.READY: signs().resident,
        RoleState.LOADING: signs().working,
        RoleState.AWAY: signs().failed,
        RoleState.FAILED: signs().failed,
    }
    words = {RoleState.READY: "loaded", RoleState.IDLE: "not loaded", RoleState.UNSET: "no model"}
    state = words.get(role.state, role.state.value)
    parts = (str(role.ref) if role.ref else "", state)
    line = f"{marks.get(role.state, signs().absent)} {', '.join(part for part in parts if part)}"
    return f"{line}. {role.detail}" if role.detail else line


def open_line(counts: TaskCounts) -> str:
    """`2 running, 5 queued`: those that have not ended; what there is none of is left out."""
    return _counted(
        {
            "running": counts.running,
            "queued": counts.queued,
            "waiting for you": counts.waiting,
            "paused": counts.paused - counts.interrupted,
            "interrupted": counts.interrupted,
        }
    )


def counts_line(counts: TaskCounts) -> str:
    """`2 running, 5 queued, 131 done`: all there are."""
    ended = _counted({"done": counts.done, "failed": counts.failed, "cancelled": counts.cancelled})
    return ", ".join(part for part in (open_line(counts), ended) if part) or "no tasks"


def _counted(parts: dict[str, int]) -> str:
    from tale_tui.formatting.units import count

    return ", ".join(f"{count(number)} {name}" for name, number in parts.items() if number)


def _echo_task(detail: TaskDetail) -> None:
    from tale_tui.formatting.forecasts import past_words, step_words, summary_words
    from tale_tui.formatting.plans import asked_copy, planning_words, step_state
    from tale_tui.formatting.tasks import tokens
    from tale_tui.formatting.units import moment

    task = detail.task
    echo(line_of(task))
    rows = [
        ("id", task.id),
        ("asked", " ".join(detail.text.split())),
        ("model", ", ".join(part for part in (str(task.ref) if task.ref else "", task.why) if part)),
        ("priority", task.priority.value),
        ("created", moment(task.created)),
        ("started", moment(task.started) if task.started else ""),
        ("finished", moment(task.finished) if task.finished else ""),
        ("forecast", summary_words(task.forecast) if task.forecast is not None else ""),
        ("earlier", past_words(task.forecast.past) if task.forecast is not None else ""),
        ("tokens", tokens(task)),
        ("plan", planning_words(detail)),
        ("asks", detail.approval.asks if detail.approval is not None and task.state is TaskState.WAITING else ""),
        ("error", task.error),
    ]
    echo_table(
        (Column("", style=MUTED), Column("", gives=True)), [(f"  {name}", words) for name, words in rows if words]
    )
    for line in asked_copy(detail).splitlines():
        echo(f"  {line}".rstrip())
    if len(detail.steps) > 1:
        echo_table(
            (
                Column(""),
                Column("step"),
                Column("title", gives=True),
                Column("state", style=MUTED),
                Column("", style=MUTED),
            ),
            [
                (
                    "  ",
                    step.spec.key,
                    step.spec.title,
                    step_state(step, ended=not task.is_open),
                    step_words(step.foreseen) if step.foreseen else "",
                )
                for step in detail.steps
            ],
        )
