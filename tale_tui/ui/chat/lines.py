"""The lines around the transcript, kept in step with what is going on; and what was sent before there is an engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.screen import Screen

from tale_tui.domain.text import clean_line
from tale_tui.formatting.units import key_name
from tale_tui.ui.chat.status import ChatState, beginnings, hints
from tale_tui.ui.terminal.toasts import clear_toasts
from tale_tui.ui.widgets.composer import Composer, Waiting
from tale_tui.ui.widgets.empty_state import EmptyState
from tale_tui.ui.widgets.status_line import StatusLine, WindowShown
from tale_tui.ui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from tale_tui.ui.chat.controller import ChatController

NEW_CONVERSATION = "new conversation"


class ChatStatus:
    """Says in the title bar, the queue and the status line what is so now.

    Args:
        screen: whose keys are shown.
        title: the first line.
        blank: stands where the transcript is empty.
        composer: has the queue.
        line: the last line.

    Attributes:
        desk: knows what is going on; None without an engine.
    """

    def __init__(
        self, screen: Screen[None], title: TitleBar, blank: EmptyState, composer: Composer, line: StatusLine
    ) -> None:
        self.desk: ChatController | None = None
        self._screen = screen
        self._title = title
        self._blank = blank
        self._composer = composer
        self._line = line
        self._situation: ChatState | None = None
        self._early: list[Waiting] = []
        self._wanted_to_leave = float("-inf")

    def key_of(self, binding_id: str) -> str:
        """The key that a binding has now; empty where it can do nothing."""
        return self.keys().get(binding_id, "")

    def keys(self) -> dict[str, str]:
        """The first key of each binding that can do something now."""
        keys: dict[str, str] = {}
        for key, active in self._screen.active_bindings.items():
            if active.binding.id is not None:
                keys.setdefault(active.binding.id, key)
        return keys

    def put_notices_away(self) -> None:
        """Whoever goes on has read what was told, and it would cover what comes; the list of notices keeps it."""
        clear_toasts(self._screen)

    def refresh(self) -> None:
        """Look at everything again; what did not change costs nothing."""
        desk = self.desk
        if desk is not None:
            session = desk.conversation.session
            self._title.title = (clean_line(session.title) if session else "") or NEW_CONVERSATION
            self._title.turns = session.turns if session else 0
            self._line.window = self._window(desk)
            self._composer.queue.waiting = tuple(
                Waiting(one.id, clean_line(one.text)) for one in desk.conversation.queued
            )
        else:
            self._composer.queue.waiting = tuple(self._early)
        self._blank.display = desk is None or desk.conversation.branch.tip is None
        situation = self._now()
        if situation != self._situation and self._screen.is_current:
            self._situation = situation
            keys = self.keys()
            self._line.keys = hints(situation, keys)
            self._blank.keys = beginnings(keys)
            self._composer.queue.hint = self._queue_hint(situation, keys)

    def _now(self) -> ChatState:
        desk, prompt = self.desk, self._composer.prompt
        if desk is None:
            return ChatState(in_prompt=prompt.has_focus, completing=prompt.completing, waiting=bool(self._early))
        conversation = desk.conversation
        return ChatState(
            in_prompt=prompt.has_focus,
            busy=desk.turns.busy,
            writing=desk.turns.writing,
            waiting=bool(conversation.queued),
            resumable=conversation.branch.resumable is not None,
            editing=desk.sending.editing is not None,
            completing=prompt.completing,
            other=desk.chip.other,
            cut_off=desk.whole.cut_off > 0,
        )

    def _queue_hint(self, situation: ChatState, keys: dict[str, str]) -> str:
        back, send = key_name(keys.get("chat.back", "")), key_name(keys.get("prompt.send", ""))
        if self.desk is None:
            return f"goes as soon as it can   {back} take back"
        if situation.busy:
            return f"{back} {back} take back" if situation.writing else f"{back} take back"
        return f"{send} send   {back} take back"

    def _window(self, desk: ChatController) -> WindowShown | None:
        use = desk.conversation.window
        if use is not None:
            return WindowShown(use.used, use.window, use.cut)
        status = desk.models.status
        if status is None or status.window is None:
            return None
        branch = desk.conversation.branch
        return WindowShown(0 if branch.tip is None else branch.counted, status.window)

    # before there is an engine

    def add_early(self, text: str) -> None:
        """Keep a message that was sent before there is an engine."""
        self._early.append(Waiting(f"early-{len(self._early)}", text))
        self.refresh()

    def take_early(self) -> list[str]:
        """What was sent so far, which is not kept here any more."""
        texts = [one.text for one in self._early]
        self._early.clear()
        self.refresh()
        return texts

    def take_last_early(self) -> str | None:
        """The newest of them; None where there is none."""
        text = self._early.pop().text if self._early else None
        self.refresh()
        return text

    def leaves_now(self, within_s: float) -> bool:
        """Whether leaving was wanted a moment ago already; it counts as wanted from now on."""
        before, self._wanted_to_leave = self._wanted_to_leave, time.monotonic()
        return self._wanted_to_leave - before <= within_s
