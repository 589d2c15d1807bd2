"""What stands above the text of a task: who it is, how it goes; and its texts. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from tale_tui.domain.forecasts import RUNS_MIN
from tale_tui.domain.text import clean_line, reveal
from tale_tui.formatting.forecasts import clock_interval, past_words, summary_parts
from tale_tui.formatting.plans import being_planned, drafted_list, numbered, planning_words, step_does
from tale_tui.formatting.servers import server_name
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.tasks import elapsed_s, left_s, model_name, short_times, state_words, times, tone
from tale_tui.formatting.tokens import call_cells
from tale_tui.formatting.units import (
    about,
    bar,
    clock,
    count,
    format_probability,
    moment,
    plural,
    rough_clock,
    token_count,
    when,
)
from tale_tui.formatting.usage import usage_words
from tale_tui.ui.markdown.wrap import wrap
from tale_tui.ui.tasks.text import Passage
from tale_tui.ui.text import fitted, spread

if TYPE_CHECKING:
    from tale_tui.domain.metrics import CallRecord
    from tale_tui.domain.models import Usage
    from tale_tui.domain.plans import PlanForecast
    from tale_tui.domain.tasks import Step, Task, TaskDetail


COLOURS = {"work": "$task", "look": "$warning", "ok": "$success", "bad": "$error", "quiet": "$muted"}
"""Tone of a state -> colour."""

ERROR_LINES = 4
"""Lines of a sentence about what went wrong, at most."""

_GAUGE_CELLS = 8
_MINUTES_FROM_S, _MINUTE_S = 600.0, 60.0
"""From so many seconds on what is left of a plan is told in minutes."""

_NARROW = 48
"""Cells below which words go."""
_ROOMY = 8
"""Lines from which on what was foreseen may take several."""
_BELOW = " " * len("forecast ")


def head_lines(
    task: Task,
    steps: Sequence[Step],
    now: float,
    width: int,
    height: int,
    *,
    doing: str = "",
    tokens: int = 0,
    plan: PlanForecast | None = None,
) -> list[Content]:
    """The lines above the text.

    Args:
        task: which.
        steps: of its plan; empty while they are not known.
        now: the present, in seconds since the epoch.
        width: cells.
        height: lines that there may be.
        doing: what is going on in the step that runs, where that is known.
        tokens: of the steps that run, as they were counted so far.
        plan: what is foreseen of them; None while that is not known.
    """
    if is_plan(task, steps):
        state = _gauge(task, steps, plan, now, width, tokens)
    else:
        state = _state(task, steps, now, width, doing=doing, tokens=tokens)
    lines = [_title(task, width), state]
    if task.forecast is not None:
        lines += _foreseen(task, width, height - len(lines))
    # Of a plan each step says for itself what went wrong.
    return lines + _problem(task, () if is_plan(task, steps) else steps, now, width)


def is_plan(task: Task, steps: Sequence[Step]) -> bool:
    """Whether a task is shown as a tree of steps; what waits for a yes to all of it has them below, whole."""
    return sum(step.spec.kind != "plan" for step in steps) > 1 and not asks_for_plan(task)


def asks_for_plan(task: Task) -> bool:
    """Whether it waits for a yes to all that it will do."""
    return task.state == "waiting" and task.reason == "approval" and not task.steps_done


def _title(task: Task, width: int) -> Content:
    priority = "" if task.priority == "normal" else task.priority.value
    name = clean_line(model_name(task))
    dot = f" {signs().dot} " if priority and name else ""
    right = Content.assemble(
        (priority, "$warning" if priority == "urgent" else "$muted"), (dot, "$muted"), (name, "$task")
    )
    room = width - cell_len(task.shown) - 2
    if room - right.cell_length - 2 < min(room, 16):
        right = Content("")
    room -= right.cell_length + (2 if right else 0)
    left = Content.assemble((task.shown, "$muted"), "  ", (fitted(clean_line(task.title), room), "bold"))
    return spread(left, right, width) if right else left


def _state(task: Task, steps: Sequence[Step], now: float, width: int, *, doing: str, tokens: int) -> Content:
    """`running 0:42, about 0:30 left · 412 tok`."""
    colour = COLOURS[tone(task)]
    words = _word(task, now, doing, single=len(steps) <= 1)
    # Of one that has ended the forecast stands in the line below.
    told = (short_times if width < _NARROW or task.state == "done" else times)(task, now)
    if not (elapsed_s(task, now) or task.state == "running"):
        told = ""
    written = _written(task, steps, tokens)
    figures = [part for part in (told, token_count(written) if written else "") if part]
    dot = f" {signs().dot} "
    line = Content.assemble((words, colour), (" " if figures else "", ""), (dot.join(figures), "$muted"))
    return line.truncate(width, ellipsis=True)


def _foreseen(task: Task, width: int, height: int) -> list[Content]:
    """`forecast medium · 620 tok (380–1.0k) · 1:10 (0:45–1:50)`, and how near earlier ones were: on as many lines as it
    takes where there is room, else on one.
    """
    if task.forecast is None:
        return []
    parts = [*summary_parts(task.forecast), past_words(task.forecast.past)]
    lines = [f"forecast {parts[0]}"]
    for part in filter(None, parts[1:]):
        longer = f"{lines[-1]} {signs().dot} {part}"
        if cell_len(longer) <= width or height <= _ROOMY:
            lines[-1] = longer
        else:
            lines.append(f"{_BELOW}{part}")
    return [Content(words).stylize("$muted").truncate(width, ellipsis=True) for words in lines]


def _written(task: Task, steps: Sequence[Step], tokens: int) -> int:
    """Tokens of a task so far: what is stored, a second old at most, or what came since where that is more."""
    stored = task.completion_tokens or 0
    if task.state != "running":
        return stored
    ended = sum(step.usage.completion_tokens or 0 for step in steps if step.usage and step.state != "running")
    return max(stored, ended + tokens)


def _word(task: Task, now: float, doing: str, *, single: bool) -> str:
    if task.state == "running" and not task.steps_total:
        return state_words(task, now, doing=doing)
    if task.state == "running":
        return (doing or "running") if single else "running"
    return state_words(task, now) if task.state != "failed" else "failed"


def _problem(task: Task, steps: Sequence[Step], now: float, width: int) -> list[Content]:
    """What went wrong, in a sentence; of a task that tries again, when."""
    error = task.error
    failed = next((step for step in steps if step.error and not step.is_over), None)
    if not error and failed is not None:
        error = failed.error
    if not error:
        return []
    sign = f"{signs().failed} "
    sentence = clean_line(error, 1000)
    if task.state == "queued" and task.next_try is not None:
        sentence += f" It is tried again in {about(task.next_try - now)}." if task.next_try > now else ""
    ends = wrap(sentence, max(width - len(sign), 1))[:ERROR_LINES]
    colour = "$error" if task.state == "failed" else "$warning"
    return [
        Content.assemble((" " * len(sign) if start else sign, f"bold {colour}"), (sentence[start:end], colour))
        for start, end in ends
    ]


def _gauge(
    task: Task, steps: Sequence[Step], forecast: PlanForecast | None, now: float, width: int, tokens: int
) -> Content:
    """`▰▰▰▱▱▱▱▱ 5 of 14   9:10, ~15 min (10–26)   8.2k of ~21k tok`; what has no room goes from the end."""
    kept = [step for step in steps if step.spec.kind != "plan" and step.state != "skipped"]
    done, written = sum(step.state == "done" for step in kept), _written(task, steps, tokens)
    share = bar(done / len(kept) if kept else 0.0, _GAUGE_CELLS)
    ran = clock(elapsed_s(task, now)) if elapsed_s(task, now) or task.state == "running" else ""
    long, short = _left(task, forecast, now) if task.is_open else ("", "")
    whole = f" of ~{count(max(forecast.tokens.middle, written))}" if forecast is not None and task.is_open else ""
    words = f"{count(written)}{whole} tok" if written or whole else ""
    state = "" if task.state == "running" else f"  {state_words(task, now)}"
    for gauge, left, figures in (
        (f"{share} ", long, words),
        (f"{share} ", short, words),
        (f"{share} ", long, ""),
        (f"{share} ", short, ""),
        ("", short, ""),
    ):
        rest = "   ".join(filter(None, (", ".join(filter(None, (ran, left))), figures)))
        line = Content.assemble(
            (gauge, COLOURS[tone(task)]), f"{done} of {len(kept)}", (state, COLOURS[tone(task)]),
            (f"   {rest}" if rest else "", "$muted"),
        )  # fmt: skip
        if line.cell_length <= width:
            break
    return line.truncate(width, ellipsis=True)


def _left(task: Task, forecast: PlanForecast | None, now: float) -> tuple[str, str]:
    """How long a plan still takes, with its interval where it is known, and without: `~15 min (10–26)`, `~1:30`."""
    if forecast is None:
        usual = left_s(task, now)
        return (f"~{rough_clock(usual)}",) * 2 if usual is not None else ("", "")
    left = forecast.left
    if not left.middle:
        return "", ""
    if left.middle < _MINUTES_FROM_S:
        middle, interval = f"~{rough_clock(left.middle)}", clock_interval(left)
    else:
        low, high = (max(round(end / _MINUTE_S), 1) for end in (left.low, left.high))
        middle, interval = f"~{round(left.middle / _MINUTE_S)} min", f"({low}{signs().dash}{high})"
    return (f"{middle} {interval}" if forecast.runs >= RUNS_MIN else middle), middle


_DATE = len("Sat 21 Nov 2026") + 2
"""Cells of the column of dates."""


class TaskView(StrEnum):
    """What of a task is read."""

    OUTPUT = "output"
    REQUEST = "request"
    HISTORY = "history"


def passages(
    detail: TaskDetail, view: TaskView, now: float, calls: Sequence[CallRecord] = (), step: str = ""
) -> tuple[Passage, ...]:
    """The texts of a view.

    Args:
        detail: of the task.
        view: which.
        now: the present, in seconds since the epoch.
        calls: of models for it, as far as they are known.
        step: the key of the only step whose output is read; empty for all.
    """
    match view:
        case TaskView.REQUEST:
            return (Passage("request", "You", when(detail.task.created, now), detail.text, literal=True),)
        case TaskView.HISTORY:
            return _history(detail, calls)
    if asks_for_plan(detail.task):
        return _to_approve(detail)
    return _step_output(detail, step) if step else _output(detail)


def nothing_yet(task: Task) -> str:
    """What is said where a task has not written anything."""
    match task.state:
        case "queued" if task.waits_for:
            return f"It begins when {task.waits_for[0]} is done."
        case "queued" if task.reason == "server":
            server = server_name(task.ref.backend if task.ref else "")
            return f"Nothing is written yet. It begins when {server} is back."
        case "queued":
            return "Nothing is written yet. It begins when there is room for it."
        case "waiting":
            return "It waits for your answer."
        case "running":
            return ""
    return "It wrote nothing."


def _output(detail: TaskDetail) -> tuple[Passage, ...]:
    single = len(detail.steps) <= 1
    found: list[Passage] = []
    if (maker := being_planned(detail)) is not None:
        found.append(Passage(passage_key(maker), "Plan", text=drafted_list(maker.text), thinking=maker.thinking))
    elif words := planning_words(detail):
        found.append(Passage("plan", "Plan", text=words))
    if detail.result and not single and all(step.text != detail.result for step in detail.steps):
        found.append(Passage("result", "Result", text=detail.result))
    for step in detail.steps:
        running = step.state == "running"
        text = detail.result if single and detail.result else step.text
        if not (text.strip() or step.thinking or running) or step.spec.kind == "plan":
            continue
        title = model_name(detail.task) if single else step.spec.title or step.spec.key
        key = passage_key(step)
        # Of what is being written the lines above the text count, as it comes.
        figures = "" if running else _figures(step.usage)
        found.append(Passage(key, title, figures, text, step.thinking, growing=running))
    return tuple(found)


def _step_output(detail: TaskDetail, key: str) -> tuple[Passage, ...]:
    """What one step of a plan writes or wrote; of one that has not begun what it is asked."""
    steps = numbered(detail)
    number, step = next((number, one) for number, one in enumerate(steps, 1) if one.spec.key == key)
    title = f"{number}  {step.spec.title or key}"
    running, files = step.state == "running", ", ".join(step.spec.files)
    if not (step.text.strip() or step.thinking or running):
        asked = reveal("\n".join((*_what_it_does(step), step.spec.prompt or detail.text)))
        return (Passage(f"asked {key}", title, files, asked, literal=True),)
    note = files if running else "   ".join(filter(None, (files, _figures(step.usage))))
    return (Passage(passage_key(step), title, note, step.text, step.thinking, growing=running),)


def passage_key(step: Step) -> str:
    """The key of the passage of a step: another one for each attempt."""
    return f"{step.spec.key}#{step.attempts}"


def _figures(usage: Usage | None) -> str:
    words = usage_words(usage)
    return f" {signs().dot} ".join(part for part in (words.first, words.rate, words.tokens) if part)


def _to_approve(detail: TaskDetail) -> tuple[Passage, ...]:
    """Exactly what will run: every step with what the model is asked, its invisible characters made visible.

    Before them stands why it asks, and folded why a model made these steps.
    """
    steps = [step for step in numbered(detail) if not step.is_over]
    asks = detail.approval.asks if detail.approval is not None else ""
    reasons = [Passage("asks", "It asks", text=asks, thinking=detail.plan.reasoning)] if asks else []
    return (
        *reasons,
        *(
            Passage(
                f"plan {number}",
                f"{number} of {len(steps)} {signs().dot} {step.spec.title or step.spec.key}",
                ", ".join(step.spec.after) and f"after {', '.join(step.spec.after)}",
                reveal("\n".join((*_what_it_does(step), step_does(detail, step)))),
                literal=True,
            )
            for number, step in enumerate(steps, 1)
        ),
    )


def _what_it_does(step: Step) -> list[str]:
    """What else of a step is approved, a line each."""
    spec = step.spec
    facts = [
        ("outside", "it has effects outside of this task" if spec.goes_outside else ""),
        ("copies to", spec.to),
        ("model", str(spec.ref) if spec.ref is not None else "the one that answers" if spec.role == "ux" else ""),
        ("for", spec.purpose),
        ("is given", ", ".join(spec.inputs)),
        ("gives", ", ".join(spec.files)),
        ("expected", spec.output),
        ("at most", f"{count(spec.max_tokens)} tok" if spec.max_tokens else ""),
    ]
    return [f"{name}: {words}" for name, words in facts if words]


def _history(detail: TaskDetail, calls: Sequence[CallRecord]) -> tuple[Passage, ...]:
    task = detail.task
    # While it runs its tokens grow by the second: the first lines have them.
    ended = task.state != "running"
    facts = [
        ("model", f"{model_name(task)}{f', {task.why}' if task.why else ''}" if task.ref else ""),
        ("judged", f"a task, {format_probability(task.p)}" if task.p is not None else "a task, as somebody said"),
        ("priority", task.priority.value),
        ("limit", about(task.time_limit_s) if task.time_limit_s is not None else ""),
        ("waits for", ", ".join(task.waits_for)),
        ("read", f"{count(task.prompt_tokens)} tok" if task.prompt_tokens and ended else ""),
        ("written", f"{count(task.completion_tokens)} tok" if task.completion_tokens and ended else ""),
        ("id", task.id),
    ]
    about_it = "\n".join(f"{name:<11}{clean_line(words)}" for name, words in facts if words)
    lines, day = [], ""
    for entry in detail.history:
        date, at = moment(entry.at).split(", ")
        lines.append(f"{date if date != day else '':<{_DATE}}{at}  {clean_line(entry.what, 1000)}")
        day = date
    happened = Passage(
        "history", "What happened", plural(len(lines), "entry", "entries"), "\n".join(lines), literal=True
    )
    earlier = (
        Passage(f"earlier {step.spec.key} {number}", f"{step.spec.title or step.spec.key}, earlier", text=text)
        for step in detail.steps
        for number, text in enumerate(step.earlier, 1)
    )
    asked = (
        [Passage("calls", "Calls of models", plural(len(calls), "call"), _calls(calls), literal=True)] if calls else []
    )
    return (Passage("about", "About it", text=about_it, literal=True), *asked, happened, *earlier)


def _calls(calls: Sequence[CallRecord]) -> str:
    """A line for each: `write  qwen3:14b  96 + 316 tok  1.92 s  11.8 tok/s  done`."""
    lines = []
    for call in calls:
        step, model, prompt, completion, speed, first, ended = call_cells(call)
        parts = (step, model.partition("/")[2], f"{prompt} + {completion} tok", first, speed, ended)
        lines.append("  ".join(filter(None, parts)))
    return "\n".join(lines)
