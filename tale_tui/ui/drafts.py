"""What was written and never sent in a conversation that was never made: kept in a file of its window."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_SUFFIX = ".txt"


class Drafts:
    """One file for each window, named by its process; the file of a window that is gone is found by the next one.

    Every method reads or writes files.

    Args:
        folder: where they are; it need not exist.
        pid: of this process.
    """

    def __init__(self, folder: Path, pid: int) -> None:
        self._folder = folder
        self._own = folder / f"{pid}{_SUFFIX}"

    def keep(self, text: str) -> None:
        """Keep `text`; an empty one leaves nothing.

        Raises:
            OSError: it cannot be kept.
        """
        if not text.strip():
            self._own.unlink(missing_ok=True)
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._own.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(self._own)

    def take(self) -> str:
        """What the window that was left last wrote, which is this window's from now on; foreign text.

        Raises:
            OSError: it cannot be read.
        """
        if not self._folder.is_dir():
            return ""
        left = [path for path in self._folder.glob(f"*{_SUFFIX}") if not _lives(path.stem)]
        for path in sorted(left, key=lambda one: one.stat().st_mtime, reverse=True):
            text = path.read_text(encoding="utf-8", errors="replace")
            path.replace(self._own)
            return text
        return ""


def _lives(pid: str) -> bool:
    """Whether a window of this process is there; a name that is no process belongs to nobody."""
    if not pid.isdecimal() or int(pid) == os.getpid():
        return False
    with suppress(ProcessLookupError):  # that is the answer
        with suppress(PermissionError):  # it is there, and somebody else's
            os.kill(int(pid), 0)
        return True
    return False
