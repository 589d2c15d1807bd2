"""The checkpoints, on what a test says was kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from support.checkpoints import SCOPE, CheckpointsApp, engine_of
from support.looks import SIZES, THEMES
from support.window import Window
from tale_tui.domain.checkpoints import CheckpointScope
from tale_tui.domain.errors import CheckpointFailed, EngineLost

TINY, SMALL, USUAL = (20, 5), (80, 24), (120, 40)


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Whether the screen looks as in the picture that was kept."""

    def compare(
        engine: Any = None,
        *,
        size: tuple[int, int] = USUAL,
        theme: str = "tale-dark",
        scope: CheckpointScope = SCOPE,
        keys: tuple[str, ...] = (),
        before: str = "To restore",
        after: tuple[str, ...] = (),
        broken: Any = None,
        dialog: bool = False,
    ) -> bool:
        app = CheckpointsApp(engine_of() if engine is None else engine, theme, broken, scope)
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
def test_a_task(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(size=size, theme=theme)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_its_files(picture: Any, size: tuple[int, int], theme: str) -> None:
    assert picture(size=size, theme=theme, keys=("enter",), after=("spec.md", "+Sessions end"))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_everything_with_a_day_open(picture: Any, size: tuple[int, int]) -> None:
    keys = (*["down"] * 5, "enter")
    assert picture(size=size, scope=CheckpointScope(), keys=keys, after=("Part 12", "enter closes"))


@pytest.mark.parametrize("theme", THEMES)
def test_a_restore_asks(picture: Any, theme: str) -> None:
    assert picture(theme=theme, keys=("r",), after=("Go back to Sun",), dialog=True)


def test_undone(picture: Any) -> None:
    assert picture(engine_of(conflict=False), keys=("u",), after=("Undone:", "do again"))


def test_nothing_kept(picture: Any) -> None:
    assert picture(engine_of([]), size=SMALL, before="No checkpoints yet")


def test_damaged(picture: Any) -> None:
    engine = engine_of()
    engine.errors["checkpoints.list"] = CheckpointFailed("The checkpoints cannot be opened: permission denied.")
    assert picture(engine, size=SMALL, before="cannot be opened")


def test_no_engine(picture: Any) -> None:
    assert picture(broken=EngineLost("The engine ended. Press ctrl+r to start it again."), before="The engine ended")


def test_tiny(picture: Any) -> None:
    assert picture(size=TINY, before="14:01")
