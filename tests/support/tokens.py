"""What was spent in tests of the tokens screen, and a window that shows nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import tale_tui.ui
from support.calls import LARGE, SMALL, new_call
from support.screen_app import NOW, ScreenApp
from support.scripted_engine import ScriptedEngine
from support.tasks import detail_of, plain, task
from tale_tui.config.settings import ModelPrice
from tale_tui.domain.budgets import BudgetPeriod, BudgetUse
from tale_tui.domain.errors import TaleError
from tale_tui.domain.metrics import CallKind, CallOutcome, RunningCall, TokenSavings
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.ui.tokens.screen import TokensScreen

OTHER = ModelRef(BackendName.OPENAI, "gpt-4o-mini-2024-07-18")


class TokensApp(ScreenApp):
    """A window that shows the tokens and nothing else."""

    CSS_PATH: ClassVar = [str(Path(tale_tui.ui.__file__).parent / "tokens/tokens.tcss")]

    def __init__(self, engine: ScriptedEngine, theme: str = "tale-dark", broken: TaleError | None = None) -> None:
        super().__init__(engine, lambda bridge, clock: TokensScreen(bridge, None, clock), theme, broken)

    @property
    def tokens(self) -> TokensScreen:
        """The screen."""
        assert isinstance(self.shown, TokensScreen)
        return self.shown


def busy() -> ScriptedEngine:
    """A day with some talk in every hour, a few tasks, a failure and calls without numbers; one task writes."""
    engine = plain()
    titles = {
        "k4t9": "Fibonacci function",
        "m2x7": "Compare three databases",
        "w9d4": "Letter to the landlord",
        "z3h6": "Translate the manual of the washing machine",
    }
    for name, title in titles.items():
        running = {"started_ago": 42, "running_since_ago": 42} if name == "k4t9" else {"finished_ago": 60}
        engine.give(detail_of(task(name, title, "running" if name == "k4t9" else "done", **running)))
    ids = [f"{name}00000000000" for name in titles]
    for number in range(120):
        at = NOW - 60 - number * 700
        engine.rows.append(
            new_call(
                SMALL, at, prompt_tokens=120 + number * 37 % 400, completion_tokens=40 + number * 53 % 300,
                cached_tokens=number * 37 % 100, tokens_per_second=38.0 + number % 8, ttft_ms=260.0 + number % 90,
                session_id=f"session{number // 20:02}aaaaaaa", task_type="chat",
            )
        )  # fmt: skip
        if number % 7 == 3:
            engine.rows.append(
                new_call(
                    LARGE, at + 5, CallKind.STEP, role=Role.TASK, prompt_tokens=600 + number * 11,
                    completion_tokens=900 + number * 13 % 2000, thinking_tokens=100 + number, cached_tokens=50,
                    tokens_per_second=11.8, ttft_ms=1920.0, task_id=ids[number % 4], step=f"step {number % 3 + 1}",
                    task_type="task", complexity=("simple", "medium", "complex")[number % 3],
                )
            )  # fmt: skip
    lost = {"prompt_tokens": None, "completion_tokens": None, "outcome": CallOutcome.FAILED, "error": "timeout"}
    for seconds in (500, 9000, 20_000):
        engine.rows.append(new_call(LARGE, NOW - seconds, CallKind.STEP, estimated_completion_tokens=370, **lost))
    engine.rows.sort(key=lambda row: row.timestamp)
    engine.saved = TokenSavings(SMALL, LARGE, 0.38, 0.3, 0.61, 0.5, turns=118, misses=2)
    engine.running = [RunningCall(LARGE, Role.TASK, CallKind.STEP, NOW - 34, 316, 11.8)]
    return engine


def wide() -> ScriptedEngine:
    """As `busy`, with prices, a third model, and numbers of many digits."""
    engine = busy()
    engine.prices = {
        str(LARGE): ModelPrice(prompt=2.5, completion=10.0),
        str(OTHER): ModelPrice(prompt=0.15, cached=0.075, completion=0.6),
    }
    engine.budgets = [
        BudgetUse(BudgetPeriod.DAY, "", 380_000, 183_000, NOW - 12 * 3600),
        BudgetUse(BudgetPeriod.MONTH, "", 3_000_000, 2_430_000, NOW - 7 * 86_400),
    ]
    for number in range(12):
        engine.rows.append(
            new_call(
                OTHER, NOW - 600 - number * 6000, CallKind.STEP, role=Role.TASK, prompt_tokens=4000,
                completion_tokens=2500 + number * 100, cached_tokens=1000, thinking_tokens=800,
                tokens_per_second=104.0, ttft_ms=640.0, task_type="task", task_id="m2x700000000000",
            )
        )  # fmt: skip
    engine.rows.sort(key=lambda row: row.timestamp)
    return engine
