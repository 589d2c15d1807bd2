"""The table of groups: its columns, its rows, its sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.domain.clock import ID_SHOWN
from tale_tui.domain.metrics import CallDimension, TokenGroup, TokenReport, TokenSums
from tale_tui.domain.models import Role
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.tokens import TITLED, figure_cells, figure_names
from tale_tui.formatting.units import bar, count, day_name
from tale_tui.ui.keys import binding, moving_keys
from tale_tui.ui.text import fitted, padded
from tale_tui.ui.widgets.key_bar import roles_by_model
from tale_tui.ui.widgets.line_list import LineList, StyleOf

if TYPE_CHECKING:
    from tale_tui.domain.models import RoleStatus

SHARE = "share"
WANTED = ("calls", "total", "prompt", "completion", SHARE, "tok/s", "first", "failed", "cost", "cached", "thinking")
"""Columns, the most wanted first: the last ones go where there is little room."""
_GAP = 2
_LEFT, _LEFT_NARROW, _NARROW = 2, 1, 97
"""Cells before the name of a group, and in a table of fewer cells."""
_CELLS = {"calls": 6, "prompt": 6, "cached": 6, "thinking": 8, "total": 6, "tok/s": 5, "first": 6, "cost": 6, SHARE: 8}
"""Cells of a column, so that nothing moves when a number grows; a heading may be longer."""
_NAME_MIN, _NAME_MOST = 16, 44
"""Cells of what a group is called."""


@dataclass(frozen=True, slots=True)
class FigureColumns:
    """What stands where in a table of a width."""

    left: int
    """The bar of the chosen row, and a blank where there is room."""
    name: int
    figures: tuple[tuple[str, int], ...]
    """Name and cells of each column, in their order."""

    @classmethod
    def of(cls, width: int, names: Sequence[str], longest: int) -> FigureColumns:
        """Divide `width` cells.

        Args:
            width: of the table.
            names: columns that there may be, in their order.
            longest: cells of the longest name of a group.
        """
        name = min(max(longest, _NAME_MIN), _NAME_MOST)
        left = _LEFT_NARROW if width < _NARROW else _LEFT
        room = width - left - 1 - _NAME_MIN
        kept = set()
        for wanted in WANTED:
            if wanted in names and (cells := _GAP + _cells(wanted)) <= room:
                kept.add(wanted)
                room -= cells
        return cls(left, min(name, _NAME_MIN + max(room, 0)), tuple((one, _cells(one)) for one in names if one in kept))


def _cells(name: str) -> int:
    return max(len(name), _CELLS.get(name, 0))


def columns_of(report: TokenReport, width: int) -> FigureColumns:
    """The columns of a report in a table of `width` cells."""
    longest = max((cell_len(group_name(report, group)) for group in report.groups), default=0)
    return FigureColumns.of(width, [*figure_names(report.total), SHARE], longest)


def group_name(report: TokenReport, group: TokenGroup) -> str:
    """What a group is called on a screen."""
    dimension, value = report.by[0], group.key[0]
    if not value:
        return signs().dash
    if dimension in TITLED:
        return f"{value[:ID_SHOWN]}  {group.title}".rstrip()
    if dimension is CallDimension.MODEL:
        name = value.partition("/")[2]
        alike = sum(other.key[0].partition("/")[2] == name for other in report.groups)
        return name if alike == 1 else value
    if dimension in (CallDimension.DAY, CallDimension.HOUR):
        moment = datetime.fromisoformat(value)
        day = day_name(moment.date())
        return day if dimension is CallDimension.DAY else f"{day}  {moment:%H:%M}"
    return value


def _figures(sums: TokenSums, columns: FigureColumns, whole: int) -> Iterator[str]:
    """The cells of the columns, each as wide as its column."""
    for name, cells in columns.figures:
        if name == SHARE:
            share = (sums.total_tokens or 0) / whole if whole else 0.0
            text = bar(share, cells)
        else:
            (text,) = figure_cells(sums, (name,), count)
        yield " " * (_GAP + cells - cell_len(text)) + text


class TableLine(Widget):
    """The heading of the table, or the sum below it."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    TableLine { height: 1; width: 1fr; }
    """

    report: reactive[TokenReport | None] = reactive(None)

    def __init__(self, *, heading: bool) -> None:
        super().__init__()
        self._heading = heading

    def render(self) -> Content:
        """One line; empty while nothing is known, and where there is nothing to be summed."""
        report, width = self.report, self.size.width
        if report is None or not report.total.calls:
            return Content("")
        columns = columns_of(report, width)
        if self._heading:
            names = "".join(f"{name:>{_GAP + cells}}" for name, cells in columns.figures)
            title = fitted(report.by[0].value, columns.name)
            return Content.assemble((f"{'':{columns.left}}{title:<{columns.name}}{names}", "$muted"))
        figures = [(name, cells) for name, cells in columns.figures if name != SHARE]
        summed = FigureColumns(columns.left, columns.name, tuple(figures))
        return Content(f"{'':{columns.left}}{'all':<{columns.name}}" + "".join(_figures(report.total, summed, 0)))


class GroupList(LineList[TokenGroup]):
    """A line for each group. `Opened` goes out."""

    DEFAULT_CSS = """
    GroupList { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *moving_keys("tokens", "row"),
        binding("tokens.open", "enter", "open", "Calls", "The calls of the chosen row, one by one"),
    ]

    @dataclass
    class Opened(Message):
        """The calls of a row are wanted."""

        group: TokenGroup

    def __init__(self) -> None:
        super().__init__()
        self._report = TokenReport(TokenSums())
        self._roles: Mapping[str, Role] = {}

    def show(self, report: TokenReport, roles: Mapping[Role, RoleStatus], empty: str) -> None:
        """Show other rows; the chosen one stays the chosen one where it is still there.

        Args:
            report: by one dimension.
            roles: the models that serve; they have their colours.
            empty: what is said where there are no rows.
        """
        key = self.row.key if self.row is not None and self._report.by == report.by else None
        self._report, self.empty = report, empty
        self._roles = roles_by_model(roles)
        self.rows = report.groups
        self.virtual_size = Size(self.size.width, max(len(self.rows), 1))
        found = [place for place, group in enumerate(self.rows) if group.key == key]
        self.index = found[0] if found else 0 if self.rows else -1
        self.reach()
        self.refresh(layout=True)

    def show_nothing(self, why: str) -> None:
        """Show no rows, and say why."""
        self.show(TokenReport(TokenSums()), {}, why)

    def post_moved(self) -> None:
        """Nothing else shows the chosen row."""

    def action_open(self) -> None:
        if (group := self.row) is not None:
            self.post_message(self.Opened(group))

    def segments(self, line: int, style: StyleOf) -> Iterator[Segment]:
        report, group = self._report, self.rows[line]
        columns = columns_of(report, self.size.width)
        role = self._roles.get(group.key[0]) if report.by[0] is CallDimension.MODEL else None
        if report.by[0] is CallDimension.ROLE:
            role = next((one for one in Role if one.value == group.key[0]), None)
        colour = "" if role is None else role.value

        sign = signs().bar if line == self.index else ""
        yield Segment(f"{sign:{columns.left}}", style("bar"))
        yield Segment(padded(group_name(report, group), columns.name), style(colour))
        whole = report.total.total_tokens or 0
        for (figure, _), text in zip(columns.figures, _figures(group.sums, columns, whole), strict=True):
            yield Segment(text, style(colour if figure == SHARE else ""))
