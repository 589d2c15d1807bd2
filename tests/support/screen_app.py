"""A window with one screen, on an engine that a test moves by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from textual.app import App
from textual.notifications import SeverityLevel
from textual.screen import Screen

from support.scripted_engine import ScriptedEngine
from support.window import Window
from tale_tui.domain.checkpoints import CheckpointScope
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import Notice
from tale_tui.engine.api import EngineApi
from tale_tui.ui.app import APP_KEYS
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.notice_queue import NoticeShown
from tale_tui.ui.theming import VARIABLE_DEFAULTS, load_themes, theme_folders

NOW = 1_794_146_520.0
"""Sunday 8 November 2026, 14:02 UTC."""


class ScreenApp(App[None]):
    """A window that shows one screen and nothing else.

    Args:
        engine: behind it.
        make: makes the screen.
        theme: by name.
        broken: why there is no engine.

    Attributes:
        copied: what was put into the clipboard.
        left: how often the chat was asked for.
        scopes: of what checkpoints were asked for.
    """

    BINDINGS = APP_KEYS
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        engine: ScriptedEngine,
        make: Callable[[Bridge, Clock], BaseScreen],
        theme: str = "tale-dark",
        broken: TaleError | None = None,
    ) -> None:
        super().__init__()
        for found in load_themes(theme_folders())[0]:
            self.register_theme(found)
        self.theme = theme
        self.engine = engine
        self.passed = 0.0
        self.copied: list[str] = []
        self.left = 0
        self.scopes: list[CheckpointScope] = []
        self.told: list[str] = []
        self._broken = broken
        self.bridge = Bridge(self._engine)
        ids = count()
        clock = Clock(lambda: NOW + self.passed, lambda: self.passed, lambda: f"id{next(ids)}")
        self.shown = make(self.bridge, clock)

    def notify(self, message: str, *, title: str = "", severity: SeverityLevel = "information", **_: Any) -> None:
        """Show what is told as the application does, for as long as it is not closed."""
        self.tell(Notice(title, message, severity))

    def tell(self, notice: Notice) -> None:
        """The same, for a notice that names what there is to look at."""
        self.told.append(notice.sentence)
        self.shown.show_notice(NoticeShown(notice))

    def clear_notifications(self) -> None:
        """Take it away."""
        self.shown.show_notice(None)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[EngineApi]:
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken
        yield self.engine

    def on_mount(self) -> None:
        self.bridge.open()

    async def on_unmount(self) -> None:
        await self.bridge.close()

    def get_default_screen(self) -> Screen[None]:
        return self.shown

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)

    def on_base_screen_checkpoints_wanted(self, event: BaseScreen.CheckpointsWanted) -> None:
        self.scopes.append(event.scope)

    def on_base_screen_left(self) -> None:
        self.left += 1


@asynccontextmanager
async def screen_window(
    app: ScreenApp, size: tuple[int, int], is_read: Callable[[], object] | None
) -> AsyncIterator[Window]:
    """Open a window with one screen.

    Args:
        app: has the screen.
        size: cells across and lines.
        is_read: whether the screen has read what it shows, which is waited for; None waits for nothing.
    """
    window = Window(app, engine=app.engine)
    async with app.run_test(size=size, notifications=True):
        if is_read is not None:
            await window.until(is_read, "it is read")
        yield window
