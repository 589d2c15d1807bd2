"""Checkpoints in line mode: listed, and the last step of the session taken back or done again, in words."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from tale_tui.cli.tasks.choose import find_task
from tale_tui.domain.errors import BadInput, CannotUndo
from tale_tui.formatting.checkpoints import (
    changes_in_short,
    damaged_line,
    operation_name,
    restoration_lines,
    restoration_preview,
    short_hash,
    summary,
    what_it_is,
)
from tale_tui.formatting.units import when

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Session
    from tale_tui.engine.api import EngineApi

CHECKPOINTS_LISTED = 20
YES = "yes"
HELP = """\
/checkpoints [ID]      what was kept of this session, or of a task; restored by: tale-tui checkpoints restore
/undo                  take back the last step of this session: its files and its text; again the one before
/redo                  do again what was undone last"""


class CheckpointCommands:
    """The commands of line mode on checkpoints.

    Args:
        engine: has them.
        session: the session; None before the first message.
        out: writes a checkpoint.
        told: writes a line besides.
    """

    def __init__(
        self, engine: EngineApi, session: Session | None, out: Callable[[str], None], told: Callable[[str], None]
    ) -> None:
        self._engine = engine
        self._session = session
        self._out = out
        self._told = told

    def table(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """Name of a command -> what it does with the words behind it."""
        return {
            "checkpoints": self._list,
            "undo": partial(self._reverse, "undo"),
            "redo": partial(self._reverse, "redo"),
        }

    async def _list(self, prefix: str) -> None:
        task_id = (await find_task(self._engine, prefix, asks=False)).id if prefix else ""
        session_id = self._session.id if self._session is not None and not task_id else ""
        found = await self._engine.checkpoints.list(task_id=task_id, session_id=session_id, limit=CHECKPOINTS_LISTED)
        now = time.time()
        for one in found.checkpoints:
            parts = (f"{short_hash(one.id)}  {when(one.at, now)}", what_it_is(one), changes_in_short(one))
            self._out(", ".join(part for part in parts if part) + "\n")
        if lost := damaged_line(found.damaged):
            self._told(lost)
        self._told(summary(found, now))

    async def _reverse(self, name: str, word: str) -> None:
        if word not in ("", YES):
            raise BadInput(f"It takes no words: /{name}")
        if self._session is None:
            raise CannotUndo("Nothing was done in this session yet that could be taken back.")
        checkpoints = self._engine.checkpoints
        go = partial(checkpoints.undo if name == "undo" else checkpoints.redo, session_id=self._session.id)
        seen = await go(dry_run=True)
        if seen.conflicts and word != YES:
            self._told(f"{restoration_preview(seen)} To do it: /{name} {YES}")
            return
        done = await go(dry_run=False)
        other = "redo" if name == "undo" else "undo"
        self._told(f"{'Undone' if name == 'undo' else 'Done again'}: {operation_name(done.checkpoint)}.")
        for line in restoration_lines(done, done=True):
            self._told(line)
        self._told(f"To take that back: /{other}")
