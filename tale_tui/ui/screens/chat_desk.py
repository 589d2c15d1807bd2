"""The chat once there is an engine: what the user sends, what the engine says, and which conversation is shown."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, assert_never

from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.timer import Timer

from tale_tui.engine import (
    Author,
    EngineMoved,
    Fact,
    FinishReason,
    MessageState,
    Notice,
    RoleChanged,
    RoleState,
    SessionChanged,
    TaleError,
    Verbs,
    World,
)
from tale_tui.paths import Paths
from tale_tui.ui.screens.chat_commands import ChatCommands
from tale_tui.ui.screens.chat_conversation import Conversation, NotSent
from tale_tui.ui.screens.chat_models import ModelDesk
from tale_tui.ui.screens.chat_sending import Sending
from tale_tui.ui.screens.chat_sessions import SessionDesk
from tale_tui.ui.screens.chat_status import KeyOf
from tale_tui.ui.screens.chat_turns import Turns
from tale_tui.ui.screens.chat_wishes import Wishes
from tale_tui.ui.widgets.composer import Composer
from tale_tui.ui.widgets.notice_bar import Severity
from tale_tui.ui.widgets.status_line import StatusLine
from tale_tui.ui.widgets.transcript import TranscriptView

T = TypeVar("T")

KEEP_VIEW_AFTER_S = 1.0
"""What is typed is kept in the store after so long."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The widgets of the chat."""

    screen: Screen[Any]
    view: TranscriptView
    composer: Composer
    line: StatusLine


class ChatDesk:
    """Everything that needs the engine. The screen hands wishes in and is told by `changed` when to look again.

    Args:
        parts: the widgets.
        verbs: the engine.
        paths: the folders.
        world: the clock and the ids.
        key_of: the keys.
        changed: called after each change of what the lines around the transcript say.
    """

    @dataclass
    class SettingWanted(Message):
        """A setting is to be changed for good, and the engine to begin again with it."""

        name: str
        value: object

    def __init__(
        self, parts: Parts, verbs: Verbs, paths: Paths, world: World, key_of: KeyOf, changed: Callable[[], None]
    ) -> None:
        self.composer = parts.composer
        self.verbs = verbs
        self.paths = paths
        self.conversation = Conversation(verbs, parts.view, changed, world)
        self.turns = Turns(self.conversation)
        self.models = ModelDesk(self, parts.line, key_of)
        self.sending = Sending(self, key_of)
        self.wishes = Wishes(self, parts.view, self.sending)
        self.commands = ChatCommands(self, SessionDesk(self), self.models, self.sending)
        self._screen = parts.screen
        self._keeping: Timer | None = None

    # what the host offers to its parts

    def say(self, sentence: str, *, title: str = "", severity: Severity = "information") -> None:
        """See `ChatHost.say`."""
        self._screen.app.notify(sentence, title=title, severity=severity, markup=False)

    def spawn(self, work: Coroutine[Any, Any, None], group: str, *, exclusive: bool = False) -> None:
        """See `ChatHost.spawn`."""
        self._screen.run_worker(
            self._guarded(work), name=group, group=group, exclusive=exclusive, exit_on_error=True, description=group
        )

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except NotSent as refused:
            self.sending.give_back(refused)
        except TaleError as error:
            self.say(error.sentence, title=error.title, severity="error")

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """See `ChatHost.ask`."""
        return await self._screen.app.push_screen_wait(dialog)

    def copy(self, text: str, what: str) -> None:
        """See `ChatHost.copy`."""
        self._screen.app.copy_to_clipboard(text)
        self.say(f"{what} was copied.")

    def use_setting(self, name: str, value: object) -> None:
        """See `ChatHost.use_setting`."""
        self._screen.post_message(self.SettingWanted(name, value))

    # which conversation

    async def begin(self, session_id: str, early: Iterable[str]) -> None:
        """Show the conversation that was asked for, or the one that broke off, or a new one; send what was sent before.

        Args:
            session_id: the beginning of an id; empty for none.
            early: what the user sent before there was an engine.
        """
        early = list(early)
        history = await self.verbs.prompt_history()
        self.composer.prompt.history_of_messages.load(history)
        if session_id:
            await self.open_session((await self.verbs.find_session(session_id)).id)
        elif not early:
            await self._open_what_broke_off()
        for text in early:
            self.sending.send(text)

    async def _open_what_broke_off(self) -> None:
        for last in await self.verbs.sessions(limit=1):
            transcript = await self.verbs.transcript(last.id)
            tip = transcript.messages[-1] if transcript.messages else None
            broke_off = transcript.queued or (tip is not None and tip.state is MessageState.INTERRUPTED)
            # The user may have begun something meanwhile: that is not taken away.
            if broke_off and self.conversation.session is None and not self.turns.busy:
                draft = self.conversation.show(transcript)
                if not self.composer.prompt.text:
                    self.composer.prompt.fill(draft)

    async def open_session(self, session_id: str, message_id: str | None = None) -> None:
        """See `ChatHost.open_session`."""
        await self.keep_view()
        self.sending.leave_editing()
        left = self.conversation.session is not None
        draft = await self.conversation.open(session_id, message_id)
        prompt = self.composer.prompt
        if left or not prompt.text:
            prompt.fill(draft)

    async def new_session(self, system: str = "") -> None:
        """See `ChatHost.new_session`."""
        await self.keep_view()
        self.sending.leave_editing()
        if self.conversation.session is not None:
            self.composer.prompt.fill("")
        self.conversation.begin(system)
        self.composer.prompt.focus()

    async def keep_view(self) -> None:
        """Remember where the reader is and what stands in the prompt."""
        with suppress(TaleError):  # a place and a draft are not worth a message; the log of the engine has it
            await self.conversation.keep_view(self.sending.draft)

    def keep_view_soon(self) -> None:
        """The same a moment later; what happens meanwhile is in it."""
        if self._keeping is None:
            self._keeping = self._screen.set_timer(KEEP_VIEW_AFTER_S, self._keep_view_now)

    def _keep_view_now(self) -> None:
        self._keeping = None
        self.spawn(self.keep_view(), "keep", exclusive=True)

    # what breaks off

    def back(self) -> None:
        """What escape does: stop the reply or a download, leave the editing, take a message back that waits."""
        if self.turns.writing:
            self.turns.stop()
        elif self.models.downloading:
            self.models.stop_fetching()
        elif not self.sending.leave_editing() and not self.sending.forget_length() and self.conversation.queued:
            self.spawn(self.sending.take_back(), "queue")

    def go_on(self) -> None:
        """See `ChatHost.go_on`."""
        tip = self.conversation.branch.tip
        status = self.models.status
        if self.turns.busy:
            self.say("A reply is being written.")
        elif status is not None and status.state in (RoleState.AWAY, RoleState.FAILED, RoleState.UNSET):
            self.spawn(self._retry(), "models", exclusive=True)
        elif tip is not None and tip.author is Author.USER:
            self.spawn(self.turns.regenerate(tip.id), "turn")
        elif tip is not None and (self.conversation.branch.resumable or tip.finish is FinishReason.LENGTH):
            self.spawn(self.turns.resume(tip.id), "turn")
        else:
            self.say("The last reply is complete: there is nothing to go on with.")

    async def _retry(self) -> None:
        answers = await self.models.retry()
        tip = self.conversation.branch.tip
        if answers and tip is not None and not self.turns.busy:
            if tip.author is Author.USER:
                self.spawn(self.turns.regenerate(tip.id), "turn")
            elif tip.state is MessageState.FAILED:
                self.spawn(self.turns.resume(tip.id), "turn")

    # what the engine says

    def heard(self, fact: Fact) -> None:
        """Take in a fact."""
        match fact:
            case RoleChanged(status):
                self.models.heard(status)
            case SessionChanged():
                self._session_changed(fact)
            case Notice(title, sentence, severity):
                known: dict[str, Severity] = {"warning": "warning", "error": "error"}
                self.say(sentence, title=title, severity=known.get(severity, "information"))
            case EngineMoved(here):
                where = "this window" if here else "another window"
                self.say(f"The window that ran the model was closed; {where} runs it now. Nothing was lost.")
                self.spawn(self.conversation.reload(), "session")
            case _ as never:
                assert_never(never)

    def _session_changed(self, fact: SessionChanged) -> None:
        session = self.conversation.session
        if session is None or session.id != fact.session_id:
            return
        if fact.deleted:
            self.say("This conversation was deleted in another window.")
            self.conversation.begin()
        elif self.conversation.is_own(fact.source):
            self.spawn(self.conversation.refresh_title(), "session")
        else:
            self.spawn(self._reload(), "session")

    async def _reload(self) -> None:
        await self.conversation.reload(lambda: self.turns.writing)
        if self.turns.own_wait():
            self.sending.send_waiting()
