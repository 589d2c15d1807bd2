"""What the runs of tasks work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tale_tui.config.settings import TaskSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Fact, TaskChanged
from tale_tui.domain.tasks import Task
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.plan_rules import FixedPlans, PlanRules
from tale_tui.engine.tasks.step_files import NoStepWatch, StepWatch, TaskFolders
from tale_tui.engine.tasks.step_runner import StepRunner
from tale_tui.engine.tasks.subscriptions import TaskSubscriptions


@dataclass(frozen=True, slots=True)
class RunServices:
    """What runs work with."""

    store: Store
    runners: Mapping[str, StepRunner]
    """By kind of step."""
    settings: TaskSettings
    clock: Clock
    publish: Callable[[Fact], None]
    subscriptions: TaskSubscriptions
    calls: CallRecorder
    """Has the calls of models until they are stored."""
    folders: TaskFolders
    rules: PlanRules = field(default_factory=FixedPlans)
    """How plans are made and changed."""
    step_watch: StepWatch = field(default_factory=NoStepWatch)
    """Told of each step that is done, once that is stored."""

    def changed(self, task: Task) -> Task:
        """Announce a task as it is stored now."""
        self.publish(TaskChanged(task))
        self.subscriptions.changed(task.id)
        return task
