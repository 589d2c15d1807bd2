"""Makes checkpoints and knows those that there are. The work is done on one thread of its own, one thing after another.

A checkpoint is counted when all of it was read back; one that cannot be made leaves those before it as they are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tale_tui.config.settings import CheckpointSettings
from tale_tui.domain.checkpoints import BundleImport, Checkpoint, CheckpointKind, FileChange, SkippedFile
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import (
    CHECKPOINT_HASH_SHOWN,
    CHECKPOINT_LOOSE_MAX,
    CHECKPOINT_MESSAGE_CHARACTERS,
    CHECKPOINT_TIDY_S,
    MEGABYTE,
)
from tale_tui.domain.conversation import Session
from tale_tui.domain.errors import BadBundle, CheckpointDamaged, CheckpointFailed, NoSuchCheckpoint, NoSuchSession
from tale_tui.domain.events import Fact, Notice
from tale_tui.domain.tasks import Task, TaskDetail
from tale_tui.domain.text import clean_line
from tale_tui.engine.checkpoints import state
from tale_tui.engine.checkpoints.entry import FILE_MODE, Entry, FileKey, content_hash, hash_of, shown_path
from tale_tui.engine.checkpoints.folder import FolderReader, FolderScan
from tale_tui.engine.checkpoints.history import in_order, over_budget, too_old
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.step_files import TaskFolders
from tale_tui.formatting.units import size

if TYPE_CHECKING:
    from tale_tui.engine.checkpoints.repository import CheckpointRepository

log = logging.getLogger(__name__)

T = TypeVar("T")

KEPT_FOR_ITSELF = frozenset({CheckpointKind.KEPT, CheckpointKind.BEFORE, CheckpointKind.INSIDE})
"""Kinds that stand for a moment, and for no change of ours: what changed was done by somebody else, or is half done."""
_LOOKS_AT_SIZE = 20
"""Checkpoints between two looks at the room that they take."""
_DROPPED_PART = 4
"""Where room is short, one part in so many of the checkpoints goes at a time."""


@dataclass(frozen=True, slots=True)
class Group:
    """What is kept together: a conversation with its tasks, or a task that belongs to none."""

    id: str
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a checkpoint stands for."""

    kind: CheckpointKind
    message: str
    task_id: str = ""
    step: str = ""
    of: str = ""
    before: Mapping[FileKey, bytes | Entry | None] = field(default_factory=dict)
    """By task and path: what stood in the files that were written or removed; None where nothing did."""
    after: Mapping[FileKey, bytes | Entry | None] = field(default_factory=dict)
    tasks_before: Sequence[TaskDetail] = ()
    """Tasks that were brought back, as they were before."""
    tasks_after: Sequence[TaskDetail] = ()
    """Tasks that came back as new ones."""
    session_after: Mapping[str, bytes] = field(default_factory=dict)
    """The conversation that came back as a new one, as files."""


@dataclass(slots=True)
class Present:
    """A group as it is now, read from the store."""

    group: Group
    session: Session | None
    session_files: dict[str, bytes] | None
    """None: as it was when it was read last."""
    tasks: tuple[Task, ...]
    details: dict[str, TaskDetail]
    """Of the tasks that are not as they were when they were read last."""


@dataclass(slots=True)
class _Read:
    """What was read of the store last, and the hash under which it is kept."""

    sessions: dict[str, tuple[Session, bytes]] = field(default_factory=dict)
    tasks: dict[str, tuple[Task, bytes, tuple[str, ...]]] = field(default_factory=dict)
    """With the paths that the plan declares."""


class CheckpointWriter:
    """See the module. `close` ends it.

    Args:
        path: of the repository.
        store: has the state.
        folders: have the files.
        settings: limits and rules.
        clock: the time.
        publish: takes the facts.
        can_write: False where nothing may be changed.
    """

    def __init__(
        self,
        path: Path,
        store: Store,
        folders: TaskFolders,
        settings: CheckpointSettings,
        clock: Clock,
        publish: Callable[[Fact], None],
        *,
        can_write: bool = True,
    ) -> None:
        self._path = path
        self._can_write = can_write
        self._repository: CheckpointRepository | None = None
        self.folders = folders
        self._store = store
        self._settings = settings
        self._clock = clock
        self._publish = publish
        self._reader = FolderReader(lambda content: self.repository.add(content), int(settings.file_mb * MEGABYTE))
        self._thread = ThreadPoolExecutor(1, "checkpoints")
        self._index: dict[str, Checkpoint] = {}
        self._damaged: set[str] = set()
        self._opened = False
        self._read = _Read()
        self._tidied: float | None = None
        self._made = self._number = 0
        self._measured_at = 0
        """How many were made when the room was looked at last."""
        self._size_bytes = 0

    @property
    def repository(self) -> CheckpointRepository:
        """The repository; open when `work` was awaited once."""
        if self._repository is None:
            raise CheckpointFailed("The checkpoints are not open.")
        return self._repository

    @property
    def budget_bytes(self) -> int:
        """The room that they may take."""
        return self._settings.space_mb * MEGABYTE

    async def close(self) -> None:
        """End what is under way, and close the repository."""
        if self._repository is not None:
            await self._on_thread(self.repository.close)
        await asyncio.to_thread(self._thread.shutdown)

    async def work(self, work: Callable[..., T], *args: object) -> T:
        """Do something with the open repository, on its thread.

        Raises:
            CheckpointFailed: what `work` raised, or it cannot be opened.
        """
        if not self._opened and (aside := await self._on_thread(self._open)):
            self._tell_aside(aside)
        return await self._on_thread(work, *args)

    async def _on_thread(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)

    # what there is

    async def all(self) -> list[Checkpoint]:
        """Every checkpoint, the oldest first."""
        if not self._opened and not self._path.exists():
            return []
        return await self.work(lambda: in_order(self._index.values()))

    @property
    def damaged(self) -> tuple[str, ...]:
        """The ids of those that cannot be read any more."""
        return tuple(sorted(self._damaged))

    async def size_bytes(self) -> int:
        """The room that they take."""
        if self._measured_at != self._made:
            await self.work(self._measure)
        return self._size_bytes

    async def find(self, prefix: str, *, damaged: bool = False) -> Checkpoint:
        """The checkpoint whose hash begins so.

        Args:
            prefix: of the hash.
            damaged: also one that cannot be read any more, of which nothing but its hash is known.
        Raises:
            NoSuchCheckpoint: none, or several.
            CheckpointDamaged: it cannot be read any more.
        """
        wanted = clean_line(prefix).lower()
        known = await self.all()
        lost = [_lost(id_) for id_ in self.damaged]
        found = [one for one in (*known, *lost) if wanted and one.id.startswith(wanted)]
        if len(found) == 1 and found[0] in lost and not damaged:
            with naming(found[0]):
                raise CheckpointDamaged("It cannot be read.")
        if not found:
            raise NoSuchCheckpoint(f"No checkpoint begins with {wanted}: tale-tui checkpoints list shows all of them.")
        if len(found) > 1:
            named = ", ".join(one.id[:CHECKPOINT_HASH_SHOWN] for one in found[:3])
            raise NoSuchCheckpoint(f"Several checkpoints begin with {wanted}: {named}; give more of the hash.")
        return found[0]

    # making one

    async def group_of(self, task_id: str) -> Group:
        """What a task is kept together with.

        Raises:
            NoSuchTask: it is not there.
        """
        session_id = (await self._store.task(task_id)).session_id
        return Group(session_id, session_id) if session_id else Group(task_id)

    async def present(self, group: Group, *, all_anew: bool) -> Present:
        """A group as it is now.

        Args:
            group: which.
            all_anew: read also what looks as it did when it was read last.
        """
        session, files = None, None
        if group.session_id:
            try:
                session = await self._store.session(group.session_id)
            except NoSuchSession:
                session = None
            tasks = await self._store.tasks(session_id=group.session_id) if session else ()
        else:
            tasks = (await self._store.task(group.id),)
        known = self._read
        if session and (all_anew or known.sessions.get(session.id, (None,))[0] != session):
            files = await state.session_files(self._store, session.id)
        details = {
            task.id: await self._store.task_detail(task.id)
            for task in tasks
            if all_anew or known.tasks.get(task.id, (None,))[0] != task
        }
        return Present(group, session, files, tasks, details)

    async def session_files(self, session_id: str) -> dict[str, bytes] | None:
        """A conversation as it is now, as files; None where it is not there."""
        return await state.session_files(self._store, session_id)

    async def tasks_of(self, session_id: str) -> tuple[Task, ...]:
        """The tasks of a conversation."""
        return await self._store.tasks(session_id=session_id)

    async def make(self, group: Group, operation: Operation, *, always: bool = True) -> Checkpoint:
        """Make a checkpoint of the present; a repository that is found damaged is set aside first.

        Args:
            group: of what.
            operation: what it stands for.
            always: also where all is as in the last one of the group, which is returned otherwise.
        Raises:
            CheckpointFailed: it was not made; the sentence says why.
            NoSuchTask: its only task is not there any more.
        """
        careful = operation.kind not in (CheckpointKind.STEP, CheckpointKind.INSIDE)
        present = await self.present(group, all_anew=careful)
        try:
            made = await self.work(self._make, present, operation, always)
        except CheckpointDamaged as error:
            log.warning("the checkpoints are set aside: %s", error.sentence)
            self._tell_aside(await self.work(self._begin_anew))
            present = await self.present(group, all_anew=True)
            made = await self.work(self._make, present, operation, always)
        if (notice := await self.work(self._see_to_room)) is not None:
            self._publish(notice)
        return made

    def _open(self) -> str:
        """Open the repository, and read what is in it; return the name under which a damaged one was set aside."""
        if self._opened:  # another call was before this one on the thread
            return ""
        # With the first checkpoint, and on this thread: the library takes 50 ms.
        from tale_tui.engine.checkpoints.repository import CheckpointRepository

        self._repository = CheckpointRepository(self._path, self._clock.now, can_write=self._can_write)
        aside = self._repository.open()
        for id_ in self.repository.ids():
            try:
                self._index[id_] = self._load(id_)
            except CheckpointDamaged as error:
                log.warning("the checkpoint %s is left out: %s", id_, error.sentence)
                self._damaged.add(id_)
        self._opened = True
        self._number = max((one.number for one in self._index.values()), default=0)
        self._measure()
        return aside

    def _measure(self) -> None:
        self._size_bytes, self._measured_at = self.repository.size_bytes(), self._made

    def _load(self, id_: str) -> Checkpoint:
        found = self.repository.find(self.repository.tree_of(id_), state.ABOUT)
        if found is None:
            raise CheckpointDamaged("It does not say what it is.")
        return state.checkpoint_from(id_, self.repository.content(found[1]))

    async def take_in(self, path: Path) -> BundleImport:
        """Take in the checkpoints of a bundle.

        Raises:
            BadBundle: it is none; nothing was taken in.
            CheckpointFailed: it could not be stored.
        """
        return await self.work(self._take_in, path)

    def _take_in(self, path: Path) -> BundleImport:
        from tale_tui.engine.checkpoints.bundle import read_checkpoints

        bundle = read_checkpoints(path, self.budget_bytes)
        new = [id_ for id_ in bundle.checkpoints if id_ not in self._index]
        try:
            self.repository.take_in(bundle.objects, new)
            self._index.update({id_: self._load(id_) for id_ in new})
        except CheckpointDamaged as error:
            self.repository.drop(new)
            raise BadBundle(f"{clean_line(str(path))} is not whole: {error.sentence}") from error
        return BundleImport(len(new), len(bundle.checkpoints) - len(new))

    def _begin_anew(self) -> str:
        aside = self.repository.set_aside()
        self._reader.forget()
        self._index.clear()
        self._damaged.clear()
        self._read = _Read()
        return aside

    def _tell_aside(self, name: str) -> None:
        sentence = f"They were damaged, and are kept as {name} in the data folder. New ones are made from now on."
        self._publish(Notice("The checkpoints begin anew", sentence, "warning"))

    def last_of(self, group_id: str) -> Checkpoint | None:
        """The newest checkpoint of a group; on the thread."""
        return next(reversed(self.of_group(group_id)), None)

    def files_of(self, tree: bytes, where: str = state.FILES) -> dict[FileKey, Entry]:
        """The files that the tree of a checkpoint has in a folder, by task and path; on the thread."""
        found = self.repository.entries(tree, where)
        parts = {path: path.partition("/") for path in found}
        return {(parts[path][0], parts[path][2]): entry for path, entry in found.items()}

    def of_group(self, group_id: str) -> list[Checkpoint]:
        """The checkpoints of a group, the oldest first; on the thread."""
        return in_order(one for one in self._index.values() if one.group == group_id)

    def state_of(self, present: Present) -> tuple[dict[FileKey, Entry], tuple[TaskDetail, ...]]:
        """The files and the tasks of a group as they are now; on the thread.

        Args:
            present: read with `all_anew`.
        """
        files: dict[FileKey, Entry] = {}
        for detail in present.details.values():
            found = self.scan(detail.task.id, declared_files(detail))
            files |= {(detail.task.id, path): entry for path, entry in found.entries.items()}
        return files, tuple(present.details.values())

    def scan(self, task_id: str, declared: Sequence[str]) -> FolderScan:
        """The files of a task as they are now, kept; on the thread."""
        return self._reader.scan(task_id, self.folders.of(task_id), frozenset(declared))

    def _make(self, present: Present, operation: Operation, always: bool) -> Checkpoint:
        entries, skipped = self._state_entries(present)
        last = self.last_of(present.group.id)
        if not always and last is not None and self._holds(last, entries):
            return last
        of_itself = operation.kind in KEPT_FOR_ITSELF
        changes = self._changes_since(last, entries) if of_itself else changes_of(operation)
        entries |= self._operation_entries(operation)
        about = Checkpoint(
            "",
            self._clock.now(),
            self._number + 1,
            operation.kind,
            clean_line(operation.message, CHECKPOINT_MESSAGE_CHARACTERS),
            present.group.id,
            present.group.session_id,
            operation.task_id,
            operation.step,
            operation.of,
            changes,
            tuple(skipped),
        )
        entries[state.ABOUT] = FILE_MODE, self.repository.add(state.checkpoint_json(about))
        id_ = self.repository.commit(self.repository.add_tree(entries), _commit_message(about), about.at)
        made = self._index[id_] = replace(about, id=id_)
        self._number = about.number
        self._made += 1
        return made

    def _holds(self, checkpoint: Checkpoint, entries: dict[str, Entry]) -> bool:
        """Whether a checkpoint has this state."""
        kept = self.repository.entries(self.repository.tree_of(checkpoint.id))
        state_of = (state.SESSION, state.TASKS, state.FILES)
        return {path: entry for path, entry in kept.items() if path.partition("/")[0] in state_of} == entries

    def _changes_since(self, last: Checkpoint | None, entries: Mapping[str, Entry]) -> tuple[FileChange, ...]:
        """The files that differ from those of a checkpoint, for people; from none, all of them are new."""
        before = {} if last is None else self.files_of(self.repository.tree_of(last.id))
        above = f"{state.FILES}/"
        named = (path.removeprefix(above).partition("/") for path in entries if path.startswith(above))
        after = {(task_id, path): entries[f"{above}{task_id}/{path}"] for task_id, _, path in named}
        return tuple(
            FileChange(key[0], shown_path(key[1]), hash_of(before.get(key)), hash_of(after.get(key)))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        )

    def _state_entries(self, present: Present) -> tuple[dict[str, Entry], list[SkippedFile]]:
        entries: dict[str, Entry] = {}
        skipped: list[SkippedFile] = []
        add, known = self.repository.add, self._read
        if (session := present.session) is not None:
            if present.session_files is not None:
                files = {name: (FILE_MODE, add(text)) for name, text in present.session_files.items()}
                known.sessions[session.id] = session, self.repository.add_tree(files)
            tree = known.sessions[session.id][1]
            entries |= {f"{state.SESSION}/{name}": entry for name, entry in self.repository.entries(tree).items()}
        for task in present.tasks:
            if (detail := present.details.get(task.id)) is not None:
                known.tasks[task.id] = detail.task, add(state.task_json(detail)), declared_files(detail)
            _, id_, declared = known.tasks[task.id]
            entries[f"{state.TASKS}/{task.id}.json"] = FILE_MODE, id_
            found = self.scan(task.id, declared)
            skipped += found.skipped
            entries |= {f"{state.FILES}/{task.id}/{path}": entry for path, entry in found.entries.items()}
        return entries, skipped

    def _operation_entries(self, operation: Operation) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for where, files in ((state.BEFORE, operation.before), (state.AFTER, operation.after)):
            for (task_id, path), kept in files.items():
                if kept is not None:
                    entry = (FILE_MODE, self.repository.add(kept)) if isinstance(kept, bytes) else kept
                    entries[f"{where}/{state.FILES}/{task_id}/{path}"] = entry
        for where, details in ((state.BEFORE, operation.tasks_before), (state.AFTER, operation.tasks_after)):
            for detail in details:
                name = f"{where}/{state.TASKS}/{detail.task.id}.json"
                entries[name] = FILE_MODE, self.repository.add(state.task_json(detail))
        for name, content in operation.session_after.items():
            entries[f"{state.AFTER}/{state.SESSION}/{name}"] = FILE_MODE, self.repository.add(content)
        return entries

    # room

    async def forget(self, ids: Sequence[str]) -> None:
        """Drop checkpoints and give their room back, as far as others that are damaged allow it.

        Raises:
            CheckpointFailed: some of them are there still.
        """
        await self.work(self._drop, ids)
        try:
            await self.work(self._pack)
        except CheckpointDamaged as error:
            log.warning("the room of what was removed is not given back: %s", error.sentence)

    def _forget(self, ids: Sequence[str]) -> None:
        self._drop(ids)
        self._pack()

    def _drop(self, ids: Sequence[str]) -> None:
        self.repository.drop(ids)
        self._damaged.difference_update(ids)
        for id_ in ids:
            self._index.pop(id_, None)

    def _pack(self) -> None:
        self._reader.forget()
        self._read = _Read()
        self.repository.pack()
        self._measure()

    def _see_to_room(self) -> Notice | None:
        """Drop what is too old, and what there is no room for; return what the user should know of it."""
        now = self._clock.now()
        due = self._tidied is None or now - self._tidied >= CHECKPOINT_TIDY_S
        if not due and self._made % _LOOKS_AT_SIZE:
            return None
        try:
            self._measure()
            if due:
                self._tidied = now
                if old := too_old(tuple(self._index.values()), now):
                    self._forget(old)
            if self.repository.loose() > CHECKPOINT_LOOSE_MAX or self._size_bytes > self.budget_bytes:
                self._pack()
            while self._size_bytes > self.budget_bytes and (left := over_budget(tuple(self._index.values()))):
                self._forget(left[: max(1, len(left) // _DROPPED_PART)])
        except CheckpointFailed as error:  # those that there are stay, and the work goes on
            log.warning("no room was made: %s", error.sentence)
            broken = self._first_broken() if isinstance(error, CheckpointDamaged) else ""
            told = f"A part of {broken} is gone or altered, so no room is given back. Remove it: tale-tui checkpoints "
            return Notice(error.title, f"{told}remove {broken}" if broken else error.sentence, "warning")
        if self._size_bytes <= self.budget_bytes:
            return None
        return Notice(
            "The checkpoints take more room than they may",
            f"Those that you keep take {size(self._size_bytes)}, and checkpoints.space_mb allows "
            f"{size(self.budget_bytes)}: remove some, or raise it.",
            "warning",
        )

    def _first_broken(self) -> str:
        """The hash, as it is shown, of a checkpoint of which not all can be read; empty where none is found."""
        for id_ in (*self.damaged, *self._index):
            try:
                entries = self.repository.entries(self.repository.tree_of(id_))
                self.repository.verify(entry[1] for entry in entries.values())
            except CheckpointDamaged:
                return id_[:CHECKPOINT_HASH_SHOWN]
        return ""


@contextmanager
def naming(checkpoint: Checkpoint) -> Iterator[None]:
    """Say which checkpoint it is that is found damaged, and what to do.

    Raises:
        CheckpointDamaged: with that.
    """
    try:
        yield
    except CheckpointDamaged as error:
        log.warning("the checkpoint %s is damaged: %s", checkpoint.id, error.sentence)
        name = checkpoint.id[:CHECKPOINT_HASH_SHOWN]
        message = f" ({clean_line(checkpoint.message)})" if checkpoint.message else ""
        raise CheckpointDamaged(
            f"A part of {name}{message} is gone or altered, so that it cannot be used. Go back to another one, and "
            f"remove this one: tale-tui checkpoints remove {name}"
        ) from error


def _lost(id_: str) -> Checkpoint:
    """A checkpoint of which nothing but its hash can be read."""
    return Checkpoint(id_, 0.0, 0, CheckpointKind.KEPT, "", "")


def declared_files(detail: TaskDetail) -> tuple[str, ...]:
    """The files that the steps of a task give."""
    return tuple(name for spec in detail.plan.steps for name in spec.files)


def changes_of(operation: Operation) -> tuple[FileChange, ...]:
    """The files that an operation has written and removed, for people."""

    def hash_of(kept: bytes | Entry | None) -> str:
        if kept is None:
            return ""
        return content_hash(kept) if isinstance(kept, bytes) else kept[1].decode()

    found = []
    for task_id, path in sorted({*operation.before, *operation.after}):
        before, after = operation.before.get((task_id, path)), operation.after.get((task_id, path))
        text = after if isinstance(after, bytes) else None
        lines = None if text is None or b"\0" in text else text.count(b"\n")
        found.append(FileChange(task_id, shown_path(path), hash_of(before), hash_of(after), lines))
    return tuple(found)


def _commit_message(about: Checkpoint) -> str:
    signs = {(True, True): "M", (False, True): "+", (True, False): "-"}
    lines = [f"{signs[bool(one.before), bool(one.after)]} {one.path}" for one in about.changes]
    lines += [f"left out, {one.reason}: {one.path}" for one in about.skipped]
    return "\n".join([about.message, *(["", *lines] if lines else []), ""])
