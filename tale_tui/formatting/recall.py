"""What is remembered, in words: for both screens, the commands and the answers that no model writes."""

from __future__ import annotations

from datetime import datetime

from tale_tui.domain.clock import ID_SHOWN
from tale_tui.domain.recall import RecallHit, RecallItem, RecallOrigin, RecallState
from tale_tui.formatting.units import plural

OFF_HERE = "In this conversation nothing is remembered and nothing offered."
ON_HERE = "In this conversation things are remembered and offered again."


def source_words(item: RecallItem, *, title: str | None = None) -> str:
    """Where an item comes from.

    Args:
        item: that is told of.
        title: said of the conversation; None for its title, in quotation marks.
    """
    source = item.source
    if source.origin is RecallOrigin.TASK:
        return f"task {source.task_id[:ID_SHOWN]}" if source.task_id else "a task"
    quoted = f"“{source.session_title}”" if source.session_title else ""
    turn = f"turn {source.turn}" if source.turn else ""
    who = "asked for" if source.origin is RecallOrigin.ASKED else "you"
    return ", ".join(part for part in (quoted if title is None else title, turn, who) if part)


def said_when(item: RecallItem) -> str:
    """What was said, when and where, as an answer."""
    at = datetime.fromtimestamp(item.said).astimezone()
    where = f", in “{item.source.session_title}”" if item.source.session_title else ""
    return f"On {at:%A} {at.day} {at:%B %Y}{where}: “{item.text}”"


def found_words(hit: RecallHit) -> str:
    """How an item was found."""
    ways = []
    if hit.by_meaning is not None:
        ways.append(f"by meaning ({_place(hit.by_meaning)})")
    if hit.by_words is not None:
        ways.append(f"by words ({_place(hit.by_words)})")
    return " and ".join(ways)


def state_words(state: RecallState) -> str:
    """How recall is, in one line."""
    if not state.enabled:
        return f"Off (recall.enabled). {plural(state.items, 'item')} kept from before."
    if not state.model:
        return f"{plural(state.items, 'item')}, found by words alone. {state.why}"
    missing = state.items - state.embedded
    later = f"; {missing} of them by words alone yet" if missing > 0 else ""
    return f"{plural(state.items, 'item')}, found by words, and by meaning ({state.model}){later}."


def _place(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ends.get(number % 10, 'th')}"
