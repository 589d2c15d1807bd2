"""What the screen shows of what is remembered, read while it is shown, and what its keys change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from tale_tui.domain.errors import NoSuchItem
from tale_tui.domain.recall import RecallKind
from tale_tui.domain.text import clean_line
from tale_tui.formatting.recall import source_words
from tale_tui.ui.live_screen import LiveController
from tale_tui.ui.remembered.pages import PAGE, ItemPages

if TYPE_CHECKING:
    from tale_tui.domain.models import Progress
    from tale_tui.domain.recall import RecallContext, RecallHit, RecallItem, RecallState
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.base_screen import BaseScreen

SEARCH_DELAY_S = 0.15
"""Seconds without a key before something is looked for."""
HITS = 50
"""Items that a search shows at most."""
_NAME_CHARACTERS = 60
"""Of an item inside a question or a notice."""

SessionOf = Callable[[bool], Awaitable[str]]
"""Gives the id of the conversation in the chat: empty where there is none yet, which with True is made."""


class ItemChip(StrEnum):
    """Which items are shown."""

    ALL = "all"
    FACTS = "facts"
    PREFERENCES = "preferences"
    DECISIONS = "decisions"
    RESULTS = "results"
    PINNED = "pinned"

    @property
    def kind(self) -> RecallKind | None:
        """The kind that is shown alone; None for all."""
        return _KINDS.get(self)


_KINDS = {
    ItemChip.FACTS: RecallKind.FACT,
    ItemChip.PREFERENCES: RecallKind.PREFERENCE,
    ItemChip.DECISIONS: RecallKind.DECISION,
    ItemChip.RESULTS: RecallKind.RESULT,
}


class RememberedView(Protocol):
    """What paints."""

    def paint(self) -> None:
        """Show what is known."""

    def pages_in_sight(self) -> Iterable[int]:
        """The pages of items that are seen, or chosen."""


class RememberedController(LiveController):
    """Reads for the screen, and only while it is shown.

    Args:
        screen: does the work in the background, and tells.
        view: paints.
        engine: that is asked; None while there is none.
        session_of: names the conversation that `space` is about.

    Attributes:
        chip: which items are shown.
        words: that are looked for; empty shows all of the chip.
        rows: the items; None stands for one that was not read yet.
        hits: how items were found, by their ids; empty while nothing is looked for.
        state: how recall is; None while nothing was read.
        allowed: whether it is on for the conversation in the chat.
        searching: whether words are being looked for.
        wanted: the id of the item to be chosen when it is shown.
        fetched: how far the model is that is being fetched; None while none is.
    """

    READING = ("read", "context")

    def __init__(
        self, screen: BaseScreen, view: RememberedView, engine: EngineApi | None, session_of: SessionOf
    ) -> None:
        super().__init__(screen, view.paint, engine)
        self._view = view
        self._session_of = session_of
        self.chip = ItemChip.ALL
        self.words = ""
        self.rows: Sequence[RecallItem | None] = ()
        self.hits: dict[str, RecallHit] = {}
        self.state: RecallState | None = None
        self.allowed = True
        self.searching = False
        self.wanted = ""
        self.fetched: Progress | None = None
        self._contexts: dict[str, RecallContext] = {}
        self._context_of = ""
        """The id of the item whose context is being read."""
        self._asked: set[int] = set()
        """Pages that are being read."""

    # reading

    def use(self, engine: EngineApi | None) -> None:
        """There is an engine now, or none any more: then nothing is shown."""
        super().use(engine)
        if engine is None:
            self.rows = ()

    def refresh(self) -> None:
        """Read all anew, soon; what is being read is not wanted any more."""
        if self.engine is not None:
            self._screen.spawn(self._read, self.engine, group="read", exclusive=True)

    def tick(self) -> None:
        """Read whether anything is another one, and if so all of it."""
        if self.engine is not None:
            self._screen.spawn(self._read, self.engine, False, group="read")

    def rest(self) -> None:
        """It is shown no longer: what is being read is not wanted."""
        super().rest()
        self._context_of = ""

    async def _read(self, engine: EngineApi, always: bool = True) -> None:
        with self.telling_once():
            await self.read_status(engine)
            session_id, before = await self._session_of(False), self.state
            self.state = await engine.recall.state()
            self.allowed = not session_id or not self.state.enabled or await engine.recall.allowed(session_id)
            if always or before != self.state:
                self._contexts.clear()
                await (self._search(engine) if self.words else self._list(engine))
        self._paint()

    async def _list(self, engine: EngineApi) -> None:
        """Read how many there are, and those that are seen."""
        pages = {page: await self._page(engine, page) for page in sorted(set(self._view.pages_in_sight()))}
        self.rows, self.hits = ItemPages(self.count, pages), {}

    async def _page(self, engine: EngineApi, page: int) -> tuple[RecallItem, ...]:
        pinned = self.chip is ItemChip.PINNED
        return await engine.recall.list(limit=PAGE, offset=page * PAGE, kind=self.chip.kind, pinned=pinned)

    def page_wanted(self, page: int) -> None:
        """A page is seen that was not read; many may ask for the same."""
        rows = self.rows
        if self.engine is not None and isinstance(rows, ItemPages) and not rows.has(page) and page not in self._asked:
            self._asked.add(page)
            self._screen.spawn(self._read_page, self.engine, rows, page, group="page")

    async def _read_page(self, engine: EngineApi, rows: ItemPages, page: int) -> None:
        try:
            rows.put(page, await self._page(engine, page))
        finally:
            self._asked.discard(page)
        if rows is self.rows:
            self._paint()

    def find(self, words: str) -> None:
        """Look for other words, when the typing rests; none show all again."""
        self.words, self.searching = words.strip(), bool(words.strip())
        if self.engine is not None:
            self._screen.workers.cancel_group(self._screen, "read")
            self._screen.spawn(self._find, self.engine, group="find", exclusive=True)

    async def _find(self, engine: EngineApi) -> None:
        if self.words:
            await asyncio.sleep(SEARCH_DELAY_S)
        await self._read(engine)

    async def _search(self, engine: EngineApi) -> None:
        words = self.words
        try:
            hits = await engine.recall.search(words, limit=HITS)
        finally:
            self.searching = False
        kind, pinned = self.chip.kind, self.chip is ItemChip.PINNED
        wanted = [hit for hit in hits if kind in (None, hit.item.kind) and (hit.item.pinned or not pinned)]
        self.hits = {hit.item.id: hit for hit in wanted}
        self.rows = tuple(hit.item for hit in wanted)

    def show(self, chip: ItemChip) -> None:
        """Show other items."""
        self.chip = chip
        self.refresh()

    @property
    def count(self) -> int:
        """How many items the chip has, whatever is looked for."""
        if self.state is None:
            return 0
        if self.chip is ItemChip.PINNED:
            return self.state.pinned
        kind = self.chip.kind
        return self.state.items if kind is None else self.state.kinds.get(kind, 0)

    def context_of(self, item: RecallItem) -> RecallContext | None:
        """What is around an item; what is not known is read, and painted then."""
        found = self._contexts.get(item.id)
        if found is None and self.engine is not None and self._context_of != item.id:
            self._context_of = item.id
            self._screen.spawn(self._read_context, self.engine, item.id, group="context", exclusive=True)
        return found

    async def _read_context(self, engine: EngineApi, item_id: str) -> None:
        try:
            self._contexts[item_id] = await engine.recall.context(item_id)
        except NoSuchItem:
            return  # it was forgotten elsewhere; the next look shows that
        finally:
            if self._context_of == item_id:
                self._context_of = ""
        self._paint()

    # changing

    async def remember(self, engine: EngineApi) -> bool:
        """Ask what is to be remembered, and keep it; whether something was."""
        from tale_tui.ui.dialogs.text_entry import TextDialog

        hint = "One thing in one line. Keys and passwords are refused."
        text = await self._screen.ask(TextDialog("Remember something", hint=hint))
        if not text:
            return False
        item = await engine.recall.add(text)
        self.wanted = item.id
        self._screen.say(_short(item), title=f"Remembered as a {item.kind}")
        return True

    async def edit(self, engine: EngineApi, item: RecallItem) -> None:
        """Ask what an item is to say."""
        from tale_tui.ui.dialogs.text_entry import TextDialog

        text = await self._screen.ask(TextDialog("Have it say something else", item.text))
        if text and text != item.text:
            self.wanted = (await engine.recall.edit(item.id, text)).id
            await self._read(engine)

    async def pin(self, engine: EngineApi, item: RecallItem) -> None:
        """Pin an item, or let it loose."""
        self.wanted = (await engine.recall.pin(item.id, pinned=not item.pinned)).id
        await self._read(engine)

    async def forget(self, engine: EngineApi, item: RecallItem) -> None:
        """Forget an item, after asking."""
        from tale_tui.ui.dialogs.confirm import ConfirmDialog

        where = source_words(item)
        detail = f"“{_short(item)}”{f', {where}' if where else ''}. It cannot be brought back."
        if await self._screen.ask(ConfirmDialog("Forget this?", "Forget it", "Keep", detail=detail)):
            gone = await engine.recall.forget(item.id)
            self._screen.say(_short(gone), title="Forgotten")
            await self._read(engine)

    async def fetch(self, engine: EngineApi) -> None:
        """Fetch a model that finds by meaning."""
        try:
            async with aclosing(engine.recall.fetch()) as steps:
                async for self.fetched in steps:
                    self._paint()
        finally:
            self.fetched = None
            self._paint()
        self._screen.say("What is remembered is found by its meaning from now on.")
        await self._read(engine)

    async def switch(self, engine: EngineApi) -> None:
        """Turn recall off for the conversation in the chat, or on again."""
        session_id = await self._session_of(True)
        self.allowed = await engine.recall.allow(session_id, on=not await engine.recall.allowed(session_id))
        self._paint()


def _short(item: RecallItem) -> str:
    return clean_line(item.text, _NAME_CHARACTERS)
