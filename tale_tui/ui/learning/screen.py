"""The learning view: what learns, how good it is, how that went over time, and the way back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.types import CSSPathType
from textual.widgets import Static

from tale_tui.domain.clock import Clock
from tale_tui.domain.learning import LearnedState
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.learning import aim_words, last_event
from tale_tui.formatting.units import key_name
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.keys import KeyPlace, binding
from tale_tui.ui.learning.controller import LearningController
from tale_tui.ui.learning.parts import PartHeading, PartList
from tale_tui.ui.learning.view import GROWS_BY, event_lines, plot_of
from tale_tui.ui.live_screen import LiveScreen
from tale_tui.ui.text import NoMarkup, plain
from tale_tui.ui.widgets.key_bar import model_signs
from tale_tui.ui.widgets.plot import PlotView

NARROW = 100
"""Cells below which words go."""
NOTHING_YET = "Nothing was learned here yet."
ALL_HERE, HERE = "all of it on this machine", "on this machine"
EXPORT_HINT = "A name that ends in .json: everything that was learned, with its history, for a program."
EVENTS_SHOWN = 4
"""Lines of what was learned lately, at most."""
_SIDES = 4
"""Cells at the left and the right of everything."""

LEARNING_KEYS: list[BindingType] = [
    binding("learning.back", "escape", "back", "Back", "Close what is told, then back to the dashboard"),
    binding("learning.undo", "u", "undo", "Undo", "Back to what was in use before the last thing that was learned"),
    binding("learning.switch", "space", "switch", "Stop, start", "The chosen part learns nothing more, or again"),
    binding("learning.forget", "x", "forget", "Forget", "Forget all that the chosen part has learned"),
    binding("learning.export", "e", "export", "Export", "Write all of it to a file, as JSON"),
    binding("learning.again", "ctrl+r", "again", "Read again", "Read it again; without an engine, look for one"),
]
"""Keys of the screen; those that move the choice belong to the table."""


class LearningScreen(LiveScreen):
    """What was learned.

    Args:
        bridge: brings the engine and what it says.
        engine: the engine; None while there is none.
        clock: the time; None for the real one.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "learning.tcss"
    TICK_S = 10.0  # what was learned changes by fits and by tasks that end
    AUTO_FOCUS = "PartList"
    BACK = "learning.back"
    BINDING_GROUP_TITLE = "Learning"
    BINDINGS: ClassVar[list[BindingType]] = LEARNING_KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (12, "-low"), (22, "-high")]  # noqa: RUF012  (likewise)

    controller: LearningController

    @dataclass
    class Switched(Message):
        """A part learns from now on, or no longer."""

        setting: str
        """Its name."""
        on: bool

    def __init__(self, bridge: Bridge, engine: EngineApi | None, clock: Clock | None = None) -> None:
        super().__init__("learning", bridge, clock)
        self.heading, self.list = PartHeading(), PartList(self._clock)
        self.aim = Static(markup=False, id="aim")
        self.plot = PlotView()
        self.nothing = NoMarkup(id="nothing")
        self.lately = Static(markup=False, id="lately")
        self.controller = LearningController(self, self.paint, engine)

    @property
    def key_places(self) -> tuple[KeyPlace, ...]:
        """The screen and its table."""
        return (("In the learning view", self.BINDINGS), ("In the table", self.list.BINDINGS))

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.title_bar.current, self.title_bar.below = "Dashboard", "Learning"
        yield self.title_bar
        yield self.heading
        yield self.list
        yield self.aim
        yield self.plot
        yield self.nothing
        yield self.lately
        yield self.notice_line
        yield self.bar

    # what is shown

    @property
    def chosen(self) -> LearnedState | None:
        """The part that the keys are about."""
        return self.list.row

    def paint(self) -> None:
        """Show all that is known."""
        if not self.is_attached:
            return
        controller = self.controller
        self.list.show(controller.states or (), self._complaint)
        self.set_class(bool(self._complaint), "-away")
        self.title_bar.note = HERE if self.size.width < NARROW else ALL_HERE
        self.title_bar.running, self.title_bar.asking = controller.counts.running, controller.counts.asking
        self.bar.models = model_signs(controller.roles, working=bool(controller.counts.running))
        self._paint_chosen()

    @on(PartList.Moved)
    @on(events.Resize)
    def _paint_chosen(self) -> None:
        """What is about the chosen part, and all that depends on the width."""
        state, now, width = self.chosen, self._clock(), max(self.size.width - _SIDES, 0)
        self.plot.data = None if state is None else plot_of(state, now)
        self.set_class(state is not None and self.plot.data is None, "-nothing")
        self.nothing.update("" if state is None else f"{NOTHING_YET} {GROWS_BY[state.part]}")
        history = self.controller.history
        problem = plain(state.problem, "$error") if state is not None and state.problem else None
        aim = Content(aim_words(history)).stylize("$muted") if history is not None else Content("")
        self.aim.update(problem or aim)
        undo = key_name(self.key_of("learning.undo"))
        lines = event_lines(self.controller.states or (), state, undo, now, width, EVENTS_SHOWN)
        self.lately.update(Content("\n").join(lines))
        self.set_class(not lines, "-unchanged")
        self._show_keys()

    @on(events.DescendantFocus)
    def _show_keys(self) -> None:
        if not self.is_current:
            return
        state = self.chosen
        if self._complaint:
            wanted = [("learning.again", "try again"), ("learning.back", "dashboard"), ("app.help_outside", "")]
        else:
            switch = "start" if state is not None and not state.enabled else "stop"
            wanted = [("learning.open", "why"), ("learning.undo", "undo"), ("learning.switch", switch)]
            wanted += [("learning.forget", "forget"), ("learning.export", "export"), ("learning.back", "dashboard")]
            wanted += [("app.help_outside", "")]
        self.show_hints(wanted)

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing is not there."""
        if action == "undo":
            return self.chosen is not None and last_event(self.chosen) is not None
        if action == "forget":
            return self.chosen is not None and bool(self.chosen.examples or last_event(self.chosen))
        if action in ("switch", "export"):
            return self.chosen is not None
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Close what is told; with nothing left to close, back to the dashboard."""
        if not self.put_notice_away():
            self.post_message(self.Left("dashboard"))

    def action_undo(self) -> None:
        """Undo the last thing that the chosen part learned, or forgot."""
        if self.chosen is not None:
            self.controller.undo(self.chosen)

    def action_forget(self) -> None:
        """Forget all of the chosen part, after asking."""
        if self.chosen is not None:
            self.controller.forget(self.chosen.part)

    def action_switch(self) -> None:
        """Stop or start the chosen part."""
        if self.chosen is not None and self.controller.engine is not None:
            self.spawn(self._switch, self.controller.engine, self.chosen, group="change")

    async def _switch(self, engine: EngineApi, state: LearnedState) -> None:
        await self.controller.switch(engine, state)
        self.post_message(self.Switched(state.setting, not state.enabled))

    def action_export(self) -> None:
        """Write all of it to a file."""
        if self.controller.states is not None:
            self.spawn(self._export, self.controller.states, group="dialog")

    async def _export(self, states: tuple[LearnedState, ...]) -> None:
        from tale_tui.formatting.exports.learning import learned_json
        from tale_tui.ui.dialogs.save_text import save_text

        name = f"learning-{time.strftime('%Y-%m-%d', time.localtime(self._clock()))}.json"
        title = "Write what was learned to"
        await save_text(self, title, name, EXPORT_HINT, (".json",), lambda _: learned_json(states))

    @on(PartList.Opened)
    def _open(self, event: PartList.Opened) -> None:
        self.spawn(self._show_why, event.state, group="dialog")

    async def _show_why(self, state: LearnedState) -> None:
        from tale_tui.ui.learning.why import LearnedDialog

        await self.ask(LearnedDialog(state, self.controller.history, self._clock()))
