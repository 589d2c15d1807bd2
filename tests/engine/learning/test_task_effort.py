"""What tasks took gives them a level, and numbers that cannot be give none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.complexity import Complexity
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.learning.task_effort import efforts
from tale_tui.engine.store.task_forecasts import EndedTask

BIG = ModelRef(BackendName.SCRIPTED, "big")
SIMPLE, MEDIUM, COMPLEX = Complexity
SPEED = 20.0
"""Tokens a second."""


def ended(tokens: int, *, text: str = "x", steps: int = 1, factor: float = 1.0, finished: float = 1.0) -> EndedTask:
    """A task that took `factor` times as long as its model usually does."""
    return EndedTask(text, BIG, tokens, factor * tokens / SPEED, steps, finished)


USUAL = [ended(100, text=f"usual {number}") for number in range(9)]


@pytest.mark.parametrize(
    ("task", "level"),
    [
        (ended(100), SIMPLE),
        (ended(250), SIMPLE),
        (ended(400), MEDIUM),
        (ended(2_000), COMPLEX),
        (ended(100, factor=50), SIMPLE),
        (ended(2_000, factor=0.01), SIMPLE),
        (ended(400, steps=3, factor=50), MEDIUM),
        (ended(100, steps=5, factor=9), COMPLEX),
        (ended(500, steps=4), MEDIUM),
        (EndedTask("x", BIG, 2_000, 0.0, 1, 1.0), COMPLEX),
        (EndedTask("x", BIG, 2_000, -5.0, 1, 1.0), COMPLEX),
        (EndedTask("x", None, 2_000, 100.0, 1, 1.0), COMPLEX),
    ],
)
def test_the_middle_of_tokens_time_and_steps_counts(task: EndedTask, level: Complexity) -> None:
    assert {each.text: each.level for each in efforts([*USUAL, task])}["x"] is level


def test_of_labels_of_one_text_that_contradict_each_other_the_middle_one_counts_once() -> None:
    tasks = [ended(tokens, finished=when) for when, tokens in enumerate((2_000, 50, 400))]
    [found] = efforts(tasks)
    assert (found.level, found.created) == (MEDIUM, 2)
    assert len(efforts([ended(300) for _ in range(1_000)])) == 1


@pytest.mark.parametrize("tokens", [0, -5, 10**12])
def test_impossible_numbers_say_nothing(tokens: int) -> None:
    assert efforts([EndedTask("x", BIG, tokens, 1.0, 1, 1.0)]) == []


def test_an_empty_text_says_nothing() -> None:
    assert efforts([ended(300, text=" \n")]) == []


@given(st.integers(1, 5_000), st.integers(1, 9), st.floats(0.1, 10))
def test_a_slow_machine_makes_no_task_hard(tokens: int, steps: int, slower: float) -> None:
    here = [*USUAL, ended(tokens, steps=steps)]
    there = [EndedTask(t.text, t.ref, t.completion_tokens, t.worked_s * slower, t.steps, t.finished) for t in here]
    levels = [{each.text: each.level for each in efforts(tasks)}["x"] for tasks in (here, there)]
    assert levels[0] is levels[1]
