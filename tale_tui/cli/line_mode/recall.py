"""What is remembered, in line mode: its commands, in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tale_tui.domain.clock import ID_SHOWN
from tale_tui.domain.errors import BadInput, NoSuchItem
from tale_tui.formatting.recall import OFF_HERE, ON_HERE, source_words, state_words

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Session
    from tale_tui.domain.recall import RecallItem
    from tale_tui.engine.api import EngineApi

ITEMS_LISTED = 20
HELP = """\
/remember TEXT         remember something beyond this session
/recall                what is remembered, and how it is found; /memory is the same
/recall WORDS          what has these words, or means what they ask for
/recall off, /recall on
                       whether this session remembers and is offered anything
/forget ID             forget something for ever"""


class RecallCommands:
    """The commands of line mode on what is remembered.

    Args:
        engine: has it.
        current: the session, made where there is none.
        out: writes an item.
        told: writes a line besides.
    """

    def __init__(
        self,
        engine: EngineApi,
        current: Callable[[], Awaitable[Session]],
        out: Callable[[str], None],
        told: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._current = current
        self._out = out
        self._told = told

    def table(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """Name of a command -> what it does with the words behind it."""
        return {"remember": self._remember, "forget": self._forget, "recall": self._recall, "memory": self._recall}

    async def _remember(self, text: str) -> None:
        if not text:
            raise BadInput("Write behind it what is to be remembered, as in /remember We use PostgreSQL 15")
        session = await self._current()
        item = await self._engine.recall.add(text, session_id=session.id)
        self._told(f"Remembered as a {item.kind}: {item.text}")

    async def _forget(self, words: str) -> None:
        if not words:
            raise BadInput("Write behind it the id of what is to be forgotten: /recall lists them.")
        try:
            item = await self._engine.recall.find(words)
        except NoSuchItem:
            hits = await self._engine.recall.search(words, limit=5)
            if not hits:
                raise
            self._told("Which one? Write /forget and its id:")
            for hit in hits:
                self._told(_line(hit.item))
            return
        await self._engine.recall.forget(item.id)
        self._told(f"Forgotten: {item.text}")

    async def _recall(self, words: str) -> None:
        if words.lower() in ("on", "off"):
            on = await self._engine.recall.allow((await self._current()).id, on=words.lower() == "on")
            self._told(ON_HERE if on else OFF_HERE)
            return
        recall = self._engine.recall
        if words:
            found = tuple(hit.item for hit in await recall.search(words, limit=ITEMS_LISTED))
        else:
            found = await recall.list(limit=ITEMS_LISTED)
        for item in found:
            self._out(_line(item) + "\n")
        if words and not found:
            self._told("Nothing was found.")
        if not words:
            self._told(state_words(await recall.state()))


def _line(item: RecallItem) -> str:
    """An item in one line, without signs: it is read aloud."""
    pinned = ", pinned" if item.pinned else ""
    return f"{item.id[:ID_SHOWN]}  {item.text} ({item.kind}, {source_words(item)}{pinned})"
