"""What a person changes of a plan, as pure functions: each gives another plan, which the engine then checks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count

from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.plans import before, with_steps
from tale_tui.domain.tasks import Plan, Step, StepSpec
from tale_tui.formatting.plans import without

BUDGET_FACTOR = 1.25
"""A budget of tokens grows by this with one key, and shrinks by it."""
BUDGET_MIN = 50
"""Tokens below which no budget goes: less is no answer."""
_USUAL_BUDGET = 500
"""Of a step without a budget of which nothing is foreseen."""
_DIGITS = 2
"""Digits of a budget: nobody foresees more."""


@dataclass(frozen=True, slots=True)
class StepTexts:
    """What a person writes of a step."""

    title: str
    prompt: str
    files: tuple[str, ...] = ()


def step_of(plan: Plan, key: str) -> StepSpec:
    """The step with a key; the plan has it."""
    return next(spec for spec in plan.steps if spec.key == key)


def rewritten(plan: Plan, key: str, texts: StepTexts) -> Plan:
    """The plan with other words for a step."""
    return _with(plan, replace(step_of(plan, key), title=texts.title, prompt=texts.prompt, files=texts.files))


def given_to(plan: Plan, key: str, model: ModelRef | Role) -> Plan:
    """The plan with a step that a model does, or whichever has a role."""
    if isinstance(model, Role):
        return _with(plan, replace(step_of(plan, key), ref=None, role=model))
    return _with(plan, replace(step_of(plan, key), ref=model))


def budgeted(plan: Plan, key: str, direction: int, foreseen: float | None) -> Plan:
    """The plan with a step that may write more tokens, or fewer.

    Args:
        plan: has the step.
        key: of the step.
        direction: 1 for more, -1 for fewer.
        foreseen: the tokens from which it is counted where the step has no budget yet; None where nothing is.
    """
    spec = step_of(plan, key)
    whole = (spec.max_tokens or foreseen or _USUAL_BUDGET) * BUDGET_FACTOR**direction
    digits = _DIGITS - 1 - math.floor(math.log10(max(whole, 1)))
    return _with(plan, replace(spec, max_tokens=max(int(round(whole, digits)), BUDGET_MIN)))


def inserted(plan: Plan, behind: str, texts: StepTexts) -> tuple[Plan, str]:
    """The plan with a step more: it waits for one, and what waited for that one waits for it too.

    Args:
        plan: which.
        behind: the key of the step before it.
        texts: what it is to do.
    Returns:
        The plan, and the key of the new step.
    """
    keys = {spec.key for spec in plan.steps}
    key = next(name for number in count(1) if (name := f"added-{number}") not in keys)
    made: list[StepSpec] = []
    for spec in plan.steps:
        if behind in spec.after:
            inputs = (*spec.inputs, key) if spec.inputs else ()
            made.append(replace(spec, after=(*spec.after, key), inputs=inputs))
        else:
            made.append(spec)
        if spec.key == behind:
            made.append(StepSpec(key, texts.title, texts.prompt, (behind,), files=texts.files))
    return with_steps(plan, made), key


def removed(plan: Plan, key: str) -> Plan:
    """The plan without a step.

    Raises:
        BadPlan: it is the only one.
    """
    if len(plan.steps) == 1:
        raise BadPlan("It is the only step: refuse the plan instead.")
    return without(plan, {key})


def moved(plan: Plan, key: str, direction: int, names: Mapping[str, str]) -> Plan:
    """The plan with a step in the place of its neighbour: of those that can run at once, who stands first goes first.

    Args:
        plan: has the step.
        key: of the step.
        direction: 1 for down, -1 for up.
        names: what each step is called, by its key.
    Raises:
        BadPlan: it stands at an end, or one of both waits for the other.
    """
    steps = list(plan.steps)
    place = next(number for number, spec in enumerate(steps) if spec.key == key)
    other = place + direction
    if not 0 <= other < len(steps):
        raise BadPlan(f"{names[key]} is the {'last' if direction > 0 else 'first'} one.")
    upper, lower = sorted((place, other))
    if steps[upper].key in before(steps)[steps[lower].key]:
        raise BadPlan(f"{names[steps[lower].key]} waits for {names[steps[upper].key]}, so it stays behind it.")
    steps[place], steps[other] = steps[other], steps[place]
    return with_steps(plan, steps)


def changed_keys(before: Mapping[str, StepSpec], steps: tuple[Step, ...]) -> frozenset[str]:
    """The keys of the steps that are new or other than before."""
    return frozenset(step.spec.key for step in steps if before.get(step.spec.key) != step.spec)


def _with(plan: Plan, changed: StepSpec) -> Plan:
    return with_steps(plan, (changed if spec.key == changed.key else spec for spec in plan.steps))
