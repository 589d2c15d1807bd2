"""Sums up the older turns of conversations in the background, before there is no room for them.

The model that answers does it while nobody writes and nobody is answered. A digest goes on from the one before it, so
that each turn is read once; what a message that is sent interrupts is begun again later, and what failed is left alone
until the conversation has gone on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import DIGEST_IDLE_S, DIGEST_READ_MESSAGES
from tale_tui.domain.context import ConversationDigest
from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.errors import BrokenStream, BudgetSpent, NoSuchSession, TaleError
from tale_tui.domain.events import Fact, Notice, SessionChanged
from tale_tui.domain.metrics import CallKind, CallLabels
from tale_tui.domain.models import ModelRef, Role, RoleState
from tale_tui.engine.chat.context_budget import MESSAGE_TOKENS, PROMPT_TOKENS, TokenBudget
from tale_tui.engine.chat.context_window import system_text
from tale_tui.engine.chat.digest_prompt import (
    CALL_TOKENS,
    DueTurns,
    digest_messages,
    digest_text,
    due_turns,
    quoted_digest,
)
from tale_tui.engine.chat.prompt_builder import PromptBuilder, with_cards
from tale_tui.engine.idle import GivenUp, IdleWork, wait_for_quiet
from tale_tui.engine.metrics.budgets import Budgets
from tale_tui.engine.models.backend import ChatRequest, TextPiece
from tale_tui.engine.models.files.starter import is_starter
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.store.store import Store
from tale_tui.engine.streaming import PartialReply, stream_reply
from tale_tui.engine.unexpected import BackgroundTasks
from tale_tui.formatting.alerts import budget_sentence

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DigestServices:
    """What summing up takes."""

    store: Store
    pool: Pool
    roles: Roles
    prompt_builder: PromptBuilder
    budgets: Budgets
    settings: Settings
    clock: Clock
    publish: Callable[[Fact], None]
    answering: Callable[[], bool]
    """Whether a reply is under way in any conversation."""
    typed: Callable[[], float]
    """When somebody wrote last, in seconds of the clock that only goes forward."""


@dataclass(frozen=True, slots=True)
class _DigestWork:
    """What is to be asked."""

    ref: ModelRef
    room: TokenBudget
    due: DueTurns
    before: ConversationDigest | None
    last_id: str
    """The last message of the conversation."""


class DigestService:
    """Makes digests.

    Args:
        services: what it takes.
        can_write: whether anything may be kept.
        idle_s: seconds without anybody writing before something is summed up.
    """

    def __init__(self, services: DigestServices, *, can_write: bool, idle_s: float = DIGEST_IDLE_S) -> None:
        self._services = services
        self._can_write = can_write and services.settings.context.summaries
        self._idle_s = idle_s
        self._background = BackgroundTasks(self._complain)
        self.working: asyncio.Task[None] | None = None
        """Sums up, or waits for quiet; done where nothing is left to be summed up, None before there was anything."""
        self._asking = IdleWork()
        self._pending: dict[str, None] = {}
        self._failed: dict[str, tuple[str, str]] = {}
        """Conversation -> its last message when no digest could be made, and why."""

    def on_fact(self, fact: Fact) -> None:
        """A conversation may have become long. Returns at once."""
        if isinstance(fact, SessionChanged) and self._can_write:
            self._pending.pop(fact.session_id, None)
            self._pending[fact.session_id] = None
            if self.working is None or self.working.done():
                self.working = self._background.start(self._work(), "Summing up older turns")

    def give_up(self) -> None:
        """Somebody writes, or sends a message: what is being summed up is given up, and begun again later."""
        self._asking.give_up()

    @property
    def summarising(self) -> bool:
        """Whether a model is summing up."""
        return self._asking.under_way

    def why_none(self, session_id: str) -> str:
        """Why the last digest of a conversation was not made, in a sentence; empty where that did not fail."""
        return self._failed.get(session_id, ("", ""))[1]

    async def close(self) -> None:
        """Make no more; what is under way is given up."""
        self._can_write = False
        await self._background.close()

    async def _work(self) -> None:
        while self._pending:
            await self._wait_for_quiet()
            session_id, _ = self._pending.popitem()
            try:
                while await self._summarise(session_id):
                    await self._wait_for_quiet()
            except NoSuchSession:
                self._failed.pop(session_id, None)

    async def _summarise(self, session_id: str) -> bool:
        """Sum up the oldest turns of a conversation that have to be; whether there may be more."""
        work = await self._due(session_id)
        if work is None or self._services.answering():
            return work is not None
        try:
            text = await self._asking.run(self._digest(work, session_id), "summing up")
            turns = work.due.turns + (work.before.turns if work.before is not None else 0)
            await self._services.store.add_digest(
                work.due.messages[-1].id, text, turns=turns, ref=None if is_starter(work.ref) else work.ref
            )
        except GivenUp:
            return True
        except TaleError as error:
            self._fail(session_id, work, error.sentence)
            return False
        self._failed.pop(session_id, None)
        return True

    async def _due(self, session_id: str) -> _DigestWork | None:
        """What is to be summed up of a conversation; None for nothing, or not now."""
        services = self._services
        status = services.roles.states.status(Role.UX)
        if status.state is not RoleState.READY or status.ref is None:
            return None
        ref = status.ref
        window = services.pool.known_window(ref)
        if window is None or any(call.ref == ref for call in services.pool.running):
            return None
        source = await services.store.branch_source(session_id, DIGEST_READ_MESSAGES)
        last = source.messages[-1] if source.messages else None
        if last is None or self._failed.get(session_id, ("", ""))[0] == last.id:
            return None
        before = source.digests[0] if source.digests else None
        branch = undigested(with_cards(source.messages, {}, services.clock.now()), before)
        room = services.prompt_builder.room(ref, window)
        told = system_text(source.system or services.settings.chat.system, services.settings.context.rules)
        due = due_turns(branch, PROMPT_TOKENS + MESSAGE_TOKENS + room.tokens(told), room)
        if due is None:
            return None
        work = _DigestWork(ref, room, due, before, last.id)
        if not is_starter(ref) and (spent := await self._spent(ref)):
            self._fail(session_id, work, spent)
            return None
        return work

    async def _spent(self, ref: ModelRef) -> str:
        """Why the budgets allow no summary, in a sentence; empty where they do."""
        try:
            use = await self._services.budgets.check(ref)
        except BudgetSpent as error:
            return error.sentence
        return budget_sentence(use) if use is not None else ""

    async def _digest(self, work: _DigestWork, session_id: str) -> str:
        """The digest.

        Raises:
            ModelError: it could not be made.
        """
        if is_starter(work.ref):
            return quoted_digest(work.before, work.due, work.room)
        return await self._ask(work, session_id)

    async def _ask(self, work: _DigestWork, session_id: str) -> str:
        """The digest that the model writes.

        Raises:
            ModelError: what happened.
        """
        services = self._services
        request = ChatRequest(
            model=work.ref.model,
            messages=digest_messages(work.before, work.due, work.room),
            window=await services.pool.window(work.ref),
            max_tokens=CALL_TOKENS * work.due.size,
            temperature=services.settings.chat.temperature,
            think=False,
            labels=CallLabels(CallKind.DIGEST, session_id=session_id, why="sums up older turns"),
        )
        written = _WrittenDigest(services.clock.monotonic)
        broken = "The model stopped in the middle of a summary."
        await stream_reply(services.store, services.pool, work.ref, request, written, broken=broken)
        text = digest_text(written.text, work.due.size, work.room)
        if not text:
            raise BrokenStream(f"{work.ref.model} wrote no summary.")
        return text

    def _fail(self, session_id: str, work: _DigestWork, sentence: str) -> None:
        """Leave a conversation alone until it has gone on."""
        self._failed[session_id] = (work.last_id, sentence)
        log.info("no summary of conversation %s: %s", session_id, sentence)

    async def _wait_for_quiet(self) -> None:
        services = self._services
        await wait_for_quiet(services.answering, services.typed, services.clock.monotonic, self._idle_s)

    def _complain(self, error: TaleError) -> None:
        self._services.publish(Notice(error.title, error.sentence, "error"))


class _WrittenDigest(PartialReply):
    """A digest while it comes; nobody watches.

    Args:
        monotonic: the clock, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__("", "", monotonic(), monotonic)

    def piece(self, piece: TextPiece) -> None:
        """See `ReplyReader`."""
        self.add(piece)

    def progress(self, done: int, total: int) -> None:
        """See `ReplyReader`."""


def undigested(messages: tuple[Message, ...], digest: ConversationDigest | None) -> tuple[Message, ...]:
    """The messages behind those that are in a digest, from the first one of the user on, without a reply that streams.

    Args:
        messages: of a branch, oldest first.
        digest: of it; None for none.
    """
    places = [place for place, message in enumerate(messages) if digest and message.id == digest.message_id]
    begin = places[0] + 1 if places else 0
    while begin < len(messages) and messages[begin].author is not Author.USER:
        begin += 1
    return tuple(message for message in messages[begin:] if message.state is not MessageState.STREAMING)
