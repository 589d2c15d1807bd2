"""Plans: made for one step, or read from JSON and checked, so that a plan that is stored can be run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from tale_tui.domain.constants import (
    PLAN_MISTAKES_NAMED,
    PLAN_STEPS_MAX,
    STEP_PROMPT_CHARACTERS,
    STEP_TITLE_CHARACTERS,
    TIME_LIMIT_MAX_S,
    WRONG_VALUE_CHARACTERS,
)
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import Role
from tale_tui.domain.tasks import PLAN_FORMAT, Plan, StepKind, StepSpec
from tale_tui.domain.text import clean, clean_line, is_blank

ONE_STEP_KEY = "answer"
ONE_STEP_TITLE = "answer"

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _StepForm(_Form):
    """A step as it is written in a file."""

    key: Key
    title: str = Field("", max_length=STEP_TITLE_CHARACTERS)
    prompt: str = Field("", max_length=STEP_PROMPT_CHARACTERS)
    after: list[Key] = []
    kind: str = StepKind.MODEL.value
    role: Literal["ux", "task"] = "task"
    max_tokens: int | None = Field(None, ge=1)
    time_limit_s: float | None = Field(None, gt=0, le=TIME_LIMIT_MAX_S, allow_inf_nan=False)
    retries: int | None = Field(None, ge=0, le=20)
    repeatable: bool = True


class _PlanForm(_Form):
    """A plan as it is written in a file."""

    format: int = Field(PLAN_FORMAT, ge=1)
    approval: bool = False
    steps: list[_StepForm] = Field(min_length=1, max_length=PLAN_STEPS_MAX)


ONE_STEP = Plan((StepSpec(ONE_STEP_KEY, ONE_STEP_TITLE),))
"""The plan of a task that a model is asked once: its text says all."""


def parse_plan(text: str) -> Plan:
    """Read a plan.

    Args:
        text: JSON: `{"steps": [{"key": "outline", "prompt": "..."}, {"key": "text", "prompt": "...", "after":
            ["outline"]}]}`; what a step may say is in `StepSpec`.
    Raises:
        BadPlan: it cannot be run; the sentence names the place.
    """
    try:
        form = _PlanForm.model_validate_json(text)
    except ValidationError as error:
        raise BadPlan(_sentence(error)) from error
    plan = Plan(tuple(map(_spec, form.steps)), form.approval, form.format)
    check(plan)
    return plan


def check(plan: Plan) -> None:
    """Refuse a plan that cannot be run.

    Raises:
        BadPlan: of a newer form, a key twice, an unknown kind, nothing to ask, an unknown step before another, a
            circle, a yes that nothing waits for.
    """
    if plan.format > PLAN_FORMAT:
        raise BadPlan(f"format: this version reads plans up to format {PLAN_FORMAT}, and this is {plan.format}.")
    seen: set[str] = set()
    for number, spec in enumerate(plan.steps):
        if spec.key in seen:
            raise BadPlan(f"steps[{number}].key: there is a step {spec.key} already, give each a key of its own.")
        seen.add(spec.key)
        if spec.kind not in {kind.value for kind in StepKind}:
            known = " or ".join(kind.value for kind in StepKind)
            raise BadPlan(f"steps[{number}].kind: {clean_line(spec.kind)} is no kind of step, write {known}.")
        if spec.kind == StepKind.MODEL and is_blank(spec.prompt):
            raise BadPlan(f"steps[{number}].prompt: say what {spec.key} is to do.")
    for number, spec in enumerate(plan.steps):
        for before in spec.after:
            if before not in seen:
                raise BadPlan(f"steps[{number}].after: there is no step {before}, name one of this plan.")
    order(plan.steps)
    used = {key for spec in plan.steps for key in spec.after}
    for number, spec in enumerate(plan.steps):
        if spec.kind == StepKind.APPROVAL and spec.key not in used:
            raise BadPlan(f"steps[{number}]: no step waits for the yes of {spec.key}, name it in the after of one.")


def order(steps: Sequence[StepSpec]) -> tuple[str, ...]:
    """The keys in an order in which each step comes after those that it waits for.

    Raises:
        BadPlan: they wait for each other in a circle.
    """
    try:
        return tuple(TopologicalSorter({spec.key: spec.after for spec in steps}).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise BadPlan(f"steps: these wait for each other: {circle}; take one of the waits out.") from error


def _spec(form: _StepForm) -> StepSpec:
    return StepSpec(
        form.key,
        clean_line(form.title) or form.key,
        clean(form.prompt),
        tuple(form.after),
        form.kind,
        Role(form.role),
        form.max_tokens,
        form.time_limit_s,
        form.retries,
        form.repeatable,
    )


def _sentence(error: ValidationError) -> str:
    """What is wrong, and where."""
    found = error.errors(include_url=False)
    named = [f"{_place(item['loc'])}{_words(item)}" for item in found[:PLAN_MISTAKES_NAMED]]
    more = [f"and {len(found) - PLAN_MISTAKES_NAMED} more"] if len(found) > PLAN_MISTAKES_NAMED else []
    return f"{'; '.join(named + more)}."


_RIGHT = {
    "model_type": "{value} should be an object in {{ }}",
    "list_type": "{value} should be a list in [ ]",
    "too_short": "there should be at least {min_length}",
    "too_long": "{actual_length} are too many, write up to {max_length}",
    "string_type": "{value} should be a text in quotes",
    "string_too_long": "{value} is too long, write up to {max_length:,} characters",
    "bool_type": "{value} should be true or false",
    "int_type": "{value} should be a whole number",
    "float_type": "{value} should be a number",
    "finite_number": "{value} should be a number",
    "greater_than": "{value} should be above {gt:,.0f}",
    "greater_than_equal": "{value} should be at least {ge:,.0f}",
    "less_than_equal": "{value} should be at most {le:,.0f}",
}
"""What would be right, by the kind of error as pydantic names it."""


def _words(item: ErrorDetails) -> str:
    """What is wrong with one value, which is named where it says anything."""
    said = clean_line(item["msg"]).removeprefix("Value error, ").replace(" after validation", "")
    match item["type"]:
        case "json_invalid":
            return f"this is not JSON, {said.removeprefix('Invalid JSON: ')}"
        case "missing":
            return "this is missing"
        case "extra_forbidden":
            return "there is no such name, look for a typing error"
        case "string_pattern_mismatch":
            return f"{_shown(item['input'])} cannot be a key, write up to 64 letters, digits, dots, _ or -"
    if (right := _RIGHT.get(item["type"])) is not None:
        return right.format(value=_shown(item["input"]), **item.get("ctx", {}))
    return re.sub("^(Input|String)", lambda _: _shown(item["input"]), said)


def _shown(value: object) -> str:
    """A value as it stands in the file, cut where it is long."""
    return clean_line(json.dumps(value, ensure_ascii=False), WRONG_VALUE_CHARACTERS)


def _place(parts: tuple[int | str, ...]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{clean_line(part)}" for part in parts)
    return f"{place.removeprefix('.')}: " if place else ""
