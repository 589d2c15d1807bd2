"""What failed lately: calls that fail together count once, pauses grow, and a breaker opens and closes again."""

from __future__ import annotations

import pytest

from tale_tui.domain.constants import BREAKER_OPEN_MAX_S, BREAKER_OPEN_S, BREAKER_OPENS_AFTER, RESTART_PAUSE_S
from tale_tui.domain.errors import (
    BackendCrashed,
    BrokenStream,
    ContextFull,
    ModelError,
    ModelNotFound,
    OutOfMemory,
    Refused,
    ServerBusy,
    TimedOut,
    Unreachable,
)
from tale_tui.domain.models import BackendHealth, BackendName, ModelRef
from tale_tui.engine.models.loading.breaker import Breakers, pause_s

BIG = ModelRef(BackendName.OLLAMA, "big")
SMALL = ModelRef(BackendName.OLLAMA, "small")


class Timer:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def breakers(timer: Timer) -> Breakers:
    return Breakers(timer)


def fail(breakers: Breakers, timer: Timer, ref: ModelRef = BIG, error: ModelError | None = None) -> bool:
    timer.time += 1
    return breakers.failed(ref, error or BackendCrashed("It ended."), timer.time)


def test_it_opens_after_a_few_failures_and_closes_when_a_call_works(breakers: Breakers, timer: Timer) -> None:
    for _ in range(BREAKER_OPENS_AFTER - 1):
        assert fail(breakers, timer)
        assert not breakers.open(BIG)
    fail(breakers, timer)
    assert breakers.open(BIG)
    timer.time += BREAKER_OPEN_S
    assert not breakers.open(BIG)
    assert breakers.wait_s(BIG) == 0
    assert breakers.worked(BIG) == BREAKER_OPENS_AFTER - 1 + BREAKER_OPEN_S
    assert breakers.worked(BIG) is None
    assert not breakers.troubled(BIG)


def test_one_trial_that_fails_opens_it_again_for_longer(breakers: Breakers, timer: Timer) -> None:
    for _ in range(BREAKER_OPENS_AFTER):
        fail(breakers, timer)
    timer.time += BREAKER_OPEN_S
    fail(breakers, timer)
    timer.time += BREAKER_OPEN_S
    assert breakers.open(BIG)
    timer.time += BREAKER_OPEN_S
    assert not breakers.open(BIG)


def test_calls_that_were_under_way_together_count_once(breakers: Breakers, timer: Timer) -> None:
    timer.time = 200.0
    assert [breakers.failed(BIG, BackendCrashed("It ended."), 150.0) for _ in range(100)] == [True] + [False] * 99
    assert not breakers.open(BIG)


def test_one_model_does_not_answer_for_another_but_a_server_does(breakers: Breakers, timer: Timer) -> None:
    for _ in range(BREAKER_OPENS_AFTER):
        fail(breakers, timer)
    assert not breakers.open(SMALL)
    for _ in range(BREAKER_OPENS_AFTER):
        fail(breakers, timer, error=Unreachable("Nothing answers."))
    assert breakers.open(SMALL)
    assert not breakers.open(ModelRef(BackendName.EMBEDDED, "other"))


@pytest.mark.parametrize("error", [ContextFull, ModelNotFound, OutOfMemory, Refused, ServerBusy])
def test_what_was_asked_is_not_the_fault_of_the_model(
    breakers: Breakers, timer: Timer, error: type[ModelError]
) -> None:
    assert not fail(breakers, timer, error=error("No."))
    assert not breakers.troubled(BIG)


@pytest.mark.parametrize("error", [BackendCrashed, BrokenStream, TimedOut, Unreachable])
def test_what_is_counted(breakers: Breakers, timer: Timer, error: type[ModelError]) -> None:
    assert fail(breakers, timer, error=error("No."))
    assert breakers.wait_s(BIG) == RESTART_PAUSE_S


def test_somebody_who_wants_it_now_is_not_kept_waiting(breakers: Breakers, timer: Timer) -> None:
    for _ in range(BREAKER_OPENS_AFTER):
        fail(breakers, timer)
    breakers.forgive(BIG)
    assert not breakers.open(BIG)
    assert breakers.wait_s(BIG) == 0


def test_health_names_servers_and_the_models_in_trouble(breakers: Breakers, timer: Timer) -> None:
    assert breakers.health(("ollama",), 1000.0) == (BackendHealth("ollama", "ok"),)
    fail(breakers, timer)
    assert breakers.health(("ollama",), 1000.0) == (
        BackendHealth("ollama", "ok"),
        BackendHealth("ollama/big", "trying", 1, 1000.0 + RESTART_PAUSE_S, "It ended."),
    )
    fail(breakers, timer)
    fail(breakers, timer)
    assert breakers.health((), 1000.0) == (
        BackendHealth("ollama/big", "open", 3, 1000.0 + BREAKER_OPEN_S, "It ended."),
    )
    timer.time += BREAKER_OPEN_S
    assert breakers.health((), 1000.0) == (BackendHealth("ollama/big", "trying", 3, None, "It ended."),)


def test_pauses_grow_to_a_limit() -> None:
    pauses = [pause_s(failures) for failures in range(1, 20)]
    assert pauses[:4] == [RESTART_PAUSE_S, 2 * RESTART_PAUSE_S, BREAKER_OPEN_S, 2 * BREAKER_OPEN_S]
    assert pauses == sorted(pauses)
    assert pauses[-1] == BREAKER_OPEN_MAX_S


def test_a_server_that_answers_again_is_in_no_trouble(breakers: Breakers, timer: Timer) -> None:
    fail(breakers, timer, BIG, Unreachable("Nothing answers."))
    assert breakers.troubled(SMALL)
    timer.time += RESTART_PAUSE_S
    assert breakers.worked(SMALL) == RESTART_PAUSE_S
    assert not breakers.troubled(BIG)
