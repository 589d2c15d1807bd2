"""The screens that stand beside the chat: made when they are first wanted, kept while another one is shown."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from tale_tui.config.load_thread import in_load_thread
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.engine_bridge import Bridge

if TYPE_CHECKING:
    from textual.app import App
    from textual.worker import Worker

    from tale_tui.domain.checkpoints import CheckpointScope
    from tale_tui.domain.clock import Clock
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.chat.screen import ChatScreen
    from tale_tui.ui.checkpoints.screen import CheckpointsScreen
    from tale_tui.ui.keys import KeyPlace
    from tale_tui.ui.notice_queue import NoticeShown
    from tale_tui.ui.remembered.screen import RememberedScreen
    from tale_tui.ui.tasks.screen import TasksScreen

CHAT, TASKS, TOKENS, DASHBOARD, LEARNING = "chat", "tasks", "tokens", "dashboard", "learning"
CHECKPOINTS, REMEMBERED = "checkpoints", "remembered"
MODES = {
    TASKS: ("tale_tui.ui.tasks.screen", "TasksScreen"),
    TOKENS: ("tale_tui.ui.tokens.screen", "TokensScreen"),
    DASHBOARD: ("tale_tui.ui.dashboard.screen", "DashboardScreen"),
    LEARNING: ("tale_tui.ui.learning.screen", "LearningScreen"),
    CHECKPOINTS: ("tale_tui.ui.checkpoints.screen", "CheckpointsScreen"),
    REMEMBERED: ("tale_tui.ui.remembered.screen", "RememberedScreen"),
}
"""Mode -> the module and the class of its screen."""
LOADED_AHEAD = (TASKS, TOKENS, DASHBOARD)
"""Those that are wanted most: their modules are loaded before, so that they open at once."""
LOAD_AFTER_S = 0.5
"""Seconds between the engine and that."""


class Modes:
    """What is beside the chat.

    Args:
        app: has the modes.
        bridge: brings the engine.
        chat: the screen that is there from the beginning.
        clock: the time; None for the real one.
    """

    def __init__(self, app: App[int], bridge: Bridge, chat: ChatScreen, clock: Clock | None) -> None:
        self._app = app
        self._bridge = bridge
        self._chat = chat
        self._clock = clock
        self._engine: EngineApi | None = None
        self._notice: NoticeShown | None = None
        self._beside: dict[str, BaseScreen] = {}
        app.add_mode(CHAT, lambda: chat)
        for name in MODES:
            app.add_mode(name, partial(self._make, name))

    def _make(self, name: str) -> BaseScreen:
        module, class_name = MODES[name]
        more = {"session_of": self._chat.session_id} if name == REMEMBERED else {}
        make = getattr(import_module(module), class_name)
        screen: BaseScreen = make(self._bridge, self._engine, clock=self._clock, **more)
        screen.title_bar.label = self._chat.title_bar.label
        self._beside[name] = screen
        return screen

    @property
    def screens(self) -> tuple[BaseScreen, ...]:
        """Those that were made, the chat among them."""
        return (self._chat, *self._beside.values())

    async def show(self, name: str) -> None:
        """Show a screen as it was left.

        Args:
            name: of the mode.
        """
        before = self._app.current_mode
        if name != before:
            await self._app.switch_mode(name)
            self.show_notice(self._notice)  # a screen that was made just now knows nothing of it
        if name == REMEMBERED and before in (CHAT, TASKS, DASHBOARD):
            self._remembered.back_to = before

    def show_notice(self, shown: NoticeShown | None) -> None:
        """Show on every screen what is told; None for nothing."""
        self._notice = shown
        for screen in self.screens:
            screen.show_notice(shown)

    async def show_task(self, prefix: str) -> None:
        """Show the tasks, and the one whose id begins with `prefix`; empty leaves the choice."""
        await self.show(TASKS)
        if prefix:
            cast("TasksScreen", self._beside[TASKS]).open_task(prefix)

    async def show_checkpoints(self, scope: CheckpointScope) -> None:
        """Show what was kept of something; escape leads back to where that was wanted."""
        before = self._app.current_mode or CHAT
        await self.show(CHECKPOINTS)
        checkpoints = cast("CheckpointsScreen", self._beside[CHECKPOINTS])
        checkpoints.open_of(scope, checkpoints.back_to if before == CHECKPOINTS else before)

    async def show_remembered(self, words: str) -> None:
        """Show what is remembered, and look for words in it; empty leaves what was looked for."""
        await self.show(REMEMBERED)
        if words:
            self._remembered.look_for(words)

    @property
    def _remembered(self) -> RememberedScreen:
        return cast("RememberedScreen", self._beside[REMEMBERED])

    def places(self) -> tuple[KeyPlace, ...]:
        """Where keys work on the screen that is shown beside the chat; nothing for the chat itself."""
        screen = self._beside.get(self._app.current_mode or "")
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
        for name in LOADED_AHEAD:
            await in_load_thread(import_module, MODES[name][0])
