"""Conversations from the chat: listed, opened, renamed, deleted, exported."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from tale_tui.domain.conversation import ExportFormat, Session
from tale_tui.domain.text import clean_line
from tale_tui.ui.chat.host import ChatHost

UNTITLED = "this conversation"
_NAME_LIMIT = 40
"""Characters of a title inside a question or in the name of a file."""
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def export_path(wanted: str, session: Session, folder: Path) -> Path:
    """Where an export goes.

    Args:
        wanted: what the user wrote; empty makes a name from the title; a folder gets that name in it.
        session: what is exported.
        folder: where relative paths begin.
    """
    name = _NOT_IN_NAMES.sub("-", clean_line(session.title, _NAME_LIMIT)).strip("-.").lower() or "conversation"
    if not wanted:
        return folder / f"{name}.md"
    # Unlike those of Path, these leave a user or a name that cannot be as it stands: writing says what is wrong.
    path = folder / os.path.expanduser(wanted)  # noqa: PTH111
    if os.path.isdir(path):  # noqa: PTH112
        return path / f"{name}.md"
    return path if path.suffix else path.with_suffix(".md")


class SessionActions:
    """What can be done with conversations.

    Args:
        host: the chat screen.
    """

    def __init__(self, host: ChatHost) -> None:
        self._host = host

    async def browse(self, words: str = "") -> None:
        """Show the list of all conversations and do what is chosen there, until one is opened or the list is left."""
        from tale_tui.ui.dialogs.sessions import DeleteSession, NewSession, OpenSession, RenameSession, SessionsDialog

        host, chosen = self._host, ""
        while True:
            sessions = await host.engine.sessions.list()
            current = host.conversation.session
            dialog = SessionsDialog(
                sessions,
                lambda query: host.engine.sessions.search(query),
                now=host.conversation.clock.now(),
                current=current.id if current else "",
                chosen=chosen,
                words=words,
            )
            match await host.ask(dialog):
                case OpenSession(session_id, message_id):
                    await host.open_session(session_id, message_id)
                    return
                case NewSession():
                    await host.new_session()
                    return
                case RenameSession(session_id, title):
                    await self._rename(session_id, title)
                    chosen = session_id
                case DeleteSession(session_id):
                    await self._delete(session_id)
                case _:
                    return
            words = ""

    async def rename(self, title: str = "") -> None:
        """Give the conversation on the screen another title; without one it is asked for."""
        from tale_tui.ui.dialogs.text_entry import TextDialog

        session = self._session()
        if session is None:
            return
        if not title:
            hint = "Without a title it is called by its first words."
            answer = await self._host.ask(TextDialog("Rename the conversation", session.title, hint=hint))
            if answer is None:
                return
            title = answer
        await self._rename(session.id, title)

    async def delete(self) -> None:
        """Delete the conversation on the screen, after asking."""
        from tale_tui.ui.dialogs.confirm import ConfirmDialog

        session = self._session()
        if session is None:
            return
        name = f'"{clean_line(session.title, _NAME_LIMIT)}"' if session.title else UNTITLED
        dialog = ConfirmDialog(f"Delete {name}?", f"Delete {name}", "Keep", detail="It cannot be brought back.")
        if await self._host.ask(dialog):
            await self._delete(session.id)

    async def export(self, wanted: str = "") -> None:
        """Write the conversation on the screen to a file; one that is there is replaced only after asking."""
        from tale_tui.ui.dialogs.confirm import ConfirmDialog

        session = self._session()
        if session is None:
            return
        path = export_path(wanted, session, Path.cwd())
        shown = clean_line(str(path))
        if await asyncio.to_thread(os.path.exists, path):
            dialog = ConfirmDialog(f"Replace {path.name}?", f"Replace {path.name}", "Keep", detail=shown)
            if not await self._host.ask(dialog):
                return
        form = ExportFormat.JSON if path.suffix.lower() == ".json" else ExportFormat.MARKDOWN
        text = await self._host.engine.sessions.export(session.id, form)
        try:
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
        except OSError as error:
            reason = clean_line(error.strerror or "unknown error")
            self._host.say(f"{shown} cannot be written: {reason}.", title="Not exported", severity="error")
        else:
            self._host.say(shown, title="Exported")

    def _session(self) -> Session | None:
        session = self._host.conversation.session
        if session is None:
            self._host.say("This conversation is empty: there is nothing yet to do that with.")
        return session

    async def _rename(self, session_id: str, title: str) -> None:
        await self._host.engine.sessions.rename(session_id, title)
        await self._host.conversation.refresh_title()

    async def _delete(self, session_id: str) -> None:
        current = self._host.conversation.session
        if current is not None and current.id == session_id:
            self._host.turns.stop()
            await self._host.new_session()
        await self._host.engine.sessions.delete(session_id)
