"""Jobs as transactions: one of its own for each, or one for all that wait, which costs less than a commit for each."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from tale_tui.domain.constants import TRANSACTION_JOBS_MAX
from tale_tui.domain.errors import TaleError

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]


def transaction(begin: str, job: Job[T], connection: sqlite3.Connection) -> T:
    """Run a job as one transaction: all of it is stored, or nothing.

    Args:
        begin: the statement that begins it.
        job: what is to be done; what it raises goes on.
        connection: outside a transaction.
    """
    connection.execute(begin)
    try:
        result = job(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return result


@dataclass(slots=True)
class _Waiting(Generic[T]):
    """A job, and what became of it."""

    job: Job[T]
    taken: bool = False
    """Whether a group has taken it: it waits no more."""
    results: list[T] = field(default_factory=list)
    error: TaleError | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Run it between two savepoints, so that one that is refused takes nothing of the others with it."""
        connection.execute("SAVEPOINT job")
        try:
            self.results.append(self.job(connection))
        except TaleError as error:
            connection.execute("ROLLBACK TO job")
            self.error = error
        connection.execute("RELEASE job")

    def forget(self) -> None:
        """What it did was not kept."""
        self.results.clear()
        self.error = None

    def outcome(self, connection: sqlite3.Connection) -> T:
        """What it returned or raised; where it was not run yet it is now, in a transaction of its own."""
        if self.error is not None:
            raise self.error
        return self.results[0] if self.results else transaction("BEGIN IMMEDIATE", self.job, connection)


class Writes:
    """The jobs that wait for the thread that writes. Those that wait together are stored together."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting[Any]] = deque()

    def add(self, job: Job[T]) -> Job[T]:
        """Let a job wait; return what the thread is to be handed for it, at once, as the order counts.

        The first that the thread comes to runs all that wait, in their order. None is told the end of its job before
        the transaction is stored; where that fails, each is run again by itself and hears of its own failure.
        """
        waiting = _Waiting(job)
        self._waiting.append(waiting)

        def turn(connection: sqlite3.Connection) -> T:
            if not waiting.taken:
                self._run_group(connection)
            return waiting.outcome(connection)

        return turn

    def _run_group(self, connection: sqlite3.Connection) -> None:
        """Run what waits, as far as it goes into one transaction; a single job is left to its own."""
        group = [self._waiting.popleft() for _ in range(min(TRANSACTION_JOBS_MAX, len(self._waiting)))]
        for each in group:
            each.taken = True
        if len(group) <= 1:
            return
        stored = False
        try:
            transaction("BEGIN IMMEDIATE", partial(_run_all, group), connection)
            stored = True
        except (sqlite3.Error, OSError):
            return  # to whom it happens shows when each is run by itself
        finally:
            if not stored:
                for each in group:
                    each.forget()


def _run_all(group: list[_Waiting[Any]], connection: sqlite3.Connection) -> None:
    for each in group:
        each.run(connection)
