"""The tokens screen: sums, what was saved, tokens over time, groups of calls, and where most went."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.types import CSSPathType
from textual.widgets import Static

from tale_tui.domain.clock import Clock
from tale_tui.domain.events import EngineMoved, RoleChanged, TaskChanged, TasksChanged
from tale_tui.domain.metrics import CallDimension, TokenGroup
from tale_tui.domain.time_ranges import ShownRange
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.units import key_name, plural
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.keys import KeyPlace, binding
from tale_tui.ui.live_screen import LiveScreen
from tale_tui.ui.tokens import lines
from tale_tui.ui.tokens.controller import CALLS_SHOWN, TokensController, TokensShown
from tale_tui.ui.tokens.table import GroupList, TableLine, group_name
from tale_tui.ui.widgets.key_bar import model_signs
from tale_tui.ui.widgets.pick_list import PickRow
from tale_tui.ui.widgets.plot import PlotView, plot_columns
from tale_tui.ui.widgets.tabs import tab_words

NARROW = 100
"""Cells below which words go."""
BAR_CELLS = 2
"""A bar of the plot and the gap behind it."""
_SIDES, _SIDES_NARROW = 4, 2
"""Cells at the left and the right of everything."""
_NAMES_CELLS = 50
"""Cells of the first line that the names of the screens take."""

TOKENS_KEYS: list[BindingType] = [
    binding("tokens.back", "escape", "back", "Back", "Close what is told, then back to the chat"),
    binding("tokens.by", "b", "by", "By", "Group by model, role, kind, type, complexity, day, hour, session or task"),
    binding("tokens.model", "m", "model", "Model", "Only the calls of one model"),
    binding("tokens.longer", "right_square_bracket,right", "step_range(1)", "Longer", "Look further back"),
    binding("tokens.shorter", "left_square_bracket,left", "step_range(-1)", "Shorter", "Look less far back"),
    binding("tokens.budgets", "B", "budgets", "Budgets", "What is used of the budgets of the settings"),
    binding("tokens.export", "e", "export", "Export", "Write the groups to a file, as CSV or JSON"),
    binding("tokens.again", "ctrl+r", "again", "Read again", "Read everything again"),
]
"""Keys of the screen; those that move the choice belong to the table."""


class TokensScreen(LiveScreen):
    """What was spent.

    Args:
        bridge: brings the engine and what it says.
        engine: the engine; None while there is none.
        clock: the time; None for the real one.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "tokens.tcss"
    TICK_S = 0.5  # what works moves at least once a second
    AUTO_FOCUS = "GroupList"
    BACK = "tokens.back"
    BINDING_GROUP_TITLE = "Tokens"
    BINDINGS: ClassVar[list[BindingType]] = TOKENS_KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (14, "-low"), (22, "-middle"), (30, "-high")]  # noqa: RUF012  (likewise)

    controller: TokensController

    def __init__(self, bridge: Bridge, engine: EngineApi | None, clock: Clock | None = None) -> None:
        super().__init__("tokens", bridge, clock)
        self.head = Static(markup=False, id="sums")
        self.plot = PlotView()
        self.heading, self.list, self.total = TableLine(heading=True), GroupList(), TableLine(heading=False)
        self.foot = Static(markup=False, id="foot")
        self.controller = TokensController(self, self.paint, engine, self._clock)

    @property
    def key_places(self) -> tuple[KeyPlace, ...]:
        """The screen and its table."""
        return (("In the tokens", self.BINDINGS), ("In the table", self.list.BINDINGS))

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.title_bar.current = "Tokens"
        yield self.title_bar
        with Vertical(id="body"):
            yield self.head
            yield self.plot
            yield self.heading
            yield self.list
            yield self.total
            yield self.foot
        yield self.notice_line
        yield self.bar

    # the engine

    @on(Bridge.Happened)
    def _on_event(self, event: Bridge.Happened) -> None:
        if self.is_shown and isinstance(event.fact, TaskChanged | TasksChanged | RoleChanged | EngineMoved):
            self.controller.tick()

    # what is shown

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self.paint()
        pieces = max(plot_columns(self.plot.size.width) // BAR_CELLS, 1)
        if pieces != self.controller.pieces:
            self.controller.pieces = pieces
            self.controller.refresh()

    def paint(self) -> None:
        """Show what is known now."""
        now, known = self._clock(), self.controller
        shown, width = known.shown, _inside(self.size.width)
        if width <= 0 or not self.is_attached:
            return
        view, narrow = known.view, self.size.width < NARROW
        high = self.has_class("-high")
        empty = shown is not None and not shown.ever
        self.set_class(empty or bool(self._complaint), "-empty")
        self.title_bar.running, self.title_bar.asking = known.counts.running, known.counts.asking
        self._show_note(shown, empty=empty)
        self.bar.models = model_signs(known.roles, working=bool(known.counts.running))
        head = [lines.sums_line(shown.overview if shown else None, known.activity, now, width)]
        if shown is not None:
            head += lines.saved_lines(shown.saved, width, 2 if high else 1)
            more = (lines.budget_line(shown.budgets, width), lines.change_line(shown.change, width))
            head += [line for line in more if line is not None]
        self.head.update(Content("\n").join(head))
        ranges = tuple(one.value for one in ShownRange)
        self.plot.note = tab_words(ranges[narrow:], view.span.value, "screen.range", 1 if narrow else 3)
        self.plot.data = None if shown is None else lines.plot_of(shown, known.roles, now, short=narrow)
        self.heading.report = self.total.report = None if shown is None else shown.report
        if shown is not None:
            if empty:
                self.list.show_nothing(self._empty_words(empty=True))
            else:
                self.list.show(shown.report, known.roles, self._empty_words(empty=False))
            self.foot.update(Content("\n").join(lines.foot_lines(shown, width, low=not high)))
        elif self._complaint:
            self.list.show_nothing(self._complaint)
        self._show_keys()

    def _show_note(self, shown: TokensShown | None, *, empty: bool) -> None:
        view = self.controller.view
        words = lines.view_words(view, None if shown is None else shown.report.total.calls)
        fits = len(words) <= self.size.width - _NAMES_CELLS
        self.title_bar.note = "" if empty else words if fits else lines.view_words(view, None)

    def _empty_words(self, *, empty: bool) -> str:
        if empty:
            return f"{lines.EMPTY} {key_name(self.key_of('app.chat')).upper()} to the chat."
        longer = key_name(self.key_of("tokens.longer"))
        return f"No call in the {self.controller.view.span.words}. {longer} looks further back."

    @on(events.DescendantFocus)
    def _show_keys(self) -> None:
        if not self.is_current:
            return
        keys, shown = self.keys(), self.controller.shown
        if self._complaint:
            wanted = [("tokens.again", "try again"), ("tokens.back", "chat"), ("app.help", "all keys")]
        elif shown is not None and not shown.ever:
            wanted = [("tokens.back", "chat"), ("app.help_outside", "all keys")]
        else:
            wanted = [("tokens.open", "calls"), ("tokens.by", "by"), ("tokens.model", "model")]
            wanted += [
                ("tokens.shorter", f"{key_name(keys.get('tokens.longer', ''))} range"),
                ("tokens.export", "export"),
                ("tokens.budgets", "budgets"),
            ]
            wanted += [("app.help_outside", "")]
            if not (shown and shown.report.groups):
                del wanted[0]
        self.show_hints(wanted)

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing is not there."""
        if action in ("by", "model", "export", "budgets", "step_range", "range"):
            return self.controller.shown is not None and self.controller.shown.ever
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Close what is told; with nothing left to close, back to the chat."""
        if not self.put_notice_away():
            self.post_message(self.Left())

    def action_range(self, name: str) -> None:
        """Look so far back."""
        self._choose(span=ShownRange(name))

    def action_step_range(self, step: int) -> None:
        """Look further back, or less far."""
        ranges = tuple(ShownRange)
        place = ranges.index(self.controller.view.span) + step
        self._choose(span=ranges[min(max(place, 0), len(ranges) - 1)])

    def _choose(self, **changes: object) -> None:
        self.controller.choose(replace(self.controller.view, **changes))  # type: ignore[arg-type]  # its own fields
        self.paint()

    def action_by(self) -> None:
        """Choose what the groups are."""
        self.spawn(self._ask_by, group="dialog")

    async def _ask_by(self) -> None:
        from tale_tui.ui.dialogs.pick import PickDialog

        rows = [PickRow(one.value, one.value) for one in CallDimension]
        chosen = await self.ask(PickDialog("Group by", rows, chosen=self.controller.view.by.value))
        if chosen is not None:
            self._choose(by=CallDimension(chosen))

    def action_model(self) -> None:
        """Choose one model, or all."""
        self.spawn(self._ask_model, group="dialog")

    async def _ask_model(self) -> None:
        from tale_tui.ui.dialogs.pick import PickDialog

        every = "every"
        found = await self.controller.models()
        rows = [PickRow(every, "All models")]
        rows += [PickRow(one.key[0], one.key[0], (plural(one.sums.calls, "call"),)) for one in found]
        chosen = await self.ask(PickDialog("Calls of", rows, chosen=self.controller.view.model or every))
        if chosen is not None:
            self._choose(model="" if chosen == every else chosen)

    def action_budgets(self) -> None:
        """Show all budgets, and how to set one."""
        self.spawn(self._show_budgets, group="dialog")

    async def _show_budgets(self) -> None:
        from tale_tui.ui.dialogs.budgets import BudgetsDialog

        if self.controller.shown is not None:
            await self.ask(BudgetsDialog(self.controller.shown.budgets))

    def action_export(self) -> None:
        """Write the groups to a file."""
        from tale_tui.ui.tokens.export import export

        if self.controller.shown is not None:
            self.spawn(export, self, self.controller.shown, group="dialog")

    @on(GroupList.Opened)
    def _open(self, event: GroupList.Opened) -> None:
        self.spawn(self._show_calls, event.group, group="dialog")

    async def _show_calls(self, group: TokenGroup) -> None:
        from tale_tui.ui.dialogs.calls import CallsDialog

        shown = self.controller.shown
        if shown is None:
            return
        calls = await self.controller.calls(group)
        more = group.sums.calls > CALLS_SHOWN
        note = f"the last {CALLS_SHOWN} of {group.sums.calls:,}" if more else plural(len(calls), "call")
        await self.ask(CallsDialog(group_name(shown.report, group), calls, self._clock(), note))


def _inside(width: int) -> int:
    """Cells of a screen that are not left free at its sides."""
    return width - (_SIDES_NARROW if width < NARROW else _SIDES)
