"""The log: a file that only its owner can read, one line a record; never the screen, never a key."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from tale_tui.config.keys import secrets_of

if TYPE_CHECKING:
    from types import TracebackType

FILE_BYTES = 1_000_000
"""A log file is put aside when it has grown to this."""
FILES_KEPT = 3
NOISY_LOGGERS = ("httpx", "httpcore", "asyncio", "aiosqlite", "markdown_it")
"""Of libraries that log each request or statement: only their warnings are kept."""

SUBJECT: ContextVar[tuple[object, ...]] = ContextVar("subject", default=())
"""What is done now, as each line of the log tells it: `("task", id, role, model)`. What begins here inherits it."""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES |= {ord("\n"): "\\n", ord("\t"): "\\t", ord("\r"): "\\r", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class OneLine(logging.Formatter):
    """A record as one line that any terminal can be shown: time (UTC), level, logger, what was done, text; control
    characters escaped.

    Args:
        secrets: texts that never stand in a line.
    """

    converter = staticmethod(time.gmtime)

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s%(subject)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        words = " ".join(str(word) for word in SUBJECT.get() if word)
        record.subject = f" [{words}]" if words else ""
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, "[secret]")
        return line.translate(_ESCAPES)


class LogFile(RotatingFileHandler):
    """The file, made when there is something to write. A disk that is full costs log lines and nothing else."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=True)
        # Of another encoding than what the terminal has, so that no name or error is lost.
        self.errors = "backslashreplace"

    def _open(self) -> io.TextIOWrapper:
        def owner_only(name: str, flags: int) -> int:
            return os.open(name, flags, 0o600)

        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The handler closes it; only this `open` takes an opener.
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=owner_only)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing: the standard answer is a traceback on the screen."""


@contextmanager
def to_file(path: Path, level: str = "info", environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Send everything that is logged to a file as long as the block lasts, and nothing to the screen.

    That includes warnings and what goes wrong in threads and destructors.

    Args:
        path: the file; its folder is made.
        level: `debug`, `info`, `warning` or `error`.
        environ: where the keys are that shall not be in it.
    """
    handler = LogFile(path)
    handler.setFormatter(OneLine(secrets_of(environ)))
    root = logging.getLogger()
    before = root.level, threading.excepthook, sys.unraisablehook
    root.addHandler(handler)
    set_level(level)
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    threading.excepthook, sys.unraisablehook = _log_thread, _log_unraisable
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before[1:]
        logging.captureWarnings(capture=False)
        root.removeHandler(handler)
        root.setLevel(before[0])
        handler.close()


def set_level(level: str) -> None:
    """Log from this level on: `debug`, `info`, `warning` or `error`."""
    logging.getLogger().setLevel(level.upper())


def log_crash(path: Path, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Write down an exception that nobody expected, traceback and all."""
    with to_file(path):
        logging.getLogger(__name__).critical("not expected", exc_info=(kind, error, traceback))


def _log_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None:
        details = (what.exc_type, what.exc_value, what.exc_traceback)
        logging.getLogger(__name__).error("in thread %s", what.thread and what.thread.name, exc_info=details)


def _log_unraisable(what: sys.UnraisableHookArgs) -> None:
    details = (what.exc_type, what.exc_value, what.exc_traceback) if what.exc_value is not None else None
    logging.getLogger(__name__).error("%s: %r", what.err_msg or "ignored", what.object, exc_info=details)
