"""A reply while it is written, for turns and steps: loading its model, the stream, what came so far, when it came and
what it costs; its copy in the store, and what of it a reader has not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from tale_tui.domain.constants import (
    DELTA_INTERVAL_S,
    LOAD_MIN_MS,
    OWN_CLOCK_MIN_S,
    PARTIAL_SAVE_INTERVAL_S,
    TOKENS_PER_SECOND_MAX,
)
from tale_tui.domain.errors import BrokenStream, StoreError, TaleError
from tale_tui.domain.events import (
    ModelLoading,
    PromptProgress,
    ServerAway,
    TextDelta,
    TextSortedAnew,
    ThinkingDelta,
    TurnEvent,
    TurnStarted,
)
from tale_tui.domain.metrics import server_rate
from tale_tui.domain.models import LoadedModel, ModelRef, Role, Usage
from tale_tui.engine.models.backend import ChatRequest, Finished, PromptRead, TextPiece, ThinkingCorrected
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.store.store import Store
from tale_tui.engine.unexpected import error_of

Kind = TypeVar("Kind")

YIELD_PIECES = 64
"""After so many pieces that were there already everybody else has a turn: a burst must not hold the event loop."""


class PartialReply:
    """Collects the pieces of one reply.

    Args:
        text: what is there already, where a reply is continued.
        thinking: the thinking before it.
        began: when the turn began, by the clock.
        monotonic: the clock, in seconds.

    Attributes:
        monotonic, began: the same.
        load_s: how long the model took to load; None while that is not known.
        tokens: tokens that came, thinking included; what was there already is not counted.
    """

    def __init__(self, text: str, thinking: str, began: float, monotonic: Callable[[], float]) -> None:
        self._text = [text] if text else []
        self._thinking = [thinking] if thinking else []
        self.monotonic = monotonic
        self.began = began
        self._first: float | None = None
        self._last = 0.0
        self._first_text: float | None = None
        self._first_tokens = 0
        self.load_s: float | None = None
        self.tokens = 0

    @property
    def text(self) -> str:
        """The answer so far."""
        return _joined(self._text)

    @property
    def thinking(self) -> str:
        """What was thought before it."""
        return _joined(self._thinking)

    def begin_again(self) -> None:
        """Count the time from now on: until now nobody was there to be asked."""
        self.began = self.monotonic()

    def discard(self) -> None:
        """Forget what came: it is written again."""
        self._text, self._thinking, self.tokens = [], [], 0
        self._first = self._first_text = None

    def add(self, piece: TextPiece) -> None:
        """Take the next piece."""
        (self._thinking if piece.thinking else self._text).append(piece.text)
        self.tokens += piece.tokens
        self._last = self.monotonic()
        if self._first is None:
            self._first = self._last
            self._first_tokens = piece.tokens
        if self._first_text is None and not piece.thinking:
            self._first_text = self._last

    def correct_thinking(self, *, thinking: bool) -> None:
        """Take all that came for thinking, or for the answer."""
        whole = (self.thinking + self.text).strip()
        self._thinking, self._text = ([whole], []) if thinking else ([], [whole])
        self._first_text = None if thinking else self._first

    def usage(self, end: Finished | None) -> Usage:
        """What the reply cost so far.

        Args:
            end: what the server counted; None where the reply did not come to its end. Then tokens are the pieces
                that came.
        """
        counted = end.completion_tokens if end else None
        completion = counted if counted is not None else self.tokens or None
        ttft_ms, load_ms = self._first_text_and_load(end.load_ms if end else None)
        return Usage(
            prompt_tokens=end.prompt_tokens if end else None,
            completion_tokens=completion,
            cached_tokens=end.cached_tokens if end else None,
            ttft_ms=ttft_ms,
            load_ms=load_ms,
            total_ms=(self.monotonic() - self.began) * 1000,
            tokens_per_second=self._rate(completion, end.generation_ms if end else None),
        )

    def _first_text_and_load(self, late_load_ms: float | None) -> tuple[float | None, float | None]:
        """Milliseconds to the first text without loading, and of loading.

        Args:
            late_load_ms: what the server says that it loaded in the call itself: the model was thrown out meanwhile.
        """
        load_ms = None if self.load_s is None else self.load_s * 1000
        if self._first_text is None:
            return None, load_ms
        ttft_ms = (self._first_text - self.began) * 1000 - (load_ms or 0.0)
        if late_load_ms is not None and LOAD_MIN_MS <= late_load_ms <= ttft_ms:
            return ttft_ms - late_load_ms, late_load_ms + (load_ms or 0.0)
        return ttft_ms, load_ms

    def _rate(self, tokens: int | None, generation_ms: float | None) -> float | None:
        """Tokens a second, as the server timed it, else by our clock from the first piece to the last."""
        if not tokens:
            return None
        if generation_ms is not None:
            return server_rate(tokens, generation_ms)
        tokens -= self._first_tokens
        spent = self._last - self._first if self._first is not None else 0.0
        rate = tokens / spent if spent >= OWN_CLOCK_MIN_S else 0.0
        return rate if 0 < rate <= TOKENS_PER_SECOND_MAX else None


class AutoSaver:
    """Stores a partial reply while it grows: at most once in `PARTIAL_SAVE_INTERVAL_S`, at least once a second.

    Args:
        save: stores what is there now.
        complain: told once when that does not work; it is tried again.
    """

    def __init__(self, save: Callable[[], Awaitable[None]], complain: Callable[[TaleError], None]) -> None:
        self._save = save
        self._complain = complain
        self._complained = False
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """Something is there that is not stored."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="partial reply")
            self._task.add_done_callback(self._look_at)
        self._changed.set()

    async def close(self) -> None:
        """Store nothing more; what is being stored is stored."""
        self._closed.set()
        self._changed.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _look_at(self, task: asyncio.Task[None]) -> None:
        """What was not foreseen must not keep the reply from its end."""
        if error := error_of(task, "Keeping what comes"):
            self._tell(error)

    def _tell(self, error: TaleError) -> None:
        if not self._complained:
            self._complained = True
            self._complain(error)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = 0.0
        while not self._closed.is_set():
            if not self._changed.is_set():
                await self._changed.wait()
                oldest = loop.time()
            with suppress(TimeoutError):  # the time is over: it is due
                async with asyncio.timeout_at(oldest + PARTIAL_SAVE_INTERVAL_S):
                    await self._closed.wait()
                return
            self._changed.clear()
            oldest = loop.time()
            try:
                await self._save()
            except StoreError as error:
                self._tell(error)


def _joined(parts: list[str]) -> str:
    """All parts as one, kept as one, so that the next call joins only what is new."""
    if len(parts) > 1:
        parts[:] = ["".join(parts)]
    return parts[0] if parts else ""


@dataclass(slots=True)
class _Run(Generic[Kind]):
    kind: Kind
    pieces: list[str]
    tokens: int


@dataclass(slots=True)
class DeltaBuffer(Generic[Kind]):
    """Text that one reader has not read: pieces of one kind that follow each other are joined."""

    limit: int | None = None
    """Characters that wait at most; None for any number."""
    runs: list[_Run[Kind]] = field(default_factory=list)
    """What waits, in order."""
    _unread: int = 0

    def add(self, kind: Kind, text: str, tokens: int) -> bool:
        """Add a piece.

        Args:
            kind: what it belongs to.
            text: empty where only the tokens are told.
            tokens: all tokens of the reply with it.
        Returns:
            Whether there was room. Where there was none, all that waited is dropped.
        """
        if self.limit is not None:
            self._unread += len(text)
            if self._unread > self.limit:
                self.clear()
                return False
        if self.runs and (last := self.runs[-1]).kind == kind:
            last.pieces.append(text)
            last.tokens = tokens
        else:
            self.runs.append(_Run(kind, [text], tokens))
        return True

    def take(self) -> list[tuple[Kind, str, int]]:
        """What waits, in order: kind, text, and all tokens of the reply after it."""
        taken = [(run.kind, "".join(run.pieces), run.tokens) for run in self.runs]
        self.clear()
        return taken

    def clear(self) -> None:
        """Drop what waits."""
        self.runs.clear()
        self._unread = 0


class TurnEventQueue:
    """The events of a turn for one reader; text that it has not read is joined. What is put into the queue of who asked
    comes to those who follow it as well.

    The first piece, and the first piece of the answer after thinking, is due at once. Every later one is due
    `DELTA_INTERVAL_S` after the first piece that nobody has read, and brings all that came meanwhile: a reader that
    is slow, or 2,000 pieces that come together, make few and long deltas. There is no clock that ticks: the reader
    sleeps until something is due.
    """

    def __init__(self) -> None:
        self._events: list[TurnEvent] = []
        self._deltas = DeltaBuffer[bool]()
        """By whether it is thinking."""
        self._last_kind: bool | None = None
        self._due: float | None = None
        """When there is something to read, on the clock of the event loop; None for not yet."""
        self._sooner = asyncio.Event()
        self._closed = False
        self._told: dict[type[TurnEvent], TurnEvent] = {}
        """The last event of each kind, in order."""
        self._followers: list[TurnEventQueue] = []

    def follow(self, started: TurnStarted | None) -> TurnEventQueue:
        """A queue for one more reader, with all there is so far.

        Args:
            started: the turn with what came of it; None where it is not stored yet.
        """
        queue = TurnEventQueue()
        if started is not None:
            queue.put(started)
            # Their text is in `started`; what it waited for is over once some has come.
            over: tuple[type[TurnEvent], ...] = (TurnStarted, TextSortedAnew)
            if self._last_kind is not None:
                over += (ServerAway, ModelLoading, PromptProgress)
            for event in self._told.values():
                if not isinstance(event, over):
                    queue.put(event)
        queue._last_kind = self._last_kind
        if self._closed:
            queue.close()
        self._followers.append(queue)
        return queue

    def unfollow(self, queue: TurnEventQueue) -> None:
        """Put nothing more into a queue that `follow` gave."""
        self._followers.remove(queue)

    def put(self, event: TurnEvent) -> None:
        """Add an event that is due at once, after the text before it."""
        self._flush()
        self._events.append(event)
        self._told.pop(type(event), None)
        self._told[type(event)] = event
        self._wake(0.0)
        for follower in self._followers:
            follower.put(event)

    def progress(self, done: int, total: int) -> None:
        """Say how much of the prompt was read; the newest replaces one that nobody has seen."""
        event = PromptProgress(done, total)
        if self._events and isinstance(self._events[-1], PromptProgress):
            self._events[-1] = self._told[PromptProgress] = event
            for follower in self._followers:
                follower.progress(done, total)
        else:
            self.put(event)

    def piece(self, text: str, thinking: bool, tokens: int) -> None:
        """Add a piece of text.

        Args:
            text: not empty.
            thinking: whether it comes before the answer.
            tokens: all tokens of the reply with it.
        """
        self._deltas.add(thinking, text, tokens)
        if self._last_kind is not thinking:
            self._last_kind = thinking
            self._wake(0.0)
        elif self._due is None:
            self._wake(asyncio.get_running_loop().time() + DELTA_INTERVAL_S)
        for follower in self._followers:
            follower.piece(text, thinking, tokens)

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._wake(0.0)
        for follower in self._followers:
            follower.close()

    async def read(self) -> list[TurnEvent]:
        """What is due, in order, as soon as something is; empty when it is closed and read to its end."""
        while not self._closed:
            self._sooner.clear()
            delay = None if self._due is None else self._due - asyncio.get_running_loop().time()
            if delay is not None and delay <= 0:
                break
            try:
                async with asyncio.timeout(delay):
                    await self._sooner.wait()
            except TimeoutError:
                break
        self._flush()
        events, self._events, self._due = self._events, [], None
        return events

    def _wake(self, due: float) -> None:
        if self._due is None or due < self._due:
            self._due = due
            self._sooner.set()

    def _flush(self) -> None:
        if self._deltas.runs:
            for thinking, text, tokens in self._deltas.take():
                self._events.append(ThinkingDelta(text, tokens) if thinking else TextDelta(text, tokens))


async def load_model(
    roles: Roles, ref: ModelRef, reply: PartialReply, on_wait: Callable[[], None], *, role: Role = Role.UX
) -> LoadedModel:
    """Have the model of a reply in memory; the reply takes note of how long that took.

    Args:
        roles: show how it goes.
        ref: the model.
        reply: what it is going to write.
        on_wait: called once where it was not there.
        role: for whom it is.
    Raises:
        ModelError: why it cannot be had.
    """
    began: float | None = None

    def waiting() -> None:
        nonlocal began
        if began is None:
            began = reply.monotonic()
            on_wait()

    loaded = await roles.load(ref, waiting, role=role)
    reply.load_s = 0.0 if began is None else reply.monotonic() - began
    return loaded


class ReplyReader(Protocol):
    """Takes a reply while it comes."""

    def piece(self, piece: TextPiece) -> None:
        """Take what the model writes."""
        ...

    def correct_thinking(self, *, thinking: bool) -> None:
        """All that came is thinking, or the answer."""
        ...

    def progress(self, done: int, total: int) -> None:
        """So many tokens of the prompt were read, and of how many."""
        ...


async def stream_reply(
    store: Store, pool: Pool, ref: ModelRef, request: ChatRequest, reader: ReplyReader, *, broken: str
) -> Finished:
    """Have a model write until it says that it is done.

    Args:
        store: remembers which models think without a beginning.
        pool: the door to the models.
        ref: the model.
        request: what it is asked.
        reader: takes what it writes.
        broken: what the user is told where the stream ends in the middle.
    Raises:
        ModelError: what happened.
    """
    end: Finished | None = None
    pieces = 0
    known = store.thinks_unopened.get(ref)
    unopened = False
    async with aclosing(pool.chat(ref, replace(request, holds_back=bool(known)))) as events:
        async for event in events:
            match event:
                case TextPiece():
                    reader.piece(event)
                    pieces += 1
                    if pieces % YIELD_PIECES == 0:
                        await asyncio.sleep(0)
                case PromptRead(done, total):
                    reader.progress(done, total)
                case ThinkingCorrected(thinking):
                    unopened = unopened or thinking
                    reader.correct_thinking(thinking=thinking)
                case Finished():
                    end = event
    if end is None:
        raise BrokenStream(broken)
    if unopened > bool(known) or (known is None and pieces):
        with suppress(StoreError):  # it is learned again
            await store.keep_thinks_unopened(ref, unopened)
    return end
