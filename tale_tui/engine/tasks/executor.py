"""Tasks on this machine: carried out, and steered by the user. The store is queue and journal.

Each change is stored before it is announced.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from tale_tui.domain.errors import BadInput, EmptyMessage, NoSuchSession, StoreError, WrongState
from tale_tui.domain.events import TaskEvent
from tale_tui.domain.models import Role
from tale_tui.domain.plans import PlanDraft, plan_maker, with_steps
from tale_tui.domain.tasks import ENDED, OPEN, Plan, Priority, Reason, Step, Task, TaskDetail, TaskRequest, TaskState
from tale_tui.domain.text import clean, clean_line, is_blank
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.engine.store.tasks.transitions import REFUSED, UNDER_WAY
from tale_tui.engine.tasks.admission import TaskAdmission, TaskModels
from tale_tui.engine.tasks.copy_step import check_targets
from tale_tui.engine.tasks.limits import Slots
from tale_tui.engine.tasks.plan import ONE_STEP, check_again, parse_plan
from tale_tui.engine.tasks.run_services import RunServices
from tale_tui.engine.tasks.scheduler import Scheduler
from tale_tui.engine.tasks.uncancellable import uncancellable

log = logging.getLogger(__name__)

_STOPPED = "stopped by you"
"""Why a step is left out that the user stops."""


class Executor:
    """Carries out tasks. `start` begins, `close` ends; before and after that tasks are taken in and none runs.

    Implements `api.TaskApi`, where each verb is described.

    Args:
        services: what runs work with; their store is the truth.
        models: what is known of those that tasks go to.
        works_queue: whether everything that is queued is worked off; else only what somebody follows, and what that
            waits for.
    """

    def __init__(self, services: RunServices, models: TaskModels, *, works_queue: bool = True) -> None:
        self._services = services
        self._store = store = services.store
        self._settings = settings = services.settings
        self._rules = services.rules
        self._subscriptions = services.subscriptions
        self._likely = models.likely
        self._admission = TaskAdmission(settings, services.clock.monotonic, models.likely, models.simple, store.folder)
        slots = Slots(settings.running, settings.per_model, models.is_local)
        self._scheduler = Scheduler(services, slots, models.likely, models.away, works_queue=works_queue)
        self._subscriptions.on_follow = self._scheduler.wake

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
        given: Role | None = None,
    ) -> NewTask:
        """A task that the caller stores, and then hands to `accept`.

        Args:
            text: what is asked.
            key: becomes its id.
            session_id: the conversation that it belongs to.
            p: the probability with which it was detected.
            given: the role whose model the user gave it to.
        Raises:
            EmptyMessage, TaskTooLong, TooManyTasks: it may not be stored.
        """
        made = await self._rules.new_plan(clean(text))
        return await self._admission.new_task(text, key=key, session_id=session_id, p=p, given=given, made=made)

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
        given: Role | None = None,
    ) -> Task:
        made = ONE_STEP if plan else await self._rules.new_plan(clean(text))
        new = await self._admission.new_task(
            text,
            key=key,
            session_id=session_id,
            p=p,
            priority=priority,
            plan=plan,
            after=after,
            time_limit_s=time_limit_s,
            given=given,
            made=made,
        )
        task = await self._store.add_task(new)
        self.accept(task)
        return task

    async def submit_many(self, requests: tuple[TaskRequest, ...]) -> tuple[Task, ...]:
        made = [ONE_STEP if one.plan else await self._rules.new_plan(clean(one.text)) for one in requests]
        tasks = await self._store.add_tasks(await self._admission.new_tasks(requests, made))
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

    async def give(self, task_id: str, role: Role) -> Task:
        return await uncancellable(self._give(task_id, role))

    async def approve(self, task_id: str, *, yes: bool, step: str = "") -> Task:
        if yes:
            return await uncancellable(self._approve(task_id, step))
        if step and _asks_on(await self._store.task_detail(task_id), step):
            return await uncancellable(self._skip(task_id, step, REFUSED))
        if step:
            task = await self._store.refuse_step(task_id, step, REFUSED)
            return self._reordered(task) if task.state is TaskState.QUEUED else self._services.changed(task)
        # A task that waits for the user has no run; the run of any other one must not be stopped by a wrong answer.
        task = await self._store.decline(task_id)
        return self._reordered(task) if task.is_open else self._services.changed(task)

    async def refuse(self, task_id: str, *, reason: str) -> Task:
        if is_blank(clean(reason)):
            raise EmptyMessage("Say why, so that the next plan can be another one.")
        maker = plan_maker((await self._store.task_detail(task_id)).plan)
        change = partial(self._store.refuse_plan, task_id, clean_line(reason), maker)
        return self._reordered(await uncancellable(self._stopped(task_id, change)))

    async def skip(self, task_id: str, *, step: str) -> Task:
        return await uncancellable(self._skip(task_id, step, _STOPPED))

    async def draft(self, task_id: str, *, plan: str) -> PlanDraft:
        detail, drafted = await self._store.task_detail(task_id), await self._handed_in(plan)
        kept = {step.spec.key: step for step in detail.steps if step.is_over}
        known = {step.spec: step for step in detail.steps}
        new = [spec for spec in drafted.steps if spec.key not in kept]
        steps = (*kept.values(), *(known.get(spec, Step(spec, allowed=False)) for spec in new))
        whole = with_steps(drafted, (step.spec for step in steps))
        detail = replace(detail, plan=whole, steps=steps)
        return PlanDraft(detail, await self._rules.foreseen(detail))

    async def set_plan(self, task_id: str, *, plan: str) -> Task:
        return self._services.changed(await self._store.set_plan(task_id, await self._handed_in(plan)))

    async def _handed_in(self, plan: str) -> Plan:
        """A plan as somebody handed it in.

        Raises:
            BadPlan: it cannot be run, or copies to where nothing can be copied to.
        """
        parsed = parse_plan(plan)
        await asyncio.to_thread(check_targets, parsed, self._store.folder)
        return parsed

    async def set_priority(self, task_id: str, priority: Priority) -> Task:
        return self._reordered(await self._store.set_priority(task_id, priority), afresh=False)

    async def move(self, task_id: str, *, before: str | None) -> Task:
        return self._reordered(await self._store.move(task_id, before), afresh=False)

    async def _approve(self, task_id: str, step: str) -> Task:
        """Keep a yes to a task, or to one of its steps; where it runs already, that goes on with it."""
        approved = await self._rules.approved(await self._store.task_detail(task_id))
        change = partial(self._store.approve, task_id, step=step, approved=approved)
        if (task := await self._scheduler.change_run(task_id, lambda journal: journal.change(change))) is None:
            task = await change()
            if task.state is TaskState.RUNNING:  # since just now
                reread = partial(self._store.task, task_id)
                await self._scheduler.change_run(task_id, lambda journal: journal.change(reread))
        return self._services.changed(task) if task.state is TaskState.RUNNING else self._reordered(task)

    async def _skip(self, task_id: str, step: str, reason: str) -> Task:
        """Leave a step out; a run of the task goes on without it."""
        task = await self._scheduler.change_run(task_id, lambda journal: journal.skip_step(step, reason))
        if task is not None:
            return self._services.changed(task)
        return self._reordered(await self._store.skip_step(task_id, step, reason))

    async def _give(self, task_id: str, role: Role) -> Task:
        """End the run of a task, if there is one, and have the model of a role do it."""
        ref, why = self._likely(given=role)
        return self._reordered(await self._stopped(task_id, partial(self._store.give_task, task_id, role, ref, why)))

    # earlier states; see `checkpoints.restore.LiveTasks`

    async def hold(self, task_id: str) -> None:
        """Pause a task where it is queued or runs."""
        with suppress(WrongState):
            await self.pause(task_id)

    async def put_back(self, task_id: str, steps: tuple[Step, ...], to: TaskState, result: str, what: str) -> Task:
        """Bring steps of a task back to what they were, and announce it; see `TaskVersions.put_back`."""
        task = await self._store.put_back(task_id, steps, to, result, what)
        self._scheduler.drop(task_id)
        return self._services.changed(task)

    async def add_again(self, detail: TaskDetail, what: str, *, id_: str) -> Task:
        """A new task, with the plan and the steps of one that is not there any more or has another plan now.

        Args:
            detail: as it was; its texts pass the border here.
            what: the line of the history.
            id_: that it gets; nobody has it.
        """
        about, to = detail.task, detail.task.state if detail.task.state in ENDED else TaskState.PAUSED
        check_again(detail)
        new = NewTask(
            id_,
            detail.text,
            detail.plan,
            title=about.title,
            priority=about.priority,
            state=TaskState.PAUSED,
            reason=Reason.USER,
            session_id=await self._session_of(about),
            ref=about.ref,
            why=about.why,
            p=about.p,
            p_simple=about.p_simple,
            given=about.given,
            time_limit_s=about.time_limit_s,
        )
        await self._store.add_task(new)
        steps = detail.steps
        if detail.approval is not None:  # what was approved was another task
            steps = tuple(step if step.is_over else replace(step, allowed=False) for step in steps)
        return await self.put_back(id_, steps, to, detail.result, what)

    async def _session_of(self, task: Task) -> str | None:
        """The conversation of a task, where it is there."""
        if task.session_id is None:
            return None
        try:
            return (await self._store.session(task.session_id)).id
        except NoSuchSession:
            return None

    async def _stopped(self, task_id: str, change: Callable[[], Awaitable[Task]]) -> Task:
        """Change a task that nothing runs any more; where it cannot be changed, what ran of it goes on."""
        await self._store.task(task_id)
        ran = await self._scheduler.stop(task_id)
        try:
            return await change()
        except (BadInput, StoreError):
            if ran:
                self._scheduler.settle(task_id)
            raise

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


def _asks_on(detail: TaskDetail, key: str) -> bool:
    """Whether a step of a task that is under way still wants a yes, as others had it."""
    if detail.approval is None or not detail.approval.stepwise or detail.task.state not in UNDER_WAY:
        return False
    return any(step.spec.key == key and step.wants_yes for step in detail.steps)
