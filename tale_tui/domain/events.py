"""What the engine says: the events of one turn and of one task, and the facts that anyone may care about.

Three closed unions of frozen dataclasses. A reader that must know every one ends its match with `assert_never`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tale_tui.domain.alerts import Alert
from tale_tui.domain.conversation import Message, Session, WindowUse
from tale_tui.domain.models import BackendName, ModelRef, RoleStatus, Usage
from tale_tui.domain.tasks import Task, TaskDetail


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The user's message is stored and its reply stands below it. First event of every turn, and of whoever follows it:
    then the reply has all that came of it so far."""

    user: Message | None
    """None where the turn began without a new message (regenerate, continue)."""
    reply: Message
    session: Session | None = None
    """The conversation, with its title and its turns as they were then; None where it could not be read."""
    so_far: Usage | None = None
    """What the reply has cost up to now, for who follows it; None for who asked."""
    source: str = ""
    """Named in each `SessionChanged` of this turn."""


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """The message became a task: the reply is its card. `TurnDone` follows at once; the task goes on by itself."""

    task: Task


@dataclass(frozen=True, slots=True)
class Routed:
    """Which model answers, and why, in a few words. Told again when another one has to."""

    ref: ModelRef
    why: str
    view_from: str | None = None
    """The first message that the model is shown; None when it is shown all of them."""
    certain: bool = True
    """Whether what comes as its answer is its answer; else it may turn out to be thinking (`TextSortedAnew`)."""


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """The model is not in memory yet; the reply begins when it is."""

    ref: ModelRef


@dataclass(frozen=True, slots=True)
class ServerAway:
    """The server of the model is away, and the turn waits for it for a while; `Routed` follows when it is back."""

    backend: BackendName
    since: float
    """Seconds since the epoch."""
    sentence: str = ""
    """What was wrong when it was asked last."""


@dataclass(frozen=True, slots=True)
class TaskAhead:
    """The model writes a task: the reply waits until that makes way, or is done."""

    ref: ModelRef


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """How much of the prompt the model has read, in tokens."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of what the model thinks before it answers."""

    text: str
    tokens: int
    """All tokens of the reply so far, thinking included, as pieces were counted."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer."""

    text: str
    tokens: int
    """All tokens of the reply so far, thinking included, as pieces were counted."""


@dataclass(frozen=True, slots=True)
class TextSortedAnew:
    """What came of the reply up to here is taken otherwise: what came as text was thinking, or the other way round.

    Both replace what came.
    """

    text: str
    thinking: str


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The reply is complete and stored."""

    reply: Message
    window: WindowUse | None = None


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The model could not finish; what came is stored, the error says what happened and what to do."""

    reply: Message
    title: str
    sentence: str
    code: str
    """The class of the error, as in errors.py: `unreachable`, `not_found`, ..."""


@dataclass(frozen=True, slots=True)
class TurnCancelled:
    """The user stopped it; what came is stored."""

    reply: Message


TurnEvent = (
    TurnStarted
    | TaskStarted
    | Routed
    | ModelLoading
    | ServerAway
    | TaskAhead
    | PromptProgress
    | ThinkingDelta
    | TextDelta
    | TextSortedAnew
    | TurnDone
    | TurnFailed
    | TurnCancelled
)


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """A task with everything about it. First event of every stream, and again whenever a step or its state changed."""

    detail: TaskDetail


@dataclass(frozen=True, slots=True)
class StepDelta:
    """More of what a step writes."""

    step_key: str
    text: str
    thinking: bool
    tokens: int
    """All tokens of the step so far, thinking included, as pieces were counted."""


@dataclass(frozen=True, slots=True)
class StepReading:
    """How much of the prompt the model has read, in tokens; 0 of 0 while it is being loaded."""

    step_key: str
    done: int
    total: int


TaskEvent = TaskSeen | StepDelta | StepReading


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """A role has another state or another model."""

    status: RoleStatus


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A session was made, renamed, extended or deleted; read it again if it is on the screen."""

    session_id: str
    deleted: bool = False
    source: str = ""
    """That of the turn that changed it (`TurnStarted`), the `key` of the message that waits, or its own id where it was
    just made, so that the client that did it need not read it again."""


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """A task was made, or is in another state, step or place now."""

    task: Task


@dataclass(frozen=True, slots=True)
class TasksChanged:
    """More tasks changed than can be told one by one, or some are gone: read the list again."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened and that a user wants to know; kept in the list of notices."""

    title: str
    sentence: str
    severity: str = "information"
    """`information`, `warning` or `error`."""
    about: str = ""
    """What there is to look at: `models`, `tasks`, `alerts`, or nothing."""


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """A limit was passed, or a model got worse."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class EngineMoved:
    """The process that was the engine ended; this or another one took over. Read everything again."""

    here: bool
    """True when this process is the engine now."""


Fact = RoleChanged | SessionChanged | TaskChanged | TasksChanged | Notice | AlertRaised | EngineMoved
