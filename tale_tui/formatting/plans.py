"""Plans as JSON, in the form that files have, and as words: for the window, the command line and the store."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tale_tui.domain.constants import STEP_TITLE_CHARACTERS
from tale_tui.domain.models import Role
from tale_tui.domain.plans import sources
from tale_tui.domain.tasks import PLAN_FORMAT, Plan, Priority, StepKind, StepState, TaskState
from tale_tui.domain.text import clean_line, is_blank
from tale_tui.formatting.forecasts import clock_words, left_words, tok_words
from tale_tui.formatting.symbols import UNICODE, signs
from tale_tui.formatting.units import clock, count, plural, rough_clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tale_tui.domain.plans import PlanForecast, PlanStepForecast
    from tale_tui.domain.tasks import Step, StepSpec, TaskDetail


def plan_json(plan: Plan, *, indent: int | None = None) -> str:
    """A plan in the form that `tale-tui submit --plan` takes; what is as usual is left out.

    Args:
        plan: whose steps may be of any kind.
        indent: spaces of a level, for people; None for one line.
    """
    fields: dict[str, Any] = {"steps": [step_fields(spec) for spec in plan.steps]}
    if plan.approval:
        fields["approval"] = True
    if plan.format != PLAN_FORMAT:
        fields["format"] = plan.format
    if plan.reasoning:
        fields["reasoning"] = plan.reasoning
    return json.dumps(fields, ensure_ascii=False, separators=None if indent else (",", ":"), indent=indent)


def step_fields(spec: StepSpec) -> dict[str, Any]:
    """A step as a plan in JSON has it."""
    fields: dict[str, Any] = {
        "purpose": spec.purpose or None,
        "prompt": spec.prompt or None,
        "inputs": list(spec.inputs) or None,
        "output": spec.output or None,
        "files": list(spec.files) or None,
        "after": list(spec.after) or None,
        "kind": spec.kind if spec.kind != StepKind.MODEL else None,
        "role": spec.role.value if spec.role is not Role.TASK else None,
        "model": str(spec.ref) if spec.ref else None,
        "priority": spec.priority.value if spec.priority is not Priority.NORMAL else None,
        "max_tokens": spec.max_tokens,
        "time_limit_s": spec.time_limit_s,
        "retries": spec.retries,
        "repeatable": None if spec.repeatable else False,
        "part_of": spec.part_of or None,
        "level": spec.level if spec.level > 1 else None,
        "to": spec.to or None,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return {"key": spec.key, "title": spec.title} | given


def exported_plan(detail: TaskDetail) -> Plan:
    """The plan of a task as somebody may hand it in again: without the steps that made it, and those left out."""
    gone = {step.spec.key for step in detail.steps if step.state is StepState.SKIPPED}
    gone |= {step.spec.key for step in detail.steps if step.spec.kind == StepKind.PLAN}
    return without(detail.plan, gone)


def without(plan: Plan, keys: set[str]) -> Plan:
    """A plan without some of its steps; those that waited for them wait for what those waited for, and are given
    neither their results nor the files that they alone give.
    """
    given = {file for spec in plan.steps if spec.key not in keys for file in spec.files}
    lost = keys | {file for spec in plan.steps if spec.key in keys for file in spec.files if file not in given}
    by_key = {spec.key: spec for spec in plan.steps}

    def waits(after: tuple[str, ...]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for key in after:
            found |= dict.fromkeys(waits(by_key[key].after) if key in keys else (key,))
        return tuple(found)

    steps = tuple(
        replace(spec, after=waits(spec.after), inputs=tuple(one for one in spec.inputs if one not in lost))
        for spec in plan.steps
        if spec.key not in keys
    )
    return Plan(steps, plan.approval, plan.format, plan.reasoning)


# as words


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A step of a plan as a table shows it."""

    number: str
    """From 1, as people name it."""
    branch: str
    """What leads to it in the tree of who waits for whom: `│ ├ `."""
    step: Step
    after: str
    """The numbers of the steps that it waits for."""
    model: str
    tokens: str
    """That are foreseen, or were written."""
    time: str
    """That is foreseen, or was taken."""
    gives: str
    """The files that it gives; where it copies files to; `outside` where it has other effects there."""
    state: str
    """Where it is, with why where that is to be said."""
    foreseen: PlanStepForecast | None = None


_DRAFTED = re.compile(r'"title"\s*:\s*"((?:[^"\\]|\\.)*)"')
"""The title of a step in an answer that is still being written."""
_THOUGHT = "</think>"


def being_planned(detail: TaskDetail) -> Step | None:
    """The step that makes a plan now; None where none does."""
    makers = (step for step in detail.steps if step.spec.kind == StepKind.PLAN)
    return next((step for step in makers if step.state is StepState.RUNNING), None)


def drafted(text: str) -> tuple[str, ...]:
    """The titles of the steps in a plan that is still being written: its JSON is nothing to read.

    Args:
        text: the answer as far as it came; safe text.
    """
    found = []
    for match in _DRAFTED.finditer(text.rpartition(_THOUGHT)[2]):
        with suppress(ValueError):  # a title that is no JSON makes a plan that cannot be used: that is said then
            found.append(clean_line(json.loads(f'"{match[1]}"', strict=False), STEP_TITLE_CHARACTERS))
    return tuple(title for title in found if not is_blank(title))


def drafted_list(text: str) -> str:
    """The same as a list in Markdown."""
    return "\n".join(f"{number}. {title}" for number, title in enumerate(drafted(text), 1))


def planning_words(detail: TaskDetail) -> str:
    """How far a plan that is being made is: `3 steps so far: Data model, Interface, Login`; and what it came to where
    the task was not broken down; empty for any other.
    """
    if (maker := being_planned(detail)) is not None:
        titles = drafted(maker.text)
        return f"{plural(len(titles), 'step')} so far: {', '.join(titles)}" if titles else "no step so far"
    return detail.plan.reasoning if detail.plan.by_model and len(numbered(detail)) == 1 else ""


def numbered(detail: TaskDetail) -> tuple[Step, ...]:
    """The steps that people count: all but those that make the plan."""
    return tuple(step for step in detail.steps if step.spec.kind != StepKind.PLAN)


def step_at(detail: TaskDetail, wanted: str) -> str:
    """The key of the step that a number or a key names; what names none is given back as it is."""
    steps = numbered(detail)
    if wanted.isdecimal() and all(step.spec.key != wanted for step in steps) and 1 <= int(wanted) <= len(steps):
        return steps[int(wanted) - 1].spec.key
    return wanted


def step_does(detail: TaskDetail, step: Step) -> str:
    """What a step is to do: what its model is asked, or what it would copy, as far as that is known."""
    return step.text if step.spec.kind == StepKind.COPY else step.spec.prompt or detail.text


def asking_copy(detail: TaskDetail) -> Step | None:
    """The step that would copy files out and asks for a yes to it; None where none asks."""
    if detail.task.state is not TaskState.WAITING:
        return None
    steps = (step for step in detail.steps if step.spec.kind == StepKind.COPY)
    return next((step for step in steps if step.state is StepState.PENDING and not step.allowed and step.text), None)


def asked_copy(detail: TaskDetail) -> str:
    """What a step would copy out that asks for a yes to it, as Markdown: each file, where to, and what stands there;
    empty where none asks.
    """
    step = asking_copy(detail)
    return step.text if step is not None else ""


def plan_rows(detail: TaskDetail, forecast: PlanForecast | None, now: float | None = None) -> tuple[PlanRow, ...]:
    """A plan as a table, in its order.

    Args:
        detail: the task.
        forecast: what is foreseen of its steps; None for nothing.
        now: the present, in seconds since the epoch; None where nobody counts seconds.
    """
    steps, ended = numbered(detail), not detail.task.is_open
    numbers = {step.spec.key: str(number) for number, step in enumerate(steps, 1)}
    foreseen = {one.key: one for one in forecast.steps} if forecast is not None and not ended else {}
    runs = forecast.runs if forecast is not None else 0
    branches = _branches([step.spec for step in steps])
    rows = []
    for step, branch in zip(steps, branches, strict=True):
        spec, estimate = step.spec, foreseen.get(step.spec.key)
        outside = f"to {spec.to}" if spec.to else "outside" if spec.goes_outside else ""
        gives = ", ".join((*spec.files, *((outside,) if outside else ())))
        rows.append(
            PlanRow(
                numbers[spec.key],
                branch,
                step,
                " ".join(numbers[key] for key in spec.after if key in numbers) or signs().dash,
                _model(detail, step),
                _step_tokens(step, estimate, runs, ended=ended),
                _step_time(step, estimate, runs),
                gives,
                step_state(
                    step, [numbers[key] for key in _open_before(detail, step) if key in numbers], now, ended=ended
                ),
                estimate,
            )
        )
    return tuple(rows)


def plan_words(detail: TaskDetail, forecast: PlanForecast | None) -> str:
    """A plan in a line: `14 steps, 21k tok (15k–30k), 24:00 (17:00–38:00)`, and where it comes from where little is
    known.
    """
    steps = [step for step in numbered(detail) if step.state is not StepState.SKIPPED]
    words = [plural(len(steps), "step")]
    if forecast is not None:
        words += [tok_words(forecast.tokens, forecast.runs), clock_words(forecast.seconds, forecast.runs)]
    if forecast is not None and not forecast.runs:
        words.append("what is usual: this model never ran here")
    return ", ".join(words)


def refused_words(detail: TaskDetail) -> str:
    """Why the plans before this one were refused, the last one first: `Refused before: use SQLite; no pictures`; empty
    where none was.
    """
    refused = detail.approval.refused if detail.approval is not None else ()
    return f"Refused before: {'; '.join(reversed(refused))}" if refused else ""


def step_facts(detail: TaskDetail, forecast: PlanForecast | None, key: str) -> tuple[str, ...]:
    """What there is to know of a step besides its line: `from 2 schema.sql, 3 api.yaml`, `gives routes.py to 7, 9`,
    `longest way 1 › 3 › 4 › 9 › 14, 17:00`.

    Args:
        detail: the task.
        forecast: what is foreseen of it; None for nothing.
        key: of the step.
    """
    specs = [step.spec for step in numbered(detail)]
    numbers = {spec.key: str(number) for number, spec in enumerate(specs, 1)}
    by_key = {spec.key: spec for spec in specs}
    spec = by_key[key]
    given = [_from_step(spec, by_key[one], numbers[one]) for one in sources(spec, detail.plan.steps) if one in numbers]
    users = [numbers[one.key] for one in specs if key in sources(one, detail.plan.steps)]
    gives, to = ", ".join(spec.files) or "its text", f" to {', '.join(users)}" if users else ""
    facts = [
        f"from {', '.join(given)}" if given else "",
        f"gives {gives}{to}" if spec.files or users else "",
        f"expected: {spec.output}" if spec.output else "",
    ]
    if forecast is not None and len(forecast.way) > 1:
        way = f" {signs().below} ".join(numbers[one] for one in forecast.way if one in numbers)
        facts.append(f"longest way {way}, {rough_clock(forecast.seconds.middle)}")
    return tuple(fact for fact in facts if fact)


def _from_step(spec: StepSpec, source: StepSpec, number: str) -> str:
    files = [file for file in source.files if file in spec.inputs] or list(source.files)
    return f"{number} {' '.join(files)}".rstrip()


def progress_words(detail: TaskDetail, forecast: PlanForecast | None) -> str:
    """How far a plan is: `5 of 14 done, 2 running, 7 waiting, about 15:00 left (10:00–26:00)`."""
    steps = numbered(detail)
    counts = Counter(step.state for step in steps)
    kept = len(steps) - counts[StepState.SKIPPED]
    words = [f"{counts[StepState.DONE]} of {kept} done"]
    stopped = sum(bool(step.attempts) for step in steps if step.state is StepState.PENDING)
    if not detail.task.is_open:
        counts[StepState.PENDING] -= stopped
        words += [f"{stopped} stopped"] if stopped else []
    for state, name in (
        (StepState.RUNNING, "running"),
        (StepState.PENDING, "waiting" if detail.task.is_open else "not run"),
        (StepState.FAILED, "failed"),
        (StepState.SKIPPED, "left out"),
    ):
        if counts[state]:
            words.append(f"{counts[state]} {name}")
    if forecast is not None and detail.task.is_open and forecast.left.middle:
        words.append(left_words(forecast.left, forecast.runs))
    return ", ".join(words)


def plan_lines(detail: TaskDetail, forecast: PlanForecast | None) -> list[str]:
    """A plan in sentences, without signs: it is read aloud."""
    lines = [plan_words(detail, forecast), *filter(None, [refused_words(detail)])]
    if detail.approval is not None and detail.approval.asks:
        lines.append(detail.approval.asks)
    lines += asked_copy(detail).splitlines()
    for row in plan_rows(detail, forecast):
        spec = row.step.spec
        parts = (row.step.spec.title, row.after != signs().dash and f"after {row.after}", row.tokens, row.time)
        gives = f"gives {', '.join(spec.files)}" if spec.files else ""
        outside = f"copies to {spec.to}" if spec.to else "effects outside" if spec.goes_outside else ""
        more = (gives, outside, row.state)
        lines.append(f"{row.number}  " + ", ".join(part for part in (*parts, *more) if part and part != signs().dash))
    return [*lines, progress_words(detail, forecast)]


def _branches(specs: Sequence[StepSpec]) -> list[str]:
    """For each step what stands before its title: how deep it lies under those that it waits for, and whether another
    one follows there.
    """
    depths: dict[str, int] = {}
    for spec in specs:
        depths[spec.key] = max((depths.get(key, 0) + 1 for key in spec.after if key in depths), default=0)
    deep = [depths[spec.key] for spec in specs]

    def goes_on(place: int, depth: int) -> bool:
        later = next((one for one in deep[place + 1 :] if one <= depth), -1)
        return later == depth

    lines = []
    for place, depth in enumerate(deep):
        above = "".join("│ " if goes_on(place, level) else "  " for level in range(1, depth))
        lines.append(above + (("├ " if goes_on(place, depth) else "└ ") if depth else ""))
    return lines if signs() is UNICODE else [line.translate(_PLAIN) for line in lines]


_PLAIN = str.maketrans({"│": "|", "├": "+", "└": "+"})


def _model(detail: TaskDetail, step: Step) -> str:
    spec = step.spec
    if spec.kind != StepKind.MODEL:
        return signs().dash
    ref = step.ref or spec.ref or (detail.task.ref if spec.role is Role.TASK else None)
    return ref.model if ref is not None else "the small one" if spec.role is Role.UX else "the big one"


def _step_tokens(step: Step, estimate: PlanStepForecast | None, runs: int, *, ended: bool) -> str:
    written = step.usage.completion_tokens if step.usage is not None else None
    if step.is_over or ended:
        return signs().dash if written is None else f"{count(written)} tok"
    if estimate is None:
        return signs().dash
    foreseen = tok_words(estimate.tokens, runs)
    return f"{count(written)} of {foreseen}" if written else foreseen


def _step_time(step: Step, estimate: PlanStepForecast | None, runs: int) -> str:
    if step.is_over and step.started is not None and step.finished is not None:
        return clock(step.finished - step.started)
    return clock_words(estimate.seconds, runs) if estimate is not None and not step.is_over else signs().dash


def _open_before(detail: TaskDetail, step: Step) -> list[str]:
    over = {one.spec.key for one in detail.steps if one.is_over}
    return [key for key in step.spec.after if key not in over]


def step_state(step: Step, waits_for: Sequence[str] = (), now: float | None = None, *, ended: bool = False) -> str:
    """Where a step is, with why where that is to be said: `waits for 2, 3`, `left out: refused by you`, `not run`.

    Args:
        step: which.
        waits_for: the numbers of the steps that it waits for.
        now: the present, in seconds since the epoch; None where nobody counts seconds.
        ended: whether its task has ended, so that nothing is waited for any more.
    """
    match step.state:
        case StepState.SKIPPED:
            return f"left out: {step.error}" if step.error else "left out"
        case StepState.PENDING if ended:
            return "stopped" if step.attempts else "not run"
        case StepState.PENDING:
            if not step.allowed:
                return "wants your yes"
            if step.next_try is not None:
                soon = now is None or step.next_try <= now
                return f"again {'soon' if soon else f'in {clock(step.next_try - (now or 0))}'}: {step.error}"
            return f"waits for {', '.join(waits_for)}" if waits_for else "waiting"
        case StepState.RUNNING | StepState.DONE | StepState.FAILED:
            again = f", attempt {step.attempts}" if step.attempts > 1 else ""
            return f"{step.state.value}{again}{f': {step.error}' if step.error else ''}"
