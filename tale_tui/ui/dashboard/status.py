"""The keys of the dashboard, and which of them matter for what is shown."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import BindingType

from tale_tui.ui.keys import binding

DASHBOARD_KEYS: list[BindingType] = [
    binding("dashboard.back", "escape", "back", "Back", "All plots again, then back to the chat"),
    binding("dashboard.first_token", "1", "plot(0)", "First token", "The time to the first token, large"),
    binding("dashboard.rate", "2", "plot(1)", "Tokens a second", "How fast models write, large"),
    binding("dashboard.waiting", "3", "plot(2)", "Waiting", "What waits for a model, large"),
    binding("dashboard.memory", "4", "plot(3)", "Memory", "The memory of the models, large"),
    binding("dashboard.processor", "5", "plot(4)", "Processor", "How busy the processor is, large"),
    binding("dashboard.tokens", "6", "plot(5)", "Tokens", "Tokens by model, large"),
    binding("dashboard.large", "enter", "large", "Large", "The plot that was chosen last over the whole screen"),
    binding("dashboard.longer", "right_square_bracket,right", "range(1)", "Longer", "Show a longer time"),
    binding("dashboard.shorter", "left_square_bracket,left", "range(-1)", "Shorter", "Show a shorter time"),
    binding("dashboard.model", "m", "model", "Model", "Show one model, the next one, then all again"),
    binding("dashboard.hold", "space", "hold", "Hold", "Leave what is shown as it is, then go on"),
    binding("dashboard.acknowledge", "a", "acknowledge", "Acknowledge", "The newest alert was read: show it no longer"),
    binding("dashboard.learning", "L", "app.show('learning')", "Learning", "What was learned, and how good it is"),
    binding(
        "dashboard.checkpoints", "C", "checkpoints", "Checkpoints", "What was kept after each step, and the way back"
    ),
    binding("dashboard.remembered", "M", "app.show('remembered')", "Remembered", "What is remembered, and found again"),
    binding("dashboard.again", "ctrl+r", "again", "Read again", "Read it again; without an engine, look for one"),
]


@dataclass(frozen=True, slots=True)
class DashboardSituation:
    """What the last line depends on."""

    narrow: bool = False
    large: bool = False
    held: bool = False
    away: bool = False
    """Whether there is no engine."""
    alerts: bool = False
    """Whether there is an alert that nobody acknowledged."""


Hint = tuple[str, str, str]
"""The id of a binding, what it does now, and how the key is named; empty for its own name."""


def hints(now: DashboardSituation) -> list[Hint]:
    """The keys that matter, the most wanted first, the one for all keys last."""
    if now.away:
        return [("dashboard.again", "try again", ""), ("dashboard.back", "chat", ""), ("app.help_outside", "", "")]
    found: list[Hint] = [("dashboard.back", "all plots", "")] if now.large else []
    if now.alerts:
        found.append(("dashboard.acknowledge", "acknowledge", ""))
    plots = "other" if now.large else "plots" if now.narrow else "large"
    found.append(("dashboard.first_token", plots, "1-6"))
    found.append(("dashboard.shorter", "range", "[ ]"))
    if now.narrow and not now.large:
        found.append(("dashboard.large", "large", ""))
    return [
        *found,
        ("dashboard.hold", "go on" if now.held else "hold", ""),
        ("dashboard.model", "model", ""),
        ("dashboard.learning", "learning", ""),
        ("dashboard.checkpoints", "checkpoints", ""),
        ("app.help_outside", "", ""),
    ]
