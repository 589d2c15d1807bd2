"""Sentences about what is remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.remembered import kept
from tale_tui.domain.models import Progress
from tale_tui.domain.recall import RecallContext, RecallHit, RecallState
from tale_tui.ui.remembered.pages import PAGE, ItemPages
from tale_tui.ui.remembered.words import origin_words, state_line, state_title, use_words


@pytest.fixture(autouse=True)
def _in_utc(in_utc: None) -> None:
    """Moments are told in UTC."""


@pytest.mark.parametrize("begins", [0, 200, 2_000])
def test_of_a_long_message_the_part_around_the_item_is_quoted(begins: int) -> None:
    item = kept()[0]
    message = "x" * begins + f" {item.text} " + "y" * 2_000
    said = origin_words(item, RecallContext(message), 160)
    assert item.text in said
    assert len(said) < 250
    assert said.endswith("…”")
    assert ("“…" in said) == bool(begins)


def test_an_item_longer_than_what_may_be_quoted_does_no_harm() -> None:
    item = replace(kept()[0], text="z" * 400)
    assert origin_words(item, RecallContext("z" * 900), 160).count("z") == 160


def test_how_it_was_found_and_used_is_said() -> None:
    item, now = kept()[0], 1_794_146_520.0
    assert use_words(item, RecallHit(item, 1.0, 2, 1), None, now).startswith(
        "Found by meaning (1st) and by words (2nd)."
    )
    assert "In 9 replies, the last at 13:40." in use_words(item, None, None, now)
    assert use_words(replace(item, uses=1, used=None, pinned=False), None, None, now) == "In 1 reply."
    assert "the last just now" in use_words(replace(item, used=now - 3), None, None, now)


def test_how_recall_is_is_said_where_something_is_to_be_known() -> None:
    well = RecallState(True, 214, "ollama/nomic-embed-text", 214)
    assert state_line(None, allowed=True) == state_line(well, allowed=True) == ""
    assert state_line(replace(well, embedded=200), allowed=True) == "14 of 214 are found by words alone yet."
    assert state_line(well, allowed=False).startswith("Not in this chat")
    assert state_line(replace(well, enabled=False), allowed=True).startswith("Off (recall.enabled)")
    alone = RecallState(True, 3, why="There is none")
    assert state_line(alone, allowed=True, key="ctrl+s") == "By words alone. There is none. ctrl+s fetches it here."
    assert state_line(alone, allowed=True, fetched=Progress("Downloading", 1, 4)) == "Downloading: 25 %"
    assert state_title(well, narrow=True) == "214, by meaning"
    assert state_title(replace(well, enabled=False), narrow=True) == "214 items, off"


def test_pages_that_were_not_read_are_none() -> None:
    items = kept()
    pages = ItemPages(3 * PAGE, {1: items})
    assert (pages[0], pages[PAGE], pages[PAGE + len(items)]) == (None, items[0], None)
    assert pages[PAGE : PAGE + 2] == items[:2]
    assert pages.place_of("b2") == PAGE + 1
    assert pages.place_of("nothing") == -1
    with pytest.raises(IndexError):
        pages[3 * PAGE]
