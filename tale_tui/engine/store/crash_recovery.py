"""What ran when the process ended: interrupted or paused, all at once, when the next one opens the database."""

from __future__ import annotations

import sqlite3

from tale_tui.domain.constants import CHARACTERS_PER_TOKEN_GUESS
from tale_tui.engine.store.token_metrics import insert_cut_calls
from tale_tui.engine.store.transactions import transaction

# When the process ended is not known. Each change of a task is stored, of one that writes about every second: so it
# ran until its last one.
_PAUSE = """
    UPDATE task SET state = 'paused', reason = 'interrupted', epoch = epoch + 1,
        worked_s = worked_s + max(0, updated - running_since), running_since = NULL, updated = :now
    WHERE state = 'running'
"""
_NOTE = "INSERT INTO task_entry (task_n, at, what) SELECT n, :now, 'interrupted' FROM task WHERE state = 'running'"
_RELEASE = "UPDATE task_step SET state = 'pending' WHERE state = 'running'"
INTERRUPTED = "The application ended while this was being written. Go on with it, or ask again."


def interrupt_all(connection: sqlite3.Connection, now: float) -> tuple[int, int]:
    """Interrupt the replies that are half written and pause the tasks that run, with the text of their steps.

    The calls that were cut are kept as such, once: it is one transaction.

    Args:
        connection: outside a transaction.
        now: seconds since the epoch.
    Returns:
        How many replies and how many tasks.
    """

    def job(connection: sqlite3.Connection) -> tuple[int, int]:
        insert_cut_calls(connection, CHARACTERS_PER_TOKEN_GUESS)
        replies = connection.execute(
            "UPDATE message SET state = 'interrupted', error = ? WHERE state = 'streaming'", (INTERRUPTED,)
        ).rowcount
        connection.execute(_NOTE, {"now": now})
        paused = connection.execute(_PAUSE, {"now": now}).rowcount
        if paused:
            connection.execute(_RELEASE)
        return replies, paused

    return transaction("BEGIN IMMEDIATE", job, connection)
