"""The folder of a task: the files that its steps declare, read from their text, checked, and written by the engine."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tale_tui.domain.clock import ID_SHOWN
from tale_tui.domain.constants import STEP_FILE_BYTES_MAX, TASK_FILES_NAMED
from tale_tui.domain.errors import FileNotSaved, FilesNotGiven, FolderIsLink
from tale_tui.domain.tasks import StepSpec
from tale_tui.domain.text import clean_line, reason_of
from tale_tui.engine.result_files import PART, ResultFile, check_name, file_place, result_files, save_file
from tale_tui.formatting.units import size


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that a step has written."""

    path: str
    """In the folder of the task."""
    before: bytes | None
    """What stood in it; None where it was not there."""
    after: bytes


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step that is done and stored."""

    task_id: str
    key: str
    written: tuple[WrittenFile, ...] = ()


class StepWatch(Protocol):
    """Whoever wants to know of each step that is done, to keep it."""

    def step_done(self, done: StepDone) -> None:
        """A step is done and stored."""
        ...

    async def settled(self) -> None:
        """Wait until what was told so far is kept, or could not be."""
        ...


class NoStepWatch:
    """Implements `StepWatch` where nobody wants to know."""

    def step_done(self, done: StepDone) -> None:
        """Nothing is done."""

    async def settled(self) -> None:
        """Nothing is waited for."""


class TaskFolders:
    """The folders of all tasks.

    Args:
        root: holds them, each under the id of its task; made when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def of(self, task_id: str) -> Path:
        """The folder of a task; need not be there.

        Raises:
            BadFileName: the id is no name.
            FolderIsLink: a link stands there.
        """
        check_name(task_id)
        refuse_link(self.root / task_id)
        return file_place(self.root, task_id)

    async def names(self, task_id: str) -> tuple[str, ...]:
        """The files in the folder of a task, as paths in it and in their order, at most `TASK_FILES_NAMED`.

        Raises:
            BadFileName: see `of`.
        """
        return await asyncio.to_thread(self._names, self.of(task_id))

    @staticmethod
    def _names(folder: Path) -> tuple[str, ...]:
        found: list[str] = []
        for place, folders, files in os.walk(folder):
            folders.sort()
            there = (Path(place, name) for name in sorted(files) if not name.startswith(PART))
            found += [one.relative_to(folder).as_posix() for one in there if one.is_file() and not one.is_symlink()]
            if len(found) >= TASK_FILES_NAMED:
                break
        return tuple(found[:TASK_FILES_NAMED])

    async def write(self, task_id: str, spec: StepSpec, text: str) -> tuple[WrittenFile, ...]:
        """Write the files of a step.

        Args:
            task_id: whose.
            spec: says which.
            text: what the step wrote.
        Returns:
            Those whose content is another one now.
        Raises:
            FilesNotGiven: one is missing or too long; nothing was written.
            BadFileName: one leads out of the folder by a link; nothing of it was written.
            FileNotSaved: the system did not allow it; those before it are written.
        """
        return await asyncio.to_thread(self._write, task_id, spec, text)

    def _write(self, task_id: str, spec: StepSpec, text: str) -> tuple[WrittenFile, ...]:
        given = given_files(spec.files, text)
        folder = self.of(task_id)
        places = {name: file_place(folder, name) for name in given}
        written = []
        for name, content in given.items():
            before, after = _content(places[name]), content.encode(errors="replace")
            if before != after:
                save_file(folder, name, content, replace=True)
                written.append(WrittenFile(name, before, after))
        return tuple(written)


def refuse_link(folder: Path) -> None:
    """See that no link stands in the place of the folder of a task.

    Raises:
        FolderIsLink: one does.
    """
    if folder.is_symlink():
        raise FolderIsLink(
            f"The folder of task {folder.name[:ID_SHOWN]} was replaced by a link, so nothing is read or written there. "
            "Put the folder back in its place."
        )


def given_files(names: Iterable[str], text: str) -> dict[str, str]:
    """What a text says that stands in files.

    A block of code that names none of them is passed over; one alone without a name is that which is missing.

    Args:
        names: of the files.
        text: foreign; a Markdown text.
    Returns:
        The content by name, in the order of the names.
    Raises:
        FilesNotGiven: one is missing, or is too long.
    """
    wanted = tuple(names)
    blocks = result_files(text)
    by_name = {block.name.casefold(): block for block in blocks if block.name}
    found = {name: by_name[name.casefold()] for name in wanted if name.casefold() in by_name}
    missing = [name for name in wanted if name not in found]
    nameless = [block for block in blocks if not block.name]
    if len(missing) == len(nameless) == 1:
        found[missing.pop()] = nameless[0]
    if missing:
        raise FilesNotGiven(
            f"The step did not write {', '.join(map(clean_line, missing))}: a block of code with that name is looked "
            "for. Retry the step, or say in its prompt what each file is for."
        )
    return {name: _checked(name, found[name]) for name in wanted}


def _checked(name: str, block: ResultFile) -> str:
    length = len(block.text.encode(errors="replace"))
    if length > STEP_FILE_BYTES_MAX:
        raise FilesNotGiven(
            f"{clean_line(name)} has {size(length)}, and a file of a step may have {size(STEP_FILE_BYTES_MAX)}: "
            "have it written in parts."
        )
    return block.text


def _content(path: Path) -> bytes | None:
    """What stands in a file; None where there is none.

    Raises:
        FileNotSaved: it cannot be read, or is none.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        shown = clean_line(str(path))
        raise FileNotSaved(f"{shown} cannot be read, so it is not written over: {reason_of(error)}.") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FileNotSaved(f"{clean_line(str(path))} is no ordinary file, so it is not written over.")
    with os.fdopen(handle, "rb") as file:
        return file.read()
