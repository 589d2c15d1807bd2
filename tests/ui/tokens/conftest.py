"""The tokens screen on calls that a test puts there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from support import tokens as fake_tokens
from support.window import Window


@pytest.fixture
def open_tokens(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens the screen on what was spent."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    @asynccontextmanager
    async def opened(
        engine: Any = None, size: tuple[int, int] = (120, 40), broken: Any = None, before: str = "dearest"
    ) -> AsyncIterator[Window]:
        app = fake_tokens.TokensApp(fake_tokens.busy() if engine is None else engine, broken=broken)
        window = Window(app, engine=app.engine)
        async with app.run_test(size=size, notifications=True):
            if before:
                await window.shows(before)
            yield window

    return opened
