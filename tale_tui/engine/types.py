"""The nouns of the engine: frozen, plain data that crosses every wall and the link between processes.

Nothing here does anything. Times are seconds since the epoch (UTC) unless a name ends in `_ms`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """The two jobs that a model can have."""

    UX = "ux"
    """Answers at once, always loaded."""
    TASK = "task"
    """Carries out work in the background."""


class BackendName(StrEnum):
    """Where a model runs."""

    EMBEDDED = "embedded"
    OLLAMA = "ollama"
    OPENAI = "openai"
    SCRIPTED = "scripted"


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


class FinishReason(StrEnum):
    """Why a model stopped by itself."""

    STOP = "stop"
    LENGTH = "length"
    """The limit of tokens or the end of the window was reached."""


class RoleState(StrEnum):
    """What can be expected of a role now."""

    UNSET = "unset"
    """No model was found for it: the welcome is shown."""
    IDLE = "idle"
    """Its model is known and not loaded; the next call loads it."""
    LOADING = "loading"
    READY = "ready"
    AWAY = "away"
    """The model or server that last served it does not answer."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model and where it runs; written `backend/model`."""

    backend: BackendName
    model: str

    def __str__(self) -> str:
        """`backend/model`, as in settings and on the command line."""
        return f"{self.backend.value}/{self.model}"

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Read `backend/model`.

        Raises:
            ValueError: the backend is not one of `BackendName`, or the model is empty.
        """
        backend, slash, model = text.partition("/")
        if not slash or not model:
            raise ValueError(f"{text!r} is not of the form backend/model, as in ollama/qwen2.5:7b")
        return cls(BackendName(backend), model)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a backend tells of a model that it has."""

    ref: ModelRef
    size_bytes: int | None = None
    parameters: str = ""
    """As people write it: `7.6B`, `135M`."""
    quantization: str = ""
    max_window: int | None = None
    """The longest context window that the model was made for, in tokens."""
    capabilities: tuple[str, ...] = ("chat",)
    """Of `chat`, `thinking`, `tools`, `vision`, `embedding`."""
    digest: str = ""
    remote: bool = False
    """True where the text leaves this machine."""
    note: str = ""
    """One short sentence for a list, such as that the starter is a demo."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is in memory now."""

    ref: ModelRef
    window: int | None = None
    """The context window that is really served, in tokens; None where the server does not say."""
    size_bytes: int | None = None
    gpu_share: float | None = None
    """0 to 1: the part of it that lies in the memory of a GPU; None where unknown."""
    role: Role | None = None
    """Whose process it is in, where each role has its own; None where they share it."""
    load_ms: float | None = None
    """How long loading took just now, 0 where it was there; None where that is not known."""


@dataclass(frozen=True, slots=True)
class BackendReport:
    """The health of a backend and what it has."""

    name: BackendName
    available: bool
    address: str = ""
    version: str = ""
    detail: str = ""
    """Where it is not available: what is wrong and what to do, in a sentence."""
    models: tuple[ModelInfo, ...] = ()
    loaded: tuple[LoadedModel, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """A role, who serves it, and how that is going."""

    role: Role
    state: RoleState
    ref: ModelRef | None = None
    window: int | None = None
    """The context window that is really served, in tokens."""
    detail: str = ""
    """A sentence for the user: why it is away, failed or unset, and what to do."""
    offered: tuple[ModelRef, ...] = ()
    """Other installed models, where the default or the chosen one is missing."""
    demo: bool = False
    """True for the starter model, which is a demo and not an assistant."""
    loading_since: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply cost. None is unknown, never zero."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    ttft_ms: float | None = None
    """From the request to the first visible text with the model loaded (loading is not in it)."""
    load_ms: float | None = None
    total_ms: float | None = None
    tokens_per_second: float | None = None
    """completion tokens / the time in which they were generated, as the server counted it."""


@dataclass(frozen=True, slots=True)
class WindowUse:
    """How full the context window is after a turn, in tokens."""

    used: int
    window: int
    cut: bool = False
    """True when the server counted far fewer prompt tokens than were sent: it dropped some of them."""


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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download, a pull or another long step is."""

    label: str
    done: int = 0
    """Bytes."""
    total: int | None = None
    """Bytes; None while unknown."""
    finished: bool = False


class FindingState(StrEnum):
    """How a finding of the doctor is to be taken."""

    OK = "ok"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    area: str
    """A stable word: python, data, database, embedded, starter, ollama, openai, memory, terminal, ..."""
    state: FindingState
    text: str
    advice: str = ""
    """What to do, where there is something to do."""
    now: str = ""
    """What is so at this moment and changes by itself, such as how much is free; people are told, programs not."""


class ExportFormat(StrEnum):
    """The forms in which a session leaves the store."""

    MARKDOWN = "markdown"
    JSON = "json"
