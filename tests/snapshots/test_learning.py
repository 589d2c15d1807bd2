"""The learning view, on what a test says was learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from support.learning import LearningApp, engine_of, taught, untaught
from support.looks import SIZES, THEMES
from support.window import Window
from tale_tui.domain.errors import EngineLost

TINY, SMALL, USUAL = (20, 5), (80, 24), (120, 40)


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Whether the view looks as in the picture that was kept."""

    def compare(
        engine: Any = None,
        *,
        size: tuple[int, int] = USUAL,
        theme: str = "tale-dark",
        keys: tuple[str, ...] = (),
        before: str = "detection",
        after: tuple[str, ...] = (),
        broken: Any = None,
        dialog: bool = False,
    ) -> bool:
        app = LearningApp(engine_of() if engine is None else engine, theme, broken)
        app.animation_level = "none"
        window = Window(app)

        async def play(pilot: Pilot[None]) -> None:
            await window.shows(before)
            await window.press(*keys)
            await window.shows(*after)
            if not dialog:
                await window.idle()

        return snap_compare(app, terminal_size=size, run_before=play)

    return compare


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_forecasts_over_weeks(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(size=size, theme=theme, keys=("end",), after=("off by more than 30 %", "31 %"))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_nothing_learned_yet(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(engine_of(untaught()), size=size, theme=theme, before="Nothing was learned here yet.")


def test_one_part_stopped(picture: Any) -> None:
    assert picture(keys=("down", "space"), after=("off", "space start"))


def test_damaged(picture: Any) -> None:
    first, *others = taught()
    problem = "detector.json cannot be used: it is cut off. The detector goes on as the program brought it."
    engine = engine_of((replace(first, problem=problem), *others))
    assert picture(engine, before="detector.json cannot be used", size=SMALL)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_why(picture: Any, size: tuple[int, int]) -> None:
    assert picture(size=size, keys=("enter",), after=("What detection has learned",), dialog=True)


def test_forgetting_asks(picture: Any) -> None:
    assert picture(keys=("x",), after=("Forget what detection has learned?",), dialog=True)


def test_no_engine(picture: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    assert picture(broken=broken, before="The engine ended")


def test_tiny(picture: Any) -> None:
    assert picture(size=TINY)
