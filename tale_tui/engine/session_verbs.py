"""The verbs on sessions: what the store does, announced to everybody who watches."""

from __future__ import annotations

from collections.abc import Callable

from tale_tui.engine.chat.turns import Turns
from tale_tui.engine.events import Fact, SessionChanged
from tale_tui.engine.store import Store
from tale_tui.engine.types import ExportFormat, QueuedMessage, SearchHit, Session, Transcript, View


class SessionVerbs:
    """A part of `Engine`. The verbs are described in `verbs.Verbs`.

    Args:
        store: holds the sessions.
        turns: those that are under way.
        publish: takes the facts.
    """

    def __init__(self, store: Store, turns: Turns, publish: Callable[[Fact], None]) -> None:
        self._store = store
        self._turns = turns
        self._publish = publish

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        """See `Verbs.enqueue`."""
        queued = await self._turns.enqueue(session_id, text, key)
        self._publish(SessionChanged(session_id, source=key))
        return queued

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        """See `Verbs.dequeue`."""
        queued = await self._store.dequeue(session_id, key)
        if queued is not None:
            self._publish(SessionChanged(session_id, source=key))
        return queued

    async def sessions(self, *, limit: int = 1000) -> tuple[Session, ...]:
        """See `Verbs.sessions`."""
        return await self._store.sessions(limit)

    async def find_session(self, prefix: str) -> Session:
        """See `Verbs.find_session`."""
        return await self._store.find_session(prefix)

    async def new_session(self, *, title: str = "", system: str = "") -> Session:
        """See `Verbs.new_session`."""
        return self._changed(await self._store.add_session(title, system))

    async def transcript(self, session_id: str) -> Transcript:
        """See `Verbs.transcript`."""
        return await self._store.transcript(session_id)

    async def rename_session(self, session_id: str, title: str) -> Session:
        """See `Verbs.rename_session`."""
        return self._changed(await self._store.rename_session(session_id, title))

    async def set_system(self, session_id: str, system: str) -> Session:
        """See `Verbs.set_system`."""
        return self._changed(await self._store.set_system(session_id, system))

    async def delete_session(self, session_id: str) -> None:
        """See `Verbs.delete_session`; a reply that is coming is stopped first."""
        await self._turns.stop(session_id)
        await self._store.delete_session(session_id)
        self._publish(SessionChanged(session_id, deleted=True))

    async def fork_session(self, session_id: str, message_id: str) -> Session:
        """See `Verbs.fork_session`."""
        return self._changed(await self._store.fork_session(session_id, message_id))

    async def show_sibling(self, session_id: str, message_id: str, step: int) -> Transcript:
        """See `Verbs.show_sibling`."""
        transcript = await self._store.show_sibling(session_id, message_id, step)
        self._publish(SessionChanged(session_id))
        return transcript

    async def keep_view(self, session_id: str, view: View) -> None:
        """See `Verbs.keep_view`."""
        await self._store.keep_view(session_id, view)

    async def search(self, query: str, *, limit: int = 50) -> tuple[SearchHit, ...]:
        """See `Verbs.search`."""
        return await self._store.search(query, limit)

    async def prompt_history(self, *, limit: int = 200) -> tuple[str, ...]:
        """See `Verbs.prompt_history`."""
        return await self._store.prompt_history(limit)

    async def export_session(self, session_id: str, form: ExportFormat) -> str:
        """See `Verbs.export_session`."""
        if form is ExportFormat.JSON:
            return await self._store.export_json(session_id)
        return await self._store.export_markdown(session_id)

    async def import_sessions(self, text: str) -> tuple[Session, ...]:
        """See `Verbs.import_sessions`."""
        imported = await self._store.import_json(text)
        for session in imported:
            self._changed(session)
        return imported

    def _changed(self, session: Session) -> Session:
        self._publish(SessionChanged(session.id))
        return session
