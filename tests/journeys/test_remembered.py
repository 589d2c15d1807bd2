"""What is remembered, as a user meets it: said in one conversation, asked for in another, looked at, taken away."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.long

DECIDED = "We decided on PostgreSQL 15 for the shop."


async def test_what_was_decided_is_known_after_a_start_in_another_conversation(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say(DECIDED)
        await window.answered()
        first = window.session.id
    async with open_window(detect=True) as window:
        await window.ready()
        await window.say("What did we decide for the shop today?")
        await window.shows(f"“{DECIDED}”", "1 remembered")
        await window.say("What was my last request?")
        await window.shows("Your last request", DECIDED)
        await window.say("Which PostgreSQL does the shop use?")
        await window.shows("An answer.")
        await window.press("shift+tab", "d")
        await window.shows("remembered      We decided on PostgreSQL 15", "shop. (decision, “We decided on")
        await window.press("escape")
        await window.closed()
        await window.press("escape")
        await window.until(lambda: window.prompt.has_focus, "the prompt has the focus")
        await window.say("/recall")
        await window.shows(
            "1 item · by words alone", "Said on Sun 8 Nov 2026", "In 2 replies, the last in “What did we"
        )
        await window.press("enter")
        await window.closed()
        await window.until(lambda: window.session.id == first, "the conversation in which it was said")


async def test_where_it_is_off_nothing_is_kept_and_what_was_kept_goes_with_its_conversation(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say(DECIDED)
        await window.answered()
        await window.say("/recall")
        await window.shows(DECIDED)
        await window.press("space")
        await window.shows("Not in this chat")
        await window.press("escape")
        await window.closed()
        await window.say("I prefer tabs over spaces in all my code.")
        await window.answered()
        await window.say("/recall")
        await window.shows("1 item", "in this chat again")
        await window.press("escape")
        await window.closed()
        await window.say("/delete")
        await window.shows("Delete")
        await window.press("tab", "enter")
        await window.until(lambda: window.session is None, "it is deleted")
        await window.say("/recall")
        await window.shows("Nothing is remembered yet.")


async def test_the_setting_turns_it_off_everywhere(open_window: Any) -> None:
    async with open_window(recall={"enabled": False}) as window:
        await window.ready()
        await window.say(DECIDED)
        await window.answered()
        await window.say("Which PostgreSQL does the shop use?")
        await window.answered()
        assert "remembered" not in window.painted
        await window.say("/recall")
        await window.shows("0 items · off (recall.enabled)", "nothing is kept and nothing offered")
    async with open_window() as window:
        await window.ready()
        await window.say("/recall")
        await window.shows("Nothing is remembered yet.")
