"""One run of a task: claimed, carried out step by step, and brought to an end that is stored."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from tale_tui.config.logs import SUBJECT
from tale_tui.domain.errors import Fenced, ModelError, ServerBusy, StepTimedOut, StoreError, TaleError
from tale_tui.domain.models import Role
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.engine.store.tasks.transitions import Claim
from tale_tui.engine.tasks.interpreter import TaskSuspended, run_plan
from tale_tui.engine.tasks.journal import Journal, StepFailed
from tale_tui.engine.tasks.retries import next_pause_s
from tale_tui.engine.tasks.run_services import RunServices
from tale_tui.engine.tasks.uncancellable import uncancellable
from tale_tui.engine.unexpected import error_of

log = logging.getLogger(__name__)

WENT_WRONG = "The task broke off because of an error in the application; the log says more. Retry it."


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a run ended, as far as it is not stored yet; nothing of it: all is stored."""

    suspended: TaskSuspended | None = None
    failed: StepFailed | None = None
    error: TaleError | None = None
    """The task has failed as a whole."""


class TaskRun:
    """A task that runs. It begins by itself.

    Args:
        services: what runs work with.
        task_id: the task; queued, as far as is known.
        failures: how often each of its steps has failed, and apart from that found its server busy; counted on here.
    """

    def __init__(self, services: RunServices, task_id: str, failures: Counter[tuple[str, bool]]) -> None:
        self.id = task_id
        self._services = services
        self._failures = failures
        self.last: Task | None = None
        """The task as it was stored last, where this run did that."""
        self.stopped = False
        """Whether it was stopped from outside; whoever did that says in which state the task is."""
        self.trouble: StoreError | None = None
        """Why the end of it is not stored."""
        self._journal: asyncio.Future[Journal] = asyncio.get_running_loop().create_future()
        """There from when it has the task."""
        self.work = asyncio.create_task(self._go(), name=f"task {task_id}")
        self.work.add_done_callback(self._look_at)

    async def stop(self) -> None:
        """End it now: its model is closed and its text stored when this returns. Its state is left as it is."""
        self.stopped = True
        self.work.cancel()
        await asyncio.wait([self.work])

    async def change(self, change: Callable[[Journal], Awaitable[Task | None]]) -> Task | None:
        """Change what this run has before it.

        Args:
            change: does it in the journal, and gives the task; None where the run is about to end.
        Returns:
            The task; None where nothing was changed and this run is over.
        Raises:
            BadInput, StoreError: nothing was changed.
        """
        begun: tuple[asyncio.Future[None], asyncio.Future[Journal]] = self.work, self._journal
        await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        if self._journal.done():
            with suppress(Fenced):
                if (task := await change(self._journal.result())) is not None:
                    return task
        await asyncio.wait([self.work])
        return None

    async def _go(self) -> None:
        try:
            claim = await self._services.store.claim_task(self.id, self._services.clock.now())
        except StoreError as error:
            self.trouble = error
            return
        if claim is None:
            return
        task = claim.detail.task
        self.last = self._services.changed(task)
        SUBJECT.set(("task", task.id, Role.TASK, task.ref))
        log.info("runs, %d of %d steps are done", task.steps_done, task.steps_total)
        journal = Journal(self._services, claim)
        self._journal.set_result(journal)
        ending: _Ending | None = _Ending(error=TaleError(WENT_WRONG))
        try:
            ending = await self._carry_out(journal, claim)
        except asyncio.CancelledError:
            ending = None
            raise
        finally:
            if ending is not None:
                await uncancellable(self._end(journal, claim.epoch, ending))
            journal.release_calls()

    async def _carry_out(self, journal: Journal, claim: Claim) -> _Ending:
        task = claim.detail.task
        limit_s = task.time_limit_s or self._services.settings.time_limit_s
        try:
            async with asyncio.timeout(max(0.0, limit_s - task.worked_s)) as time:
                await run_plan(journal, claim.detail.plan)
        except TaskSuspended as suspended:
            return _Ending(suspended=suspended)
        except StepFailed as failed:
            return _Ending(failed=failed)
        except Fenced as error:
            log.warning("a run of %s was not its run any more: %s", self.id, error)
            return _Ending()
        except TimeoutError:
            if not time.expired():
                raise
            return _Ending(error=StepTimedOut(f"The task took longer than its limit of {limit_s:g} s."))
        if journal.last.state is TaskState.RUNNING and journal.all_over:
            await journal.end()
        self.last = journal.last
        if self.last.state is not TaskState.DONE:
            return _Ending(error=TaleError("There was no step left to run. Retry it from the step that is to be done."))
        return _Ending()

    async def _end(self, journal: Journal, epoch: int, ending: _Ending) -> None:
        try:
            task = await self._store_end(journal, epoch, ending)
        except Fenced as error:
            log.warning("the end of a run of %s was not its own any more: %s", self.id, error)
        except StoreError as error:
            self.trouble = error
        else:
            if task is not None:
                self.last = self._services.changed(task)
        if self.last is not None:
            SUBJECT.set(("task", self.id, Role.TASK, self.last.ref))
            log.info("%s%s", self.last.state.value, f": {self.last.error}" if self.last.error else "")

    async def _store_end(self, journal: Journal, epoch: int, ending: _Ending) -> Task | None:
        store = self._services.store
        if ending.suspended is not None:
            suspended = ending.suspended
            return await store.suspend_task(
                self.id,
                epoch,
                reason=suspended.reason,
                key=suspended.topic,
                asks=suspended.asks,
                shown=suspended.shown,
            )
        if (failed := ending.failed) is not None:
            if isinstance(failed.error, ModelError) and failed.error.away_since is not None:
                log.info("%s of %s waits for its server", failed.spec.key, self.id)
                return await journal.hold(failed, failed.error)
            log.info("%s of %s failed: %s: %s", failed.spec.key, self.id, failed.error.code, failed.error.sentence)
            kind = failed.spec.key, isinstance(failed.error, ServerBusy)
            self._failures[kind] += 1
            pause_s = next_pause_s(failed.error, self._failures[kind], failed.spec, self._services.settings)
            if pause_s is not None:
                return await journal.fail(failed, self._services.clock.now() + pause_s)
            return await journal.fail(failed, None, journal.maker_after(failed))
        if (error := ending.error) is not None:
            return await store.change_task(
                self.id,
                TaskState.FAILED,
                expect={TaskState.RUNNING},
                error=error.sentence,
                error_code=error.code,
            )
        return None

    def _look_at(self, work: asyncio.Task[None]) -> None:
        """What was not foreseen: a task that had begun has failed with a sentence that says so."""
        error = error_of(work, f"The run of {self.id}")
        if error is not None and self.last is None:  # the store does not know yet what came of it
            self.trouble = StoreError(error.sentence)
