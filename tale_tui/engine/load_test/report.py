"""What a load test showed, against what is promised: from the rows of calls and tasks, and from what is stored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tale_tui.domain.constants import (
    PROMISE_CALLS_MIN,
    PROMISED_FIRST_TEXT_S,
    PROMISED_SIMPLE_TASK_S,
    PROMISED_SWITCH_S,
)
from tale_tui.domain.conversation import Author, MessageState
from tale_tui.domain.metrics import CallKind, CallOutcome, CallRecord, TokenSums
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.engine.api import EngineApi
from tale_tui.engine.load_test.load import LoadOutcome, Recovery

JUDGED_AT = 0.95
"""A promise is kept where so large a share of the values keeps it."""
ROWS_MAX = 1_000_000
"""Calls and tasks that are looked at."""


@dataclass(frozen=True, slots=True)
class LoadFigure:
    """Some durations, in seconds, and what was promised of them."""

    name: str
    values: tuple[float, ...]
    """In their order of size."""
    promised_s: float | None = None

    def at(self, share: float) -> float | None:
        """The smallest value that so large a share of the values does not exceed; None where there is none."""
        return self.values[max(math.ceil(share * len(self.values)), 1) - 1] if self.values else None

    @property
    def kept(self) -> bool | None:
        """Whether the promise was; None where there is none, or too few values."""
        value = self.at(JUDGED_AT)
        if self.promised_s is None or value is None or len(self.values) < PROMISE_CALLS_MIN:
            return None
        return value < self.promised_s


@dataclass(frozen=True, slots=True)
class LoadReport:
    """A whole load test."""

    figures: tuple[LoadFigure, ...]
    recoveries: tuple[Recovery, ...]
    tasks: int
    tasks_done: int
    tasks_failed: int
    messages: int
    messages_failed: int
    messages_continued: int
    """Whose replies failed first, and came to their end when they were gone on with."""
    lost: tuple[str, ...]
    """What was handed in or sent and is not there, not whole, or not counted: a sentence each."""
    handing_in_s: float
    spent_s: float
    tokens: TokenSums
    memory_used_bytes: int
    """By models on this machine, at the end."""
    memory_limit_bytes: int

    @property
    def memory_kept(self) -> bool:
        """Whether the models kept to their limit."""
        return self.memory_used_bytes <= self.memory_limit_bytes


async def report_of(engine: EngineApi, outcome: LoadOutcome) -> LoadReport:
    """Look at what is stored after a load test.

    Args:
        engine: of the folder of the test.
        outcome: of the test.
    """
    wanted = set(outcome.task_ids)
    tasks = [task for task in await engine.tasks.list(limit=ROWS_MAX) if task.id in wanted]
    calls = await engine.metrics.calls(limit=ROWS_MAX)
    residency = await engine.models.residency()
    sent = outcome.messages
    return LoadReport(
        figures=_figures(calls, tasks),
        recoveries=outcome.recoveries,
        tasks=len(outcome.task_ids),
        tasks_done=sum(task.state is TaskState.DONE for task in tasks),
        tasks_failed=sum(task.state is TaskState.FAILED for task in tasks),
        messages=len(sent),
        messages_failed=sum(not message.done for message in sent),
        messages_continued=sum(message.done and message.continued > 0 for message in sent),
        lost=(*_lost_tasks(outcome.task_ids, tasks, calls), *await _lost_messages(engine, outcome, calls)),
        handing_in_s=outcome.handing_in_s,
        spent_s=outcome.spent_s,
        tokens=(await engine.metrics.tokens()).total,
        memory_used_bytes=residency.used_bytes,
        memory_limit_bytes=residency.limit_bytes,
    )


def _figures(calls: Sequence[CallRecord], tasks: Sequence[Task]) -> tuple[LoadFigure, ...]:
    replies = [call for call in calls if call.labels.kind is CallKind.CHAT and call.outcome is CallOutcome.DONE]
    done = [task for task in tasks if task.state is TaskState.DONE]
    return (
        _figure("first text of a reply", (_s(call.ttft_ms) for call in replies), PROMISED_FIRST_TEXT_S),
        _figure("waiting for the model", (_wait(call) for call in replies), PROMISED_SWITCH_S),
        _figure("a whole reply", (_s(call.total_ms) for call in replies)),
        _figure("a task, once it runs", (task.worked_s for task in done), PROMISED_SIMPLE_TASK_S),
        _figure("a task, in the queue", (task.started - task.created for task in done if task.started is not None)),
    )


def _figure(name: str, values: Iterable[float | None], promised_s: float | None = None) -> LoadFigure:
    return LoadFigure(name, tuple(sorted(max(value, 0.0) for value in values if value is not None)), promised_s)


def _s(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _wait(call: CallRecord) -> float | None:
    return None if call.waiting_ms is None else (call.waiting_ms + (call.load_ms or 0.0)) / 1000


def _lost_tasks(task_ids: Iterable[str], tasks: Sequence[Task], calls: Sequence[CallRecord]) -> list[str]:
    found = {task.id: task for task in tasks}
    counted = {call.labels.task_id for call in calls}
    lost = []
    for task_id in task_ids:
        task = found.get(task_id)
        if task is None:
            lost.append(f"task {task_id} is not there")
        elif task.is_open:
            lost.append(f"task {task_id} is {task.state.value} and does not go on")
        elif task.state is TaskState.DONE and task_id not in counted:
            lost.append(f"task {task_id} has no call that was counted")
    return lost


async def _lost_messages(engine: EngineApi, outcome: LoadOutcome, calls: Sequence[CallRecord]) -> list[str]:
    lost = []
    counted = {call.labels.message_id for call in calls}
    for session_id in dict.fromkeys(message.session_id for message in outcome.messages):
        stored = (await engine.sessions.transcript(session_id)).messages
        users = {message.id for message in stored if message.author is Author.USER}
        replies = {message.parent_id: message for message in stored if message.author is Author.ASSISTANT}
        for sent in outcome.messages:
            if sent.session_id != session_id:
                continue
            reply = replies.get(sent.key)
            if sent.key not in users:
                lost.append(f"message {sent.key} is not there")
            elif sent.done and (reply is None or reply.state is not MessageState.COMPLETE or not reply.text):
                lost.append(f"the reply to message {sent.key} is not whole")
            elif sent.done and reply is not None and reply.id not in counted:
                lost.append(f"the reply to message {sent.key} has no call that was counted")
    return lost
