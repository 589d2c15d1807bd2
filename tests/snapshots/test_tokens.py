"""The tokens screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from support import tasks as fake_tasks
from support import tokens as fake_tokens
from support.looks import THEMES
from support.window import Window

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
SCENES = {
    "empty": (fake_tasks.plain, "No call yet."),
    "busy": (fake_tokens.busy, "dearest"),
    "wide": (fake_tokens.wide, "gpt"),
}


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Whether the tokens look as in the picture that was kept."""

    def compare(engine: Any, before: str, size: tuple[int, int], theme: str, *keys: str, after: str = "") -> bool:
        app = fake_tokens.TokensApp(engine, theme)
        app.animation_level = "none"
        window = Window(app)

        async def play(pilot: Pilot[None]) -> None:
            await window.shows(before)
            await window.press(*keys)
            await window.shows(after)

        return snap_compare(app, terminal_size=size, run_before=play)

    return compare


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("scene", SCENES)
def test_screen(picture: Any, scene: str, size: tuple[int, int], theme: str) -> None:
    make, before = SCENES[scene]
    assert picture(make(), before, size, theme)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_calls_of_a_row(picture: Any, size: tuple[int, int]) -> None:
    assert picture(fake_tokens.busy(), "dearest", size, "tale-dark", "down", "enter", after="failed: timeout")


def test_choosing_the_groups(picture: Any) -> None:
    assert picture(fake_tokens.busy(), "dearest", (120, 40), "tale-dark", "b", after="complexity")
