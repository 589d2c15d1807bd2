"""The dashboard on what a test says was measured."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from support.dashboard import DashboardApp, engine_of
from support.screen_app import screen_window
from support.window import Window


@pytest.fixture(autouse=True)
def _in_utc(in_utc: None) -> None:
    """Moments are told in UTC."""


@pytest.fixture
def open_dashboard(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens the screen and waits until it was read."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    def opened(
        engine: Any = None, size: tuple[int, int] = (120, 40), broken: Any = None
    ) -> AbstractAsyncContextManager[Window]:
        app = DashboardApp(engine_of() if engine is None else engine, broken=broken)
        return screen_window(app, size, (lambda: app.dashboard.controller.report) if broken is None else None)

    return opened
