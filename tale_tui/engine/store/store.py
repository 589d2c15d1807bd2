"""All aggregates on one database."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tale_tui.domain.clock import Clock
from tale_tui.domain.events import Notice
from tale_tui.engine.store.alerts.environment import Environments
from tale_tui.engine.store.alerts.figures import AlertFigures
from tale_tui.engine.store.alerts.rows import Alerts
from tale_tui.engine.store.call_statistics import CallStatisticsRows
from tale_tui.engine.store.conversations.digests import Digests
from tale_tui.engine.store.conversations.export import ExportImport
from tale_tui.engine.store.conversations.messages import Messages, Replies
from tale_tui.engine.store.conversations.search import Search
from tale_tui.engine.store.conversations.sessions import MessageQueue, Sessions
from tale_tui.engine.store.conversations.turns import StoredTurns
from tale_tui.engine.store.database import Connection
from tale_tui.engine.store.open import in_a_thread, open_for_reading, open_for_writing
from tale_tui.engine.store.preferences import Labels, Preferences
from tale_tui.engine.store.recall import Recalled
from tale_tui.engine.store.residencies import Residencies
from tale_tui.engine.store.samples.rollups import Rollups
from tale_tui.engine.store.samples.rows import Samples
from tale_tui.engine.store.samples.use import ModelUses
from tale_tui.engine.store.task_forecasts import TaskForecasts
from tale_tui.engine.store.tasks.plans import TaskPlans
from tale_tui.engine.store.tasks.steps import TaskSteps
from tale_tui.engine.store.tasks.tasks import Tasks
from tale_tui.engine.store.tasks.transitions import TaskTransitions
from tale_tui.engine.store.tasks.versions import TaskVersions
from tale_tui.engine.store.token_metrics import TokenMetrics


class Store(
    Sessions,
    Messages,
    StoredTurns,
    Digests,
    Replies,
    MessageQueue,
    Search,
    ExportImport,
    Preferences,
    Tasks,
    TaskTransitions,
    TaskSteps,
    TaskPlans,
    TaskVersions,
    Labels,
    Residencies,
    TokenMetrics,
    Alerts,
    AlertFigures,
    Environments,
    Samples,
    Rollups,
    ModelUses,
    CallStatisticsRows,
    TaskForecasts,
    Recalled,
):
    """Everything that is kept. `await Store.open(...)` makes one, `close` ends it.

    Every method is one transaction and may raise `StoreError` and its classes; a cancelled write is stored all the
    same, or not at all.
    """

    notices: tuple[Notice, ...] = ()
    """What was found when it was opened and the user wants to know."""
    interrupted: int = 0
    """How many replies were found half written when it was opened; they are interrupted now."""
    interrupted_tasks: int = 0
    """How many tasks were found running when it was opened; they are paused now, as interrupted."""

    @classmethod
    async def open(cls, path: Path, clock: Clock, *, read_only: bool = False) -> Store:
        """Open the database, and make or migrate it where that is needed.

        Args:
            path: the file.
            clock: the time and the ids.
            read_only: change nothing: works where nothing can be written, and is empty where no file is.
        Raises:
            DatabaseNewer: a newer version wrote it; nothing was changed.
            DiskFull, ReadOnly, DatabaseBusy, StoreError: it cannot be used.
        """
        opened = await in_a_thread(
            partial(open_for_reading, path) if read_only else partial(open_for_writing, path, clock)
        )
        reader = await Connection(opened.reader).start()
        writer = await Connection(opened.writer).start() if opened.writer else None
        store = cls(path, clock, reader, writer)
        store.notices = opened.notices
        store.interrupted = opened.interrupted
        store.interrupted_tasks = opened.interrupted_tasks
        if writer is not None:
            await store.read_models()
        return store
