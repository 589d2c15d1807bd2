"""Conversations from the chat: listed, opened, renamed, deleted, exported."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from tale_tui.domain.conversation import ExportFormat, Session
from tale_tui.domain.text import clean_line
from tale_tui.ui.chat.controller import ChatController

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


async def browse(chat: ChatController, words: str = "") -> None:
    """Show the list of all conversations and do what is chosen there, until one is opened or the list is left."""
    from tale_tui.ui.dialogs.sessions import DeleteSession, NewSession, OpenSession, RenameSession, SessionsDialog

    chosen = ""
    while True:
        sessions = await chat.engine.sessions.list()
        current = chat.conversation.session
        dialog = SessionsDialog(
            sessions,
            lambda query: chat.engine.sessions.search(query),
            now=chat.conversation.clock.now(),
            current=current.id if current else "",
            chosen=chosen,
            words=words,
        )
        match await chat.screen.ask(dialog):
            case OpenSession(session_id, message_id):
                await chat.open_session(session_id, message_id)
                return
            case NewSession():
                await chat.new_session()
                return
            case RenameSession(session_id, title):
                await _rename(chat, session_id, title)
                chosen = session_id
            case DeleteSession(session_id):
                await _delete(chat, session_id)
            case _:
                return
        words = ""


async def rename(chat: ChatController, title: str = "") -> None:
    """Give the conversation on the screen another title; without one it is asked for."""
    from tale_tui.ui.dialogs.text_entry import TextDialog

    session = _session(chat)
    if session is None:
        return
    if not title:
        hint = "Without a title it is called by its first words."
        answer = await chat.screen.ask(TextDialog("Rename the conversation", session.title, hint=hint))
        if answer is None:
            return
        title = answer
    await _rename(chat, session.id, title)


async def delete(chat: ChatController) -> None:
    """Delete the conversation on the screen, after asking."""
    from tale_tui.ui.dialogs.confirm import ConfirmDialog

    session = _session(chat)
    if session is None:
        return
    name = f'"{clean_line(session.title, _NAME_LIMIT)}"' if session.title else UNTITLED
    dialog = ConfirmDialog(f"Delete {name}?", f"Delete {name}", "Keep", detail="It cannot be brought back.")
    if await chat.screen.ask(dialog):
        await _delete(chat, session.id)


async def export(chat: ChatController, wanted: str = "") -> None:
    """Write the conversation on the screen to a file; one that is there is replaced only after asking."""
    from tale_tui.ui.dialogs.confirm import ConfirmDialog

    session = _session(chat)
    if session is None:
        return
    path = export_path(wanted, session, Path.cwd())
    shown = clean_line(str(path))
    if await asyncio.to_thread(os.path.exists, path):
        dialog = ConfirmDialog(f"Replace {path.name}?", f"Replace {path.name}", "Keep", detail=shown)
        if not await chat.screen.ask(dialog):
            return
    form = ExportFormat.JSON if path.suffix.lower() == ".json" else ExportFormat.MARKDOWN
    text = await chat.engine.sessions.export(session.id, form)
    try:
        await asyncio.to_thread(path.write_text, text, encoding="utf-8")
    except OSError as error:
        reason = clean_line(error.strerror or "unknown error")
        chat.screen.say(f"{shown} cannot be written: {reason}.", title="Not exported", severity="error")
    else:
        chat.screen.say(shown, title="Exported")


def _session(chat: ChatController) -> Session | None:
    session = chat.conversation.session
    if session is None:
        chat.screen.say("This conversation is empty: there is nothing yet to do that with.")
    return session


async def _rename(chat: ChatController, session_id: str, title: str) -> None:
    chat.conversation.renamed(await chat.engine.sessions.rename(session_id, title))


async def _delete(chat: ChatController, session_id: str) -> None:
    current = chat.conversation.session
    if current is not None and current.id == session_id:
        chat.turns.stop()
        await chat.new_session()
    await chat.engine.sessions.delete(session_id)
