"""Tasks, their plans and steps, and what a message was classified as. Frozen, plain data.

Times are seconds since the epoch (UTC); durations end in `_s`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tale_tui.domain.constants import TIME_LIMIT_MAX_S
from tale_tui.domain.errors import EmptyMessage, TaskTooLong
from tale_tui.domain.forecasts import ForecastSummary, StepEstimate
from tale_tui.domain.models import ModelRef, Role, RoleStatus, Usage
from tale_tui.domain.text import is_blank

PLAN_FORMAT = 1
"""Version of the form of a plan; raised only when the interpreter would read an old plan otherwise."""


class DetectLabel(StrEnum):
    """What a message is."""

    TASK = "task"
    CHAT = "chat"


EVEN_ODDS = 0.5
"""The probability at which a message is as much a task as chat."""


def likelier(p: float) -> DetectLabel:
    """What a message rather is that is a task with the probability `p`."""
    return DetectLabel.TASK if p >= EVEN_ODDS else DetectLabel.CHAT


class DetectBand(StrEnum):
    """What is done with it."""

    TASK = "task"
    UNSURE = "unsure"
    """The small model answers and the user is asked."""
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Classification:
    """What a message would become, before it is sent."""

    p: float
    """Probability that it is a task, 0 to 1, calibrated."""
    band: DetectBand
    evidence: tuple[str, ...] = ()
    """The strongest reasons, each as `task: ...` or `chat: ...`."""
    ref: ModelRef | None = None
    """The model that would do it, as far as it is known."""
    expected_s: float | None = None
    """How long that model's earlier tasks took (median); None while there are too few."""
    enabled: bool = True
    """False where detection is turned off: everything is chat."""
    insisted: ModelRef | None = None
    """The model that would do it if the user said that it is a task; None where that is the same one."""

    @property
    def label(self) -> DetectLabel:
        """The likelier one."""
        return likelier(self.p)

    @property
    def confidence(self) -> float:
        """Probability of the label, 0.5 to 1."""
        return max(self.p, 1 - self.p)


class Priority(StrEnum):
    """Who goes first; within one priority the order in which they came, unless the user moved them."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class TaskState(StrEnum):
    """Where a task is. The last three are ends; a retry leads out of failed, cancelled and done."""

    DRAFT = "draft"
    """Planned, not handed in."""
    WAITING = "waiting"
    """For the user: an approval. It holds no slot."""
    QUEUED = "queued"
    """For a slot, for other tasks, for the next attempt, or for a server that is away."""
    RUNNING = "running"
    PAUSED = "paused"
    """By the user, or interrupted by the end of the process; what was written is kept."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED})

OPEN = frozenset(TaskState) - ENDED


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A task that is handed in together with others; every field means what it does in `TaskApi.submit`."""

    text: str
    key: str
    priority: Priority = Priority.NORMAL
    plan: str = ""
    after: tuple[str, ...] = ()
    time_limit_s: float | None = None
    given: Role | None = None


def check_task_text(text: str, limit: int) -> None:
    """Refuse what cannot be the text of a task.

    Args:
        text: safe text.
        limit: the most characters.
    Raises:
        EmptyMessage, TaskTooLong: the sentence says what to do.
    """
    if is_blank(text):
        raise EmptyMessage("Nothing that can be read is in the text of the task: say in words what is to be done.")
    if len(text) > limit:
        raise TaskTooLong(
            f"The task has {len(text):,} characters, and {limit:,} is the limit: attach the long part as a "
            "file (tale-tui submit TEXT --file FILE), or raise tasks.text_limit in the settings."
        )


def is_time_limit(seconds: float) -> bool:
    """Whether a task may run at most so long: above 0 and up to a year. Nothing is compared with what is no number."""
    return 0 < seconds <= TIME_LIMIT_MAX_S


class Reason(StrEnum):
    """Why a task is paused or waiting, or queued although there is room for it."""

    NONE = ""
    USER = "user"
    """The user paused it."""
    INTERRUPTED = "interrupted"
    """The process ended under it."""
    APPROVAL = "approval"
    """Its plan, or one of its steps, wants a yes."""
    REPEAT = "repeat"
    """A step with effects outside broke off: running it again wants a yes."""
    SERVER = "server"
    """The server of its model is away. Queued: it goes on when that is back. Waiting: for so long that it asks."""
    BUDGET = "budget"
    """A budget of tokens is spent, or more is foreseen than it has left: going on wants a yes."""
    LENGTH = "length"
    """A step has written far more than its like: going on wants a yes, and with a no what is there is kept."""


class StepKind(StrEnum):
    """What a step does."""

    MODEL = "model"
    """Asks a model."""
    APPROVAL = "approval"
    """Waits for the user's yes."""
    COPY = "copy"
    """Copies files of its task to a folder outside, after it has shown what it would do and got a yes to that."""
    PLAN = "plan"
    """Asks a model for the steps that take its place. Made by the engine alone; goes before every other step."""


class StepState(StrEnum):
    """Where a step is."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Left out: by the user, or by a plan that was made anew; its error says why."""


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step of a plan, as data."""

    key: str
    """Its name in the plan; results are kept by it."""
    title: str
    prompt: str = ""
    """What the model is asked; the text of the task and the results of the steps before it are added."""
    after: tuple[str, ...] = ()
    """Keys of the steps that must be done before it."""
    kind: str = StepKind.MODEL.value
    """Of `StepKind`; a string, so that a plan with a kind that this version does not know can be read and refused."""
    role: Role = Role.TASK
    max_tokens: int | None = None
    time_limit_s: float | None = None
    retries: int | None = None
    """None takes that of the settings."""
    repeatable: bool = True
    """False: it has effects outside, so that it is never run a second time without asking."""
    purpose: str = ""
    """What it is for, in a few words."""
    inputs: tuple[str, ...] = ()
    """What it is given of the steps before it: their keys, or files that they give. Empty: the result of each step in
    `after`."""
    output: str = ""
    """What is expected of it, in a few words."""
    files: tuple[str, ...] = ()
    """Files that it gives, as paths inside the folder of its task; read from the named blocks of code of its text."""
    ref: ModelRef | None = None
    """A model of its own; None takes that of its role."""
    priority: Priority = Priority.NORMAL
    """Among the steps that can run: who goes first."""
    part_of: str = ""
    """The key of the step that was broken down into this one and others."""
    level: int = 1
    """How often what it comes from was broken down, from 1."""
    to: str = ""
    """The folder outside that files are copied to, of a step of the kind copy: absolute, or below `~`."""

    @property
    def goes_outside(self) -> bool:
        """Whether it has effects outside of its task."""
        return not self.repeatable or self.kind == StepKind.COPY


class AtLimit(StrEnum):
    """What becomes of a step that has written as much as it may without asking."""

    ASK = ""
    GO_ON = "go_on"
    """The user let it write on."""
    KEEP = "keep"
    """The user takes what is there for its result."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a task and their dependencies, as data."""

    steps: tuple[StepSpec, ...]
    approval: bool = False
    """Whether the user must say yes before the first step."""
    format: int = PLAN_FORMAT
    reasoning: str = ""
    """Why these steps, in short, by the model that made them."""

    @property
    def by_model(self) -> bool:
        """Whether a model makes its steps, and may make them anew."""
        return any(spec.kind == StepKind.PLAN for spec in self.steps)


@dataclass(frozen=True, slots=True)
class PlanApproval:
    """What the user was asked about a plan, and said."""

    asks: str = ""
    """Why it asks, in a sentence; empty where it does not."""
    plan: Plan | None = None
    """What was approved last; None for nothing yet."""
    tokens: int | None = None
    """So many were to be written in all by what was approved."""
    models: tuple[ModelRef, ...] = ()
    """The models of what was approved; empty where they were not known."""
    stepwise: bool = False
    """Each step wants a yes of its own."""
    refused: tuple[str, ...] = ()
    """Why the user refused the plans before this one, oldest first."""
    replans: int = 0
    """How often the rest was planned anew because a step failed."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a task as it is now."""

    spec: StepSpec
    state: StepState = StepState.PENDING
    attempts: int = 0
    ref: ModelRef | None = None
    text: str = ""
    """What came of it; partial while it runs."""
    thinking: str = ""
    usage: Usage | None = None
    started: float | None = None
    finished: float | None = None
    error: str = ""
    next_try: float | None = None
    """When it is tried again, where an attempt failed."""
    approved: bool = False
    """The user said yes to it since its last attempt began."""
    earlier: tuple[str, ...] = ()
    """What attempts before had written that could not be gone on with, oldest first."""
    at_limit: AtLimit = AtLimit.ASK
    foreseen: StepEstimate | None = None
    """What was foreseen of it before its task ran."""
    allowed: bool = True
    """False: it may not run before the user has said yes to it. Of one that copies that is to what its text shows."""

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.state in (StepState.DONE, StepState.SKIPPED)

    @property
    def wants_yes(self) -> bool:
        """Whether it does not run before the user has said yes to it."""
        return not (self.allowed or self.is_over or self.spec.kind == StepKind.PLAN)


@dataclass(frozen=True, slots=True)
class Task:
    """A task as a list shows it: no long texts."""

    id: str
    shown: str
    """The shortest beginning of the id, of at least four characters, that no other task has."""
    title: str
    state: TaskState
    created: float
    updated: float
    priority: Priority = Priority.NORMAL
    reason: Reason = Reason.NONE
    session_id: str | None = None
    """The conversation that it belongs to."""
    message_id: str | None = None
    """The message of that conversation that is its card."""
    ref: ModelRef | None = None
    """The model that does it, did it, or would."""
    why: str = ""
    """Why that model, in a few words."""
    p: float | None = None
    """The probability with which it was detected; None where somebody said that it is a task."""
    p_simple: float | None = None
    """The probability that it is simple, as it was judged when it was handed in; None for one of several steps."""
    given: Role | None = None
    """The role whose model the user gave it to; None where the rules of the settings choose."""
    started: float | None = None
    """The first time that it ran."""
    finished: float | None = None
    running_since: float | None = None
    worked_s: float = 0.0
    """How long it ran in all since it was handed in or retried, without the stretch since `running_since`."""
    expected_s: float | None = None
    """How long earlier tasks of its model took (median), from the third on."""
    time_limit_s: float | None = None
    after: tuple[str, ...] = ()
    """Ids of the tasks that must be done before it."""
    waits_for: tuple[str, ...] = ()
    """The shown ids of those that are not done yet."""
    steps_total: int = 1
    """Without those that are left out, and without the one that makes its plan: 0 while that is not made."""
    steps_done: int = 0
    step_title: str = ""
    """The step that runs, else the next one."""
    steps_running: int = 0
    steps_asking: int = 0
    """Steps that want a yes, where the task waits for the user."""
    next_try: float | None = None
    """When the step that failed is tried again."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str = ""
    """A sentence for the user."""
    error_code: str = ""
    """The class of the error, as in errors.py."""
    server_since: float | None = None
    """Since when it waits for a server that is away."""
    over_budget: bool = False
    """The user let it go on although a budget is spent."""
    forecast: ForecastSummary | None = None
    """What was foreseen of it before it ran."""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN

    def foreseen_as(self, known: Task | None) -> Task:
        """The same with the forecast that is known of it, where it was read before that was made.

        Args:
            known: the task as it came on another way; None where it did not. A forecast that was made stays.
        """
        if known is None or known.id != self.id or self.forecast is not None or known.forecast is None:
            return self
        return replace(self, forecast=known.forecast)


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """One line of the history of a task."""

    at: float
    what: str
    """In a few words: `queued`, `running`, `attempt 2 of outline failed: ...`."""


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """Everything about a task."""

    task: Task
    text: str
    """What was asked."""
    plan: Plan
    steps: tuple[Step, ...] = ()
    """In the order of the plan."""
    result: str = ""
    history: tuple[TaskEntry, ...] = ()
    approval: PlanApproval | None = None
    """None for a plan that nobody was asked about and no model made."""


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """How many tasks there are."""

    waiting: int = 0
    queued: int = 0
    running: int = 0
    paused: int = 0
    interrupted: int = 0
    """Of those that are paused: by the end of a process."""
    done: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def open(self) -> int:
        """Those that have not ended."""
        return self.waiting + self.queued + self.running + self.paused

    @property
    def asking(self) -> int:
        """Those that wait for the user."""
        return self.waiting + self.interrupted


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The engine as a whole."""

    pid: int
    version: str
    started: float
    background: bool
    """True for an engine without a window."""
    roles: tuple[RoleStatus, ...]
    tasks: TaskCounts
    works_queue: bool = True
    """False for a command that is the engine while it waits for its own task: only what is followed is run."""
    watched: int = 0
    """How many windows and waiting commands watch it."""
    can_write: bool = True
    """False where nothing can be written: then tasks can be looked at, and none is run."""
