"""The groups of `ScriptedEngine`: each verb does the least that its description promises."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from support.calls import is_meant, key_of, names_of, sums_of
from tale_tui.domain.alerts import Alert
from tale_tui.domain.budgets import BudgetUse
from tale_tui.domain.checkpoints import (
    BundleImport,
    Checkpoint,
    CheckpointDetail,
    CheckpointDiff,
    CheckpointKind,
    CheckpointList,
    Restoration,
)
from tale_tui.domain.constants import CLOCK_STEP_S, DEFAULT_WINDOW
from tale_tui.domain.context import ContextPart, ContextReport, PartName
from tale_tui.domain.conversation import (
    Author,
    ExportFormat,
    MessageState,
    QueuedMessage,
    SearchHit,
    Session,
    Transcript,
    View,
)
from tale_tui.domain.errors import (
    AmbiguousTask,
    BadInput,
    CannotUndo,
    EmptyMessage,
    HasSecret,
    NoSuchAlert,
    NoSuchCheckpoint,
    NoSuchItem,
    NoSuchMessage,
    NoSuchTask,
    TurnRunning,
    UnknownModel,
    WrongState,
)
from tale_tui.domain.events import (
    Fact,
    RoleChanged,
    SessionChanged,
    StepDelta,
    StepReading,
    TaskEvent,
    TaskSeen,
    TextDelta,
    TurnCancelled,
    TurnEvent,
    TurnStarted,
)
from tale_tui.domain.forecasts import HISTORY_TASKS, ForecastHistory, TaskForecast
from tale_tui.domain.learning import LearnedPart, LearnedState, LearningEvent, LearningOutcome, LearningReport
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
from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    Finding,
    ModelInfo,
    ModelRef,
    Progress,
    Residency,
    Role,
    RoleState,
    RoleStatus,
    Usage,
)
from tale_tui.domain.plans import PlanDraft, PlanForecast
from tale_tui.domain.recall import (
    RecallContext,
    RecallHit,
    RecallItem,
    RecallKind,
    RecallOrigin,
    RecallSource,
    RecallState,
)
from tale_tui.domain.samples import DEFAULT_RANGE, DashboardReport
from tale_tui.domain.tasks import (
    ENDED,
    OPEN,
    Classification,
    EngineStatus,
    Plan,
    Priority,
    Reason,
    Step,
    StepSpec,
    StepState,
    Task,
    TaskCounts,
    TaskDetail,
    TaskRequest,
    TaskState,
    check_task_text,
)
from tale_tui.domain.text import clean
from tale_tui.domain.time_ranges import days_before
from tale_tui.engine.metrics.figures import grouped, timeline_of
from tale_tui.engine.models.scripted import Hold
from tale_tui.engine.store.token_metrics import SumRow
from tale_tui.engine.tasks.plan import parse_plan

if TYPE_CHECKING:
    from support.scripted_engine import ScriptedEngine

REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
STARTER = ModelRef(BackendName.EMBEDDED, "starter-model")
NOON = 1_794_139_200.0
"""2026-11-08 12:00 UTC."""


def new_task(task_id: str = "k4t9aaaabbbbcccc", state: TaskState = TaskState.QUEUED, **more: Any) -> TaskDetail:
    """A task with one step."""
    text, result = more.pop("text", "Write a haiku"), more.pop("result", "")
    plain = {"title": text, "created": NOON, "updated": NOON + 60, "ref": REF, "why": "a task"}
    task = Task(task_id, task_id[:4], state=state, **{**plain, **more})
    spec = StepSpec("work", "Work", text)
    done = StepState.DONE if state is TaskState.DONE else StepState.PENDING
    return TaskDetail(task, text, Plan((spec,)), (Step(spec, done, 1, task.ref, result, usage=Usage(12, 3)),), result)


class Group:
    """Some verbs of an engine, which has what they change."""

    def __init__(self, engine: ScriptedEngine) -> None:
        self._engine = engine


class ScriptedTurn:
    """A turn that is under way: it goes on as who asked for it reads on."""

    def __init__(self) -> None:
        self.events: list[TurnEvent] = []
        self.readers: list[asyncio.Queue[TurnEvent | None]] = []
        self.stopped: TurnCancelled | None = None

    def tell(self, event: TurnEvent | None) -> None:
        """Say something to those who follow it; None is its end."""
        if event is not None:
            self.events.append(event)
        for reader in self.readers:
            reader.put_nowait(event)

    @property
    def started(self) -> TurnStarted | None:
        """How it began, with what came of its reply."""
        first = next((event for event in self.events if isinstance(event, TurnStarted)), None)
        deltas = [event for event in self.events if isinstance(event, TextDelta)]
        if first is None:
            return None
        cost = Usage(completion_tokens=deltas[-1].tokens if deltas else None)
        return replace(first, reply=replace(first.reply, text="".join(one.text for one in deltas)), so_far=cost)


class ScriptedChat(Group):
    """See `ChatApi`. There are no versions: what is asked again or edited is answered as something new."""

    async def send(
        self, session_id: str, text: str, *, key: str, ref: ModelRef | None = None, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        engine = self._engine
        await engine.asked("chat.send", session_id, text, ref)
        engine.as_task = as_task
        engine.session(session_id)
        if not clean(text).strip():
            raise EmptyMessage("There is nothing in the message.")
        if engine.elsewhere:
            raise TurnRunning("A reply is still coming.")
        turn = engine.turns[session_id] = ScriptedTurn()
        try:
            for event in engine.events if engine.events is not None else engine.answer(session_id, text, key, ref):
                if isinstance(event, Hold):
                    await event.event.wait()
                elif turn.stopped is None:
                    engine.store(event)
                    turn.tell(event)
                    yield event
            if turn.stopped is not None:
                yield turn.stopped
        finally:
            turn.tell(None)
            engine.turns.pop(session_id, None)
            engine.closed_turns += 1

    async def follow_turn(self, session_id: str) -> AsyncGenerator[TurnEvent, None]:
        engine = self._engine
        await engine.asked("chat.follow_turn")
        if engine.elsewhere:
            for event in engine.elsewhere.pop(0):
                yield event
            return
        engine.session(session_id)
        turn = engine.turns.get(session_id)
        if turn is None:
            return
        reader: asyncio.Queue[TurnEvent | None] = asyncio.Queue()
        if (started := turn.started) is not None:
            reader.put_nowait(started)
        turn.readers.append(reader)
        try:
            while (event := await reader.get()) is not None:
                yield event
        finally:
            turn.readers.remove(reader)

    async def stop_turn(self, session_id: str, *, reply_id: str = "") -> None:
        engine = self._engine
        await engine.asked("chat.stop_turn", session_id, reply_id)
        turn = engine.turns.get(session_id)
        if turn is None or turn.started is None or reply_id not in ("", turn.started.reply.id):
            return
        turn.stopped = TurnCancelled(replace(turn.started.reply, state=MessageState.STOPPED))
        engine.store(turn.stopped)
        turn.tell(turn.stopped)
        turn.tell(None)
        del engine.turns[session_id]

    async def regenerate(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        async for event in self._again(session_id, message_id, "regenerate"):
            yield event

    async def edit(self, session_id: str, message_id: str, text: str, *, key: str) -> AsyncGenerator[TurnEvent, None]:
        async for event in self._again(session_id, message_id, "edit", text, key):
            yield event

    async def resume(self, session_id: str, message_id: str) -> AsyncGenerator[TurnEvent, None]:
        async for event in self._again(session_id, message_id, "resume"):
            yield event

    async def reclassify(self, session_id: str, message_id: str, *, as_task: bool) -> AsyncGenerator[TurnEvent, None]:
        async for event in self._again(session_id, message_id, "reclassify", as_task=as_task):
            yield event

    async def _again(
        self, session_id: str, message_id: str, verb: str, text: str = "", key: str = "", *, as_task: bool | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        engine = self._engine
        known = engine.messages.get(engine.session(session_id).id, [])
        if all(message.id != message_id for message in known):
            raise NoSuchMessage("There is no such message.")
        await engine.asked(f"chat.{verb}", session_id, message_id)
        engine.as_task = as_task
        key = key or f"{message_id}-{len(engine.calls)}"
        for event in engine.events if engine.events is not None else engine.answer(session_id, text, key):
            if isinstance(event, Hold):
                await event.event.wait()
                continue
            if not isinstance(event, TurnStarted):
                engine.store(event)
            yield event

    async def classify(self, text: str, *, session_id: str = "") -> Classification:
        await self._engine.asked("chat.classify")
        return Classification(0.5, self._engine.band)

    async def context(self, session_id: str) -> ContextReport:
        engine = self._engine
        await engine.asked("chat.context", session_id)
        session = engine.session(session_id)
        parts = (ContextPart(PartName.SYSTEM, 20), ContextPart(PartName.TURNS, 100), ContextPart(PartName.ANSWER, 1024))
        return ContextReport(
            *(session.id, engine.role.ref, DEFAULT_WINDOW, engine.context_parts or parts, session.turns, session.turns),
            digest=engine.digest,
            digest_shown=False,
            summaries=True,
        )

    async def enqueue(self, session_id: str, text: str, *, key: str) -> QueuedMessage:
        await self._engine.asked("chat.enqueue", session_id, text)
        waiting = QueuedMessage(key, text, NOON)
        self._engine.queued.setdefault(session_id, []).append(waiting)
        return waiting

    async def dequeue(self, session_id: str, key: str) -> QueuedMessage | None:
        waiting = self._engine.queued.get(session_id, [])
        found = next((one for one in waiting if one.id == key), None)
        if found is not None:
            waiting.remove(found)
        return found


class ScriptedTasks(Group):
    """See `TaskApi`."""

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
        await self._engine.asked("tasks.submit")
        if not clean(text).strip():
            raise EmptyMessage("There is nothing in the task.")
        if key in self._engine.work:
            return self._engine.work[key].task
        given = {"text": text, "priority": priority, "plan": plan, "after": after, "time_limit_s": time_limit_s}
        self._engine.handed_in.append(given)
        about = {"text": text, "priority": priority, "after": after, "session_id": session_id, "p": p}
        if plan and json.loads(plan).get("approval"):
            return self._engine.give(new_task(key, TaskState.WAITING, reason=Reason.APPROVAL, **about))
        return self._engine.give(new_task(key, **about))

    async def submit_many(self, requests: tuple[TaskRequest, ...]) -> tuple[Task, ...]:
        await self._engine.asked("tasks.submit_many")
        return tuple(
            [
                await self.submit(
                    one.text,
                    key=one.key,
                    priority=one.priority,
                    plan=one.plan,
                    after=one.after,
                    time_limit_s=one.time_limit_s,
                )
                for one in requests
            ]
        )

    async def list(
        self, *, states: tuple[TaskState, ...] = (), session_id: str = "", limit: int = 10_000
    ) -> tuple[Task, ...]:
        await self._engine.asked("tasks.list")
        found = (task for task in self._engine.all.values() if not states or task.state in states)
        return tuple(task for task in found if not session_id or task.session_id == session_id)[:limit]

    async def get(self, task_id: str) -> TaskDetail:
        await self._engine.asked("tasks.get")
        if task_id not in self._engine.work:
            raise NoSuchTask(f"There is no task {task_id}.")
        return self._engine.work[task_id]

    async def find(self, prefix: str) -> Task:
        found = [task for task in self._engine.all.values() if task.id.startswith(prefix)]
        if not found:
            raise NoSuchTask(f"No task's id begins with {prefix}.")
        if len(found) > 1 and prefix not in self._engine.work:
            raise AmbiguousTask(f"{prefix} is the beginning of {len(found)} ids.")
        return self._engine.all.get(prefix, found[0])

    async def follow(self, task_id: str) -> AsyncGenerator[TaskEvent, None]:
        engine = self._engine
        seen = TaskSeen(await self.get(task_id))
        reader: asyncio.Queue[TaskEvent] = asyncio.Queue()
        engine.readers.setdefault(task_id, []).append(reader)
        try:
            yield seen
            if engine.works_off:
                self._work_off(task_id)
            while engine.work[task_id].task.state not in ENDED or not reader.empty():
                yield await reader.get()
        finally:
            engine.readers[task_id].remove(reader)

    def _work_off(self, task_id: str) -> None:
        engine = self._engine
        if engine.work[task_id].task.state in ENDED:
            return
        engine.change(task_id, state=TaskState.RUNNING, started=NOON, running_since=NOON)
        engine.tell(task_id, StepReading("work", 0, 0))
        engine.tell(task_id, StepReading("work", 12, 40))
        engine.tell(task_id, StepDelta("work", "hm", thinking=True, tokens=1))
        engine.tell(task_id, StepDelta("work", engine.result, thinking=False, tokens=3))
        engine.change(task_id, **self._end())

    def _end(self) -> dict[str, Any]:
        engine = self._engine
        end: dict[str, Any] = {"finished": NOON + 42, "running_since": None, "worked_s": 42.0}
        if engine.fails is not None:
            return end | {"state": TaskState.FAILED, "error": engine.fails.sentence, "error_code": engine.fails.code}
        if engine.ends_with is TaskState.DONE:
            end |= {"result": engine.result, "prompt_tokens": 40, "completion_tokens": 3}
        return end | {"state": engine.ends_with}

    async def _do(self, task_id: str, allowed: Iterable[TaskState], call: tuple[Any, ...], **changes: Any) -> Task:
        if task_id not in self._engine.work:
            raise NoSuchTask(f"There is no task {task_id}.")
        await self._engine.asked(f"tasks.{call[0]}", task_id, *call[1:])
        task = self._engine.work[task_id].task
        if task.state not in allowed:
            raise WrongState(f"{task.shown} is {task.state.value} already.")
        return self._engine.change(task_id, **changes)

    async def cancel(self, task_id: str) -> Task:
        return await self._do(task_id, OPEN, ("cancel",), state=TaskState.CANCELLED, finished=self._engine.now)

    async def pause(self, task_id: str) -> Task:
        going = (TaskState.QUEUED, TaskState.RUNNING)
        return await self._do(
            task_id, going, ("pause",), state=TaskState.PAUSED, reason=Reason.USER, running_since=None
        )

    async def resume(self, task_id: str) -> Task:
        return await self._do(task_id, (TaskState.PAUSED,), ("resume",), state=TaskState.QUEUED, reason=Reason.NONE)

    async def retry(self, task_id: str, *, step: str = "") -> Task:
        again = {"state": TaskState.QUEUED, "reason": Reason.NONE, "finished": None, "error": ""}
        return await self._do(task_id, ENDED | {TaskState.PAUSED}, ("retry", step), **again)

    async def give(self, task_id: str, role: Role) -> Task:
        engine = self._engine
        ref = (engine.role if role is Role.UX else engine.task_role).ref
        again = {"state": TaskState.QUEUED, "reason": Reason.NONE, "finished": None, "error": ""}
        return await self._do(task_id, TaskState, ("give", role), given=role, ref=ref, why="you chose it", **again)

    async def approve(self, task_id: str, *, yes: bool, step: str = "") -> Task:
        if step:
            return await self._do(task_id, (TaskState.WAITING,), ("approve step", yes, step))
        state = TaskState.QUEUED if yes else TaskState.CANCELLED
        return await self._do(task_id, (TaskState.WAITING,), ("approve", yes), state=state, reason=Reason.NONE)

    async def refuse(self, task_id: str, *, reason: str) -> Task:
        queued: dict[str, Any] = {"state": TaskState.QUEUED, "reason": Reason.NONE}
        return await self._do(task_id, OPEN, ("refuse", reason), **queued)

    async def skip(self, task_id: str, *, step: str) -> Task:
        return await self._do(task_id, OPEN, ("skip", step))

    async def draft(self, task_id: str, *, plan: str) -> PlanDraft:
        detail, drafted = await self.get(task_id), parse_plan(plan)
        known = {step.spec: step for step in detail.steps}
        steps = tuple(known.get(spec, Step(spec, allowed=False)) for spec in drafted.steps)
        forecast = self._engine.plan_forecast
        if self._engine.foresee is not None:
            forecast = self._engine.foresee(drafted)
        return PlanDraft(replace(detail, plan=drafted, steps=steps), forecast)

    async def set_plan(self, task_id: str, *, plan: str) -> Task:
        return await self._do(task_id, (TaskState.WAITING, TaskState.PAUSED), ("set_plan", plan))

    async def set_priority(self, task_id: str, priority: Priority) -> Task:
        return await self._do(task_id, OPEN, ("set_priority", priority), priority=priority)

    async def move(self, task_id: str, *, before: str | None) -> Task:
        moved = await self._do(task_id, (TaskState.QUEUED,), ("move", before))
        detail = self._engine.work.pop(task_id)
        order = list(self._engine.work.values())
        place = next((number for number, one in enumerate(order) if one.task.id == before), len(order))
        order.insert(place, detail)
        self._engine.work = {one.task.id: one for one in order}
        return moved


class ScriptedSessions(Group):
    """See `SessionApi`. What is exported is not the conversation, and what is imported is always the same one."""

    async def list(self, *, limit: int = 1000) -> tuple[Session, ...]:
        await self._engine.asked("sessions.list")
        return tuple(one for one in self._engine.known if one.id not in self._engine.messages or one.turns)[:limit]

    async def find(self, prefix: str) -> Session:
        found = [one for one in self._engine.known if one.id.startswith(prefix)]
        return self._engine.session(found[0].id if found else prefix)

    async def create(self, *, title: str = "", system: str = "") -> Session:
        await self._engine.asked("sessions.create")
        session = Session(f"new{len(self._engine.known)}aaaa", title, NOON, NOON, system=system)
        self._engine.messages[session.id] = []
        self._engine.known.append(session)
        return session

    async def transcript(self, session_id: str) -> Transcript:
        engine = self._engine
        await engine.asked("sessions.transcript")
        messages, queued = engine.messages.get(session_id, []), engine.queued.get(session_id, [])
        view = engine.views.get(session_id, View())
        return Transcript(engine.session(session_id), tuple(messages), tuple(queued), view)

    async def rename(self, session_id: str, title: str) -> Session:
        await self._engine.asked("sessions.rename", session_id, title)
        return self._engine.keep(replace(self._engine.session(session_id), title=title))

    async def set_system(self, session_id: str, system: str) -> Session:
        await self._engine.asked("sessions.set_system", session_id, system)
        return self._engine.keep(replace(self._engine.session(session_id), system=system))

    async def delete(self, session_id: str) -> None:
        await self._engine.asked("sessions.delete", session_id)
        self._engine.known.remove(self._engine.session(session_id))
        self._engine.messages.pop(session_id, None)
        self._engine.publish(SessionChanged(session_id, deleted=True))

    async def fork(self, session_id: str, message_id: str) -> Session:
        engine, whole = self._engine, self._engine.session(session_id)
        fork = replace(whole, id=f"fork{len(engine.known)}aaaa", forked_from=session_id)
        ids = [message.id for message in engine.messages[session_id]]
        shown = engine.messages[session_id][: ids.index(message_id) + 1]
        engine.messages[fork.id] = [replace(message, session_id=fork.id) for message in shown]
        return engine.keep(fork, used=True, source=fork.id)

    async def show_sibling(self, session_id: str, message_id: str, step: int) -> Transcript:
        return await self.transcript(session_id)

    async def save_view(self, session_id: str, view: View) -> None:
        self._engine.views[session_id] = view

    async def search(self, query: str, *, limit: int = 50) -> tuple[SearchHit, ...]:
        await self._engine.asked("sessions.search", query)
        hits = [
            SearchHit(one.id, one.title, message.id, message.author, message.created, message.text)
            for one in self._engine.known
            for message in self._engine.messages.get(one.id, [])
            if query in message.text
        ]
        return (*self._engine.hits, *hits)[:limit]

    async def prompt_history(self, *, limit: int = 200) -> tuple[str, ...]:
        every = [message for known in self._engine.messages.values() for message in known]
        return tuple(message.text for message in every if message.author is Author.USER)[-limit:]

    async def export(self, session_id: str, form: ExportFormat) -> str:
        await self._engine.asked("sessions.export", session_id, form)
        return '{"format":"tale-tui-session"}' if form is ExportFormat.JSON else "# Title\n\nWords.\n"

    async def import_(self, text: str) -> tuple[Session, ...]:
        await self._engine.asked("sessions.import_", text)
        return (Session("impoaaaa", "Taken in", NOON, NOON),)


class ScriptedModels(Group):
    """See `ModelApi`."""

    async def roles(self) -> tuple[RoleStatus, ...]:
        return (self._engine.role, self._engine.task_role)

    async def backends(self) -> tuple[BackendReport, ...]:
        return tuple(self._engine.reports)

    async def use(self, role: Role, ref: ModelRef) -> RoleStatus:
        await self._engine.asked("models.use", role, ref)
        return self._engine.retried or RoleStatus(role, RoleState.READY, ref)

    async def retry_role(self, role: Role) -> RoleStatus:
        await self._engine.asked("models.retry_role", role)
        return self._engine.retried or self._engine.role

    async def pull(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        await self._engine.asked("models.pull", ref)
        for step in self._engine.steps:
            yield step

    async def fetch_starter(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        await self._engine.asked("models.fetch_starter", source)
        for step in self._engine.steps:
            yield step
        self._engine.reports.append(BackendReport(BackendName.EMBEDDED, True, models=(ModelInfo(STARTER),)))

    async def add(self, path: str) -> ModelInfo:
        await self._engine.asked("models.add", path)
        return ModelInfo(ModelRef(BackendName.EMBEDDED, "mine"), size_bytes=10)

    async def residency(self) -> Residency:
        await self._engine.asked("models.residency")
        return self._engine.resident

    async def load(self, ref: ModelRef) -> Residency:
        await self._engine.asked("models.load", ref)
        return self._engine.resident

    async def unload(self, ref: ModelRef) -> Residency:
        await self._engine.asked("models.unload", ref)
        return self._engine.resident


class ScriptedMetrics(Group):
    """See `MetricsApi`; the rows are what a test put into `rows`."""

    async def tokens(
        self, which: CallFilter = EVERY_CALL, *, by: tuple[CallDimension, ...] = (), limit: int = 0
    ) -> TokenReport:
        engine = self._engine
        await engine.asked("metrics.tokens", which, by)
        known = {name for ref in (*(row.ref for row in engine.rows), engine.role.ref) if ref for name in names_of(ref)}
        if which.model and which.model not in known:
            raise UnknownModel(f"No model {which.model} was called.")
        meant = [row for row in engine.rows if is_meant(row, which)]
        found = [
            SumRow(key_of(row, by), int(row.timestamp // CLOCK_STEP_S), str(row.ref), sums_of(row)) for row in meant
        ]
        total, groups = grouped(found, by, engine.prices)
        titles = {task.id: task.title for task in engine.all.values()}
        groups = tuple(
            replace(group, title=next((titles[key] for key in group.key if key in titles), ""))
            for group in groups[: limit or None]
        )
        return TokenReport(total, by, groups, min((row.timestamp for row in meant), default=None))

    async def timeline(self, which: CallFilter, edges: tuple[int, ...]) -> TokenTimeline:
        await self._engine.asked("metrics.timeline", which, edges)
        rows = [
            (str(row.ref), int(row.timestamp), row.total_tokens)
            for row in self._engine.rows
            if is_meant(row, which) and row.total_tokens is not None
        ]
        return timeline_of(rows, 1, edges)

    async def overview(self) -> TokenOverview:
        await self._engine.asked("metrics.overview")
        rows = self._engine.rows
        whole = sum(row.total_tokens or 0 for row in rows)
        last = rows[-1].labels.session_id if rows else ""
        session = sum(row.total_tokens or 0 for row in rows if last and row.labels.session_id == last)
        return TokenOverview(session if last else None, whole, whole, len(rows), whole, whole)

    async def calls(
        self, which: CallFilter = EVERY_CALL, *, task_id: str = "", message_id: str = "", limit: int = 1000
    ) -> tuple[CallRecord, ...]:
        # Without a filter it only looks, as for the details of a task.
        await self._engine.asked("metrics.calls", *([] if which == EVERY_CALL else [which]))
        meant = {"task_id": task_id, "message_id": message_id}
        found = [
            row
            for row in self._engine.rows
            if is_meant(row, which) and all(value in ("", getattr(row.labels, name)) for name, value in meant.items())
        ]
        return tuple(found[-limit:])

    async def change(self, since: float, days: int, *, model: str = "") -> PeriodChange:
        now = await self.tokens(CallFilter(since=since, model=model))
        before = await self.tokens(CallFilter(days_before(since, days), since, model))
        return PeriodChange(days, now.total, before.total)

    async def savings(self, which: CallFilter = EVERY_CALL) -> TokenSavings | None:
        await self._engine.asked("metrics.savings")
        return self._engine.saved

    async def activity(self) -> CallActivity:
        await self._engine.asked("metrics.activity")
        return CallActivity(tuple(self._engine.running), len(self._engine.rows))

    async def dashboard(self, *, range_s: float = DEFAULT_RANGE.length_s, model: str = "") -> DashboardReport:
        engine = self._engine
        await engine.asked("metrics.dashboard", range_s, model)
        return engine.shown if engine.dashboard is None else engine.dashboard(range_s, model)

    async def budgets(self) -> tuple[BudgetUse, ...]:
        await self._engine.asked("metrics.budgets")
        return tuple(self._engine.budgets)

    async def alerts(self, *, waiting: bool = False, limit: int = 100) -> tuple[Alert, ...]:
        await self._engine.asked("metrics.alerts", waiting)
        return tuple(one for one in self._engine.alerts if not waiting or one.acknowledged is None)[:limit]

    async def acknowledge(self, alert_id: int | None) -> tuple[Alert, ...]:
        engine = self._engine
        await engine.asked("metrics.acknowledge", alert_id)
        if alert_id is not None and alert_id not in {one.id for one in engine.alerts}:
            raise NoSuchAlert(f"There is no alert {alert_id}.")
        meant = [one for one in engine.alerts if one.acknowledged is None and alert_id in (None, one.id)]
        engine.alerts = [replace(one, acknowledged=1.0) if one in meant else one for one in engine.alerts]
        return tuple(one for one in engine.alerts if one.id in {each.id for each in meant})

    async def exposition(self) -> str:
        await self._engine.asked("metrics.exposition")
        return self._engine.exposed


class ScriptedLearning(Group):
    """See `LearningApi`; what is foreseen is what a test put into `forecast`."""

    async def forecast(self, text: str, *, model: str = "") -> TaskForecast:
        await self._engine.asked("learning.forecast", text, model)
        check_task_text(text, 16_000)
        return self._engine.forecast

    async def of_task(self, task_id: str) -> TaskForecast | None:
        await self._engine.asked("learning.of_task", task_id)
        return self._engine.forecast

    async def of_plan(self, task_id: str) -> PlanForecast | None:
        await self._engine.asked("learning.of_plan")
        return self._engine.plan_forecast

    async def history(self, *, limit: int = HISTORY_TASKS) -> ForecastHistory:
        await self._engine.asked("learning.history", limit)
        return self._engine.forecast_history

    async def learned(self) -> tuple[LearnedState, ...]:
        await self._engine.asked("learning.learned")
        return self._engine.learned

    async def undo(self, event_id: str) -> LearningEvent:
        await self._engine.asked("learning.undo", event_id)
        found = (event for state in self._engine.learned for event in state.events if event.id == event_id)
        event = next(found, None)
        if event is None:
            raise BadInput(f"Nothing was learned as {event_id}: tale-tui learning lists what was.")
        return replace(event, undone=NOON)

    async def reset(self, part: LearnedPart) -> LearningEvent:
        await self._engine.asked("learning.reset", part)
        return LearningEvent(f"{part}-9", part, LearningOutcome.RESET, NOON, 0.0, LearningReport(kept=True))

    async def switch(self, part: LearnedPart, *, on: bool) -> None:
        await self._engine.asked("learning.switch", part, on)
        self._engine.learned = tuple(
            replace(state, enabled=on) if state.part is part else state for state in self._engine.learned
        )


class ScriptedCheckpoints(Group):
    """See `CheckpointApi`; what there is is what a test put into `checkpoints`, what going back does into
    `restoration`."""

    async def list(self, *, task_id: str = "", session_id: str = "", limit: int = 100) -> CheckpointList:
        await self._engine.asked("checkpoints.list", task_id, session_id, limit)
        found = [
            one for one in self._engine.kept if task_id in ("", one.task_id) and session_id in ("", one.session_id)
        ]
        return CheckpointList(
            tuple(found[: limit or None]), len(self._engine.kept), 41_000_000, 1_000_000_000, self._engine.damaged
        )

    async def show(self, checkpoint: str) -> CheckpointDetail:
        await self._engine.asked("checkpoints.show", checkpoint)
        found = self._found(checkpoint)
        return self._engine.held.get(found.id) or CheckpointDetail(found, None, (), ())

    async def diff(self, checkpoint: str, other: str = "") -> CheckpointDiff:
        await self._engine.asked("checkpoints.diff", checkpoint, other)
        found = self._found(checkpoint)
        return self._engine.differences.get((found.id, other)) or CheckpointDiff(found.id, other, (), ())

    async def restore(
        self, checkpoint: str, *, task_id: str = "", file: str = "", dry_run: bool = False
    ) -> Restoration:
        await self._engine.asked("checkpoints.restore", checkpoint, task_id, file, dry_run)
        return replace(self._engine.restoration, checkpoint=self._found(checkpoint))

    async def undo(self, *, task_id: str = "", session_id: str = "", dry_run: bool = False) -> Restoration:
        await self._engine.asked("checkpoints.undo", task_id, session_id, dry_run)
        if not self._engine.kept:
            raise CannotUndo("There is no step left whose files and state could be taken back.")
        return self._engine.restoration

    async def redo(self, *, task_id: str = "", session_id: str = "", dry_run: bool = False) -> Restoration:
        await self._engine.asked("checkpoints.redo", task_id, session_id, dry_run)
        return self._engine.restoration

    async def keep(self, message: str = "", *, task_id: str = "", session_id: str = "") -> Checkpoint:
        await self._engine.asked("checkpoints.keep", message, task_id, session_id)
        if not task_id and not session_id:
            raise BadInput("Say of what: of a task, or of a conversation.")
        number = len(self._engine.kept) + 1
        group = session_id or task_id
        made = Checkpoint(
            f"{number:040x}",
            NOON + number,
            number,
            CheckpointKind.KEPT,
            f"yours: {message}",
            group,
            session_id,
            task_id,
        )
        self._engine.kept.insert(0, made)
        return made

    async def remove(self, checkpoint: str) -> Checkpoint:
        await self._engine.asked("checkpoints.remove", checkpoint)
        found = self._found(checkpoint)
        self._engine.kept.remove(found)
        return found

    async def export(self, path: str, *, checkpoints: tuple[str, ...] = ()) -> int:
        await self._engine.asked("checkpoints.export", path, checkpoints)
        return len(checkpoints) or len(self._engine.kept)

    async def import_(self, path: str) -> BundleImport:
        await self._engine.asked("checkpoints.import_", path)
        return BundleImport(1, 0)

    def _found(self, prefix: str) -> Checkpoint:
        found = next((one for one in self._engine.kept if one.id.startswith(prefix)), None)
        if found is None:
            raise NoSuchCheckpoint(f"No checkpoint begins with {prefix}: tale-tui checkpoints list shows all of them.")
        return found


class ScriptedRecall(Group):
    """See `RecallApi`; what is remembered stands in `remembered`, and is found where it has a word of the question."""

    async def list(
        self, *, limit: int = 1000, offset: int = 0, kind: RecallKind | None = None, pinned: bool = False
    ) -> tuple[RecallItem, ...]:
        await self._engine.asked("recall.list", limit, offset, kind, pinned)
        kept = sorted(self._engine.remembered, key=lambda item: (not item.pinned, -item.said))
        found = [item for item in kept if kind in (None, item.kind) and (item.pinned or not pinned)]
        return tuple(found[offset : offset + limit])

    async def find(self, prefix: str) -> RecallItem:
        found = [item for item in self._engine.remembered if prefix and item.id.startswith(prefix)]
        if len(found) != 1:
            raise NoSuchItem(f"Nothing remembered has an id that begins with {prefix!r}.")
        return found[0]

    async def search(self, query: str, *, limit: int = 20) -> tuple[RecallHit, ...]:
        await self._engine.asked("recall.search", query, limit)
        words = query.lower().split()
        found = [item for item in self._engine.remembered if any(word in item.text.lower() for word in words)]
        return tuple(RecallHit(item, 1 / place, place, None, True) for place, item in enumerate(found, 1))[:limit]

    async def add(self, text: str, *, kind: RecallKind | None = None, session_id: str = "") -> RecallItem:
        await self._engine.asked("recall.add", text, kind, session_id)
        if "sk-" in text:
            raise HasSecret("There was a key, a password, or a card or account number in it: not remembered.")
        source = RecallSource(RecallOrigin.ASKED, session_id)
        item = RecallItem(f"item{len(self._engine.remembered)}", text, kind or RecallKind.FACT, source, NOON)
        self._engine.remembered.append(item)
        return item

    async def edit(self, item_id: str, text: str, *, kind: RecallKind | None = None) -> RecallItem:
        await self._engine.asked("recall.edit", item_id, text, kind)
        return await self._change(item_id, text=text)

    async def pin(self, item_id: str, *, pinned: bool = True) -> RecallItem:
        await self._engine.asked("recall.pin", item_id, pinned)
        return await self._change(item_id, pinned=pinned)

    async def forget(self, item_id: str) -> RecallItem:
        await self._engine.asked("recall.forget", item_id)
        item = await self.find(item_id)
        self._engine.remembered.remove(item)
        return item

    async def context(self, item_id: str) -> RecallContext:
        await self._engine.asked("recall.context", item_id)
        return self._engine.recall_contexts.get(item_id, RecallContext())

    async def offered(self, message_id: str) -> tuple[RecallItem, ...]:
        await self._engine.asked("recall.offered", message_id)
        return tuple(self._engine.remembered)

    async def allow(self, session_id: str, *, on: bool) -> bool:
        await self._engine.asked("recall.allow", session_id, on)
        self._engine.recall_off.discard(session_id)
        if not on:
            self._engine.recall_off.add(session_id)
        return on

    async def allowed(self, session_id: str) -> bool:
        return session_id not in self._engine.recall_off

    async def state(self) -> RecallState:
        await self._engine.asked("recall.state")
        kept, model = self._engine.remembered, self._engine.recall_model
        kinds = {kind: count for kind in RecallKind if (count := sum(item.kind is kind for item in kept))}
        why = "" if model else "There is no model for that here."
        pinned = sum(item.pinned for item in kept)
        enabled = self._engine.recall_enabled
        embedded = len(kept) if model else 0
        return RecallState(enabled, len(kept), model, embedded, why, not model, pinned=pinned, kinds=kinds)

    async def fetch(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        await self._engine.asked("recall.fetch", source)
        yield Progress("vectors", 1, 2)
        self._engine.recall_model = "embedded/vectors"
        yield Progress("vectors", 2, 2, finished=True)

    async def _change(self, item_id: str, **changes: Any) -> RecallItem:
        item = await self.find(item_id)
        changed = replace(item, **changes)
        self._engine.remembered[self._engine.remembered.index(item)] = changed
        return changed


class ScriptedControl(Group):
    """See `ControlApi`."""

    async def status(self) -> EngineStatus:
        engine = self._engine
        await engine.asked("control.status")
        states = [task.state for task in engine.all.values() if task.state is not TaskState.DRAFT]
        counts = TaskCounts(
            **{state.value: states.count(state) for state in TaskState if state is not TaskState.DRAFT},
            interrupted=sum(task.reason is Reason.INTERRUPTED for task in engine.all.values()),
        )
        pid = os.getpid() if engine.here else engine.pid
        about = (engine.works, engine.watched, engine.can_write)
        return EngineStatus(pid, "1", NOON, engine.background, await engine.models.roles(), counts, *about)

    async def stop(self) -> None:
        if not self._engine.background:
            raise WrongState("Process 1 is the engine.")
        self._engine.stopped = True

    async def doctor(self) -> tuple[Finding, ...]:
        return self._engine.findings

    async def watch(self, *, window: bool = False) -> AsyncGenerator[Fact, None]:
        await self._engine.asked("control.watch")
        facts: asyncio.Queue[Fact | None] = asyncio.Queue()
        for status in await self._engine.models.roles():
            facts.put_nowait(RoleChanged(status))
        for notice in self._engine.notices:
            facts.put_nowait(notice)
        self._engine.watchers.append(facts)
        try:
            while (fact := await facts.get()) is not None:
                yield fact
        finally:
            self._engine.watchers.remove(facts)
