"""Conversations: what the store does with them, announced to everybody who watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tale_tui.domain.conversation import ExportFormat, SearchHit, Session, Transcript, View
from tale_tui.domain.events import Fact, SessionChanged
from tale_tui.engine.store.store import Store


class SessionService:
    """Implements `api.SessionApi`, where each verb is described.

    Args:
        store: holds the sessions.
        stop_turn: ends the turn of a session, if there is one.
        publish: takes the facts.
    """

    def __init__(
        self, store: Store, stop_turn: Callable[[str], Awaitable[None]], publish: Callable[[Fact], None]
    ) -> None:
        self._store = store
        self._stop_turn = stop_turn
        self._publish = publish

    async def list(self, *, limit: int = 1000) -> tuple[Session, ...]:
        return await self._store.sessions(limit)

    async def find(self, prefix: str) -> Session:
        return await self._store.find_session(prefix)

    async def create(self, *, title: str = "", system: str = "") -> Session:
        session = await self._store.add_session(title, system)
        self._publish(SessionChanged(session.id, source=session.id))
        return session

    async def transcript(self, session_id: str) -> Transcript:
        return await self._store.transcript(session_id)

    async def rename(self, session_id: str, title: str) -> Session:
        return self._changed(await self._store.rename_session(session_id, title))

    async def set_system(self, session_id: str, system: str) -> Session:
        return self._changed(await self._store.set_system(session_id, system))

    async def delete(self, session_id: str) -> None:
        """A reply that is coming is stopped first."""
        await self._stop_turn(session_id)
        await self._store.delete_session(session_id)
        self._publish(SessionChanged(session_id, deleted=True))

    async def fork(self, session_id: str, message_id: str) -> Session:
        return self._changed(await self._store.fork_session(session_id, message_id))

    async def show_sibling(self, session_id: str, message_id: str, step: int) -> Transcript:
        transcript = await self._store.show_sibling(session_id, message_id, step)
        self._publish(SessionChanged(session_id))
        return transcript

    async def save_view(self, session_id: str, view: View) -> None:
        await self._store.keep_view(session_id, view)

    async def search(self, query: str, *, limit: int = 50) -> tuple[SearchHit, ...]:
        return await self._store.search(query, limit)

    async def prompt_history(self, *, limit: int = 200) -> tuple[str, ...]:
        return await self._store.prompt_history(limit)

    async def export(self, session_id: str, form: ExportFormat) -> str:
        if form is ExportFormat.JSON:
            return await self._store.export_json(session_id)
        return await self._store.export_markdown(session_id)

    async def import_(self, text: str) -> tuple[Session, ...]:
        imported = await self._store.import_json(text)
        for session in imported:
            self._changed(session)
        return imported

    def _changed(self, session: Session) -> Session:
        self._publish(SessionChanged(session.id))
        return session
