"""What checkpoints are made of, put together for an engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.complexity import Complexity
from tale_tui.domain.events import Fact
from tale_tui.engine.checkpoints.restore import LiveSessions, LiveTasks, Restorer
from tale_tui.engine.checkpoints.service import CheckpointService
from tale_tui.engine.checkpoints.writer import CheckpointWriter
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.step_files import TaskFolders


def build_checkpoints(
    path: Path,
    store: Store,
    folders: TaskFolders,
    tasks: Callable[[], LiveTasks],
    sessions: Callable[[], LiveSessions],
    level: Callable[[str], Complexity | None],
    settings: Settings,
    clock: Clock,
    publish: Callable[[Fact], None],
    *,
    can_write: bool,
) -> CheckpointService:
    """The verbs of checkpoints.

    Args:
        path: of the repository.
        store: has the state.
        folders: have the files.
        tasks: gives who brings tasks back.
        sessions: gives who takes conversations in.
        level: how hard a task is, from memory.
        settings: all settings.
        clock: the time.
        publish: takes the facts.
        can_write: False where nothing may be changed.
    """
    writer = CheckpointWriter(path, store, folders, settings.checkpoints, clock, publish, can_write=can_write)
    restorer = Restorer(writer, tasks, sessions)
    return CheckpointService(
        writer=writer,
        restorer=restorer,
        detail=store.task_detail,
        level=level,
        settings=settings.checkpoints,
        clock=clock,
        publish=publish,
        can_write=can_write,
    )
