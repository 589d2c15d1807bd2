"""A plot over time: lines or stacked bars, at most three series, the last value written, the present at the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import COUNT_WIDTH, count
from tale_tui.ui.text import fitted, spread
from tale_tui.ui.widgets.plot_marks import line_quarters, merged, row_scale, stacked, time_ticks

SERIES_MAX = 3
"""More colours nobody can tell apart."""
LINES_AROUND = 3
"""The heading, the axis and its moments."""
_GAP = 2

Cell = tuple[str, str]
"""A sign and its colour."""


@dataclass(frozen=True, slots=True)
class PlotSeries:
    """Something that is plotted."""

    name: str
    """In the legend; safe text. Empty leaves it out of it."""
    values: tuple[float | None, ...]
    """One for each piece of time; None where nothing is known, which is a gap."""
    colour: str
    """As a style sheet names it: `$ux`."""
    fill: int = 0
    """Of bars: which sign fills a cell, so that colours are never alone."""


@dataclass(frozen=True, slots=True)
class PlotData:
    """All that a plot shows. The pieces of time are equally long to look at and follow each other."""

    title: str
    """What is plotted, with its unit; safe text."""
    edges: tuple[float, ...] = ()
    """Where the pieces of time begin, and the end of the last one: seconds since the epoch."""
    series: tuple[PlotSeries, ...] = ()
    """At most three; of bars the lowest first, of lines the one that is drawn over all others last."""
    bars: bool = False
    """Whether it is bars, stacked, and no lines."""
    counted: bool = False
    """Whether it is about whole things: then the scale has no fractions."""
    now: float = 0.0
    promise: float | None = None
    """What the values are held against; a thin line."""
    last: str = ""
    """The last value in words; safe text."""
    label: Callable[[float], str] = lambda value: count(value).replace(".0", "")
    """A number of the scale in at most five cells."""
    spans: bool = False
    """Whether bars have the whole width and no gap between them, so that their moments are where lines have them."""
    top: float = 0.0
    """What the scale reaches at least."""
    known: tuple[str, ...] = ()
    """What is known of each piece: nothing was recorded (`gap`: no axis there), nothing happened (`idle`: a thin one),
    or all of it (empty). Without any, all is known."""

    def __post_init__(self) -> None:
        if len(self.series) > SERIES_MAX:
            raise ValueError(f"{len(self.series)} series, and nobody can tell more than {SERIES_MAX} apart")
        if any(len(one.values) != max(len(self.edges) - 1, 0) for one in self.series):
            raise ValueError("every series has one value for each piece of time")
        if self.known and len(self.known) != max(len(self.edges) - 1, 0):
            raise ValueError("what is known is told of each piece of time, or of none")


class PlotView(Widget):
    """Data comes in by attribute. The heading is drawn in its first line, the moments in its last one."""

    ALLOW_SELECT = False
    auto_links = False
    # Lines of their own width need no wrapping, which keeps each of them among what was measured.
    DEFAULT_CSS = """
    PlotView { text-wrap: nowrap; text-overflow: clip; }
    """

    data: reactive[PlotData | None] = reactive(None)
    """None while nothing is known: then its place is empty."""
    note: reactive[Content] = reactive(Content(""), always_update=True)  # contents are equal where their words are
    """At the right end of the heading; the last value stands there where there is no note."""

    def render(self) -> Content:
        """As large as it is."""
        return draw_plot(self.data, self.size.width, self.size.height, self.note)


def plot_columns(width: int) -> int:
    """Cells across that a plot of `width` cells has for what it shows."""
    return max(width - COUNT_WIDTH - 2, 1)


def draw_plot(data: PlotData | None, width: int, height: int, note: Content | None = None) -> Content:
    """A plot as text.

    Args:
        data: what it shows; None leaves all but the heading empty.
        width, height: cells.
        note: stands at the right end of the heading.
    """
    note = Content("") if note is None else note
    if data is None:
        return Content("\n").join([spread(Content(""), note, width), *[Content("")] * (height - 1)])
    lines = [_heading(data, width, note)]
    rows = max(height - LINES_AROUND, 1)
    columns = plot_columns(width)
    lines += _rows(data, columns, rows)
    lines += _axis(data, columns)
    return Content("\n").join(lines[: max(height, 0)])


def _heading(data: PlotData, width: int, note: Content) -> Content:
    line = Content.assemble((fitted(data.title, width - 1), "$muted"))
    right = note
    if data.last and note:
        line += Content.assemble("  ", (data.last, "bold"))
    elif data.last:
        right = Content.assemble((data.last, "bold"))
    named = [one for one in reversed(data.series) if one.name]
    room = width - line.cell_length - right.cell_length - 2 * _GAP
    names = sum(_GAP + 2 for _ in named)
    each = (room - names) // len(named) if named else 0
    for one in named:
        name = fitted(one.name, max(each, 0))
        sign = signs().fills[one.fill] if data.bars else signs().rule
        if each > COUNT_WIDTH or cell_len(one.name) <= each:
            line += Content.assemble(" " * _GAP, (f"{sign} {name}", one.colour))
    return spread(line, right, width)


def _scale_of(data: PlotData, values: Sequence[Sequence[float | None]], rows: int) -> tuple[float, int]:
    """See `row_scale`."""
    if data.bars:
        largest = max((sum(value or 0.0 for value in bar) for bar in zip(*values, strict=True)), default=0.0)
    else:
        largest = max((value for numbers in values for value in numbers if value is not None), default=0.0)
    return row_scale(max(largest, data.promise or 0.0, data.top), rows, 1.0 if data.counted else 0.0)


def _rows(data: PlotData, columns: int, rows: int) -> list[Content]:
    """The plot itself, from the top down, with its scale."""
    values = [list(one.values) for one in data.series]
    if data.bars:
        values = merged(values, columns)
    step, every = _scale_of(data, values, rows)
    cells: list[list[Cell]] = [[(" ", "")] * columns for _ in range(rows)]
    if data.promise is not None:
        row = min(max(int(data.promise / step * 2 - 1) // 2, 0), rows - 1)
        cells[row] = [(signs().promise, "$muted")] * columns
    if data.bars:
        _draw_bars(cells, data, values, step)
    else:
        _draw_lines(cells, data, values, step)
    lines = []
    for row in range(rows - 1, -1, -1):
        label = data.label((row + 1) * step) if (row + 1) % every == 0 else ""
        scale = Content.assemble((f"{fitted(label, COUNT_WIDTH):>{COUNT_WIDTH}} {signs().scale}", "$muted"))
        lines.append(scale + _painted(cells[row]))
    return lines


def _painted(cells: Sequence[Cell]) -> Content:
    return Content.assemble(
        *(("".join(sign for sign, _ in run), colour) for colour, run in groupby(cells, key=lambda cell: cell[1]))
    )


def _slot(columns: int, bars: int) -> int:
    """The cells of each bar with the gap behind it: the same for all, so that what is left over stays empty."""
    return max(columns // max(bars, 1), 1)


def _bar_columns(place: int, bars: int, columns: int, *, spans: bool) -> range:
    """The columns that a bar has."""
    if spans:
        return range(place * columns // bars, (place + 1) * columns // bars)
    slot = _slot(columns, bars)
    return range(place * slot, place * slot + max(slot - 1, 1))


def _draw_bars(cells: list[list[Cell]], data: PlotData, values: Sequence[Sequence[float | None]], step: float) -> None:
    fills, heights = signs().fills, signs().heights
    bars = list(zip(*values, strict=True))
    for place, bar in enumerate(bars):
        for row, (series, filled) in enumerate(stacked(bar, step)[: len(cells)]):
            one = data.series[series]
            sign = _top(heights, fills[one.fill], filled, solid=one.fill == 0 or not row)
            for column in _bar_columns(place, len(bars), len(cells[0]), spans=data.spans):
                cells[row][column] = (sign, one.colour)


def _top(heights: Sequence[str], fill: str, filled: int, *, solid: bool) -> str:
    """A cell of a bar that is filled to so many eighths. A texture is there or not; at the foot of a bar even little is
    seen."""
    if filled == len(heights):
        return fill
    if solid and (filled * 2 < len(heights) or fill == heights[-1]):
        return heights[filled - 1]
    return fill if filled * 2 >= len(heights) else " "


def _draw_lines(cells: list[list[Cell]], data: PlotData, values: Sequence[Sequence[float | None]], step: float) -> None:
    quadrants = signs().quadrants
    for one, numbers in zip(data.series, values, strict=True):
        if not numbers:
            continue
        for row, quarters in enumerate(line_quarters(numbers, len(cells[0]), len(cells), step)):
            for column, bits in enumerate(quarters):
                if bits:
                    cells[row][column] = (quadrants[bits], one.colour)


def _axis(data: PlotData, columns: int) -> list[Content]:
    """The line below the plot, and the moments below that."""
    left = COUNT_WIDTH + 2
    pieces = len(data.edges) - 1
    if data.bars and not data.spans and pieces > 0:
        shown = -(-pieces // -(-pieces // columns))
        columns = shown * _slot(columns, shown)
    axis = _axis_of(data.known, columns) if data.known else [signs().rule] * columns
    words = [" "] * columns
    if pieces > 0:
        begin, end = data.edges[0], data.edges[-1]

        def column_of(moment: float) -> int:
            return int((moment - begin) / (end - begin) * columns)

        for tick in time_ticks(begin, end, data.now, columns, column_of):
            if tick.label == "now":
                place = max(tick.column - len(tick.label) + 1, 0)
            else:
                place = tick.column
                axis[tick.column] = signs().tick
            words[place : place + len(tick.label)] = tick.label
    zero = f"{'0':>{COUNT_WIDTH}} {signs().origin}"
    return [
        Content.assemble((zero + "".join(axis), "$muted")),
        Content.assemble((" " * left + "".join(words), "$muted")),
    ]


def _axis_of(known: Sequence[str], columns: int) -> list[str]:
    """The cells of an axis by what is known of the pieces above it; the most that is known of those of a cell."""
    drawn = {"": signs().rule, "idle": signs().idle, "gap": " "}
    cells = []
    for column in range(columns):
        first = column * len(known) // columns
        last = max((column + 1) * len(known) // columns, first + 1)
        cells.append(next(drawn[one] for one in drawn if one in known[first:last]))
    return cells
