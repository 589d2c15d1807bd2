"""The screens that stand beside the chat: made when they are first wanted, kept while another one is shown."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from tale_tui.ui.engine_bridge import Bridge

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen
    from textual.worker import Worker

    from tale_tui.domain.clock import Clock
    from tale_tui.engine.api import EngineApi
    from tale_tui.ui.base_screen import BaseScreen
    from tale_tui.ui.chat.screen import ChatScreen
    from tale_tui.ui.keys import KeyPlace
    from tale_tui.ui.tasks.screen import TasksScreen
    from tale_tui.ui.tokens.screen import TokensScreen

CHAT, TASKS, TOKENS = "chat", "tasks", "tokens"
LOAD_AFTER_S = 0.5
"""The other screens are loaded so long after the engine is there, so that they open at once when they are wanted."""


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
        self.tasks: TasksScreen | None = None
        """None until it is first wanted."""
        self.tokens: TokensScreen | None = None
        """Likewise."""
        app.add_mode(CHAT, lambda: chat)
        app.add_mode(TASKS, self._make_tasks)
        app.add_mode(TOKENS, self._make_tokens)

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

    @property
    def screens(self) -> tuple[BaseScreen, ...]:
        """Those that were made, the chat among them."""
        return tuple(screen for screen in (self._chat, self.tasks, self.tokens) if screen is not None)

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
        tasks, tokens, mode = self.tasks, self.tokens, self._app.current_mode
        if mode == TASKS and tasks is not None:
            return (
                ("In the tasks", tasks.BINDINGS),
                ("In the list", tasks.list.BINDINGS),
                ("In a task", tasks.pane.text.BINDINGS),
            )
        if mode == TOKENS and tokens is not None:
            return (("In the tokens", tokens.BINDINGS), ("In the table", tokens.list.BINDINGS))
        return ()

    # the engine

    def use(self, engine: EngineApi | None) -> None:
        """There is an engine now, or none any more."""
        self._engine = engine
        if engine is not None:
            self._app.set_timer(LOAD_AFTER_S, self._load)

    def _load(self) -> None:
        _: Worker[None] = self._app.run_worker(self._load_screen, group="load", exit_on_error=True)

    async def _load_screen(self) -> None:
        for name in (TASKS, TOKENS):
            await asyncio.to_thread(import_module, f"tale_tui.ui.{name}.screen")
