"""The chat screen: what stands on it from the first frame on, its keys, and what it does without an engine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message

from tale_tui.formatting.slash import MARK, literal
from tale_tui.ui import commands
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.status import ChatState, ChatStatus, SpeedMeter
from tale_tui.ui.engine_bridge import Bridge
from tale_tui.ui.keys import binding
from tale_tui.ui.transcript.layout import TOP
from tale_tui.ui.transcript.view import TranscriptView
from tale_tui.ui.widgets.banner import Banner
from tale_tui.ui.widgets.composer import CompletionRow, Composer, QueueList, Waiting
from tale_tui.ui.widgets.empty_state import EmptyState
from tale_tui.ui.widgets.find_bar import FindBar
from tale_tui.ui.widgets.prompt import Prompt
from tale_tui.ui.widgets.status_line import KeyHint, ModelShown, StatusLine

if TYPE_CHECKING:
    from tale_tui.config.paths import Paths
    from tale_tui.domain.clock import Clock
    from tale_tui.ui.chat.controller import ChatController
    from tale_tui.ui.dialogs.leave import Leaving
    from tale_tui.ui.preferences import WindowPreferences
    from tale_tui.ui.tasks.side import TaskSide


CHAT_KEYS: list[BindingType] = [
    binding("chat.back", "escape", "back", "Stop", "Stop; take back what waits"),
    binding(
        "chat.copy",
        "ctrl+c,super+c",
        "copy_or_stop",
        "Copy",
        "Copy, else stop, clear, leave",
        priority=True,
    ),
    binding("chat.turns", "shift+tab", "turns", "Turns", "To the turns and back", priority=True),
    binding("chat.next", "tab", "turns", "Turns", "Back to the prompt"),
    binding("chat.go_on", "ctrl+r", "command('continue')", "Go on", "Go on, or try the model again"),
    binding("chat.other_way", "f8", "reclassify", "Task or talk", "Make a task of talk, talk of a task", priority=True),
    binding("chat.resume_tasks", "f6", "resume_tasks", "Resume", "Go on with tasks that were cut off"),
    binding("chat.plan", "f12", "command('plan')", "Plan", "The plan that waits for your yes, else the last one"),
    binding("chat.new", "ctrl+n", "command('new')", "New", "Start a new conversation"),
    binding("chat.sessions", "ctrl+o", "command('sessions')", "Conversations", "Earlier conversations"),
    binding("chat.models", "ctrl+l", "command('model')", "Models", "Choose the model that answers"),
    binding("chat.editor", "ctrl+g", "command('editor')", "Editor", "Write in $VISUAL or $EDITOR"),
    binding("chat.find", "ctrl+f", "command('find')", "Find", "Find words in this conversation", priority=True),
    binding("chat.find_next", "n", "find(1)", "Next", "The next place that has the words that were found"),
    binding("chat.find_previous", "N", "find(-1)", "Before", "The place before that has them"),
    binding("chat.starter", "ctrl+s", "command('starter')", "Starter", "Use the starter model"),
    binding("chat.trim", "ctrl+t", "command('trim')", "Cut", "Cut a long message to what fits", priority=True),
    binding(
        "chat.take_back",
        "alt+u",
        "command('take_back')",
        "Take back",
        "Take back the last /undo or /redo",
        priority=True,
    ),
    binding("chat.to_file", "f9", "command('to_file')", "File", "Keep a long message in a file", priority=True),
]
"""All of them. Those on single letters belong to the transcript, where nothing is typed."""

BESIDE_FROM = 150
"""Cells of a terminal from which on the tasks of the conversation stand beside it."""

LEAVE_AGAIN_S = 2.0
"""Ctrl+C twice within so many seconds leaves."""


def command_rows(text: str) -> Sequence[CompletionRow]:
    """What a command that is being written may become."""
    return [
        CompletionRow(
            f"{MARK}{command.name}{' ' if command.argument else ''}",
            f"{MARK}{command.name} {command.argument}".rstrip(),
            command.summary,
        )
        for command in commands.completions(text)
    ]


class ChatScreen(BaseScreen):
    """The conversation.

    Args:
        bridge: brings the engine.
        paths: the folders.
        keymap: binding id -> keys, as the user chose them.
        session_id: the beginning of the id of the session to be opened; empty for none.
        clock: the time and the ids; None for the real ones.

    Attributes:
        controller: does what needs the engine; None while there is none.
        preferences: how the window behaves; None until the settings are read.
    """

    AUTO_FOCUS = "#prompt"
    BACK = "chat.back"
    BINDING_GROUP_TITLE = "Chat"
    BINDINGS: ClassVar[list[BindingType]] = CHAT_KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-thin"), (44, "-narrow"), (100, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (18, "-high")]  # noqa: RUF012  (likewise)

    @dataclass
    class CommandEntered(Message):
        """A command of the table that is no matter of a conversation."""

        name: str
        argument: str
        written: str = ""
        """As it stood in the prompt; empty where a key did it."""

    def __init__(
        self, bridge: Bridge, paths: Paths, keymap: Mapping[str, str], session_id: str = "", clock: Clock | None = None
    ) -> None:
        super().__init__(id="chat")
        self._bridge = bridge
        self._paths = paths
        self._session_id = session_id
        self._clock = clock
        self._find_from = TOP
        self._early: tuple[Waiting, ...] = ()
        self._speed: SpeedMeter | None = None
        self._wanted_to_leave = float("-inf")
        self.controller: ChatController | None = None
        self.preferences: WindowPreferences | None = None
        self.view = TranscriptView()
        self.empty = EmptyState()
        self.find_bar = FindBar()
        self.composer = Composer(self._complete, keymap, self.notice_line)
        self.line = StatusLine()
        self.status = ChatStatus(self, self.empty, self.composer.queue, self.line)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self.title_bar.current = "Chat"
        yield self.title_bar
        yield Container(self.view, self.empty, id="page")
        yield self.find_bar
        yield self.composer
        yield self.line

    def on_resize(self, event: events.Resize) -> None:
        """Tasks stand beside the conversation where there is room."""
        self.set_class(event.size.width >= BESIDE_FROM, "-beside")

    def on_mount(self) -> None:
        """Listen to the engine, whenever it comes."""
        self._bridge.subscribe(self)
        self.refresh_lines()

    @on(events.DescendantFocus)
    def refresh_lines(self) -> None:
        """Say around the transcript what is so now."""
        if self.controller is not None:
            self.controller.refresh_lines()
        else:
            prompt, waiting = self.composer.prompt, bool(self._early)
            state = ChatState(
                False,
                prompt.has_focus,
                completing=prompt.completing,
                waiting=waiting,
                empty=True,
                finding=self.find_bar.display,
            )
            self.status.show(state, self._early)

    def _set_early(self, early: tuple[Waiting, ...]) -> None:
        """Keep messages that are sent before there is an engine."""
        self._early = early
        self.refresh_lines()

    # the engine

    @on(Bridge.Ready)
    def _use_engine(self, event: Bridge.Ready) -> None:
        # Not needed for the first frame.
        from tale_tui.domain.clock import Clock
        from tale_tui.ui.chat.controller import ChatController
        from tale_tui.ui.preferences import WindowPreferences

        if self.controller is not None and self.controller.conversation.session is not None:
            self._session_id = self.controller.conversation.session.id
        clock, preferences = self._clock or Clock(), self.preferences or WindowPreferences()
        controller = self.controller = ChatController(
            self, self.status, event.engine, self._paths, clock, preferences, self._show_task
        )
        self._measure(SpeedMeter(self, event.engine, self.line, lambda: controller.turns.busy))
        self.composer.set_banner("engine", None)
        early = [one.text for one in self._early]
        self._set_early(())
        self.spawn(controller.begin, self._session_id, early, group="session")
        if self.composer.prompt.text:
            # It was typed while there was nobody who could judge it.
            controller.input.typed()

    def _measure(self, speed: SpeedMeter | None) -> None:
        """How fast models write is measured by this from now on."""
        if self._speed is not None:
            self._speed.stop()
        self._speed = speed

    @on(Bridge.Failed)
    def _say_no_engine(self, event: Bridge.Failed) -> None:
        self.controller = None
        self._measure(None)
        self.line.model = ModelShown("failed")
        again = KeyHint(self.key_of("chat.go_on"), "try again")
        leave = KeyHint(self.key_of("app.quit"), "leave")
        self.composer.set_banner("engine", Banner(event.error.sentence, (again, leave), "error"))
        for one in reversed(self._early):
            self.composer.put_before(one.text)
        self._set_early(())

    @on(Bridge.Happened)
    def _on_engine_event(self, event: Bridge.Happened) -> None:
        if self.controller is not None:
            self.controller.on_event(event.fact)

    async def may_leave(self, *, asks: bool = True) -> Leaving:
        """What becomes of open tasks where they end with this window; from a worker only.

        Args:
            asks: whether the user is asked where the settings do not say it.
        """
        return "pause" if self.controller is None else await self.controller.tasks.open.may_leave(asks=asks)

    async def leave(self) -> None:
        """Remember what is shown; called before the application ends."""
        if self.controller is not None:
            await self.controller.input.autosave.save()

    def _show_task(self, task_id: str) -> None:
        self.post_message(self.CommandEntered("tasks", task_id))

    def _complete(self, text: str) -> Sequence[CompletionRow]:
        """What a command that is being written may become: its name, then the id of a task."""
        if not text.startswith(MARK):
            return ()
        rows = command_rows(text)
        return rows if rows or self.controller is None else self.controller.tasks.ids.rows(text)

    # what is written

    @on(Prompt.Submitted)
    def _send(self, event: Prompt.Submitted) -> None:
        chat, text = self.controller, event.text
        try:
            call = commands.parse(text)
        except commands.UnknownCommand as error:
            self.notify(str(error), title="Not a command", severity="warning", markup=False)
            self.composer.put_before(text)
            return
        if not text.strip():
            waited = chat is not None and chat.input.send_waiting()
            # With nothing written the key does what the card in sight says of it.
            if not waited and (text or not self.view.turn_seen_card()):
                self.notify("There is nothing to send yet: write something first.", markup=False)
            return
        self.composer.prompt.history_of_messages.add(text)
        self._wanted_to_leave = float("-inf")
        if call is not None:
            self.run_command(call.command.name, call.argument, written=text)
        elif chat is not None:
            chat.input.send(literal(text), as_task=chat.input.preview.take())
        else:
            self._set_early((*self._early, Waiting(f"early-{len(self._early)}", literal(text))))

    def run_command(self, name: str, argument: str = "", *, written: str = "") -> None:
        """Do what a command says, or hand it on where it is no matter of a conversation.

        Args:
            name: of the command.
            argument: what stands behind it.
            written: as it stood in the prompt; empty where a key did it.
        """
        if name == "find":
            self._find_from = self.view.top
            self.find_bar.open(argument)
            return
        if self.controller is not None:
            # Not needed for the first frame.
            from tale_tui.ui.chat.commands import run_command

            if run_command(self.controller, name, argument):
                return
        elif name == "continue" and self._bridge.error is not None:
            self.composer.set_banner("engine", None)
            self.line.model = ModelShown()
            self._bridge.open()
            return
        self.post_message(self.CommandEntered(name, argument, written))

    @on(Composer.Typed)
    def _on_typed(self) -> None:
        if self.controller is not None:
            self.controller.input.typed()
        if self.composer.prompt.text:
            self._wanted_to_leave = float("-inf")
        self.refresh_lines()

    @on(QueueList.TakenBack)
    def _take_back(self, event: QueueList.TakenBack) -> None:
        if self.controller is not None:
            self.spawn(self.controller.input.take_back, event.id, group="queue")

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted while the turns have the focus belongs into the prompt as well."""
        if not self.composer.prompt.has_focus:
            self.composer.prompt.focus()
            self.composer.prompt.on_paste(event)

    @on(StatusLine.WindowChosen)
    def _show_context(self) -> None:
        self.run_command("context")

    @on(EmptyState.RowChosen)
    def _open_row(self, event: EmptyState.RowChosen) -> None:
        self.composer.prompt.focus()
        if event.kind == "example":
            self.composer.prompt.fill(event.key)
        elif event.kind == "task":
            self._show_task(event.key)
        else:
            self.open_session(event.key)

    def open_session(self, session_id: str, message_id: str = "") -> None:
        """Show another conversation, soon.

        Args:
            session_id: its id.
            message_id: of the message to be shown; empty for the last one.
        """
        if self.controller is not None:
            self.spawn(self.controller.open_session, session_id, message_id or None, group="session")

    async def session_id(self, make: bool) -> str:
        """The id of the conversation that is shown; empty where there is none yet, unless it is to be made."""
        if self.controller is None:
            return ""
        conversation = self.controller.conversation
        session = await conversation.ensure_session() if make else conversation.session
        return "" if session is None else session.id

    # what is read

    @on(TranscriptView.ActionRequested)
    def _run_action(self, event: TranscriptView.ActionRequested) -> None:
        if self.controller is not None:
            from tale_tui.ui.chat import message_actions

            message_actions.run(self.controller, event)

    @on(TranscriptView.TaskActionRequested)
    def _run_task_action(self, event: TranscriptView.TaskActionRequested) -> None:
        if self.controller is not None:
            self.controller.tasks.actions.run_card_action(event)

    def on_task_side_chosen(self, event: TaskSide.Chosen) -> None:
        """Go to the card of a task."""
        if self.controller is not None:
            self.controller.show_card(event.task_id)

    @on(TranscriptView.ReclassifyRequested)
    def _reclassify(self, event: TranscriptView.ReclassifyRequested) -> None:
        if self.controller is not None:
            self.controller.input.reclassify(event.message_id)

    @on(TranscriptView.LinkChosen)
    def _follow(self, event: TranscriptView.LinkChosen) -> None:
        # Not needed for the first frame.
        from tale_tui.ui.dialogs.link import follow

        self.spawn(follow, self, event.url, group="dialog")

    @on(TranscriptView.LeftBottom)
    def action_to_prompt(self) -> None:
        """Go back to the prompt."""
        self.composer.prompt.focus()

    @on(FindBar.Changed)
    def _find(self, event: FindBar.Changed) -> None:
        self.find_bar.tell(*self.view.find(event.words, self._find_from))
        self.refresh_lines()

    @on(FindBar.Moved)
    def _find_further(self, event: FindBar.Moved) -> None:
        self.action_find(event.step)

    def action_find(self, step: int) -> None:
        """Show the next place that has the words that are looked for, or the one before."""
        self.find_bar.tell(*self.view.find_step(step))

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is only of use now and then is only there then."""
        if action == "command" and parameters and parameters[0] in ("trim", "to_file"):
            return self.controller is not None and self.controller.input.refused
        if action == "command" and parameters == ("take_back",):
            return self.controller is not None and self.controller.can_take_back
        if action == "resume_tasks":
            return self.controller is not None and self.controller.tasks.open.cut_off > 0
        if action == "find":
            return self.find_bar.display
        return super().check_action(action, parameters)

    action_command = run_command

    def action_reclassify(self) -> None:
        """Task or talk: what is being written, or the last turn."""
        if self.controller is not None:
            self.controller.input.reclassify()

    def action_resume_tasks(self) -> None:
        """Go on with the tasks that were cut off."""
        if self.controller is not None:
            self.controller.tasks.open.resume_cut_off()

    def action_turns(self) -> None:
        """From the prompt to the turns, and back."""
        writes = self.composer.prompt.has_focus or self.find_bar.line.has_focus
        (self.view if writes else self.composer.prompt).focus()

    def action_back(self) -> None:
        """Stop what is going on, one thing at a time; never leave."""
        writing = self.controller is not None and self.controller.turns.writing
        if self.find_bar.display:
            self.find_bar.close()
            self.view.find("", TOP)
            self.composer.prompt.focus()
            self.refresh_lines()
        elif self.composer.close_completion():
            self.refresh_lines()
        elif not self.composer.prompt.has_focus and not writing:
            self.composer.prompt.focus()
        elif not writing and self.put_notice_away():
            return
        elif self.controller is not None:
            self.controller.back()
        elif self._early:
            *others, last = self._early
            self._set_early(tuple(others))
            self.composer.put_before(last.text)

    async def action_copy_or_stop(self) -> None:
        """Copy what is selected, else stop the reply, else clear the prompt, else (twice) leave."""
        prompt = self.composer.prompt
        selected = self.get_selected_text() or prompt.selected_text
        if selected:
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
            self.notify("What was selected was copied.", markup=False)
        elif self.controller is not None and self.controller.turns.writing:
            self.controller.turns.stop()
        elif prompt.text:
            prompt.rewrite("")
        elif self._leaves_now():
            await self.app.action_quit()
        else:
            self.notify("Again to leave.", timeout=LEAVE_AGAIN_S, markup=False)

    def _leaves_now(self) -> bool:
        """Whether leaving was wanted a moment ago already; it counts as wanted from now on."""
        before, self._wanted_to_leave = self._wanted_to_leave, time.monotonic()
        return self._wanted_to_leave - before <= LEAVE_AGAIN_S
