"""Asks a model for one reply: which one, with what prompt, loaded or not, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from tale_tui.config.logs import SUBJECT
from tale_tui.config.settings import ChatSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import TURN_SERVER_WAIT_S
from tale_tui.domain.context import ContextPart, PartName, scaled_parts
from tale_tui.domain.conversation import Message, WindowUse
from tale_tui.domain.errors import ContextFull, ModelError
from tale_tui.domain.events import Fact, ModelLoading, Notice, Routed, ServerAway, TaskAhead, TextSortedAnew
from tale_tui.domain.metrics import CallKind, CallLabels
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.domain.tasks import DetectLabel, likelier
from tale_tui.engine.chat.context_window import CUT_SHARE, ModelPrompt
from tale_tui.engine.chat.digests import DigestService
from tale_tui.engine.chat.prompt_builder import PromptBranch, PromptBuilder
from tale_tui.engine.metrics.recorder import CallRecorder
from tale_tui.engine.models.backend import ChatRequest, Finished, TextPiece
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.recall.offer import recall_block
from tale_tui.engine.recall.service import RecallService
from tale_tui.engine.route.router import Router, with_fallbacks
from tale_tui.engine.store.store import Store
from tale_tui.engine.streaming import AutoSaver, PartialReply, TurnEventQueue, load_model, stream_reply

log = logging.getLogger(__name__)

CAUTION_STEPS = (0.7, 0.5, 0.3)
"""A server that finds a prompt too long is asked again, with fewer turns: texts then count for so many more tokens."""


@dataclass(frozen=True, slots=True)
class ChatServices:
    """What a turn of the conversation is carried out with."""

    store: Store
    pool: Pool
    roles: Roles
    router: Router
    prompt_builder: PromptBuilder
    chat: ChatSettings
    clock: Clock
    publish: Callable[[Fact], None]
    calls: CallRecorder
    recall: RecallService
    digests: DigestService


@dataclass(slots=True)
class _Attempt:
    """One model, and the prompt that it is about to be asked."""

    branch: PromptBranch
    view_from: str | None
    """The first message that the model was shown last."""
    ref: ModelRef
    asked: int
    """The context window that is asked for, in tokens."""
    served: int
    """That which is served."""
    why: str
    prompt: ModelPrompt


@dataclass(frozen=True, slots=True)
class Generated:
    """A reply that came to its end."""

    ref: ModelRef
    prompt: ModelPrompt
    end: Finished
    window: int
    """The context window that was served, in tokens."""


class ReplyGenerator:
    """Fills a partial reply with what a model answers.

    Args:
        services: what turns work with.
        reply: the empty or partial reply, stored.
        chosen: the model that is asked; None takes that of the role ux.
        queue: told what happens.
        written: takes the pieces.
        saver: told when there is something to store.
    """

    def __init__(
        self,
        services: ChatServices,
        reply: Message,
        chosen: ModelRef | None,
        queue: TurnEventQueue,
        written: PartialReply,
        saver: AutoSaver,
    ) -> None:
        self._services = services
        self._reply = reply
        self._chosen = chosen
        self._queue = queue
        self._written = written
        self._saver = saver
        self._has_word: Callable[[], object] = lambda: None
        """To be called when the model begins to read or to write."""
        self.ref: ModelRef | None = chosen
        """The model, as soon as it is known."""
        self.why = ""
        """Why it is asked, in a few words."""
        self.remembered: tuple[str, ...] = ()
        """The ids of the remembered items that it was offered, the nearest first."""

    async def run(self) -> Generated:
        """Find the model, load it, stream its answer; wait for its server, where that is away before the first word.

        Raises:
            TaleError: what kept it from being answered to the end.
        """
        servers, monotonic = self._services.pool.servers, self._services.clock.monotonic
        until = monotonic() + TURN_SERVER_WAIT_S
        while True:
            try:
                return await self._generated()
            except ModelError as error:
                if self._written.tokens or error.away_since is None or self.ref is None:
                    raise
                self._queue.put(ServerAway(self.ref.backend, error.away_since, error.sentence))
                if not await servers.wait_back(self.ref.backend, until - monotonic()):
                    raise
            self._written.begin_again()

    async def _generated(self) -> Generated:
        services = self._services
        route = await services.router.route(Role.UX, chosen=self._chosen)
        if self._reply.text:  # what one model began is not continued in the name of another
            route = replace(route, fallbacks=())
        return await with_fallbacks(
            services.roles,
            route,
            self._ask,
            may_replace=lambda error: not self._written.tokens and not isinstance(error, ContextFull),
            reason=lambda ref, error: f"in place of {ref.model}: {error.title[:1].lower()}{error.title[1:]}",
        )

    async def _ask(self, ref: ModelRef, why: str, _: ModelError | None) -> Generated:
        """Load one model and stream its answer."""
        self.ref, self.why = ref, why
        SUBJECT.set(("turn", self._reply.parent_id, Role.UX, ref))
        services, reply = self._services, self._reply
        read = partial(services.store.prompt_source, reply.id)
        branch = PromptBranch(services.store, read, reply.session_id, services.clock.now)
        asked = await services.pool.window(ref)
        await branch.read()
        await self._remember(branch, ref, asked)
        prompt = await self._prompt(branch, ref, asked)
        attempt = _Attempt(branch, branch.view_from, ref, asked, asked, why, prompt)
        await self._show_route(attempt)
        with services.pool.preemption.reply(ref, lambda writer: self._queue.put(TaskAhead(writer))) as self._has_word:
            loaded = await load_model(services.roles, ref, self._written, lambda: self._queue.put(ModelLoading(ref)))
            attempt.served = min(asked, loaded.window or asked)
            if attempt.served < asked:
                await self._shorten(attempt)
            steps = iter(CAUTION_STEPS)
            while True:
                try:
                    end = await self._stream(attempt)
                except ContextFull:
                    if self._written.tokens or not await self._shorten_by(attempt, steps):
                        raise
                else:
                    return Generated(ref, attempt.prompt, end, attempt.served)

    async def _remember(self, branch: PromptBranch, ref: ModelRef, window: int) -> None:
        """Put what is remembered and near the question before it, as far as it has room."""
        services, question = self._services, branch.messages[-1]
        shown = frozenset(message.id for message in branch.messages)
        items = await services.recall.offer(question.text, self._reply.session_id, shown)
        block, count = "", 0
        if items:
            room = services.prompt_builder.room(ref, window)
            block, count = recall_block(items, services.prompt_builder.recall_budget(room, question.text), room.tokens)
        branch.before_question = block
        self.remembered = tuple(item.id for item in items[:count])

    async def _stream(self, attempt: _Attempt) -> Finished:
        services = self._services
        request = ChatRequest(
            model=attempt.ref.model,
            messages=attempt.prompt.messages,
            window=attempt.asked,
            max_tokens=attempt.prompt.max_tokens,
            temperature=services.chat.temperature,
            think=services.chat.think,
            continue_text=self._reply.text,
            labels=self._labels(attempt),
        )
        broken = "The model stopped in the middle. What came is kept; go on with it, or ask again."
        return await stream_reply(services.store, services.pool, attempt.ref, request, self, broken=broken)

    def _labels(self, attempt: _Attempt) -> CallLabels:
        reply, written = self._reply, self._written
        p = attempt.branch.messages[-1].p if attempt.branch.messages else None
        return CallLabels(
            CallKind.CHAT,
            task_type=DetectLabel.CHAT if p is None else likelier(p),
            session_id=reply.session_id,
            message_id=reply.id,
            turn_id=reply.parent_id or "",
            why=attempt.why,
            asked=written.began,
            loaded_ms=(written.load_s or 0.0) * 1000,
        )

    def piece(self, piece: TextPiece) -> None:
        """See `ReplyReader`."""
        self._has_word()
        self._written.add(piece)
        self._queue.piece(piece.text, piece.thinking, self._written.tokens)
        self._saver.touch()

    def correct_thinking(self, *, thinking: bool) -> None:
        """See `ReplyReader`."""
        self._written.correct_thinking(thinking=thinking)
        self._queue.put(TextSortedAnew(self._written.text, self._written.thinking))
        self._saver.touch()

    def progress(self, done: int, total: int) -> None:
        """See `ReplyReader`."""
        self._has_word()
        self._queue.progress(done, total)

    async def _shorten_by(self, attempt: _Attempt, steps: Iterator[float]) -> bool:
        """Be as cautious as it takes to leave something out; whether there was anything."""
        for caution in steps:
            if await self._shorten(attempt, caution):
                return True
        return False

    async def _shorten(self, attempt: _Attempt, caution: float = 1.0) -> bool:
        """Make the prompt for the window that is really served; whether that left something out."""
        before = attempt.prompt
        attempt.prompt = await self._prompt(attempt.branch, attempt.ref, attempt.served, caution)
        if attempt.prompt.view_from != before.view_from:
            await self._show_route(attempt)
        return attempt.prompt.messages != before.messages

    async def window_use(self, generated: Generated) -> WindowUse:
        """Learn from a finished reply: how full the window is, and whether the server dropped something."""
        services, ref, prompt, end = self._services, generated.ref, generated.prompt, generated.end
        counted = end.prompt_tokens
        cut = counted is not None and await services.prompt_builder.learn(ref, prompt, counted, self._reply.text)
        if cut:
            sentence = (
                f"{ref.model} counted {counted:,} tokens of about {prompt.tokens:,} that were sent: the server dropped "
                "the rest without a word. Give it a larger window, or set chat.window to the one that it has."
            )
            services.publish(Notice("A part of the conversation was dropped", sentence, "warning"))
        if self._chosen is None:
            await services.roles.served(Role.UX, ref)
        # A count that leaves out what the server had in its cache says nothing about the window.
        believed = counted is not None and (cut or counted >= CUT_SHARE * prompt.tokens)
        used = counted if counted is not None and believed else prompt.tokens
        wrote = end.completion_tokens or 0
        shown = [part for part in prompt.parts if part.name is not PartName.ANSWER]
        parts = (*scaled_parts(shown, used), ContextPart(PartName.ANSWER, wrote))
        left_out = prompt.view_from is not None and prompt.digest is None
        return WindowUse(used + wrote, generated.window, cut, parts, left_out)

    async def _prompt(self, branch: PromptBranch, ref: ModelRef, window: int, caution: float = 1.0) -> ModelPrompt:
        build = self._services.prompt_builder.of_branch
        return await build(branch, ref, window, tail=self._reply.text, caution=caution)

    async def _show_route(self, attempt: _Attempt) -> None:
        known = self._services.store.thinks_unopened.get(attempt.ref)
        certain = known is not None or attempt.ref.backend is BackendName.SCRIPTED  # a script tells it by itself
        self._queue.put(Routed(attempt.ref, attempt.why, attempt.prompt.view_from, certain=certain))
        if attempt.prompt.view_from != attempt.view_from:
            attempt.view_from = attempt.prompt.view_from
            await self._services.store.set_view_from(self._reply.session_id, attempt.view_from)
