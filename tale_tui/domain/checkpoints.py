"""Checkpoints: what was kept of a conversation, its tasks and their files, and what going back would do. Frozen data.

Times are seconds since the epoch (UTC). Paths have `/` between their parts and are relative to the folder of a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tale_tui.domain.conversation import Session
from tale_tui.domain.tasks import Task


class CheckpointKind(StrEnum):
    """Why a checkpoint was made."""

    STEP = "step"
    """A step is done."""
    INSIDE = "inside"
    """A step has been at work for a while."""
    KEPT = "kept"
    """The user wished it."""
    BEFORE = "before"
    """Something is about to be brought back: the present."""
    RESTORE = "restore"
    UNDO = "undo"
    REDO = "redo"


class SkipReason(StrEnum):
    """Why a file is in no checkpoint."""

    TOO_LARGE = "too large"
    LINK = "a link"
    REPOSITORY = "a repository of its own"
    IGNORED = "ignored"
    NO_FILE = "no ordinary file"


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file, or a folder with all that is in it, that was left out."""

    task_id: str
    path: str
    reason: SkipReason
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class FileChange:
    """What became of one file."""

    task_id: str
    path: str
    before: str = ""
    """The hash of its content before, as git names it; empty: it was not there."""
    after: str = ""
    """The same afterwards; empty: it is not there any more."""
    lines: int | None = None
    """How many lines it has afterwards, or had; None where it is no text or nobody counted."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was kept at one moment, as a list shows it."""

    id: str
    """The hash of its commit, of 40 digits."""
    at: float
    number: int
    """Rises with each that was made on this machine; tells those of one moment apart."""
    kind: CheckpointKind
    message: str
    """What it is, for people, on one line."""
    group: str
    """What is kept together: the id of a conversation, or of a task that belongs to none."""
    session_id: str = ""
    task_id: str = ""
    """The task that it was made for; empty where all of the group is meant."""
    step: str = ""
    """The key of the step that was done."""
    of: str = ""
    """The checkpoint that was undone or done again."""
    changes: tuple[FileChange, ...] = ()
    """What it stands for: the files that the step, or going back, has written and removed; of a moment that was kept
    for itself, the files that differ from the checkpoint before it."""
    skipped: tuple[SkippedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckpointScope:
    """Of what checkpoints are meant: of a task, of a conversation, or of everything where neither is given."""

    task_id: str = ""
    session_id: str = ""
    title: str = ""
    """What that is called; foreign text."""


@dataclass(frozen=True, slots=True)
class CheckpointList:
    """The checkpoints of this machine, the newest first."""

    checkpoints: tuple[Checkpoint, ...]
    kept: int
    """How many there are in all."""
    size_bytes: int
    budget_bytes: int
    damaged: tuple[str, ...] = ()
    """The ids of those that cannot be read any more."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file in a checkpoint."""

    task_id: str
    path: str
    hash: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CheckpointDetail:
    """All that a checkpoint holds."""

    checkpoint: Checkpoint
    session: Session | None
    """The conversation as it was then."""
    tasks: tuple[Task, ...]
    """Its tasks as they were then."""
    files: tuple[KeptFile, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """How a file differs between two moments."""

    change: FileChange
    text: str | None = None
    """Unified diff, empty where no line differs; None where one of them is no text, or is too long."""
    added: int = 0
    """Lines."""
    removed: int = 0

    @property
    def mode_only(self) -> bool:
        """Whether the content is the same, and only whether the file can be run is another thing."""
        return self.change.before == self.change.after


@dataclass(frozen=True, slots=True)
class CheckpointDiff:
    """What differs between two checkpoints, or between one and the present."""

    since: str
    until: str
    """Empty for the present."""
    files: tuple[FileDiff, ...]
    tasks: tuple[str, ...]
    """What differs of tasks, a sentence each."""


class RestoreAction(StrEnum):
    """What is done with a file."""

    WRITE = "write"
    REMOVE = "remove"
    CONFLICT = "conflict"
    """It was changed since by somebody else. It stays, and what was kept is written beside it."""


@dataclass(frozen=True, slots=True)
class RestoreFile:
    """One file that is not as it was kept."""

    task_id: str
    path: str
    action: RestoreAction
    beside: str = ""
    """Of a conflict: the name under which what was kept is written; empty where it was a removal."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What going back does, or did."""

    checkpoint: Checkpoint
    """What is gone back to; of an undo and a redo: what is taken back or done again."""
    files: tuple[RestoreFile, ...] = ()
    states: tuple[str, ...] = ()
    """What becomes of tasks and the conversation, a sentence each."""
    before: str = ""
    """The checkpoint of the present that was made first; empty in a preview, and where nothing differs."""
    made: str = ""
    """The checkpoint that tells that this was done; empty as `before`."""

    @property
    def empty(self) -> bool:
        """Whether everything is as it was kept."""
        return not self.files and not self.states

    @property
    def conflicts(self) -> tuple[RestoreFile, ...]:
        """Files that somebody changed since, which stay."""
        return tuple(file for file in self.files if file.action is RestoreAction.CONFLICT)


@dataclass(frozen=True, slots=True)
class BundleImport:
    """What came in with a bundle."""

    taken: int
    """Checkpoints that were not here."""
    known: int
    """Those that were."""
