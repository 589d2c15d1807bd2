"""Text of a hostile size in the whole application: it answers keys afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events

from tale_tui.engine.models.scripted import spoken

HUGE = {
    "a line in a fence": "```\n" + "x" * 200_000,
    "a table": "|" + "h|" * 10 + "\n|" + "---|" * 10 + "\n" + ("|" + "cell|" * 10 + "\n") * 300,
    "many lines": "line\n" * 20_000,
    "many paragraphs": "some words\n\n" * 10_000,
    "accents": "e" + "\u0301" * 100_000,
}


@pytest.mark.parametrize("name", HUGE)
async def test_a_huge_reply_leaves_the_window_usable(open_app: Any, name: str) -> None:
    text = HUGE[name]
    pieces = [text[start : start + 5000] for start in range(0, len(text), 5000)]
    async with open_app(lambda request: spoken(*pieces)) as whole:
        await whole.say("go")
        await whole.press("a")
        assert whole.prompt.text == "a"
        await whole.press("shift+tab", "home", "pagedown", "end", "escape", "b")
        assert whole.prompt.text == "ab"
        whole.unharmed()


@pytest.mark.parametrize("name", ["a line in a fence", "accents"])
async def test_a_huge_paste_leaves_the_window_usable(open_app: Any, name: str) -> None:
    async with open_app() as whole:
        whole.chat.post_message(events.Paste(HUGE[name]))
        await whole.settle()
        await whole.press("a")
        assert whole.prompt.text.endswith("a")
        await whole.say(whole.prompt.text)
        await whole.press("b")
        assert whole.prompt.text == "b"
        whole.unharmed()
