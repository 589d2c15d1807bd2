"""What is remembered beyond a session: items, their index of words, their vectors, and what replies were offered."""

# ruff: noqa: S608  # the SQL is put together of texts of this package; values are always bound

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tale_tui.domain.conversation import Author
from tale_tui.domain.errors import BadInput, NoSuchItem
from tale_tui.domain.recall import RecallContext, RecallItem, RecallKind, RecallOrigin, RecallSource
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.store.database import Database
from tale_tui.engine.store.rows import Row, fresh_id, no_such_session

CANDIDATES_NAMED_MAX = 5
"""Of several items whose ids begin alike, so many are named."""
COMMON_WORD_SHARE = 0.05
"""A word that more than this share of the items has leads nowhere by itself, and costs the most."""
COMMON_FROM_ITEMS = 2_000
"""With fewer items every word may be looked for."""
RARE_FROM_ITEMS = 100
"""With fewer items it is not known which words are rare: one that none of them has would be all that counts."""
CONTEXT_CHARACTERS = 4_000
"""Of the message that an item is of, so much is read."""
MARK_BEGIN, MARK_END = "\ue000", "\ue001"
"""Around the words that were found; no stored text has them, as the border lets no private use through."""

_COLUMNS = """
    i.id, i.text, i.kind, i.origin, i.session_id, coalesce(nullif(s.title, ''), s.first_words, ''), i.turn,
    i.message_id, i.task_id, i.said, i.pinned, i.uses, i.used
"""
_FROM = "FROM recall_item AS i LEFT JOIN session AS s ON s.id = i.session_id"
_ITEMS = f"SELECT {_COLUMNS} {_FROM}"  # nosec B608 # our words; values are bound
_NUMBERED = f"SELECT i.n, {_COLUMNS} {_FROM}"  # nosec B608
_LISTED = f"""
    {_NUMBERED} JOIN (
        SELECT n AS place FROM recall_item WHERE (:kind IS NULL OR kind = :kind) AND pinned >= :pinned
        ORDER BY pinned DESC, said DESC, n DESC LIMIT :limit OFFSET :offset
    ) ON place = i.n ORDER BY i.pinned DESC, i.said DESC, i.n DESC
"""  # nosec B608
_CONTEXT = """
    SELECT substr(said.text, 1, :characters), s.id, coalesce(nullif(s.title, ''), s.first_words, ''), m.created
    FROM recall_item AS i LEFT JOIN message AS said ON said.id = i.message_id
    LEFT JOIN message AS m ON m.n = (
        SELECT max(o.n) FROM recall_use AS u JOIN message AS o ON o.id = u.message_id WHERE u.item_n = i.n
    )
    LEFT JOIN session AS s ON s.n = m.session_n WHERE i.n = :n
"""
_ADD = """
    INSERT INTO recall_item (id, same, kind, origin, said, session_id, message_id, task_id, turn, text, words)
    VALUES (:id, :same, :kind, :origin, :said, :session_id, :message_id, :task_id, :turn, :text, :words)
    ON CONFLICT (same) DO UPDATE SET said = max(said, excluded.said),
        origin = CASE WHEN excluded.origin = 'asked' THEN 'asked' ELSE origin END
    RETURNING n
"""
_FOUND = f"""
    SELECT recall_fts.rowid, highlight(recall_fts, 0, '{MARK_BEGIN}', '{MARK_END}')
    FROM recall_fts WHERE recall_fts MATCH ? ORDER BY rank LIMIT ?
"""  # nosec B608 # our marks; values are bound
_UNREAD_MESSAGES = f"""
    SELECT m.n, m.id, m.text, m.created, m.p, s.id,
        (SELECT count(*) FROM message AS o WHERE o.session_n = m.session_n AND o.author = 'user' AND o.n <= m.n)
    FROM message AS m JOIN session AS s ON s.n = m.session_n
    WHERE m.n > ? AND m.author = '{Author.USER}' AND NOT s.recall_off AND m.n > s.recall_after
    ORDER BY m.n LIMIT ?
"""  # nosec B608 # our words; values are bound
_UNREAD_TASKS = """
    SELECT t.n, t.id, t.finished, t.title, b.result, t.session_id FROM task AS t JOIN task_body AS b ON b.task_n = t.n
    LEFT JOIN session AS s ON s.id = t.session_id
    WHERE t.state = 'done' AND (t.finished, t.n) > (?, ?) AND NOT coalesce(s.recall_off, 0)
    ORDER BY t.finished, t.n LIMIT ?
"""
_WORDS = re.compile(f"{MARK_BEGIN}(.*?){MARK_END}")
_SIGNS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class NewItem:
    """Something to be kept."""

    text: str
    kind: RecallKind
    origin: RecallOrigin
    words: str
    """The text as the index sees it."""
    said: float
    session_id: str | None = None
    message_id: str | None = None
    task_id: str | None = None
    turn: int = 0


@dataclass(frozen=True, slots=True)
class UnreadMessage:
    """What the user wrote, and nobody has looked at yet."""

    n: int
    id: str
    text: str
    created: float
    p: float | None
    """How likely a task, as it was judged when it was sent."""
    session_id: str
    turn: int


@dataclass(frozen=True, slots=True)
class UnreadTask:
    """A task that was done, and nobody has looked at yet."""

    n: int
    id: str
    finished: float
    title: str
    result: str
    session_id: str | None


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """How far messages and tasks were looked at."""

    what: str
    """`messages` or `tasks`."""
    at: float
    n: int


@dataclass(frozen=True, slots=True)
class WordHit:
    """An item that has some of the words of a question."""

    n: int
    share: float
    """Of the weight of the words asked for, those that it has; rare words weigh more. 0 to 1."""


class Recalled(Database):
    """Remembered items, in a store. Texts pass the border here; `words` is made by who hands an item in."""

    # items

    async def recall_items(
        self, limit: int, kind: RecallKind | None = None, *, offset: int = 0, pinned: bool = False
    ) -> tuple[RecallItem, ...]:
        """Items, the pinned ones first, then the newest.

        Args:
            limit: at most so many.
            kind: only of this kind; None for all.
            offset: after so many.
            pinned: only the pinned ones.
        """
        wanted = {"kind": kind, "limit": limit, "offset": offset, "pinned": pinned}
        return await self._read(
            lambda connection: tuple(_item_of(row[1:]) for row in connection.execute(_LISTED, wanted))
        )

    async def recall_context(self, item_id: str) -> RecallContext:
        """The message that an item is of, and the last reply that was offered it.

        Raises:
            NoSuchItem: it is not there.
        """

        def job(connection: sqlite3.Connection) -> RecallContext:
            wanted = {"n": _n_of(connection, item_id), "characters": CONTEXT_CHARACTERS}
            said, session_id, title, used = connection.execute(_CONTEXT, wanted).fetchone()
            return RecallContext(clean(said or ""), session_id or "", clean_line(title or ""), used)

        return await self._read(job)

    async def recall_kinds(self) -> tuple[dict[RecallKind, int], int]:
        """How many items there are of each kind that has any, and how many are pinned."""

        def job(connection: sqlite3.Connection) -> tuple[dict[RecallKind, int], int]:
            rows = connection.execute("SELECT kind, count(*), sum(pinned) FROM recall_item GROUP BY kind").fetchall()
            return {RecallKind(kind): items for kind, items, _ in rows}, sum(pinned for _, _, pinned in rows)

        return await self._read(job)

    async def recall_items_by_n(self, numbers: Sequence[int]) -> dict[int, RecallItem]:
        """Items by their numbers; what is gone is left out."""

        def job(connection: sqlite3.Connection) -> dict[int, RecallItem]:
            marks = ", ".join("?" * len(numbers))
            rows = connection.execute(f"{_NUMBERED} WHERE i.n IN ({marks})", tuple(numbers))
            return {row[0]: _item_of(row[1:]) for row in rows}

        return await self._read(job)

    async def recall_item(self, prefix: str) -> RecallItem:
        """The item with this id, or the only one whose id begins so.

        Raises:
            NoSuchItem: none, or several.
        """
        return await self._read(lambda connection: _item_of(_row_of(connection, prefix)[1:]))

    async def add_recall_items(self, items: Iterable[NewItem], read: Sequence[ReadUpTo] = ()) -> tuple[RecallItem, ...]:
        """Keep items, and how far was looked, at once. What is there already is said anew.

        Args:
            items: what to keep.
            read: how far was looked.
        """

        def job(connection: sqlite3.Connection) -> tuple[RecallItem, ...]:
            numbers = [_insert(connection, self._new_id(connection), new) for new in items]
            for up_to in read:
                connection.execute(
                    "INSERT INTO recall_read (what, at, n) VALUES (?, ?, ?) "
                    "ON CONFLICT (what) DO UPDATE SET at = excluded.at, n = excluded.n",
                    (up_to.what, up_to.at, up_to.n),
                )
            return tuple(
                _item_of(row)
                for n in dict.fromkeys(numbers)
                for row in connection.execute(_ITEMS + " WHERE i.n = ?", (n,))
            )

        return await self._write(job)

    async def change_recall_item(self, item_id: str, text: str, kind: RecallKind, words: str) -> tuple[int, RecallItem]:
        """Give an item another text; its vector goes with the old one. Its number, and what it is now.

        Raises:
            NoSuchItem: it is not there.
            BadInput: another item says the same.
        """

        def job(connection: sqlite3.Connection) -> tuple[int, RecallItem]:
            n, same = _n_of(connection, item_id), _same(text)
            if connection.execute("SELECT 1 FROM recall_item WHERE same = ? AND n <> ?", (same, n)).fetchone():
                raise BadInput("Another item says the same. Forget one of them instead.")
            connection.execute(
                "UPDATE recall_item SET text = ?, same = ?, kind = ?, words = ? WHERE n = ?",
                (clean_line(text, len(text) + 1), same, kind, words, n),
            )
            return n, _item_at(connection, n)

        return await self._write(job)

    async def pin_recall_item(self, item_id: str, *, pinned: bool) -> RecallItem:
        """Pin an item, or let it loose.

        Raises:
            NoSuchItem: it is not there.
        """

        def job(connection: sqlite3.Connection) -> RecallItem:
            n = _n_of(connection, item_id)
            connection.execute("UPDATE recall_item SET pinned = ? WHERE n = ?", (pinned, n))
            return _item_at(connection, n)

        return await self._write(job)

    async def remove_recall_item(self, item_id: str) -> tuple[int, RecallItem]:
        """Forget an item for ever: its words leave the index and the file as well. Its number, and what it was.

        Raises:
            NoSuchItem: it is not there.
        """

        def job(connection: sqlite3.Connection) -> tuple[int, RecallItem]:
            n = _n_of(connection, item_id)
            item = _item_at(connection, n)
            connection.execute("DELETE FROM recall_item WHERE n = ?", (n,))
            return n, item

        gone = await self._write(job)
        await self._forget_words("recall_fts")
        return gone

    async def recall_counts(self, model: str) -> tuple[int, int]:
        """How many items there are, and how many have a vector of a model."""

        def job(connection: sqlite3.Connection) -> tuple[int, int]:
            (items,) = connection.execute("SELECT count(*) FROM recall_item").fetchone()
            (embedded,) = connection.execute("SELECT count(*) FROM recall_vector WHERE model = ?", (model,)).fetchone()
            return items, embedded

        return await self._read(job)

    # what was not looked at yet

    async def unread_messages(self, limit: int) -> tuple[UnreadMessage, ...]:
        """What the user wrote since it was looked last, the oldest first, in sessions that recall is on for."""

        def job(connection: sqlite3.Connection) -> tuple[UnreadMessage, ...]:
            _, n = _read_up_to(connection, "messages")
            return tuple(
                UnreadMessage(number, id_, clean(text), created, p, session_id, turn)
                for number, id_, text, created, p, session_id, turn in connection.execute(_UNREAD_MESSAGES, (n, limit))
            )

        return await self._read(job)

    async def unread_tasks(self, limit: int) -> tuple[UnreadTask, ...]:
        """The tasks that were done since it was looked last, the oldest first."""

        def job(connection: sqlite3.Connection) -> tuple[UnreadTask, ...]:
            at, n = _read_up_to(connection, "tasks")
            return tuple(
                UnreadTask(number, id_, finished, clean_line(title), clean(result or ""), session_id)
                for number, id_, finished, title, result, session_id in connection.execute(
                    _UNREAD_TASKS, (at, n, limit)
                )
            )

        return await self._read(job)

    async def skip_unread(self) -> None:
        """Take all there is for looked at."""

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                """
                INSERT OR REPLACE INTO recall_read (what, at, n)
                SELECT 'messages', 0, coalesce(max(n), 0) FROM message
                """
            )
            connection.execute(
                """
                INSERT OR REPLACE INTO recall_read (what, at, n)
                SELECT 'tasks', coalesce(max(finished), 0), coalesce(max(n), 0) FROM task
                """
            )

        await self._write(job)

    # by words

    async def recall_by_words(self, words: Sequence[str], limit: int) -> tuple[WordHit, ...]:
        """The items that have any of the words, or other forms of them, best first.

        Args:
            words: folded, of letters and digits alone.
            limit: at most so many.
        """
        return await self._read(lambda connection: _by_words(connection, words, limit)) if words else ()

    # by meaning

    async def without_vector(self, model: str, limit: int) -> tuple[tuple[int, str], ...]:
        """Number and text of items that have no vector of a model, the newest first."""

        def job(connection: sqlite3.Connection) -> tuple[tuple[int, str], ...]:
            rows = connection.execute(
                """
                SELECT i.n, i.text FROM recall_item AS i LEFT JOIN recall_vector AS v ON v.item_n = i.n AND v.model = ?
                WHERE v.item_n IS NULL ORDER BY i.said DESC, i.n DESC LIMIT ?
                """,
                (model, limit),
            )
            return tuple((n, clean(text)) for n, text in rows)

        return await self._read(job)

    async def add_vectors(self, model: str, vectors: Sequence[tuple[int, str, bytes]]) -> tuple[int, ...]:
        """Keep vectors of items; the numbers of those that still say what was embedded.

        Args:
            model: that made them.
            vectors: number of the item, the text that was embedded, a signed byte a dimension.
        """

        def job(connection: sqlite3.Connection) -> tuple[int, ...]:
            kept = []
            for n, text, vector in vectors:
                row = connection.execute("SELECT text FROM recall_item WHERE n = ?", (n,)).fetchone()
                if row is not None and clean(row[0]) == text:
                    connection.execute(
                        "INSERT OR REPLACE INTO recall_vector (item_n, model, vector) VALUES (?, ?, ?)",
                        (n, model, vector),
                    )
                    kept.append(n)
            return tuple(kept)

        return await self._write(job)

    async def vectors(self, model: str, after: int, limit: int) -> tuple[tuple[int, bytes], ...]:
        """Vectors of a model with the numbers of their items, by number.

        Args:
            model: that made them.
            after: only of items with a higher number.
            limit: at most so many.
        """

        def job(connection: sqlite3.Connection) -> tuple[tuple[int, bytes], ...]:
            rows = connection.execute(
                "SELECT item_n, vector FROM recall_vector WHERE item_n > ? AND model = ? ORDER BY item_n LIMIT ?",
                (after, model, limit),
            )
            return tuple((n, bytes(vector)) for n, vector in rows)

        return await self._read(job)

    # what was offered, and where it is off

    async def recalled_for(self, message_id: str) -> tuple[RecallItem, ...]:
        """What a reply was offered and is not forgotten, the nearest first."""
        statement = f"{_ITEMS} JOIN recall_use AS u ON u.item_n = i.n WHERE u.message_id = ? ORDER BY u.place"
        return await self._read(lambda connection: tuple(map(_item_of, connection.execute(statement, (message_id,)))))

    async def allow_recall(self, session_id: str, *, on: bool) -> None:
        """Turn recall on or off for a session. What was said while it was off is never looked at.

        Raises:
            NoSuchSession: it is not there.
        """

        def job(connection: sqlite3.Connection) -> None:
            changed = connection.execute(
                """
                UPDATE session SET recall_off = :off, recall_after = CASE WHEN recall_off AND NOT :off
                    THEN coalesce((SELECT max(n) FROM message), 0) ELSE recall_after END WHERE id = :id
                """,
                {"off": not on, "id": session_id},
            )
            if not changed.rowcount:
                raise no_such_session()

        await self._write(job)

    async def recall_allowed(self, session_id: str) -> bool:
        """Whether recall is on for a session.

        Raises:
            NoSuchSession: it is not there.
        """

        return await self._read(lambda connection: _recall_is_on(connection, session_id))

    async def can_recall(self, session_id: str) -> bool:
        """Whether recall is on for a session, and anything is remembered at all.

        Args:
            session_id: the whole id; empty for no session.
        Raises:
            NoSuchSession: it is not there.
        """

        def job(connection: sqlite3.Connection) -> bool:
            if session_id and not _recall_is_on(connection, session_id):
                return False
            (any_item,) = connection.execute("SELECT EXISTS (SELECT 1 FROM recall_item)").fetchone()
            return bool(any_item)

        return await self._read(job)

    def _new_id(self, connection: sqlite3.Connection) -> str:
        while True:
            id_ = fresh_id(connection, self._clock)
            if connection.execute("SELECT 1 FROM recall_item WHERE id = ?", (id_,)).fetchone() is None:
                return id_


def _recall_is_on(connection: sqlite3.Connection, session_id: str) -> bool:
    row = connection.execute("SELECT recall_off FROM session WHERE id = ?", (session_id,)).fetchone()
    if row is None:
        raise no_such_session()
    return not row[0]


def note_recall(connection: sqlite3.Connection, message_id: str, item_ids: Sequence[str], now: float) -> None:
    """Note what a reply was offered.

    Args:
        connection: inside a transaction.
        message_id: the reply.
        item_ids: the items, the nearest first; those that were forgotten meanwhile are left out.
        now: seconds since the epoch.
    """
    for place, item_id in enumerate(item_ids):
        connection.execute(
            "INSERT OR IGNORE INTO recall_use (message_id, item_n, place) SELECT ?, n, ? FROM recall_item WHERE id = ?",
            (message_id, place, item_id),
        )
        connection.execute("UPDATE recall_item SET uses = uses + 1, used = ? WHERE id = ?", (now, item_id))
    connection.execute("UPDATE message SET remembered = ? WHERE id = ?", (len(item_ids), message_id))


def _insert(connection: sqlite3.Connection, id_: str, new: NewItem) -> int:
    text = clean_line(new.text, len(new.text) + 1)
    columns = {
        "id": id_,
        "same": _same(text),
        "kind": new.kind,
        "origin": new.origin,
        "said": new.said,
        "session_id": new.session_id,
        "message_id": new.message_id,
        "task_id": new.task_id,
        "turn": new.turn,
        "text": text,
        "words": new.words,
    }
    return int(connection.execute(_ADD, columns).fetchone()[0])


def _by_words(connection: sqlite3.Connection, words: Sequence[str], limit: int) -> tuple[WordHit, ...]:
    (items,) = connection.execute("SELECT count(*) FROM recall_item").fetchone()
    most = max(COMMON_FROM_ITEMS, int(items * COMMON_WORD_SHARE))
    weights = {}
    for word in words:
        (having,) = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM recall_fts WHERE recall_fts MATCH ? LIMIT ?)", (f'"{word}"', most)
        ).fetchone()
        weights[word] = (math.log((max(items, RARE_FROM_ITEMS) + 1) / (having + 0.5)), having)
    rare = [word for word, (_, having) in weights.items() if 0 < having < most]
    rare = rare or [word for word, (_, having) in weights.items() if having]
    whole = sum(weight for weight, _ in weights.values())
    if not rare:
        return ()
    found = connection.execute(_FOUND, (" OR ".join(f'"{word}"' for word in rare), limit)).fetchall()
    asked = {word: weight for word, (weight, _) in weights.items()}
    return tuple(WordHit(n, _share(marked, asked, whole)) for n, marked in found)


def _share(marked: str, asked: dict[str, float], whole: float) -> float:
    """The weight of the words asked for that an item has. A word of the item in another form counts for the one that it
    begins most like."""
    has = set(_WORDS.findall(marked))
    met = {max(asked, key=lambda word: _alike(word, one)) for one in has}
    return min(1.0, sum(asked[word] for word in met) / whole) if whole > 0 else 0.0


def _alike(one: str, other: str) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length


def _same(text: str) -> str:
    return _SIGNS.sub(" ", text.casefold()).strip()


def _read_up_to(connection: sqlite3.Connection, what: str) -> tuple[float, int]:
    row = connection.execute("SELECT at, n FROM recall_read WHERE what = ?", (what,)).fetchone()
    return (row[0], row[1]) if row else (0.0, 0)


def _row_of(connection: sqlite3.Connection, prefix: str) -> Row:
    """Raises NoSuchItem: none, or several."""
    wanted = clean_line(prefix).lower()
    found = connection.execute(
        f"{_NUMBERED} WHERE substr(i.id, 1, :length) = :prefix ORDER BY i.id = :prefix DESC, i.said DESC LIMIT :limit",
        {"length": len(wanted), "prefix": wanted, "limit": CANDIDATES_NAMED_MAX + 1},
    ).fetchall()
    if not wanted or not found:
        raise NoSuchItem(f"Nothing remembered has an id that begins with {wanted!r}: tale-tui recall list shows them.")
    if found[0][1] == wanted or len(found) == 1:
        return tuple(found[0])
    named = ", ".join(f"{row[1]} ({clean_line(row[2], 40)})" for row in found[:CANDIDATES_NAMED_MAX])
    raise NoSuchItem(f"Several begin with {wanted}: {named}. Give more of the id.")


def _n_of(connection: sqlite3.Connection, item_id: str) -> int:
    return int(_row_of(connection, item_id)[0])


def _item_at(connection: sqlite3.Connection, n: int) -> RecallItem:
    return _item_of(connection.execute(_ITEMS + " WHERE i.n = ?", (n,)).fetchone())


def _item_of(row: Row) -> RecallItem:
    id_, text, kind, origin, session_id, title, turn, message_id, task_id, said, pinned, uses, used = row
    source = RecallSource(
        RecallOrigin(origin), session_id or "", clean_line(title), turn, message_id or "", task_id or ""
    )
    return RecallItem(id_, clean(text), RecallKind(kind), source, said, bool(pinned), uses, used)
