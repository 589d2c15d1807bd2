"""Scripted conversations that recall is measured with, and what fills an engine with them."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import accumulate
from pathlib import Path

from tale_tui.domain.clock import random_id
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.errors import ModelError
from tale_tui.domain.models import BackendName, ModelRef, Progress
from tale_tui.domain.tasks import TaskState
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import TextVectors
from tale_tui.engine.models.embeddings import ChosenEmbedder
from tale_tui.engine.recall.background import UNRELATED

DATA = Path(__file__).parents[1] / "data" / "recall"
_LINE = re.compile(r"(task )?(\d+)([<>]) (.*)")


@dataclass(frozen=True, slots=True)
class ScriptedTurn:
    """What is said in a turn, or what a task is and gives."""

    key: str
    """As in `s01.3`."""
    said: str
    answered: str
    is_task: bool


@dataclass(slots=True)
class ScriptedSession:
    """One conversation."""

    name: str
    began: float
    turns: list[ScriptedTurn] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RecallQuestion:
    """One question, and the turns that answer it."""

    group: str
    """words, meaning, language or none."""
    answers: frozenset[str]
    text: str


def sessions() -> list[ScriptedSession]:
    """All of them, in order."""
    found: list[ScriptedSession] = []
    said = ""
    for line in (DATA / "sessions.txt").read_text("utf-8").splitlines():
        if line.startswith("== "):
            _, name, date = line.split()
            found.append(ScriptedSession(name, datetime.fromisoformat(date).astimezone().timestamp()))
        elif match := _LINE.fullmatch(line):
            task, number, mark, text = match.groups()
            if mark == ">":
                said = text
            else:
                found[-1].turns.append(ScriptedTurn(f"{found[-1].name}.{number}", said, text, bool(task)))
    return found


def questions() -> Iterator[RecallQuestion]:
    """All of them, in order."""
    for line in (DATA / "questions.txt").read_text("utf-8").splitlines():
        if "|" in line and not line.startswith("#"):
            group, answers, text = (part.strip() for part in line.split("|", 2))
            yield RecallQuestion(group, frozenset(re.findall(r"s\d\d\.\d+", answers)), text)


class RecallClock:
    """The time, which is what the script says."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.at


async def hold_sessions(engine: Engine, clock: RecallClock) -> dict[str, str]:
    """Hold all conversations in an engine; the keys of turns by the ids of their messages and tasks.

    Tasks are answered by the model of the engine, which a script plays.
    """
    keys = {}
    for session in sessions():
        clock.at = session.began
        stored = await engine.store.add_session(title=session.name)
        for turn in session.turns:
            clock.at += 60
            if turn.is_task:
                task = await engine.tasks.submit(turn.said, key=random_id())
                async for seen in engine.tasks.follow(task.id):
                    del seen
                assert (await engine.tasks.get(task.id)).task.state is TaskState.DONE
                keys[task.id] = turn.key
            else:
                begun = await engine.store.begin_turn(stored.id, user_id=random_id(), text=turn.said)
                await engine.store.finish_reply(begun.reply.id, state=MessageState.COMPLETE, text=turn.answered)
                keys[begun.user.id] = turn.key
    return keys


class ScriptedEmbeddings:
    """Makes vectors of texts without a model: words that `alike` puts together point the same way.

    It cannot show how well a model finds meanings; it shows what is done with what one finds.

    Attributes:
        asked: the texts that were embedded, in order.
        error: what it raises when it is asked; may be set at any time.
        ref: the model that it is; None for none.
    """

    dimensions = 384

    def __init__(self, alike: Mapping[str, str] | None = None) -> None:
        self.ref: ModelRef | None = ModelRef(BackendName.SCRIPTED, "vectors")
        self.asked: list[str] = []
        self.error: ModelError | None = None
        self.held: asyncio.Event | None = None
        self._alike = dict(alike or {})

    async def choose(self) -> ChosenEmbedder:
        """The one that it is."""
        return ChosenEmbedder(self.ref, "" if self.ref else "There is none here.")

    async def embed(self, ref: ModelRef, texts: tuple[str, ...], *, asks: bool) -> TextVectors:
        """A vector for each."""
        if self.held is not None and texts != UNRELATED:
            await self.held.wait()
        if self.error is not None:
            raise self.error
        if texts != UNRELATED:
            self.asked += texts
        return TextVectors(tuple(self.vector(text) for text in texts))

    def vector(self, text: str) -> tuple[float, ...]:
        """The sum of a direction for each word, which is the same for the same word."""
        rows = [_direction(self._alike.get(word, word)) for word in re.findall(r"\w+", text.lower())]
        return tuple(map(sum, zip(*rows, strict=True))) if rows else (1.0,) + (0.0,) * (self.dimensions - 1)

    async def fetch(self, source: str = "") -> AsyncGenerator[Progress, None]:
        """It is there."""
        yield Progress(f"vectors{source}", 1, 1, finished=True)

    async def close(self) -> None:
        """Nothing to end."""


@cache
def _direction(word: str) -> tuple[float, ...]:
    chance = random.Random(word)
    return tuple(chance.gauss(0, 1) for _ in range(ScriptedEmbeddings.dimensions))


def made_up_items(count: int, chance: random.Random) -> list[str]:
    """Texts with words as often as they are in languages: a few in every text, most in a few."""
    words = [
        f"{''.join(chance.choice('bdfgklmnprst') + chance.choice('aeiou') for _ in range(3))}" for _ in range(20_000)
    ]
    weights = list(accumulate(1 / place for place in range(1, len(words) + 1)))
    return [f"{' '.join(chance.choices(words, cum_weights=weights, k=9))} n{number}" for number in range(count)]
