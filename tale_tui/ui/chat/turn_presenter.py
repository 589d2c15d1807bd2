"""One turn on its way, asked for here or elsewhere: its events become what the transcript shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, assert_never

from tale_tui.domain.conversation import Message, MessageState, WindowUse
from tale_tui.domain.events import (
    ModelLoading,
    PromptProgress,
    Routed,
    ServerAway,
    TaskAhead,
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
from tale_tui.domain.models import Usage
from tale_tui.formatting.servers import server_name
from tale_tui.ui.chat.conversation import ShownBranch
from tale_tui.ui.transcript.parts import LiveFigures


class TurnPresenter:
    """What one turn has shown so far.

    Args:
        branch: where it is shown.
        monotonic: seconds of a clock that only goes forward.

    Attributes:
        reply: the reply as it was last told; None before the turn was stored.
        window: how full the context window was at the end, where the turn is done.
        done: whether the reply came to its end.
        stopped: whether the user stopped it.
        here: whether its conversation is the one on the screen; else what comes is only remembered.
    """

    def __init__(self, branch: ShownBranch, monotonic: Callable[[], float]) -> None:
        self.reply: Message | None = None
        self.window: WindowUse | None = None
        self.done = False
        self.stopped = False
        self.here = True
        self._branch = branch
        self._pace = StreamMeter(monotonic)
        self._live: LiveFigures | None = None
        self._text: list[str] = []
        self._thinking: list[str] = []

    def take(self, event: TurnEvent) -> None:
        """Show what an event says."""
        match event:
            case TurnStarted(user, reply, so_far=so_far):
                if user is not None:
                    self._put(user)
                self.reply = reply
                self._put(reply)
                if reply.state is MessageState.STREAMING:
                    self._go(self._pace.reading() if so_far is None else self._pace.join(so_far, bool(reply.text)))
            case TaskStarted(task):
                if self.here:
                    self._branch.view.put_task(task)
            case Routed(ref, _, view_from):
                if self.here:
                    self._branch.view.set_view_from(view_from)
                if self.reply is not None:
                    self.reply = replace(self.reply, ref=ref)
                    self._put(self.reply)
                if self._live is not None and self._live.phase == "waiting":
                    self._go(self._pace.reading())
            case ModelLoading():
                self._go(self._pace.loading())
            case ServerAway(backend):
                self._go(self._pace.waiting(server_name(backend)))
            case TaskAhead(ref):
                self._go(self._pace.waiting(f"a task of {ref.model}"))
            case PromptProgress(done, total):
                self._go(self._pace.reading(done, total))
            case ThinkingDelta(text, tokens):
                self._thinking.append(text)
                if self.reply is not None and self._streams:
                    self._branch.view.stream_thinking(self.reply.id, text)
                self._go(self._pace.writing("thinking", tokens))
            case TextDelta(text, tokens):
                self._text.append(text)
                if self.reply is not None and self._streams:
                    self._branch.view.stream_text(self.reply.id, text)
                self._go(self._pace.writing("writing", tokens))
            case TextSortedAnew(text, thinking):
                self._text.clear()
                self._thinking.clear()
                if not text:
                    self._pace.ttft_ms = None
                if self.reply is not None:
                    self.reply = replace(self.reply, text=text, thinking=thinking)
                    if self._streams:
                        self._put(self.reply)
            case TurnDone(reply, window):
                self.done, self.window = True, window
                self._end(reply)
            case TurnFailed(reply) | TurnCancelled(reply):
                self._end(reply)
            case _ as never:
                assert_never(never)

    def stop(self) -> None:
        """Show at once that it is stopped, before the engine is told."""
        self.stopped = True
        if self.reply is not None:
            self._end(replace(self._so_far(self.reply), state=MessageState.STOPPED))

    def come_back(self) -> None:
        """Its conversation is on the screen again, as it was stored last: show what came since."""
        self.here = True
        if self.reply is not None and self._streams:
            self._put(self._so_far(self.reply))
            self._branch.view.set_live(self.reply.id, self._live)

    @property
    def _streams(self) -> bool:
        return self.here and not self.stopped

    def _so_far(self, reply: Message) -> Message:
        text = reply.text + "".join(self._text)
        return replace(reply, text=text, thinking=reply.thinking + "".join(self._thinking))

    def _put(self, message: Message) -> None:
        if self.here:
            self._branch.put(message)

    def _end(self, reply: Message) -> None:
        self.reply = reply
        if self.here:
            self._branch.view.set_live(reply.id, None)
            self._branch.put(reply)

    def _go(self, live: LiveFigures) -> None:
        if self.reply is not None and not self.stopped and live != self._live:
            self._live = live
            if self.here:
                self._branch.view.set_live(self.reply.id, live)


RATE_AFTER_S = 0.3
"""Seconds of writing before a speed is shown: of less it would be a guess."""


class StreamMeter:
    """Measures the time to the first text and the speed of one reply, or of one step of a task.

    Args:
        monotonic: seconds of a clock that only goes forward.

    Attributes:
        started: when it began.
        ttft_ms: how long the first text took; None while there is none, or where a model had to be loaded first.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.started = monotonic()
        self.ttft_ms: float | None = None
        self._monotonic = monotonic
        self._loaded = False
        self._pieces_from: tuple[float, int] | None = None

    def join(self, so_far: Usage, has_text: bool) -> LiveFigures:
        """It began before, and is followed from now on.

        Args:
            so_far: what it has cost already.
            has_text: whether something of the answer has come.
        """
        self.started -= (so_far.total_ms or 0.0) / 1000
        self._loaded = bool(so_far.load_ms)
        self.ttft_ms = None if self._loaded else so_far.ttft_ms
        if not so_far.completion_tokens:
            return self.reading()
        return self.writing("writing" if has_text else "thinking", so_far.completion_tokens)

    def loading(self) -> LiveFigures:
        """A model is loaded: it counts from now."""
        self._loaded = True
        return LiveFigures("loading", self._monotonic())

    def waiting(self, waits_for: str) -> LiveFigures:
        """A server is away, or at work for somebody else: it counts from now.

        Args:
            waits_for: what is waited for.
        """
        self._loaded = True
        return LiveFigures("waiting", self._monotonic(), waits_for=waits_for)

    def reading(self, done: int = 0, total: int = 0) -> LiveFigures:
        """So many tokens of the prompt are read."""
        return LiveFigures("reading", self.started, done, total)

    def writing(self, phase: Literal["thinking", "writing"], tokens: int) -> LiveFigures:
        """More came; `tokens` is all of it."""
        now = self._monotonic()
        if phase == "writing" and self.ttft_ms is None and not self._loaded:
            self.ttft_ms = (now - self.started) * 1000
        if self._pieces_from is None:
            self._pieces_from = now, tokens
        since, before = self._pieces_from
        spent = now - since
        rate = (tokens - before) / spent if spent >= RATE_AFTER_S else None
        return LiveFigures(phase, self.started, tokens=tokens, rate=rate, ttft_ms=self.ttft_ms)
