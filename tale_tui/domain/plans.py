"""Plans as graphs: how steps hang together, which way is the longest, and what may still be done of what was approved.

Pure functions on `Plan` and `StepSpec`, and what is foreseen of a plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from itertools import count

from tale_tui.domain.forecasts import Estimate
from tale_tui.domain.tasks import Plan, PlanApproval, StepKind, StepSpec, TaskDetail

TOKENS_ABOVE = 1.2
"""An approved plan may write so many times the tokens that were foreseen when it was approved."""
LEVELS_MAX = 3
"""A step that comes of breaking down twice is not broken down again."""
JOIN_KEY = "result"
"""The step that puts the results of a plan together, where a model made it."""
_USUAL_TOKENS = 500
"""Of a step of which nothing is foreseen."""


@dataclass(frozen=True, slots=True)
class PlanStepForecast:
    """What is foreseen of one step of a plan."""

    key: str
    tokens: Estimate
    """That it writes."""
    seconds: Estimate


@dataclass(frozen=True, slots=True)
class PlanForecast:
    """What is foreseen of a plan."""

    steps: tuple[PlanStepForecast, ...]
    """Of those that ask a model, in the order of the plan."""
    tokens: Estimate
    """That all of them write."""
    seconds: Estimate
    """Of the longest way through it."""
    left: Estimate
    """Seconds of the longest way through what is not over."""
    way: tuple[str, ...]
    """The keys on the longest way, in order."""
    runs: int
    """So many runs of its model it is made from; with few of them it is a median, with none what is usual."""


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """What a task would be with another plan."""

    detail: TaskDetail
    """With that plan; nothing of it is stored."""
    forecast: PlanForecast | None = None
    """What is foreseen of it; None where no step asks a model."""


def before(steps: Sequence[StepSpec]) -> dict[str, frozenset[str]]:
    """For each step all that must be done before it, however far; the steps make no circle."""
    after = {spec.key: spec.after for spec in steps}
    found: dict[str, frozenset[str]] = {}
    for key in TopologicalSorter(after).static_order():
        direct = after.get(key, ())
        found[key] = frozenset(direct).union(*(found[one] for one in direct))
    return found


def depending_on(steps: Iterable[StepSpec], keys: Collection[str]) -> set[str]:
    """These steps and all that come after them, however far."""
    steps, found = tuple(steps), set(keys)
    while more := {spec.key for spec in steps if found & set(spec.after)} - found:
        found |= more
    return found


def ends(steps: Sequence[StepSpec]) -> tuple[StepSpec, ...]:
    """The steps that no other one waits for."""
    used = {key for spec in steps for key in spec.after}
    return tuple(spec for spec in steps if spec.key not in used)


def lengths(steps: Sequence[StepSpec]) -> dict[str, int]:
    """For each step how much there is to write from its beginning to the end of the longest way behind it, in tokens:
    who has the most behind it is begun first.
    """
    behind: dict[str, int] = {}
    order = tuple(TopologicalSorter({spec.key: spec.after for spec in steps}).static_order())
    specs = {spec.key: spec for spec in steps}
    following: dict[str, list[str]] = {key: [] for key in specs}
    for spec in steps:
        for key in spec.after:
            following[key].append(spec.key)
    for key in reversed(order):
        most = max((behind[one] for one in following[key]), default=0)
        behind[key] = most + (specs[key].max_tokens or _USUAL_TOKENS)
    return behind


def sources(spec: StepSpec, steps: Iterable[StepSpec]) -> tuple[str, ...]:
    """The keys of the steps whose results a step is given, in the order in which it names them."""
    if not spec.inputs:
        return spec.after
    steps = tuple(steps)
    keys = {one.key for one in steps}
    earlier = before(steps)[spec.key]
    found: dict[str, None] = {}
    for name in spec.inputs:
        if name in keys:
            found[name] = None
        else:
            found |= {one.key: None for one in steps if name in one.files and one.key in earlier}
    return tuple(found)


def copied_files(spec: StepSpec, steps: Iterable[StepSpec]) -> tuple[str, ...]:
    """The files that a step copies out: those of its inputs; without inputs all that the steps before it give.

    Args:
        spec: of the kind copy.
        steps: all of the plan.
    """
    steps = tuple(steps)
    earlier = before(steps)[spec.key]
    given = {one.key: one.files for one in steps if one.key in earlier}
    if not spec.inputs:
        return tuple(dict.fromkeys(file for files in given.values() for file in files))
    return tuple(dict.fromkeys(file for name in spec.inputs for file in given.get(name, (name,))))


def allowed_tokens(approval: PlanApproval) -> int | None:
    """So many may be written in all by what was approved; None for any number."""
    return None if approval.tokens is None else int(approval.tokens * TOKENS_ABOVE)


def beyond(approval: PlanApproval, steps: Iterable[StepSpec], tokens: float | None = None) -> str:
    """What of some steps goes beyond what was approved, in a sentence; empty where nothing does.

    Args:
        approval: what was approved; before anything was, everything is beyond it.
        steps: that are to be run.
        tokens: that the whole plan is to write with them; None where that is not known.
    """
    if approval.plan is None:
        return "The plan is not approved yet."
    known = {spec.key: spec for spec in approval.plan.steps}
    files = {file for spec in known.values() for file in spec.files}
    models = {(spec.ref, spec.role) for spec in known.values() if spec.kind == StepKind.MODEL}
    refs = {spec.ref for spec in known.values()} | set(approval.models)
    for spec in steps:
        name = spec.title or spec.key
        if spec.goes_outside and not _same_effect(spec, known.get(spec.key)):
            return f"{name} has effects outside that were not approved."
        if new := [file for file in spec.files if file not in files]:
            return f"{name} gives {', '.join(new)}, which was not approved."
        if spec.kind == StepKind.MODEL and (spec.ref, spec.role) not in models and spec.ref not in refs - {None}:
            return f"{name} is done by {spec.ref or f'the model of the role {spec.role}'}, which was not approved."
    most = allowed_tokens(approval)
    if most is not None and tokens is not None and tokens > most:
        return f"It is to write {tokens:,.0f} tokens, and {approval.tokens:,} were approved."
    return ""


def _same_effect(spec: StepSpec, known: StepSpec | None) -> bool:
    """Whether a step does outside what was approved under its key."""
    return known is not None and (known.prompt, known.kind, known.files, known.repeatable, known.to) == (
        spec.prompt,
        spec.kind,
        spec.files,
        spec.repeatable,
        spec.to,
    )


def plan_maker(plan: Plan | None = None) -> StepSpec:
    """The step that makes a plan, or makes the rest of one anew; its key is one that the plan does not have."""
    keys = {spec.key for spec in plan.steps} if plan else set()
    made = sum(spec.kind == StepKind.PLAN for spec in plan.steps) if plan else 0
    number = next(number for number in count(made + 1) if _maker_key(number) not in keys)
    return StepSpec(_maker_key(number), "plan" if number == 1 else "plan the rest anew", kind=StepKind.PLAN)


def _maker_key(number: int) -> str:
    return "plan" if number == 1 else f"plan-{number}"


def spliced(plan: Plan, key: str, parts: Sequence[StepSpec]) -> Plan:
    """A plan in which other steps stand behind one that was broken down; what waited for it waits for their ends.

    Args:
        plan: has the step.
        key: of the step; it stays, as what it is now.
        parts: what it was broken down into; those that wait for nothing wait for what it waited for.
    """
    whole = next(spec for spec in plan.steps if spec.key == key)
    last = tuple(spec.key for spec in ends(parts))
    given = {file for part in parts for file in part.files}
    instead = {key: last} | {file: last for file in whole.files if file not in given}
    all_parts = instead | {key: tuple(part.key for part in parts)}
    made: list[StepSpec] = []
    for spec in plan.steps:
        names = all_parts if spec.kind == StepKind.COPY else instead  # what is copied is given by any of them
        made.append(replace(spec, files=()) if spec.key == key else _instead(spec, names))
        if spec.key == key:
            made += [_behind(part, whole.after) for part in parts]
    return with_steps(plan, made)


def with_steps(plan: Plan, steps: Iterable[StepSpec]) -> Plan:
    """The plan with other steps."""
    return Plan(tuple(steps), plan.approval, plan.format, plan.reasoning)


def _instead(spec: StepSpec, keys: Mapping[str, tuple[str, ...]]) -> StepSpec:
    def put(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for name in names for one in keys.get(name, (name,))))

    return replace(spec, after=put(spec.after), inputs=put(spec.inputs))


def _behind(part: StepSpec, after: tuple[str, ...]) -> StepSpec:
    return part if part.after else replace(part, after=after)
