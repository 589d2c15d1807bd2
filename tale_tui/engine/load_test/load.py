"""Puts load on an engine as users do, through its API alone: many tasks at once, and conversations beside them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Protocol

from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import TASKS_TOGETHER_MAX
from tale_tui.domain.errors import EngineLost
from tale_tui.domain.events import TextDelta, TurnDone, TurnEvent, TurnFailed
from tale_tui.domain.tasks import TaskCounts, TaskRequest
from tale_tui.engine.api import EngineApi

TURNS_MIN = 3
"""Of each conversation, however soon the tasks are done."""
LOOK_S = 0.5
"""Between two looks at how far the tasks are."""
RATE_LOOKS = 7
"""Over so many looks it is told how fast is written."""
RECOVERY_LOOK_S = 0.01
"""The same at what was killed: so exactly the time to recover is known."""
RECOVERY_MAX_S = 120.0
"""What has not come back after so long does not: a big model loads within a minute."""
REPEATS_MAX, REPEAT_PAUSE_S = 50, 0.1
"""So often, after so many seconds, a message is sent again under its key while the engine moves."""
CONTINUED_MAX, CONTINUE_PAUSE_S = 5, 1.0
"""So often, after so many seconds, a reply that failed is gone on with."""
KILLS_AT = (1 / 3, 2 / 3)
"""Shares of the tasks that are done when the processes of models, and then that of the engine, are killed."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How much there is to do."""

    tasks: int
    chats: int
    """Conversations that go on as long as tasks are open."""


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far it is."""

    tasks: int
    counts: TaskCounts
    chats: int
    turns: int
    tokens: int
    """As counted, in all."""
    tokens_per_second: float
    """As all models together wrote in the last `RATE_LOOKS` looks."""
    spent_s: float


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message of a conversation."""

    session_id: str
    key: str
    done: bool
    """Whether its reply came to its end."""
    continued: int = 0
    """How often it was gone on with because it had failed, which takes a user one key."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """A process that was killed."""

    killed: str
    """What it was, as the subject of a sentence."""
    seconds: float | None
    """Until an answer or a task went on in what came in its place; None where nothing did."""


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What was handed in and sent, and what became of it as the clients saw it."""

    task_ids: tuple[str, ...]
    messages: tuple[SentMessage, ...]
    handing_in_s: float
    spent_s: float
    recoveries: tuple[Recovery, ...] = ()


class KillableProcess(Protocol):
    """Something that can be killed while the load is on."""

    name: str
    """As the subject of a sentence."""

    async def kill(self) -> bool:
        """Kill it; False where it is not there."""
        ...

    async def is_back(self, engine: EngineApi) -> bool:
        """Whether something stands in its place."""
        ...


class LoadTest:
    """One run.

    Args:
        engine: gets the load. Where it moves to another process the load goes on there.
        plan: how much.
        clock: the time and the ids.
        told: shows how far it is.
        kills: what is killed meanwhile, one after the other.
    """

    def __init__(
        self,
        engine: EngineApi,
        plan: LoadPlan,
        clock: Clock,
        told: Callable[[LoadProgress], None],
        kills: tuple[KillableProcess, ...] = (),
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._clock = clock
        self._told = told
        self._kills = list(zip(KILLS_AT, kills, strict=False))
        self._sign = asyncio.Event()
        """Set by everything that shows that work goes on."""
        self._tasks_over = False
        self._messages: list[SentMessage] = []
        self._recoveries: list[Recovery] = []

    async def run(self) -> LoadOutcome:
        """Hand in the tasks, talk until the last of them has ended, and say what was done.

        Raises:
            TaleError: the engine did not take it, or is gone for good.
        """
        began = self._clock.monotonic()
        sessions = [
            (await self._engine.sessions.create(title=f"Load test, chat {number + 1}")).id
            for number in range(self._plan.chats)
        ]
        before_tasks = self._clock.monotonic()
        task_ids = await self._hand_in()
        handing_in_s = self._clock.monotonic() - before_tasks
        try:
            async with asyncio.TaskGroup() as group:
                for number, session_id in enumerate(sessions, 1):
                    group.create_task(self._talk(session_id, number), name=f"chat {number}")
                await self._watch(began, group)
                self._tasks_over = True
        except ExceptionGroup as errors:  # the first one ended the others
            raise errors.exceptions[0] from errors
        spent_s = self._clock.monotonic() - began
        return LoadOutcome(task_ids, tuple(self._messages), handing_in_s, spent_s, tuple(self._recoveries))

    async def _hand_in(self) -> tuple[str, ...]:
        requests = [
            TaskRequest(f"Load test, task {number + 1}: answer in one short sentence.", self._clock.new_id())
            for number in range(self._plan.tasks)
        ]
        for first in range(0, len(requests), TASKS_TOGETHER_MAX):
            await self._engine.tasks.submit_many(tuple(requests[first : first + TASKS_TOGETHER_MAX]))
        return tuple(request.key for request in requests)

    async def _watch(self, began: float, group: asyncio.TaskGroup) -> None:
        """Until no task can go on by itself, and what was killed is back."""
        ended = -1
        killing: asyncio.Task[None] | None = None
        written: deque[tuple[float, int]] = deque([(began, 0)], RATE_LOOKS)
        while True:
            try:
                counts = (await self._engine.control.status()).tasks
                spent = await self._engine.metrics.tokens()
                activity = await self._engine.metrics.activity()
            except EngineLost:  # it moves
                await asyncio.sleep(LOOK_S)
                continue
            now = self._clock.monotonic()
            written.append((now, (spent.total.completion_tokens or 0) + sum(call.tokens for call in activity.running)))
            (first, before), (_, so_far) = written[0], written[-1]
            self._told(
                LoadProgress(
                    self._plan.tasks,
                    counts,
                    self._plan.chats,
                    len(self._messages),
                    spent.total.total_tokens or 0,
                    max(so_far - before, 0) / (now - first) if now > first else 0.0,
                    now - began,
                )
            )
            goes_on = bool(counts.queued or counts.running or counts.interrupted)
            if counts.done + counts.failed != ended or not (goes_on or self._plan.chats):
                ended = counts.done + counts.failed
                self._sign.set()
            idle = killing is None or killing.done()
            if idle and self._kills and ended >= self._plan.tasks * self._kills[0][0] and (goes_on or self._plan.chats):
                killing = group.create_task(self._kill(self._kills.pop(0)[1]), name="kill")
                continue
            if idle and not goes_on:
                return
            await asyncio.sleep(LOOK_S)

    async def _kill(self, victim: KillableProcess) -> None:
        began = self._clock.monotonic()
        if not await victim.kill():
            return
        seconds = None
        with suppress(TimeoutError):  # it did not come back
            async with asyncio.timeout(RECOVERY_MAX_S):
                while True:
                    if await self._is_back(victim):
                        break
                    await asyncio.sleep(RECOVERY_LOOK_S)
                self._sign.clear()
                await self._sign.wait()
                seconds = self._clock.monotonic() - began
        self._recoveries.append(Recovery(victim.name, seconds))

    async def _is_back(self, victim: KillableProcess) -> bool:
        try:
            return await victim.is_back(self._engine)
        except EngineLost:
            return False

    async def _talk(self, session_id: str, number: int) -> None:
        turn = 0
        while not self._tasks_over or turn < TURNS_MIN:
            turn += 1
            text = f"Load test, message {turn} of chat {number}: answer in one short sentence."
            self._messages.append(await self._send(session_id, text))

    async def _send(self, session_id: str, text: str) -> SentMessage:
        """One turn as a user has it: sent again under its key where the engine moves, gone on with where it failed."""
        key, continued = self._clock.new_id(), 0
        for _ in range(REPEATS_MAX):
            turn = self._engine.chat.send(session_id, text, key=key, as_task=False)
            try:
                ended = await self._read(turn)
                while isinstance(ended, TurnFailed) and continued < CONTINUED_MAX:
                    continued += 1
                    await asyncio.sleep(CONTINUE_PAUSE_S)
                    ended = await self._read(self._engine.chat.resume(session_id, ended.reply.id))
            except EngineLost:
                await asyncio.sleep(REPEAT_PAUSE_S)
                continue
            return SentMessage(session_id, key, isinstance(ended, TurnDone), continued)
        return SentMessage(session_id, key, done=False, continued=continued)

    async def _read(self, turn: AsyncGenerator[TurnEvent, None]) -> TurnEvent | None:
        """The last event of a turn."""
        last = None
        async with aclosing(turn) as events:
            async for last in events:
                if isinstance(last, TextDelta):
                    self._sign.set()
        return last
