"""The application: themes, keys that work everywhere, and the life of the engine behind the screen."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import App
from textual.binding import BindingType
from textual.notifications import SeverityLevel
from textual.types import CSSPathType

from tale_tui.config import garbage_collector
from tale_tui.config.first_frame import FirstFrameSettings, read_first_frame_settings
from tale_tui.domain.text import clean, clean_line, reason_of
from tale_tui.engine.background import start_background
from tale_tui.formatting.slash import SWITCHES
from tale_tui.ui.chat.screen import ChatScreen
from tale_tui.ui.engine_bridge import Bridge, open_engine
from tale_tui.ui.keys import binding, keys_by_id
from tale_tui.ui.modes import CHAT, DASHBOARD, LEARNING, TOKENS, Modes
from tale_tui.ui.terminal.app import TerminalApp
from tale_tui.ui.theming import VARIABLE_DEFAULTS, first_theme, theme_folders

if TYPE_CHECKING:
    from textual.app import App

    from tale_tui.config.paths import Paths
    from tale_tui.config.settings import Settings
    from tale_tui.domain.clock import Clock
    from tale_tui.ui.base_screen import BaseScreen
    from tale_tui.ui.chat.models import ModelActions
    from tale_tui.ui.chat.remembered import RecallSearched
    from tale_tui.ui.dialogs.leave import Leaving
    from tale_tui.ui.keys import KeyPlace
    from tale_tui.ui.learning.screen import LearningScreen
    from tale_tui.ui.notice_queue import NoticeQueue
    from tale_tui.ui.remembered.screen import RememberedScreen
    from tale_tui.ui.tasks.screen import TasksScreen


ANSWER_WITHIN_S = 2.0
"""Leaving without a question waits so long for what the engine says about the tasks."""

LEAVE_WITHIN_S = 0.3
"""Leaving waits so long for the place of the reader to be stored."""

SWITCH_INTERVAL_S = 0.0005
"""A thread that computes or imports gives way to the screen after so long. Python's own 5 ms are waited for several
times for each key, and that is seen."""

APP_KEYS: list[BindingType] = [
    binding("app.help", "f1", "help", "Help", "All keys and commands", priority=True),
    binding("app.help_outside", "question_mark", "help", "Help", "All keys and commands, where nothing is typed"),
    binding("app.chat", "f2", "show('chat')", "Chat", "To the chat", priority=True),
    binding("app.tasks", "f3", "show('tasks')", "Tasks", "To the tasks", priority=True),
    binding("app.tokens", "f4", "show('tokens')", "Tokens", "To what was spent", priority=True),
    binding("app.dashboard", "f5", "show('dashboard')", "Dashboard", "To the dashboard", priority=True),
    binding("app.palette", "ctrl+p", "palette", "Commands", "Find a command by its name"),
    binding("app.quit", "ctrl+q", "quit", "Leave", "Leave; what was typed is kept", priority=True),
    binding("app.suspend", "ctrl+z", "suspend_process", "Suspend", "To the shell; fg comes back", priority=True),
    binding("app.copy", "ctrl+c,super+c", "screen.copy_text", "Copy", "Copy what is selected"),
]
"""Keys that work on every screen.

Those that move the focus go first: a key that is pressed right after is for what has the focus then. Others come to who
has it now, and what follows them is there already.
"""


class TaleApp(TerminalApp):
    """The window.

    Args:
        bridge: brings the engine; opened after the first frame.
        paths: the folders.
        look: what the first frame needs of the settings.
        overrides: dotted key -> value: settings that are stronger than the file; what the user changes is added.
        session_id: the beginning of the id of the session to be opened; empty for none.
        clock: the time and the ids; None for the real one.

    Attributes:
        bridge: brings the engine.
    """

    TITLE = "tale"
    CSS_PATH: ClassVar[CSSPathType | None] = ["chat/chat.tcss"]
    ENABLE_COMMAND_PALETTE = False
    DEFAULT_MODE = CHAT
    BINDING_GROUP_TITLE = "Everywhere"
    BINDINGS: ClassVar[list[BindingType]] = APP_KEYS

    def __init__(
        self,
        bridge: Bridge,
        paths: Paths,
        look: FirstFrameSettings,
        *,
        overrides: MutableMapping[str, object] | None = None,
        session_id: str = "",
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self._notices: NoticeQueue | None = None
        self.bridge = bridge
        self._paths = paths
        self._look = look
        self._overrides = {} if overrides is None else overrides
        self._use_theme(look.theme)
        self.set_keymap(dict(look.keys))
        self.chat = ChatScreen(bridge, paths, look.keys, session_id, clock)
        self.modes = Modes(self, bridge, self.chat, clock)
        self._leaving = False
        self._at_once = False

    # the first frame

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our style sheets ask of a theme besides Textual's own variables."""
        return VARIABLE_DEFAULTS

    def _use_theme(self, name: str) -> None:
        """Begin with this theme, or with the next best one and a sentence that says why."""
        theme, complaint = first_theme(name, theme_folders(self._paths.user_themes))
        self.register_theme(theme)
        # Nothing was styled yet, so nothing has to be styled again as an assignment would do.
        self.set_reactive(App.theme, theme.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self.set_class(theme.dark, "-dark-mode", update=False)
        self.set_class(not theme.dark, "-light-mode", update=False)
        if complaint:
            self.call_later(self.notify, complaint, title="Theme", severity="warning")

    def on_mount(self) -> None:
        """Open the engine as soon as the first frame is on the screen."""
        self.bridge.subscribe(self)
        self.call_after_refresh(self._after_first_frame)

    def _after_first_frame(self) -> None:
        self.bridge.open()
        if self._look.keys:
            from tale_tui.ui.keys import complaints

            for complaint in complaints(self.places, self._look.keys):
                self.notify(complaint, title="Keys", severity="warning")

    @property
    def places(self) -> tuple[KeyPlace, ...]:
        """Where keys work, the most important place first."""
        # Asked for before the first screen is there too.
        front = self.screen if self.screen_stack else None
        if front is not None and (dialog := getattr(front, "KEYS_PLACE", "")):
            return ((dialog, front.BINDINGS), ("Everywhere", self.BINDINGS))
        beside = self.modes.places()
        if beside:
            return (*beside, ("Everywhere", self.BINDINGS))
        return (
            ("In the chat", self.chat.BINDINGS),
            ("In the turns", self.chat.view.BINDINGS),
            ("Everywhere", self.BINDINGS),
            ("In the prompt", self.chat.composer.prompt.BINDINGS),
            ("While words are found", self.chat.find_bar.line.BINDINGS),
        )

    async def on_unmount(self) -> None:
        """The terminal is given back already; now the engine puts everything away."""
        await self.bridge.close()

    # what happened

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Tell the user something in the line of the screen, literally: text is never markup here.

        Args:
            message: what happened and what to do; may hold foreign text.
            title: in a few words; likewise.
            severity: how loud.
            timeout: seconds; None for the usual ones.
            markup: has no effect.
        """
        message, title = clean(message), clean_line(title)
        # Not needed for the first frame.
        from tale_tui.domain.events import Notice

        self.notices.tell(Notice(title, message, severity), timeout)

    def clear_notifications(self) -> None:
        """Take away what is told; the list keeps it."""
        if self._notices is not None:
            self._notices.put_away()

    @property
    def notices(self) -> NoticeQueue:
        """What is told, and what was."""
        if self._notices is None:
            # Not needed for the first frame.
            from tale_tui.ui.notice_queue import NoticeQueue

            self._notices = NoticeQueue(
                lambda delay_s, end: self.set_timer(delay_s, end), self.modes.show_notice, self._has_dialog
            )
        return self._notices

    def _has_dialog(self) -> bool:
        return self.screen.is_modal

    @on(ChatScreen.Told)
    def _tell(self, event: ChatScreen.Told) -> None:
        self.notices.tell(event.notice)

    @on(Bridge.Ready)
    def _use_engine(self, event: Bridge.Ready) -> None:
        garbage_collector.resume()
        self.modes.use(event.engine)

    @on(Bridge.Failed)
    def _lose_engine(self) -> None:
        garbage_collector.resume()
        self.modes.use(None)

    @on(Bridge.Crashed)
    def _end_with_error(self, event: Bridge.Crashed) -> None:
        raise event.error

    # commands that are no matter of a conversation

    @on(ChatScreen.CommandEntered)
    async def _run_command(self, event: ChatScreen.CommandEntered) -> None:
        match event.name:
            case "help":
                self.action_help()
            case "tasks":
                await self.modes.show_task(event.argument)
            case "tokens":
                await self.modes.show(TOKENS)
            case "dashboard":
                await self.modes.show(DASHBOARD)
            case "learning":
                await self.modes.show(LEARNING)
            case "checkpoints":
                from tale_tui.domain.checkpoints import CheckpointScope

                await self.modes.show_checkpoints(CheckpointScope())
            case "recall" | "memory" if event.argument.lower() not in SWITCHES:
                await self.modes.show_remembered(event.argument)
            case "theme":
                from tale_tui.ui.dialogs.theme import choose_theme

                self.run_worker(choose_theme(self, self._paths, event.argument), group="theme", exclusive=True)
            case "notices":
                self.action_notices()
            case "quit" | "exit":
                await self.action_quit()
            case _:
                if event.written:
                    self.chat.composer.put_before(event.written)
                self.notify("That needs the engine, which is not there yet: try it again in a moment.")

    async def action_show(self, name: str) -> None:
        """Show a screen, by the name of its mode. A dialog stays in front until it is answered."""
        if self._has_dialog():
            return
        await self.modes.show(name)
        shown = self.notices.shown
        if shown is not None and shown.notice.about == name:
            # This is where it leads to.
            self.notices.put_away()

    async def on_base_screen_left(self, event: BaseScreen.Left) -> None:
        """Back to the chat, or to the screen that this one belongs to; both are as they were left."""
        await self.modes.show(event.to)

    async def on_base_screen_checkpoints_wanted(self, event: BaseScreen.CheckpointsWanted) -> None:
        """Show what was kept of a task, of a conversation, or of everything."""
        await self.modes.show_checkpoints(event.scope)

    async def on_recall_searched(self, event: RecallSearched) -> None:
        """Look for words in what is remembered."""
        await self.modes.show_remembered(event.words)

    async def on_remembered_screen_source_wanted(self, event: RememberedScreen.SourceWanted) -> None:
        """Show the task that gave an item, or the conversation at the turn in which it was said."""
        source = event.item.source
        if source.task_id:
            await self.modes.show_task(source.task_id)
        else:
            await self.modes.show(CHAT)
            self.chat.open_session(source.session_id, source.message_id)

    async def on_tasks_screen_quoted(self, event: TasksScreen.Quoted) -> None:
        """Put a text into the prompt of the chat."""
        await self.modes.show(CHAT)
        self.chat.composer.put_before(event.text)
        self.chat.composer.prompt.focus()

    def action_help(self) -> None:
        from tale_tui.ui.dialogs.help import HelpScreen, command_lines, help_groups, here_first

        if not isinstance(self.screen, HelpScreen):
            active = keys_by_id(self.screen)
            places = here_first(self.places, active, self.focused.BINDINGS if self.focused is not None else ())
            self.push_screen(HelpScreen(help_groups(places, self._look.keys), command_lines()))

    def action_palette(self) -> None:
        from tale_tui.ui.dialogs.palette import PaletteDialog

        async def run(name: str | None) -> None:
            if name is not None:
                await self.modes.show(CHAT)
                self.chat.run_command(name)

        if self.screen in self.modes.screens:
            self.push_screen(PaletteDialog(self.chat.keys()), run)

    def action_notices(self) -> None:
        """Show what happened lately."""
        from tale_tui.ui.dialogs.notices import NoticesDialog

        self.push_screen(NoticesDialog(self.notices.kept, time.time()))

    def on_model_actions_setting_chosen(self, event: ModelActions.SettingChosen) -> None:
        """Change a setting for good and open the engine anew with it."""
        self.run_worker(self._change_setting(event.name, event.value), group="setting")

    def on_learning_screen_switched(self, event: LearningScreen.Switched) -> None:
        """A part learns from now on, or no longer, and that holds after the next start."""
        self.run_worker(self._keep_setting(event.setting, event.on), group="setting")

    async def _keep_setting(self, setting: str, value: object) -> None:
        from tale_tui.ui.preferences import keep_setting

        self._overrides[setting] = value
        await keep_setting(self, self._paths, setting, value)

    async def _change_setting(self, setting: str, value: object) -> None:
        await self._keep_setting(setting, value)
        await self.bridge.close()
        self.bridge.open()

    async def action_quit(self) -> None:
        """Leave, after asking what becomes of tasks that end with this window."""
        if not self._leaving:
            self._leaving = True
            self.run_worker(self._leave(), group="leave", exit_on_error=True)

    def on_leave_wanted(self) -> None:
        """Leave without a question, also where one is being asked."""
        if not self._at_once:
            self._at_once = self._leaving = True
            self.run_worker(self._leave(asks=False), group="leave", exclusive=True, exit_on_error=True)

    async def _leave(self, *, asks: bool = True) -> None:
        """Leave; the place of the reader and what stands in the prompt are kept first."""
        how: Leaving = "pause"
        # An engine elsewhere that does not answer holds up who asks, not who must go.
        with suppress(TimeoutError):
            async with asyncio.timeout(None if asks else ANSWER_WITHIN_S):
                how = await self.chat.may_leave(asks=asks)
        if how == "background":
            how = await go_on_without_window(self, self._paths, self._overrides)
        if how == "stay" and asks:
            self._leaving = False
            return
        await asyncio.wait([asyncio.create_task(self.chat.leave())], timeout=LEAVE_WITHIN_S)
        self.exit(0)


def run_app(
    paths: Paths, *, session: str = "", demo: bool = False, overrides: Mapping[str, object] | None = None
) -> int:
    """Open the window, and come back when it is closed.

    Args:
        paths: the folders; they exist.
        session: the beginning of the id of the session to be opened; empty for none.
        demo: whether nothing here is for good; the first line says so.
        overrides: dotted key -> value: settings from the command line.
    Returns:
        The exit code.
    Raises:
        TaleError: the engine could not be had, and nothing was done without it.
        Exception: what nobody expected.
    """
    wanted: dict[str, object] = dict(overrides or {})

    def say(note: str) -> None:
        app.notify(note, title="Settings")

    def use_settings(settings: Settings) -> None:
        from tale_tui.ui.preferences import WindowPreferences

        app.chat.preferences = WindowPreferences.of(settings)

    bridge = Bridge(partial(open_engine, paths, wanted, say, use_settings, _preload))
    app = TaleApp(
        bridge, paths, read_first_frame_settings(paths, os.environ, wanted), overrides=wanted, session_id=session
    )
    if demo:
        from tale_tui.ui.chat.models import tell_demo_once

        app.chat.title_bar.label = f"{app.TITLE} demo"
        # The first line says so already.
        tell_demo_once(paths.data)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    code = app.run()
    if app.crash is not None:
        raise app.crash
    if bridge.error is not None:
        raise bridge.error
    return code or 0


def _preload() -> None:
    """Import what the chat needs as soon as the engine is there."""
    import_module("tale_tui.ui.chat.commands")


async def go_on_without_window(app: App[int], paths: Paths, overrides: Mapping[str, object]) -> Leaving:
    """Start the engine that takes over when this window is closed.

    Args:
        app: tells where that does not work.
        paths: the folders.
        overrides: dotted key -> value: settings of this window that are stronger than the file.
    Returns:
        `background`, or `stay` where it could not be started: nothing is lost by a surprise.
    """
    try:
        await asyncio.to_thread(start_background, paths, overrides)
    except OSError as error:
        sentence = f"No process can be started in the background: {reason_of(error)}. The window stays."
        app.notify(sentence, title="Not in the background", severity="error")
        return "stay"
    return "background"
