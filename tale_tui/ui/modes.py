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

    from tale_tui.domain.checkpoints import CheckpointScope
    from tale_tui.domain.clock import Clock
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.base_screen import BaseScreen
    from tale_tui.ui.chat.screen import ChatScreen
    from tale_tui.ui.checkpoints.screen import CheckpointsScreen
    from tale_tui.ui.dashboard.screen import DashboardScreen
    from tale_tui.ui.keys import KeyPlace
    from tale_tui.ui.learning.screen import LearningScreen
    from tale_tui.ui.notice_queue import NoticeShown
    from tale_tui.ui.remembered.screen import RememberedScreen
    from tale_tui.ui.tasks.screen import TasksScreen
    from tale_tui.ui.tokens.screen import TokensScreen

CHAT, TASKS, TOKENS, DASHBOARD, LEARNING = "chat", "tasks", "tokens", "dashboard", "learning"
CHECKPOINTS = "checkpoints"
REMEMBERED = "remembered"
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
        self._notice: NoticeShown | None = None
        self.tasks: TasksScreen | None = None
        self.tokens: TokensScreen | None = None
        self.dashboard: DashboardScreen | None = None
        self.learning: LearningScreen | None = None
        self.checkpoints: CheckpointsScreen | None = None
        self.remembered: RememberedScreen | None = None
        app.add_mode(CHAT, lambda: chat)
        app.add_mode(TASKS, self._make_tasks)
        app.add_mode(TOKENS, self._make_tokens)
        app.add_mode(DASHBOARD, self._make_dashboard)
        app.add_mode(LEARNING, self._make_learning)
        app.add_mode(CHECKPOINTS, self._make_checkpoints)
        app.add_mode(REMEMBERED, self._make_remembered)

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

    def _make_learning(self) -> Screen[None]:
        from tale_tui.ui.learning.screen import LearningScreen

        self.learning = LearningScreen(self._bridge, self._engine, self._clock)
        self.learning.title_bar.label = self._chat.title_bar.label
        return self.learning

    def _make_checkpoints(self) -> Screen[None]:
        from tale_tui.ui.checkpoints.screen import CheckpointsScreen

        self.checkpoints = CheckpointsScreen(self._bridge, self._engine, self._clock)
        self.checkpoints.title_bar.label = self._chat.title_bar.label
        return self.checkpoints

    def _make_remembered(self) -> Screen[None]:
        from tale_tui.ui.remembered.screen import RememberedScreen

        self.remembered = RememberedScreen(self._bridge, self._engine, self._chat.session_id, self._clock)
        self.remembered.title_bar.label = self._chat.title_bar.label
        return self.remembered

    @property
    def screens(self) -> tuple[BaseScreen, ...]:
        """Those that were made, the chat among them."""
        made = (
            *(self._chat, self.tasks, self.tokens, self.dashboard, self.learning),
            *(self.checkpoints, self.remembered),
        )
        return tuple(screen for screen in made if screen is not None)

    async def show(self, name: str) -> None:
        """Show a screen as it was left.

        Args:
            name: of the mode.
        """
        before = self._app.current_mode
        if name != before:
            await self._app.switch_mode(name)
            self.show_notice(self._notice)  # a screen that was made just now knows nothing of it
        if name == REMEMBERED and self.remembered is not None and before in (CHAT, TASKS, DASHBOARD):
            self.remembered.back_to = before

    def show_notice(self, shown: NoticeShown | None) -> None:
        """Show on every screen what is told; None for nothing."""
        self._notice = shown
        for screen in self.screens:
            screen.show_notice(shown)

    async def show_task(self, prefix: str) -> None:
        """Show the tasks, and the one whose id begins with `prefix`; empty leaves the choice."""
        await self.show(TASKS)
        if self.tasks is not None and prefix:
            self.tasks.open_task(prefix)

    async def show_checkpoints(self, scope: CheckpointScope) -> None:
        """Show what was kept of something; escape leads back to where that was wanted."""
        before = self._app.current_mode or CHAT
        await self.show(CHECKPOINTS)
        if self.checkpoints is not None:
            self.checkpoints.open_of(scope, self.checkpoints.back_to if before == CHECKPOINTS else before)

    async def show_remembered(self, words: str) -> None:
        """Show what is remembered, and look for words in it; empty leaves what was looked for."""
        await self.show(REMEMBERED)
        if self.remembered is not None and words:
            self.remembered.look_for(words)

    def places(self) -> tuple[KeyPlace, ...]:
        """Where keys work on the screen that is shown beside the chat; nothing for the chat itself."""
        beside: dict[str, BaseScreen | None] = {
            TASKS: self.tasks,
            TOKENS: self.tokens,
            DASHBOARD: self.dashboard,
            LEARNING: self.learning,
            CHECKPOINTS: self.checkpoints,
            REMEMBERED: self.remembered,
        }
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
