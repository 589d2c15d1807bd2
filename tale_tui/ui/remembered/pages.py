"""Items of which only those are there that somebody has looked at: 100,000 take no longer than a screen of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from tale_tui.domain.recall import RecallItem

PAGE = 200
"""Items that are read together."""


class ItemPages(Sequence["RecallItem | None"]):
    """Items in their order; None stands for one that was not read yet.

    Args:
        count: how many there are.
        pages: those that were read, by their place from 0.
    """

    def __init__(self, count: int = 0, pages: Mapping[int, Sequence[RecallItem]] | None = None) -> None:
        self._count = count
        self._pages = dict(pages or {})

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> RecallItem | None: ...

    @overload
    def __getitem__(self, index: slice) -> list[RecallItem | None]: ...

    def __getitem__(self, index: int | slice) -> RecallItem | None | list[RecallItem | None]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        page, place = divmod(index, PAGE)
        read = self._pages.get(page, ())
        return read[place] if place < len(read) else None

    def put(self, page: int, items: Sequence[RecallItem]) -> None:
        """Take in a page that was read."""
        self._pages[page] = items

    def has(self, page: int) -> bool:
        """Whether a page was read."""
        return page in self._pages

    def place_of(self, item_id: str) -> int:
        """The index of an item among those that were read; -1 where it is not."""
        for page, items in self._pages.items():
            for place, item in enumerate(items):
                if item.id == item_id:
                    return page * PAGE + place
        return -1
