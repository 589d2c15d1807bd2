"""How tasks are told: signs, states and times, the same on every screen and on the command line.

Pure functions of a `Task` and of the present (`now`, seconds since the epoch). What comes from a task is one line and
safe already: titles and errors passed the border when they were stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tale_tui.domain.forecasts import RUNS_MIN, Estimate, remaining_seconds
from tale_tui.formatting.forecasts import (
    clock_interval,
    clock_words,
    foreseen_time,
    foreseen_tokens,
    left_words,
)
from tale_tui.formatting.servers import server_name
from tale_tui.formatting.symbols import Signs, signs
from tale_tui.formatting.units import about, bar, clock, count, format_probability, plural, rough_clock, when

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task

Tone = Literal["work", "look", "ok", "bad", "quiet"]
"""How loud a state is: at work, needs the user, went well, went wrong, nothing to see."""

DOES_TASKS = "works on tasks"
"""Why the model of the role task does a task, where nothing else is to be said."""
YOU_CHOSE = "you chose it"
"""Why a model does what the user gave to it."""

TIMES_WIDTH = len("10:42, longer than usual")
"""Cells that `times` needs at most."""
SHORT_TIMES_WIDTH = len("10:42 ~10:30")
"""The same of `short_times`."""
FORECAST_TIMES_WIDTH = len("0:42, about 0:30 left (0:20–0:50)")
"""Cells that `times` keeps free where the end of a task is foreseen; ten minutes and more take what they need."""
SHORT_FORECAST_TIMES_WIDTH = len("0:42 ~0:30 (0:20–0:50)")
"""The same of `short_times`."""

_MINUTE_S = 60.0
"""A moment that is so long ago is told by its time."""

_MOMENT_S = 1e-3

_TONES: dict[str, Tone] = {"running": "work", "waiting": "look", "done": "ok", "failed": "bad"}
_SIGNS = {
    "draft": "waiting",
    "waiting": "asks",
    "queued": "waiting",
    "running": "working",
    "paused": "paused",
    "done": "done",
    "failed": "wrong",
    "cancelled": "dash",
}
_ERRORS = {
    "unreachable": "server away",
    "not_found": "no such model",
    "out_of_memory": "out of memory",
    "crashed": "model ended",
    "context_full": "window full",
    "not_authorised": "wants a key",
    "busy": "server busy",
    "timed_out": "took too long",
    "step_timed_out": "took too long",
    "broken_stream": "broke off",
    "refused": "refused",
    "damaged": "model damaged",
    "no_model": "no model",
    "disk_full": "disk full",
    "bad_plan": "bad plan",
    "budget_spent": "budget spent",
}
"""Class of an error, as in errors.py -> what a list says of it."""


# what it is


def sign(task: Task, *, of: Signs | None = None) -> str:
    """The sign of its state, one cell.

    Args:
        task: whose.
        of: the set of signs; None takes those of this process.
    """
    name = "away" if _waits_for_server(task) else _SIGNS[task.state]
    return str(getattr(of or signs(), name))


def tone(task: Task) -> Tone:
    """How loud it is shown; what was interrupted waits for somebody to let it go on."""
    if task.state == "paused" and task.reason == "interrupted":
        return "look"
    return _TONES.get(task.state, "quiet")


def chip(task: Task) -> str:
    """That it is a task, and how sure that is: `task .93`; without a number where somebody said so."""
    return "task" if task.p is None else f"task {format_probability(task.p)}"


def model_name(task: Task) -> str:
    """The model that does it, did it or would; empty where that is not known."""
    return "" if task.ref is None else task.ref.model


def acknowledgement(task: Task) -> str:
    """What is said above the card of a task that runs, or will by itself; empty for any other."""
    doing = {"running": "is working on it", "queued": "will work on it"}.get(task.state)
    reason = f" ({reason_words(task)})" if reason_words(task) else ""
    name = model_name(task) or "The big model"
    return f"{name} {doing}{reason}. Go on talking; it will show up here." if doing else ""


def reason_words(task: Task) -> str:
    """Why another model than usual does it: `simple .91: small model`; empty where the usual one does, or the user said
    so.
    """
    return "" if task.why.startswith((DOES_TASKS, YOU_CHOSE)) else task.why.partition(";")[0]


# where it is


def state_words(task: Task, now: float, *, doing: str = "") -> str:
    """Where it is: `1 of 3 done, writing`, `1 of 6 done, 3 running`, `planning`, `waits for k4t9`, `waits for Ollama
    since 14:02`, `again in 12 s`, `approve 14 steps`, `out of memory`.

    Args:
        task: whose.
        now: the present.
        doing: what is going on in the step that runs (`writing`), where that is known better than by its title.
    """
    if task.state == "running":
        if task.steps_total > 1:
            place, words = f"{task.steps_done} of {task.steps_total} done", _under_way(task, doing)
            return f"{place}, {words}" if words else place
        return _planning_words(doing) if not task.steps_total else doing or "working"
    return _still_words(task, now)


def short_state(task: Task, now: float, *, doing: str = "") -> str:
    """As `state_words`, for narrow places: `1/3 writing`, `1/6, 3 running`."""
    if task.state == "running" and task.steps_total > 1:
        between = ", " if task.steps_running > 1 else " "
        return f"{steps_place(task)}{between}{_under_way(task, doing)}".rstrip()
    if _waits_for_server(task):
        return f"waits for {_server(task)}"
    return state_words(task, now, doing=doing)


def _planning_words(doing: str) -> str:
    """That a plan is made, and what goes before its first word where that is known: `planning, loading the model`."""
    return f"planning, {doing}" if doing and doing != "writing" else "planning"


def steps_place(task: Task) -> str:
    """How many of its steps are done: `1/3`; empty where it has only one."""
    return f"{task.steps_done}/{task.steps_total}" if task.steps_total > 1 else ""


def _under_way(task: Task, doing: str) -> str:
    """What runs of a task with several steps: how many where that is more than one."""
    return f"{task.steps_running} running" if task.steps_running > 1 else doing or task.step_title


def _still_words(task: Task, now: float) -> str:
    match task.state:
        case "queued":
            return _queued_words(task, now)
        case "waiting":
            return _question(task)
        case "paused":
            return "interrupted" if task.reason == "interrupted" else "paused"
        case "failed":
            return _ERRORS.get(task.error_code, "failed")
    return str(task.state)


def _queued_words(task: Task, now: float) -> str:
    if task.waits_for:
        first, *others = task.waits_for
        return f"waits for {first} and {len(others)} more" if others else f"waits for {first}"
    if _waits_for_server(task):
        since = "" if task.server_since is None else f" since {server_away_since(task, now)}"
        return f"waits for {_server(task)}{since}"
    if task.next_try is not None:
        left = task.next_try - now
        return f"again in {about(left)}" if left > 0 else "again soon"
    return "queued"


def _question(task: Task) -> str:
    if task.reason == "repeat":
        return "run again?"
    if task.reason == "budget":
        return "go on over the budget?"
    if task.reason == "length":
        return f"go on past {written(task)}?" if task.completion_tokens else "go on, far longer than its like?"
    if task.reason == "server":
        return f"wait on for {_server(task)}?"
    if task.steps_done or not task.steps_total:
        return f"approve {task.step_title}".rstrip()
    return f"approve {plural(task.steps_asking or task.steps_total, 'step')}"


def server_away_since(task: Task, now: float) -> str:
    """Since when a task waits for its server, as people say it: `14:02`, `Tue`; empty where it waits for none.

    Args:
        task: whose.
        now: the present.
    """
    if task.server_since is None:
        return ""
    return when(task.server_since, max(now, task.server_since + _MINUTE_S))


def _waits_for_server(task: Task) -> bool:
    return task.state == "queued" and task.reason == "server" and not task.waits_for


def _server(task: Task) -> str:
    return server_name("" if task.ref is None else task.ref.backend)


# how long


def elapsed_s(task: Task, now: float) -> float:
    """How long it ran in all, in seconds."""
    running = max(now - task.running_since, 0.0) if task.running_since is not None else 0.0
    return task.worked_s + running


def left_s(task: Task, now: float) -> float | None:
    """How long it still takes, by its forecast, else if it takes as long as usual; None where that is not known, or is
    over.
    """
    left = left_estimate(task, now)
    if left is not None:
        return left.middle
    if task.expected_s is None or task.forecast is not None:
        return None
    usual = task.expected_s - elapsed_s(task, now)
    return usual if usual > 0 else None


def left_estimate(task: Task, now: float) -> Estimate | None:
    """How long it still takes with its interval, going by its forecast, what it has written and how long it has run;
    None where nothing was foreseen, and where it takes longer than the interval had.
    """
    if (foreseen := task.forecast) is None:
        return None
    ran_s, wrote = elapsed_s(task, now), task.completion_tokens or 0
    return remaining_seconds(foreseen.seconds, foreseen.completion_tokens, ran_s, wrote)


def has_end(task: Task) -> bool:
    """Whether it is known how long it takes, so that the places of its times are kept free."""
    return task.expected_s is not None or task.forecast is not None


def times_width(task: Task, *, short: bool = False) -> int:
    """Cells that the times of a task that runs take at most; 0 where it is not known how long it takes."""
    if task.forecast is not None:
        return SHORT_FORECAST_TIMES_WIDTH if short else FORECAST_TIMES_WIDTH
    return (SHORT_TIMES_WIDTH if short else TIMES_WIDTH) if has_end(task) else 0


def times(task: Task, now: float) -> str:
    """How long so far and how long still: `0:42, about 0:30 left (0:20–0:50)`, `0:42`, `1:10 (0:45–1:50)`, once it has
    ended `0:51, forecast 1:05 (0:40–1:40)`, `–` where nothing is known.
    """
    elapsed, left, forecast = elapsed_s(task, now), left_s(task, now), task.forecast
    if forecast is not None:
        if task.state == "running":
            estimate = left_estimate(task, now)
            if estimate is None:
                return f"{clock(elapsed)}, longer than foreseen"
            return f"{clock(elapsed)}, {left_words(estimate, forecast.runs)}"
        if task.state == "done" and elapsed:
            return f"{clock(elapsed)}, {foreseen_time(forecast)}"
        if not elapsed and task.is_open:
            return clock_words(forecast.seconds, forecast.runs)
    if task.state == "running":
        if left is not None:
            return f"{clock(elapsed)}, about {rough_clock(left)} left"
        return clock(elapsed) if task.expected_s is None else f"{clock(elapsed)}, longer than usual"
    if elapsed:
        return clock(elapsed)
    return f"about {rough_clock(left)}" if left is not None and task.is_open else signs().dash


def short_times(task: Task, now: float, *, interval: bool = True) -> str:
    """As `times`, for narrow places: `0:42 ~0:30 (0:20–0:50)`, `0:42`, `~1:10`, `–`.

    Args:
        task: whose.
        now: the present.
        interval: whether the interval of what is left stands there too.
    """
    elapsed, left = elapsed_s(task, now), left_s(task, now)
    if task.state == "running" and left is not None:
        estimate, forecast = left_estimate(task, now), task.forecast
        if interval and estimate is not None and forecast is not None and forecast.runs >= RUNS_MIN:
            return f"{clock(elapsed)} ~{rough_clock(left)} {clock_interval(estimate)}"
        return f"{clock(elapsed)} ~{rough_clock(left)}"
    if elapsed or task.state == "running":
        return clock(elapsed)
    return f"~{rough_clock(left)}" if left is not None and task.is_open else signs().dash


def share(task: Task, now: float) -> float | None:
    """How much of it is done, 0 to 1, by the time that it is to take; None where that is not known, or is over."""
    elapsed, left = elapsed_s(task, now), left_s(task, now)
    return None if left is None else elapsed / max(elapsed + left, _MOMENT_S)


def progress(task: Task, now: float, width: int) -> str:
    """A gauge of `width` cells; empty where nobody knows how long it takes: a gauge that stands for nothing is none."""
    known = share(task, now)
    return "" if known is None else bar(known, width)


def tokens(task: Task) -> str:
    """What it has written so far: `412 tok`; once it is done with what was foreseen, `318 tok, forecast 290
    (180–470)`; empty where that is not known.
    """
    if task.completion_tokens is None:
        return ""
    words = written(task)
    return f"{words}, {foreseen_tokens(task.forecast)}" if task.forecast and task.state == "done" else words


def written(task: Task) -> str:
    """What it has written, alone: `318 tok`."""
    return "" if task.completion_tokens is None else f"{count(task.completion_tokens)} tok"


def complexity(task: Task) -> str:
    """How hard it was taken to be: `medium`; empty where nobody looked."""
    return (task.forecast.complexity or "") if task.forecast is not None else ""
