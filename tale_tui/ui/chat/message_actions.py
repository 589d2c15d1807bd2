"""What the user wants done with a turn of the transcript."""

from __future__ import annotations

import asyncio
import os
import sys
from urllib.parse import urlsplit

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.models import FinishReason, RoleState
from tale_tui.domain.text import clean_line
from tale_tui.ui.chat.host import ChatHost
from tale_tui.ui.chat.input import ChatInput
from tale_tui.ui.chat.models import ModelActions
from tale_tui.ui.transcript.view import TranscriptView

OPENED_SCHEMES = frozenset({"http", "https", "mailto"})
"""Links of other kinds are never opened."""

_BUSY = "A reply is being written. Stop it first, or wait for its end."

_NEEDS_REST = frozenset({"edit", "regenerate", "continue", "previous", "next"})


def has_desktop(environ: dict[str, str] | None = None, platform: str = sys.platform) -> bool:
    """Whether a browser with a window of its own can be started; one in this terminal would ruin the screen."""
    values = os.environ if environ is None else environ
    return platform in ("darwin", "win32") or bool(values.get("DISPLAY") or values.get("WAYLAND_DISPLAY"))


class MessageActions:
    """Does what `TranscriptView.ActionRequested` asks for.

    Args:
        host: the chat.
        view: the transcript.
        sending: takes a message that is to be written again.
    """

    def __init__(self, host: ChatHost, view: TranscriptView, sending: ChatInput) -> None:
        self._host = host
        self._view = view
        self._sending = sending

    def grant(self, wish: TranscriptView.ActionRequested) -> None:
        """Do it, or say why not."""
        message = self._host.conversation.branch.get(wish.message_id)
        if message is None:
            return
        if wish.kind in _NEEDS_REST and self._host.turns.busy:
            self._host.say(_BUSY)
            return
        match wish.kind:
            case "copy":
                self._host.copy(wish.text or self._view.source(message.id), "The turn")
            case "copy_code":
                self._copy_code(message)
            case "edit":
                self._edit(message)
            case "regenerate":
                self._host.turns.regenerate(message.id)
            case "continue":
                self._host.turns.resume(message.id)
            case "fork":
                self._host.spawn(self._fork, message, group="session")
            case "details":
                self._host.spawn(self._details, message, group="dialog")
            case "previous" | "next":
                self._step(message, 1 if wish.kind == "next" else -1)

    def _copy_code(self, message: Message) -> None:
        code = self._view.code_block_at(message.id)
        if code:
            self._host.copy(code, "The code")
        else:
            self._host.say("There is no code in this turn.")

    def _edit(self, message: Message) -> None:
        if message.author is Author.USER:
            self._sending.start_editing(message.id, message.text)
            return
        asked = self._host.conversation.branch.get(message.parent_id)
        if asked is not None:
            self._sending.start_editing(asked.id, asked.text)

    def _step(self, message: Message, step: int) -> None:
        if message.siblings > 1:
            self._host.spawn(self._host.conversation.step, message.id, step, group="session")

    async def _fork(self, message: Message) -> None:
        session = self._host.conversation.session
        if session is not None:
            forked = await self._host.engine.sessions.fork(session.id, message.id)
            await self._host.open_session(forked.id)
            self._host.say(
                "From here on it is a conversation of its own; the other one is in /sessions.", title="Forked"
            )

    async def _details(self, message: Message) -> None:
        from tale_tui.ui.dialogs.details import DetailsDialog

        await self._host.ask(DetailsDialog(message, self._view.task_of(message.id)))

    async def follow(self, url: str) -> None:
        """Show where a link leads, and open it where the user says so."""
        from tale_tui.ui.dialogs.link import LinkDialog

        agreed = await self._host.ask(LinkDialog(url))
        if not agreed or urlsplit(url).scheme.lower() not in OPENED_SCHEMES:
            return
        if not has_desktop():
            self._host.copy(clean_line(url, len(url)), "No browser can be started here; the address")
            return
        import webbrowser

        if not await asyncio.to_thread(webbrowser.open, url):
            self._host.copy(clean_line(url, len(url)), "No browser was found; the address")


def go_on(host: ChatHost, models: ModelActions) -> None:
    """Help on what broke off, or say that nothing did."""
    tip = host.conversation.branch.tip
    status = models.status
    if host.turns.busy:
        host.say("A reply is being written.")
    elif status is not None and status.state in (RoleState.AWAY, RoleState.FAILED, RoleState.UNSET):
        host.spawn(_retry, host, models, group="models", exclusive=True)
    elif tip is not None and tip.author is Author.USER:
        host.turns.regenerate(tip.id)
    elif tip is not None and (host.conversation.branch.resumable or tip.finish is FinishReason.LENGTH):
        host.turns.resume(tip.id)
    else:
        host.say("The last reply is complete: there is nothing to go on with.")


async def _retry(host: ChatHost, models: ModelActions) -> None:
    answers = await models.retry()
    tip = host.conversation.branch.tip
    if answers and tip is not None and not host.turns.busy:
        if tip.author is Author.USER:
            host.turns.regenerate(tip.id)
        elif tip.state is MessageState.FAILED:
            host.turns.resume(tip.id)
