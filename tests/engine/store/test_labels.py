"""What the user said that messages are."""

from __future__ import annotations

import pytest

from tale_tui.engine.errors import EmptyMessage
from tale_tui.engine.store import Label, Store


async def test_the_last_word_on_a_text_counts(store: Store) -> None:
    assert await store.labels() == ()
    await store.add_label("Fix the bug", True, 0.4)
    await store.add_label("Nice\x1b[31m", False)
    again = await store.add_label("Fix the bug", False, 0.4)
    assert await store.labels() == (Label("Nice", False, None, again.created - 1), again)
    assert (again.text, again.is_task, again.p) == ("Fix the bug", False, 0.4)
    assert await store.label_count() == 3


async def test_an_empty_label_is_none(store: Store) -> None:
    with pytest.raises(EmptyMessage):
        await store.add_label(" \x07", True)
    assert await store.label_count() == 0
