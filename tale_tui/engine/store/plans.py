"""A plan as JSON, as the store keeps it. What is at its default is left out."""

from __future__ import annotations

import json
from typing import Any

from tale_tui.engine.task_types import PLAN_FORMAT, Plan, StepKind, StepSpec
from tale_tui.engine.text import clean, clean_line
from tale_tui.engine.types import Role

STEP_TITLE_LIMIT = 80
"""Characters of the title of a step."""
STEP_KEY_LIMIT = 64
"""Characters of its key."""


def safe_plan(plan: Plan) -> Plan:
    """The plan with every text past the border."""
    steps = tuple(
        StepSpec(
            step_key(spec.key),
            clean_line(spec.title, STEP_TITLE_LIMIT),
            clean(spec.prompt),
            tuple(map(step_key, spec.after)),
            clean_line(spec.kind, STEP_KEY_LIMIT),
            spec.role,
            spec.max_tokens,
            spec.time_limit_s,
            spec.retries,
            spec.repeatable,
        )
        for spec in plan.steps
    )
    return Plan(steps, plan.approval, plan.format)


def step_key(key: str) -> str:
    """A key as the store knows it."""
    return clean_line(key, STEP_KEY_LIMIT)


def plan_text(plan: Plan) -> str:
    """The plan as one line of JSON."""
    fields: dict[str, Any] = {"steps": [_fields_of(spec) for spec in plan.steps]}
    if plan.approval:
        fields["approval"] = True
    if plan.format != PLAN_FORMAT:
        fields["format"] = plan.format
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def plan_of(text: str) -> Plan:
    """The plan that `plan_text` wrote; its texts pass the border again."""
    fields = json.loads(text)
    steps = tuple(map(_spec_of, fields["steps"]))
    return safe_plan(Plan(steps, fields.get("approval", False), fields.get("format", PLAN_FORMAT)))


def _fields_of(spec: StepSpec) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "prompt": spec.prompt or None,
        "after": list(spec.after) or None,
        "kind": spec.kind if spec.kind != StepKind.MODEL else None,
        "role": spec.role.value if spec.role is not Role.TASK else None,
        "max_tokens": spec.max_tokens,
        "time_limit_s": spec.time_limit_s,
        "retries": spec.retries,
        "repeatable": None if spec.repeatable else False,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return {"key": spec.key, "title": spec.title} | given


def _spec_of(fields: dict[str, Any]) -> StepSpec:
    return StepSpec(
        fields["key"],
        fields["title"],
        fields.get("prompt", ""),
        tuple(fields.get("after", ())),
        fields.get("kind", StepKind.MODEL.value),
        Role(fields.get("role", Role.TASK)),
        fields.get("max_tokens"),
        fields.get("time_limit_s"),
        fields.get("retries"),
        fields.get("repeatable", True),
    )
