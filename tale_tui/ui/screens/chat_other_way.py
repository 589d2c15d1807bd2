"""The last turn made the other thing: a task of talk, talk of a task."""

from __future__ import annotations

from tale_tui.engine.types import Author, Message, MessageState
from tale_tui.ui.screens.chat_host import ChatHost
from tale_tui.ui.terminal.notifications import Manners


def last_asked(host: ChatHost) -> Message | None:
    """The newest message of the user on the screen."""
    branch = host.conversation.branch
    tip = branch.tip
    return tip if tip is None or tip.author is Author.USER else branch.get(tip.parent_id)


def other(host: ChatHost) -> str:
    """What the last turn would become, in words; empty where there is none."""
    tip = host.conversation.branch.tip
    if tip is None or last_asked(host) is None:
        return ""
    return "just talk" if tip.task_id is not None else "a task"


def turn_last(host: ChatHost, message_id: str = "") -> bool:
    """Make a turn the other thing; a reply that streams is stopped.

    Args:
        host: the chat.
        message_id: of its reply; empty for the last one.
    Returns:
        False where there is no such turn.
    """
    branch = host.conversation.branch
    reply = branch.get(message_id) if message_id else branch.tip
    asked = branch.get(reply.parent_id) if message_id and reply is not None else last_asked(host)
    if reply is None or asked is None or asked.author is not Author.USER:
        return False
    if host.turns.writing:
        host.turns.stop()
    host.turns.reclassify(asked.id, as_task=reply.task_id is None)
    return True


def offered(host: ChatHost, manners: Manners) -> str | None:
    """The id of the reply below which a task is offered: nobody was sure, and the user has not said."""
    tip = host.conversation.branch.tip
    if tip is None or tip.author is Author.USER or tip.task_id is not None or tip.ref is None or tip.siblings > 1:
        return None
    asked = host.conversation.branch.get(tip.parent_id)
    if tip.state is MessageState.STREAMING or asked is None or asked.p is None or asked.id in host.conversation.said:
        return None
    return tip.id if manners.chat_to < asked.p < manners.task_from else None
