"""The checkpoints screen: the list of what was kept, what the chosen one changed, and the way back."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.types import CSSPathType

from tale_tui.domain.checkpoints import Checkpoint, CheckpointScope
from tale_tui.domain.clock import Clock
from tale_tui.domain.events import EngineMoved, SessionChanged, TaskChanged, TasksChanged
from tale_tui.domain.text import clean_line
from tale_tui.engine.api import EngineApi
from tale_tui.formatting.checkpoints import damaged_line, restoration_preview
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import key_name, size
from tale_tui.ui.checkpoints.controller import CheckpointsController
from tale_tui.ui.checkpoints.list import CheckpointHeading, CheckpointRows
from tale_tui.ui.checkpoints.side import NO_FILES, CheckpointSide
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.keys import KeyPlace, binding
from tale_tui.ui.live_screen import LiveScreen
from tale_tui.ui.text import NoMarkup

NARROW = 100
"""Cells below which what a checkpoint changed is shown over the list."""

CHECKPOINTS_KEYS: list[BindingType] = [
    binding("checkpoints.back", "escape", "back", "Back", "Close one thing at a time, then back to where you were"),
    binding("checkpoints.restore", "r", "restore", "Restore", "Go back to the chosen one, after a look and a question"),
    binding("checkpoints.file", "f", "file", "File", "Bring back one file of it, likewise"),
    binding("checkpoints.undo", "u", "reverse(False)", "Undo", "Take back the last step, again the one before"),
    binding("checkpoints.redo", "U", "reverse(True)", "Redo", "Do again what was undone last"),
    binding("checkpoints.keep", "n", "keep", "Keep now", "Keep the present, under a message of yours"),
    binding("checkpoints.export", "e", "export", "Export", "Write those that are shown to a file"),
    binding("checkpoints.import", "i", "import", "Import", "Take in those of a file"),
    binding("checkpoints.remove", "d", "remove", "Remove", "Forget the chosen one for ever, after asking"),
    binding("checkpoints.all", "space", "all", "All", "Show those of everything, then those of this again"),
    binding("checkpoints.again", "ctrl+r", "again", "Read again", "Read it again; without an engine, look for one"),
]
"""Keys of the screen; those that move the choice belong to its parts."""


_TITLE_CHARACTERS = 30
"""Of a task or a conversation in the first line, so that how many are kept has room beside it."""


class CheckpointsScreen(LiveScreen):
    """What was kept.

    Args:
        bridge: brings the engine and what it says.
        engine: the engine; None while there is none.
        clock: the time; None for the real one.

    Attributes:
        back_to: the mode that escape leads to.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "checkpoints.tcss"
    TICK_S = 1.0
    AUTO_FOCUS = "CheckpointRows"
    BACK = "checkpoints.back"
    BINDING_GROUP_TITLE = "Checkpoints"
    BINDINGS: ClassVar[list[BindingType]] = CHECKPOINTS_KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (18, "-high")]  # noqa: RUF012  (likewise)

    controller: CheckpointsController

    def __init__(self, bridge: Bridge, engine: EngineApi | None, clock: Clock | None = None) -> None:
        super().__init__("checkpoints", bridge, clock)
        self.heading, self.list = CheckpointHeading(), CheckpointRows(self._clock)
        self.damaged, self.preview = NoMarkup(id="damaged"), NoMarkup(id="preview")
        self.side = CheckpointSide()
        self.controller = CheckpointsController(self, self.paint, engine, self._clock)
        self.back_to = "dashboard"
        self._opened_of = CheckpointScope()

    @property
    def key_places(self) -> tuple[KeyPlace, ...]:
        """The screen and its parts."""
        return (
            ("In the checkpoints", self.BINDINGS),
            ("In the list", self.list.BINDINGS),
            ("In the files", self.side.files.BINDINGS),
            ("In what changed", self.side.diff.BINDINGS),
        )

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.title_bar.current, self.title_bar.below = "Dashboard", "Checkpoints"
        yield self.title_bar
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield self.heading
                yield self.list
                yield self.damaged
                yield self.preview
            yield self.side
        yield self.notice_line
        yield self.bar

    def open_of(self, scope: CheckpointScope, back_to: str) -> None:
        """Show those of something.

        Args:
            scope: of what.
            back_to: the mode that escape leads to.
        """
        self._opened_of, self.back_to = scope, back_to
        self._show_of(scope)

    def _show_of(self, scope: CheckpointScope) -> None:
        self.controller.show_of(scope)
        self.list.focus()
        self.paint()

    # the engine

    @on(Bridge.Happened)
    def _on_event(self, event: Bridge.Happened) -> None:
        if isinstance(event.fact, TaskChanged | TasksChanged | SessionChanged | EngineMoved):
            self.controller.on_event(moved=isinstance(event.fact, SessionChanged))

    # what is shown

    @property
    def chosen(self) -> Checkpoint | None:
        """The checkpoint that the keys are about."""
        return self.list.chosen

    def paint(self) -> None:
        """Show all that is known."""
        if not self.is_attached:
            return
        controller = self.controller
        of_task = bool(controller.scope.task_id)
        if self.list.tasks is of_task:
            self.heading.tasks = self.list.tasks = not of_task
            self.heading.refresh()
        found = controller.found
        self.list.show(() if found is None else found.checkpoints, self._empty())
        self.set_class(found is None or not found.checkpoints, "-empty")
        lost = damaged_line(found.damaged) if found is not None else ""
        self.damaged.update(f"! {lost}" if lost else "")
        self.damaged.display = bool(lost)
        self.title_bar.note = self._note()
        self.title_bar.running, self.title_bar.asking = controller.counts.running, controller.counts.asking
        look = controller.look
        self.side.show(look, controller.scope.task_id, self._clock())
        self.set_class(look is None or look.since is None or not look.since.tasks, "-same")
        self.preview.update(self._preview())
        self.show_keys()

    def _empty(self) -> str:
        """What is said where there is nothing."""
        controller = self.controller
        if self._complaint or controller.problem:
            return self._complaint or controller.problem
        if controller.found is None:
            return ""
        keep = key_name(self.keys().get("checkpoints.keep", ""))
        yours = f", and by {keep}" if keep and controller.scope != CheckpointScope() else ""
        return f"No checkpoints yet: one is made after each step of a task{yours}."

    def _note(self) -> str:
        found = self.controller.found
        if found is None:
            return ""
        parts = [f"{len(found.checkpoints)} kept", size(found.size_bytes)]
        if self.size.width >= NARROW:
            parts[-1] += f" of {size(found.budget_bytes)}"
            parts.insert(0, clean_line(self.controller.scope.title, _TITLE_CHARACTERS) or "all of it")
        return f" {signs().dot} ".join(parts)

    def _preview(self) -> str:
        controller, chosen = self.controller, self.chosen
        if chosen is None:
            return ""
        if controller.look_problem:
            return controller.look_problem
        look = controller.look
        if look is None or look.checkpoint.id != chosen.id:
            return ""
        restored = restoration_preview(look.now)
        if look.now.empty:
            return restored
        undo = key_name(self.keys().get("checkpoints.undo", ""))
        back = f" {undo} takes it back." if undo else ""
        return f"To restore {'it' if controller.scope.task_id else 'all'}: {restored}{back}"

    @on(CheckpointRows.Moved)
    def _moved(self) -> None:
        self.controller.look_at(self.chosen)
        self.preview.update(self._preview())
        self.show_keys()

    @on(events.Resize)
    def _resized(self) -> None:
        self.paint()

    @on(CheckpointRows.Opened)
    def _read_side(self) -> None:
        self.add_class("-reading")
        self.side.files.focus()

    @on(events.DescendantFocus)
    def show_keys(self) -> None:
        """Look at the last line again."""
        if not self.is_current:
            return
        if self.list.has_focus:
            self.remove_class("-reading")
        if self._complaint:
            wanted = [("checkpoints.again", "try again"), ("checkpoints.back", "back"), ("app.help_outside", "")]
        else:
            first = [("checkpoints.look", "look" if self.chosen else "open, close")] if self.list.row else []
            wanted = [*first, ("checkpoints.read", "read"), ("checkpoints.restore", "restore")]
            wanted += [("checkpoints.file", "one file"), ("checkpoints.undo", "undo"), ("checkpoints.keep", "keep now")]
            wanted += [("checkpoints.export", "export"), ("checkpoints.import", "import")]
            wanted += [("checkpoints.remove", "remove"), ("checkpoints.back", "back"), ("app.help_outside", "")]
        self.show_hints(wanted)

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing is not there."""
        if action in ("keep", "import"):
            return self.controller.engine is not None
        if action in ("restore", "file", "remove"):
            return self.controller.engine is not None and self.chosen is not None
        if action in ("export", "reverse"):
            return self.controller.found is not None and bool(self.controller.found.checkpoints)
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Close one thing at a time; with nothing left to close, back to where it was opened from."""
        if self.put_notice_away():
            return
        if self.side.diff.has_focus:
            self.side.files.focus()
        elif self.side.files.has_focus:
            self.list.focus()
        else:
            self.post_message(self.Left(self.back_to))

    def action_all(self) -> None:
        """Show those of everything, or of what the screen was opened for."""
        everything = CheckpointScope()
        self._show_of(self._opened_of if self.controller.scope == everything else everything)

    def action_reverse(self, again: bool) -> None:
        """Undo, or redo."""
        if self.controller.engine is not None:
            self.spawn(self.controller.reverse, self.controller.engine, again, group="change")

    def action_restore(self) -> None:
        """Go back to the chosen checkpoint."""
        if self.chosen is not None and self.controller.engine is not None:
            self.spawn(self.controller.restore, self.controller.engine, self.chosen, group="change")

    def action_file(self) -> None:
        """Bring back the chosen file; from the list one is chosen first."""
        if self.chosen is not None and self.controller.engine is not None:
            self.spawn(self._file, self.controller.engine, self.chosen, group="change")

    async def _file(self, engine: EngineApi, checkpoint: Checkpoint) -> None:
        look, chosen = self.side.look, self.side.file
        if look is None or look.checkpoint.id != checkpoint.id:
            self.say("It is being read: try again in a moment.")
            return
        rows = [row for row in self.side.files.rows if row.path]
        if chosen is None:
            self.say(NO_FILES)
            return
        if self.list.has_focus and len(rows) > 1:
            from tale_tui.ui.dialogs.pick import PickDialog
            from tale_tui.ui.widgets.pick_list import PickRow

            places = {str(place): row for place, row in enumerate(rows)}
            picks = [PickRow(place, row.path, detail=row.note) for place, row in places.items()]
            answer = await self.ask(PickDialog("Bring back which file?", picks, verb="see what that does"))
            if answer is None:
                return
            chosen = places[answer]
        await self.controller.restore(engine, checkpoint, chosen.task_id, chosen.path)

    def action_keep(self) -> None:
        """Keep the present."""
        if self.controller.engine is not None:
            self.spawn(self.controller.keep, self.controller.engine, self.chosen, group="change")

    def action_remove(self) -> None:
        """Forget the chosen checkpoint."""
        if self.chosen is not None and self.controller.engine is not None:
            self.spawn(self.controller.remove, self.controller.engine, self.chosen, group="change")

    def action_export(self) -> None:
        """Write those that are shown to a file."""
        if self.controller.engine is not None:
            name = f"checkpoints-{time.strftime('%Y-%m-%d', time.localtime(self._clock()))}.bundle"
            self.spawn(self.controller.export, self.controller.engine, name, group="change")

    def action_import(self) -> None:
        """Take in those of a file."""
        if self.controller.engine is not None:
            self.spawn(self.controller.import_, self.controller.engine, group="change")
