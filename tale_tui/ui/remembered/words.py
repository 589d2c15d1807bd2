"""What is said of the chosen item, and of how recall is, in sentences."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tale_tui.domain.clock import ID_SHOWN
from tale_tui.domain.recall import RecallOrigin
from tale_tui.domain.text import clean_line
from tale_tui.formatting.recall import found_words
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import day_name, percent, plural, when

if TYPE_CHECKING:
    from tale_tui.domain.models import Progress
    from tale_tui.domain.recall import RecallContext, RecallHit, RecallItem, RecallState

QUOTED_CHARACTERS, QUOTED_NARROW = 320, 160
"""Of the message that an item is of, so much is shown at most, and where there is little room."""
TITLE_CHARACTERS = 40
"""Of the title of a conversation, in a sentence."""
EMPTY = "Nothing is remembered yet. What you state, prefer and decide will stand here, and what tasks give."
NOT_FOUND = "Nothing was found. Other words may find more."
OFF = "Off (recall.enabled): nothing is kept and nothing offered. What was kept before stays until it is forgotten."
OFF_HERE = "Not in this chat: nothing that is said in it is kept, and nothing is offered."


def origin_words(item: RecallItem, context: RecallContext | None, limit: int = QUOTED_CHARACTERS) -> str:
    """When and where an item came to be, with the sentence that it is of.

    Args:
        item: that is told of.
        context: what is around it, where that is known.
        limit: characters of the message that are quoted, at most.
    """
    source = item.source
    at = datetime.fromtimestamp(item.said).astimezone()
    then = f"on {day_name(at.date())} {at:%H:%M}"
    where = f" in “{_title(source.session_title)}”" if source.session_title else ""
    if source.origin is RecallOrigin.TASK:
        task = f"task {source.task_id[:ID_SHOWN]}" if source.task_id else "a task"
        return f"Given by {task} {then}{where}."
    if source.origin is RecallOrigin.ASKED:
        return f"You wanted it remembered, {then}{where}."
    said = _quoted(context.said, item.text, limit) if context is not None and context.said else item.text
    return f"Said {then}{where}: “{said}”"


def use_words(item: RecallItem, hit: RecallHit | None, context: RecallContext | None, now: float) -> str:
    """How an item was found, in how many replies it was used and when last, and whether it is pinned."""
    parts = [f"Found {found_words(hit)}."] if hit is not None and found_words(hit) else []
    if not item.uses:
        parts.append("In no reply yet.")
    else:
        last = ""
        if context is not None and context.session_title:
            last = f", the last in “{_title(context.session_title)}” {_at(context.used or item.used, now)}"
        elif item.used is not None:
            last = f", the last {_at(item.used, now)}"
        parts.append(f"In {plural(item.uses, 'reply', 'replies')}{last}.")
    if item.pinned:
        parts.append("Pinned (!) by you.")
    return " ".join(parts)


def state_line(state: RecallState | None, *, allowed: bool, fetched: Progress | None = None, key: str = "") -> str:
    """What is to be known of recall as a whole; empty where all is as it should be.

    Args:
        state: how recall is.
        allowed: whether it is on for the conversation in the chat.
        fetched: how far the model is that is being fetched.
        key: that fetches one.
    """
    if fetched is not None:
        return f"{fetched.label}: {percent(fetched.done / fetched.total) if fetched.total else ''}".rstrip(": ")
    if state is None:
        return ""
    if not state.enabled:
        return OFF
    if not allowed:
        return OFF_HERE
    if not state.model:
        return f"By words alone. {state.why}".rstrip() + (f". {key} fetches it here." if key else "")
    missing = state.items - state.embedded
    return f"{missing:,} of {state.items:,} are found by words alone yet." if missing > 0 else ""


def state_title(state: RecallState | None, *, narrow: bool) -> str:
    """The same for the first line: `214 items · by words, and by meaning (nomic-embed-text)`."""
    if state is None:
        return ""
    items = f"{plural(state.items, 'item')}"
    if not state.enabled:
        return f"{items}, off" if narrow else f"{items} {signs().dot} off (recall.enabled)"
    if narrow:
        return f"{state.items:,}, by {'meaning' if state.model else 'words'}"
    model = state.model.partition("/")[2]
    return f"{items} {signs().dot} " + (f"by words, and by meaning ({model})" if model else "by words alone")


def _at(seconds: float | None, now: float) -> str:
    if seconds is None:
        return ""
    words = when(seconds, now)
    return "just now" if words == "now" else f"at {words}" if ":" in words else f"on {words}"


def _title(title: str) -> str:
    return clean_line(title, TITLE_CHARACTERS)


def _quoted(said: str, text: str, limit: int) -> str:
    """A message in one line, the part around the item where it is long."""
    whole = clean_line(said, len(said) + 1)
    if len(whole) <= limit:
        return whole
    place = max(whole.casefold().find(text.casefold()), 0)
    begin = max(0, min(place - max(limit - len(text), 0) // 2, len(whole) - limit))
    before, after = signs().ellipsis if begin else "", signs().ellipsis if begin + limit < len(whole) else ""
    return f"{before}{whole[begin : begin + limit].strip()}{after}"
