"""What going back does to files: seen first, then done. Both block and are called on the thread of the checkpoints.

A file is written or removed only where it is as it was recorded last; what somebody changed since stays, and what was
kept is written beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tale_tui.domain.checkpoints import RestoreAction, RestoreFile
from tale_tui.domain.constants import CHECKPOINT_HASH_SHOWN
from tale_tui.engine.checkpoints.entry import Entry, FileKey, hash_of, shown_path
from tale_tui.engine.checkpoints.folder import place_of, present_hash, remove, write


@dataclass(frozen=True, slots=True)
class FileStep:
    """What is done with one file."""

    task_id: str
    path: str
    action: RestoreAction
    want: Entry | None
    """What is to stand there; None for nothing."""
    have: str
    """The hash of what stands there now; empty for nothing."""
    beside: str = ""

    @property
    def key(self) -> FileKey:
        """Task and path."""
        return self.task_id, self.path


def file_steps(
    wanted: Mapping[FileKey, Entry | None], recorded: Mapping[FileKey, Entry | None], folder_of: Callable[[str], Path]
) -> tuple[FileStep, ...]:
    """What is to be done so that files are as they are wanted.

    Args:
        wanted: by task and path; None where nothing is to stand.
        recorded: what is known to have been there last; a file that is another one now was changed by somebody.
        folder_of: the folder of a task.
    Returns:
        A step for each file that is not as it is wanted.
    Raises:
        BadFileName: a path leads out of its folder.
        CheckpointFailed: a file cannot be read.
    """
    steps = []
    for (task_id, path), want in sorted(wanted.items()):
        have = present_hash(place_of(folder_of(task_id), path))
        if have == hash_of(want):
            continue
        lost = have != "" and have != hash_of(recorded.get((task_id, path)))  # what would be, were it written over
        if have is None or lost:
            steps.append(_conflict(FileStep(task_id, path, RestoreAction.CONFLICT, want, have or "")))
        else:
            action = RestoreAction.REMOVE if want is None else RestoreAction.WRITE
            steps.append(FileStep(task_id, path, action, want, have))
    return tuple(steps)


def carry_out(
    steps: Iterable[FileStep], content: Callable[[bytes], bytes], folder_of: Callable[[str], Path]
) -> tuple[FileStep, ...]:
    """Do what was seen, removals first, as a folder may come where a file was; a file that was changed since then is a
    conflict now.

    Args:
        steps: of `file_steps`.
        content: what was kept under a hash.
        folder_of: the folder of a task.
    Returns:
        What was done.
    Raises:
        FileNotSaved: the system did not allow it; what was done before it stays.
        CheckpointDamaged: what was kept cannot be read.
    """
    removals_first = sorted(steps, key=lambda step: step.action is not RestoreAction.REMOVE)
    done = {step.key: _carried_out(step, content, folder_of(step.task_id)) for step in removals_first}
    return tuple(done[key] for key in sorted(done))


def _carried_out(step: FileStep, content: Callable[[bytes], bytes], folder: Path) -> FileStep:
    if step.action is RestoreAction.REMOVE and remove(folder, step.path, over=step.have):
        return step
    if step.want is None:
        return replace(step, action=RestoreAction.CONFLICT)
    mode, kept = step.want[0], content(step.want[1])
    if step.action is RestoreAction.WRITE and write(folder, step.path, kept, mode, over=step.have):
        return step
    step = _conflict(step)
    there = present_hash(place_of(folder, step.beside)) == hash_of(step.want)
    return step if there or write(folder, step.beside, kept, mode, over="") else replace(step, beside="")


def _conflict(step: FileStep) -> FileStep:
    """The step as a conflict, with the name for what was kept: `app.kept-1a2b3c4d.py`."""
    if step.want is None:
        return replace(step, action=RestoreAction.CONFLICT)
    path = PurePosixPath(step.path)
    name = f"{path.stem}.kept-{hash_of(step.want)[:CHECKPOINT_HASH_SHOWN]}{path.suffix}"
    return replace(step, action=RestoreAction.CONFLICT, beside=str(path.with_name(name)))


def shown(steps: Iterable[FileStep]) -> tuple[RestoreFile, ...]:
    """Steps as a user is shown them."""
    return tuple(
        RestoreFile(step.task_id, shown_path(step.path), step.action, shown_path(step.beside)) for step in steps
    )
