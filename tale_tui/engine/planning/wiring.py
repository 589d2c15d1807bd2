"""Ties together what carries out tasks: steps that ask models, copy files and make plans."""

from __future__ import annotations

from collections.abc import Callable

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Fact
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import StepKind
from tale_tui.engine.learning.complexity import ComplexityModels
from tale_tui.engine.learning.service import LearningService
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.wiring import ModelServices
from tale_tui.engine.planning.maker import PlanStepRunner
from tale_tui.engine.planning.planning import Planning, PlanningServices
from tale_tui.engine.planning.sources import PlanSources
from tale_tui.engine.recall.service import RecallService
from tale_tui.engine.route.router import Router, route
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.admission import TaskModels
from tale_tui.engine.tasks.copy_step import CopyStepRunner
from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.model_step import ModelStepRunner, TaskServices
from tale_tui.engine.tasks.run_services import RunServices
from tale_tui.engine.tasks.step_files import StepWatch, TaskFolders
from tale_tui.engine.tasks.subscriptions import TaskSubscriptions


def build_executor(
    *,
    store: Store,
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    models: ModelServices,
    is_local: Callable[[ModelRef], bool],
    router: Router,
    complexities: ComplexityModels,
    calls: CallRecorder,
    budgets: Budgets,
    learning: LearningService,
    recall: RecallService,
    folders: TaskFolders,
    step_watch: StepWatch,
    works_queue: bool,
) -> Executor:
    """An executor whose steps ask models; it is not started.

    Args:
        store: queue and journal.
        settings: all settings.
        clock: the time and the ids.
        publish: takes the facts.
        models: what lives on models.
        is_local: whether a model runs on this machine.
        router: which model, and why.
        complexities: how hard a task is.
        calls: has the calls of models until they are stored.
        budgets: say whether a task may have a model write.
        learning: says what a step may write, and what is foreseen of a task with its plan.
        recall: says what is remembered and near a task that is planned.
        folders: where the files of tasks are.
        step_watch: told of each step that is done.
        works_queue: see `Executor`.
    """
    pool, roles = models.pool, models.roles
    step_services = TaskServices(
        store=store,
        pool=pool,
        roles=roles,
        router=router,
        settings=settings.tasks,
        chat=settings.chat,
        monotonic=clock.monotonic,
        budgets=budgets,
        complexities=complexities,
        length_budget=learning.length_budget,
        forecast_of=learning.of_task,
        rules=settings.context.rules,
    )
    planning_services = PlanningServices(
        store, complexities.level, learning.foresee_plan, lambda role: roles.states.status(role).ref
    )
    services = RunServices(
        store=store,
        runners={
            StepKind.MODEL.value: ModelStepRunner(step_services),
            StepKind.COPY.value: CopyStepRunner(folders, store.folder),
            StepKind.PLAN.value: PlanStepRunner(step_services, settings.plans, PlanSources(store, recall, folders)),
        },
        settings=settings.tasks,
        clock=clock,
        publish=publish,
        subscriptions=TaskSubscriptions(store.task_detail),
        calls=calls,
        rules=Planning(planning_services, settings.plans, settings.tasks),
        folders=folders,
        step_watch=step_watch,
    )
    executor = Executor(services, _task_models(router, pool, complexities, is_local), works_queue=works_queue)
    pool.servers.listen(
        left=lambda _: executor.servers_changed(),
        returned=lambda _: executor.servers_changed(),
    )
    return executor


def _task_models(
    router: Router, pool: Pool, complexities: ComplexityModels, is_local: Callable[[ModelRef], bool]
) -> TaskModels:
    def likely(
        p: float | None = None, *, simple: float | None = None, given: Role | None = None, prompt_tokens: int = 0
    ) -> tuple[ModelRef | None, str]:
        signals = router.signals(Role.TASK, p=p, simple=simple, given=given, prompt_tokens=prompt_tokens)
        if signals.task.ref is None:  # it is looked for when the first task runs
            return None, ""
        found = route(signals)
        return found.ref, found.why

    def away(ref: ModelRef) -> bool:
        return pool.servers.away(ref.backend) is not None

    return TaskModels(likely, complexities.simple, is_local, away)
