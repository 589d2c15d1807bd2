"""Fan-out of facts: whoever cares subscribes or listens, whoever publishes never waits."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any, TypeVar

from tale_tui.domain.constants import BUS_FACTS_MAX, BUS_NOTICES_MAX
from tale_tui.domain.events import (
    AlertRaised,
    EngineMoved,
    Fact,
    Notice,
    RoleChanged,
    SessionChanged,
    TaskChanged,
    TasksChanged,
)

Key = tuple[object, ...]
F = TypeVar("F", bound=Fact)


def key_of(fact: Fact) -> Key:
    """What a newer fact must have in common with an older one to take its place.

    Notices are never replaced: each has an identity of its own.
    """
    match fact:
        case RoleChanged(status):
            return (RoleChanged, status.role)
        case SessionChanged(session_id, deleted, source):
            return (SessionChanged, session_id, deleted, source)
        case TaskChanged(task):
            return (TaskChanged, task.id)
        case TasksChanged():
            return (TasksChanged,)
        case Notice():
            return (Notice, id(fact))
        case AlertRaised(alert):
            return (AlertRaised, alert.id)
        case EngineMoved():
            return (EngineMoved,)


class Subscription:
    """The facts of one reader, as an async iterator that ends when the bus or the subscription is closed."""

    def __init__(self, first: Iterable[Fact]) -> None:
        self._waiting: dict[Key, Fact] = {key_of(fact): fact for fact in first}
        self._something = asyncio.Event()
        self._closed = False
        if self._waiting:
            self._something.set()

    def put(self, fact: Fact) -> None:
        """Add a fact, in the place of an older one with the same key where there is one.

        Beyond the limit all changes of tasks become one fact that says so, then the oldest change of a session or
        notice goes; the few facts on the whole never do.
        """
        self._waiting[key_of(fact)] = fact
        if len(self._waiting) > BUS_FACTS_MAX:
            self._shorten()
        self._something.set()

    def _shorten(self) -> None:
        tasks = [key for key in self._waiting if key[0] is TaskChanged]
        if len(tasks) > 1:
            for key in tasks:
                del self._waiting[key]
            self._waiting[key_of(TasksChanged())] = TasksChanged()
        else:
            self._waiting.pop(next(key for key in self._waiting if key[0] in (SessionChanged, Notice, AlertRaised)))

    def close(self) -> None:
        """End it, after what waits."""
        self._closed = True
        self._something.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Fact:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._something.clear()
            await self._something.wait()
        return self._waiting.pop(next(iter(self._waiting)))


class Bus:
    """Hands every fact to every subscriber, then to those who listen for its kind. Used from the event loop alone."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._listeners: defaultdict[type[Any], list[Callable[[Any], None]]] = defaultdict(list)
        self._unread: list[Notice | AlertRaised] = []
        self._closed = False

    @property
    def readers(self) -> int:
        """How many subscribe now."""
        return len(self._subscriptions)

    def publish(self, fact: Fact) -> None:
        """Tell everybody; never waits. Notices and alerts that nobody hears are kept for the first who subscribes."""
        if isinstance(fact, Notice | AlertRaised) and not self._subscriptions:
            self._unread = [*self._unread, fact][-BUS_NOTICES_MAX:]
        for subscription in self._subscriptions:
            subscription.put(fact)
        for hear in self._listeners.get(type(fact), ()):
            hear(fact)

    def listen(self, kind: type[F], *hear: Callable[[F], None]) -> None:
        """Have parts of the engine told at once of every fact of a kind, for as long as the bus is there.

        Args:
            kind: of fact.
            hear: called with it, in this order; each returns at once.
        """
        self._listeners[kind] += hear

    def subscribe(self, first: Iterable[Fact] = ()) -> Subscription:
        """A reader of everything that is published from now on.

        Args:
            first: what it is told before that.
        """
        unread, self._unread = self._unread, []
        subscription = Subscription([*first, *unread])
        if self._closed:
            subscription.close()
        self._subscriptions.append(subscription)
        return subscription

    async def watch(self, first: Callable[[], Iterable[Fact]]) -> AsyncGenerator[Fact, None]:
        """What is published from the first step on, until the bus or this is closed.

        Args:
            first: gives what is told before that.
        """
        subscription = self.subscribe(first())
        try:
            async for fact in subscription:
                yield fact
        finally:
            self.unsubscribe(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop collecting for a reader. Doing it twice does nothing."""
        subscription.close()
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def close(self) -> None:
        """End every subscription, after what waits in it."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
