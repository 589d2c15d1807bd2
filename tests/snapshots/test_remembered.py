"""What is remembered, on what a test says is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from support.looks import SIZES, THEMES
from support.remembered import RememberedApp, engine_of
from support.window import Window
from tale_tui.domain.errors import EngineLost

TINY, SMALL, USUAL = (20, 5), (80, 24), (120, 40)


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Whether the screen looks as in the picture that was kept."""

    def compare(
        engine: Any = None,
        *,
        size: tuple[int, int] = USUAL,
        theme: str = "tale-dark",
        keys: tuple[str, ...] = (),
        before: str = "PostgreSQL 15",
        after: tuple[str, ...] = (),
        broken: Any = None,
        dialog: bool = False,
    ) -> bool:
        app = RememberedApp(engine_of() if engine is None else engine, theme, broken)
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
def test_items_of_every_kind(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(size=size, theme=theme, after=("In 9 replies", "Migration plan"))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_words_are_looked_for(picture: Any, size: tuple[int, int]) -> None:
    assert picture(size=size, keys=("slash", *"data"), after=("2 of 6", "Found by words (1st)"))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_nothing_remembered_and_words_alone(picture: Any, size: tuple[int, int]) -> None:
    engine = engine_of([])
    engine.recall_model = ""
    assert picture(engine, size=size, before="Nothing is remembered yet.")


def test_off_for_the_conversation(picture: Any) -> None:
    assert picture(size=SMALL, keys=("space",), after=("Not in this chat", "offered."))


def test_forgetting_asks(picture: Any) -> None:
    assert picture(keys=("d",), after=("Forget this?",), dialog=True)


def test_no_engine(picture: Any) -> None:
    broken = EngineLost("The engine ended. Press ctrl+r to start it again.")
    assert picture(broken=broken, before="The engine ended")


def test_tiny(picture: Any) -> None:
    assert picture(size=TINY, before="! We decided")
