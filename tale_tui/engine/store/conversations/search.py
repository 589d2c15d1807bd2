"""Full-text search over all messages of all branches; any text is a valid query."""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import re
import sqlite3

from tale_tui.domain.constants import SCANNED_MESSAGES, SNIPPET_CHARACTERS, SNIPPET_WORDS
from tale_tui.domain.conversation import Author, MessageState, SearchHit
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import Row

MARK_BEGIN, MARK_END = "\ue000", "\ue001"
"""Around the words that match, in a snippet; no stored text has them, as the border lets no private use through."""

_NO_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Scripts without spaces between words (Thai, Lao, Burmese, Khmer, Chinese, Japanese): the index sees whole clauses."""

_HIT = "SELECT s.id, coalesce(nullif(s.title, ''), s.first_words), m.id, m.author, m.created"
_INDEXED = f"""
    {_HIT}, snippet(message_fts, 0, '{MARK_BEGIN}', '{MARK_END}', '…', {SNIPPET_WORDS})
    FROM message_fts JOIN message AS m ON m.n = message_fts.rowid JOIN session AS s ON s.n = m.session_n
    WHERE message_fts MATCH ? ORDER BY rank LIMIT ?
"""
_SCANNED = f"""
    {_HIT}, m.text
    FROM (SELECT * FROM message ORDER BY n DESC LIMIT {SCANNED_MESSAGES}) AS m JOIN session AS s ON s.n = m.session_n
    WHERE m.state <> '{MessageState.STREAMING}' AND %s LIMIT ?
"""  # nosec B608 # names and numbers of this package; what is looked for is bound


class Search(Database):
    """Search by words; by letters where the index knows no such words."""

    async def search(self, query: str, limit: int = 50) -> tuple[SearchHit, ...]:
        """The messages that hold all words of a query, or words that begin so, best first.

        What the index does not know (parts of words, signs, scripts without spaces) is looked for letter by letter
        in the newest messages.
        """
        words = clean_line(query).split()
        if not words:
            return ()
        return await self._read(lambda connection: _search(connection, words, limit))


def _search(connection: sqlite3.Connection, words: list[str], limit: int) -> tuple[SearchHit, ...]:
    if not any(map(_NO_SPACES.search, words)):
        # In quotes nothing is syntax, and a star after them asks for every word that begins so.
        match = " ".join('"' + word.replace('"', '""') + '"*' for word in words)
        hits = tuple(_hit(row, row[-1]) for row in connection.execute(_INDEXED, (match, limit)))
        if hits:
            return hits
    condition = " AND ".join(["m.text LIKE ? ESCAPE '\\'"] * len(words))
    patterns = ["%" + re.sub(r"([\\%_])", r"\\\1", word) + "%" for word in words]
    rows = connection.execute(_SCANNED % condition, (*patterns, limit))
    return tuple(_hit(row, _excerpt(row[-1], words)) for row in rows)


def _hit(row: Row, snippet: str) -> SearchHit:
    session_id, title, message_id, author, created, _ = row
    pieces = re.split(f"([{MARK_BEGIN}{MARK_END}])", snippet)
    safe = "".join(piece if piece in (MARK_BEGIN, MARK_END) else clean(piece) for piece in pieces)
    return SearchHit(session_id, clean_line(title), message_id, Author(author), created, " ".join(safe.split()))


def _excerpt(text: str, words: list[str]) -> str:
    """The text around the first of the words, marked as SQLite marks it."""
    found = re.search("|".join(map(re.escape, words)), text, re.IGNORECASE)
    begin, end = found.span() if found else (0, 0)
    before, after = text[max(0, begin - SNIPPET_CHARACTERS) : begin], text[end : end + SNIPPET_CHARACTERS]
    return "".join(
        [
            "…" * (begin > SNIPPET_CHARACTERS),
            before,
            f"{MARK_BEGIN}{text[begin:end]}{MARK_END}",
            after,
            "…" * (end + SNIPPET_CHARACTERS < len(text)),
        ]
    )
