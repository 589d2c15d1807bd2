"""The rows of calls: with what came of them, once from what was there before, and after everything was cut."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from functools import reduce
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.calls import LARGE, NOON, SMALL, is_meant, key_of, new_call, sums_of
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import Message, MessageState
from tale_tui.domain.errors import StoreError
from tale_tui.domain.metrics import CallDimension, CallFilter, CallKind, CallOutcome, CallRecord, TokenSums
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Task
from tale_tui.engine.store import open as opening
from tale_tui.engine.store.open import migrations
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import AttemptFailure

Talk = Callable[..., Awaitable[tuple[Message, Message]]]
HandIn = Callable[..., Awaitable[Task]]
CarryOut = Callable[..., Awaitable[Task]]
Sabotage = Callable[[str], None]

COUNTS = st.none() | st.integers(0, 100_000)
RATES = st.none() | st.floats(0.5, 500)
CALLS = st.builds(
    new_call,
    st.sampled_from([SMALL, LARGE]),
    st.floats(NOON - 100_000, NOON + 100_000),
    st.sampled_from(CallKind),
    outcome=st.sampled_from(CallOutcome),
    prompt_tokens=COUNTS,
    cached_tokens=COUNTS,
    completion_tokens=COUNTS,
    thinking_tokens=COUNTS,
    estimated_prompt_tokens=COUNTS,
    estimated_completion_tokens=COUNTS,
    tokens_per_second=RATES,
    ttft_ms=st.none() | st.floats(0, 10_000),
    session_id=st.sampled_from(["", "s1", "s2"]),
    task_id=st.sampled_from(["", "t1"]),
    complexity=st.sampled_from(["", "simple"]),
    task_type=st.sampled_from(["", "task", "chat"]),
)
FILTERS = st.builds(
    CallFilter,
    st.none() | st.floats(NOON - 100_000, NOON + 100_000),
    st.none() | st.floats(NOON - 100_000, NOON + 100_000),
    st.sampled_from(["", "qwen2.5:7b", str(LARGE)]),
    st.sampled_from(["", "s1"]),
    st.sampled_from(
        [
            (),
            ((CallDimension.TASK, ""),),
            ((CallDimension.KIND, "chat"), (CallDimension.MODEL, str(LARGE))),
            ((CallDimension.COMPLEXITY, "simple"),),
        ]
    ),
)
DIMENSIONS = st.lists(st.sampled_from(CallDimension), max_size=4, unique=True).map(tuple)


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(st.lists(CALLS, max_size=20), FILTERS, DIMENSIONS)
def test_the_sums_of_the_store_are_those_of_plain_arithmetic(
    calls: list[CallRecord], which: CallFilter, by: tuple[CallDimension, ...]
) -> None:
    meant = [call for call in calls if is_meant(call, which)]

    async def sums() -> dict[tuple[str, ...], TokenSums]:
        with TemporaryDirectory() as folder:
            store = await Store.open(Path(folder) / "tale.db", Clock())
            await store.add_calls(calls)
            assert [call.timestamp for call in await store.calls()] == [call.timestamp for call in calls]
            found = await store.call_totals(which, by)
            assert [call.timestamp for call in await store.calls(which)] == [call.timestamp for call in meant]
            times = await store.call_times(which, 3600)
            await store.close()
        assert sum(tokens for _, _, tokens in times) == sum(call.total_tokens or 0 for call in meant)
        assert {(model, step) for model, step, _ in times} == {
            (str(call.ref), int(call.timestamp // 3600)) for call in meant if call.total_tokens is not None
        }
        groups: dict[tuple[str, ...], TokenSums] = {}
        for row in found.rows:
            groups[row.key] = groups.get(row.key, TokenSums()) + row.sums
        return groups

    expected: dict[tuple[str, ...], TokenSums] = {}
    for call in meant:
        key = key_of(call, by)
        expected[key] = expected.get(key, TokenSums()) + sums_of(call)
    assert asyncio.run(sums()) == expected


async def test_a_row_comes_back_as_it_was(store: Store) -> None:
    call = new_call(
        LARGE, kind=CallKind.STEP, task_id="t", step="outline", session_id="s", message_id="m", turn_id="u",
        task_type="task", complexity="simple", why="works on tasks", digest="abc", cached_tokens=4, thinking_tokens=1,
        ttft_ms=310.0, load_ms=0.0, waiting_ms=5.0, total_ms=900.0, tokens_per_second=38.0, own_prompt_tokens=3,
    )  # fmt: skip
    await store.add_calls([call])
    assert await store.calls(task_id="t") == (call,)
    assert await store.calls(message_id="m") == (call,)
    assert await store.calls(task_id="other") == ()


async def test_the_last_calls_come_the_oldest_first(store: Store) -> None:
    await store.add_calls([new_call(timestamp=float(second)) for second in range(5)])
    assert [call.timestamp for call in await store.calls(limit=2)] == [3.0, 4.0]


async def test_a_reply_and_its_row_are_stored_together_or_not_at_all(
    store: Store, sabotage: Sabotage, ref: ModelRef
) -> None:
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hi", reply_ref=ref)
    sabotage("BEFORE INSERT ON token_metrics")
    with pytest.raises(StoreError):
        await store.finish_reply(reply.id, state=MessageState.COMPLETE, text="Yes", calls=[new_call()])
    assert (await store.message(reply.id)).state is MessageState.STREAMING


async def test_a_step_and_its_row_are_stored_together_or_not_at_all(
    store: Store, sabotage: Sabotage, hand_in: HandIn, ref: ModelRef
) -> None:
    task = await hand_in()
    claim = await store.claim_task(task.id, NOON)
    assert claim is not None
    await store.begin_step(task.id, claim.epoch, "answer", ref)
    await store.fail_step(
        task.id, claim.epoch, "answer", AttemptFailure("no", "busy", calls=[new_call(task_id=task.id)])
    )
    assert len(await store.calls(task_id=task.id)) == 1
    sabotage("BEFORE INSERT ON token_metrics")
    await store.begin_step(task.id, claim.epoch, "answer", ref)
    with pytest.raises(StoreError):
        await store.finish_step(task.id, claim.epoch, "answer", text="Yes", calls=[new_call(task_id=task.id)])
    assert (await store.task_detail(task.id)).steps[0].state == "running"


async def test_rows_outlive_their_session_without_its_name(store: Store, talk: Talk) -> None:
    session = await store.add_session()
    _, reply = await talk(session.id, "A secret quokka")
    await store.add_calls([new_call(session_id=session.id, message_id=reply.id)])
    key = (CallDimension.SESSION, session.id)
    assert await store.call_titles({key, (CallDimension.SESSION, ""), (CallDimension.KIND, "chat")}) == {
        key: "A secret quokka"
    }
    await store.delete_session(session.id)
    totals = await store.call_totals(CallFilter(session_id=session.id), (CallDimension.SESSION,))
    assert [(row.key, row.sums.calls) for row in totals.rows] == [((session.id,), 1)]
    assert await store.call_titles({key}) == {key: ""}


async def test_misses_are_turns_that_another_model_was_asked_again(store: Store) -> None:
    def turn(ref: ModelRef, turn_id: str, **more: Any) -> CallRecord:
        return new_call(ref, session_id="s", turn_id=turn_id, **more)

    await store.add_calls(
        [
            turn(SMALL, "one"),
            turn(SMALL, "two"),
            turn(LARGE, "two"),
            turn(SMALL, "three"),
            turn(SMALL, "three"),
            turn(SMALL, "four"),
            turn(LARGE, "four", outcome=CallOutcome.CANCELLED),
            turn(LARGE, "five"),
        ]
    )
    assert await store.misses(SMALL, CallFilter()) == (4, 1)
    assert await store.misses(SMALL, CallFilter(since=NOON + 1)) == (0, 0)


# what was cut


async def test_a_reply_that_a_crash_cut_is_a_row_once(path: Path, clock: Clock, ref: ModelRef) -> None:
    store = await Store.open(path, clock)
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hi", reply_ref=ref)
    await store.save_partial(reply.id, "x" * 400, "y" * 40, ref)
    await store.close()
    for _ in range(2):
        again = await Store.open(path, clock)
        [call] = await again.calls()
        await again.close()
    assert (call.outcome, call.labels.message_id, call.labels.session_id) == (
        CallOutcome.INTERRUPTED,
        reply.id,
        session.id,
    )
    assert (call.ref, call.prompt_tokens, call.completion_tokens, call.total_tokens) == (ref, None, None, None)
    assert call.estimated_completion_tokens == 110


async def test_a_reply_that_was_gone_on_with_counts_only_what_is_new(path: Path, clock: Clock, ref: ModelRef) -> None:
    store = await Store.open(path, clock)
    session = await store.add_session()
    _, reply, *_ = await store.begin_turn(session.id, user_id="u1", text="Hi", reply_ref=ref)
    first = new_call(ref, message_id=reply.id, completion_tokens=60)
    await store.finish_reply(reply.id, state=MessageState.STOPPED, text="x" * 240, calls=[first])
    await store.reopen_reply(reply.id)
    await store.save_partial(reply.id, "x" * 400)
    await store.close()
    again = await Store.open(path, clock)
    assert [call.estimated_completion_tokens for call in await again.calls()] == [None, 40]
    await again.close()


async def test_a_step_that_a_crash_cut_is_a_row_once(store: Store, path: Path, hand_in: HandIn, ref: ModelRef) -> None:
    task = await hand_in()
    claim = await store.claim_task(task.id, NOON)
    assert claim is not None
    await store.begin_step(task.id, claim.epoch, "answer", ref)
    await store.save_step(task.id, claim.epoch, "answer", "Half", "", 33)
    for _ in range(2):
        again = await Store.open(path, Clock())
        [call] = await again.calls()
        await again.close()
    assert (call.labels.kind, call.labels.task_id, call.labels.step) == (CallKind.STEP, task.id, "answer")
    assert (call.outcome, call.estimated_completion_tokens, call.timestamp) == (CallOutcome.INTERRUPTED, 33, NOON)


# what was there before


async def test_what_messages_and_steps_know_becomes_rows_once(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = migrations()
    monkeypatch.setattr(opening, "migrations", lambda: whole[:2])
    path.parent.mkdir()
    old = sqlite3.connect(path, isolation_level=None)
    opening.migrate(old)
    filled(old)
    old.close()
    monkeypatch.undo()
    for _ in range(2):
        store = await Store.open(path, clock)
        calls = await store.calls()
        await store.close()
    replies = [call for call in calls if call.labels.kind is CallKind.CHAT]
    assert [(call.labels.message_id, call.outcome, call.total_tokens) for call in replies] == [
        ("whole", CallOutcome.DONE, 46),
        ("stopped", CallOutcome.CANCELLED, None),
    ]
    assert replies[0].labels.turn_id == "asked"
    assert (replies[0].labels.task_type, replies[0].cached_tokens) == ("task", None)
    assert (replies[1].completion_tokens, replies[1].estimated_completion_tokens) == (None, 7)
    [step] = [call for call in calls if call.labels.kind is CallKind.STEP]
    assert (step.labels.task_id, step.labels.step, step.labels.task_type) == ("work", "answer", "task")
    assert (step.prompt_tokens, step.completion_tokens, step.estimated_completion_tokens) == (20, 30, 5)
    assert reduce(add, map(sums_of, calls)).total_tokens == 96


def filled(connection: sqlite3.Connection) -> None:
    """Two replies, a fork with a copy of one, a card, and a step with an attempt before its last."""
    connection.executescript(
        """
        INSERT INTO session (n, id, title, system, created, updated, forked_from)
        VALUES (1, 'first', '', '', 1, 1, NULL), (2, 'fork', '', '', 9, 9, 'first');
        INSERT INTO message (n, id, session_n, parent_n, author, state, created, backend, model, text, p, task_id)
        VALUES (1, 'asked', 1, NULL, 'user', 'complete', 1.5, NULL, NULL, 'Hi', 0.8, NULL),
            (2, 'whole', 1, 1, 'assistant', 'complete', 2.5, 'ollama', 'm', 'Yes', NULL, NULL),
            (3, 'stopped', 1, 1, 'assistant', 'stopped', 3.5, 'ollama', 'm', 'Ye', NULL, NULL),
            (4, 'copied', 2, NULL, 'assistant', 'complete', 2.5, 'ollama', 'm', 'Yes', NULL, NULL),
            (5, 'card', 1, 1, 'assistant', 'complete', 4.5, 'ollama', 'big', 'Done', NULL, 'work');
        INSERT INTO usage (message_n, prompt_tokens, completion_tokens, cached_tokens)
        VALUES (2, 12, 34, 13), (3, NULL, 7, NULL), (4, 12, 34, 13), (5, 20, 35, NULL);
        INSERT INTO task (n, id, state, priority, place, title, created, updated, steps_total, backend, model)
        VALUES (1, 'work', 'done', 2, 1, 'Work', 4, 5, 1, 'ollama', 'big');
        INSERT INTO task_body (task_n, plan, text) VALUES (1, '{"steps": []}', 'Work');
        INSERT INTO task_step (task_n, place, key, title, state, backend, model, prompt_tokens, completion_tokens,
            spent_tokens)
        VALUES (1, 0, 'answer', 'Answer', 'done', 'ollama', 'big', 20, 30, 5),
            (1, 1, 'yes', 'Yes', 'done', NULL, NULL, NULL, NULL, NULL);
        """
    )


async def test_a_total_that_is_no_sum_is_refused(store: Store, path: Path) -> None:
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            """
            INSERT INTO token_metrics (timestamp, backend, model_name, kind, outcome, prompt_tokens, total_tokens)
            VALUES (1, 'ollama', 'm', 'chat', 'done', 5, 6)
            """
        )
    connection.close()
