"""Makes the prompt of a turn, and learns from what the server counted how long texts are in tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from tale_tui.config.settings import Settings
from tale_tui.domain.constants import FIRST_READ_MESSAGES, PROMPT_COUNTS_MAX, PROMPT_TASKS_MAX
from tale_tui.domain.conversation import Author, Message
from tale_tui.domain.errors import MessageTooLong, ModelError, StoreError
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import Task
from tale_tui.engine.chat.context_window import (
    CUT_SHARE,
    ModelPrompt,
    TokenBudget,
    fit,
    learned_ratio,
    ratio_of,
    ratios,
    was_cut,
)
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.store.store import Store
from tale_tui.formatting.digest import prompt_digest
from tale_tui.formatting.sentences import describe

COUNT_FROM = 0.6
"""Above this share of the budget an estimate is not good enough, and the backend is asked to count."""

COUNTED_SAFETY = 0.98
"""Of a ratio that was counted on this very text so much is used, as leaving turns out changes the mixture."""

RATIO_NEWS = 0.02
"""A learned ratio is stored again when it moved by more than this share."""


class PromptBuilder:
    """Makes prompts for any model.

    Args:
        store: keeps what was learned.
        pool: counts tokens, knows windows.
        settings: of the chat and the embedded backend.
    """

    def __init__(self, store: Store, pool: Pool, settings: Settings) -> None:
        self._store = store
        self._pool = pool
        self._settings = settings

    async def check(self, text: str, system: str, ref: ModelRef) -> None:
        """Refuse a message that is longer than the window, before it is stored.

        A window that is not known is asked for; where there is no quick answer the message passes.

        Args:
            text: the message.
            system: the system prompt of its session; empty for that of the settings.
            ref: the model that will be asked.
        Raises:
            MessageTooLong: with the numbers, and what to do.
        """
        window = self._pool.known_window(ref)
        if window is None:
            # A server that is away or slow must not keep a message from being stored.
            with suppress(ModelError, TimeoutError):
                async with asyncio.timeout(self._settings.limits.probe_s):
                    window = await self._pool.window(ref)
        if window is not None:
            message = Message("", "", None, Author.USER, text, 0.0)
            await self.prompt([message], system, ref, window)

    async def prompt(
        self,
        branch: Sequence[Message],
        system: str,
        ref: ModelRef,
        window: int,
        *,
        tail: str = "",
        whole: bool = True,
        view_from: str | None = None,
        caution: float = 1.0,
    ) -> ModelPrompt:
        """The prompt for the last message of a branch.

        Args:
            branch: oldest first; the last one is the user's message that is to be answered.
            system: the system prompt of the session; empty for that of the settings.
            ref: the model that is asked.
            window: its context window, in tokens.
            tail: the beginning of the answer, where one is continued.
            whole: whether `branch` begins where the conversation begins.
            view_from: the first message that the model was shown last; None where it was shown all.
            caution: below 1, texts are taken to have so many more tokens: a server found the last try too long.
        Raises:
            MessageTooLong: the last message alone does not fit for certain. Where it only may be too long the server
                is left to say so.
        """
        learned, chat = self._store.text_ratios.get(ref), self._settings.chat
        history = self._settings.embedded.history_tokens if ref.backend is BackendName.EMBEDDED else None
        usable, lenient = ratios(learned)
        room = TokenBudget(window, chat.max_tokens, history, usable * caution, lenient)
        system = system or chat.system
        prompt = fit(branch, system, room, tail=tail, whole=whole, view_from=view_from)
        for _ in range(PROMPT_COUNTS_MAX):
            if prompt.tokens < COUNT_FROM * room.budget:
                break
            counted = await self._count(ref, prompt)
            exact = None if counted is None else ratio_of(prompt.messages, counted)
            if exact is None:
                break
            before = prompt
            room = replace(room, ratio=exact * COUNTED_SAFETY * caution, lenient=exact)
            prompt = fit(branch, system, room, tail=tail, whole=whole, view_from=view_from)
            if prompt.messages == before.messages:
                break
        if prompt.excess:
            raise _too_long(prompt, ref, room)
        return prompt

    async def learn(self, ref: ModelRef, prompt: ModelPrompt, counted: int, tail: str) -> bool:
        """Take note of the tokens that the server counted in a prompt.

        Returns:
            Whether it counted so few that it must have dropped a part of the prompt.
        """
        known = self._store.text_ratios.get(ref)
        if was_cut(prompt.messages, counted, known):
            return True
        measured = ratio_of(prompt.messages, counted, tail)
        # Far fewer tokens than before: the server leaves out what it had in its cache.
        if measured is not None and (known is None or measured < known / CUT_SHARE):
            learned = self._store.text_ratios[ref] = learned_ratio(known, measured)
            if known is None or abs(learned / known - 1) > RATIO_NEWS:
                with suppress(StoreError):  # only an estimate is lost, and it is learned again
                    await self._store.keep_text_ratio(ref, learned)
        return False

    async def _count(self, ref: ModelRef, prompt: ModelPrompt) -> int | None:
        try:
            return await self._pool.count_tokens(ref, prompt.messages)
        except ModelError:
            return None  # then the estimate has to do


def _too_long(prompt: ModelPrompt, ref: ModelRef, room: TokenBudget) -> MessageTooLong:
    needed = room.budget + prompt.excess
    shorten = (
        f"about {prompt.room_for_text:,} characters of it fit" if prompt.room_for_text else "the system prompt fills it"
    )
    return MessageTooLong(
        f"The message is about {needed:,} tokens long. {ref.model} reads {room.window:,} at once, of which "
        f"{room.reserve:,} are kept for the answer: {shorten}. Trim it, send it as a file, or set a larger window "
        "(chat.window) where the model allows it."
    )


GROWTH = 4
"""So many times more are read when a prompt had room for all of them."""


class PromptBranch:
    """The messages above a reply.

    Args:
        store: where they are.
        reply_id: the reply.
        session_id: its session.
        now: seconds since the epoch.
    """

    def __init__(self, store: Store, reply_id: str, session_id: str, now: Callable[[], float]) -> None:
        self._store = store
        self._reply_id = reply_id
        self._session_id = session_id
        self._now = now
        self._limit = FIRST_READ_MESSAGES
        self.messages: tuple[Message, ...] = ()
        """Oldest first; the last one is the user's message that is to be answered."""
        self.whole = False
        """Whether it begins where the conversation begins."""
        self.system = ""
        """The system prompt of the session; empty for that of the settings."""
        self.view_from: str | None = None
        """The first message that the model was shown in the turn before; None when it was shown all."""

    async def read(self) -> None:
        """Read its end.

        Raises:
            NoSuchMessage: the reply is not there any more.
        """
        source = await self._store.prompt_source(self._reply_id, self._limit)
        messages, self.whole = source.messages, source.whole
        self.system, self.view_from = source.system, source.view_from
        if any(message.task_id is not None for message in messages):
            tasks: tuple[Task, ...] = ()
            if open_cards(messages):
                tasks = await self._store.tasks(session_id=self._session_id, limit=PROMPT_TASKS_MAX)
            messages = with_cards(messages, {task.id: task for task in tasks}, self._now())
        self.messages = messages

    async def read_more(self) -> None:
        """Read further back."""
        self._limit *= GROWTH
        await self.read()

    def is_used_up(self, prompt: ModelPrompt) -> bool:
        """Whether a prompt took all that was read, while there is more."""
        if self.whole:
            return False
        first = next((message for message in self.messages if message.author is Author.USER), None)
        return first is None or prompt.view_from == first.id


def open_cards(messages: Iterable[Message]) -> bool:
    """Whether there is a card without a result, of whose task something has to be known."""
    return any(message.task_id is not None and not message.text.strip() for message in messages)


def with_cards(messages: Iterable[Message], tasks: Mapping[str, Task], now: float) -> tuple[Message, ...]:
    """The messages, cards replaced by what a model is shown of them.

    Args:
        messages: of a conversation.
        tasks: by id, those whose cards have no result; a card whose task is not among them is left out by `fit`.
        now: seconds since the epoch.
    """
    return tuple(_shown(message, tasks, now) if message.task_id else message for message in messages)


def _shown(card: Message, tasks: Mapping[str, Task], now: float) -> Message:
    if card.text.strip():
        return replace(card, text=prompt_digest(card.text))
    task = tasks.get(card.task_id or "")
    return card if task is None else replace(card, text=f"The task {describe(task, now)}")
