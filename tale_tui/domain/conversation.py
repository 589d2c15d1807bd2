"""What people and models said: sessions, their messages, what a reply cost. Frozen, plain data.

Times are seconds since the epoch (UTC) unless a name ends in `_ms`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tale_tui.domain.context import ContextPart
from tale_tui.domain.models import FinishReason, ModelRef, Usage


class Author(StrEnum):
    """Who wrote a message."""

    USER = "user"
    ASSISTANT = "assistant"


class MessageState(StrEnum):
    """How far a message came. A user's message is always complete."""

    COMPLETE = "complete"
    STREAMING = "streaming"
    STOPPED = "stopped"
    """The user stopped it; what was there is kept."""
    INTERRUPTED = "interrupted"
    """The process or the stream ended under it; it can be continued."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WindowUse:
    """How full the context window is after a turn, in tokens."""

    used: int
    window: int
    cut: bool = False
    """True when the server counted far fewer prompt tokens than were sent: it dropped some of them."""
    parts: tuple[ContextPart, ...] = ()
    """What was used, part by part; empty where that is not known."""
    left_out: bool = False
    """Whether older turns were neither sent nor summed up in what was sent."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a session; a node of its tree."""

    id: str
    session_id: str
    parent_id: str | None
    author: Author
    text: str
    created: float
    state: MessageState = MessageState.COMPLETE
    thinking: str = ""
    ref: ModelRef | None = None
    """The model that wrote it; None for the user's."""
    usage: Usage | None = None
    finish: FinishReason | None = None
    error: str = ""
    """A sentence for the user, where the state is failed or interrupted."""
    sibling: int = 1
    """Its place among the versions with the same parent, from 1."""
    siblings: int = 1
    task_id: str | None = None
    """The task that this reply is the card of; its text is the result, empty until there is one."""
    p: float | None = None
    """Of a user's message: the probability that it is a task, as it was judged; None where it was not."""
    why: str = ""
    """Of a reply: why this model wrote it, in a few words."""
    remembered: int = 0
    """Of a reply: how many remembered items it was offered."""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation, as a list shows it."""

    id: str
    title: str
    created: float
    updated: float
    turns: int = 0
    """How many messages the user wrote on the shown branch."""
    system: str = ""
    """The system prompt; empty for the default of the settings."""
    forked_from: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """What the user sent while a reply was streaming; it waits for its turn."""

    id: str
    text: str
    created: float


@dataclass(frozen=True, slots=True)
class View:
    """Where the reader was, kept with the session."""

    message_id: str | None = None
    """The message at the top of the screen; None follows the tail."""
    line: int = 0
    """The line of that message at the top of the screen, at the width it had then."""
    draft: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A session with the messages of its shown branch, oldest first."""

    session: Session
    messages: tuple[Message, ...] = ()
    queued: tuple[QueuedMessage, ...] = ()
    view: View = field(default_factory=View)
    view_from: str | None = None
    """The first message that the model was shown in the last turn; None when it was shown all."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message that matches a full-text search."""

    session_id: str
    session_title: str
    message_id: str
    author: Author
    created: float
    snippet: str
    """Text around the match, with the matching words between U+E000 and U+E001."""


EXPORT_FORMAT: Final = "tale-tui-session"
EXPORT_VERSION: Final = 1
"""What an exported session says of itself as JSON."""


class ExportFormat(StrEnum):
    """The forms in which a session leaves the store."""

    MARKDOWN = "markdown"
    JSON = "json"
