"""What is remembered: what the screen shows, and what its keys do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from support.remembered import engine_of, kept, many
from support.window import Window
from tale_tui.domain.errors import EngineLost, FetchFailed, ReadOnly
from tale_tui.domain.recall import RecallKind, RecallSource, RecallState
from tale_tui.ui.remembered.pages import PAGE
from tale_tui.ui.remembered.screen import RememberedScreen

NARROW = (80, 24)


def asked(window: Window, verb: str) -> list[tuple[Any, ...]]:
    """What the engine was asked for by a verb."""
    return [call[1:] for call in window.engine.calls if call[0] == verb]


async def test_items_stand_with_their_kind_their_source_and_their_use(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.shows("Dashboard › Remembered", "6 items · by words, and by meaning (nomic-embed-text)")
        await window.shows("! We decided on PostgreSQL 15", "decision", "Shop, turn 14, you", "9", "Mon")
        await window.shows("task m2x7", "asked for", "[red]No[/red]")
        assert "\x1b[31m" not in window.painted


async def test_below_stands_the_sentence_and_where_it_was_used_last(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.shows("Said on Mon 2 Nov 2026 14:02 in “Shop”", "“Right. We decided on PostgreSQL 15")
        await window.shows("In 9 replies, the last in “Migration plan” at 13:40. Pinned (!) by you.")
        await window.press("down")
        await window.shows("You wanted it remembered, on Sun 8 Nov 2026 13:02.", "In no reply yet.")
        await window.press("down")
        await window.shows("Given by task m2x7 on Tue 3 Nov 2026 14:02 in “Shop”.")


@pytest.mark.parametrize(
    ("presses", "there", "gone"),
    [
        (1, "heron", "PostgreSQL"),
        (2, "SQL written by hand", "heron"),
        (3, "PostgreSQL 15", "heron"),
        (4, "DuckDB", "heron"),
        (5, "PostgreSQL 15", "SQL written by hand"),
    ],
)
async def test_chips_show_one_kind_or_what_is_pinned(open_remembered: Any, presses: int, there: str, gone: str) -> None:
    async with open_remembered() as window:
        await window.press(*["right"] * presses)
        await window.shows(there, " of 6")
        await window.hides(gone)


async def test_what_is_typed_is_looked_for_and_escape_shows_all_again(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("slash", *"staging")
        await window.shows("1 of 6", "staging database", "Found by words (1st)")
        assert asked(window, "search")[-1] == ("staging", 50)
        await window.press("escape")
        await window.shows("heron")
        await window.press("escape")
        await window.until(lambda: window.app.left_to, "it is left")
        assert window.app.left_to == ["dashboard"]


async def test_what_is_found_is_of_the_chip_that_is_shown(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("right", "right", "slash", *"sql")
        await window.shows("1 of 6", "SQL written by hand")
        assert "PostgreSQL" not in window.painted


async def test_where_nothing_is_found_that_is_said(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("slash", *"zebra")
        await window.shows("Nothing was found. Other words may find more.", "0 of 6")


async def test_enter_wants_the_source(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("enter")
        await window.until(lambda: window.app.opened, "the source is wanted")
        assert window.app.opened[0].source.message_id == "message1"


async def test_what_has_no_source_any_more_says_so(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("down", "enter")
        await window.shows("It was not said in a conversation, or that was deleted.")
        assert window.app.opened == []


async def test_an_item_is_edited_and_stays_the_chosen_one(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("down", "down", "e")
        await window.shows("Have it say something else")
        await window.press("end", "!", "enter")
        await window.shows("DuckDB for reports!", "Given by task m2x7")
        assert asked(window, "edit") == [("d4", "Compare databases: DuckDB for reports!", None)]


async def test_a_pin_goes_to_the_top_and_is_taken_away_again(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("down", "p")
        await window.shows("! The build server is called heron", "p unpin", "You wanted it remembered")
        await window.press("p")
        await window.hides("! The build server")
        assert asked(window, "pin") == [("e5", True), ("e5", False)]


async def test_forgetting_asks_first_and_the_safe_choice_is_chosen(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("d")
        await window.shows("Forget this?", "“Shop”, turn 14, you. It cannot be brought back.")
        await window.press("enter")
        await window.hides("Forget this?")
        assert not asked(window, "forget")
        await window.press("d")
        await window.shows("Forget this?")
        await window.press("tab", "enter")
        await window.shows("Forgotten", "5 items")
        assert asked(window, "forget") == [("a1",)]


async def test_something_is_remembered_and_shown_among_all(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("right", "n")
        await window.shows("Remember something", "Keys and passwords are refused.")
        await window.press(*"Tea", "enter")
        await window.shows("Remembered as a fact", "7 items", "  Tea ")
        assert window.app.remembered.controller.chip == "all"


async def test_a_key_is_refused_in_words(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("n")
        await window.shows("Remember something")
        await window.press(*"sk-1", "enter")
        await window.shows("There was a key, a password, or a card or account number in it: not remembered.", "6 items")


async def test_space_turns_it_off_for_the_conversation_and_on_again(open_remembered: Any) -> None:
    async with open_remembered() as window:
        await window.press("space")
        await window.shows("Not in this chat: nothing that is said in it is kept", "space in this chat again")
        await window.press("space")
        await window.shows("space not in this chat")
        assert asked(window, "allow") == [("session9", False), ("session9", True)]


async def test_off_by_the_settings_is_said_and_what_was_kept_stays(open_remembered: Any) -> None:
    engine = engine_of()
    engine.recall_enabled = False
    async with open_remembered(engine) as window:
        await window.shows(
            "off (recall.enabled)", "Off (recall.enabled): nothing is kept and nothing offered.", "heron"
        )
        await window.press("space")
        assert not asked(window, "allow")


async def test_without_a_model_it_is_said_why_things_are_found_by_words_alone(open_remembered: Any) -> None:
    engine = engine_of()
    engine.recall_model = ""
    async with open_remembered(engine) as window:
        await window.shows("6 items · by words alone", "By words alone. There is no model for that here.")
        await window.shows("ctrl+s fetches it here.")


async def test_a_model_is_fetched_where_there_is_none(open_remembered: Any) -> None:
    engine = engine_of()
    engine.recall_model = ""
    engine.holds["recall.context"] = asyncio.Event()
    async with open_remembered(engine) as window:
        await window.shows("ctrl+s fetches it here.")
        await window.press("ctrl+s")
        await window.shows("found by its meaning from now on", "by words, and by meaning (vectors)")
        await window.press("ctrl+s")
        await window.hides("fetches it here")
        assert asked(window, "fetch") == [("",)]
        engine.holds["recall.context"].set()


async def test_a_fetch_that_fails_says_why(open_remembered: Any) -> None:
    engine = engine_of()
    engine.recall_model = ""
    engine.errors["recall.fetch"] = FetchFailed("The package index does not answer.")
    async with open_remembered(engine) as window:
        await window.shows("ctrl+s fetches it here.")
        await window.press("ctrl+s")
        await window.shows("The package index does not answer.", "ctrl+s fetches it here.")


async def test_where_nothing_is_remembered_it_is_said_what_will_be(open_remembered: Any) -> None:
    async with open_remembered(engine_of([])) as window:
        await window.shows("Nothing is remembered yet.", "n remembers")
        await window.press("e", "p", "d", "enter")
        assert not asked(window, "pin")


async def test_a_process_that_only_reads_changes_nothing(open_remembered: Any) -> None:
    engine = engine_of()
    engine.errors["recall.pin"] = ReadOnly("This process only reads.")
    async with open_remembered(engine) as window:
        await window.press("p")
        await window.shows("This process only reads.", "! We decided")


async def test_without_an_engine_one_sentence_stands_there(open_remembered: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    async with open_remembered(broken=broken) as window:
        await window.shows("The engine ended. Press ctrl+r to start it again.", "try again")
        await window.press("n", "ctrl+r")
        await window.shows("heron")


async def test_what_changes_elsewhere_is_seen_a_moment_later(
    open_remembered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RememberedScreen, "TICK_S", 0.05)
    engine, looks = engine_of(), 0
    state = engine.recall.state

    async def counted() -> RecallState:
        nonlocal looks
        looks += 1
        return await state()

    monkeypatch.setattr(engine.recall, "state", counted)
    async with open_remembered(engine) as window:
        engine.remembered.append(replace(kept()[4], id="g7", text="Said in another window"))
        await window.shows("Said in another window", "7 items")
        reads, since = len(asked(window, "list")), looks
        await window.until(lambda: looks > since + 2, "it is looked again")
        assert len(asked(window, "list")) == reads


async def test_of_very_many_only_what_is_seen_is_read(open_remembered: Any) -> None:
    async with open_remembered(engine_of(many(100_000))) as window:
        await window.shows("100k items", "Fact number 3")
        await window.press("end")
        await window.shows("Fact number 99,999")
        await window.press("home", "pagedown")
        await window.shows("Fact number 24")
        assert {call[1] for call in asked(window, "list")} <= {0, 99_999 // PAGE * PAGE, 99_999 // PAGE * PAGE - PAGE}
        assert all(call[0] == PAGE for call in asked(window, "list"))
        await window.press("end", "d")
        await window.shows("Forget this?")
        await window.press("tab", "enter")
        await window.shows("Forgotten", "Fact number 99,998")
        await window.hides("    Fact number 99,999")


async def test_eighty_columns_keep_what_matters(open_remembered: Any) -> None:
    async with open_remembered(size=NARROW) as window:
        await window.shows("6, by meaning", "decision", "Mon", "all  facts", "enter source", "?")
        await window.press("slash", *"data")
        await window.shows("2 of 6")


async def test_twenty_columns_show_the_items(open_remembered: Any) -> None:
    async with open_remembered(size=(20, 5)) as window:
        await window.shows("! We decided")


async def test_an_item_of_a_deleted_conversation_has_no_place(open_remembered: Any) -> None:
    first = kept()[0]
    item = replace(first, source=RecallSource(first.source.origin), kind=RecallKind.FACT, uses=0)
    async with open_remembered(engine_of([item])) as window:
        await window.shows("Said on Mon 2 Nov 2026 14:02: “", "In no reply yet. Pinned (!) by you.")
