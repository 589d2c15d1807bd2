"""The verbs of checkpoints, and those that are made by themselves: after each step, and inside long ones."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tale_tui.config.settings import CheckpointSettings
from tale_tui.domain.checkpoints import (
    BundleImport,
    Checkpoint,
    CheckpointDetail,
    CheckpointDiff,
    CheckpointKind,
    CheckpointList,
    KeptFile,
    Restoration,
)
from tale_tui.domain.clock import Clock
from tale_tui.domain.complexity import LEVELS, Complexity
from tale_tui.domain.constants import CHECKPOINT_INSIDE_S, CHECKPOINT_MESSAGE_CHARACTERS
from tale_tui.domain.errors import BadInput, CannotUndo, NoSuchCheckpoint, NoSuchTask, ReadOnly, TaleError
from tale_tui.domain.events import Fact, Notice, TaskChanged
from tale_tui.domain.tasks import StepState, Task, TaskDetail, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine.checkpoints import state
from tale_tui.engine.checkpoints.compare import file_diffs, task_differences
from tale_tui.engine.checkpoints.entry import Entry, FileKey, shown_path
from tale_tui.engine.checkpoints.history import reversible
from tale_tui.engine.checkpoints.restore import RestorePlan, Restorer
from tale_tui.engine.checkpoints.writer import CheckpointWriter, Group, Operation, naming
from tale_tui.engine.tasks.step_files import StepDone
from tale_tui.engine.tasks.uncancellable import uncancellable
from tale_tui.engine.unexpected import BackgroundTasks
from tale_tui.formatting.plans import numbered

log = logging.getLogger(__name__)

T = TypeVar("T")

CLOSE_S = 10.0
"""That the end of the application waits for checkpoints that are under way."""


class CheckpointService:
    """Implements `api.CheckpointApi`, where each verb is described.

    Args:
        writer: makes and reads them.
        restorer: goes back.
        detail: everything about a task as it is stored.
        level: how hard a task is, from memory; None where that is not known yet.
        settings: whether some are made by themselves.
        clock: the time.
        publish: takes the facts.
        can_write: False where nothing may be changed.
    """

    def __init__(
        self,
        writer: CheckpointWriter,
        restorer: Restorer,
        detail: Callable[[str], Awaitable[TaskDetail]],
        level: Callable[[str], Complexity | None],
        settings: CheckpointSettings,
        clock: Clock,
        publish: Callable[[Fact], None],
        *,
        can_write: bool,
    ) -> None:
        self._writer = writer
        self._restorer = restorer
        self._detail = detail
        self._level = level
        self._clock = clock
        self._publish = publish
        self._can_write = can_write
        self._by_itself = settings.enabled and can_write
        self._one_at_a_time = asyncio.Lock()
        self._pending: asyncio.Queue[StepDone | Task] = asyncio.Queue()
        self._background = BackgroundTasks(self._complain)
        self._worker: asyncio.Task[None] | None = None
        self._last: dict[str, float] = {}
        """When the last checkpoint of a task that runs was asked for."""
        self._complained = ""

    # by themselves

    def step_done(self, done: StepDone) -> None:
        """A step is done and stored: its checkpoint follows in the background."""
        self._enqueue(done, done.task_id)

    def on_fact(self, fact: Fact) -> None:
        """Watch tasks that run: a long step is kept now and then, the more often the harder the task is."""
        if not self._by_itself or not isinstance(fact, TaskChanged):
            return
        task, now = fact.task, self._clock.monotonic()
        if task.state is not TaskState.RUNNING:
            self._last.pop(task.id, None)
            return
        unkept_s = now - self._last.setdefault(task.id, now)
        if unkept_s >= min(CHECKPOINT_INSIDE_S) and unkept_s >= self._pause_s(task):
            self._enqueue(task, task.id)

    def _pause_s(self, task: Task) -> float:
        level = None if task.forecast is None else task.forecast.complexity
        known = Complexity(level) if level in LEVELS else self._level(task.title)
        return CHECKPOINT_INSIDE_S[LEVELS.index(known or Complexity.MEDIUM)]

    def _enqueue(self, what: StepDone | Task, task_id: str) -> None:
        if not self._by_itself:
            return
        self._last[task_id] = self._clock.monotonic()
        self._pending.put_nowait(what)
        if self._worker is None or self._worker.done():
            self._worker = self._background.start(self._work_off(), "Making a checkpoint")

    async def _work_off(self) -> None:
        while not self._pending.empty():
            what = self._pending.get_nowait()
            try:
                async with self._one_at_a_time:
                    await self._make_by_itself(what)
                self._complained = ""
            except TaleError as error:
                self._complain(error)
            finally:
                self._pending.task_done()

    async def _make_by_itself(self, what: StepDone | Task) -> None:
        task_id = what.id if isinstance(what, Task) else what.task_id
        try:
            group = await self._writer.group_of(task_id)
            detail = await self._detail(task_id)
        except NoSuchTask:
            return
        if isinstance(what, Task):
            inside = Operation(CheckpointKind.INSIDE, f"inside {_step_name(detail, '')}", task_id)
            await self._writer.make(group, inside, always=False)
            return
        await self._writer.make(
            group,
            Operation(
                CheckpointKind.STEP,
                f"after {_step_name(detail, what.key)}",
                task_id,
                what.key,
                before={(task_id, one.path): one.before for one in what.written},
                after={(task_id, one.path): one.after for one in what.written},
            ),
        )

    def _complain(self, error: TaleError) -> None:
        """Tell once why checkpoints are not made; the work goes on without them."""
        log.warning("no checkpoint: %s", error.sentence)
        if error.sentence != self._complained:
            self._complained = error.sentence
            self._publish(Notice(error.title, f"{error.sentence} The work goes on without.", "error"))

    async def settled(self) -> None:
        """Wait until those that were asked for are made, or were not."""
        await self._pending.join()

    async def close(self) -> None:
        """Make those that were asked for, as far as that takes no time, and end."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.settled()
        except TimeoutError:
            log.warning("%d checkpoints are not made: the application ends", self._pending.qsize())
        await self._background.close()
        await self._writer.close()

    # what there is

    async def list(self, *, task_id: str = "", session_id: str = "", limit: int = 100) -> CheckpointList:
        await self.settled()
        found = await self._writer.all()
        mine = _meant(found, task_id, session_id)
        return CheckpointList(
            tuple(reversed(mine[-limit:] if limit else mine)),
            len(found),
            await self._writer.size_bytes(),
            self._writer.budget_bytes,
            self._writer.damaged,
        )

    async def show(self, checkpoint: str) -> CheckpointDetail:
        await self.settled()
        found = await self._writer.find(checkpoint)
        with naming(found):
            return await self._writer.work(self._detail_of, found)

    async def diff(self, checkpoint: str, other: str = "") -> CheckpointDiff:
        await self.settled()
        one = await self._writer.find(checkpoint)
        if other:
            two = await self._writer.find(other)
            files, details = await self._state_of(two)
        else:
            group = Group(one.group, one.session_id)
            present = await self._writer.present(group, all_anew=True)
            files, details = await self._writer.work(self._writer.state_of, present)
        old_files, old_details = await self._state_of(one)
        diffs = await self._writer.work(file_diffs, old_files, files, self._writer.repository.content)
        return CheckpointDiff(one.id, two.id if other else "", diffs, task_differences(old_details, details))

    async def _state_of(self, checkpoint: Checkpoint) -> tuple[dict[FileKey, Entry], tuple[TaskDetail, ...]]:
        """The files and the tasks of a checkpoint; the files can be read."""

        def state_of() -> tuple[dict[FileKey, Entry], tuple[TaskDetail, ...]]:
            files = self._files_of(checkpoint)
            self._writer.repository.verify(id_ for _, id_ in files.values())
            return files, self._tasks_of(checkpoint)

        with naming(checkpoint):
            return await self._writer.work(state_of)

    def _detail_of(self, checkpoint: Checkpoint) -> CheckpointDetail:
        repository = self._writer.repository
        tree = repository.tree_of(checkpoint.id)
        head = repository.find(tree, f"{state.SESSION}/{state.SESSION_HEAD}")
        session = state.session_from(repository.content(head[1])) if head else None
        files = [
            KeptFile(task_id, shown_path(path), id_.decode(), len(repository.content(id_)))
            for (task_id, path), (_, id_) in sorted(self._files_of(checkpoint).items())
        ]
        tasks = tuple(detail.task for detail in self._tasks_of(checkpoint))
        return CheckpointDetail(checkpoint, session, tasks, tuple(files))

    def _files_of(self, checkpoint: Checkpoint) -> dict[FileKey, Entry]:
        return self._writer.files_of(self._writer.repository.tree_of(checkpoint.id))

    def _tasks_of(self, checkpoint: Checkpoint) -> tuple[TaskDetail, ...]:
        repository = self._writer.repository
        found = repository.entries(repository.tree_of(checkpoint.id), state.TASKS)
        return tuple(state.task_from(repository.content(id_)) for _, id_ in found.values())

    # going back

    async def restore(
        self, checkpoint: str, *, task_id: str = "", file: str = "", dry_run: bool = False
    ) -> Restoration:
        await self.settled()
        found = await self._writer.find(checkpoint)
        return await self._go(lambda: self._restorer.to_checkpoint(found, task_id, file), dry_run=dry_run)

    async def undo(self, *, task_id: str = "", session_id: str = "", dry_run: bool = False) -> Restoration:
        return await self._reverse(task_id, session_id, again=False, dry_run=dry_run)

    async def redo(self, *, task_id: str = "", session_id: str = "", dry_run: bool = False) -> Restoration:
        return await self._reverse(task_id, session_id, again=True, dry_run=dry_run)

    async def _reverse(self, task_id: str, session_id: str, *, again: bool, dry_run: bool) -> Restoration:
        await self.settled()
        found = reversible(_meant(await self._writer.all(), task_id, session_id), task_id)
        for one in reversed(found.undone if again else found.done):
            see = partial(self._restorer.back_by, one, again=again)
            if not (await see()).empty:  # else it was taken back by other means, by a retry of its step for one
                return await self._go(see, dry_run=dry_run)
        raise CannotUndo(
            "Nothing was undone that could be done again, or something new was done since."
            if again
            else "There is no step left whose files and state could be taken back."
        )

    async def _go(self, see: Callable[[], Awaitable[RestorePlan]], *, dry_run: bool) -> Restoration:
        """Look where a way leads, and go it: with the tasks at rest, and with all kept that they did until then."""
        plan = await see()
        if dry_run or plan.empty:
            return plan.summary()
        self._check_writable()
        await self._restorer.hold(plan)
        await self.settled()

        async def go() -> Restoration:
            return await self._restorer.go(await see())

        done = await self._alone(go())
        log.info("%s %s: %d files", plan.kind.value, plan.checkpoint.id, len(done.files))
        return done

    async def _alone(self, work: Coroutine[Any, Any, T]) -> T:
        """Do all of it, while no other checkpoint is made."""

        async def alone() -> T:
            async with self._one_at_a_time:
                return await work

        return await uncancellable(alone())

    def _check_writable(self) -> None:
        if not self._can_write:
            raise ReadOnly("Nothing can be written in the data folder, so nothing is kept and nothing brought back.")

    # at the user's wish

    async def keep(self, message: str = "", *, task_id: str = "", session_id: str = "") -> Checkpoint:
        self._check_writable()
        await self.settled()
        if task_id:
            group = await self._writer.group_of(task_id)
        elif session_id:
            group = Group(session_id, session_id)
        else:
            raise BadInput("Say of what: of a task, or of a conversation.")
        said = clean_line(message, CHECKPOINT_MESSAGE_CHARACTERS)
        operation = Operation(CheckpointKind.KEPT, f"yours: {said}" if said else "yours", task_id)
        return await self._alone(self._writer.make(group, operation))

    async def remove(self, checkpoint: str) -> Checkpoint:
        self._check_writable()
        await self.settled()
        found = await self._writer.find(checkpoint, damaged=True)
        if [found] == (await self._writer.all())[-1:]:
            raise BadInput("The newest checkpoint stays: it says what the files were last.")
        await self._alone(self._writer.forget((found.id,)))
        return found

    async def export(self, path: str, *, checkpoints: tuple[str, ...] = ()) -> int:
        await self.settled()
        chosen = [await self._writer.find(one) for one in checkpoints] or await self._writer.all()
        if not chosen:
            raise NoSuchCheckpoint("There are no checkpoints yet.")
        ids = [one.id for one in chosen]
        await self._alone(self._writer.work(self._writer.repository.export, Path(path), ids))
        return len(ids)

    async def import_(self, path: str) -> BundleImport:
        self._check_writable()
        await self.settled()
        return await self._alone(self._writer.take_in(Path(path)))


def _meant(found: Iterable[Checkpoint], task_id: str, session_id: str) -> list[Checkpoint]:
    """Those of a conversation; those of a task, and of all that it is kept together with."""
    mine = [one for one in found if session_id in ("", one.session_id)]
    if not task_id:
        return mine
    groups = {one.group for one in mine if one.task_id == task_id} | {task_id}
    return [one for one in mine if one.task_id == task_id or (not one.task_id and one.group in groups)]


def _step_name(detail: TaskDetail, key: str) -> str:
    """What a step is called: `3, Routes` of a plan, the title of the task where it has one step only.

    Args:
        detail: the task.
        key: of the step; empty for the one that runs.
    """
    running = [step.spec.key for step in detail.steps if step.state is StepState.RUNNING]
    keys = [key] if key else running
    places = {
        step.spec.key: f"{number}, {clean_line(step.spec.title)}" for number, step in enumerate(numbered(detail), 1)
    }
    planned = {step.spec.key: clean_line(step.spec.title) for step in detail.steps} | places
    return clean_line(detail.task.title) if len(planned) == 1 or not keys else planned.get(keys[0], detail.task.title)
