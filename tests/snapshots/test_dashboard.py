"""The dashboard, on what a test says was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from support.dashboard import DashboardApp, engine_of
from support.looks import THEMES
from support.window import Window
from tale_tui.domain.errors import EngineLost

TINY, SMALL, USUAL, LARGE = (20, 5), (80, 24), (120, 40), (200, 60)
SIZES = {"80x24": SMALL, "120x40": USUAL, "200x60": LARGE}


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Whether the dashboard looks as in the picture that was kept."""

    def compare(
        engine: Any = None,
        *,
        size: tuple[int, int] = USUAL,
        theme: str = "tale-dark",
        keys: tuple[str, ...] = (),
        before: str = "✓ chat",
        after: tuple[str, ...] = (),
        broken: Any = None,
    ) -> bool:
        app = DashboardApp(engine_of() if engine is None else engine, theme, broken)
        app.animation_level = "none"
        window = Window(app)

        async def play(pilot: Pilot[None]) -> None:
            await window.shows(before)
            await window.press(*keys)
            await window.shows(*after)
            await window.idle()

        return snap_compare(app, terminal_size=size, run_before=play)

    return compare


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_busy(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(size=size, theme=theme)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_nothing_recorded(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(engine_of(None, works=False), size=size, theme=theme, before="Nothing was recorded")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [SMALL, USUAL], ids=["80x24", "120x40"])
def test_one_plot_large(picture: Any, size: tuple[int, int], theme: str) -> None:
    keys = ("1", "enter") if size == SMALL else ("1",)
    assert picture(size=size, theme=theme, keys=keys, after=("all plots", "p95"))


def test_tokens_large(picture: Any) -> None:
    assert picture(keys=("6",), after=("all plots", "qwen3:14b"))


def test_other_plots_where_there_is_little_room(picture: Any) -> None:
    assert picture(size=SMALL, keys=("5", "6"), after=("[5 processor]", "[6 tokens]"))


def test_held(picture: Any) -> None:
    assert picture(keys=("space",), after=("held at 14:02:00", "go on"))


def test_no_engine(picture: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    assert picture(broken=broken, before="The engine ended")


def test_tiny(picture: Any) -> None:
    assert picture(size=TINY, before="✗ switch")
