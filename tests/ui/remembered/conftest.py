"""The screen of what is remembered, on what a test says is."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from support.remembered import RememberedApp, engine_of
from support.screen_app import screen_window
from support.window import Window


@pytest.fixture(autouse=True)
def _in_utc(in_utc: None) -> None:
    """Moments are told in UTC."""


@pytest.fixture
def open_remembered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens the screen and waits until it was read."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    def opened(
        engine: Any = None, size: tuple[int, int] = (120, 40), broken: Any = None
    ) -> AbstractAsyncContextManager[Window]:
        app = RememberedApp(engine_of() if engine is None else engine, broken=broken)
        return screen_window(app, size, (lambda: app.remembered.controller.state) if broken is None else None)

    return opened
