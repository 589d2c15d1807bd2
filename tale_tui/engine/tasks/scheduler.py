"""Who runs when: the queue in memory, the slots, the runs. Woken by what happens; nothing looks again and again."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from tale_tui.domain.errors import BadInput, StoreError, TaleError
from tale_tui.domain.events import Notice
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import ENDED, Reason, Task, TaskState
from tale_tui.engine.tasks.admission import Likely
from tale_tui.engine.tasks.journal import Journal
from tale_tui.engine.tasks.limits import Slots
from tale_tui.engine.tasks.ready_queue import ReadyQueue
from tale_tui.engine.tasks.retries import pause_s
from tale_tui.engine.tasks.run import TaskRun
from tale_tui.engine.tasks.run_services import RunServices
from tale_tui.engine.unexpected import BackgroundTasks

log = logging.getLogger(__name__)

QUEUE_READS = 2
"""How often the queue is read before runs begin, where it changes while it is read."""

Destinations = tuple[ModelRef | None, ...]
"""Models that tasks go to, by what the choice depends on."""


class Scheduler:
    """Begins runs. Between `open` and `close` alone; tasks may be queued at any time.

    Args:
        services: what runs work with.
        slots: how many run at once.
        likely: the model that a task goes to now; from memory.
        away: whether the server of a model is away, as far as is known.
        works_queue: whether everything that is queued is worked off; else only what somebody follows, and what that
            waits for.
    """

    def __init__(
        self,
        services: RunServices,
        slots: Slots,
        likely: Likely,
        away: Callable[[ModelRef], bool],
        *,
        works_queue: bool,
    ) -> None:
        self._services = services
        self._slots = slots
        self._likely = likely
        self._away = away
        self._works_queue = works_queue
        self._queued_for: Destinations = ()
        """The models that tasks went to when the queue was read."""
        self._queue = ReadyQueue(self._model_of)
        self._runs: dict[str, TaskRun] = {}
        self._failures: defaultdict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
        """Id of a task -> key of a step, and whether its server was busy -> how often it failed so since somebody last
        had the task run."""
        self._background = BackgroundTasks(self._broke_off)
        self._open = False
        self._stale = True
        """Whether the queue in memory is not that of the store."""
        self._reading = False
        self._passed_over: set[str] = set()
        """Ids of tasks that were queued again while their last run was about to end."""
        self._waking = False
        self._storing_waits = False
        """Whether it is being stored which tasks wait for a server."""
        self._alarm: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to begin runs."""
        self._open = True
        self.wake()

    @property
    def busy(self) -> bool:
        """Whether any task runs."""
        return bool(self._runs)

    async def close(self) -> None:
        """Stop what runs, so that it can be resumed after the next start, and begin no more. Again does nothing."""
        self._open = False
        if self._alarm is not None:
            self._alarm.cancel()
        await self._background.close()
        await asyncio.gather(*(self._interrupt(run) for run in list(self._runs.values())))
        await self._background.close()

    def enqueue(self, task: Task) -> None:
        """Have a task run when its turn comes, where it is queued."""
        if task.id in self._runs:
            self._passed_over.add(task.id)
            return
        self._queue.put(task, self._services.clock.now())
        self._queue_changed()

    def drop(self, task_id: str) -> None:
        """A task is to run no more, until it is queued again."""
        self._queue.drop(task_id)
        self._failures.pop(task_id, None)
        self._queue_changed()

    def reorder(self, task_id: str, *, afresh: bool) -> None:
        """The store has tasks in another order, or more of them.

        Args:
            task_id: the one that was changed.
            afresh: whether it has all its attempts again.
        """
        if afresh:
            self._failures.pop(task_id, None)
        self._stale = True
        self.wake()

    async def stop(self, task_id: str) -> bool:
        """End the run of a task, if there is one; whether there was. Who calls says in the store what comes of it."""
        run = self._runs.get(task_id)
        if run is not None:
            await run.stop()
        return run is not None

    async def change_run(self, task_id: str, change: Callable[[Journal], Awaitable[Task | None]]) -> Task | None:
        """Change what the run of a task has before it; see `TaskRun.change`. None where nothing runs the task, or
        nothing does any more."""
        while (run := self._runs.get(task_id)) is not None:
            if (task := await run.change(change)) is not None:
                return task
        return None

    def settle(self, task_id: str) -> None:
        """Have a task that is stored as running, and does not run, queued again as soon as that can be stored."""
        self.in_background(self._settle(task_id))

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that ends with this one."""
        self._background.start(work, "Work on the queue")

    def _broke_off(self, error: TaleError) -> None:
        """The queue is read again with the next change."""
        self._reading = False
        self._services.publish(Notice(error.title, error.sentence, "error"))

    def wake(self) -> None:
        """See who may run, once everybody who has something to say now has said it."""
        if not self._waking and self._open:
            self._waking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _queue_changed(self) -> None:
        """The queue in memory was changed as the store was; what is being read of the store is older than that."""
        self._stale = self._stale or self._reading
        self.wake()

    def _model_of(self, task: Task) -> ModelRef | None:
        """The model that would do a task; the one that it was stored with where none is known now."""
        return self._likely(task.p, simple=task.p_simple, given=task.given)[0] or task.ref

    def _destinations(self) -> Destinations:
        """The models that tasks go to now: any, simple ones, and those that the user gave to one."""
        kinds: tuple[tuple[float | None, Role | None], ...] = (
            (None, None), (1.0, None), (None, Role.UX), (None, Role.TASK),
        )  # fmt: skip
        return tuple([self._likely(simple=simple, given=given)[0] for simple, given in kinds])

    def _look(self) -> None:
        self._waking = False
        if not self._open or self._reading:
            return
        if self._stale or self._destinations() != self._queued_for:
            self._reading = True
            self.in_background(self._read_queue())
            return
        self._pick()

    def _pick(self) -> None:
        """Begin all runs for which there is room."""
        wanted = None if self._works_queue else self._queue.needed(self._services.subscriptions.followed)
        now = self._services.clock.now()
        while self._slots.any_free and (entry := self._queue.take(self._may_run, now, wanted)):
            self._begin(entry.task, entry.ref)
        self._set_alarm(now)
        self._see_to_servers(now)

    def _may_run(self, ref: ModelRef | None) -> bool:
        return self._slots.free(ref) and not self._is_away(ref)

    def _is_away(self, ref: ModelRef | None) -> bool:
        return ref is not None and self._away(ref)

    def _see_to_servers(self, now: float) -> None:
        """Say of tasks that they wait for a server, or do so no longer, or for too long."""
        if self._storing_waits:
            return
        held = self._queue.held
        begin = [entry.task.id for entry in self._queue.to_be_held(self._is_away)]
        end = [entry.task.id for entry in held if not self._is_away(entry.ref)]
        ask = [entry.task.id for entry in held if self._is_away(entry.ref) and self._asks_at(entry.task) <= now]
        if begin or end or ask:
            self._storing_waits = True
            self.in_background(self._store_waits(begin, end, ask))

    def _asks_at(self, task: Task) -> float:
        """When a task has waited for its server for so long that it asks, in seconds since the epoch."""
        since = task.updated if task.server_since is None else task.server_since
        return since + self._services.settings.server_wait_s

    def _begin(self, task: Task, ref: ModelRef | None) -> None:
        self._slots.take(ref)
        run = self._runs[task.id] = TaskRun(self._services, task.id, self._failures[task.id])
        run.work.add_done_callback(lambda _: self._ended(run, ref))

    def _ended(self, run: TaskRun, ref: ModelRef | None) -> None:
        """A run is over: the next may begin, and those that waited for this task."""
        del self._runs[run.id]
        self._slots.give_back(ref)
        if run.id in self._passed_over:
            self._passed_over.discard(run.id)
            self._stale = True
        if not run.stopped:
            if run.trouble is not None:
                self.settle(run.id)
            else:
                self._look_after(run.last)
        self._queue_changed()

    def _look_after(self, task: Task | None) -> None:
        """Do what follows from the state that a run left its task in; None where it was not queued any more."""
        if task is None or task.state in {TaskState.QUEUED, TaskState.RUNNING}:
            # Its place is not the last one; or another state was stored meanwhile, of which this run knows nothing.
            self._stale = True
            return
        if task.state in ENDED:
            self._failures.pop(task.id, None)
        if task.state is TaskState.DONE and (waiting := self._queue.waiting_for(task.id)):
            self.in_background(self._free(waiting))

    def _set_alarm(self, now: float) -> None:
        """Wake up when the next attempt is due."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        moments = [at for entry in self._queue.held if (at := self._asks_at(entry.task)) > now]
        if (next_moment := self._queue.next_moment()) is not None:
            moments.append(next_moment)
        if moments:
            moment = min(moments)
            # A clock that was set meanwhile must not make an attempt wait for longer than any pause is.
            delay = min(max(0.0, moment - now), self._services.settings.backoff_max_s)
            self._alarm = asyncio.get_running_loop().call_later(delay, self.wake)

    # what takes a while

    async def _read_queue(self) -> None:
        """Bring the queue in memory up to date with the store.

        What is changed while it is read has it read once more, so that an order that was given before a slot is free is
        obeyed. What is changed then is seen after the next runs have begun: they begin under a stream of changes too.
        """
        failures = reads = 0
        while self._open:
            self._stale = False
            self._queued_for = self._destinations()
            try:
                queued = await self._services.store.queue()
            except StoreError as error:
                failures += 1
                log.warning("the queue cannot be read: %s", error)
                await asyncio.sleep(pause_s(failures, self._services.settings))
                continue
            reads += 1
            if self._stale and reads < QUEUE_READS:
                continue
            self._passed_over |= {task.id for task in queued if task.id in self._runs}
            self._queue.replace((task for task in queued if task.id not in self._runs), self._services.clock.now())
            break
        self._reading = False
        if self._open:
            self._pick()
        self.wake()

    async def _store_waits(self, begin: list[str], end: list[str], ask: list[str]) -> None:
        """Store which tasks wait for a server.

        Args:
            begin: ids of those that wait from now on.
            end: ids of those that wait no longer.
            ask: ids of those that waited for so long that they ask.
        """
        store = self._services.store
        changed: list[Task] = []
        try:
            changed += await store.wait_for_server(begin) if begin else ()
            changed += await store.server_is_back(end) if end else ()
            changed += await store.ask_about_server(ask) if ask else ()
        except StoreError as error:
            log.warning("that tasks wait for a server cannot be stored: %s", error)
            await asyncio.sleep(pause_s(1, self._services.settings))
        finally:
            self._storing_waits = False
        for task in changed:
            if task.id in self._queue:
                self._queue.put(task, self._services.clock.now())
            self._services.changed(task)
        self._queue_changed()

    async def _free(self, waiting: tuple[str, ...]) -> None:
        """Look again at tasks that waited for one that is done now."""
        for task_id in waiting:
            try:
                task = await self._services.store.task(task_id)
            except (BadInput, StoreError) as error:
                log.warning("a task that waited cannot be read: %s", error)
                self._stale = True
            else:
                if task_id in self._queue:
                    self._queue.put(task, self._services.clock.now())
                    self._services.changed(task)
        self._queue_changed()

    async def _settle(self, task_id: str) -> None:
        """Say in the store that a task does not run any more, as soon as the store can be written again."""
        failures = 0
        while self._open:
            failures += 1
            await asyncio.sleep(pause_s(failures, self._services.settings))
            if task_id in self._runs:
                return  # it was taken out of the queue once more, and that run says what comes of it
            try:
                task = await self._services.store.change_task(
                    task_id, TaskState.QUEUED, expect=frozenset({TaskState.RUNNING, TaskState.QUEUED})
                )
            except BadInput:
                return  # it is in another state after all
            except StoreError as error:
                log.warning("that %s does not run cannot be stored: %s", task_id, error)
                if failures == 1:
                    sentence = f"A task is held up until it can be stored again. {error.sentence}"
                    self._services.publish(Notice(error.title, sentence, "error"))
            else:
                self._services.changed(task)
                self.reorder(task_id, afresh=False)
                return

    async def _interrupt(self, run: TaskRun) -> None:
        """End a run because the engine ends."""
        await run.stop()
        try:
            task = await self._services.store.change_task(
                run.id, TaskState.PAUSED, expect=frozenset({TaskState.RUNNING}), reason=Reason.INTERRUPTED
            )
        except (BadInput, StoreError) as error:  # it ended by itself; or the next start finds it running
            log.info("%s is not interrupted: %s", run.id, error)
        else:
            self._services.changed(task)
