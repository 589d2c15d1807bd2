"""A folder of files as a checkpoint sees it: read with a cache of what was read before, written only where it is as it
was left.

A link is never followed, neither in reading nor in writing. Everything blocks.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tale_tui.domain.checkpoints import SkippedFile, SkipReason
from tale_tui.domain.constants import CHECKPOINT_RACY_S
from tale_tui.domain.errors import BadFileName, CheckpointFailed, FileNotSaved
from tale_tui.domain.text import clean_line, reason_of
from tale_tui.engine.checkpoints.entry import EXECUTABLE_MODE, FILE_MODE, Entry, content_hash
from tale_tui.engine.result_files import PART, claim, part_of
from tale_tui.engine.tasks.step_files import refuse_link

if TYPE_CHECKING:
    from dulwich.ignore import IgnoreFilterManager

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_READS = 3
"""Times that a file is read which is written meanwhile."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was when it was read."""

    stat: tuple[int, ...]
    entry: Entry
    trusted: bool
    """Whether a write that came right after the reading would show in the times of the file."""


@dataclass(slots=True)
class FolderScan:
    """What lies in a folder."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By path: mode and hash."""
    skipped: list[SkippedFile] = field(default_factory=list)


class _Rules:
    """What the files named .gitignore leave out of a folder, but for what a plan declares.

    Args:
        folder: it.
        declared: paths that no rule leaves out.
    """

    def __init__(self, folder: Path, declared: Collection[str]) -> None:
        self._folder = folder
        self._declared = declared
        self._filters: IgnoreFilterManager | None = None

    def see(self, names: Iterable[str]) -> None:
        """Look for rules among the names in a folder, before what lies in it is asked about."""
        if self._filters is None and ".gitignore" in names:
            from dulwich.ignore import IgnoreFilterManager

            self._filters = IgnoreFilterManager(str(self._folder), [], ignorecase=False)

    def ignore(self, path: str) -> bool:
        """Whether a path, with `/` at the end of a folder, is left out."""
        if self._filters is None or path in self._declared:
            return False
        if path.endswith("/") and any(name.startswith(path) for name in self._declared):
            return False
        return bool(self._filters.is_ignored(path))


class FolderReader:
    """Reads the folders of tasks again and again.

    Args:
        add: keeps a content and returns its hash.
        limit_bytes: a larger file is left out.
        now: seconds since the epoch, as file systems tell them.
    """

    def __init__(self, add: Callable[[bytes], bytes], limit_bytes: int, now: Callable[[], float] = time.time) -> None:
        self._add = add
        self._limit = limit_bytes
        self._now = now
        self._seen: dict[Path, dict[str, _Seen]] = {}

    def forget(self) -> None:
        """Read everything again: what was kept is kept no longer."""
        self._seen.clear()

    def scan(self, task_id: str, folder: Path, declared: Collection[str] = ()) -> FolderScan:
        """What lies in the folder of a task; what was not read before, or looks changed, is read and kept.

        Args:
            task_id: whose.
            folder: it; need not be there.
            declared: paths that a plan names: no rule of the folder leaves them out.
        Raises:
            CheckpointFailed: a file cannot be read, so that there can be no checkpoint.
            FolderIsLink: a link stands in the place of the folder.
        """
        found, before = FolderScan(), self._seen.pop(folder, {})
        refuse_link(folder)
        if not folder.is_dir():
            return found
        seen: dict[str, _Seen] = {}
        for path, one in self._files(folder, "", task_id, found.skipped, _Rules(folder, frozenset(declared))):
            status = _status(one.stat(follow_symlinks=False))
            known = before.get(path)
            if known is None or known.stat != status or not known.trusted:
                known = self._read(folder / path, path)
                if known is None:
                    continue
            seen[path] = known
            found.entries[path] = known.entry
        self._seen[folder] = seen
        return found

    def _files(
        self,
        folder: Path,
        above: str,
        task_id: str,
        skipped: list[SkippedFile],
        rules: _Rules,
    ) -> Iterator[tuple[str, os.DirEntry[str]]]:
        try:
            with os.scandir(folder / above) as scan:
                listed = sorted(scan, key=lambda one: one.name)
        except OSError as error:
            raise _unread(folder / above, error) from error
        rules.see(one.name for one in listed)
        for one in listed:
            path = f"{above}{one.name}"
            if one.name.startswith(PART):  # what a process left behind that ended while it wrote a file
                continue
            if (why := self._reason(one, path, rules)) is not None:
                skipped.append(SkippedFile(task_id, path, why, one.stat(follow_symlinks=False).st_size))
            elif one.is_dir(follow_symlinks=False):
                yield from self._files(folder, f"{path}/", task_id, skipped, rules)
            else:
                yield path, one

    def _reason(self, one: os.DirEntry[str], path: str, rules: _Rules) -> SkipReason | None:
        """Why something is left out; None where it is not."""
        if one.is_symlink():
            return SkipReason.LINK
        if one.is_dir(follow_symlinks=False):
            if one.name.lower() == ".git" or os.path.lexists(os.path.join(one.path, ".git")):  # noqa: PTH118
                return SkipReason.REPOSITORY
            return SkipReason.IGNORED if rules.ignore(f"{path}/") else None
        if not one.is_file(follow_symlinks=False):
            return SkipReason.NO_FILE
        if one.name.lower() == ".git":
            return SkipReason.REPOSITORY
        if one.stat(follow_symlinks=False).st_size > self._limit:
            return SkipReason.TOO_LARGE
        return SkipReason.IGNORED if rules.ignore(path) else None

    def _read(self, place: Path, path: str) -> _Seen | None:
        """Read a file whole and keep it; None where it is gone meanwhile.

        Raises:
            CheckpointFailed: it cannot be read, or is written all the time.
        """
        for _ in range(_READS):
            try:
                with os.fdopen(os.open(place, os.O_RDONLY | _NO_LINK), "rb") as file:
                    before = os.fstat(file.fileno())
                    content = file.read(self._limit + 1)
                    after = os.fstat(file.fileno())
            except FileNotFoundError:
                return None
            except OSError as error:
                raise _unread(place, error) from error
            if _status(before) == _status(after) and len(content) == after.st_size:
                mode = EXECUTABLE_MODE if after.st_mode & stat.S_IXUSR else FILE_MODE
                trusted = self._now() - max(after.st_mtime, after.st_ctime) > CHECKPOINT_RACY_S
                return _Seen(_status(after), (mode, self._add(content)), trusted)
        raise CheckpointFailed(f"{clean_line(path)} is being written all the time. Keep a checkpoint when it is done.")


def _status(found: os.stat_result) -> tuple[int, ...]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode


def _unread(place: Path, error: OSError) -> CheckpointFailed:
    return CheckpointFailed(
        f"{clean_line(str(place))} cannot be read: {reason_of(error)}. Without it there is no checkpoint; "
        "allow it to be read, or take it out of the folder."
    )


# writing


def place_of(folder: Path, path: str) -> Path:
    """Where a path of a checkpoint is in a folder; a checkpoint may come from anywhere.

    Raises:
        BadFileName: it leads out of the folder, into a repository, or through a link.
        FolderIsLink: a link stands in the place of the folder.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" or "\0" in part or "\\" in part for part in parts):
        raise BadFileName(f"{clean_line(path)} leads out of the folder of the task, so it is left as it is.")
    refuse_link(folder)
    place = folder
    for part in parts[:-1]:
        place = place / part
        if place.is_symlink():
            raise BadFileName(f"{clean_line(path)} leads through a link, so it is left as it is.")
    return place / parts[-1]


def present_hash(place: Path) -> str | None:
    """The hash of what stands in a file now; empty where nothing is there, None where it is no ordinary file.

    Raises:
        CheckpointFailed: it cannot be read.
    """
    try:
        handle = os.open(place, os.O_RDONLY | _NO_LINK)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO):
            return None
        raise _unread(place, error) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        return content_hash(file.read())


def write(folder: Path, path: str, content: bytes, mode: int, *, over: str) -> bool:
    """Write a file whole, unless it is another one than expected.

    Args:
        folder: of the task.
        path: in it.
        content: what is to stand there.
        mode: as a checkpoint keeps it.
        over: the hash of what is to be written over; empty where nothing may be there.
    Returns:
        Whether it was written; False where something else stands there.
    Raises:
        BadFileName: see `place_of`.
        FileNotSaved: the system did not allow it.
    """
    place = place_of(folder, path)
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = part_of(place)
        part.unlink(missing_ok=True)
        try:
            with part.open("xb") as file:
                file.write(content)
                if mode == EXECUTABLE_MODE:
                    os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode | stat.S_IXUSR)
            if present_hash(place) != over:
                return False
            if over:
                part.replace(place)
            else:
                claim(part, place)
        finally:
            part.unlink(missing_ok=True)
    except (FileExistsError, NotADirectoryError):
        return False
    except OSError as error:
        raise FileNotSaved(f"{clean_line(str(place))} cannot be written: {reason_of(error)}.") from error
    return True


def remove(folder: Path, path: str, *, over: str) -> bool:
    """Remove a file that is as it was left, and folders that are empty then.

    Args:
        folder: of the task.
        path: in it.
        over: the hash of what may be removed.
    Returns:
        Whether it was removed; False where something else stands there.
    Raises:
        BadFileName: see `place_of`.
        FileNotSaved: the system did not allow it.
    """
    place = place_of(folder, path)
    if present_hash(place) != over:
        return False
    try:
        place.unlink()
    except OSError as error:
        raise FileNotSaved(f"{clean_line(str(place))} cannot be removed: {reason_of(error)}.") from error
    for above in place.parents:
        if above == folder:
            break
        try:
            above.rmdir()
        except OSError:  # something else is in it
            break
    return True
