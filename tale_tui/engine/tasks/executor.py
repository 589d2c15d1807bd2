"""Tasks on this machine: carried out, and steered by the user. The store is queue and journal.

Each change is stored before it is announced.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Mapping

from tale_tui.config.settings import TaskSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BadInput, StoreError
from tale_tui.domain.events import Fact, TaskEvent
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import OPEN, Priority, Reason, Task, TaskDetail, TaskRequest, TaskState
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.engine.tasks.admission import Likely, TaskAdmission
from tale_tui.engine.tasks.journal import RunServices
from tale_tui.engine.tasks.limits import Slots
from tale_tui.engine.tasks.scheduler import Scheduler
from tale_tui.engine.tasks.step_runner import StepRunner
from tale_tui.engine.tasks.subscriptions import TaskSubscriptions
from tale_tui.engine.tasks.uncancellable import uncancellable

log = logging.getLogger(__name__)


class Executor:
    """Carries out tasks. `start` begins, `close` ends; before and after that tasks are taken in and none runs.

    Implements `api.TaskApi`, where each verb is described.

    Args:
        store: the truth.
        runners: by kind of step.
        settings: limits and rules.
        clock: the time and the ids.
        publish: takes the facts.
        likely: the model that would do a task now, and why; from memory.
        is_local: whether a model runs on this machine.
        away: whether the server of a model is away, as far as is known.
        works_queue: whether everything that is queued is worked off; else only what somebody follows, and what that
            waits for.
        calls: has the calls of models until they are stored; None for one of its own.
    """

    def __init__(
        self,
        store: Store,
        runners: Mapping[str, StepRunner],
        settings: TaskSettings,
        clock: Clock,
        publish: Callable[[Fact], None],
        *,
        likely: Likely,
        is_local: Callable[[ModelRef], bool],
        away: Callable[[ModelRef], bool] = lambda _: False,
        works_queue: bool = True,
        calls: CallRecorder | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._subscriptions = TaskSubscriptions(store.task_detail, lambda: self._scheduler.wake())
        calls = calls or CallRecorder(store)
        self._services = RunServices(store, runners, settings, clock, publish, self._subscriptions, calls)
        self._admission = TaskAdmission(settings, clock.monotonic, likely)
        slots = Slots(settings.running, settings.per_model, is_local)
        self._scheduler = Scheduler(self._services, slots, lambda: likely(None, "")[0], away, works_queue=works_queue)

    # beginning and end

    async def remember(self) -> None:
        """Count what was handed in before: the limit for a minute holds over all engines of the folder."""
        await self._admission.remember(self._store)

    def start(self) -> None:
        """Begin to work: on what is queued, and on what was cut off where the settings say so."""
        self._scheduler.open()
        if self._settings.resume == "always":
            self._scheduler.in_background(self._resume_interrupted())

    async def close(self) -> None:
        """Stop what runs, so that it can be resumed after the next start, and begin no more. Again does nothing."""
        self._subscriptions.close()
        await self._scheduler.close()

    def servers_changed(self) -> None:
        """A server is away, or back: see who may run."""
        self._scheduler.wake()

    @property
    def busy(self) -> bool:
        """Whether any task runs."""
        return self._scheduler.busy

    # new tasks

    async def new_task(
        self,
        text: str,
        *,
        key: str,
        session_id: str | None = None,
        p: float | None = None,
    ) -> NewTask:
        """A task that the caller stores, and then hands to `accept`.

        Args:
            text: what is asked.
            key: becomes its id.
            session_id: the conversation that it belongs to.
            p: the probability with which it was detected.
        Raises:
            EmptyMessage, TaskTooLong, TooManyTasks: it may not be stored.
        """
        return self._admission.new_task(text, key=key, session_id=session_id, p=p)

    async def submit(
        self,
        text: str,
        *,
        key: str,
        priority: Priority = Priority.NORMAL,
        plan: str = "",
        after: tuple[str, ...] = (),
        time_limit_s: float | None = None,
        session_id: str | None = None,
        p: float | None = None,
    ) -> Task:
        new = self._admission.new_task(
            text,
            key=key,
            session_id=session_id,
            p=p,
            priority=priority,
            plan=plan,
            after=after,
            time_limit_s=time_limit_s,
        )
        task = await self._store.add_task(new)
        self.accept(task)
        return task

    async def submit_many(self, requests: tuple[TaskRequest, ...]) -> tuple[Task, ...]:
        tasks = await self._store.add_tasks(self._admission.new_tasks(requests))
        for task in tasks:
            self.accept(task)
        return tasks

    def accept(self, task: Task) -> None:
        """Announce a task that has just been stored, and run it when its turn comes."""
        self._services.changed(task)
        self._scheduler.enqueue(task)

    # what the user asks and says

    async def list(
        self, *, states: tuple[TaskState, ...] = (), session_id: str = "", limit: int = 10_000
    ) -> tuple[Task, ...]:
        return await self._store.tasks(states, session_id, limit)

    async def get(self, task_id: str) -> TaskDetail:
        return await self._subscriptions.detail(task_id)

    async def find(self, prefix: str) -> Task:
        return await self._store.find_task(prefix)

    def follow(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        return self._subscriptions.follow(task_id)

    async def cancel(self, task_id: str) -> Task:
        return await uncancellable(self._set_aside(task_id, TaskState.CANCELLED, expect=OPEN))

    async def pause(self, task_id: str) -> Task:
        expect = frozenset({TaskState.QUEUED, TaskState.RUNNING})
        return await uncancellable(self._set_aside(task_id, TaskState.PAUSED, expect=expect, reason=Reason.USER))

    async def resume(self, task_id: str) -> Task:
        task = await self._store.change_task(task_id, TaskState.QUEUED, expect=frozenset({TaskState.PAUSED}))
        return self._reordered(task)

    async def retry(self, task_id: str, *, step: str = "") -> Task:
        return self._reordered(await self._store.retry_from(task_id, step))

    async def approve(self, task_id: str, *, yes: bool) -> Task:
        if yes:
            return self._reordered(await self._store.approve(task_id))
        # A task that waits for the user has no run; the run of any other one must not be stopped by a wrong answer.
        task = await self._store.change_task(task_id, TaskState.CANCELLED, expect=frozenset({TaskState.WAITING}))
        return self._services.changed(task)

    async def set_priority(self, task_id: str, priority: Priority) -> Task:
        return self._reordered(await self._store.set_priority(task_id, priority), afresh=False)

    async def move(self, task_id: str, *, before: str | None) -> Task:
        return self._reordered(await self._store.move(task_id, before), afresh=False)

    async def _set_aside(
        self, task_id: str, to: TaskState, *, expect: frozenset[TaskState], reason: Reason = Reason.NONE
    ) -> Task:
        """Take a task out of the queue, or out of its run, which has ended when this returns."""
        ran = await self._scheduler.stop(task_id)
        try:
            task = await self._store.change_task(task_id, to, expect=expect, reason=reason)
        except StoreError:
            if ran:
                self._scheduler.settle(task_id)
            raise
        self._scheduler.drop(task_id)
        return self._services.changed(task)

    def _reordered(self, task: Task, *, afresh: bool = True) -> Task:
        self._scheduler.reorder(task.id, afresh=afresh)
        return self._services.changed(task)

    async def _resume_interrupted(self) -> None:
        try:
            for task in await self._store.tasks((TaskState.PAUSED,)):
                if task.reason is Reason.INTERRUPTED:
                    await self.resume(task.id)
        except (BadInput, StoreError) as error:
            log.warning("not everything that was cut off is resumed: %s", error)
