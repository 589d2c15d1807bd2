"""The dashboard on what a test says was measured."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from support.dashboard import DashboardApp, engine_of
from support.window import Window


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def open_dashboard(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens the screen and waits until it was read."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    @asynccontextmanager
    async def opened(
        engine: Any = None, size: tuple[int, int] = (120, 40), broken: Any = None
    ) -> AsyncIterator[Window]:
        app = DashboardApp(engine_of() if engine is None else engine, broken=broken)
        window = Window(app, engine=app.engine)
        async with app.run_test(size=size, notifications=True):
            if broken is None:
                await window.until(lambda: app.dashboard.controller.report, "it is read")
            yield window

    return opened
