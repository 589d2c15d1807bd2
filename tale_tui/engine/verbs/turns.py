"""Verbs on turns: a message is sent, a model answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tale_tui.engine.events import TurnEvent
from tale_tui.engine.task_types import Judged
from tale_tui.engine.types import ModelRef, QueuedMessage


class TurnVerbs(Protocol):
    """Messages and replies. Each turn is a stream of events; closing it stops the model."""

    def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """One turn: judge and store the user's message, then ask a model and stream its reply, or make it a task.

        A task's reply is its card: the turn ends at once with `TaskStarted` and `TurnDone`, the task goes on.
        A question about tasks is answered from what is stored, without a model.

        Args:
            session_id: the whole id of a session.
            text: what the user wrote; passes the border here.
            key: becomes the id of the user's message, so that a repeated call can be told from a new one: that stores
                nothing twice, goes on with a reply that was interrupted, and tells the end of one that has ended.
                A message that waits in the queue under this key leaves it.
            ref: another model than the role's, for this turn only; it makes the message chat.
            as_task: what the user said that it is; None lets it be judged. What was judged otherwise is learned from.
        Raises:
            EmptyMessage, MessageTooLong, TaskTooLong, NoSuchSession, TurnRunning: nothing was stored.

        Where no model can be asked the message is stored all the same, and the turn ends with `TurnFailed`.
        """
        ...

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """Ask again: a new version beside the reply `message_id` (or the first reply to the user's message)."""
        ...

    def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        """A new version `key` beside the user's message `message_id`, and a reply to it."""
        ...

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """Go on with the last reply where it broke off: one that was stopped, interrupted, failed or cut by length."""
        ...

    def reroute(self, session_id: str, message_id: str, *, as_task: bool) -> AsyncGenerator[TurnEvent, None]:
        """Make the user's message `message_id` a task after all, or talk: another version of its reply.

        A task that it had become is cancelled, a reply that streams is stopped. The detector learns from it.

        Raises:
            NoSuchMessage: it is not a user's message, or its reply is of that kind already.
        """
        ...

    async def judge(self, text: str, *, session_id: str = "") -> Judged:
        """What a message would become if it were sent now; nothing is stored.

        Args:
            text: as far as it is typed.
            session_id: the conversation, whose tasks are evidence; empty for none.
        """
        ...

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        """Store a message that is to be sent when the reply that streams has ended."""
        ...

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        """Take a waiting message out of the queue; None when it was gone already."""
        ...
