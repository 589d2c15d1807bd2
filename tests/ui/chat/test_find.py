"""Finding words in the conversation, from the key to the way back to the prompt."""

from __future__ import annotations

from typing import Any

from tale_tui.engine.models.scripted import spoken


async def test_words_are_found_from_the_prompt_and_left_with_escape(open_window: Any) -> None:
    async with open_window([spoken("The cache is here, one cache of two.")]) as window:
        await window.ready()
        await window.say("Where is the cache?")
        await window.answered()
        await window.press("ctrl+f", *"cache")
        await window.shows("turn 1 of 2")
        labels = [f"{hint.key} {hint.label}" for hint in window.chat.line.keys]
        assert labels[:3] == ["enter next", "escape close", "shift+enter before"]
        await window.press("enter")
        await window.shows("turn 2 of 2")
        await window.press("tab", "N")
        await window.shows("turn 1 of 2")
        await window.press("n", "n", "n")
        await window.shows("turn 1 of 2")
        await window.press("escape")
        assert window.prompt.has_focus
        assert not window.chat.view.finder.active
        assert window.prompt.text == ""
        await window.hides("turn 1 of 2")
        await window.press("n")
        assert window.prompt.text == "n", "a letter like any other"


async def test_the_command_takes_words(open_window: Any) -> None:
    async with open_window([spoken("An answer.")]) as window:
        await window.ready()
        await window.say("A question.")
        await window.answered()
        await window.say("/find answer")
        await window.shows("turn 1 of 1")
        await window.press(*" x")
        await window.shows("not here")
        await window.press("escape", "ctrl+f")
        assert window.chat.find_bar.line.value == "answer x"
        await window.press(*"quest")
        await window.shows("turn 1 of 1")
        assert window.chat.find_bar.line.value == "quest", "what was looked for is typed over"
