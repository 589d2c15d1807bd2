"""The models of the embedded backend that are in memory: a process for each role, started and ended here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tale_tui.domain.constants import CHILD_EXIT_TIMEOUT_S
from tale_tui.domain.errors import BackendCrashed, ModelError, NotAvailable, TimedOut
from tale_tui.domain.models import Role
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.embedded.files import locate, plan_load
from tale_tui.engine.models.embedded.process import ChildProcess
from tale_tui.engine.models.embedded.process_errors import load_failure
from tale_tui.engine.models.embedded.protocol import LoadModel, LoadSucceeded
from tale_tui.engine.models.files.library import Identity, reason

if TYPE_CHECKING:
    from tale_tui.config.settings import EmbeddedSettings


@dataclass(slots=True)
class ProcessSlot:
    """A model and its process for one role."""

    model: str
    role: Role
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who asks, until the process is free again; and while a process is started."""
    child: ChildProcess | None = None
    """With the model in memory."""
    identity: Identity | None = None
    """Of the file that it has loaded."""
    asked_window: int | None = None

    def serving(self, identity: Identity, window: int | None) -> ChildProcess | None:
        """The process, where it lives and has loaded this file with this window (None: with any)."""
        if self.child is None or not self.child.alive or self.identity != identity:
            return None
        return self.child if window in (None, self.asked_window, self.child.window) else None


class ModelProcesses:
    """Starts processes, at most one for a model and a role, and ends them.

    Args:
        settings: how models are loaded.
        models_dir: where their files are.
        log_file: what llama.cpp says goes there.
    """

    def __init__(self, settings: EmbeddedSettings, models_dir: Path, log_file: Path) -> None:
        self._settings = settings
        self._models_dir = models_dir
        self._log_file = log_file
        self._slots: dict[tuple[str, Role], ProcessSlot] = {}
        self._children: set[ChildProcess] = set()
        """All that were started and may not have ended, loaded or not."""
        self._loading = asyncio.Lock()
        """One at a time: how much memory is free is read before."""
        self._closed = False

    def slot(self, model: str, role: Role) -> ProcessSlot:
        """The place of a model for a role, whether it is in memory or not."""
        return self._slots.setdefault((model, role), ProcessSlot(model, role))

    def living(self) -> list[tuple[ProcessSlot, ChildProcess]]:
        """The places of the models that are in memory, with their processes."""
        return [(slot, slot.child) for slot in self._slots.values() if slot.child and slot.child.alive]

    async def present(self, model: str, role: Role, window: int | None) -> ChildProcess | None:
        """The process of a model, where it lives and serves the file that is there now with this window.

        Raises:
            ModelNotFound: there is no such file.
        """
        _, identity = await asyncio.to_thread(locate, self._models_dir, model)
        return self.slot(model, role).serving(identity, window)

    async def ensure_loaded(self, slot: ProcessSlot, window: int | None, deadline: float) -> tuple[ChildProcess, float]:
        """The process of a model, started where it does not live. The turn of the slot must be held.

        Returns:
            The process, and the milliseconds that loading took just now.
        """
        try:
            path, identity = await asyncio.to_thread(locate, self._models_dir, slot.model)
        except ModelError:
            await end(slot)
            raise
        if child := slot.serving(identity, window):
            return child, 0.0
        async with self._loading:
            await end(slot)
            load = await asyncio.to_thread(plan_load, self._settings, slot.model, path, window, slot.role)
            began = _now()
            slot.child = await self._start(slot.model, load, deadline)
            slot.identity, slot.asked_window = identity, window
            return slot.child, (_now() - began) * 1000

    async def close(self) -> None:
        """End all processes and wait until they are gone."""
        self._closed = True
        for child in self._children:
            child.kill()
        await asyncio.gather(*(child.gone() for child in self._children))
        self._children.clear()

    async def _start(self, model: str, load: LoadModel, deadline: float) -> ChildProcess:
        """Start a process and wait until its model is in memory; where that does not come about, it is ended."""
        try:
            child = await ChildProcess.start(load, self._log_file)
        except OSError as error:
            raise NotAvailable(f"The process of {clean_line(model)} cannot be started: {reason(error)}.") from error
        self._children = {other for other in self._children if other.alive} | {child}
        answer = None
        try:
            if self._closed:
                # `close` did not see it: it was being started.
                child.kill()
                await child.gone()
                raise BackendCrashed("The application is closing.")
            async with asyncio.timeout_at(deadline):
                answer = await child.loaded()
        except TimeoutError as error:
            raise TimedOut(
                f"{clean_line(model)} was not loaded in time. Take a smaller model, or allow more with "
                "`limits.first_token_s` in the settings."
            ) from error
        finally:
            if answer is None:
                child.kill()
        if isinstance(answer, LoadSucceeded):
            return child
        await _wait_for_exit(child)
        words = await asyncio.to_thread(child.stderr_tail)
        raise load_failure(model, load.window, answer, child.exit_code, words)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def end(slot: ProcessSlot) -> None:
    """End the process of a slot and wait until it is gone."""
    child, slot.child = slot.child, None
    if child is not None:
        child.kill()
        await child.gone()


async def _wait_for_exit(child: ChildProcess) -> None:
    """Let a process that could not load its model write its log and end."""
    try:
        async with asyncio.timeout(CHILD_EXIT_TIMEOUT_S):
            await child.gone()
    except TimeoutError:
        child.kill()
        await child.gone()
