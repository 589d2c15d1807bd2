"""All models together: runs of one model, of one task, and numbers that cannot be."""

from __future__ import annotations

import math
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.scripted_history import scripted_history
from support.scripted_month import MonthTask, scripted_month
from tale_tui.domain.forecasts import Estimate, together
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.learning.forecaster import Forecaster
from tale_tui.engine.learning.history import LearnedRun, learned_run
from tale_tui.engine.learning.length_forecast import LengthForecast
from tale_tui.engine.store.task_forecasts import StepRun

MODEL, OTHER = "ollama/one", "ollama/other"
REF = ModelRef(BackendName.OLLAMA, "one")


def run(text: str, tokens: int, seconds: float | None = 5.0, task: str = "", model: str = MODEL) -> LearnedRun:
    return LearnedRun(model, text, None, 90, tokens, seconds, task)


def step_run(**more: object) -> StepRun:
    values = {"prompt_tokens": 90, "completion_tokens": 200, "seconds": 5.0, **more}
    return StepRun(1, 1.0, REF, "Write a poem", None, task_id="t", **values)  # type: ignore[arg-type]


def test_a_history_of_one_model_says_of_another_only_how_fast_this_machine_is() -> None:
    book, fresh = Forecaster(), Forecaster()
    book.learn(
        LearnedRun(MODEL, one.text, None, one.prompt_tokens, one.completion_tokens, one.completion_tokens / 5)
        for one in scripted_history(100)
    )
    [known], [other] = book.foresee(MODEL, ["Explain tides"]), book.foresee(OTHER, ["Explain tides"])
    [usual] = fresh.foresee(OTHER, ["Explain tides"])
    assert (known.runs, other.runs) == (100, 0)
    assert other.why == "no run of this model yet: what is usual"
    assert other.completion_tokens == usual.completion_tokens
    assert other.seconds.middle == pytest.approx(usual.seconds.middle * 0.2 / 0.07, rel=0.2)
    assert other.seconds.high / other.seconds.low > known.seconds.high / known.seconds.low


def test_the_steps_of_a_task_are_held_against_what_was_foreseen_before_its_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = list[int]()
    foresee = LengthForecast.foresee

    def watched(self: LengthForecast, prompt: object) -> object:
        known.append(self.runs)
        return foresee(self, prompt)  # type: ignore[arg-type]

    monkeypatch.setattr(LengthForecast, "foresee", watched)
    Forecaster().learn([run("a", 10, task="x"), run("b", 20, task="y"), run("a", 10, task="x"), run("c", 5)])
    assert known == [0, 0, 2, 3]


def covered(tasks: list[MonthTask]) -> tuple[list[bool], list[float]]:
    """Which tasks came within what was foreseen of them before, and how wide that was."""
    book, held, wide = Forecaster(), list[bool](), list[float]()
    for number, task in enumerate(tasks):
        texts = [f"Part {place}\n{task.text}" for place in range(len(task.steps))]
        found = together([step.completion_tokens for step in book.foresee(task.model, texts)])
        if number >= 50:
            held.append(found.holds(task.written))
            wide.append(found.high / found.low)
        book.learn(
            LearnedRun(task.model, text, None, read, written, seconds, str(number))
            for text, (read, written, seconds) in zip(texts, task.steps, strict=True)
        )
    return held, wide


@pytest.mark.long
def test_the_interval_of_a_month_of_tasks_with_steps_holds_what_came_as_often_as_it_says() -> None:
    months = [covered(scripted_month(seed)) for seed in range(1, 5)]
    held = [one for month, _ in months for one in month]
    assert 0.75 <= sum(held) / len(held) <= 0.86
    assert median(one for _, wide in months for one in wide) <= 3.6


@pytest.mark.parametrize("tokens", [0, -5, None, 10**12])
def test_a_run_whose_tokens_cannot_be_is_not_learned_from(tokens: int | None) -> None:
    assert learned_run(step_run(completion_tokens=tokens)) is None


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf, -math.inf, 1e15, None])
def test_seconds_that_cannot_be_are_left_out_and_the_rest_is_learned(seconds: float | None) -> None:
    found = learned_run(step_run(seconds=seconds, prompt_tokens=-3))
    assert found is not None
    assert (found.seconds, found.prompt_tokens, found.completion_tokens) == (None, None, 200)
    book = Forecaster()
    book.learn([found] * 20)
    [foreseen] = book.foresee(MODEL, ["Write a poem"])
    assert 150 < foreseen.completion_tokens.middle < 250
    assert 0 < foreseen.seconds.low <= foreseen.seconds.middle <= foreseen.seconds.high < math.inf


RUNS = st.lists(
    st.builds(
        run,
        st.text(max_size=60),
        st.integers(1, 10_000_000),
        st.none() | st.floats(1e-3, 30 * 86_400.0),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from([MODEL, OTHER]),
    ),
    max_size=40,
)


def sound(estimate: Estimate) -> bool:
    return 0 <= estimate.low <= estimate.middle <= estimate.high < math.inf


@settings(max_examples=60, deadline=None)
@given(RUNS, st.text(max_size=300))
def test_whatever_came_every_interval_holds_its_median(runs: list[LearnedRun], text: str) -> None:
    book = Forecaster()
    book.learn(runs)
    for found in book.foresee(MODEL, [text, ""]):
        assert sound(found.prompt_tokens)
        assert sound(found.completion_tokens)
        assert sound(found.seconds)


def test_the_same_task_with_lengths_that_contradict_each_other_has_an_interval_that_holds_them() -> None:
    book = Forecaster()
    book.learn(run("Write the report", 100 if number % 2 else 1_000) for number in range(120))
    [found] = book.foresee(MODEL, ["Write the report"])
    assert found.completion_tokens.low <= 110
    assert found.completion_tokens.high >= 900
