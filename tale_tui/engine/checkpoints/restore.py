"""Going back: to a checkpoint, whole or in part, or by one operation. The present is kept first, so that it can be gone
back from that too.

Of what is stored nothing is written over: what a step has now stays among its earlier attempts, a task with another
plan and a conversation come back as new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from tale_tui.domain.checkpoints import Checkpoint, CheckpointKind, Restoration
from tale_tui.domain.conversation import Session
from tale_tui.domain.errors import NoSuchCheckpoint, NoSuchTask
from tale_tui.domain.tasks import Plan, Step, StepKind, StepState, Task, TaskDetail, TaskState
from tale_tui.domain.text import clean_line
from tale_tui.engine.checkpoints import state
from tale_tui.engine.checkpoints.entry import FILE_MODE, Entry, FileKey, hash_of, shown_path
from tale_tui.engine.checkpoints.going_back import FileStep, carry_out, file_steps, shown
from tale_tui.engine.checkpoints.keeper import CheckpointKeeper, Group, Operation, declared_files
from tale_tui.engine.tasks.interpreter import result_of
from tale_tui.formatting.units import moment


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

    async def add_again(self, detail: TaskDetail, what: str) -> Task:
        """A new task with the plan and the steps of one that is not there any more, or has another plan now."""
        ...


class LiveSessions(Protocol):
    """The conversations; done by the service for them."""

    async def import_(self, text: str) -> tuple[Session, ...]:
        """Take an exported conversation in, as a new one where its id is taken."""
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

    @property
    def sentence(self) -> str:
        """For the user."""
        about = self.recorded.task
        if self.present is None:
            return f"{clean_line(about.title)}: comes back as a new task, {_words(self.to)}"
        about = self.present.task
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
        return tuple(f"what was copied to {clean_line(to)} stays there" for to in dict.fromkeys(done))


@dataclass(frozen=True, slots=True)
class Way:
    """What going back does, as it was seen."""

    kind: CheckpointKind
    checkpoint: Checkpoint
    group: Group
    message: str
    task_id: str
    files: tuple[FileStep, ...]
    tasks: tuple[TaskStep, ...]
    session: Mapping[str, bytes] = field(default_factory=dict)
    """The conversation, where it comes back as a new one."""

    @property
    def empty(self) -> bool:
        """Whether all is as it was kept."""
        return not (self.files or self.tasks or self.session)

    def told(self, *, before: str = "", made: str = "") -> Restoration:
        """For the user."""
        states = [one.sentence for one in self.tasks]
        if self.session:
            states.append("the conversation comes back as a new one beside the present one")
        states += [sentence for one in self.tasks for sentence in one.copied]
        return Restoration(self.checkpoint, shown(self.files), tuple(states), before, made)


class Restorer:
    """Sees what going back does, and does it.

    Args:
        keeper: makes the checkpoints and reads them.
        tasks: gives the tasks as they are now, which are made after this.
        sessions: gives who takes conversations in.
    """

    def __init__(
        self, keeper: CheckpointKeeper, tasks: Callable[[], LiveTasks], sessions: Callable[[], LiveSessions]
    ) -> None:
        self._keeper = keeper
        self._tasks = tasks
        self._sessions = sessions

    async def to_checkpoint(self, checkpoint: Checkpoint, task_id: str, file: str) -> Way:
        """The way to a checkpoint.

        Args:
            checkpoint: which.
            task_id: only this task; empty for all.
            file: only this file of it; empty for all.
        Raises:
            NoSuchCheckpoint: it does not hold that.
            CheckpointFailed, BadFileName: it cannot be gone.
        """
        kept = await self._keeper.work(self._kept, checkpoint)
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
        steps = await self._keeper.work(file_steps, wanted, kept.written, self._keeper.folders.of)
        tasks = [] if file else [await self._task_step(one) for one in kept.tasks if one.task.id in ids]
        session = {} if file or task_id else await self._session(checkpoint, kept.session)
        what = f"{file} of " if file else ""
        return Way(
            CheckpointKind.RESTORE,
            checkpoint,
            Group(checkpoint.group, checkpoint.session_id),
            f"{what}{moment(checkpoint.at)}, {checkpoint.message}",
            task_id,
            steps,
            tuple(one for one in tasks if one is not None),
            session,
        )

    async def back_by(self, operation: Checkpoint, *, again: bool) -> Way:
        """The way back by one operation, or forth again.

        Args:
            operation: a step that was done, or a restoration.
            again: forth.
        Raises:
            CheckpointFailed, BadFileName: it cannot be gone.
        """
        kept = await self._keeper.work(self._kept, operation)
        before, after = (kept.after, kept.before) if again else (kept.before, kept.after)
        changed = before.keys() | after.keys()
        wanted = {key: before.get(key) for key in changed}
        recorded = {key: after.get(key) for key in changed}
        steps = await self._keeper.work(file_steps, wanted, recorded, self._keeper.folders.of)
        tasks = [await self._operation_step(operation, one, again=again) for one in kept.tasks]
        if operation.kind is CheckpointKind.RESTORE and not again:
            tasks = [await self._task_step(one) for one in kept.tasks_before]
        return Way(
            CheckpointKind.REDO if again else CheckpointKind.UNDO,
            operation,
            Group(operation.group, operation.session_id),
            operation.message,
            operation.task_id,
            steps,
            tuple(one for one in tasks if one is not None),
        )

    async def hold(self, way: Way) -> None:
        """Bring the tasks of a way to rest."""
        for one in way.tasks:
            if one.present is not None:
                await self._tasks().hold(one.present.task.id)

    async def go(self, way: Way) -> Restoration:
        """Keep the present, do what was seen, and keep what came of it.

        Raises:
            CheckpointFailed: the present could not be kept, and nothing was changed; or what was kept cannot be read.
            WrongState: a task was resumed meanwhile; what was changed before it can be gone back from.
            FileNotSaved: a file could not be written; the present is kept.
        """
        if way.empty:
            return way.told()
        words = {
            CheckpointKind.UNDO: ("before the undo of", "undone:"),
            CheckpointKind.REDO: ("before the redo of", "done again:"),
        }
        ahead, behind = words.get(way.kind, ("before going back to", "back to"))
        keeper, group = self._keeper, way.group
        subject = _without_lead(way.message)
        first = Operation(CheckpointKind.BEFORE, f"{ahead} {subject}", way.task_id)
        present = await self._kept_where_there(group, first)
        await keeper.work(lambda: keeper.repository.check_room())
        tasks_before = tuple(one.present for one in way.tasks if one.present is not None)
        what = f"{behind} {subject}"
        for one in way.tasks:
            if one.present is None:
                await self._tasks().add_again(one.recorded, what)
            else:
                await self._tasks().put_back(one.recorded.task.id, one.steps, one.to, _result(one), what)
        if way.session:
            title = f"{_title_of(way.session)} ({moment(way.checkpoint.at)})"
            await self._sessions().import_(state.session_export(dict(way.session), title))
        done = await keeper.work(carry_out, way.files, keeper.repository.content, keeper.folders.of)
        written = [step for step in done if step.action.value in ("write", "remove")]
        operation = Operation(
            way.kind,
            what,
            way.task_id,
            way.checkpoint.step,
            way.checkpoint.id,
            await keeper.work(self._stood, written),
            {step.key: step.want for step in written},
            tasks_before,
        )
        made = await self._kept_where_there(group, operation)
        way = replace(way, files=done)
        return way.told(before=present.id if present else "", made=made.id if made else "")

    async def _kept_where_there(self, group: Group, operation: Operation) -> Checkpoint | None:
        """A checkpoint of a group; None where its only task is not there (any more): then it has no present."""
        before = operation.kind is CheckpointKind.BEFORE
        try:
            return await self._keeper.make(group, operation, always=not before)
        except NoSuchTask:
            return None

    def _stood(self, written: list[FileStep]) -> dict[FileKey, Entry | None]:
        """What stood in files that were written over: it was kept with the present; on the thread."""
        return {step.key: (FILE_MODE, step.have.encode()) if step.have else None for step in written}

    def _kept(self, checkpoint: Checkpoint) -> _Kept:
        """All that a checkpoint holds and that its group has recorded last; on the thread."""
        repository = self._keeper.repository
        tree = repository.tree_of(checkpoint.id)
        content = repository.content

        def files(where: str) -> dict[FileKey, Entry]:
            return self._keeper.files_of(tree, where)

        def tasks(where: str) -> tuple[TaskDetail, ...]:
            return tuple(state.task_from(content(id_)) for _, id_ in repository.entries(tree, where).values())

        session = {name: content(id_) for name, (_, id_) in repository.entries(tree, state.SESSION).items()}
        return _Kept(
            files(state.FILES),
            self._written(checkpoint.group),
            files(f"{state.BEFORE}/{state.FILES}"),
            files(f"{state.AFTER}/{state.FILES}"),
            tasks(state.TASKS),
            tasks(f"{state.BEFORE}/{state.TASKS}"),
            session,
        )

    def _written(self, group: str) -> dict[FileKey, Entry | None]:
        """Files of a group that may be written over or removed where they stand as here; on the thread.

        That is what a step or going back has written last, and what the user wished to be kept. What a person changed
        or added is not among it, although a checkpoint of the present has it: None stands for what they changed.
        """
        repository, all_ = self._keeper.repository, self._keeper.of_group(group)
        if not all_:
            return {}
        changed = {(each.task_id, each.path): each.after for one in all_ for each in one.changes}
        last = repository.tree_of(all_[-1].id)
        tasks = (state.task_from(repository.content(id_)) for _, id_ in repository.entries(last, state.TASKS).values())
        declared = {(detail.task.id, name) for detail in tasks for name in declared_files(detail)}
        wished = [self._keeper.files_of(repository.tree_of(one.id)) for one in all_ if one.kind is CheckpointKind.KEPT]
        found: dict[FileKey, Entry | None] = {}
        for key, entry in self._keeper.files_of(last).items():
            after = changed.get((key[0], shown_path(key[1])))
            known = after is not None or key in declared
            # Of what was declared and is older than all checkpoints nobody knows who wrote it last.
            ours = after == hash_of(entry) if after is not None else known
            if ours or any(hash_of(kept.get(key)) == hash_of(entry) for kept in wished):
                found[key] = entry
            elif known:
                found[key] = None
        return found

    async def _task_step(self, recorded: TaskDetail) -> TaskStep | None:
        """What becomes of a task that goes back as a whole; None where it is as it was."""
        present = await self._present(recorded.task.id)
        if present is None or present.plan != recorded.plan:
            return TaskStep(recorded, recorded.steps, _state_of(recorded.steps, recorded), None)
        now = {step.spec.key: step for step in present.steps}
        steps = tuple(step for step in recorded.steps if not _same(step, now[step.spec.key]))
        after = [{step.spec.key: step for step in steps}.get(key, step) for key, step in now.items()]
        to = _state_of(after, recorded)
        if not steps and (to is present.task.state or present.task.is_open):
            return None
        return TaskStep(recorded, steps, to, present)

    async def _operation_step(self, operation: Checkpoint, recorded: TaskDetail, *, again: bool) -> TaskStep | None:
        """What becomes of a task with one operation, or without it."""
        if operation.kind is CheckpointKind.RESTORE:
            return await self._task_step(recorded) if operation.task_id in ("", recorded.task.id) else None
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

    async def _session(self, checkpoint: Checkpoint, kept: dict[str, bytes]) -> Mapping[str, bytes]:
        """The conversation of a checkpoint, where the present one is another."""
        if not kept:
            return {}
        present = await self._keeper.session_files(checkpoint.session_id)
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
    session: dict[str, bytes]


def _talk(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The messages of a conversation: that it was opened again is no difference."""
    return {name: content for name, content in files.items() if name != state.SESSION_HEAD}


def _title_of(files: Mapping[str, bytes]) -> str:
    return state.session_from(files.get(state.SESSION_HEAD, b"")).title


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


def _without_lead(message: str) -> str:
    """What a step is called in a sentence about it: `after 3, Routes` is `3, Routes`."""
    return message.removeprefix("after ")
