"""Going back: to a checkpoint, whole or in part, or by one operation. The present is kept first, so that it can be gone
back from that too.

Of what is stored nothing is written over: what a step has now stays among its earlier attempts, a task with another
plan and a conversation come back as new ones. Taking that back removes the new conversation and cancels the new task,
where nothing was done with them since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from tale_tui.domain.checkpoints import Checkpoint, CheckpointKind, Restoration
from tale_tui.domain.clock import random_id
from tale_tui.domain.conversation import Session
from tale_tui.domain.errors import CheckpointDamaged, NoSuchCheckpoint, NoSuchSession, NoSuchTask
from tale_tui.domain.tasks import Plan, Step, StepKind, StepState, Task, TaskDetail, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine.checkpoints import state
from tale_tui.engine.checkpoints.entry import FILE_MODE, Entry, FileKey, hash_of, shown_path
from tale_tui.engine.checkpoints.going_back import FileStep, carry_out, file_steps, shown
from tale_tui.engine.checkpoints.writer import (
    KEPT_FOR_ITSELF,
    CheckpointWriter,
    Group,
    Operation,
    declared_files,
    naming,
)
from tale_tui.engine.tasks.interpreter import result_of
from tale_tui.formatting.checkpoints import operation_name, place_name
from tale_tui.formatting.units import moment

log = logging.getLogger(__name__)


class LiveTasks(Protocol):
    """The tasks as they are now; done by the executor."""

    async def get(self, task_id: str) -> TaskDetail:
        """Everything about a task.

        Raises:
            NoSuchTask: it is not there.
        """
        ...

    async def hold(self, task_id: str) -> None:
        """Stop a task where it is queued or runs; it is paused then."""
        ...

    async def put_back(self, task_id: str, steps: tuple[Step, ...], to: TaskState, result: str, what: str) -> Task:
        """Bring steps of a task back to what they were.

        Raises:
            NoSuchTask, WrongState, BadPlan: nothing was changed.
        """
        ...

    async def add_again(self, detail: TaskDetail, what: str, *, id_: str) -> Task:
        """A new task, under a new id, with the plan and the steps of one that is not there any more, or has another
        plan now."""
        ...


class LiveSessions(Protocol):
    """The conversations; done by the service for them."""

    async def import_(self, text: str) -> tuple[Session, ...]:
        """Take an exported conversation in, as a new one where its id is taken."""
        ...

    async def delete(self, session_id: str) -> None:
        """Remove a conversation.

        Raises:
            NoSuchSession: it is not there.
        """
        ...


@dataclass(frozen=True, slots=True)
class TaskStep:
    """What becomes of one task."""

    recorded: TaskDetail
    steps: tuple[Step, ...]
    """Those that are brought back."""
    to: TaskState
    present: TaskDetail | None
    """None: it comes back as a new one."""
    new_id: str = ""
    """Of the new one: its own where that is free."""
    came_back: bool = False
    """Whether it is the new one, and that is taken back."""

    @property
    def sentence(self) -> str:
        """For the user."""
        about = self.recorded.task
        if self.present is None:
            return f"{clean_line(about.title)}: comes back as a new task, {_words(self.to)}"
        about = self.present.task
        if self.came_back:
            return f"{about.shown} {clean_line(about.title)}: came back as a new task, and stays as a cancelled one"
        names = ", ".join(step.spec.title for step in self.steps)
        done = self.steps and all(step.state is StepState.DONE for step in self.steps)
        verb = "is" if len(self.steps) == 1 else "are"
        what = f"{names} {verb} {'done again' if done else 'to be done again'}" if names else "its steps stay"
        return f"{about.shown} {clean_line(about.title)}: {what}; the task is {_words(self.to)}"

    @property
    def copied(self) -> tuple[str, ...]:
        """Of files that were copied out, which going back leaves alone, that they stay where they are."""
        steps = self.present.steps if self.present is not None else ()
        done = (step.spec.to for step in steps if step.spec.kind == StepKind.COPY and step.state is StepState.DONE)
        return tuple(f"What was copied to {clean_line(to)} stays there" for to in dict.fromkeys(done))


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What going back does, as it was seen."""

    kind: CheckpointKind
    checkpoint: Checkpoint
    group: Group
    subject: str
    """What is gone back to, or undone, in a sentence."""
    task_id: str
    files: tuple[FileStep, ...]
    tasks: tuple[TaskStep, ...]
    session: Mapping[str, bytes] = field(default_factory=dict)
    """The conversation, where it comes back as a new one."""
    session_gone: str = ""
    """The id of the conversation that had come back as a new one, and is removed again."""
    stays: tuple[str, ...] = ()
    """What had come back as a new one and is not taken back, a sentence each."""

    @property
    def empty(self) -> bool:
        """Whether all is as it was kept."""
        return not (self.files or self.tasks or self.session or self.session_gone or self.stays)

    def summary(self, *, before: str = "", made: str = "") -> Restoration:
        """For the user."""
        states = [one.sentence for one in self.tasks]
        if self.session:
            states.append("The conversation comes back as a new one beside the present one")
        if self.session_gone:
            states.append("The conversation that had come back as a new one is removed")
        states += [sentence for one in self.tasks for sentence in one.copied]
        states += self.stays
        files = shown(self.files)
        if not made:  # nobody knows the new ones yet
            old = {one.new_id: one.recorded.task.id for one in self.tasks if one.present is None}
            files = tuple(replace(file, task_id=old.get(file.task_id, file.task_id)) for file in files)
        return Restoration(self.checkpoint, files, tuple(states), before, made)


class Restorer:
    """Sees what going back does, and does it.

    Args:
        writer: makes the checkpoints and reads them.
        tasks: gives the tasks as they are now, which are made after this.
        sessions: gives who takes conversations in.
    """

    def __init__(
        self, writer: CheckpointWriter, tasks: Callable[[], LiveTasks], sessions: Callable[[], LiveSessions]
    ) -> None:
        self._writer = writer
        self._tasks = tasks
        self._sessions = sessions

    async def to_checkpoint(self, checkpoint: Checkpoint, task_id: str, file: str) -> RestorePlan:
        """The way to a checkpoint.

        Args:
            checkpoint: which.
            task_id: only this task; empty for all.
            file: only this file of it; empty for all.
        Raises:
            NoSuchCheckpoint: it does not hold that.
            CheckpointFailed, BadFileName: it cannot be gone.
        """
        kept = await self._read(checkpoint)
        ids = [detail.task.id for detail in kept.tasks if task_id in ("", detail.task.id)]
        if task_id and not ids:
            raise NoSuchCheckpoint("That task is not in this checkpoint.")
        wanted = {
            key: kept.files.get(key)
            for key in kept.files.keys() | kept.written.keys()
            if key[0] in ids and file in ("", shown_path(key[1]))
        }
        if file and not wanted:
            raise NoSuchCheckpoint(f"{clean_line(file)} is not in this checkpoint.")
        seen = [] if file else [await self._task_step(one) for one in kept.tasks if one.task.id in ids]
        tasks = [one for one in seen if one is not None]
        # What is a new task has a folder of its own: in that of the old one stands what its other plan has given.
        folders = {one.recorded.task.id: one.new_id for one in tasks if one.present is None}
        wanted = {(folders.get(of, of), path): entry for (of, path), entry in wanted.items()}
        steps = await self._steps(checkpoint, wanted, kept.written)
        session = {} if file or task_id else await self._session(checkpoint, kept.session)
        if session:
            session = state.titled(session, f"{_title_of(session)} ({moment(checkpoint.at)})")
        what = f"{file} of " if file else ""
        return RestorePlan(
            CheckpointKind.RESTORE,
            checkpoint,
            Group(checkpoint.group, checkpoint.session_id),
            f"{what}{place_name(checkpoint)}",
            task_id,
            steps,
            tuple(tasks),
            session,
        )

    async def back_by(self, operation: Checkpoint, *, again: bool) -> RestorePlan:
        """The way back by one operation, or forth again.

        Args:
            operation: a step that was done, or a restoration.
            again: forth.
        Raises:
            CheckpointFailed, BadFileName: it cannot be gone.
        """
        kept = await self._read(operation)
        before, after = (kept.after, kept.before) if again else (kept.before, kept.after)
        changed = before.keys() | after.keys()
        wanted = {key: before.get(key) for key in changed}
        recorded = {key: after.get(key) for key in changed}
        steps = await self._steps(operation, wanted, recorded)
        session, gone, stays = dict[str, bytes](), "", list[str]()
        if operation.kind is not CheckpointKind.RESTORE:
            tasks = [await self._operation_step(operation, one, again=again) for one in kept.tasks]
        elif again:
            of_all = {one.task.id: one for one in (*kept.tasks, *kept.tasks_after)}
            new = {one.task.id for one in kept.tasks_after}
            concerned = (one for id_, one in of_all.items() if operation.task_id in ("", id_) or id_ in new)
            tasks = [await self._task_step(one) for one in concerned]
            if kept.session_after and await self._writer.session_files(_id_of(kept.session_after)) is None:
                session = kept.session_after
        else:
            tasks = [await self._task_step(one) for one in kept.tasks_before]
            tasks += [await self._taken_back(one, stays) for one in kept.tasks_after]
            gone = await self._session_gone(kept.session_after, stays)
        return RestorePlan(
            CheckpointKind.REDO if again else CheckpointKind.UNDO,
            operation,
            Group(operation.group, operation.session_id),
            operation_name(operation),
            operation.task_id,
            steps,
            tuple(one for one in tasks if one is not None),
            session,
            gone,
            tuple(stays),
        )

    async def hold(self, plan: RestorePlan) -> None:
        """Bring the tasks of a plan to rest."""
        for one in plan.tasks:
            if one.present is not None:
                await self._tasks().hold(one.present.task.id)

    async def go(self, plan: RestorePlan) -> Restoration:
        """Keep the present, do what was seen, and keep what came of it.

        Raises:
            CheckpointFailed: the present could not be kept, and nothing was changed; or what was kept cannot be read.
            WrongState: a task was resumed meanwhile; what was changed before it can be gone back from.
            FileNotSaved: a file could not be written; the present is kept.
        """
        if plan.empty:
            return plan.summary()
        words = {
            CheckpointKind.UNDO: ("before the undo of", "undone:"),
            CheckpointKind.REDO: ("before the redo of", "done again:"),
        }
        ahead, behind = words.get(plan.kind, ("before going back to", "back to"))
        writer, group = self._writer, plan.group
        first = Operation(CheckpointKind.BEFORE, f"{ahead} {plan.subject}", plan.task_id)
        present = await self._kept_where_there(group, first)
        await writer.work(lambda: writer.repository.check_room())
        await self._check(plan.checkpoint, plan.files)  # damage that was found meanwhile may have had all set aside
        tasks_before = tuple(one.present for one in plan.tasks if one.present is not None)
        what = f"{behind} {plan.subject}"
        new_tasks, new_session = list[TaskDetail](), dict[str, bytes]()
        for one in plan.tasks:
            if one.present is None:
                added = await self._tasks().add_again(one.recorded, what, id_=one.new_id)
                new_tasks.append(await self._tasks().get(added.id))
            else:
                await self._tasks().put_back(one.recorded.task.id, one.steps, one.to, _result(one), what)
        for session in await self._sessions().import_(state.session_export(plan.session)) if plan.session else ():
            new_session = await writer.session_files(session.id) or {}
        if plan.session_gone:
            with suppress(NoSuchSession):  # it was deleted elsewhere meanwhile
                await self._sessions().delete(plan.session_gone)
        done = await writer.work(carry_out, plan.files, writer.repository.content, writer.folders.of)
        written = [step for step in done if step.action.value in ("write", "remove")]
        operation = Operation(
            plan.kind,
            what,
            plan.task_id,
            plan.checkpoint.step,
            plan.checkpoint.id,
            await writer.work(self._stood, written),
            {step.key: step.want for step in written},
            tasks_before,
            new_tasks,
            new_session,
        )
        made = await self._kept_where_there(group, operation)
        plan = replace(plan, files=done)
        return plan.summary(before=present.id if present else "", made=made.id if made else "")

    async def _kept_where_there(self, group: Group, operation: Operation) -> Checkpoint | None:
        """A checkpoint of a group; None where its only task is not there (any more): then it has no present."""
        before = operation.kind is CheckpointKind.BEFORE
        try:
            return await self._writer.make(group, operation, always=not before)
        except NoSuchTask:
            return None

    async def _read(self, checkpoint: Checkpoint) -> _Kept:
        """All that a checkpoint holds and that its group has recorded last."""
        with naming(checkpoint):
            return await self._writer.work(self._kept, checkpoint)

    async def _steps(
        self, checkpoint: Checkpoint, wanted: Mapping[FileKey, Entry | None], recorded: Mapping[FileKey, Entry | None]
    ) -> tuple[FileStep, ...]:
        """As `file_steps`; what is to be written can be read."""
        steps = await self._writer.work(file_steps, wanted, recorded, self._writer.folders.of)
        await self._check(checkpoint, steps)
        return steps

    async def _check(self, checkpoint: Checkpoint, steps: tuple[FileStep, ...]) -> None:
        """See that what is to be written can be read, before anything is changed."""
        ids = [step.want[1] for step in steps if step.want is not None]
        with naming(checkpoint):
            await self._writer.work(lambda: self._writer.repository.verify(ids))

    def _stood(self, written: list[FileStep]) -> dict[FileKey, Entry | None]:
        """What stood in files that were written over: it was kept with the present; on the thread."""
        return {step.key: (FILE_MODE, step.have.encode()) if step.have else None for step in written}

    def _kept(self, checkpoint: Checkpoint) -> _Kept:
        """All that a checkpoint holds and that its group has recorded last; on the thread."""
        repository = self._writer.repository
        tree = repository.tree_of(checkpoint.id)
        content = repository.content

        def files(where: str) -> dict[FileKey, Entry]:
            return self._writer.files_of(tree, where)

        def tasks(where: str) -> tuple[TaskDetail, ...]:
            return tuple(state.task_from(content(id_)) for _, id_ in repository.entries(tree, where).values())

        def session(where: str) -> dict[str, bytes]:
            return {name: content(id_) for name, (_, id_) in repository.entries(tree, where).items()}

        return _Kept(
            files(state.FILES),
            self._written(checkpoint.group),
            files(f"{state.BEFORE}/{state.FILES}"),
            files(f"{state.AFTER}/{state.FILES}"),
            tasks(state.TASKS),
            tasks(f"{state.BEFORE}/{state.TASKS}"),
            tasks(f"{state.AFTER}/{state.TASKS}"),
            session(state.SESSION),
            session(f"{state.AFTER}/{state.SESSION}"),
        )

    def _written(self, group: str) -> dict[FileKey, Entry | None]:
        """Files of a group that may be written over or removed where they stand as here; on the thread.

        That is what a step or going back has written last, and what the user wished to be kept. What a person changed
        or added is not among it, although a checkpoint of the present has it: None stands for what they changed.
        """
        repository, all_ = self._writer.repository, self._writer.of_group(group)
        if not all_:
            return {}
        ours = [one for one in all_ if one.kind not in KEPT_FOR_ITSELF]
        changed = {(each.task_id, each.path): each.after for one in ours for each in one.changes}
        last = repository.tree_of(all_[-1].id)
        tasks = (state.task_from(repository.content(id_)) for _, id_ in repository.entries(last, state.TASKS).values())
        declared = {(detail.task.id, name) for detail in tasks for name in declared_files(detail)}
        wished = [self._wished(one) for one in all_ if one.kind is CheckpointKind.KEPT]
        found: dict[FileKey, Entry | None] = {}
        for key, entry in self._writer.files_of(last).items():
            after = changed.get((key[0], shown_path(key[1])))
            known = after is not None or key in declared
            # Of what was declared and is older than all checkpoints nobody knows who wrote it last.
            is_ours = after == hash_of(entry) if after is not None else known
            if is_ours or any(hash_of(kept.get(key)) == hash_of(entry) for kept in wished):
                found[key] = entry
            elif known:
                found[key] = None
        return found

    def _wished(self, checkpoint: Checkpoint) -> dict[FileKey, Entry]:
        """The files that the user wished to be kept; none where that cannot be read any more; on the thread."""
        try:
            return self._writer.files_of(self._writer.repository.tree_of(checkpoint.id))
        except CheckpointDamaged as error:
            log.warning("what was kept in %s is taken for changed: %s", checkpoint.id, error.sentence)
            return {}

    async def _task_step(self, recorded: TaskDetail) -> TaskStep | None:
        """What becomes of a task that goes back as a whole; None where it is as it was."""
        present = await self._present(recorded.task.id)
        if present is None or present.plan != recorded.plan:
            new_id = recorded.task.id if present is None else random_id()
            return TaskStep(recorded, recorded.steps, _state_of(recorded.steps, recorded), None, new_id)
        now = {step.spec.key: step for step in present.steps}
        steps = tuple(step for step in recorded.steps if not _same(step, now[step.spec.key]))
        after = [{step.spec.key: step for step in steps}.get(key, step) for key, step in now.items()]
        to = _state_of(after, recorded)
        if not steps and (to is present.task.state or present.task.is_open):
            return None
        return TaskStep(recorded, steps, to, present)

    async def _taken_back(self, new: TaskDetail, stays: list[str]) -> TaskStep | None:
        """What becomes of a task that had come back as a new one; None where it is gone or cancelled already, and where
        something was done with it since: that is told in `stays`."""
        present = await self._present(new.task.id)
        if present is None or present.task.state is TaskState.CANCELLED:
            return None
        now = {step.spec.key: step for step in present.steps}
        if present.plan != new.plan or not all(_same(step, now[step.spec.key]) for step in new.steps):
            about = present.task
            stays.append(f"{about.shown} {clean_line(about.title)}: it went on since it came back, and stays as it is")
            return None
        steps = tuple(Step(one.spec) for one in present.steps if not _same(Step(one.spec), one))
        return TaskStep(new, steps, TaskState.CANCELLED, present, came_back=True)

    async def _session_gone(self, new: dict[str, bytes], stays: list[str]) -> str:
        """The id of a conversation that had come back as a new one and is to go; empty where there is none, and where
        something was done with it since: that is told in `stays`."""
        if not new:
            return ""
        id_ = _id_of(new)
        present = await self._writer.session_files(id_)
        if present is None:
            return ""
        if state.same_session(present, new) and not await self._writer.tasks_of(id_):
            return id_
        stays.append(f"{_title_of(present)}: the conversation went on since it came back, and stays")
        return ""

    async def _operation_step(self, operation: Checkpoint, recorded: TaskDetail, *, again: bool) -> TaskStep | None:
        """What becomes of a task with one of its steps, or without it."""
        if recorded.task.id != operation.task_id:
            return None
        present = await self._present(recorded.task.id)
        done = next((step for step in recorded.steps if step.spec.key == operation.step), None)
        now = next((step for step in present.steps if step.spec.key == operation.step), None) if present else None
        if present is None or done is None or now is None or now.spec != done.spec:
            return None
        want = done if again else Step(done.spec)
        if _same(want, now):
            return None
        after = [want if step.spec.key == operation.step else step for step in present.steps]
        return TaskStep(recorded, (want,), _state_of(after, None), present)

    async def _present(self, task_id: str) -> TaskDetail | None:
        try:
            return await self._tasks().get(task_id)
        except NoSuchTask:
            return None

    async def _session(self, checkpoint: Checkpoint, kept: dict[str, bytes]) -> dict[str, bytes]:
        """The conversation of a checkpoint, where the present one is another."""
        if not kept:
            return {}
        present = await self._writer.session_files(checkpoint.session_id)
        return {} if present is not None and _talk(present) == _talk(kept) else kept


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a checkpoint holds, by task and path."""

    files: dict[FileKey, Entry]
    written: dict[FileKey, Entry | None]
    """The files of the group that are as they were written, or None where a person changed them."""
    before: dict[FileKey, Entry]
    after: dict[FileKey, Entry]
    tasks: tuple[TaskDetail, ...]
    tasks_before: tuple[TaskDetail, ...]
    tasks_after: tuple[TaskDetail, ...]
    session: dict[str, bytes]
    session_after: dict[str, bytes]


def _talk(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The messages of a conversation: that it was opened again is no difference."""
    return {name: content for name, content in files.items() if name != state.SESSION_HEAD}


def _title_of(files: Mapping[str, bytes]) -> str:
    return state.session_from(files.get(state.SESSION_HEAD, b"")).title


def _id_of(files: Mapping[str, bytes]) -> str:
    return state.session_from(files.get(state.SESSION_HEAD, b"")).id


def _same(one: Step, other: Step) -> bool:
    """Whether two steps say the same; one that waits to be done again has no text of its own."""
    if StepState.DONE not in (one.state, other.state):
        return one.text == other.text or not other.text
    return one.state is other.state and one.text == other.text


def _state_of(steps: list[Step] | tuple[Step, ...], recorded: TaskDetail | None) -> TaskState:
    """The state of a task with these steps: what is left to do waits for the user to go on."""
    if all(step.is_over for step in steps):
        return TaskState.DONE
    if recorded is not None and recorded.task.state in (TaskState.FAILED, TaskState.CANCELLED):
        return recorded.task.state
    return TaskState.PAUSED


def _result(one: TaskStep) -> str:
    """What the task has to show with its steps brought back."""
    if one.to is not TaskState.DONE or one.present is None:
        return ""
    steps = {step.spec.key: step for step in (*one.present.steps, *one.steps)}
    texts = {key: step.text for key, step in steps.items() if step.state is StepState.DONE}
    return result_of(Plan(one.present.plan.steps), texts)


def _words(to: TaskState) -> str:
    return "paused, resume it to go on" if to is TaskState.PAUSED else to.value
