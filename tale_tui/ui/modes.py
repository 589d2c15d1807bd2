"""The screens that stand beside the chat: made when they are first wanted, kept while another one is shown."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.engine_bridge import Bridge

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen
    from textual.worker import Worker

    from tale_tui.domain.clock import Clock
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.base_screen import BaseScreen
    from tale_tui.ui.chat.screen import ChatScreen
    from tale_tui.ui.dashboard.screen import DashboardScreen
    from tale_tui.ui.keys import KeyPlace
    from tale_tui.ui.tasks.screen import TasksScreen
    from tale_tui.ui.tokens.screen import TokensScreen

CHAT, TASKS, TOKENS, DASHBOARD = "chat", "tasks", "tokens", "dashboard"
LOAD_AFTER_S = 0.5
"""The screens are loaded so long after the engine is there, so that they open at once when they are wanted."""
_MODULES = ("tale_tui.ui.tasks.screen", "tale_tui.ui.tokens.screen", "tale_tui.ui.dashboard.screen")


class Modes:
    """What is beside the chat.

    Args:
        app: has the modes.
        bridge: brings the engine.
        chat: the screen that is there from the beginning.
        clock: the time; None for the real one.

    Attributes:
        tasks: None until it is first wanted; the same of the others.
    """

    def __init__(self, app: App[int], bridge: Bridge, chat: ChatScreen, clock: Clock | None) -> None:
        self._app = app
        self._bridge = bridge
        self._chat = chat
        self._clock = clock
        self._engine: EngineApi | None = None
        self.tasks: TasksScreen | None = None
        self.tokens: TokensScreen | None = None
        self.dashboard: DashboardScreen | None = None
        app.add_mode(CHAT, lambda: chat)
        app.add_mode(TASKS, self._make_tasks)
        app.add_mode(TOKENS, self._make_tokens)
        app.add_mode(DASHBOARD, self._make_dashboard)

    def _make_tasks(self) -> Screen[None]:
        from tale_tui.ui.tasks.screen import TasksScreen

        self.tasks = TasksScreen(self._bridge, self._engine, self._clock)
        self.tasks.title_bar.label = self._chat.title_bar.label
        return self.tasks

    def _make_tokens(self) -> Screen[None]:
        from tale_tui.ui.tokens.screen import TokensScreen

        self.tokens = TokensScreen(self._bridge, self._engine, self._clock)
        self.tokens.title_bar.label = self._chat.title_bar.label
        return self.tokens

    def _make_dashboard(self) -> Screen[None]:
        from tale_tui.ui.dashboard.screen import DashboardScreen

        self.dashboard = DashboardScreen(self._bridge, self._engine, self._clock)
        self.dashboard.title_bar.label = self._chat.title_bar.label
        return self.dashboard

    @property
    def screens(self) -> tuple[BaseScreen, ...]:
        """Those that were made, the chat among them."""
        made = (self._chat, self.tasks, self.tokens, self.dashboard)
        return tuple(screen for screen in made if screen is not None)

    async def show(self, name: str) -> None:
        """Show a screen as it was left.

        Args:
            name: of the mode.
        """
        if name != self._app.current_mode:
            await self._app.switch_mode(name)

    async def show_task(self, prefix: str) -> None:
        """Show the tasks, and the one whose id begins with `prefix`; empty leaves the choice."""
        await self.show(TASKS)
        if self.tasks is not None and prefix:
            self.tasks.open_task(prefix)

    def places(self) -> tuple[KeyPlace, ...]:
        """Where keys work on the screen that is shown beside the chat; nothing for the chat itself."""
        beside: dict[str, BaseScreen | None] = {TASKS: self.tasks, TOKENS: self.tokens, DASHBOARD: self.dashboard}
        screen = beside.get(self._app.current_mode or "")
        return () if screen is None else screen.key_places

    # the engine

    def use(self, engine: EngineApi | None) -> None:
        """There is an engine now, or none any more."""
        self._engine = engine
        if engine is not None:
            self._app.set_timer(LOAD_AFTER_S, self._load)

    def _load(self) -> None:
        _: Worker[None] = self._app.run_worker(self._load_screens, group="load", exit_on_error=True)

    async def _load_screens(self) -> None:
        for module in _MODULES:
            await asyncio.to_thread(import_module, module)
