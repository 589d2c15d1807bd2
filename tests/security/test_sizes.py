"""Text of a hostile size in the whole application: it answers keys afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events

from tale_tui.engine.models.scripted import spoken

pytestmark = pytest.mark.long

HUGE = {
    "a line in a fence": "```\n" + "x" * 200_000,
    "a table": "|" + "h|" * 10 + "\n|" + "---|" * 10 + "\n" + ("|" + "cell|" * 10 + "\n") * 300,
    "many lines": "line\n" * 20_000,
    "many paragraphs": "some words\n\n" * 10_000,
    "lists 200 deep": "".join("  " * level + "- a\n" for level in range(200)),
    "quotes 5,000 deep": ">" * 5000 + " a\n",
    "lines that go on 200 quotes": ">" * 200 + "a\n" * 10_000,
    "definitions": "[a]\n\n" + "".join(f"[{number}]: http://a.b/{number}\n" for number in range(5000)),
    "accents": "e" + "\u0301" * 100_000,
}


@pytest.mark.parametrize("name", HUGE)
async def test_a_huge_reply_leaves_the_window_usable(open_app: Any, name: str) -> None:
    text = HUGE[name]
    pieces = [text[start : start + 5000] for start in range(0, len(text), 5000)]
    async with open_app(lambda request: spoken(*pieces)) as (window, terminal):
        await terminal.say("go")
        await window.press("a")
        assert window.prompt.text == "a"
        await window.press("shift+tab", "home", "pagedown", "end", "escape", "b")
        assert window.prompt.text == "ab"
        terminal.unharmed()


@pytest.mark.parametrize("name", ["a line in a fence", "accents"])
async def test_a_huge_paste_leaves_the_window_usable(open_app: Any, name: str) -> None:
    async with open_app() as (window, terminal):
        window.chat.post_message(events.Paste(HUGE[name]))
        await window.pilot.pause()
        await window.press("a")
        assert window.prompt.text.endswith("a")
        await terminal.say(window.prompt.text)
        await window.press("b")
        assert window.prompt.text == "b"
        terminal.unharmed()
