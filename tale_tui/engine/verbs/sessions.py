"""Verbs on conversations."""

from __future__ import annotations

from typing import Protocol

from tale_tui.engine.types import ExportFormat, SearchHit, Session, Transcript, View


class SessionVerbs(Protocol):
    """Conversations."""

    async def sessions(self, *, limit: int = 1000) -> tuple[Session, ...]:
        """All sessions, the one last used first."""
        ...

    async def find_session(self, prefix: str) -> Session:
        """The session whose id begins with `prefix`; an exact match wins.

        Raises:
            NoSuchSession: none, or several; the sentence names them.
        """
        ...

    async def new_session(self, *, title: str = "", system: str = "") -> Session:
        """A new, empty session. One that stays empty is not listed."""
        ...

    async def transcript(self, session_id: str) -> Transcript:
        """A session with the messages of its shown branch."""
        ...

    async def rename_session(self, session_id: str, title: str) -> Session:
        """Give it another title; an empty one goes back to the first words."""
        ...

    async def set_system(self, session_id: str, system: str) -> Session:
        """Set the system prompt of a session."""
        ...

    async def delete_session(self, session_id: str) -> None:
        """Delete a session and all its messages, for ever."""
        ...

    async def fork_session(self, session_id: str, message_id: str) -> Session:
        """A new session with a copy of the shown branch up to and with `message_id`."""
        ...

    async def show_sibling(self, session_id: str, message_id: str, step: int) -> Transcript:
        """Show the version `step` places beside `message_id` (wrapping round) and what followed it."""
        ...

    async def keep_view(self, session_id: str, view: View) -> None:
        """Remember where the reader is and what stands in the prompt."""
        ...

    async def search(self, query: str, *, limit: int = 50) -> tuple[SearchHit, ...]:
        """Full-text search over all messages, best first; any text is a valid query."""
        ...

    async def prompt_history(self, *, limit: int = 200) -> tuple[str, ...]:
        """What the user wrote lately, in any session, newest last, without repeats in a row."""
        ...

    async def export_session(self, session_id: str, form: ExportFormat) -> str:
        """A session as text: the shown branch as Markdown, or everything as one line of JSON."""
        ...

    async def import_sessions(self, text: str) -> tuple[Session, ...]:
        """Take in what `export_session` wrote as JSON; ids that exist already get new ones.

        Raises:
            BadImport: the sentence says where it is wrong; nothing was stored.
        """
        ...
