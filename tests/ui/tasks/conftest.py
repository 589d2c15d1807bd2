"""The tasks screen on tasks that a test moves by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from support import tasks as fake_tasks
from support.window import Window


@pytest.fixture
def open_tasks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens the screen on some tasks."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    @asynccontextmanager
    async def opened(
        engine: Any = None, size: tuple[int, int] = (120, 40), broken: Any = None
    ) -> AsyncIterator[Window]:
        app = fake_tasks.TasksApp(fake_tasks.some() if engine is None else engine, broken=broken)
        window = Window(app, engine=app.engine)

        def listed() -> bool:
            return any(task.shown in window.painted for task in app.engine.all.values())

        async with app.run_test(size=size, notifications=True):
            if broken is None:
                await window.until(lambda: listed() or "No tasks yet" in window.painted, "the tasks are read")
            yield window

    return opened
