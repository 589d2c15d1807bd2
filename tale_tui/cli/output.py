"""What commands print: results on standard output, everything else on standard error; colours only on a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import click

from tale_tui.domain.constants import ANIMATION_INTERVAL_S

if TYPE_CHECKING:
    from tale_tui.domain.events import Notice
    from tale_tui.domain.models import Progress

GAP = "  "
"""Between two columns."""
GAUGE_CELLS = 20
PIPE_STEP_PERCENT = 10
"""Where progress is not read on a terminal, a line is written so often."""
PROBABILITY_DIGITS = 4
"""Of a probability for programs: more would claim what was never measured."""
MUTED: Mapping[str, Any] = {"dim": True}
"""How click writes what matters less."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading; a table whose headings are all empty has none.
        right: whether its cells are aligned right, as numbers are.
        gives: whether it is the one that is cut where the terminal is too narrow.
        style: how click writes its cells on a terminal.
    """

    name: str
    right: bool = False
    gives: bool = False
    style: Mapping[str, Any] | None = None


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether a person reads this stream as it is written; Python has None for one that its caller closed."""
    return stream is not None and not stream.closed and stream.isatty()


def wants_colour(environ: Mapping[str, str] = os.environ) -> bool | None:
    """False where colours are not wanted; None leaves it to whether the stream is a terminal."""
    return False if environ.get("NO_COLOR") or environ.get("TERM") == "dumb" else None


def echo(text: str = "", *, end: str = "\n") -> None:
    """Write a result: standard output, at once."""
    click.echo(text + end, nl=False)


def echo_err(text: str = "", *, end: str = "\n") -> None:
    """Write what is not a result: standard error."""
    click.echo(text + end, nl=False, err=True)


def echo_notice(notice: Notice) -> None:
    """Write what the engine has to say beside a result."""
    echo_err(f"{notice.title}: {notice.sentence}")


def echo_json(data: Mapping[str, Any]) -> None:
    """Write data for a program: one line, alone on standard output."""
    utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    echo(json.dumps(data, ensure_ascii=not utf8, separators=(",", ":")))


def echo_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Write a table without a frame: aligned, at most as wide as the terminal, whole where it is read by a pipe."""
    body = [list(row) for row in rows]
    head = [column.name for column in columns]
    widths = [max(width(row[n]) for row in (head, *body)) for n in range(len(columns))]
    limit = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else 0
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - limit
    if limit and excess > 0:
        widths = [
            max(cells - excess, min(cells, width(column.name))) if column.gives else cells
            for column, cells in zip(columns, widths, strict=True)
        ]
    styles = [column.style or {} for column in columns]
    if any(head):
        echo(_line(_aligned(head, widths, columns), [MUTED] * len(columns), limit))
    for row in body:
        echo(_line(_aligned(row, widths, columns), styles, limit))


def confirmed(question: str) -> bool:
    """Ask on the terminal; the safe answer is the default."""
    return click.confirm(question, default=False, err=True)


def tenth(value: float | None) -> float | None:
    """A measured number for programs, to a tenth: what lies behind it was not measured."""
    return None if value is None else round(value, 1)


def rounded(p: float | None) -> float | None:
    """A probability for programs, with as many digits as it deserves."""
    return None if p is None else round(p, PROBABILITY_DIGITS)


def when_text(seconds: float) -> str:
    """A moment of the past: for people as they say it, for a pipe as it sorts."""
    from tale_tui.formatting.units import stamp, when

    return when(seconds, time.time()) if is_terminal(sys.stdout) else stamp(seconds)


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Ids as they are shown: four characters, or as many as it takes to tell them apart."""
    from tale_tui.domain.clock import ID_LENGTH, ID_SHOWN

    everything = list(ids)
    for length in range(ID_SHOWN, ID_LENGTH):
        shown = {whole: whole[:length] for whole in everything}
        if len(set(shown.values())) == len(shown):
            return shown
    return {whole: whole for whole in everything}


def width(text: str) -> int:
    """Cells that a text takes on a terminal."""
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, cells: int) -> str:
    """A text of at most so many cells; one that was cut ends in a sign."""
    if width(text) <= cells:
        return text
    from rich.cells import set_cell_size

    from tale_tui.formatting.symbols import signs

    return set_cell_size(text, max(cells - 1, 0)).rstrip() + (signs().ellipsis if cells > 0 else "")


class ProgressLine:
    """How far something is, on standard error: one line that is written over on a terminal, a few lines elsewhere.

    Use it as a context: leaving it takes the line away.

    Args:
        live: whether a line may be written over; None asks whether standard error is a terminal.
    """

    def __init__(self, *, live: bool | None = None) -> None:
        self._live = is_terminal(sys.stderr) if live is None else live
        self._shown = 0
        self._next = 0.0
        self._said: tuple[str, int] = ("", -1)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def step(self, progress: Progress) -> None:
        """Show a step; too many in a row are left out."""
        share = min(progress.done / progress.total, 1.0) if progress.total else None
        if self._live:
            self._draw(_progress_text(progress, share))
            return
        tenth = int((share or 0) * 100) // PIPE_STEP_PERCENT * PIPE_STEP_PERCENT
        if (progress.label, tenth) != self._said:
            self._said = (progress.label, tenth)
            echo_err(progress.label if share is None else f"{progress.label} {tenth} %")

    def word(self, text: str) -> None:
        """Show a state, on a terminal only."""
        if self._live:
            self._next = 0.0
            self._draw(text)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            echo_err("\r" + " " * self._shown + "\r", end="")
            self._shown = 0

    def _draw(self, text: str) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + ANIMATION_INTERVAL_S
        text = cut(text, shutil.get_terminal_size().columns - 1)
        echo_err("\r" + text + " " * (self._shown - width(text)), end="")
        self._shown = width(text)


def _progress_text(progress: Progress, share: float | None) -> str:
    from tale_tui.formatting.units import bar, percent, size

    if share is None or progress.total is None:
        return progress.label if not progress.done else f"{progress.label}  {size(progress.done)}"
    done = f"{size(progress.done)} of {size(progress.total)}"
    return f"{progress.label}  {bar(share, GAUGE_CELLS)}  {percent(share)}  {done}"


def _aligned(row: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> list[str]:
    """The cells of a row, each as wide as its column; what would be blank at the end of the line is left out."""
    cells = []
    for text, room, column in zip(row, widths, columns, strict=True):
        shown = cut(text, room)
        blank = " " * (room - width(shown))
        cells.append(blank + shown if column.right else shown + blank)
    while cells and not cells[-1].strip():
        cells.pop()
    return [*cells[:-1], cells[-1].rstrip()] if cells else []


def _line(cells: Sequence[str], styles: Sequence[Mapping[str, Any]], limit: int) -> str:
    """Cells in one line; the last ones go where even the narrowest table is too wide."""
    line, used = [], 0
    for text, style in zip(cells, styles, strict=False):
        room = limit - used if limit else width(text)
        if room <= 0:
            break
        shown = cut(text, room)
        line.append(click.style(shown, **style) if style and shown.strip() else shown)
        used += width(shown) + len(GAP)
    return GAP.join(line)
