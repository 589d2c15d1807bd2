"""Tasks as the commands print them: as JSON, as a table, as one line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tale_tui.cli.output import GAP, MUTED, Column, echo, echo_err, echo_json, echo_table, rounded, when_text
from tale_tui.domain.tasks import PlanApproval, Priority, Reason, TaskState
from tale_tui.formatting.plans import step_fields
from tale_tui.formatting.units import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tale_tui.domain.forecasts import Estimate, ForecastSummary, StepEstimate
    from tale_tui.domain.metrics import TokenSums
    from tale_tui.domain.tasks import Step, Task, TaskDetail

COST_DIGITS = 6
_ENDS = {TaskState.FAILED: "failed", TaskState.CANCELLED: "was cancelled"}


def task_data(detail: TaskDetail) -> dict[str, object]:
    """A task for programs; what is unknown is None."""
    task = detail.task
    return {
        "id": task.id,
        "title": task.title,
        "text": detail.text,
        "priority": task.priority.value,
        "state": task.state.value,
        "route": task.why or None,
        "model": str(task.ref) if task.ref else None,
        "confidence": rounded(task.p),
        "created": stamp(task.created),
        "updated": stamp(task.updated),
        "started": _stamp(task.started),
        "finished": _stamp(task.finished),
        "steps": [_step_data(step) for step in detail.steps],
        "result": detail.result if task.state is TaskState.DONE else None,
        "prompt_tokens": task.prompt_tokens,
        "completion_tokens": task.completion_tokens,
        "error": task.error or None,
        "reason": task.reason.value or None,
        "server_since": _stamp(task.server_since),
        "forecast": None if task.forecast is None else forecast_data(task.forecast),
        "plan": _plan_data(detail),
    }


def _plan_data(detail: TaskDetail) -> dict[str, object]:
    """What was asked and said about its plan, for programs."""
    approval = detail.approval or PlanApproval()
    return {
        "reasoning": detail.plan.reasoning or None,
        "asks": approval.asks or None,
        "approved_tokens": approval.tokens,
        "stepwise": approval.stepwise,
        "refused": list(approval.refused),
        "replans": approval.replans,
    }


def forecast_data(forecast: ForecastSummary) -> dict[str, object]:
    """What was foreseen of a task, for programs."""

    return {
        "complexity": forecast.complexity,
        "prompt_tokens": _ends(forecast.prompt_tokens, 0),
        "completion_tokens": _ends(forecast.completion_tokens, 0),
        "seconds": _ends(forecast.seconds, 1),
        "waiting_s": _ends(forecast.waiting, 1),
        "cost": None if forecast.cost is None else _ends(forecast.cost, COST_DIGITS),
        "runs": forecast.runs,
        "large": forecast.large,
        "past": {
            "kind": forecast.past.kind or None,
            "tasks": forecast.past.tasks,
            "within_30_percent": rounded(forecast.past.near_share) if forecast.past.tasks else None,
        },
    }


def _step_forecast(step: StepEstimate) -> dict[str, object]:
    return {"completion_tokens": _ends(step.completion_tokens, 0), "seconds": _ends(step.seconds, 1)}


def _ends(estimate: Estimate, digits: int) -> dict[str, float]:
    return {name: round(getattr(estimate, name), digits) for name in ("middle", "low", "high")}


def echo_tasks(tasks: Sequence[Task], counted: Mapping[str, TokenSums]) -> None:
    """Write a table of tasks.

    Args:
        tasks: in their order.
        counted: what the calls of models for a task were, by its id.
    """
    from tale_tui.formatting.tasks import short_times, sign, state_words, times

    now = time.time()
    echo_table(
        (
            Column(""),
            Column("id", style=MUTED),
            Column("title", gives=True),
            Column("state"),
            Column("priority", style=MUTED),
            Column("model", gives=True),
            Column("tokens", right=True),
            Column("tok/s", right=True),
            Column("time", right=True),
            Column("last", right=True, style=MUTED),
        ),
        [
            (
                sign(task),
                task.shown,
                task.title,
                state_words(task, now),
                task.priority.value,
                task.ref.model if task.ref else "",
                *_token_cells(task, counted.get(task.id)),
                (short_times if task.forecast is not None else times)(task, now),
                when_text(task.finished or task.updated),
            )
            for task in tasks
        ],
    )


def _token_cells(task: Task, sums: TokenSums | None) -> tuple[str, str]:
    """What a task read and wrote, and how fast; of one that is in its first call what it has written so far."""
    from tale_tui.formatting.symbols import signs

    total = task.completion_tokens if sums is None else sums.total_tokens
    speed = None if sums is None else sums.tokens_per_second
    return signs().dash if total is None else str(total), "" if speed is None else f"{speed:.1f}"


def line_of(task: Task) -> str:
    """A task in one line: `✓ k4t9  Fibonacci function  done  0:51`; its priority where that is not normal."""
    from tale_tui.formatting.tasks import sign, state_words, times

    now = time.time()
    parts = [f"{sign(task)} {task.shown}", task.title, state_words(task, now)]
    if task.priority is not Priority.NORMAL:
        parts.append(task.priority.value)
    if task.started is not None:
        parts.append(times(task, now))
    return GAP.join(parts)


def echo_changed(detail: TaskDetail, *, as_json: bool) -> None:
    """Write what a command made of a task."""
    if as_json:
        echo_json(task_data(detail))
    else:
        echo(line_of(detail.task))


def question_words(task: Task) -> str:
    """What a task that waits for the user wants, and how it gets it."""
    from tale_tui.formatting.tasks import state_words

    words = f"{task.shown}  {state_words(task, time.time())}"
    no = ", which keeps what is there" if task.reason is Reason.LENGTH else ""
    return f"{words}: tale-tui approve {task.shown}, or tale-tui approve {task.shown} --no{no}"


def echo_forecast(task_shown: str, forecast: ForecastSummary) -> None:
    """Say before it runs what is foreseen of a task, and where it is large what to do about that."""
    from tale_tui.formatting.forecasts import summary_words
    from tale_tui.formatting.units import about, count

    echo_err(f"forecast: {summary_words(forecast)}")
    if forecast.large:
        takes = f"{count(forecast.tokens)} tokens and {about(forecast.seconds.middle)}"
        echo_err(f"This is a large task: about {takes}. To end it: tale-tui cancel {task_shown}")


def blocked_words(task: Task, needed: Task) -> str:
    """Why a task does not begin, and what to do.

    Args:
        task: waits.
        needed: a task that it waits for, which ended without being done.
    """
    return (
        f"{task.shown} cannot begin: it waits for {needed.shown}, which {_ENDS[needed.state]}. "
        f"Run that again with: tale-tui retry {needed.shown}, or end this one with: tale-tui cancel {task.shown}"
    )


def _step_data(step: Step) -> dict[str, object]:
    return {
        "key": step.spec.key,
        "title": step.spec.title,
        "state": step.state.value,
        "attempts": step.attempts,
        "model": str(step.ref) if step.ref else None,
        "started": _stamp(step.started),
        "finished": _stamp(step.finished),
        "prompt_tokens": step.usage.prompt_tokens if step.usage else None,
        "completion_tokens": step.usage.completion_tokens if step.usage else None,
        "error": step.error or None,
        "forecast": None if step.foreseen is None else _step_forecast(step.foreseen),
        "earlier": list(step.earlier),
        "allowed": step.allowed,
        "plan": step_fields(step.spec),
    }


def _stamp(seconds: float | None) -> str | None:
    return None if seconds is None else stamp(seconds)
