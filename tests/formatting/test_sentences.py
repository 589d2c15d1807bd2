"""What is asked about tasks that wait because of a budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.scripted_engine import FORECAST
from support.tasks import task
from tale_tui.domain.budgets import BudgetPeriod, BudgetUse
from tale_tui.domain.tasks import Reason
from tale_tui.formatting.sentences import budget_question, describe
from tale_tui.formatting.tasks import state_words

DAY = BudgetUse(BudgetPeriod.DAY, "", 1000, 620, 0.0)
MODEL = BudgetUse(BudgetPeriod.MONTH, "ollama/qwen3:14b", 100, 160, 0.0)
POEM = task("k4t9", "Poem", "waiting", reason=Reason.BUDGET, forecast=FORECAST.summary)
LONG = task("m2x7", "Story", "waiting", reason=Reason.LENGTH, completion_tokens=2100)


def test_more_than_is_left_names_what_is_foreseen_and_what_is_left() -> None:
    question, detail = budget_question([POEM, POEM], [DAY])
    assert question == "More is foreseen than the budget has left: 2 tasks wait for your yes"
    assert detail.startswith("“Poem” (k4t9) is to take about 145 tokens.")
    assert detail.endswith("380 of 1.0k tokens of this day are left.")


def test_a_spent_budget_is_said_alone() -> None:
    question, detail = budget_question([POEM], [DAY, MODEL])
    assert question == "The budget is spent: 1 task waits for your yes"
    assert detail == "160 of 100 tokens of this month for ollama/qwen3:14b are spent."


def test_one_that_writes_far_more_says_how_much_and_how_it_is_ended() -> None:
    question, detail = budget_question([LONG], [])
    assert question == "Far longer than its like: 1 task waits for your yes"
    assert detail.startswith("“Story” (m2x7) has written 2.1k tok.")
    assert "approve ID --no" in detail


@pytest.mark.parametrize(
    ("tokens", "words"), [(2100, "go on past 2.1k tok?"), (None, "go on, far longer than its like?")]
)
def test_its_state_is_the_question(tokens: int | None, words: str) -> None:
    assert state_words(replace(LONG, completion_tokens=tokens), 0.0) == words
    assert "asks whether to go on" in describe(LONG, 0.0)
