"""The row of a call, however it ended."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from tale_tui.domain.errors import ServerBusy, Unreachable
from tale_tui.domain.metrics import CallKind, CallLabels, CallOutcome, CallRecord
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Role
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, Finished, PromptRead, TextPiece
from tale_tui.engine.models.call_meter import CallMeter, MeteredCall
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.registry import given_backends
from tale_tui.engine.models.scripted import Fail, Hold, Say, Script, ScriptedBackend, spoken

REF = ModelRef(BackendName.SCRIPTED, "demo")
MESSAGES = (ChatMessage("system", "Be brief."), ChatMessage("user", "Hi."))
NOW = 1_794_139_200.0


@dataclass
class Calls:
    """Keeps rows, and turns the clock."""

    rows: list[CallRecord] = field(default_factory=list)
    time: float = 50.0

    def record(self, call: CallRecord) -> None:
        self.rows.append(call)

    def clock(self) -> float:
        return self.time


@pytest.fixture
def calls() -> Calls:
    return Calls()


def measured(
    calls: Calls, *events: tuple[float, BackendEvent], error: BaseException | None = None, **labels: object
) -> CallRecord:
    """The row of a call in which events come after so many seconds."""
    call = MeteredCall(REF, Role.UX, CallLabels(**labels), MESSAGES)  # type: ignore[arg-type]
    meter = CallMeter(call, lambda: NOW, calls.clock, lambda _, row: calls.record(row))
    try:
        with meter:
            for seconds, event in events:
                calls.time += seconds
                meter.take(event)
            if error is not None:
                raise error
    except type(error or Exception()):
        pass
    return calls.rows[-1]


def test_a_call_that_went_well_has_what_the_server_said(calls: Calls) -> None:
    end = Finished(FinishReason.STOP, 100, 40, 60, 500.0, 10.0, 1000.0, 30)
    row = measured(
        calls, (1.0, TextPiece("Hm", thinking=True)), (1.0, TextPiece("a")), (1.0, end), asked=47.0, loaded_ms=1000.0
    )
    assert (row.outcome, row.error, row.timestamp, row.ref, row.role) == (CallOutcome.DONE, "", NOW, REF, Role.UX)
    assert (row.prompt_tokens, row.cached_tokens, row.completion_tokens, row.thinking_tokens) == (100, 60, 40, 30)
    assert row.total_tokens == 140
    assert row.tokens_per_second == 40.0
    assert (row.ttft_ms, row.load_ms, row.waiting_ms, row.total_ms) == (1500.0, 1500.0, 2000.0, 3000.0)
    assert row.own_prompt_tokens == 25  # 3 of 12 characters
    assert (row.estimated_prompt_tokens, row.estimated_completion_tokens) == (None, None)


def test_what_the_server_did_not_say_is_unknown_or_an_estimate_in_its_own_column(calls: Calls) -> None:
    row = measured(calls, (1.0, TextPiece("a", tokens=2)), (1.0, Finished(FinishReason.STOP)))
    assert row.outcome is CallOutcome.DONE
    assert (row.prompt_tokens, row.completion_tokens, row.total_tokens, row.tokens_per_second) == (None,) * 4
    assert (row.estimated_prompt_tokens, row.estimated_completion_tokens) == (3, 2)


def test_a_part_is_never_more_than_its_whole(calls: Calls) -> None:
    row = measured(calls, (1.0, Finished(FinishReason.STOP, 10, 5, 11, thinking_tokens=6)))
    assert (row.cached_tokens, row.thinking_tokens) == (None, None)


def test_a_server_that_was_not_reached_spent_nothing(calls: Calls) -> None:
    row = measured(calls, error=Unreachable("nobody"))
    assert (row.outcome, row.error) == (CallOutcome.FAILED, "unreachable")
    assert (row.estimated_prompt_tokens, row.estimated_completion_tokens) == (None, None)


def test_a_call_that_was_stopped_while_the_prompt_was_read_has_what_was_read(calls: Calls) -> None:
    row = measured(calls, (0.5, PromptRead(64, 512)), error=asyncio.CancelledError())
    assert (row.outcome, row.estimated_prompt_tokens) == (CallOutcome.CANCELLED, 64)


def test_an_answer_without_an_end_has_failed(calls: Calls) -> None:
    row = measured(calls, (0.5, TextPiece("a")))
    assert (row.outcome, row.error, row.estimated_completion_tokens) == (CallOutcome.FAILED, "broken_stream", 1)


def pool_of(backend: ScriptedBackend, calls: Calls) -> Pool:
    return Pool(
        given_backends({BackendName.SCRIPTED: backend}),
        window=0,
        probe_s=1.0,
        monotonic=calls.clock,
        calls=calls,
        now=lambda: NOW,
    )


REQUEST = ChatRequest("demo", MESSAGES, 4096, 10, role=Role.TASK, labels=CallLabels(CallKind.TITLE, session_id="s1"))


async def test_the_pool_makes_a_row_of_every_load_and_every_call(calls: Calls) -> None:
    backend = ScriptedBackend([spoken("a", "b"), Script((Fail(ServerBusy("later")),))])
    pool = pool_of(backend, calls)
    await pool.load(REF)
    await pool.load(REF)
    async with aclosing(pool.chat(REF, REQUEST)) as events:
        assert [event async for event in events]
    with pytest.raises(ServerBusy):
        async with aclosing(pool.chat(REF, REQUEST)) as events:
            assert not [event async for event in events]
    assert [(row.labels.kind, row.outcome, row.error) for row in calls.rows] == [
        (CallKind.LOAD, CallOutcome.DONE, ""),
        (CallKind.TITLE, CallOutcome.DONE, ""),
        (CallKind.TITLE, CallOutcome.FAILED, "busy"),
    ]
    assert len(calls.rows) == len(backend.loads) + len(backend.requests)
    assert (calls.rows[1].role, calls.rows[1].labels.session_id) == (Role.TASK, "s1")


async def test_a_call_that_is_closed_is_a_row_and_shows_while_it_runs(calls: Calls) -> None:
    pool = pool_of(ScriptedBackend([Script((Say("a"), Say("b"), Say("c"), Hold(asyncio.Event())))]), calls)
    async with aclosing(pool.chat(REF, REQUEST)) as events:
        for _ in range(3):
            calls.time += 1.0
            await anext(events)
        [running] = pool.running
        assert (running.ref, running.kind, running.tokens, running.tokens_per_second) == (REF, CallKind.TITLE, 3, 1.0)
    assert pool.running == ()
    [row] = calls.rows
    assert (row.outcome, row.completion_tokens, row.estimated_completion_tokens) == (CallOutcome.CANCELLED, None, 3)


async def test_a_load_that_fails_is_a_row(calls: Calls) -> None:
    backend = ScriptedBackend([spoken("a")])
    pool = pool_of(backend, calls)
    await pool.window(REF)
    backend.away = Unreachable("gone")
    with pytest.raises(Unreachable):
        await pool.load(REF)
    assert [(row.labels.kind, row.outcome, row.error) for row in calls.rows] == [
        (CallKind.LOAD, CallOutcome.FAILED, "unreachable")
    ]
