"""How alerts and budgets are told, the same on every screen and on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tale_tui.domain.events import Notice
from tale_tui.formatting.units import count

if TYPE_CHECKING:
    from tale_tui.domain.alerts import Alert
    from tale_tui.domain.budgets import BudgetUse

ABOUT = "alerts"
"""What a notice of an alert leads to."""
_NAMES = {
    "first_text": "first text of replies",
    "simple_task": "simple tasks",
    "switch": "another model",
    "memory": "memory of models",
    "failures": "tasks that fail",
    "silent": "a silent model",
    "queue": "a growing queue",
    "time_limit": "time limit of a task",
    "budget": "budget, nearly spent",
    "budget_spent": "budget, spent",
    "regression": "worse than before",
}
"""By the kind of an alert."""


def alert_name(alert: Alert) -> str:
    """What it is about, in a few words: `first text of replies`, `budget, spent (day)`."""
    name = _NAMES[alert.kind]
    return f"{name} ({alert.subject})" if alert.subject else name


def alert_state(alert: Alert) -> str:
    """Whether the figure is well again: `open`, `well again`."""
    return "open" if alert.ended is None else "well again"


def alert_notice(alert: Alert) -> Notice:
    """An alert as it is told when it is raised."""
    return Notice(f"Alert: {_NAMES[alert.kind]}", alert.sentence, "warning", ABOUT)


def broken_line(alerts: Iterable[Alert]) -> str:
    """What is not as it should be now: `first text of replies; budget, spent (day)`; empty where all is well."""
    return "; ".join(dict.fromkeys(alert_name(alert) for alert in alerts if alert.ended is None))


def whole_percent(share: float) -> str:
    """`12 %`, `140 %`: of what may be more than all."""
    return f"{share * 100:.0f} %"


def budget_sentence(use: BudgetUse) -> str:
    """`12k of 10k tokens of this day are spent.`, with its model where the budget is that of one."""
    whose = f" for {use.model}" if use.model else ""
    return f"{count(use.spent)} of {count(use.limit)} tokens of this {use.period.value}{whose} are spent."


def budget_left(use: BudgetUse) -> str:
    """`380 of 1.0k tokens of this day are left.`, with its model where the budget is that of one."""
    whose = f" for {use.model}" if use.model else ""
    left = max(use.limit - use.spent, 0)
    return f"{count(left)} of {count(use.limit)} tokens of this {use.period.value}{whose} are left."


def budget_words(use: BudgetUse) -> str:
    """For a line of several: `day 12k of 100k (12 %)`, `month of ollama/qwen2.5:7b 90 of 100 (90 %)`."""
    return f"{use.subject} {count(use.spent)} of {count(use.limit)} ({whole_percent(use.share)})"
