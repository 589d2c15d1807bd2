"""A store in a folder of its own, with a clock that ticks once a look and ids that follow from a counter."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.clock import ID_ALPHABET, ID_LENGTH, Clock
from tale_tui.domain.conversation import Message, MessageState
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Usage
from tale_tui.domain.tasks import Plan, StepSpec, Task
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import TaskEnd
from tale_tui.engine.store.tasks.tasks import NewTask

START = 1_760_000_000.0
Talk = Callable[..., Awaitable[tuple[Message, Message]]]
Titles = Callable[..., Awaitable[list[str]]]
Sabotage = Callable[[str], None]
HandIn = Callable[..., Awaitable[Task]]
CarryOut = Callable[..., Awaitable[Task]]


def numbered_id(number: int) -> str:
    digest = hashlib.sha256(str(number).encode()).digest()
    return "".join(ID_ALPHABET[byte % len(ID_ALPHABET)] for byte in digest[:ID_LENGTH])


@pytest.fixture
def clock() -> Clock:
    ticks, ids = itertools.count(START), itertools.count()
    return Clock(now=lambda: float(next(ticks)), monotonic=lambda: 0.0, new_id=lambda: numbered_id(next(ids)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tale.db"


@pytest.fixture
async def store(path: Path, clock: Clock) -> AsyncIterator[Store]:
    opened = await Store.open(path, clock)
    yield opened
    await opened.close()


@pytest.fixture
def ref() -> ModelRef:
    return ModelRef(BackendName.OLLAMA, "qwen2.5:7b")


@pytest.fixture
def usage() -> Usage:
    return Usage(
        prompt_tokens=12, completion_tokens=34, cached_tokens=0, ttft_ms=310.5, total_ms=900.0, tokens_per_second=38.2
    )


@pytest.fixture
def talk(store: Store, ref: ModelRef, usage: Usage) -> Talk:
    """One whole turn: what the user wrote, and a complete answer to it."""
    keys = itertools.count(1)

    async def one_turn(session_id: str, text: str, answer: str = "An answer.") -> tuple[Message, Message]:
        user, reply, *_ = await store.begin_turn(session_id, user_id=f"key{next(keys)}", text=text, reply_ref=ref)
        done = await store.finish_reply(
            reply.id, state=MessageState.COMPLETE, text=answer, usage=usage, finish=FinishReason.STOP
        )
        return user, done

    return one_turn


@pytest.fixture
def sabotage(path: Path) -> Sabotage:
    """Makes SQLite refuse a statement; which one says the condition of a trigger."""

    def refuse(condition: str) -> None:
        connection = sqlite3.connect(path)
        with connection:
            connection.execute(f"CREATE TRIGGER sabotage {condition} BEGIN SELECT raise(ABORT, 'sabotage'); END")
        connection.close()

    return refuse


@pytest.fixture
async def session_id(path: Path, clock: Clock, ref: ModelRef) -> str:
    """A closed database with one session of one turn; the id of that."""
    store = await Store.open(path, clock)
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="A quokka", reply_ref=ref)
    await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="Yes. " * 3000)
    await store.close()
    return session.id


@pytest.fixture
def titles(path: Path) -> Titles:
    """Opens a database, the one of the test where no other is named, and tells which sessions are in it."""

    async def of(at: Path = path, *, read_only: bool = False) -> list[str]:
        store = await Store.open(at, Clock(now=lambda: START), read_only=read_only)
        found = [session.title for session in await store.sessions()]
        await store.close()
        return found

    return of


ONE_STEP = Plan((StepSpec("answer", "Write it"),))
THREE_STEPS = Plan(
    (
        StepSpec("outline", "Outline", "List the parts."),
        StepSpec("write", "Write", "Write them.", after=("outline",)),
        StepSpec("check", "Check", "Check them.", after=("write",), max_tokens=100, retries=0, repeatable=False),
    )
)


@pytest.fixture
def plans() -> dict[str, Plan]:
    return {"one": ONE_STEP, "three": THREE_STEPS}


@pytest.fixture
def hand_in(store: Store, ref: ModelRef) -> HandIn:
    """A task in the queue, of one step where no other plan is given; ids are `t001`, `t002`, ..."""
    numbers = itertools.count(1)

    async def one(text: str = "Write a function", plan: Plan = ONE_STEP, **fields: Any) -> Task:
        fields = {"id": f"t{next(numbers):03}", "ref": ref} | fields
        return await store.add_task(NewTask(text=text, plan=plan, **fields))

    return one


@pytest.fixture
def carry_out(store: Store, ref: ModelRef, usage: Usage) -> CarryOut:
    """A queued task of one step, claimed and done."""

    async def whole(task: Task, result: str = "The result.") -> Task:
        claim = await store.claim_task(task.id, START)
        assert claim is not None
        await store.begin_step(task.id, claim.epoch, "answer", ref)
        return await store.finish_step(
            task.id, claim.epoch, "answer", text=result, ref=ref, usage=usage, end=TaskEnd(result, "the task model")
        )

    return whole
