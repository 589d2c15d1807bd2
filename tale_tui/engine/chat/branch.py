"""The conversation above a reply, read from its end and only as far as a prompt needs it."""

from __future__ import annotations

from collections.abc import Callable

from tale_tui.engine.chat.cards import open_cards, with_cards
from tale_tui.engine.chat.context import Prompt
from tale_tui.engine.store import Store
from tale_tui.engine.task_types import Task
from tale_tui.engine.types import Author, Message

FIRST_READ = 64
"""Messages that are read at first: more than most windows hold."""
GROWTH = 4
"""So many times more are read when a prompt had room for all of them."""
CARDS_KNOWN = 200
"""Tasks of a conversation whose state is looked up for their cards."""


class Branch:
    """The messages above a reply.

    Args:
        store: where they are.
        reply_id: the reply.
        session_id: its session.
        now: seconds since the epoch.
    """

    def __init__(self, store: Store, reply_id: str, session_id: str, now: Callable[[], float]) -> None:
        self._store = store
        self._reply_id = reply_id
        self._session_id = session_id
        self._now = now
        self._limit = FIRST_READ
        self.messages: tuple[Message, ...] = ()
        """Oldest first; the last one is the user's message that is to be answered."""
        self.whole = False
        """Whether it begins where the conversation begins."""

    async def read(self) -> None:
        """Read its end.

        Raises:
            NoSuchMessage: the reply is not there any more.
        """
        messages, self.whole = await self._store.branch_above(self._reply_id, self._limit)
        tasks: tuple[Task, ...] = ()
        if open_cards(messages):
            tasks = await self._store.tasks(session_id=self._session_id, limit=CARDS_KNOWN)
        self.messages = with_cards(messages, {task.id: task for task in tasks}, self._now())

    async def read_more(self) -> None:
        """Read further back."""
        self._limit *= GROWTH
        await self.read()

    def is_used_up(self, prompt: Prompt) -> bool:
        """Whether a prompt took all that was read, while there is more."""
        if self.whole:
            return False
        first = next((message for message in self.messages if message.author is Author.USER), None)
        return first is None or prompt.view_from == first.id
