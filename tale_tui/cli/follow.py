"""Following turns and tasks: what comes is handed on as it comes. Line mode and the commands share it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from tale_tui.domain.errors import EngineLost, TurnRunning, WrongState
from tale_tui.domain.events import (
    EngineMoved,
    Fact,
    ModelLoading,
    PromptProgress,
    Routed,
    ServerAway,
    StepDelta,
    StepReading,
    TaskAhead,
    TaskChanged,
    TaskEvent,
    TasksChanged,
    TaskSeen,
    TaskStarted,
    TextDelta,
    TextSortedAnew,
    ThinkingDelta,
    TurnCancelled,
    TurnDone,
    TurnEvent,
    TurnFailed,
    TurnStarted,
)
from tale_tui.domain.tasks import ENDED, DetectBand, Reason, StepState, Task, TaskState
from tale_tui.formatting.plans import asked_copy, numbered
from tale_tui.formatting.servers import server_name

if TYPE_CHECKING:
    from tale_tui.domain.tasks import TaskDetail
    from tale_tui.engine.api import EngineApi

TurnEnd = TurnDone | TurnFailed | TurnCancelled


async def may_be_task(engine: EngineApi, text: str, session_id: str) -> bool:
    """Whether nobody is sure what a message is that is about to be sent, so that a task is offered behind the answer.

    Args:
        text: the message.
        session_id: the conversation that it goes to.
    """
    judged = await engine.chat.classify(text, session_id=session_id)
    return judged.enabled and judged.band is DetectBand.UNSURE


async def follow(
    events: AsyncGenerator[TurnEvent, None],
    *,
    text: Callable[[str], None],
    waits: Callable[[str], None],
    reads: Callable[[int, int], None] | None = None,
    begins: Callable[[TurnStarted | TaskStarted], None] | None = None,
    takes_back: Callable[[], None] | None = None,
    tells: Callable[[str], None] = lambda _: None,
) -> TurnEnd:
    """Hand out a turn as it happens.

    Args:
        events: the turn; the caller closes it.
        text: gets each piece of the answer.
        waits: gets a few words when something begins that takes time.
        reads: gets how much of the prompt was read, and how long it is, in tokens.
        begins: gets that the message is stored, and that it became a task.
        takes_back: called where what `text` got was thinking, and the answer is still to come. None where it cannot be
            taken back: then `text` gets nothing before it is certain to be the answer, or the turn has ended.
        tells: gets a sentence that a script has to read as well: why nothing happens for up to a minute.
    Returns:
        The event that ended it.
    Raises:
        EngineLost: nothing ended it.
    """
    thinking = False
    answer = _Answer(text, takes_back)
    async for event in events:
        match event:
            case TextDelta(text=piece):
                answer.add(piece)
            case TextSortedAnew(text=whole):
                answer.replace(whole)
            case ThinkingDelta():
                answer.settle()  # the model tells one from the other
                if not thinking:
                    waits("thinking")
                thinking = True
            case ModelLoading(ref=ref):
                waits(f"loading {ref.model}")
            case ServerAway(backend=backend, sentence=sentence):
                tells(f"{sentence} It is waited for.")
                waits(f"waits for {server_name(backend)}")
            case TaskAhead(ref=ref):
                waits(f"waits for a task of {ref.model}")
            case PromptProgress(done=done, total=total):
                if reads is not None:
                    reads(done, total)
            case TurnStarted() | TaskStarted():
                if begins is not None:
                    begins(event)
                if isinstance(event, TurnStarted) and event.so_far is not None and event.reply.text:
                    # Whether it may be thinking is told next.
                    answer.certain = bool(event.reply.thinking)
                    answer.add(event.reply.text)
            case Routed(certain=certain):
                if certain:
                    answer.settle()
                else:
                    answer.certain = False
            case TurnDone() | TurnFailed() | TurnCancelled():
                answer.settle()
                return event
            case _:
                assert_never(event)
    raise EngineLost("The engine ended in the middle of the answer. Ask again.")


async def follow_elsewhere(
    engine: EngineApi,
    session_id: str,
    *,
    text: Callable[[str], None] = lambda _: None,
    waits: Callable[[str], None] = lambda _: None,
    begins: Callable[[TurnStarted | TaskStarted], None] = lambda _: None,
    takes_back: Callable[[], None] | None = None,
) -> TurnEnd | None:
    """Hand out the turn that is under way in a session, asked for elsewhere, from all there is so far to its end.

    Args:
        engine: has the turn.
        session_id: the whole id of a session.
        text, waits, begins, takes_back: as of `follow`.
    Returns:
        The event that ended it; None where no turn was under way.
    Raises:
        NoSuchSession: it is not there.
        EngineLost: nothing ended it.
    """
    began = False

    def seen(event: TurnStarted | TaskStarted) -> None:
        nonlocal began
        began = True
        begins(event)

    async with aclosing(engine.chat.follow_turn(session_id)) as events:
        try:
            return await follow(events, text=text, waits=waits, begins=seen, takes_back=takes_back)
        except EngineLost:
            if began:
                raise
            return None


async def send_in_turn(
    send: Callable[[], AsyncGenerator[TurnEvent, None]], others: Callable[[], Awaitable[object]]
) -> AsyncGenerator[TurnEvent, None]:
    """A turn that begins when no other one is under way in its session.

    Args:
        send: asks for it, with the same key each time.
        others: waits for the end of the one that is under way.
    """
    while True:
        try:
            async with aclosing(send()) as events:
                async for event in events:
                    yield event
        except TurnRunning:  # nothing was stored, so nothing was told yet
            await others()
        else:
            return


class _Answer:
    """Hands an answer out, as `follow` says.

    Attributes:
        certain: whether what comes is the answer, and not perhaps thinking.
    """

    def __init__(self, text: Callable[[str], None], takes_back: Callable[[], None] | None) -> None:
        self.certain = True
        self._text = text
        self._takes_back = takes_back
        self._held: list[str] = []
        self._given = False

    def add(self, piece: str) -> None:
        """More came."""
        if self.certain or self._takes_back is not None:
            self._given = True
            self._text(piece)
        else:
            self._held.append(piece)

    def replace(self, whole: str) -> None:
        """What came is another text: none where it was thinking."""
        self._held.clear()
        self.certain = True
        if self._given and self._takes_back is not None:
            self._takes_back()
        self._given = False
        if whole:
            self.add(whole)

    def settle(self) -> None:
        """What came is the answer."""
        held, self._held = "".join(self._held), []
        self.certain = True
        if held:
            self.add(held)


@dataclass(frozen=True, slots=True)
class FollowedTask:
    """A task that is followed, as far as it is now."""

    task: Task
    doing: str = ""
    """In a few words: `loading`, `reading 12 of 40 tokens`, `thinking`, `writing`."""
    tokens: int = 0
    """Of the step that runs, so far."""
    copies: str = ""
    """What a step would copy out that asks for a yes to it, as Markdown."""
    running: tuple[str, ...] = ()
    """The steps that run, of a task with several: `2. Database schema`."""
    over: tuple[str, ...] = ()
    """Those that are done, likewise."""


async def follow_task(
    engine: EngineApi,
    task_id: str,
    shows: Callable[[FollowedTask], None],
    until: Collection[TaskState] = ENDED,
) -> TaskDetail:
    """Follow a task until it has ended, wherever the engine moves meanwhile.

    A task that was cut off with its engine goes on, whichever process is the engine now: somebody waits for it here.

    Args:
        task_id: the whole id.
        shows: gets what is known of it, whenever that changes.
        until: the states that end it.
    Returns:
        The task, in one of these.
    Raises:
        NoSuchTask: it is not there.
        EngineLost: there is no engine any more, and none can be made.
    """
    while True:
        detail = await engine.tasks.get(task_id)
        if detail.task.state in until:
            return detail
        if detail.task.reason is Reason.INTERRUPTED:
            with suppress(WrongState):  # somebody was faster
                await engine.tasks.resume(task_id)
        with suppress(EngineLost):  # then it has moved, and the stream begins again
            async with aclosing(engine.tasks.follow(task_id)) as events:
                ended = await _until_end(events, shows, until)
            if ended is not None:
                return ended
            await _engine_moved(engine)


async def blocked_by(engine: EngineApi, task: Task) -> Task | None:
    """The task that keeps one from ever beginning: it is waited for, and ended without being done.

    Args:
        task: may wait for others, which may wait for others again.
    Returns:
        None where all that it waits for may still be done.
    """
    for task_id in task.after:
        needed = (await engine.tasks.get(task_id)).task
        if needed.state in ENDED:
            found = None if needed.state is TaskState.DONE else needed
        else:
            found = await blocked_by(engine, needed)
        if found is not None:
            return found
    return None


async def until_blocked(engine: EngineApi, task_id: str) -> Task | None:
    """Wait until a task can never begin, because one that it waits for ended without being done.

    Returns:
        That one; None where there is no engine any more that could tell.
    """
    looked = False
    async with aclosing(engine.control.watch()) as facts:
        async for fact in facts:
            if looked and not _may_block(fact):
                continue
            looked = True
            if found := await blocked_by(engine, (await engine.tasks.get(task_id)).task):
                return found
    return None


async def _engine_moved(engine: EngineApi) -> None:
    """Wait for the next engine, where the one that ended said so."""
    async with aclosing(engine.control.watch()) as facts:
        async for fact in facts:
            if isinstance(fact, EngineMoved):
                return


async def _until_end(
    events: AsyncGenerator[TaskEvent, None], shows: Callable[[FollowedTask], None], until: Collection[TaskState]
) -> TaskDetail | None:
    """The task when it is in one of some states; None where the stream ended before it."""
    detail: TaskDetail | None = None
    async for event in events:
        match event:
            case TaskSeen(detail=seen):
                detail = seen
                shows(followed(seen))
                if seen.task.state in until:
                    return seen
            case StepReading(done=done, total=total) if detail is not None:
                shows(replace(followed(detail), doing=f"reading {done} of {total} tokens" if total else "loading"))
            case StepDelta(thinking=thinking, tokens=tokens) if detail is not None:
                shows(replace(followed(detail), doing="thinking" if thinking else "writing", tokens=tokens))
    return None


def followed(detail: TaskDetail) -> FollowedTask:
    """A task as it is known between what its steps write."""
    steps = numbered(detail)
    named = [(f"{number}. {step.spec.title or step.spec.key}", step.state) for number, step in enumerate(steps, 1)]
    running, over = (
        tuple(name for name, state in named if state is wanted and len(steps) > 1)
        for wanted in (StepState.RUNNING, StepState.DONE)
    )
    return FollowedTask(detail.task, copies=asked_copy(detail), running=running, over=over)


def _may_block(fact: Fact) -> bool:
    """Whether a task may have ended without being done."""
    match fact:
        case TaskChanged(task=task):
            return task.state in ENDED and task.state is not TaskState.DONE
        case TasksChanged() | EngineMoved():
            return True
    return False
