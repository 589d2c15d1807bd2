"""A plan brought to a dialog, and what the user said of it brought to the engine; from a worker only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tale_tui.domain.errors import BadPlan
from tale_tui.domain.plans import PlanDraft
from tale_tui.domain.tasks import Task
from tale_tui.domain.text import clean_line
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.units import size
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.dialogs.models import model_rows
from tale_tui.ui.dialogs.save_text import place_of, save_text
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.plans.answer import PlanAnswer, PlanSource
from tale_tui.ui.plans.dialog import PlanDialog
from tale_tui.ui.widgets.pick_list import PickRow

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Plan

FILE_BYTES_MAX = 4_000_000
"""Of a file that a plan is read from: the longest plan there may be is shorter."""
_FORM = ".json"


async def open_plan(
    screen: BaseScreen, engine: EngineApi, task_id: str, now: Callable[[], float], changed: Callable[[Task], None]
) -> None:
    """Show the plan of a task, and do what the user says.

    Args:
        screen: asks and tells.
        engine: has the task.
        task_id: the whole id.
        now: the clock, in seconds since the epoch.
        changed: takes the task as it is afterwards.
    Raises:
        TaleError: nothing was done, or a part of it: what was changed is kept, and nothing was approved.
    """
    shown = await _read(engine, task_id)
    source = PlanSource(
        draft=lambda plan: engine.tasks.draft(task_id, plan=plan),
        read=partial(_read, engine, task_id),
        follow=lambda: engine.tasks.follow(task_id),
        models=partial(_models, engine),
        save=partial(_save, screen, shown.detail.task),
        load=partial(_load, screen),
    )
    answer: PlanAnswer | None = await screen.ask(PlanDialog(shown, source, clock=now))
    if answer is not None:
        task = shown.detail.task
        name = f"{task.shown} {clean_line(task.title)}"
        for done in await _answered(engine, shown.detail.plan, task_id, answer):
            changed(done)
        screen.say(f"{name} {_outcome(answer)}.")


async def _read(engine: EngineApi, task_id: str) -> PlanDraft:
    return PlanDraft(await engine.tasks.get(task_id), await engine.learning.of_plan(task_id))


async def _answered(engine: EngineApi, shown: Plan, task_id: str, answer: PlanAnswer) -> list[Task]:
    """Do what the user said of the plan that they saw; the task after each thing that was done.

    Raises:
        BadPlan: it is another plan meanwhile: a yes is no yes to what nobody has seen.
    """
    tasks = engine.tasks
    if answer.reason:
        return [await tasks.refuse(task_id, reason=answer.reason)]
    if answer.skip:
        return [await tasks.approve(task_id, yes=False, step=answer.skip)]
    if (await tasks.get(task_id)).plan != shown:
        raise BadPlan("The plan was changed meanwhile: look at it again. Nothing was approved.")
    done = [await tasks.set_plan(task_id, plan=answer.plan)] if answer.plan else []
    return [*done, await tasks.approve(task_id, yes=True, step=answer.step)] if answer.yes else done


def _outcome(answer: PlanAnswer) -> str:
    if answer.reason:
        return "gets another plan"
    if answer.skip:
        return "goes on without copying"
    if answer.yes:
        return "goes on with one step" if answer.step else "may run"
    return "keeps the changed plan, and waits"


async def _models(engine: EngineApi) -> Sequence[PickRow]:
    reports, roles = await asyncio.gather(engine.models.backends(), engine.models.roles())
    return model_rows(reports, roles)


async def _save(screen: BaseScreen, task: Task, plan: str) -> None:
    hint = f"A name that ends in {_FORM}: the plan as tale-tui submit --plan takes it."
    await save_text(screen, "Save the plan", f"plan-{task.shown}{_FORM}", hint, (_FORM,), lambda _: f"{plan}\n")


async def _load(screen: BaseScreen) -> str | None:
    """The text of a file that the user names; None where they name none.

    Raises:
        BadPlan: it cannot be read.
    """
    hint = "A file as s here or tale-tui plan --json writes it. What is done of the task stays."
    name: str | None = await screen.ask(TextDialog("Take the plan of a file", hint=hint, placeholder="plan.json"))
    return await asyncio.to_thread(_text_of, place_of(name)) if name else None


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BadPlan(f"{clean_line(path.name)} is too large for a plan: {size(FILE_BYTES_MAX)} is the limit.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not text" if isinstance(error, UnicodeDecodeError) else clean_line(error.strerror or str(error))
        raise BadPlan(f"{clean_line(path.name)} cannot be read: {why}.") from error
