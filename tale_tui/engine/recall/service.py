"""What is remembered beyond a session: the verbs of `api.RecallApi`, what the background keeps, what a turn gets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from tale_tui.config.settings import RecallSettings
from tale_tui.domain.clock import Clock
from tale_tui.domain.constants import RECALL_BATCH, RECALL_IDLE_S, RECALL_LIMIT_S
from tale_tui.domain.errors import BadInput, EmptyMessage, HasSecret, ModelError, ReadOnly, StoreError, TaleError
from tale_tui.domain.events import Fact, Notice, SessionChanged, TaskChanged
from tale_tui.domain.models import Progress
from tale_tui.domain.recall import RecallContext, RecallHit, RecallItem, RecallKind, RecallOrigin, RecallState
from tale_tui.domain.tasks import TaskState
from tale_tui.domain.text import clean, clean_line, is_blank
from tale_tui.engine.idle import GivenUp, IdleWork, wait_for_quiet
from tale_tui.engine.recall.meaning import MeaningSearch, TextEmbedder
from tale_tui.engine.recall.ranking import FOUND, Asked, FoundByMeaning, ranked
from tale_tui.engine.recall.recognise import ITEM_CHARACTERS, kind_of, result_statement, statements
from tale_tui.engine.recall.secrets import REFUSED, has_secret
from tale_tui.engine.recall.when import asked_time
from tale_tui.engine.recall.words import asked_words, index_words
from tale_tui.engine.store.recall import NewItem, ReadUpTo, UnreadMessage, UnreadTask
from tale_tui.engine.store.store import Store
from tale_tui.engine.unexpected import BackgroundTasks

log = logging.getLogger(__name__)

LIKELY_TASK = 0.5
"""A message that is this likely a task describes what is to be done: of it only what speaks of the user is kept."""
DECISIONS_TOLD = 3
"""Where it is asked what was decided."""
SEARCH_LIMIT_S = 20.0
"""Who looks for something waits so long at most for the meaning of it: the model may have to be loaded."""
QUESTION_CHARACTERS = 1_000
"""Of a message, so much is what is looked for; in the rest stands what it is about."""


@dataclass(frozen=True, slots=True)
class RecallActivity:
    """Who must not be disturbed."""

    busy: Callable[[], bool]
    """Whether a model is at work for anybody."""
    typed: Callable[[], float]
    """When somebody wrote last, in seconds of a clock that only goes forward."""


@dataclass(frozen=True, slots=True)
class DecisionsFound:
    """What is remembered as decided.

    Attributes:
        items: the nearest first.
        at_other_times: whether they are none of the time that was asked for.
    """

    items: tuple[RecallItem, ...] = ()
    at_other_times: bool = False


class RecallService:
    """Implements `api.RecallApi`, where each verb is described.

    Args:
        store: keeps all of it.
        embeddings: turn texts into vectors.
        settings: of recall.
        clock: the time.
        activity: who must not be disturbed.
        publish: takes the facts.
        can_write: whether anything may be kept.
        idle_s: seconds without anybody at work before something is looked at.
    """

    def __init__(
        self,
        store: Store,
        embeddings: TextEmbedder,
        settings: RecallSettings,
        clock: Clock,
        activity: RecallActivity,
        publish: Callable[[Fact], None],
        *,
        can_write: bool,
        idle_s: float = RECALL_IDLE_S,
    ) -> None:
        self._store = store
        self._embeddings = embeddings
        self._settings = settings
        self._clock = clock
        self._activity = activity
        self._publish = publish
        self._can_write = can_write
        self._idle_s = idle_s
        self._meaning = MeaningSearch(store, embeddings, clock.monotonic)
        self._background = BackgroundTasks(self._complain)
        self._working: asyncio.Task[None] | None = None
        self._more = False
        self._keeping = asyncio.Lock()
        self._embedding = IdleWork()

    # the verbs

    async def list(
        self, *, limit: int = 1000, offset: int = 0, kind: RecallKind | None = None, pinned: bool = False
    ) -> tuple[RecallItem, ...]:
        await self._catch_up()
        return await self._store.recall_items(limit, kind, offset=offset, pinned=pinned)

    async def find(self, prefix: str) -> RecallItem:
        return await self._store.recall_item(prefix)

    async def search(self, query: str, *, limit: int = 20) -> tuple[RecallHit, ...]:
        if is_blank(clean_line(query)):
            raise BadInput("There is nothing to look for: give a word, or ask a question.")
        await self._catch_up()
        ref = (await self._meaning.choose()).ref
        if ref is not None:
            try:
                await self._meaning.load(ref)
            except ModelError as error:
                log.info("found by words alone: %s", error.sentence)
        return (await self._search(clean(query), limit_s=SEARCH_LIMIT_S))[:limit]

    async def add(self, text: str, *, kind: RecallKind | None = None, session_id: str = "") -> RecallItem:
        safe = self._checked(text)
        new = NewItem(
            text=safe,
            kind=kind or kind_of(safe),
            origin=RecallOrigin.ASKED,
            words=index_words(safe),
            said=self._clock.now(),
            session_id=(await self._store.session(session_id)).id if session_id else None,
        )
        (item,) = await self._store.add_recall_items([new])
        self.nudge()
        return item

    async def edit(self, item_id: str, text: str, *, kind: RecallKind | None = None) -> RecallItem:
        safe, before = self._checked(text), await self._store.recall_item(item_id)
        n, item = await self._store.change_recall_item(before.id, safe, kind or before.kind, index_words(safe))
        self._meaning.drop(n)
        self.nudge()
        return item

    async def pin(self, item_id: str, *, pinned: bool = True) -> RecallItem:
        return await self._store.pin_recall_item(item_id, pinned=pinned)

    async def forget(self, item_id: str) -> RecallItem:
        n, item = await self._store.remove_recall_item(item_id)
        self._meaning.drop(n)
        return item

    async def context(self, item_id: str) -> RecallContext:
        found = await self._store.recall_context(item_id)
        # Beside what is kept there may be a key in the message.
        return replace(found, said="") if has_secret(found.said) else found

    async def offered(self, message_id: str) -> tuple[RecallItem, ...]:
        return await self._store.recalled_for(message_id)

    async def allow(self, session_id: str, *, on: bool) -> bool:
        if on and not self._settings.enabled:
            raise BadInput("Nothing is remembered anywhere: recall.enabled is off in the settings.")
        await self._store.allow_recall(session_id, on=on)
        return on

    async def allowed(self, session_id: str) -> bool:
        return self._settings.enabled and await self._store.recall_allowed(session_id)

    async def state(self) -> RecallState:
        await self._catch_up()
        chosen = await self._meaning.choose()
        model = str(chosen.ref) if chosen.ref is not None else ""
        _, embedded = await self._store.recall_counts(model)
        kinds, pinned = await self._store.recall_kinds()
        return RecallState(
            enabled=self._settings.enabled,
            items=sum(kinds.values()),
            model=model,
            embedded=embedded,
            why=chosen.why,
            fetchable=chosen.fetchable,
            pinned=pinned,
            kinds=kinds,
        )

    async def fetch(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        async with aclosing(self._embeddings.fetch(source)) as steps:
            async for step in steps:
                yield step
        self._meaning.look_again()
        self.nudge()

    # what a turn gets

    async def offer(
        self, text: str, session_id: str, shown: frozenset[str], kind: RecallKind | None = None
    ) -> tuple[RecallItem, ...]:
        """What is remembered and near a message, the nearest first; never raises, and takes `RECALL_LIMIT_S` at most.

        Args:
            text: the message.
            session_id: where it is sent; empty for no conversation.
            shown: the messages that the model sees anyway: what was said in them is left out.
            kind: only of this kind; None for all.
        """
        try:
            if not self._settings.enabled or not await self._store.can_recall(session_id):
                return ()
            hits = await self._search(text[:QUESTION_CHARACTERS], kind)
        except TaleError as error:
            log.warning("nothing is offered: %s", error.sentence)
            return ()
        near = (hit.item for hit in hits if hit.near and hit.item.source.message_id not in shown)
        wanted = (item for item in near if kind is None or item.kind is kind)
        return tuple(item for item, _ in zip(wanted, range(self._settings.items), strict=False))

    async def decisions(self, text: str, session_id: str) -> DecisionsFound:
        """What was decided, for a question about that: in the time that it names, where there is something, else at any
        time; never raises.

        Args:
            text: the question.
            session_id: where it is asked.
        """
        try:
            await self._catch_up()
        except TaleError as error:
            log.warning("what was said lately is left out: %s", error.sentence)
        found = await self.offer(text, session_id, frozenset(), RecallKind.DECISION)
        time = asked_time(text, self._clock.now())
        then = tuple(item for item in found if time and time.begin <= item.said < time.end)
        return DecisionsFound((then or found)[:DECISIONS_TOLD], at_other_times=time is not None and not then)

    # in the background

    def start(self) -> None:
        """Look at what was said and done since it was looked last. Returns at once."""
        if self._can_write and not self._settings.enabled:
            self._background.start(self._store.skip_unread(), "Looking past what is not to be remembered")
        self.nudge()

    def on_fact(self, fact: Fact) -> None:
        """Something may be worth keeping. Returns at once."""
        if isinstance(fact, SessionChanged) or (isinstance(fact, TaskChanged) and fact.task.state is TaskState.DONE):
            self.nudge()

    def give_up(self) -> None:
        """A message is sent: what is being embedded is given up."""
        self._embedding.give_up()

    @property
    def embedding(self) -> bool:
        """Whether something is being embedded."""
        return self._embedding.under_way

    def nudge(self) -> None:
        """There may be something to look at; returns at once."""
        if not (self._settings.enabled and self._can_write):
            return
        self._more = True
        if self._working is None or self._working.done():
            self._working = self._background.start(self._work(), "Remembering", self._complain)

    async def close(self) -> None:
        """Keep nothing more. What was said since is looked at by the next one who starts."""
        self._can_write, was = False, self._can_write
        await self._background.close()
        if was and not self._settings.enabled:
            with suppress(StoreError):  # the database is away; then the next start looks past it
                await self._store.skip_unread()
        await self._embeddings.close()

    async def _work(self) -> None:
        while self._more:
            await self._wait_for_quiet()
            self._more = False
            await self._catch_up()
            while await self._embed_some():
                pass

    async def _catch_up(self) -> None:
        """Keep what was said and done up to now; no model is asked for that."""
        if self._settings.enabled and self._can_write:
            async with self._keeping:
                while await self._keep_some():
                    pass

    async def _keep_some(self) -> bool:
        """Keep what is worth it of some messages and tasks, and how far was looked, at once; whether there is more."""
        messages = await self._store.unread_messages(RECALL_BATCH)
        tasks = await self._store.unread_tasks(RECALL_BATCH)
        if not messages and not tasks:
            return False
        new, read = [*_said(messages), *_given(tasks)], []
        if messages:
            read.append(ReadUpTo("messages", 0.0, messages[-1].n))
        if tasks:
            read.append(ReadUpTo("tasks", tasks[-1].finished, tasks[-1].n))
        await self._store.add_recall_items(new, read)
        return len(messages) == RECALL_BATCH or len(tasks) == RECALL_BATCH

    async def _embed_some(self) -> bool:
        """Embed some items; False where all have a vector, or none can be made now."""
        await self._wait_for_quiet()
        try:
            return await self._embedding.run(self._meaning.embed_some(), "embedding") > 0
        except GivenUp:
            return True  # a message was sent; it goes on when that is answered
        except ModelError as error:
            log.info("nothing is embedded: %s", error.sentence)
            self._meaning.look_again()
            return False

    async def _wait_for_quiet(self) -> None:
        await wait_for_quiet(self._activity.busy, self._activity.typed, self._clock.monotonic, self._idle_s)

    # parts

    async def _search(
        self, text: str, kind: RecallKind | None = None, *, limit_s: float = RECALL_LIMIT_S
    ) -> tuple[RecallHit, ...]:
        now = self._clock.now()
        time = asked_time(text, now)
        words = [word for word in asked_words(text) if time is None or word not in time.words]
        meaning = asyncio.create_task(self._by_meaning(text, limit_s))
        try:
            by_words = {hit.n: hit.share for hit in await self._store.recall_by_words(words, FOUND)}
            by_meaning = await meaning
        finally:
            meaning.cancel()
        numbers = tuple(dict.fromkeys((*by_words, *(one.n for one in by_meaning))))
        items = await self._store.recall_items_by_n(numbers) if numbers else {}
        asked = Asked(now, time.begin if time else None, time.end if time else None, kind)
        return ranked(by_words, by_meaning, items, asked)

    async def _by_meaning(self, text: str, limit_s: float) -> tuple[FoundByMeaning, ...]:
        try:
            async with asyncio.timeout(limit_s):
                return await self._meaning.find(text)
        except TimeoutError:
            log.info("found by words alone: the meaning took too long")
        except ModelError as error:
            log.info("found by words alone: %s", error.sentence)
        return ()

    def _checked(self, text: str) -> str:
        """What the user wants remembered, safe to keep.

        Raises:
            ReadOnly, EmptyMessage, BadInput, HasSecret: nothing was kept.
        """
        if not self._can_write:
            raise ReadOnly("This process only reads. Remember it in the one that is the engine.")
        safe = clean_line(text, ITEM_CHARACTERS + 1).strip()
        if is_blank(safe):
            raise EmptyMessage("There is nothing to remember: the text is empty.")
        if len(safe) > ITEM_CHARACTERS:
            raise BadInput(f"It is longer than {ITEM_CHARACTERS} characters. Remember it in several parts.")
        if has_secret(text):
            raise HasSecret(REFUSED)
        return safe

    def _complain(self, error: TaleError) -> None:
        self._publish(Notice(error.title, error.sentence, "error"))


def _said(messages: Iterable[UnreadMessage]) -> Iterator[NewItem]:
    """What of messages is worth keeping."""
    for message in messages:
        own_only = message.p is not None and message.p >= LIKELY_TASK
        for found in statements(message.text, own_only=own_only):
            yield NewItem(
                text=found.text,
                kind=found.kind,
                origin=RecallOrigin.SAID,
                words=index_words(found.text),
                said=message.created,
                session_id=message.session_id,
                message_id=message.id,
                turn=message.turn,
            )


def _given(tasks: Iterable[UnreadTask]) -> Iterator[NewItem]:
    """What of the results of tasks is worth keeping."""
    for task in tasks:
        if text := result_statement(task.title, task.result):
            yield NewItem(
                text=text,
                kind=RecallKind.RESULT,
                origin=RecallOrigin.TASK,
                words=index_words(text),
                said=task.finished,
                session_id=task.session_id,
                task_id=task.id,
            )
