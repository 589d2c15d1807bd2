"""Asks a model for one reply: which one, with what prompt, loaded or not, and what came of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from tale_tui.config.settings import ChatSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Message, WindowUse
from tale_tui.domain.errors import BrokenStream, ContextFull, ModelError
from tale_tui.domain.events import Fact, ModelLoading, Notice, Routed
from tale_tui.domain.models import LoadedModel, ModelRef, Role
from tale_tui.engine.chat.context_window import CUT_SHARE, ModelPrompt
from tale_tui.engine.chat.prompt_builder import PromptBranch, PromptBuilder
from tale_tui.engine.models.backend import ChatRequest, Finished, PromptRead, TextPiece
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.route.router import Router, left_after
from tale_tui.engine.store.store import Store
from tale_tui.engine.streaming import AutoSaver, DeltaBuffer, PartialReply

log = logging.getLogger(__name__)

CAUTION_STEPS = (0.7, 0.5, 0.3)
"""A server that finds a prompt too long is asked again, with fewer turns: texts then count for so many more tokens."""
BREATH_PIECES = 64
"""After so many pieces that were there already everybody else has a turn: a burst must not hold the event loop."""


@dataclass(frozen=True, slots=True)
class ChatServices:
    """What turns work with."""

    store: Store
    pool: Pool
    roles: Roles
    router: Router
    prompter: PromptBuilder
    chat: ChatSettings
    clock: Clock
    publish: Callable[[Fact], None]


@dataclass(slots=True)
class _Attempt:
    """What is going to be asked."""

    branch: PromptBranch
    system: str
    view_from: str | None
    """The first message that the model was shown in the turn before."""
    ref: ModelRef
    why: str
    asked: int
    """The context window that is asked for, in tokens."""
    served: int
    """The one that is served."""
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
    """Fills a draft with what a model answers.

    Args:
        tools: what turns work with.
        reply: the empty or partial reply, stored.
        chosen: the model that is asked; None takes that of the role ux.
        feed: told what happens.
        draft: takes the pieces.
        saver: told when there is something to store.
    """

    def __init__(
        self,
        tools: ChatServices,
        reply: Message,
        chosen: ModelRef | None,
        feed: DeltaBuffer,
        draft: PartialReply,
        saver: AutoSaver,
    ) -> None:
        self._tools = tools
        self._reply = reply
        self._chosen = chosen
        self._feed = feed
        self._draft = draft
        self._saver = saver
        self.ref: ModelRef | None = chosen
        """The model, as soon as it is known."""
        self.why = ""
        """Why it is asked, in a few words."""

    async def run(self) -> Generated:
        """Find the model, load it, stream its answer.

        Raises:
            TaleError: what kept it from being answered to the end.
        """
        tools = self._tools
        route = await tools.router.route(Role.UX, chosen=self._chosen)
        # What one model began is not continued in the name of another.
        left = [] if self._reply.text else list(route.fallbacks)
        self.ref, self.why = route.ref, route.why
        while True:
            try:
                return await self._ask(self.ref, self.why)
            except ModelError as error:
                left = left_after(error, self.ref, left)
                if self._draft.tokens or isinstance(error, ContextFull) or not left:
                    raise
                await tools.roles.failed(self.ref, error)
                log.info("%s did not answer (%s), %s is asked", self.ref, error.code, left[0])
                self.why = f"in place of {self.ref.model}: {error.title[:1].lower()}{error.title[1:]}"
                self.ref = left.pop(0)

    async def _ask(self, ref: ModelRef, why: str) -> Generated:
        """Load one model and stream its answer."""
        plan = await self._plan(ref, why)
        await self._show_route(plan)
        loaded = await self._load(ref)
        plan.served = min(plan.asked, loaded.window or plan.asked)
        if plan.served < plan.asked:
            await self._shorten(plan)
        steps = iter(CAUTION_STEPS)
        while True:
            try:
                end = await self._stream(plan.ref, self._request(plan))
            except ContextFull:
                if self._draft.tokens or not await self._shorten_by(plan, steps):
                    raise
            else:
                return Generated(plan.ref, plan.prompt, end, plan.served)

    async def _plan(self, ref: ModelRef, why: str) -> _Attempt:
        store, reply = self._tools.store, self._reply
        asked = await self._tools.pool.window(ref)
        end = await store.session_tail(reply.session_id)
        branch = PromptBranch(store, reply.id, reply.session_id, self._tools.clock.now)
        await branch.read()
        prompt = await self._prompt(branch, end.system, ref, asked)
        return _Attempt(branch, end.system, end.view_from, ref, why, asked, asked, prompt)

    async def _shorten_by(self, plan: _Attempt, steps: Iterator[float]) -> bool:
        """Be as cautious as it takes to leave something out; whether there was anything."""
        for caution in steps:
            if await self._shorten(plan, caution):
                return True
        return False

    async def _shorten(self, plan: _Attempt, caution: float = 1.0) -> bool:
        """Make the prompt for the window that is really served; whether that left something out."""
        before = plan.prompt
        plan.prompt = await self._prompt(plan.branch, plan.system, plan.ref, plan.served, caution)
        if plan.prompt.view_from != before.view_from:
            await self._show_route(plan)
        return plan.prompt.messages != before.messages

    async def weigh(self, answered: Generated) -> WindowUse:
        """Learn from a finished reply: how full the window is, and whether the server dropped something."""
        tools, ref, prompt, end = self._tools, answered.ref, answered.prompt, answered.end
        counted = end.prompt_tokens
        cut = counted is not None and await tools.prompter.learn(ref, prompt, counted, self._reply.text)
        if cut:
            sentence = (
                f"{ref.model} counted {counted:,} tokens of about {prompt.tokens:,} that were sent: the server dropped "
                "the rest without a word. Give it a larger window, or set chat.window to the one that it has."
            )
            tools.publish(Notice("A part of the conversation was dropped", sentence, "warning"))
        if self._chosen is None:
            await tools.roles.served(Role.UX, ref)
        # A count that leaves out what the server had in its cache says nothing about the window.
        believed = counted is not None and (cut or counted >= CUT_SHARE * prompt.tokens)
        used = counted if counted is not None and believed else prompt.tokens
        return WindowUse(used + (end.completion_tokens or 0), answered.window, cut)

    def _request(self, plan: _Attempt) -> ChatRequest:
        chat = self._tools.chat
        return ChatRequest(
            model=plan.ref.model,
            messages=plan.prompt.messages,
            window=plan.asked,
            max_tokens=plan.prompt.max_tokens,
            temperature=chat.temperature,
            think=chat.think,
            continue_text=self._reply.text,
        )

    async def _prompt(
        self, branch: PromptBranch, system: str, ref: ModelRef, window: int, caution: float = 1.0
    ) -> ModelPrompt:
        """The prompt, with as much of the conversation as there is room for."""
        while True:
            prompt = await self._tools.prompter.prompt(
                branch.messages,
                system,
                ref,
                window,
                tail=self._reply.text,
                whole=branch.whole,
                caution=caution,
            )
            if not branch.is_used_up(prompt):
                return prompt
            await branch.read_more()

    async def _show_route(self, plan: _Attempt) -> None:
        self._feed.put(Routed(plan.ref, plan.why, plan.prompt.view_from))
        if plan.prompt.view_from != plan.view_from:
            plan.view_from = plan.prompt.view_from
            await self._tools.store.set_view_from(self._reply.session_id, plan.view_from)

    async def _load(self, ref: ModelRef) -> LoadedModel:
        monotonic = self._tools.clock.monotonic
        began: float | None = None

        def waiting() -> None:
            nonlocal began
            if began is None:
                began = monotonic()
                self._feed.put(ModelLoading(ref))

        loaded = await self._tools.roles.load(ref, waiting)
        self._draft.loaded(0.0 if began is None else monotonic() - began)
        return loaded

    async def _stream(self, ref: ModelRef, request: ChatRequest) -> Finished:
        end: Finished | None = None
        pieces = 0
        async with aclosing(self._tools.pool.chat(ref, request)) as events:
            async for event in events:
                match event:
                    case TextPiece(text, thinking):
                        self._draft.add(event)
                        self._feed.piece(text, thinking, self._draft.tokens)
                        self._saver.touch()
                        pieces += 1
                        if pieces % BREATH_PIECES == 0:
                            await asyncio.sleep(0)
                    case PromptRead(done, total):
                        self._feed.progress(done, total)
                    case Finished():
                        end = event
        if end is None:
            raise BrokenStream("The model stopped in the middle. What came is kept; go on with it, or ask again.")
        return end
