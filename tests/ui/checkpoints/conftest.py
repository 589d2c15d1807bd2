"""The checkpoints on what a test says was kept."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from support.checkpoints import SCOPE, CheckpointsApp, engine_of
from support.screen_app import screen_window
from support.window import Window
from tale_tui.domain.checkpoints import CheckpointScope


@pytest.fixture(autouse=True)
def _in_utc(in_utc: None) -> None:
    """Moments are told in UTC."""


@pytest.fixture
def open_checkpoints(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens the screen and waits until it was read."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    def opened(
        engine: Any = None, size: tuple[int, int] = (120, 40), broken: Any = None, scope: CheckpointScope = SCOPE
    ) -> AbstractAsyncContextManager[Window]:
        app = CheckpointsApp(engine_of() if engine is None else engine, broken=broken, scope=scope)
        controller = app.checkpoints.controller
        is_read = (lambda: controller.found is not None or controller.problem) if broken is None else None
        return screen_window(app, size, is_read)

    return opened
