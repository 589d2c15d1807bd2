"""Plans: made for one step, or read from JSON and checked, so that a plan that is stored can be run."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from tale_tui.domain.constants import (
    COPY_TARGET_CHARACTERS,
    PLAN_MISTAKES_NAMED,
    PLAN_REASONING_CHARACTERS,
    PLAN_STEPS_MAX,
    STEP_FILES_MAX,
    STEP_KEY_CHARACTERS,
    STEP_PROMPT_CHARACTERS,
    STEP_TITLE_CHARACTERS,
    STEP_WORDS_CHARACTERS,
    TIME_LIMIT_MAX_S,
    WRONG_VALUE_CHARACTERS,
)
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.plans import LEVELS_MAX, before, copied_files, with_steps
from tale_tui.domain.tasks import PLAN_FORMAT, Plan, Priority, StepKind, StepSpec, StepState, TaskDetail
from tale_tui.domain.text import clean, clean_line, is_blank
from tale_tui.engine.result_files import may_be_given
from tale_tui.formatting.plans import without

HANDED_IN = (StepKind.MODEL.value, StepKind.APPROVAL.value, StepKind.COPY.value)
"""Kinds of steps that a plan may have when it is handed in."""
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
    purpose: str = Field("", max_length=STEP_WORDS_CHARACTERS)
    inputs: list[str] = []
    output: str = Field("", max_length=STEP_WORDS_CHARACTERS)
    files: list[str] = Field([], max_length=STEP_FILES_MAX)
    model: str = ""
    priority: Literal["urgent", "high", "normal", "low"] = "normal"
    part_of: str = Field("", max_length=STEP_KEY_CHARACTERS)
    level: int = Field(1, ge=1, le=LEVELS_MAX)
    to: str = Field("", max_length=COPY_TARGET_CHARACTERS)


class _PlanForm(_Form):
    """A plan as it is written in a file."""

    format: int = Field(PLAN_FORMAT, ge=1)
    approval: bool = False
    reasoning: str = Field("", max_length=PLAN_REASONING_CHARACTERS)
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
    plan = Plan(
        tuple(_spec(number, step) for number, step in enumerate(form.steps)),
        form.approval,
        form.format,
        clean_line(form.reasoning),
    )
    check(plan)
    return plan


def check_again(detail: TaskDetail) -> None:
    """Refuse the plan of a task that comes back from where it was kept, with the steps that models made.

    Args:
        detail: the task; what was left out of its plan gives and takes nothing.
    Raises:
        BadPlan: see `check`.
    """
    skipped = {step.spec.key for step in detail.steps if step.state is StepState.SKIPPED}
    copies = {spec.key for spec in detail.plan.steps if spec.kind == StepKind.COPY and spec.key in skipped}
    plan = without(detail.plan, copies)
    steps = [replace(spec, files=(), inputs=()) if spec.key in skipped else spec for spec in plan.steps]
    check(with_steps(plan, steps), kinds=(*HANDED_IN, StepKind.PLAN.value))


def check(plan: Plan, *, kinds: Sequence[str] = HANDED_IN) -> None:
    """Refuse a plan that cannot be run.

    Args:
        plan: which.
        kinds: of steps that it may have.
    Raises:
        BadPlan: of a newer form, a key twice, an unknown kind, nothing to ask, an unknown step before another, a
            circle, a yes that nothing waits for, an input that no step before it gives, a file that may not be written,
            or that two steps may give at the same time, a copy of nothing or to no folder.
    """
    if plan.format > PLAN_FORMAT:
        raise BadPlan(f"format: this version reads plans up to format {PLAN_FORMAT}, and this is {plan.format}.")
    seen: set[str] = set()
    for number, spec in enumerate(plan.steps):
        if spec.key in seen:
            raise BadPlan(f"steps[{number}].key: there is a step {spec.key} already, give each a key of its own.")
        seen.add(spec.key)
        if spec.kind not in kinds:
            known = f"{', '.join(HANDED_IN[:-1])} or {HANDED_IN[-1]}"
            raise BadPlan(f"steps[{number}].kind: {clean_line(spec.kind)} is no kind of step, write {known}.")
        if spec.kind == StepKind.MODEL and is_blank(spec.prompt):
            raise BadPlan(f"steps[{number}].prompt: say what {spec.key} is to do.")
    for number, spec in enumerate(plan.steps):
        for key in spec.after:
            if key not in seen:
                raise BadPlan(f"steps[{number}].after: there is no step {key}, name one of this plan.")
    order(plan.steps)
    used = {key for spec in plan.steps for key in spec.after}
    for number, spec in enumerate(plan.steps):
        if spec.kind == StepKind.APPROVAL and spec.key not in used:
            raise BadPlan(f"steps[{number}]: no step waits for the yes of {spec.key}, name it in the after of one.")
    _check_files(plan.steps)
    for number, spec in enumerate(plan.steps):
        _check_copy(number, spec, plan.steps)


def _check_copy(number: int, spec: StepSpec, steps: Sequence[StepSpec]) -> None:
    """Refuse a copy that has nothing to copy, no folder for it, or wants to do anything else.

    Raises:
        BadPlan: the sentence names the place.
    """
    place = f"steps[{number}]"
    if spec.kind != StepKind.COPY:
        if spec.to:
            raise BadPlan(f"{place}.to: only a step of the kind copy copies files to a folder.")
        return
    if not is_target(spec.to):
        raise BadPlan(
            f"{place}.to: {_shown(spec.to)} is no folder that files can be copied to, write its whole path, as in "
            "/srv/app or ~/app."
        )
    if not is_blank(spec.prompt) or spec.ref is not None:
        raise BadPlan(f"{place}: a step that copies asks no model, leave its prompt and its model out.")
    if not spec.repeatable:
        raise BadPlan(f"{place}.repeatable: a step that copies can always be repeated, leave this out.")
    if not copied_files(spec, steps):
        raise BadPlan(f"{place}.inputs: no step before {spec.key} gives a file that it could copy.")


def is_target(text: str) -> bool:
    """Whether a text names a folder that files can be copied to: absolute or below `~`, and without a way up."""
    parts = text.replace("\\", "/").split("/")
    whole = PurePath(text).is_absolute() or parts[0] == "~"
    return whole and ".." not in parts and clean_line(text, COPY_TARGET_CHARACTERS) == text


def _check_files(steps: Sequence[StepSpec]) -> None:
    """Refuse files that cannot be given, and inputs that no step before gives.

    Raises:
        BadPlan: the sentence names the place.
    """
    earlier, files = before(steps), {spec.key: spec.files for spec in steps}
    givers: dict[str, list[str]] = {}
    for number, spec in enumerate(steps):
        if spec.files and spec.kind in (StepKind.APPROVAL, StepKind.COPY):
            raise BadPlan(f"steps[{number}].files: only a step that asks a model gives files.")
        for file in spec.files:
            others = givers.setdefault(file.casefold(), [])  # which is one file on many systems
            _check_file(f"steps[{number}].files", file, spec.key, others)
            for other in others:
                if other not in earlier[spec.key] and spec.key not in earlier[other]:
                    raise BadPlan(
                        f"steps[{number}].files: {file} is given by {other} as well, have one wait for the other."
                    )
            others.append(spec.key)
    for number, spec in enumerate(steps):
        for name in spec.inputs:
            if name not in earlier[spec.key] and not any(name in files[key] for key in earlier[spec.key]):
                raise BadPlan(
                    f"steps[{number}].inputs: no step before {spec.key} is called {_shown(name)} or gives that file."
                )


def _check_file(place: str, file: str, key: str, givers: Collection[str]) -> None:
    """Refuse a name that leads out of the folder or to where programs are looked for, or that is there twice.

    Raises:
        BadPlan: it is such a name.
    """
    if not may_be_given(file):
        raise BadPlan(
            f"{place}: {_shown(file)} is no file inside the folder of the task that may be given, write a name as in "
            "src/app.py."
        )
    if key in givers:
        raise BadPlan(f"{place}: {_shown(file)} is there twice.")


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


def _spec(number: int, form: _StepForm) -> StepSpec:
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
        clean_line(form.purpose),
        tuple(form.inputs),
        clean_line(form.output),
        tuple(form.files),
        _model(number, form.model),
        Priority(form.priority),
        clean_line(form.part_of),
        form.level,
        clean_line(form.to),
    )


def _model(number: int, name: str) -> ModelRef | None:
    """The model of a step by its name; None for that of its role.

    Raises:
        BadPlan: it cannot be one.
    """
    try:
        return ModelRef.parse(clean_line(name)) if name else None
    except ValueError as error:
        raise BadPlan(
            f"steps[{number}].model: {_shown(name)} is no model, write backend/model, as in ollama/qwen2.5:7b."
        ) from error


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
