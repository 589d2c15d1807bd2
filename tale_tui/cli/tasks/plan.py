"""`tale-tui plan`: the steps of a task as a tree with what is foreseen of each; as JSON, and changed from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.files import read_text
from tale_tui.cli.output import MUTED, Column, echo, echo_err, echo_table
from tale_tui.cli.tasks.choose import find_task
from tale_tui.cli.tasks.completion import task_ids
from tale_tui.cli.tasks.output import line_of, question_words
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.tasks import Reason, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine.client_actions import latest

if TYPE_CHECKING:
    from tale_tui.domain.plans import PlanForecast
    from tale_tui.domain.tasks import TaskDetail
    from tale_tui.engine.api import EngineApi

INDENT = 2
"""Spaces of a level in a plan that is written for people to change."""


@click.command()
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=task_ids())
@click.option("--json", "as_json", is_flag=True, help="Print it in the form that submit --plan takes.")
@click.option(
    "--set", "path", metavar="FILE", type=click.Path(path_type=Path),
    help="Take the steps of this file instead; each that is new or changed wants a yes.",
)  # fmt: skip
@click.pass_obj
def plan(context: CommandContext, task_id: str | None, as_json: bool, path: Path | None) -> None:
    """Show the plan of a task.

    Without ID that of the task that changed last. A plan can be changed while it waits for a yes or its task is paused:
    tale-tui plan ID --json writes it, and --set takes it back.
    """
    text = None if path is None else read_text(path)

    async def work(engine: EngineApi) -> tuple[TaskDetail, PlanForecast | None]:
        task = await (latest(engine, "any") if task_id is None else find_task(engine, task_id))
        if text is not None:
            try:
                await engine.tasks.set_plan(task.id, plan=text)
            except BadPlan as error:
                raise BadPlan(f"{clean_line(str(path))}: {error.sentence}") from error
        return await engine.tasks.get(task.id), await engine.learning.of_plan(task.id)

    detail, forecast = context.run(work)
    if as_json:
        from tale_tui.formatting.plans import exported_plan, plan_json

        echo(plan_json(exported_plan(detail), indent=INDENT))
    else:
        echo_plan(detail, forecast)


def echo_plan(detail: TaskDetail, forecast: PlanForecast | None) -> None:
    """Write the plan of a task as a tree, and how far it is."""
    from tale_tui.formatting.plans import (
        asked_copy,
        being_planned,
        drafted_list,
        numbered,
        plan_rows,
        plan_words,
        progress_words,
        refused_words,
    )

    echo(line_of(detail.task))
    if (maker := being_planned(detail)) is not None:
        echo("  The plan is being made. So far:" if drafted_list(maker.text) else "  The plan is being made.")
        for line in drafted_list(maker.text).splitlines():
            echo(f"  {line}")
    if not numbered(detail):
        if maker is None:
            echo("  It has no plan yet: one is made when it runs.")
        return
    echo(f"  {plan_words(detail, forecast)}")
    if refused := refused_words(detail):
        echo(f"  {refused}")
    if detail.approval is not None and detail.approval.asks and detail.task.state is TaskState.WAITING:
        echo(f"  {detail.approval.asks}")
    for line in asked_copy(detail).splitlines():
        echo(f"  {line}".rstrip())
    if detail.plan.reasoning:
        echo(f"  why so: {detail.plan.reasoning}")
    echo_table(
        (
            Column("#", right=True),
            Column("step", gives=True),
            Column("after", style=MUTED),
            Column("model", style=MUTED),
            Column("tokens", right=True),
            Column("time", right=True),
            Column("gives", gives=True),
            Column("state", style=MUTED),
        ),
        [
            (
                *(row.number, f"{row.branch}{row.step.spec.title}", row.after, row.model),
                *(row.tokens, row.time, row.gives, row.state),
            )
            for row in plan_rows(detail, forecast)
        ],
    )
    echo(f"  {progress_words(detail, forecast)}")
    if detail.task.state is TaskState.WAITING:
        more = (
            ""
            if detail.task.reason is not Reason.APPROVAL
            else "; --step N for one step, --refuse REASON for another plan"
        )
        echo_err(question_words(detail.task) + more)
