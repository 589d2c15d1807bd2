"""Carries out steps that copy files of a task to a folder outside: the only ones with effects there.

Nothing is copied before the user has seen which files, where to, and what stands there already, each with what
identifies its content, and has said yes to just that. What is another one since then is asked about again. A file that
is there as it is to be counts as copied, so that a step that broke off goes on behind what it did.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tale_tui.domain.constants import COPY_BYTES_MAX, COPY_FILES_NAMED, STEP_FILE_BYTES_MAX
from tale_tui.domain.errors import BadFileName, BadPlan, NotCopied
from tale_tui.domain.plans import copied_files
from tale_tui.domain.tasks import Plan, Reason, StepKind, StepState
from tale_tui.domain.text import clean_line, reason_of
from tale_tui.engine.result_files import claim, file_place, part_of
from tale_tui.engine.tasks.interpreter import TaskSuspended
from tale_tui.engine.tasks.step_files import TaskFolders
from tale_tui.engine.tasks.step_runner import StepResult, StepWork
from tale_tui.engine.tasks.uncancellable import uncancellable
from tale_tui.formatting.units import plural, size

log = logging.getLogger(__name__)

LEADS_NOWHERE = "it is in a home that is not known, or its links go in a circle"

_DIGEST_CHARACTERS = 16
"""Of the hash of a file that are shown and compared: 64 bits, which no two versions of a file share by accident."""
_CHUNK_BYTES = 1_000_000
_NOT_THROUGH_LINKS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file that is to be copied, and what stands where it goes."""

    name: str
    """In the folder of the task, and in the one that it is copied to."""
    source: Path
    place: Path
    size: int
    digest: str
    there: str
    """The digest of what stands there; empty for nothing."""

    @property
    def is_there(self) -> bool:
        """Whether it stands there already as it is to be."""
        return self.there == self.digest

    @property
    def head(self) -> str:
        """The beginning of its line: what is copied."""
        return f"- {self.name}, {size(self.size)}, sha256 {self.digest}: "

    @property
    def line(self) -> str:
        """What is done with it, as the user is shown it."""
        if self.is_there:
            return f"{self.head}is there already"
        return self.head + (f"replaces the file there, sha256 {self.there}" if self.there else "new")


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What a step would copy, as it is now."""

    folder: Path
    files: tuple[CopiedFile, ...]

    @property
    def heading(self) -> str:
        """Where to, as a line."""
        return f"To {clean_line(str(self.folder))}:"

    @property
    def shown(self) -> str:
        """All of it, as Markdown: what the user says yes to."""
        return "\n".join((self.heading, "", *(file.line for file in self.files)))

    @property
    def question(self) -> str:
        """The question in a sentence."""
        named = [
            file.name + (" (is there already)" if file.is_there else " (replaces the one there)" if file.there else "")
            for file in self.files
        ]
        more = len(named) - COPY_FILES_NAMED
        listed = ", ".join(named[:COPY_FILES_NAMED]) + (f" and {more} more" if more > 0 else "")
        where = clean_line(str(self.folder))
        return f"It asks before it copies {plural(len(self.files), 'file')} out of its folder to {where}: {listed}."

    def changed_since(self, shown: str) -> str:
        """Which files are others than those that were shown once, here or where they go, in a sentence."""
        lines = set(shown.splitlines())
        names = [file.name for file in self.files if file.line not in lines and not file.is_there]
        more = len(names) - COPY_FILES_NAMED
        listed = ", ".join(names[:COPY_FILES_NAMED]) + (f" and {more} more" if more > 0 else "")
        return f"What it would do changed since you said yes{f' ({listed})' if names else ''}."

    def agrees(self, shown: str) -> bool:
        """Whether it is what was shown once, but for files that stand there by now as they are to be."""
        lines = shown.splitlines()
        if lines[:2] != [self.heading, ""] or len(lines) != len(self.files) + 2:
            return False
        return all(
            line.startswith(file.head) if file.is_there else line == file.line
            for file, line in zip(self.files, lines[2:], strict=True)
        )


class CopyStepRunner:
    """A runner for steps of the kind copy.

    Args:
        folders: where the files of tasks are.
        own: the data folder of the application, into which nothing is copied.
    """

    def __init__(self, folders: TaskFolders, own: Path) -> None:
        self._folders = folders
        self._own = own

    async def run(self, work: StepWork) -> StepResult:
        """See `StepRunner.run`.

        Raises:
            TaskSuspended: it wants a yes to what it would do now.
            NotCopied: something is in the way; the sentence says what, and how many files were copied before.
        """
        step = next(one for one in work.detail.steps if one.spec.key == work.spec.key)
        now = await self._plan(work)
        if not (step.allowed and now.agrees(step.text)):
            raise _asks(work, now, now.changed_since(step.text) if step.allowed else "")
        await work.begin()
        for number, file in enumerate(now.files):
            try:
                copied = await uncancellable(asyncio.to_thread(_copy, file))
            except NotCopied as error:
                before = f" {number} of {plural(len(now.files), 'file')} were copied before that." if number else ""
                raise NotCopied(f"{error.sentence}{before}") from error
            if not copied:
                again = await self._plan(work)
                raise _asks(work, again, again.changed_since(now.shown))
        return StepResult("\n".join((f"Copied. {now.heading}", "", *(f"- {file.name}" for file in now.files))))

    async def _plan(self, work: StepWork) -> CopyPlan:
        skipped = {step.spec.key for step in work.detail.steps if step.state is StepState.SKIPPED}
        steps = [replace(spec, files=()) if spec.key in skipped else spec for spec in work.detail.plan.steps]
        names = copied_files(work.spec, steps)
        source = self._folders.of(work.detail.task.id)
        return await asyncio.to_thread(copy_plan, source, names, work.spec.to, self._own)


def _asks(work: StepWork, now: CopyPlan, changed: str) -> TaskSuspended:
    """The question; `changed` says what is another than what was said yes to, empty where nothing was."""
    question = f"{changed} {now.question}" if changed else now.question
    return TaskSuspended(Reason.APPROVAL, work.spec.key, question, now.shown)


def copy_plan(source: Path, names: Iterable[str], to: str, own: Path) -> CopyPlan:
    """What would be copied now. Nothing is changed.

    Args:
        source: the folder of the task.
        names: of files in it.
        to: the folder outside, as the plan names it.
        own: the data folder of the application.
    Raises:
        NotCopied: it cannot be done; the sentence says why.
    """
    folder = _target(to, own.resolve())
    files = [_file(source, folder, name) for name in names]
    if not files:
        raise NotCopied("No step before it has given a file, so there is nothing to copy.")
    for file in files:
        if file.place.parent.resolve().is_relative_to(own.resolve()):
            raise _inside(clean_line(str(file.place)))
    to_write = [file for file in files if not file.is_there]
    needed = sum(file.size for file in to_write)
    if needed > COPY_BYTES_MAX:
        raise NotCopied(f"The files have {size(needed)} together, and {size(COPY_BYTES_MAX)} can be copied at once.")
    if needed > (free := shutil.disk_usage(folder).free):
        raise NotCopied(
            f"{clean_line(str(folder))} has {size(free)} left, and {size(needed)} are needed: make room, then retry it."
        )
    return CopyPlan(folder, tuple(files))


def _target(to: str, own: Path) -> Path:
    """The folder that files are copied to, where it is there and can be written.

    Raises:
        NotCopied: it cannot be.
    """
    shown = clean_line(to)
    try:
        folder = Path(to).expanduser().resolve()
        found = folder.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotCopied(f"There is no folder {shown}: make it, then retry the task, or change its plan.") from error
    except (OSError, RuntimeError) as error:  # the latter for a home that is not known, and for links in a circle
        log.info("a folder to copy to: %s", error)
        reason = reason_of(error) if isinstance(error, OSError) else LEADS_NOWHERE
        raise NotCopied(f"The folder {shown} cannot be looked at: {reason}.") from error
    if not stat.S_ISDIR(found.st_mode):
        raise NotCopied(f"{shown} is a file and no folder: name another one in the plan.")
    if folder.is_relative_to(own):
        raise _inside(shown)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotCopied(f"Nothing can be written to {shown}: allow it, then retry the task, or change its plan.")
    return folder


def check_targets(plan: Plan, own: Path) -> None:
    """Refuse a plan that copies to where nothing can be copied; a folder may still be made where another one is there.

    Args:
        plan: which; what its text alone shows was checked.
        own: the data folder of the application.
    Raises:
        BadPlan: the sentence names the place.
    """
    for number, spec in enumerate(plan.steps):
        if spec.kind != StepKind.COPY:
            continue
        # What cannot be looked at now the step itself says, where that is still so.
        with suppress(OSError, RuntimeError):
            folder = Path(spec.to).expanduser().resolve()
            if folder.is_relative_to(own.resolve()):
                raise BadPlan(f"steps[{number}].to: {_inside(clean_line(spec.to)).sentence}")
            if not folder.parent.is_dir():
                raise BadPlan(
                    f"steps[{number}].to: there is no folder {clean_line(str(folder.parent))} that "
                    f"{clean_line(folder.name)} could stand in: make it, or name another one."
                )


def _inside(shown: str) -> NotCopied:
    return NotCopied(f"{shown} is inside the data folder of the application, where nothing is copied to.")


def _file(source: Path, folder: Path, name: str) -> CopiedFile:
    """A file, and what stands where it is to go.

    Raises:
        NotCopied: it cannot be read, is too long, or something is in the way.
    """
    shown = clean_line(name)
    try:
        origin = file_place(source, name)
    except BadFileName as error:
        raise NotCopied(f"{shown} is behind a link in the folder of the task, so it is not copied.") from error
    try:
        place = file_place(folder, name)
    except BadFileName as error:
        raise NotCopied(
            f"{shown} would go through a link in {clean_line(str(folder))}, so nothing is copied: take the link away, "
            "or change the plan."
        ) from error
    for above in place.relative_to(folder).parents[:-1]:
        if (there := folder / above).exists() and not there.is_dir():
            raise NotCopied(f"{clean_line(str(there))} is a file, and a folder is needed there for {shown}.")
    content = _read(origin, f"{shown} of the folder of the task")
    if content is None:
        raise NotCopied(f"{shown} is not in the folder of the task any more: retry the step that gives it.")
    return CopiedFile(name, origin, place, len(content), _digest(content), _digest_of(place))


def _read(path: Path, shown: str) -> bytes | None:
    """All that stands in a file of a task; None where it is not there.

    Raises:
        NotCopied: it cannot be read, is no ordinary file, or is too long.
    """
    handle = _opened(path, shown)
    if handle is None:
        return None
    with os.fdopen(handle, "rb") as file:
        content = file.read(STEP_FILE_BYTES_MAX + 1)
    if len(content) > STEP_FILE_BYTES_MAX:
        raise NotCopied(f"{shown} has more than {size(STEP_FILE_BYTES_MAX)}, which is the most that is copied.")
    return content


def _opened(path: Path, shown: str) -> int | None:
    """A handle to an ordinary file, never through a link; None where nothing is there.

    Raises:
        NotCopied: it is something else, or cannot be read.
    """
    try:
        handle = os.open(path, _NOT_THROUGH_LINKS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotCopied(f"{shown} cannot be read: {reason_of(error)}.") from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        what = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
        raise NotCopied(f"{shown} is {what} there: take it away, or change the plan.")
    return handle


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS]


def _digest_of(place: Path) -> str:
    """The digest of what stands in a file outside, however long it is; empty where nothing is there.

    Raises:
        NotCopied: see `_opened`.
    """
    handle = _opened(place, clean_line(str(place)))
    if handle is None:
        return ""
    found = hashlib.sha256()
    with os.fdopen(handle, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()[:_DIGEST_CHARACTERS]


def _copy(file: CopiedFile) -> bool:
    """Copy a file, all of it or nothing.

    Returns:
        Whether it stands there now; False where the file, or what it would replace, is another one meanwhile.
    Raises:
        NotCopied: the system did not allow it.
    """
    part = part_of(file.place)
    if file.is_there:
        part.unlink(missing_ok=True)  # of an attempt that was killed when it was done with it
        return True
    content = _read(file.source, clean_line(file.name))
    if content is None or _digest(content) != file.digest:
        return False
    try:
        file.place.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        try:
            with part.open("xb") as written:
                written.write(content)
                written.flush()
                os.fsync(written.fileno())
            if _digest_of(file.place) != file.there:
                return False
            if file.there:
                shutil.copymode(file.place, part, follow_symlinks=False)
                part.replace(file.place)
            else:
                claim(part, file.place)
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
    except FileExistsError:  # somebody else has just made it
        return False
    except OSError as error:
        raise NotCopied(f"{clean_line(str(file.place))} cannot be written: {reason_of(error)}.") from error
    return True
