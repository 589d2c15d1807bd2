"""`tale-tui logs`: what happened, as a person reads it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.output import MUTED, echo, echo_err
from tale_tui.config import garbage_collector
from tale_tui.config.logs import FILES_KEPT
from tale_tui.domain.errors import BadInput
from tale_tui.domain.text import clean_line, reason_of
from tale_tui.domain.time_ranges import range_of

LEVELS = ("debug", "info", "warning", "error", "critical")
LINES_SHOWN = 200
"""The last lines, where nothing says which ones are wanted."""
LINE_CHARACTERS = 4000
"""Of a line; a traceback is one."""
LOOK_S = 0.25
"""Between two looks whether more was written."""
_LINE = re.compile(r"(\S+Z) ([A-Z]+) ([\w.]+)(?: \[(.*?)\])?: (.*)")
_COLOURS: dict[str, dict[str, Any]] = {"WARNING": {"fg": "yellow"}, "ERROR": {"fg": "red"}, "CRITICAL": {"fg": "red"}}
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the log."""

    at: float
    """Seconds since the epoch."""
    level: str
    subject: str
    """Which turn, task or step it is about, its role and its model; empty for none."""
    text: str

    @property
    def task_id(self) -> str:
        """The task that it is about; empty for none."""
        words = self.subject.split()
        return words[1] if words[:1] == ["task"] and len(words) > 1 else ""


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--level", metavar="LEVEL", default="info", help="From this level on: " + ", ".join(LEVELS) + ".")
@click.option("--task", "task_id", metavar="ID", default="", help="Only what is about this task.")
@click.option("--since", metavar="T", help="From then on: 15min, 1h, today or a date.")
@click.pass_obj
def logs(context: CommandContext, follow: bool, level: str, task_id: str, since: str | None) -> None:
    """Say what happened: the log, oldest line first.

    Without --task and --since the last lines are shown. The log holds no message and no answer.
    """
    if level.lower() not in LEVELS:
        raise BadInput(f"There is no level {clean_line(level)!r}: write one of {', '.join(LEVELS)}.")
    begin = range_of(since, None, time.time())[0]
    least = LEVELS.index(level.lower())

    def wanted(entry: LogEntry) -> bool:
        rank = LEVELS.index(entry.level.lower()) if entry.level.lower() in LEVELS else least
        after = begin is None or entry.at >= begin
        return rank >= least and after and (not task_id or entry.task_id.startswith(task_id.strip()))

    tail = LogTail(context.paths.log_file)
    found = [entry for entry in entries_of(tail.whole()) if wanted(entry)]
    if not (task_id or since):
        found = found[-LINES_SHOWN:]
    for entry in found:
        _echo(entry)
    if not found and not follow:
        echo_err("Nothing of that is in the log.")
    if follow:
        garbage_collector.resume()
    while follow:
        time.sleep(LOOK_S)
        for entry in entries_of(tail.more()):
            if wanted(entry):
                _echo(entry)


class LogTail:
    """Reads a log that is written meanwhile, and put aside when it is long.

    Args:
        path: the file that is written; those before it have `.1`, `.2` ... behind their name, the newest first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._read = 0
        self._rest = b""

    def whole(self) -> list[str]:
        """All lines that there are, oldest first; later calls of `more` go on behind them.

        Raises:
            BadInput: the log cannot be read.
        """
        lines: list[str] = []
        for number in range(FILES_KEPT, 0, -1):
            lines += _lines(_bytes(self._path.with_name(f"{self._path.name}.{number}")))
        return lines + self.more()

    def more(self) -> list[str]:
        """The lines that were written since."""
        try:
            status = self._path.stat()
        except OSError:
            return []
        lines: list[str] = []
        if self._inode and status.st_ino != self._inode:  # what was read is put aside by now, with its last lines
            aside = _bytes(self._path.with_name(f"{self._path.name}.1"))
            lines += self._take(aside[self._read :])
            self._read, self._rest = 0, b""
        elif status.st_size < self._read:
            self._read, self._rest = 0, b""
        self._inode = status.st_ino
        fresh = _bytes(self._path, self._read)
        self._read += len(fresh)
        return lines + self._take(fresh)

    def _take(self, data: bytes) -> list[str]:
        """The whole lines; the beginning of one waits for its end."""
        whole, end, self._rest = (self._rest + data).rpartition(b"\n")
        return _lines(whole + end)


def entries_of(lines: Iterable[str]) -> Iterator[LogEntry]:
    """What lines of a log say; a line of no known form belongs to the one before it, and is left out."""
    for line in lines:
        found = _LINE.match(line[:LINE_CHARACTERS])
        if found is None:
            continue
        try:
            at = datetime.fromisoformat(found[1].removesuffix("Z")).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
        yield LogEntry(at, found[2], clean_line(found[4] or ""), clean_line(found[5], LINE_CHARACTERS))


def _bytes(path: Path, start: int = 0) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BadInput(f"{clean_line(str(path))} cannot be read: {reason_of(error)}.") from error


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", errors="replace").splitlines()


def _echo(entry: LogEntry) -> None:
    then = time.localtime(entry.at)
    form = "%H:%M:%S" if time.time() - entry.at < _DAY_S else "%d %b %H:%M:%S"
    level = "" if entry.level in ("INFO", "DEBUG") else f"{entry.level.lower()}  "
    parts = (
        click.style(time.strftime(form, then), **MUTED),
        click.style(entry.subject, **MUTED) if entry.subject else "",
        click.style(f"{level}{entry.text}", **_COLOURS.get(entry.level, {})),
    )
    echo("  ".join(part for part in parts if part))
