"""What the checkpoints screen shows, read while it is shown, and what its keys do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from tale_tui.domain.checkpoints import CheckpointList, CheckpointScope
from tale_tui.domain.errors import BadInput, NoSuchCheckpoint, TaleError
from tale_tui.domain.text import clean_line
from tale_tui.formatting.units import plural
from tale_tui.ui.checkpoints.side import CheckpointLook
from tale_tui.ui.live_screen import LiveController

if TYPE_CHECKING:
    from tale_tui.domain.checkpoints import Checkpoint
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.base_screen import BaseScreen

LOOK_AFTER_S = 0.08
"""A checkpoint is read when it has been the chosen one for so long: who goes through the list waits for nothing."""
READ_S, READ_SOON_S = 10.0, 2.0
"""Between two looks at the list, which other windows may change; and where something was heard of that changes it."""


class CheckpointsController(LiveController):
    """Reads for the screen, and only while it is shown.

    Args:
        screen: does the work in the background, asks and tells.
        paint: shows what was read.
        engine: that is asked; None while there is none.
        clock: seconds since the epoch.

    Attributes:
        scope: of what checkpoints are shown.
        found: them; None while nothing was read.
        problem: why they cannot be read, in a sentence.
        look: all of the chosen one; None while that was not read.
        look_problem: why it cannot be.
    """

    READING = ("read", "look")

    def __init__(
        self, screen: BaseScreen, paint: Callable[[], None], engine: EngineApi | None, clock: Callable[[], float]
    ) -> None:
        super().__init__(screen, paint, engine)
        self._clock = clock
        self.scope = CheckpointScope()
        self.found: CheckpointList | None = None
        self.problem = self.look_problem = ""
        self.look: CheckpointLook | None = None
        self._stale = True
        self._moved = False
        self._read_at = self._looked_at = 0.0
        self._chosen = ""

    # reading

    def use(self, engine: EngineApi | None) -> None:
        """There is an engine now, or none any more: then nothing is shown."""
        super().use(engine)
        if engine is None:
            self.found = None

    def show_of(self, scope: CheckpointScope) -> None:
        """Show those of something else."""
        if scope != self.scope:
            self.scope, self.found, self.look, self._chosen = scope, None, None, ""
        self.refresh()

    def on_event(self, *, moved: bool) -> None:
        """Something happened that may have made one.

        Args:
            moved: whether a conversation is another one now, so that going back may do something else.
        """
        self._stale = True
        self._moved |= moved

    def tick(self) -> None:
        """Read again what is due; called while it is shown."""
        if abs(self._clock() - self._read_at) >= (READ_SOON_S if self._stale else READ_S):
            self.refresh()

    def refresh(self) -> None:
        """Read the list anew, soon."""
        if self.engine is not None:
            self._stale, self._read_at = False, self._clock()
            super().refresh()

    async def _read(self, engine: EngineApi) -> None:
        scope = self.scope
        try:
            await self.read_status(engine)
            found = await engine.checkpoints.list(task_id=scope.task_id, session_id=scope.session_id, limit=0)
            self.problem = ""
        except TaleError as error:
            found, self.problem = None, error.sentence
        if scope == self.scope:
            before, self.found = self.found, found
            self._paint()
            old = self._moved or abs(self._clock() - self._looked_at) >= READ_S
            if before is not None and (old or before != found):
                self.look_at_again()

    def look_at(self, checkpoint: Checkpoint | None) -> None:
        """Read all of the chosen checkpoint, soon; what is known of another one goes away when it is there."""
        if checkpoint is None:
            if not self._chosen and self.look is None:
                return
            self._chosen, self.look, self.look_problem = "", None, ""
            self._screen.workers.cancel_group(self._screen, "look")
            self._paint()
        elif checkpoint.id != self._chosen:
            self._look_at(checkpoint)

    def look_at_again(self) -> None:
        """Something changed: what going back would do may be another thing now."""
        if self.look is not None and self.look.checkpoint.id == self._chosen:
            self._look_at(self.look.checkpoint)

    def _look_at(self, checkpoint: Checkpoint) -> None:
        self._chosen, self._moved, self._looked_at = checkpoint.id, False, self._clock()
        if self.engine is not None:
            self._screen.spawn(self._look, self.engine, checkpoint, group="look", exclusive=True)

    async def _look(self, engine: EngineApi, checkpoint: Checkpoint) -> None:
        await asyncio.sleep(LOOK_AFTER_S)
        before = self.before(checkpoint)
        api = engine.checkpoints
        try:
            detail = await api.show(checkpoint.id)
            since = await api.diff(before.id, checkpoint.id) if before is not None else None
            now = await api.restore(checkpoint.id, task_id=self.scope.task_id, dry_run=True)
            self.look, self.look_problem = CheckpointLook(checkpoint, detail, before, since, now), ""
        except TaleError as error:
            self.look, self.look_problem = None, error.sentence
        self._paint()

    def before(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """The checkpoint before one, of what it is kept together with; None for the first one."""
        shown = self.found.checkpoints if self.found is not None else ()
        places = [place for place, one in enumerate(shown) if one.id == checkpoint.id]
        older = shown[places[0] + 1 :] if places else ()
        return next((one for one in older if one.group == checkpoint.group), None)

    # doing

    async def restore(self, engine: EngineApi, checkpoint: Checkpoint, task_id: str = "", file: str = "") -> None:
        """Go back to a checkpoint, or bring back one file of it, after asking."""
        from tale_tui.ui.checkpoints.going_back import restore

        await restore(self._screen, engine.checkpoints, checkpoint, task_id=task_id or self.scope.task_id, file=file)
        self.refresh()

    async def reverse(self, engine: EngineApi, again: bool) -> None:
        """Undo, or redo."""
        from tale_tui.ui.checkpoints.going_back import reverse

        await reverse(self._screen, engine.checkpoints, self.scope, again=again)
        self.refresh()

    async def keep(self, engine: EngineApi, checkpoint: Checkpoint | None) -> None:
        """Keep the present, under a message that is asked for.

        Args:
            engine: keeps it.
            checkpoint: the chosen one: where everything is shown, the present of the same is kept.
        """
        from tale_tui.ui.dialogs.text_entry import TextDialog

        task_id, session_id = self.scope.task_id, self.scope.session_id
        if not task_id and not session_id and checkpoint is not None:
            session_id = checkpoint.session_id
            task_id = "" if session_id else checkpoint.group
        if not task_id and not session_id:
            raise BadInput("Say of what: open the checkpoints of one task, or of one conversation, and keep it there.")
        hint = "What it is to be called. No rule of age and room removes it."
        message = await self._screen.ask(TextDialog("Keep the present", hint=hint))
        if message is not None:
            made = await engine.checkpoints.keep(message, task_id=task_id, session_id="" if task_id else session_id)
            self._screen.say(clean_line(made.message), title="Kept")
            self.refresh()

    async def remove(self, engine: EngineApi, checkpoint: Checkpoint) -> None:
        """Forget a checkpoint for ever, after asking."""
        from tale_tui.ui.dialogs.confirm import ConfirmDialog

        question = f"Remove this checkpoint, {clean_line(checkpoint.message)}?"
        detail = "It cannot be gone back to any more. Files and tasks stay as they are."
        if await self._screen.ask(ConfirmDialog(question, "Remove it", "Keep it", detail=detail)):
            gone = await engine.checkpoints.remove(checkpoint.id)
            self._screen.say(clean_line(gone.message), title="Removed")
            self.refresh()

    async def export(self, engine: EngineApi, name: str) -> None:
        """Write those that are shown to a file that is asked for.

        Args:
            engine: has them.
            name: that is proposed.
        """
        from tale_tui.ui.dialogs.save_text import place_of
        from tale_tui.ui.dialogs.text_entry import TextDialog

        if self.found is None or not self.found.checkpoints:
            raise NoSuchCheckpoint("There are no checkpoints yet.")
        ids = tuple(one.id for one in self.found.checkpoints)
        hint = "A new file, a bundle that git reads too. Another machine can take it in."
        while True:
            written = await self._screen.ask(TextDialog(f"Write {plural(len(ids), 'checkpoint')} to", name, hint=hint))
            if not written:
                return
            path = place_of(name := written)
            if not path.exists():
                break
            self._screen.say(f"{clean_line(str(path))} is there already.", title="Not written", severity="warning")
        count = await engine.checkpoints.export(str(path), checkpoints=ids)
        self._screen.say(f"{plural(count, 'checkpoint')}: {clean_line(str(path))}", title="Written")

    async def import_(self, engine: EngineApi) -> None:
        """Take in those of a file that is asked for."""
        from tale_tui.ui.dialogs.save_text import place_of
        from tale_tui.ui.dialogs.text_entry import TextDialog

        hint = "A file that this screen or tale-tui checkpoints export wrote. Nothing is restored by that."
        written = await self._screen.ask(TextDialog("Take in the checkpoints of", hint=hint))
        if not written:
            return
        found = await engine.checkpoints.import_(str(place_of(written)))
        known = f", {found.known} were here already" if found.known else ""
        self._screen.say(f"{plural(found.taken, 'checkpoint')} taken in{known}.", title="Imported")
        self.show_of(CheckpointScope())
