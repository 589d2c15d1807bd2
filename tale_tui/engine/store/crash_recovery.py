"""What ran when the process ended: interrupted or paused, all at once, when the next one opens the database."""

from __future__ import annotations

import sqlite3

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


def interrupt_tasks(connection: sqlite3.Connection, now: float) -> int:
    """Pause the tasks that run, with the text of their steps; how many they were.

    Args:
        connection: outside a transaction.
        now: seconds since the epoch.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_NOTE, {"now": now})
        paused = connection.execute(_PAUSE, {"now": now}).rowcount
        if paused:
            connection.execute(_RELEASE)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return paused


def interrupt_replies(connection: sqlite3.Connection) -> int:
    """Interrupt the replies that are half written; how many they were."""
    changed = connection.execute(
        "UPDATE message SET state = 'interrupted', error = ? WHERE state = 'streaming'", (INTERRUPTED,)
    )
    return changed.rowcount
