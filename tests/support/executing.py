"""An executor whose steps ask no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.judging import never_simple
from tale_tui.config.settings import TaskSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Fact
from tale_tui.domain.models import ModelRef
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.admission import TaskModels
from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.run_services import RunServices
from tale_tui.engine.tasks.step_files import TaskFolders
from tale_tui.engine.tasks.step_runner import StepRunner
from tale_tui.engine.tasks.subscriptions import TaskSubscriptions


def executor_on(
    store: Store,
    runners: Mapping[str, StepRunner],
    settings: TaskSettings,
    clock: Clock,
    publish: Callable[[Fact], None],
    *,
    likely: Callable[[], ModelRef | None],
    is_local: Callable[[ModelRef], bool] = lambda _: True,
    away: Callable[[ModelRef], bool] = lambda _: False,
    works_queue: bool = True,
    subscriptions: TaskSubscriptions | None = None,
) -> Executor:
    """An executor of tasks none of which is simple.

    Args:
        store: queue and journal.
        runners: by kind of step.
        settings: limits and rules.
        clock: the time and the ids.
        publish: takes the facts.
        likely: the model that every task goes to.
        is_local: whether a model runs on this machine.
        away: whether the server of a model is away.
        works_queue: whether everything that is queued is worked off.
        subscriptions: those who follow tasks; None for nobody yet.
    """

    def likely_one(*_: Any, **__: Any) -> tuple[ModelRef | None, str]:
        return likely(), "likely"

    services = RunServices(
        store=store,
        runners=runners,
        settings=settings,
        clock=clock,
        publish=publish,
        subscriptions=subscriptions or TaskSubscriptions(store.task_detail),
        calls=CallRecorder(store),
        folders=TaskFolders(store.folder / "files"),
    )
    return Executor(services, TaskModels(likely_one, never_simple, is_local, away), works_queue=works_queue)
