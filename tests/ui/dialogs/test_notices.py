"""The list of notices."""

from __future__ import annotations

from typing import Any

from tale_tui.domain.events import Notice
from tale_tui.ui.dialogs.notices import SHOWN_MAX, NoticesDialog


async def test_the_newest_stands_first_with_its_sign(show: Any, now: float) -> None:
    notices = [
        (now - 90000, Notice("The model is missing", "Choose another one.", "warning")),
        (now - 3600, Notice("Exported", "It is in a.md.")),
        (now - 5, Notice("The server does not answer", "Start it.", "error")),
    ]
    async with show(NoticesDialog(notices, now)) as shown:
        text = shown.text
        assert "! The server does not answer  now" in text
        assert "· Exported  13:02" in text
        assert "! The model is missing  Sat" in text
        assert text.index("answer") < text.index("Exported") < text.index("missing")
        await shown.window.press("escape")
        assert await shown.result() is None


async def test_an_empty_list_says_what_would_be_here(show: Any, now: float) -> None:
    async with show(NoticesDialog([], now)) as shown:
        assert "Nothing has happened yet" in shown.text
        await shown.window.press("escape")
        assert await shown.result() is None


async def test_many_notices_are_cut(show: Any, now: float) -> None:
    notices = [(now, Notice(f"title {number}.", "")) for number in range(SHOWN_MAX + 20)]
    async with show(NoticesDialog(notices, now), size=(80, 24)) as shown:
        assert len(shown.screen.query(".sentence")) == SHOWN_MAX
        assert f"title {SHOWN_MAX + 19}." in shown.text


async def test_hostile_notices_are_only_shown(show: Any, now: float, hostile_texts: list[str], harmless: Any) -> None:
    notices = [(now, Notice(text, text, text)) for text in hostile_texts]
    async with show(NoticesDialog(notices, now)) as shown:
        assert harmless(shown.text)
        assert "[@click=app.quit]click me[/]" in shown.text
