"""An engine in memory, for tests of what asks one: it does what a test scripted, remembers what it was asked, and is
held to the contract of the API (tests/engine/ipc/test_contract.py) and to its signatures."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from support.calls import new_call
from support.scripted_groups import (
    NOON,
    REF,
    ScriptedChat,
    ScriptedCheckpoints,
    ScriptedControl,
    ScriptedLearning,
    ScriptedMetrics,
    ScriptedModels,
    ScriptedRecall,
    ScriptedSessions,
    ScriptedTasks,
    ScriptedTurn,
)
from tale_tui.config.settings import ModelPrice
from tale_tui.domain.alerts import Alert
from tale_tui.domain.budgets import BudgetUse
from tale_tui.domain.checkpoints import Checkpoint, CheckpointDetail, CheckpointDiff, CheckpointKind, Restoration
from tale_tui.domain.context import ContextPart, ConversationDigest
from tale_tui.domain.conversation import Author, Message, MessageState, QueuedMessage, SearchHit, Session, View
from tale_tui.domain.errors import NoSuchSession, TaleError
from tale_tui.domain.events import (
    Fact,
    Notice,
    Routed,
    SessionChanged,
    StepDelta,
    TaskChanged,
    TaskEvent,
    TaskSeen,
    TextDelta,
    TurnCancelled,
    TurnDone,
    TurnEvent,
    TurnStarted,
)
from tale_tui.domain.forecasts import NOTHING, Estimate, ForecastAccuracy, ForecastHistory, TaskForecast
from tale_tui.domain.learning import LearnedState
from tale_tui.domain.metrics import CallRecord, RunningCall, TokenSavings
from tale_tui.domain.models import (
    BackendReport,
    Finding,
    ModelRef,
    Progress,
    Residency,
    Role,
    RoleState,
    RoleStatus,
    Usage,
)
from tale_tui.domain.plans import PlanForecast
from tale_tui.domain.recall import RecallContext, RecallItem
from tale_tui.domain.samples import DashboardReport
from tale_tui.domain.tasks import DetectBand, Plan, Task, TaskDetail, TaskState
from tale_tui.engine.api import (
    ChatApi,
    CheckpointApi,
    ControlApi,
    LearningApi,
    MetricsApi,
    ModelApi,
    RecallApi,
    SessionApi,
    TaskApi,
)
from tale_tui.engine.models.scripted import Hold

FORECAST = TaskForecast(
    *("verse", Estimate(85, 80, 95), Estimate(60, 30, 110), Estimate(4, 2, 8), NOTHING, 12),
    why="the nearest of 12 runs of this model",
    ref=REF,
    complexity="simple",
    p=0.97,
    route=Role.TASK,
    route_why="works on tasks",
)
"""What is foreseen of every text, unless a test has something else foreseen."""


class ScriptedEngine:
    """An `EngineApi`; its groups are in `support.scripted_groups`.

    Args:
        details: the tasks that it has.
        ref: the model of both roles.
        pieces: what it answers to every message.

    Attributes:
        work: the tasks by id, in their order.
        calls: what was asked that changes or looks for something: the name of the verb, and what it was given.
        handed_in: what was asked of `tasks.submit`.
        errors: raised once, by the name of a verb, such as `tasks.list`.
        holds: what a verb waits for before it does anything, by its name.
        works_off: whether a task that is followed runs and ends at once; else a test moves it.
    """

    def __init__(
        self,
        details: Iterable[TaskDetail] = (),
        *,
        ref: ModelRef = REF,
        pieces: tuple[str, ...] = ("It ", "is ", "so."),
    ) -> None:
        self.work = {detail.task.id: detail for detail in details}
        self.calls: list[tuple[Any, ...]] = []
        self.handed_in: list[dict[str, Any]] = []
        self.errors: dict[str, Exception] = {}
        self.holds: dict[str, asyncio.Event] = {}
        # tasks
        self.works_off = False
        self.now = NOON
        self.result = "Rain on the window."
        self.fails: TaleError | None = None
        self.ends_with = TaskState.DONE
        # chat and sessions
        self.pieces = pieces
        self.events: tuple[TurnEvent | Hold, ...] | None = None
        """Instead of an answer made of `pieces`."""
        self.as_task: bool | None = None
        self.band = DetectBand.CHAT
        self.closed_turns = 0
        self.turns: dict[str, ScriptedTurn] = {}
        self.elsewhere: list[tuple[TurnEvent, ...]] = []
        """Turns that others have under way, one after the other: each ends when it is followed."""
        """Those that are under way, by session."""
        self.known: list[Session] = []
        self.messages: dict[str, list[Message]] = {}
        self.queued: dict[str, list[QueuedMessage]] = {}
        self.views: dict[str, View] = {}
        self.hits: tuple[SearchHit, ...] = ()
        self.context_parts: tuple[ContextPart, ...] = ()
        """What the model is shown; empty for something usual."""
        self.digest: ConversationDigest | None = None
        """Of the older turns of every session."""
        # models
        self.role = RoleStatus(Role.UX, RoleState.READY, ref)
        self.task_role = RoleStatus(Role.TASK, RoleState.READY, ref)
        self.retried: RoleStatus | None = None
        self.reports: list[BackendReport] = []
        self.resident = Residency()
        self.steps = (Progress("starter", 50, 100), Progress("starter", 100, 100, finished=True))
        # metrics
        self.rows: list[CallRecord] = []
        self.prices: dict[str, ModelPrice] = {}
        self.running: list[RunningCall] = []
        self.shown = DashboardReport(NOON - 3600, NOON, 60.0)
        """What the dashboard is to show."""
        self.saved: TokenSavings | None = None
        self.dashboard: Callable[[float, str], DashboardReport] | None = None
        """What was measured over so many seconds, for a model or for all; None for nothing at all."""
        self.alerts: list[Alert] = []
        self.exposed = ""
        self.budgets: list[BudgetUse] = []
        # learning
        self.forecast: TaskForecast = FORECAST
        self.plan_forecast: PlanForecast | None = None
        self.foresee: Callable[[Plan], PlanForecast] | None = None
        """What is foreseen of a plan that is not stored; None for `plan_forecast`."""
        self.learned: tuple[LearnedState, ...] = ()
        self.forecast_history = ForecastHistory(ForecastAccuracy("", 0, 0, 0, 0), ())
        # checkpoints
        self.kept: list[Checkpoint] = []
        self.damaged: tuple[str, ...] = ()
        """The newest first."""
        self.held: dict[str, CheckpointDetail] = {}
        self.differences: dict[tuple[str, str], CheckpointDiff] = {}
        self.restoration = Restoration(Checkpoint("0" * 40, NOON, 0, CheckpointKind.STEP, "after 1", "group"))
        # recall
        self.remembered: list[RecallItem] = []
        self.recall_off: set[str] = set()
        self.recall_enabled = True
        self.recall_model = ""
        """What finds by meaning, as `backend/model`."""
        self.recall_contexts: dict[str, RecallContext] = {}
        # control
        self.pid, self.here, self.background = 1, False, False
        self.works, self.can_write, self.watched, self.stopped = True, True, 1, False
        self.ended = False
        self.findings: tuple[Finding, ...] = ()
        self.notices: tuple[Notice, ...] = ()
        """Told to whoever begins to watch."""
        self.watchers: list[asyncio.Queue[Fact | None]] = []
        self.readers: dict[str, list[asyncio.Queue[TaskEvent]]] = {}
        self._times = (NOON + second for second in itertools.count())
        self.chat: ChatApi = ScriptedChat(self)
        self.tasks: TaskApi = ScriptedTasks(self)
        self.sessions: SessionApi = ScriptedSessions(self)
        self.models: ModelApi = ScriptedModels(self)
        self.metrics: MetricsApi = ScriptedMetrics(self)
        self.learning: LearningApi = ScriptedLearning(self)
        self.checkpoints: CheckpointApi = ScriptedCheckpoints(self)
        self.recall: RecallApi = ScriptedRecall(self)
        self.control: ControlApi = ScriptedControl(self)

    # what a test does

    @property
    def all(self) -> dict[str, Task]:
        """The tasks by id."""
        return {task_id: detail.task for task_id, detail in self.work.items()}

    def give(self, detail: TaskDetail) -> Task:
        """Have a task with all about it."""
        self.work[detail.task.id] = detail
        return detail.task

    def change(self, task_id: str, **changes: Any) -> Task:
        """A task is so now, perhaps with a `result`; those who follow it see it, those who watch are told."""
        detail = self.work[task_id]
        result = changes.pop("result", detail.result)
        self.work[task_id] = replace(detail, task=replace(detail.task, **changes), result=result)
        self.tell(task_id, TaskSeen(self.work[task_id]))
        self.publish(TaskChanged(self.work[task_id].task))
        return self.work[task_id].task

    def write(self, task_id: str, text: str, tokens: int = 1, *, key: str = "answer") -> None:
        """The model writes more of a step."""
        self.tell(task_id, StepDelta(key, text, False, tokens))

    def tell(self, task_id: str, event: TaskEvent) -> None:
        """Say something to those who follow a task."""
        for reader in self.readers.get(task_id, ()):
            reader.put_nowait(event)

    def followed(self, task_id: str) -> int:
        """How many follow a task now."""
        return len(self.readers.get(task_id, ()))

    def publish(self, fact: Fact) -> None:
        """Tell a fact to all who watch."""
        for watcher in self.watchers:
            watcher.put_nowait(fact)

    async def stop(self) -> None:
        """End as the engine of a process does: those who watch hear no more."""
        self.ended = True
        for watcher in self.watchers:
            watcher.put_nowait(None)

    @property
    def heard(self) -> bool:
        """Whether somebody watches, and has taken all that was told."""
        return bool(self.watchers) and all(watcher.empty() for watcher in self.watchers)

    def answer(self, session_id: str, text: str, key: str, ref: ModelRef | None = None) -> tuple[TurnEvent, ...]:
        """The events of a turn that goes well."""
        before = self.messages.get(session_id, [])
        used = ref or self.role.ref or REF
        user = Message(key, session_id, before[-1].id if before else None, Author.USER, text, next(self._times))
        reply = Message("r" + key, session_id, key, Author.ASSISTANT, "", user.created, MessageState.STREAMING)
        usage = Usage(12, 3, None, 310.0, 0.0, 420.0, 38.0)
        done = replace(reply, text="".join(self.pieces), state=MessageState.COMPLETE, ref=used, usage=usage)
        deltas = [TextDelta(piece, number) for number, piece in enumerate(self.pieces, 1)]
        return (TurnStarted(user, reply), Routed(used, "it answers"), *deltas, TurnDone(done))

    # what the groups share

    async def asked(self, verb: str, *arguments: Any) -> None:
        """Remember a call (without arguments it only looks), wait as long as a test holds its verb, and raise what a
        test put there for it."""
        if arguments:
            self.calls.append((verb.split(".")[1], *arguments))
        if verb in self.holds:
            await self.holds[verb].wait()
        if verb in self.errors:
            raise self.errors.pop(verb)

    def session(self, session_id: str) -> Session:
        """A session that is there.

        Raises:
            NoSuchSession: it is not.
        """
        found = next((one for one in self.known if one.id == session_id), None)
        if found is None:
            raise NoSuchSession(f"No session begins with {session_id}.")
        return found

    def keep(self, session: Session, *, used: bool = False, source: str = "") -> Session:
        """Have a session as it is now; one that is used comes first."""
        place = next((place for place, one in enumerate(self.known) if one.id == session.id), 0)
        self.known = [one for one in self.known if one.id != session.id]
        self.known.insert(0 if used else place, session)
        self.publish(SessionChanged(session.id, source=source))
        return session

    def count(self, reply: Message) -> None:
        """Keep the row of a reply that a model wrote."""
        if reply.ref is not None and reply.usage is not None:
            usage, labels = reply.usage, {"session_id": reply.session_id, "message_id": reply.id}
            tokens = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
            self.rows.append(new_call(reply.ref, reply.created, **labels, **tokens))

    def store(self, event: TurnEvent) -> None:
        """Keep what a turn brought."""
        if isinstance(event, TurnStarted) and event.user is not None:
            user = event.user
            self.messages.setdefault(user.session_id, []).append(user)
            known = next((one for one in self.known if one.id == user.session_id), None)
            if known is not None:
                title = known.title or user.text
                self.keep(replace(known, title=title, turns=known.turns + 1), used=True, source=user.id)
        elif isinstance(event, TurnDone | TurnCancelled):
            self.messages.setdefault(event.reply.session_id, []).append(event.reply)
            self.count(event.reply)
