"""Forecasts in words: middles with their intervals, and how near they were."""

from __future__ import annotations

from tale_tui.domain.forecasts import (
    NEAR_SHARE,
    RUNS_MIN,
    Estimate,
    ForecastAccuracy,
    ForecastHistory,
    ForecastSummary,
    PastForecasts,
    StepEstimate,
    TaskForecast,
)
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import about, count, percent, plural, rough_clock

_WAITING_S = 5.0
"""A shorter wait for a slot is not told."""
LARGE = "large"
"""Said of what is foreseen to take more than the settings have said before it runs."""
_MONEY_DIGITS = 2


# short, beside a task


def clock_words(seconds: Estimate, runs: int) -> str:
    """How long it takes: `1:10 (0:45–1:50)`; from few runs `about 1:10, from 4 runs`.

    Args:
        seconds: that are foreseen.
        runs: of the model, that this is made from.
    """
    middle = rough_clock(seconds.middle)
    return f"about {middle}, {_from(runs)}" if runs < RUNS_MIN else f"{middle} {clock_interval(seconds)}"


def clock_interval(seconds: Estimate) -> str:
    """`(0:45–1:50)`."""
    return f"({rough_clock(seconds.low)}{signs().dash}{rough_clock(seconds.high)})"


def tok_words(tokens: Estimate, runs: int) -> str:
    """How much it writes: `620 tok (380–1.0k)`; without the interval from few runs."""
    middle = f"{count(tokens.middle)} tok"
    return middle if runs < RUNS_MIN else f"{middle} ({count(tokens.low)}{signs().dash}{count(tokens.high)})"


def waits_words(waiting: Estimate) -> str:
    """How long it waits for its slot before that: `waits about 0:40`; empty where that is hardly noticed."""
    return f"waits about {rough_clock(waiting.middle)}" if waiting.middle >= _WAITING_S else ""


def cost_words(cost: Estimate | None, runs: int) -> str:
    """What it costs: `cost 0.012 (0.008–0.02)`, without the interval from few runs; empty where its model has no
    price.
    """
    if cost is None:
        return ""
    if runs < RUNS_MIN:
        return f"cost {_money(cost.middle)}"
    return f"cost {_money(cost.middle)} ({_money(cost.low)}{signs().dash}{_money(cost.high)})"


def _money(amount: float) -> str:
    return f"{amount:.{_MONEY_DIGITS}g}" if amount < 1 else f"{amount:.2f}"


def past_words(past: PastForecasts) -> str:
    """How near earlier ones were: `tokens within 30 %: .52 of the last 50 (code)`; empty where there were none."""
    if not past.tasks:
        return ""
    share = f"{past.near_share:.2f}".removeprefix("0")
    kind = f" ({past.kind})" if past.kind else ""
    return f"tokens within {percent(NEAR_SHARE)}: {share} of the last {past.tasks}{kind}"


def near_words(share: float, tasks: int) -> str:
    """`52 % of the last 50 tasks within 30 %`.

    Args:
        share: of those tasks that were near.
        tasks: so many, one at least.
    """
    if tasks == 1:
        return f"the last task was {'' if share else 'not '}within {percent(NEAR_SHARE)}"
    return f"{percent(share)} of the last {tasks} tasks within {percent(NEAR_SHARE)}"


def summary_parts(forecast: ForecastSummary) -> list[str]:
    """All of it, piece by piece: whether it is large, complexity, tokens, time, the wait for a slot where there is one,
    and cost where there is a price.
    """
    time, tokens = (
        clock_words(forecast.seconds, forecast.runs),
        tok_words(forecast.completion_tokens, forecast.runs),
    )
    parts = (forecast.complexity, tokens, time, waits_words(forecast.waiting), cost_words(forecast.cost, forecast.runs))
    return [part for part in (LARGE if forecast.large else "", *parts) if part]


def summary_words(forecast: ForecastSummary) -> str:
    """The same in one line: `medium, 620 tok (380–1.0k), 1:10 (0:45–1:50), waits about 0:40`."""
    return ", ".join(summary_parts(forecast))


def left_words(left: Estimate, runs: int) -> str:
    """What is left of one that runs: `about 0:30 left (0:20–0:50)`; from few runs `about 0:30 left, from 4 runs`."""
    words = f"about {rough_clock(left.middle)} left"
    return f"{words}, {_from(runs)}" if runs < RUNS_MIN else f"{words} {clock_interval(left)}"


def foreseen_time(forecast: ForecastSummary) -> str:
    """Beside what came: `forecast 1:05 (0:40–1:40)`."""
    return f"forecast {clock_words(forecast.seconds, forecast.runs)}"


def foreseen_tokens(forecast: ForecastSummary) -> str:
    """Beside what came: `forecast 290 (180–470)`."""
    tokens = forecast.completion_tokens
    middle = f"forecast {count(tokens.middle)}"
    few = forecast.runs < RUNS_MIN
    return middle if few else f"{middle} ({count(tokens.low)}{signs().dash}{count(tokens.high)})"


def step_words(step: StepEstimate) -> str:
    """Of one step of a plan: `forecast 620 tok, 1:10`."""
    return f"forecast {count(step.completion_tokens.middle)} tok, {rough_clock(step.seconds.middle)}"


def _from(runs: int) -> str:
    return f"from {plural(runs, 'run')}" if runs else "no run of it yet"


# in full


def tokens_words(estimate: Estimate) -> str:
    """`about 310 tokens (180 to 520)`."""
    return f"about {count(estimate.middle)} tokens ({count(estimate.low)} to {count(estimate.high)})"


def seconds_words(estimate: Estimate) -> str:
    """`about 40 s (15 s to 2 min)`."""
    return f"about {about(estimate.middle)} ({about(estimate.low)} to {about(estimate.high)})"


def forecast_lines(forecast: TaskForecast) -> list[tuple[str, str]]:
    """What is foreseen, line by line, each with its name."""
    lines = [
        ("answer", tokens_words(forecast.completion_tokens)),
        ("prompt", tokens_words(forecast.prompt_tokens)),
        ("time", seconds_words(forecast.seconds)),
    ]
    if forecast.waiting.high >= 1:
        lines.append(("waits", f"{seconds_words(forecast.waiting)} for a slot"))
    if (cost := forecast.cost) is not None:
        lines.append(("cost", f"about {cost.middle:.4g} ({cost.low:.4g} to {cost.high:.4g})"))
    past = past_words(forecast.past)
    return [*lines, ("from", forecast.why), *([("past", past)] if past else [])]


def history_lines(history: ForecastHistory) -> list[str]:
    """How near forecasts were, in all and by kind of answer."""
    if not history.total.tasks:
        share, aim = percent(NEAR_SHARE), percent(history.aim)
        return [f"No task that was foreseen is done yet: how many are within {share} follows; the aim is {aim}"]
    near = near_words(history.total.near_share, history.total.tasks)
    return [f"{near}; the aim is {percent(history.aim)}", *map(_kind_words, history.kinds)]


def _kind_words(kind: ForecastAccuracy) -> str:
    return f"  {kind.kind:<12}{percent(kind.near_share):>6}  of {plural(kind.tasks, 'task')}"
