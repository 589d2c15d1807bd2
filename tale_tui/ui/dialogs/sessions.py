"""All conversations: found by their titles at once and by everything that was said a moment later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.types import CSSPathType

from tale_tui.domain.errors import TaleError
from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count, plural, when
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.filter_dialog import FilterDialog
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.widgets.pick_list import PickList, PickRow

if TYPE_CHECKING:
    from tale_tui.domain.conversation import SearchHit, Session

SEARCH_DELAY_S = 0.15
"""Seconds without a key before the full text is searched."""
_NAME_LIMIT = 40
"""Characters of a title inside a question."""
_UNTITLED = "Untitled"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Show a conversation, at a message where one was found."""

    session_id: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class RenameSession:
    """Give a conversation another title; an empty one goes back to its first words."""

    session_id: str
    title: str


@dataclass(frozen=True, slots=True)
class DeleteSession:
    """Delete a conversation; the user was asked."""

    session_id: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """Begin a conversation."""


SessionsResult = OpenSession | RenameSession | DeleteSession | NewSession


class SessionsDialog(FilterDialog[SessionsResult]):
    """The list of conversations, the one last used first."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "sessions.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "new", "new", id="sessions.new", tooltip="Begin another conversation"),
        Binding("f2", "rename", "rename", id="sessions.rename", tooltip="Give the conversation another title"),
        Binding("delete", "delete", "delete", id="sessions.delete", tooltip="Delete the conversation, after asking"),
    ]

    def __init__(
        self,
        sessions: Sequence[Session],
        search: Callable[[str], Awaitable[tuple[SearchHit, ...]]],
        *,
        now: float,
        current: str = "",
        chosen: str = "",
        words: str = "",
    ) -> None:
        """Take the conversations.

        Args:
            sessions: all of them, the one last used first.
            search: full-text search over all messages.
            now: the present, in seconds since the epoch.
            current: the id of the conversation that is open; it gets a sign.
            chosen: the id of the one that is chosen first; empty chooses the current one.
            words: what is typed already.
        """
        super().__init__(
            "Conversations", enter="open", placeholder="type to search titles and everything that was said", value=words
        )
        self._search = search
        self._now = now
        self._first = chosen or current
        self._sessions = {session.id: session for session in sessions}
        self._rows = [self._row(session, current) for session in sessions]
        self._titles = [row.title.lower() for row in self._rows]
        self._hits: dict[str, SearchHit] = {}

    def _row(self, session: Session, current: str) -> PickRow:
        cells = (plural(session.turns, "turn"), when(session.updated, self._now))
        sign = signs().prompt if session.id == current else " "
        return PickRow(session.id, session.title or _UNTITLED, cells, sign, "accent")

    def filtered(self, words: str) -> None:
        """Titles at once; messages when the typing rests."""
        self._hits = {}
        self._show(words)
        if words.strip():
            self._find(words)
        else:
            self.workers.cancel_group(self, "search")

    def _matching(self, words: str) -> list[PickRow]:
        wanted = words.lower().split()
        if not wanted:
            return self._rows
        return [
            row for row, title in zip(self._rows, self._titles, strict=True) if all(word in title for word in wanted)
        ]

    def _show(self, words: str, *, searching: bool = True) -> None:
        """Show titles that match, then messages that were found."""
        rows = self._matching(words)
        titles = len(rows)
        if not words.strip():
            self.set_note(count(titles) if titles else "")
            self.picks.show(rows, chosen=self._first, empty="No conversation yet. ctrl+n begins one.")
            return
        found = plural(len(self._hits), "message")
        self.set_note("searching" if searching else f"{plural(titles, 'title')}, {found}")
        if self._hits:
            hits = [self._hit_row(key, hit) for key, hit in self._hits.items()]
            rows = [*rows, PickRow("", ""), PickRow("", "In the messages"), *hits]
        empty = "Searching the messages." if searching else "Nothing was found. Fewer letters find more."
        self.picks.show(rows, words=words, empty=empty)

    def _hit_row(self, key: str, hit: SearchHit) -> PickRow:
        return PickRow(key, hit.session_title or _UNTITLED, (when(hit.created, self._now),), " ", detail=hit.snippet)

    @work(name="search the messages", group="search", exclusive=True, exit_on_error=False)
    async def _find(self, words: str) -> None:
        await asyncio.sleep(SEARCH_DELAY_S)
        try:
            hits = await self._search(words)
        except TaleError as error:
            self.set_note(clean_line(error.sentence))
            return
        self._hits = {f"{hit.session_id}/{hit.message_id}": hit for hit in hits}
        self._show(words, searching=False)

    def _chosen_session(self) -> Session | None:
        row = self.picks.row
        return self._sessions.get(row.key.partition("/")[0]) if row else None

    @on(PickList.Chosen)
    def _open(self, event: PickList.Chosen) -> None:
        session_id, _, message_id = event.key.partition("/")
        self.dismiss(OpenSession(session_id, message_id or None))

    def action_new(self) -> None:
        self.dismiss(NewSession())

    def action_rename(self) -> None:
        """Ask for another title."""
        session = self._chosen_session()
        if session is None:
            return

        def keep(title: str | None) -> None:
            if title is not None:
                self.dismiss(RenameSession(session.id, title))

        hint = "Without a title it is called by its first words."
        self.app.push_screen(TextDialog("Rename the conversation", session.title, hint=hint), keep)

    def action_delete(self) -> None:
        """Ask whether it shall be deleted."""
        session = self._chosen_session()
        if session is None:
            return

        def delete(answer: bool | None) -> None:
            if answer:
                self.dismiss(DeleteSession(session.id))

        name = f'"{clean_line(session.title, _NAME_LIMIT) or _UNTITLED}"'
        used = when(session.updated, self._now)
        detail = f"{plural(session.turns, 'turn')}, last used: {used}. It cannot be brought back."
        self.app.push_screen(ConfirmDialog(f"Delete {name}?", f"Delete {name}", "Keep", detail=detail), delete)
