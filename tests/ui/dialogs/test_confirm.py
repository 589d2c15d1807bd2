"""One question, two answers."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.widgets.text_button import TextButton


def dialog(detail: str = "12 turns.") -> ConfirmDialog:
    return ConfirmDialog('Delete "Fibonacci"?', 'Delete "Fibonacci"', "Keep", detail=detail)


KEYS: list[tuple[list[str], bool | None]] = [
    (["enter"], False),
    (["space"], False),
    (["escape"], None),
    (["tab", "enter"], True),
    (["right", "enter"], True),
    (["down", "enter"], True),
    (["right", "left", "enter"], False),
]


async def test_the_safe_answer_is_the_near_one(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.window.press("escape")
        for keys, result in KEYS:
            await shown.next(dialog())
            await shown.window.press(*keys)
            assert await shown.result() is result, keys


async def test_the_last_line_says_what_enter_does_now(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.window.shows("enter keep")
        await shown.window.press("right")
        await shown.window.shows('enter delete "Fibonacci"')


async def test_it_names_the_thing_and_what_follows(show: Any) -> None:
    async with show(dialog()) as shown:
        assert 'Delete "Fibonacci"?' in shown.text
        assert "12 turns." in shown.text
        assert "esc back" in shown.text


async def test_the_mouse_answers_too(show: Any) -> None:
    async with show(dialog(detail="")) as shown:
        assert await shown.window.pilot.click("#yes")
        assert await shown.result() is True


async def test_a_key_of_the_last_line_can_be_clicked(show: Any) -> None:
    async with show(dialog()) as shown:
        line = shown.screen.query_one("KeyLine")
        assert await shown.window.pilot.click(line, offset=(14, 0))
        assert await shown.result() is None


async def test_a_long_name_is_cut_in_the_verb(show: Any) -> None:
    async with show(ConfirmDialog("?", "Delete " + "x" * 500, "Keep"), size=(80, 24)) as shown:
        verb = shown.screen.query_one("#yes", TextButton)
        assert verb.region.right <= 80
        assert "…" in shown.text


async def test_hostile_words_are_only_words(show: Any, hostile_texts: list[str], harmless: Any) -> None:
    async with show(dialog()) as shown:
        await shown.window.press("escape")
        for text in hostile_texts:
            await shown.next(ConfirmDialog(text, text, text, detail=text))
            assert harmless(shown.text), text
            shown.window.app.screen.dismiss(False)
            assert await shown.result() is False


async def test_markup_is_shown_in_every_place(show: Any) -> None:
    async with show(ConfirmDialog("[/] a", "[bold b", "[@click=app.quit]c", detail="[red]d[/]")) as shown:
        for text in ("[/] a", "[bold b", "[@click=app.quit]c", "[red]d[/]"):
            assert text in shown.text


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (200, 60)])
async def test_any_size(show: Any, size: tuple[int, int]) -> None:
    async with show(dialog(), size=size) as shown:
        assert "Keep" in shown.text
        await shown.window.press("enter")
        assert await shown.result() is False


async def test_it_stands_before_the_screen_below_whenever_it_is_drawn(show: Any) -> None:
    async with show(dialog()) as shown:
        first, second = shown.screen, dialog()
        assert first.render().screen is shown.window.app.screen_stack[0]
        await shown.window.app.push_screen(second)
        assert second.render().screen is first
        await shown.window.press("escape", "escape")
