"""The ids of tasks as people use them: shown as short as can be, found by their beginning, suggested when mistyped."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from tale_tui.engine.errors import AmbiguousTask, NoSuchTask
from tale_tui.engine.text import clean_line
from tale_tui.engine.world import ID_SHOWN

CANDIDATES_NAMED = 5
"""How many of the tasks that an ambiguous id fits are named."""
SUGGESTED_FROM = 200
"""How many tasks, the newest, are looked through for one with an id like a mistyped one."""
LIKENESS = 0.5
"""How much of a mistyped id must be right for a suggestion, 0 to 1."""
_FEW = 1000
"""Ids whose neighbours are looked up one by one; of more, all ids are read."""
_LAST = "\U0010ffff"

_NEIGHBOURS = "SELECT (SELECT max(id) FROM task WHERE id < :id), (SELECT min(id) FROM task WHERE id > :id)"


def shown_ids(connection: sqlite3.Connection, ids: Collection[str]) -> dict[str, str]:
    """For each id its shortest beginning, of at least four characters, that no other task has."""
    if len(ids) <= _FEW:
        return {id_: _shortest(id_, connection.execute(_NEIGHBOURS, {"id": id_}).fetchone()) for id_ in ids}
    every = [id_ for (id_,) in connection.execute("SELECT id FROM task ORDER BY id")]
    short = [id_[:ID_SHOWN] for id_ in every]
    befores, afters = [None, *every], [*every[1:], None]
    return {
        id_: beginning if count == 1 else _shortest(id_, (before, after))
        for id_, beginning, count, before, after in zip(
            every, short, map(Counter(short).__getitem__, short), befores, afters, strict=False
        )
    }


def _shortest(id_: str, neighbours: Sequence[str | None]) -> str:
    """The shortest beginning of an id that those before and after it in the order of all do not have."""
    length = ID_SHOWN
    for other in neighbours:
        while other is not None and length < len(id_) and other[:length] == id_[:length]:
            length += 1
    return id_[:length]


def find(connection: sqlite3.Connection, prefix: str) -> int:
    """The inner number of the task with this id, or of the only one whose id begins so.

    Raises:
        NoSuchTask: none; the sentence suggests the nearest.
        AmbiguousTask: several; the sentence names them.
    """
    exact = connection.execute("SELECT n FROM task WHERE id = ?", (prefix,)).fetchone()
    if exact is not None:
        return int(exact[0])
    if not prefix:
        raise NoSuchTask("An id is missing: give the beginning of one, as the list of tasks shows it.")
    found = connection.execute(
        "SELECT n, id, title FROM task WHERE id >= ? AND id < ? ORDER BY n DESC LIMIT ?",
        (prefix, prefix + _LAST, CANDIDATES_NAMED + 1),
    ).fetchall()
    if not found:
        raise no_such_task(connection, prefix)
    if len(found) > 1:
        shown = shown_ids(connection, [id_ for _, id_, _ in found])
        named = ", ".join(f"{shown[id_]} {clean_line(title)}" for _, id_, title in found[:CANDIDATES_NAMED])
        more = " and more" if len(found) > CANDIDATES_NAMED else ""
        raise AmbiguousTask(f"Several tasks begin with {prefix}: {named}{more}; give more of the id.")
    return int(found[0][0])


def no_such_task(connection: sqlite3.Connection, given: str) -> NoSuchTask:
    """For an id, or the beginning of one, that no task has: what it is instead, or what it may have meant."""
    given = clean_line(given)
    session = connection.execute("SELECT 1 FROM session WHERE id >= ? AND id < ? LIMIT 1", (given, given + _LAST))
    if len(given) >= ID_SHOWN and session.fetchone() is not None:
        return NoSuchTask(f"{given} is the id of a conversation: give that of a task, as the list of tasks shows it.")
    rows = connection.execute("SELECT id, title FROM task ORDER BY n DESC LIMIT ?", (SUGGESTED_FROM,)).fetchall()
    if not rows:
        return NoSuchTask(f"No task has the id {given}, and there are no tasks yet.")
    titles = {id_[: max(len(given), ID_SHOWN)]: (id_, title) for id_, title in reversed(rows)}
    near = get_close_matches(given, titles, n=1, cutoff=LIKENESS)
    if not near:
        return NoSuchTask(f"No task has the id {given}: the list of tasks shows all that there are.")
    id_, title = titles[near[0]]
    return NoSuchTask(
        f"No task has the id {given}: do you mean {shown_ids(connection, [id_])[id_]} {clean_line(title)}?"
    )
