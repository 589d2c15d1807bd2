"""The dashboard: promises, plots, models, what runs, and what was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.types import CSSPathType

from tale_tui.domain.checkpoints import CheckpointScope
from tale_tui.domain.clock import Clock
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.tokens import change_words
from tale_tui.formatting.units import key_name
from tale_tui.ui.dashboard.alert_lines import AlertLines
from tale_tui.ui.dashboard.controller import DashboardController
from tale_tui.ui.dashboard.lights import PromiseLights
from tale_tui.ui.dashboard.model_table import ModelTable
from tale_tui.ui.dashboard.plot_grid import COUNT, PlotChoice, PlotGrid, PlotPicker
from tale_tui.ui.dashboard.plots import plots_of
from tale_tui.ui.dashboard.status import DASHBOARD_KEYS, DashboardSituation, hints
from tale_tui.ui.dashboard.view import is_empty, lights_of, notes_of, rows_of
from tale_tui.ui.dashboard.work_lines import WorkLines
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.keys import KeyPlace
from tale_tui.ui.live_screen import LiveScreen
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.key_bar import model_signs

if TYPE_CHECKING:
    from tale_tui.domain.samples import DashboardReport

NARROW = 100
"""Cells below which there is room for two plots."""


class DashboardScreen(LiveScreen):
    """What is so now, and was in the time that is shown.

    Args:
        bridge: brings the engine and what it says.
        engine: the engine; None while there is none.
        clock: the time; None for the real one.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "dashboard.tcss"
    TICK_S = 1.0
    BACK = "dashboard.back"
    BINDING_GROUP_TITLE = "Dashboard"
    BINDINGS: ClassVar[list[BindingType]] = DASHBOARD_KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (18, "-high")]  # noqa: RUF012  (likewise)

    controller: DashboardController

    def __init__(self, bridge: Bridge, engine: EngineApi | None, clock: Clock | None = None) -> None:
        super().__init__("dashboard", bridge, clock)
        self.lights = PromiseLights()
        self.grid = PlotGrid()
        self.picker = PlotPicker()
        self.models = ModelTable()
        self.work = WorkLines(self._clock)
        self.kept = NoMarkup(id="kept")
        self.alerts = AlertLines(self._clock)
        self.empty = NoMarkup(id="empty")
        self.choice = PlotChoice()
        self.controller = DashboardController(self, self.paint, engine, self._clock)
        self._sentence = ""
        """What stands in the place of the plots."""

    @property
    def key_places(self) -> tuple[KeyPlace, ...]:
        """All keys are those of the screen."""
        return (("On the dashboard", self.BINDINGS),)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.title_bar.current = "Dashboard"
        yield self.title_bar
        yield self.lights
        yield self.grid
        yield self.empty
        yield self.picker
        yield self.models
        yield self.work
        yield self.kept
        yield self.alerts
        yield self.notice_line
        yield self.bar

    # the engine

    @on(Bridge.Happened)
    def _on_event(self, event: Bridge.Happened) -> None:
        self.controller.on_event(event.fact)

    def tick(self) -> None:
        """Look at what is so now; the times of what runs go on with every look."""
        super().tick()
        if self.is_shown and self.controller.running and not self.controller.held:
            self.work.refresh()

    # what is shown

    @property
    def narrow(self) -> bool:
        """Whether there is room for two plots only."""
        return self.size.width < NARROW

    def paint(self) -> None:
        """Show all that is known; what did not change costs nothing."""
        controller, report = self.controller, self.controller.report
        seen = self.choice.seen(narrow=self.narrow)
        sentence = self._complaint
        if report is not None:
            sentence = sentence or self._nothing(report)
            self.lights.lights = lights_of(report, controller.read_at)
            self.models.rows = rows_of(report, controller.roles, controller.read_at, working=bool(controller.running))
            change = change_words(controller.change) if controller.change is not None else ""
            self.models.notes = (*notes_of(report), *([change] if change else ()))
            self.work.tasks = controller.running
            self.kept.update(f" {controller.kept}", layout=False)
            self.alerts.alerts = controller.alerts
            plots = plots_of(report, controller.read_at, self.grid.columns(len(seen)), large=self.choice.large)
            self.grid.show(plots, seen)
        else:
            self.grid.show((None,) * COUNT, seen)
        self.set_class(self.choice.large, "-large")
        self.set_class(bool(sentence), "-empty")
        self.set_class(bool(controller.alerts), "-alerts")
        if sentence != self._sentence:
            self._sentence = sentence
            self.empty.update(sentence)
        self.picker.seen = seen
        self.refresh_lines()

    def _nothing(self, report: DashboardReport) -> str:
        """What is said where nothing was recorded; empty where something was."""
        if not is_empty(report):
            return ""
        keys = self.keys()
        ways = [
            f"{key_name(keys[name])} {words}"
            for name, words in (("dashboard.longer", "shows a longer time"), ("app.chat", "goes to the chat"))
            if name in keys
        ]
        return f"Nothing was recorded in the {self.controller.range.words}.\n{', '.join(ways)}."

    def refresh_lines(self) -> None:
        """Look at the first and the last line again."""
        controller = self.controller
        self.title_bar.note = controller.words(short=self.narrow)
        self.title_bar.running, self.title_bar.asking = len(controller.running), controller.counts.asking
        self.bar.models = model_signs(controller.roles, working=bool(controller.running))
        if self.is_current:
            situation = DashboardSituation(
                narrow=self.narrow,
                large=self.choice.large,
                held=controller.held,
                away=bool(self._complaint),
                alerts=bool(controller.alerts),
            )
            self.show_hints(hints(situation))

    def on_resize(self) -> None:
        """Another number of plots may be in sight."""
        self.paint()

    @on(PlotGrid.PlotClicked)
    def _open_plot(self, event: PlotGrid.PlotClicked) -> None:
        if self.choice.large:
            self.action_back()
        else:
            self._choose(PlotChoice(self.choice.left, event.place, large=True))

    def _choose(self, choice: PlotChoice) -> None:
        self.choice = choice
        self.paint()

    # keys

    def action_back(self) -> None:
        """Close one thing at a time; with nothing left to close, back to the chat."""
        if self.put_notice_away():
            return
        if self.choice.large:
            self._choose(PlotChoice(self.choice.left, self.choice.right))
        else:
            self.post_message(self.Left())

    def action_plot(self, place: int) -> None:
        """Show a plot where there is room for two, else show it large."""
        self._choose(self.choice.choose(place, narrow=self.narrow))

    def action_large(self) -> None:
        """Show the plot that was chosen last over the whole screen."""
        self._choose(PlotChoice(self.choice.left, self.choice.right, large=True))

    def action_range(self, step: int) -> None:
        """Show a longer or a shorter time."""
        self.controller.step_range(step)
        self.refresh_lines()

    def action_model(self) -> None:
        """Show the next model alone, after the last one all of them."""
        self.controller.step_model()
        self.refresh_lines()

    def action_hold(self) -> None:
        """Leave what is shown as it is, or go on."""
        self.controller.hold(not self.controller.held)
        self.refresh_lines()

    def action_checkpoints(self) -> None:
        """Show what was kept of everything."""
        self.post_message(self.CheckpointsWanted(CheckpointScope()))

    def action_acknowledge(self) -> None:
        """The newest alert was read."""
        self.controller.acknowledge()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where there is no alert, there is no key for one."""
        return action != "acknowledge" or bool(self.controller.alerts)
