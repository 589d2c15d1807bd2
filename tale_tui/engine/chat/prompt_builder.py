"""Makes the prompt of a turn, and learns from what the server counted how long texts are in tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from tale_tui.config.settings import Settings
from tale_tui.domain.constants import FIRST_READ_MESSAGES, PROMPT_COUNTS_MAX, PROMPT_TASKS_MAX
from tale_tui.domain.context import ConversationDigest
from tale_tui.domain.conversation import Author, Message
from tale_tui.domain.errors import MessageTooLong, ModelError, StoreError
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.domain.tasks import Task
from tale_tui.engine.chat.context_budget import PromptNeeds, TokenBudget, divide
from tale_tui.engine.chat.context_window import (
    CUT_SHARE,
    CUT_UNKNOWN_RATIO,
    ModelPrompt,
    PromptInput,
    fit,
    ratio_of,
    was_cut,
)
from tale_tui.engine.chat.counted_texts import CountedTexts
from tale_tui.engine.chat.token_estimate import DEFAULT_RATIO, known_ratios, learned_ratios, ratios, text_size
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.store.conversations.turns import PromptSource
from tale_tui.engine.store.store import Store
from tale_tui.formatting.digest import prompt_digest
from tale_tui.formatting.sentences import describe

COUNT_FROM = 0.6
"""Above this share of the room an estimate is not good enough, and the backend is asked to count."""

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
        self._counts = CountedTexts(pool)

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
            await self.prompt(PromptInput([message], system), ref, window)

    def room(self, ref: ModelRef, window: int) -> TokenBudget:
        """What there is to fill for a model.

        Args:
            ref: the model.
            window: its context window, in tokens.
        """
        usable, lenient = ratios(self._store.text_ratios.get(ref))
        history = self._settings.embedded.history_tokens if ref.backend is BackendName.EMBEDDED else None
        return TokenBudget(
            window=window,
            max_tokens=self._settings.chat.max_tokens,
            history=history,
            ratio=usable,
            lenient=lenient,
            counted=self._counts.known(ref),
        )

    def recall_budget(self, room: TokenBudget, question: str) -> int:
        """How many tokens of a prompt what is remembered may have: none beside a question that fills it.

        Args:
            room: what there is to fill.
            question: the message that is to be answered.
        """
        asked = room.tokens(question)
        return divide(room, PromptNeeds(asked, asked, recall=self._settings.recall.tokens)).recall

    async def of_branch(
        self, branch: PromptBranch, ref: ModelRef, window: int, *, tail: str = "", caution: float = 1.0
    ) -> ModelPrompt:
        """The prompt, with as much of a conversation as there is room for; of it no more is read than that.

        Args:
            branch: read.
            ref: the model that is asked.
            window: its context window, in tokens.
            tail: the beginning of the answer, where one is continued.
            caution: see `prompt`.
        Raises:
            MessageTooLong: see `prompt`.
        """
        while True:
            given = PromptInput(
                branch.shown,
                branch.system,
                tail=tail,
                whole=branch.whole,
                view_from=branch.view_from,
                recalled=branch.before_question,
                digests=branch.digests,
            )
            prompt = await self.prompt(given, ref, window, caution=caution)
            if not branch.is_used_up(prompt):
                return prompt
            await branch.read_more(self.room(ref, window).limit / prompt.tokens)

    async def prompt(self, given: PromptInput, ref: ModelRef, window: int, *, caution: float = 1.0) -> ModelPrompt:
        """The prompt for the last message of a branch, with the rules of the settings.

        Args:
            given: what it is made of; without a system prompt that of the settings is taken.
            ref: the model that is asked.
            window: its context window, in tokens.
            caution: below 1, texts are taken to have so many more tokens: a server found the last try too long.
        Raises:
            MessageTooLong: the last message alone does not fit for certain. Where it only may be too long the server
                is left to say so.
        """
        given = replace(given, system=given.system or self._settings.chat.system, rules=self._settings.context.rules)
        room = self.room(ref, window)
        if caution < 1:  # what was counted is doubted too
            room = replace(room, ratio=room.ratio.scaled(caution), counted={})
        prompt = fit(given, room)
        for _ in range(PROMPT_COUNTS_MAX):
            if prompt.tokens < COUNT_FROM * room.limit:
                break
            before = prompt
            if caution == 1 and await self._counts.count(ref, prompt.texts):
                room = replace(room, counted=self._counts.known(ref))  # every text of it is known
            else:
                counted = await self._count(ref, prompt)
                exact = None if counted is None else ratio_of(prompt.messages, counted)
                if exact is None:
                    break
                ratio = room.ratio.scaled(exact / _ratio_by(room, prompt))
                room = replace(room, ratio=ratio.scaled(COUNTED_SAFETY * caution), lenient=ratio, counted={})
            prompt = fit(given, room)
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
        if was_cut(prompt.messages, counted, known_ratios(known, CUT_UNKNOWN_RATIO) if known else None):
            return True
        measured = ratio_of(prompt.messages, counted, tail)
        if measured is None:
            return False
        texts = (*(message.text for message in prompt.messages), tail)
        expected = sum(map(text_size, texts)) / max(1, sum(map(known_ratios(known or {}, DEFAULT_RATIO).tokens, texts)))
        # Far fewer tokens than before: the server leaves out what it had in its cache.
        if known is None or measured < expected / CUT_SHARE:
            learned = self._store.text_ratios[ref] = learned_ratios(known, texts, measured)
            news = (abs(learned[one] / known[one] - 1) if known and one in known else 1.0 for one in learned)
            if max(news, default=0.0) > RATIO_NEWS:
                with suppress(StoreError):  # only an estimate is lost, and it is learned again
                    await self._store.keep_text_ratios(ref, learned)
        return False

    async def _count(self, ref: ModelRef, prompt: ModelPrompt) -> int | None:
        try:
            return await self._pool.count_tokens(ref, prompt.messages)
        except ModelError:
            return None  # then the estimate has to do


def _ratio_by(room: TokenBudget, prompt: ModelPrompt) -> float:
    """Bytes per token of a prompt by what is counted with."""
    texts = [message.text for message in prompt.messages]
    return sum(map(text_size, texts)) / max(1, sum(map(room.ratio.tokens, texts)))


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


GROWTH = (2.0, 4.0)
"""So many times as many messages are there when more were read: as many as have room, by those that are there."""
READ_SAFETY = 1.2
"""The older ones may be shorter."""


class PromptBranch:
    """The messages above a reply, or of the end of a conversation.

    Args:
        store: where they are.
        read: reads so many of them at most.
        session_id: their session.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        read: Callable[[int], Awaitable[PromptSource]],
        session_id: str,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._read = read
        self._session_id = session_id
        self._now = now
        self.messages: tuple[Message, ...] = ()
        """Oldest first; the last one is the user's message that is to be answered, where there is one."""
        self.whole = False
        """Whether it begins where the conversation begins."""
        self.system = ""
        """The system prompt of the session; empty for that of the settings."""
        self.view_from: str | None = None
        """The first message that the model was shown in the turn before; None when it was shown all."""
        self.digests: tuple[ConversationDigest, ...] = ()
        """Of older ones, the one that goes furthest first."""
        self.before_question = ""
        """What is put before the message that is to be answered."""

    @property
    def asks(self) -> bool:
        """Whether its last message is one that is to be answered."""
        return bool(self.messages) and self.messages[-1].author is Author.USER

    @property
    def shown(self) -> tuple[Message, ...]:
        """The messages as a model is shown them; with an empty one where the next one is not written yet."""
        if not self.asks:
            return (*self.messages, Message("", self._session_id, None, Author.USER, "", self._now()))
        *earlier, question = self.messages
        return (*earlier, replace(question, text=self.before_question + question.text))

    async def read(self) -> None:
        """Read its end.

        Raises:
            NoSuchMessage: the reply is not there any more.
        """
        source = await self._read(FIRST_READ_MESSAGES)
        self.digests, self.system, self.view_from = source.digests, source.system, source.view_from
        await self._put(source, ())

    async def read_more(self, fuller: float) -> None:
        """Read further back.

        Args:
            fuller: how many times as much has room as there is.
        Raises:
            NoSuchMessage: its beginning is not there any more.
        """
        least, most = GROWTH
        count, first = len(self.messages), self.messages[0].id
        growth = min(max(fuller * READ_SAFETY, least), most)
        source = await self._store.prompt_source(first, round(count * growth) - count)
        known = {one.message_id for one in self.digests}
        self.digests += tuple(one for one in source.digests if one.message_id not in known)
        await self._put(source, self.messages)

    async def _put(self, source: PromptSource, behind: tuple[Message, ...]) -> None:
        """Take what was read, before what is there already."""
        messages, self.whole = source.messages, source.whole
        if any(message.task_id is not None for message in messages):
            tasks: tuple[Task, ...] = ()
            if open_cards(messages):
                tasks = await self._store.tasks(session_id=self._session_id, limit=PROMPT_TASKS_MAX)
            messages = with_cards(messages, {task.id: task for task in tasks}, self._now())
        self.messages = messages + behind

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
