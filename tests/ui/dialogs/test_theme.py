"""Choosing a theme."""

from __future__ import annotations

from typing import Any

import pytest
from textual.theme import BUILTIN_THEMES

from tale_tui.ui.dialogs.theme import ThemeDialog
from tale_tui.ui.theming import load_themes, theme_folders

OURS = load_themes(theme_folders())[0]


def dialog(current: str = "tale-dark") -> ThemeDialog:
    return ThemeDialog(OURS, (*OURS[:1], *BUILTIN_THEMES.values()), current=current)


async def test_a_theme_is_shown_while_it_is_looked_at(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.window.press("down")
        await shown.window.until(lambda: shown.window.app.theme == "tale-light", "a preview")
        await shown.window.press("enter")
        assert await shown.result() == "tale-light"
        assert shown.window.app.theme == "tale-light"


async def test_escape_brings_the_old_theme_back(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.window.press("down", "down")
        await shown.window.until(lambda: shown.window.app.theme != "tale-dark", "a preview")
        await shown.window.press("escape")
        assert await shown.result() is None
        assert shown.window.app.theme == "tale-dark"


async def test_enter_right_after_a_key_takes_the_row_that_is_chosen(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.window.press("down", "enter")
        assert await shown.result() == "tale-light"
        assert shown.window.app.theme == "tale-light"


async def test_typing_filters_names_and_kinds(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.type("nord")
        await shown.window.until(lambda: "From Textual" in shown.text and "fjord" not in shown.text, "filtered")
        await shown.window.press("enter")
        assert await shown.result() == "nord"


async def test_every_theme_stands_there_once(show: Any) -> None:
    async with show(dialog(), size=(100, 60)) as shown:
        assert shown.text.count("tale-dark") == 1
        assert "30" in shown.text.splitlines()[1] or str(len(OURS) + len(BUILTIN_THEMES)) in shown.text


async def test_a_name_that_nothing_has_is_said(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.type("zzz")
        await shown.window.until(lambda: "No theme has such a name" in shown.text, "said")
        await shown.window.press("enter")
        assert shown.results == []


@pytest.mark.parametrize("size", [(20, 5), (200, 60)])
async def test_any_size(show: Any, size: tuple[int, int]) -> None:
    async with show(dialog("ember"), size=size) as shown:
        assert "ember" in shown.text
        await shown.window.press("escape")
        assert await shown.result() is None
