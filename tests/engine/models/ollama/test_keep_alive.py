"""How long models stay: what a call asks for, and what is said of them at the end."""

from __future__ import annotations

import pytest

from tale_tui.engine.models.ollama.keep_alive import AT_ONCE, FOR_EVER, KeepAlive

NAME = "small:1b"
OPTIONS: dict[str, object] = {"num_ctx": 2048}
CENTURIES_S = 9e9


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def models(clock: Clock) -> KeepAlive:
    return KeepAlive(None, clock)


def call(models: KeepAlive) -> None:
    with models.call(NAME, NAME, OPTIONS):
        pass


def kept_s(models: KeepAlive, own_s: int = 300) -> int | None:
    found = models.let_go(NAME, own_s)
    return found and found[1]


def test_what_was_loaded_from_here_stays_as_long_as_is_said(models: KeepAlive, clock: Clock) -> None:
    call(models)
    models.looked([(NAME, clock() + 600)])
    clock.now_s += 100
    call(models)
    models.looked([(NAME, clock() + 604)])  # the call ended a little later there
    found = models.let_go(NAME, 300)
    assert found is not None
    assert (found[0].model, found[0].options, found[1]) == (NAME, OPTIONS, 300)
    assert models.let_go(NAME, 300) is None, "once"


def test_a_server_whose_clock_is_wrong_is_understood(models: KeepAlive, clock: Clock) -> None:
    for _ in range(3):
        call(models)
        models.looked([(NAME, clock() + 4000)])
        clock.now_s += 100
    assert kept_s(models) == 300


@pytest.mark.parametrize("left_s", [700.0, 60.0, CENTURIES_S])
def test_a_time_that_moved_without_a_call_is_that_of_somebody_else(
    left_s: float, models: KeepAlive, clock: Clock
) -> None:
    call(models)
    models.looked([(NAME, clock() + 600)])
    models.looked([(NAME, clock() + left_s)])
    call(models)
    models.looked([(NAME, clock() + models.seconds(NAME))])
    assert models.seconds(NAME) == (FOR_EVER if left_s == CENTURIES_S else max(600, left_s))
    assert kept_s(models) is None


def test_while_a_call_is_under_way_and_after_one_that_was_stopped_a_time_says_nothing(
    models: KeepAlive, clock: Clock
) -> None:
    call(models)
    models.looked([(NAME, clock() + 600)])
    with models.call(NAME, NAME, OPTIONS):
        clock.now_s += 100
        models.looked([(NAME, clock() + 600)])  # Ollama makes up one for a model at work
        assert not models.runs_out(NAME)
    models.looked([(NAME, clock() + 500)])  # not over there yet
    models.looked([(NAME, clock() + 603)])
    assert kept_s(models) == 300


@pytest.mark.parametrize(("left_s", "kept"), [(900.0, 800), (50.0, AT_ONCE), (CENTURIES_S, None), (None, None)])
def test_what_was_there_before_stays_as_long_as_it_would_have(
    left_s: float | None, kept: int | None, models: KeepAlive, clock: Clock
) -> None:
    models.looked([(NAME, None if left_s is None else clock() + left_s)])
    call(models)
    asked_s = models.seconds(NAME)
    expires = None if left_s is None else clock() + (CENTURIES_S if asked_s == FOR_EVER else asked_s + 20)
    clock.now_s += 100
    models.looked([(NAME, expires)])
    assert kept_s(models) == kept


def test_what_is_gone_is_left_so_and_counts_as_loaded_from_here_when_it_comes_again(
    models: KeepAlive, clock: Clock
) -> None:
    models.looked([(NAME, clock() + 900)])
    call(models)
    models.looked([])
    assert kept_s(models) is None
    call(models)
    models.looked([(NAME, clock() + 600)])
    assert kept_s(models) == 300


def test_it_runs_out_when_less_than_five_minutes_are_left(models: KeepAlive, clock: Clock) -> None:
    assert not models.runs_out(NAME)
    models.looked([(NAME, clock() + 600)])
    assert not models.runs_out(NAME)
    clock.now_s += 301
    assert models.runs_out(NAME)
    models.looked([(NAME, clock() + CENTURIES_S)])
    assert not models.runs_out(NAME)


def test_a_second_name_of_the_same_weights_is_one_model(models: KeepAlive, clock: Clock) -> None:
    models.looked([("owner:1b", clock() + CENTURIES_S)])
    call(models)
    models.runs_as(NAME, "owner:1b")
    models.looked([("owner:1b", clock() + 600)])
    assert models.using() == ("owner:1b",)
    assert models.seconds("owner:1b") == FOR_EVER
    found = models.let_go("owner:1b", 300)
    assert found is not None
    assert (found[0].model, found[1]) == (NAME, FOR_EVER)


def test_a_time_that_the_user_set_is_all_there_is(clock: Clock) -> None:
    models = KeepAlive(5, clock)
    call(models)
    models.looked([(NAME, clock() + 5)])
    assert models.seconds(NAME) == 5
    assert not models.runs_out(NAME)
    assert kept_s(models) is None
