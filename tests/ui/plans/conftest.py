"""Plans in a window with the tasks screen, on an engine that a test moves by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from support import plans
from support.screen_app import screen_window
from support.tasks import TasksApp
from support.window import Window
from tale_tui.domain.tasks import TaskDetail
from tale_tui.ui.plans.dialog import PlanDialog

OpenPlan = Callable[..., AbstractAsyncContextManager[Window]]


@pytest.fixture
def open_plan(monkeypatch: pytest.MonkeyPatch) -> OpenPlan:
    """Opens the tasks screen, and the dialog of the plan with a key."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")

    @asynccontextmanager
    async def opened(
        detail: TaskDetail | None = None, *, key: str = "a", size: tuple[int, int] = (120, 40), engine: Any = None
    ) -> AsyncIterator[Window]:
        app = TasksApp(plans.planned(detail) if engine is None else engine)
        async with screen_window(app, size, lambda: app.tasks.chosen) as window:
            if key:
                await window.press(key)
                await window.dialog(PlanDialog)
                await window.until(lambda: app.screen.tree_view.rows, "the plan is shown")
            yield window

    return opened
