"""A look at the tasks without an engine, through a connection of its own that only reads: what a shell completes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from tale_tui.domain.constants import PEEK_TIMEOUT_S, PEEKED_TASKS
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.store.tasks.task_rows import shown_ids

_LAST = "\U0010ffff"
_TASKS = (
    "SELECT id, title FROM task WHERE id >= ? AND id < ? AND state IN (SELECT value FROM json_each(?))"
    " ORDER BY n DESC LIMIT ?"
)


def peek_tasks(database: Path, beginning: str, states: Collection[TaskState]) -> dict[str, str]:
    """The tasks whose id begins so: the id as it is shown -> title, the newest first.

    Args:
        database: the file; nothing is made where it is not there.
        beginning: of the ids; may be empty.
        states: a task in another state is left out.
    Returns:
        Nothing where the database cannot be read or has no tasks yet: somebody types, and wants no error there.
    """
    begins = beginning.strip().lower()
    wanted = json.dumps([state.value for state in states])
    try:
        with closing(
            sqlite3.connect(database.absolute().as_uri() + "?mode=ro", timeout=PEEK_TIMEOUT_S, uri=True)
        ) as connection:
            titles = dict(connection.execute(_TASKS, (begins, begins + _LAST, wanted, PEEKED_TASKS)).fetchall())
            shown = shown_ids(connection, titles)
    except sqlite3.Error:
        return {}
    # What is typed already is more than what is shown where it goes beyond that.
    return {short if short.startswith(begins) else id_: titles[id_] for id_, short in shown.items()}
