"""Reads the plan that a model wrote: what models do to JSON is forgiven, what cannot be run is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from tale_tui.domain.constants import (
    PLAN_REASONING_CHARACTERS,
    STEP_FILES_MAX,
    STEP_KEY_CHARACTERS,
    STEP_PROMPT_CHARACTERS,
    STEP_TITLE_CHARACTERS,
    STEP_WORDS_CHARACTERS,
)
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import Role
from tale_tui.domain.plans import JOIN_KEY, LEVELS_MAX, ends, with_steps
from tale_tui.domain.tasks import Plan, Priority, StepKind, StepSpec
from tale_tui.domain.text import clean, clean_line, is_blank
from tale_tui.engine.models.lenient_json import as_count, as_object, as_text, as_texts, mended
from tale_tui.engine.tasks.plan import check, is_target

JOIN_TITLE = "Join and check"
JOIN_PROMPT = (
    "Put the results of the steps together into the one whole answer to the task; where they are files, say what each "
    "is for and do not repeat them. Then check the answer against the task: name each thing that is missing or wrong "
    "in a line of its own, or say that nothing is missing."
)
REST_KEY = "whole"
"""The one step of a task that could not be broken down."""
KEY_CHARACTERS = 30
_OWN_KEYS = re.compile(rf"{JOIN_KEY}|{REST_KEY}|plan(-\d+)?")
"""Keys that the engine gives."""
_BEGINNING = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder(strict=False)
"""Line ends in strings are taken as they are: models write code so."""
_THOUGHT = "</think>"
"""The end of what a model thought, where its server leaves that in the answer: it may have a plan of its own in it."""
_PLACE = re.compile(r"(?<![\w/~.:])(?:~|[A-Za-z]:)?[/\\][^\s\"'`<>|*?,;()\[\]{}。，、；]+")
"""What looks like a whole path in a text: not the end of an address or of a word."""
_BEHIND_PLACE = ".:!/\\"
"""Signs that end a sentence, or a path, and are no part of the name of a folder."""
_PLACES_MAX = 5
_OBJECTS_TRIED = 50
"""Beginnings of JSON in an answer that are looked at: more braces than that are code, and no plan."""

_LISTS = ("steps", "plan", "tasks", "subtasks", "sub_tasks")
_KEYS = ("key", "id", "step_id", "step", "number", "name")
_TITLES = ("title", "name", "summary", "goal")
_PROMPTS = ("prompt", "instructions", "instruction", "description", "details", "task", "action", "content")
_COPY_TO = ("copy_to", "copyTo", "to")
_AFTER = ("after", "depends_on", "dependencies", "dependsOn", "requires", "prerequisites")
_OUTPUTS = ("output", "expected_output", "expectedOutput", "result", "deliverable")
_FILES = ("files", "artifacts", "output_files")
_TASK_INPUTS = frozenset({"", "task", "the task", "none", "user", "request"})
"""Inputs that every step has."""


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """What a plan may have."""

    steps: int
    """The most steps."""
    max_tokens: int
    """The most that a step may write."""
    level: int = 1
    """Of its steps: how often what they come from was broken down, from 1."""
    part_of: str = ""
    """The key of the step that is broken down."""
    places: tuple[str, ...] = ()
    """Folders outside that the task names; files may be copied to these and to folders in them."""


def named_places(text: str) -> tuple[str, ...]:
    """The folders outside that a text names by their whole path: `/srv/app`, `~/app`.

    Args:
        text: of a task; safe.
    """
    found = (match[0].rstrip(_BEHIND_PLACE) for match in _PLACE.finditer(text))
    return tuple(dict.fromkeys(place for place in found if len(place) > 1 and is_target(place)))[:_PLACES_MAX]


def read_plan(text: str, limits: PlanLimits, done: Sequence[StepSpec] = (), *, mend: bool = False) -> Plan:
    """The plan in the answer of a model, checked: new steps alone, those to be broken down again of the kind plan.

    Args:
        text: the answer; safe text.
        limits: what it may have.
        done: steps that are there already, which new ones may wait for.
        mend: leave out references to steps and inputs that are not there, instead of refusing them.
    Raises:
        BadPlan: it has none that can be run; the sentence says what is wrong.
    """
    found, listed = _found(text)
    if not listed:
        raise BadPlan("The plan has no steps.")
    if len(listed) > limits.steps:
        raise BadPlan(f"The plan has {len(listed)} steps, and {limits.steps} is the limit.")
    items = [_fields(item) for item in listed]
    there = [_alone(spec, done) for spec in done if spec.kind == StepKind.MODEL]
    keys = _keys(items, limits, {spec.key for spec in done})
    names = _names(items, keys) | {spec.key: spec.key for spec in there}
    made = [_spec(fields, key, limits) for fields, key in zip(items, keys, strict=True)]
    made = [_connected(spec, names, [*there, *made], mend=mend) for spec in made]
    check(Plan((*there, *(_as_model(spec) for spec in made))))
    reasoning = clean_line(as_text(found.get("reasoning")) or as_text(found.get("thoughts")), PLAN_REASONING_CHARACTERS)
    return Plan(tuple(made), reasoning=reasoning)


def single_step(text: str, limits: PlanLimits, why: str, done: Sequence[StepSpec] = ()) -> Plan:
    """The plan of what could not be broken down: one step that does all of it.

    Args:
        text: what it is to do.
        limits: say what it is a part of.
        done: steps whose results it is given.
        why: it could not, in a sentence.
    """
    key = f"{limits.part_of}.{REST_KEY}" if limits.part_of else REST_KEY
    after = () if limits.part_of else tuple(spec.key for spec in ends(done))
    title = "The rest at once" if after else "The whole at once"
    spec = StepSpec(key, title, text, after, part_of=limits.part_of, level=limits.level)
    return Plan((spec,), reasoning=clean_line(f"Not broken down: {why}", PLAN_REASONING_CHARACTERS))


def with_join(plan: Plan, skipped: frozenset[str] = frozenset()) -> Plan:
    """The plan with a last step that puts results together and checks them, where there are several to put together.

    Args:
        plan: with all of its steps; one that joins already is made anew.
        skipped: keys of steps whose results will not be there.
    """
    steps = [spec for spec in plan.steps if spec.key != JOIN_KEY]
    work = [
        spec
        for spec in steps
        if (spec.key not in skipped and spec.kind not in (StepKind.PLAN, StepKind.COPY)) or _is_to_be_split(spec, steps)
    ]
    if len(work) <= 1:
        return with_steps(plan, steps)
    last = tuple(spec.key for spec in ends(work))
    return with_steps(plan, [*steps, StepSpec(JOIN_KEY, JOIN_TITLE, JOIN_PROMPT, last)])


def _is_to_be_split(spec: StepSpec, steps: Sequence[StepSpec]) -> bool:
    """Whether a step that is to be broken down has not been: its parts will take its place."""
    return (
        spec.kind == StepKind.PLAN and not is_blank(spec.prompt) and all(other.part_of != spec.key for other in steps)
    )


def _found(text: str) -> tuple[dict[str, object], list[object]]:
    """The object with the steps, and the steps.

    Raises:
        BadPlan: there is no JSON, or no list of steps in it.
    """
    seen, empty = False, None
    behind = text.rpartition(_THOUGHT)[2]
    text = behind if "{" in behind else text
    begin = _BEGINNING.search(text)
    for said in (mended(text[begin.start() :]) if begin else "", text):
        for value in _values(said):
            seen = True
            outer = value if isinstance(value, dict) else {"steps": value}
            for candidate in (outer, *(as_object(outer.get(name)) for name in _LISTS)):
                for name in _LISTS:
                    listed = _listed(candidate.get(name))
                    if listed == []:
                        empty = candidate  # which may be any list inside of what is no JSON as a whole
                    elif isinstance(listed, list) and _are_steps(listed):
                        return candidate, listed
    if "{" not in text and not seen:
        raise BadPlan("The answer has no JSON.")
    if text.count("{") > text.count("}"):
        raise BadPlan("The answer breaks off in the middle of the JSON.")
    if empty is not None:
        return empty, []
    raise BadPlan("The JSON has no list of steps." if seen else "What looks like JSON in the answer is none.")


def _listed(value: object) -> object:
    """The list of steps that stands in an object by their keys; anything else as it is."""
    if not isinstance(value, dict) or not value or not all(isinstance(one, dict) for one in value.values()):
        return value
    steps = [{"key": key} | one for key, one in value.items()]
    return steps if all(_first_text(one, _PROMPTS) for one in steps) else value


def _are_steps(listed: Sequence[object]) -> bool:
    return all(isinstance(item, dict | str) for item in listed) and any(isinstance(item, dict) for item in listed)


def _values(text: str) -> Iterator[object]:
    """What JSON stands in a text, the outermost first."""
    place = 0
    for _ in range(_OBJECTS_TRIED):
        begin = _BEGINNING.search(text, place)
        if begin is None:
            return
        try:
            value, place = _DECODER.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            place = begin.start() + 1
        else:
            yield value


def _fields(item: object) -> Mapping[str, object]:
    return {"title": item, "prompt": item} if isinstance(item, str) else as_object(item)


def _alone(spec: StepSpec, done: Sequence[StepSpec]) -> StepSpec:
    """A step that is done, with nothing before it that is not."""
    keys = {one.key for one in done}
    return replace(spec, after=tuple(key for key in spec.after if key in keys), inputs=())


def _keys(items: Sequence[Mapping[str, object]], limits: PlanLimits, taken: set[str]) -> list[str]:
    """The key of each step; one that names a step which is there, or that has a meaning of its own, is changed.

    Raises:
        BadPlan: two steps have the same one.
    """
    keys: list[str] = []
    for number, fields in enumerate(items, 1):
        slug = _slug(_first_text(fields, _KEYS) or _first_text(fields, _TITLES)) or f"step-{number}"
        key = f"{limits.part_of}.{slug}"[-STEP_KEY_CHARACTERS:] if limits.part_of else slug
        if key in taken or _OWN_KEYS.fullmatch(key):
            key = f"{key}-step"
        if key in keys:
            raise BadPlan(f"Two steps have the key {slug}: give each a key of its own.")
        keys.append(key)
    return keys


def _names(items: Sequence[Mapping[str, object]], keys: Sequence[str]) -> dict[str, str]:
    """By what a step may be called in the answer: its key."""
    names: dict[str, str] = {}
    for number, (fields, key) in enumerate(zip(items, keys, strict=True), 1):
        title = _first_text(fields, _TITLES)
        for name in (title, _slug(title), f"step {number}", f"step-{number}", f"step_{number}", str(number)):
            names.setdefault(name, key)
    for fields, key in zip(items, keys, strict=True):
        said = _first_text(fields, _KEYS)
        names |= {name: key for name in (said, _slug(said), key) if name}
    return names


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:KEY_CHARACTERS].strip("-")


def _spec(fields: Mapping[str, object], key: str, limits: PlanLimits) -> StepSpec:
    """A step, with what it refers to as the model wrote it.

    Raises:
        BadPlan: it says nothing that is to be done.
    """
    title = clean_line(_first_text(fields, _TITLES) or key, STEP_TITLE_CHARACTERS)
    if to := _first_text(fields, _COPY_TO):
        return _copy(fields, key, title, to, limits)
    prompt = clean(_first_text(fields, _PROMPTS))[:STEP_PROMPT_CHARACTERS]
    if is_blank(prompt):
        raise BadPlan(f"The step {title} has no prompt: say what it is to do.")
    budget = as_count(fields.get("max_tokens"))
    splits = fields.get("split") is True and limits.level < LEVELS_MAX
    return StepSpec(
        key,
        title,
        prompt,
        tuple(_references(fields, _AFTER)),
        kind=StepKind.PLAN.value if splits else StepKind.MODEL.value,
        role=Role.UX if as_text(fields.get("model")).lower() == "small" else Role.TASK,
        max_tokens=min(budget, limits.max_tokens) if budget else None,
        repeatable=not (fields.get("outside") is True or fields.get("repeatable") is False),
        purpose=clean_line(as_text(fields.get("purpose")), STEP_WORDS_CHARACTERS),
        inputs=tuple(_references(fields, ("inputs",))),
        output=clean_line(_first_text(fields, _OUTPUTS), STEP_WORDS_CHARACTERS),
        files=tuple(_references(fields, _FILES))[:STEP_FILES_MAX],
        priority=_priority(as_text(fields.get("priority"))),
        part_of=limits.part_of,
        level=limits.level,
    )


def _copy(fields: Mapping[str, object], key: str, title: str, to: str, limits: PlanLimits) -> StepSpec:
    """A step that copies files out.

    Raises:
        BadPlan: the task names no such folder.
    """
    target = to.rstrip("/\\") or to
    if not is_target(target) or not any(PurePath(target).is_relative_to(place) for place in limits.places):
        named = " or ".join(limits.places) or "none"
        raise BadPlan(f"The step {title} copies to {clean_line(to)}; the folders that the task names: {named}.")
    return StepSpec(
        key,
        title,
        "",
        tuple(_references(fields, _AFTER)),
        kind=StepKind.COPY.value,
        purpose=clean_line(as_text(fields.get("purpose")), STEP_WORDS_CHARACTERS),
        inputs=tuple(_references(fields, ("inputs",))),
        part_of=limits.part_of,
        level=limits.level,
        to=target,
    )


def _as_model(spec: StepSpec) -> StepSpec:
    """A step as it is checked: one that is broken down is checked as one that is not."""
    return replace(spec, kind=StepKind.MODEL.value) if spec.kind == StepKind.PLAN else spec


def _connected(spec: StepSpec, names: Mapping[str, str], steps: Sequence[StepSpec], *, mend: bool) -> StepSpec:
    """A step that refers to others by their keys, and waits for those that give what it is given.

    Args:
        spec: refers to them as the model wrote it.
        names: what they may be called -> key.
        steps: all there are.
        mend: leave out what refers to nothing.
    """
    givers: dict[str, list[str]] = {}
    for one in steps:
        for file in one.files:
            givers.setdefault(file, []).append(one.key)
    after = dict.fromkeys(names.get(name) or names.get(_slug(name)) or name for name in spec.after)
    inputs: dict[str, None] = {}
    for name in spec.inputs:
        key = name if name in givers else names.get(name) or names.get(_slug(name)) or name
        if name.lower() not in _TASK_INPUTS:
            inputs[key] = None
    known = set(names.values())
    if mend:
        after = {key: None for key in after if key in known and key != spec.key}
        inputs = {name: None for name in inputs if (name in known or name in givers) and name != spec.key}
    for name in inputs:
        direct = [name] if name in known else givers.get(name, [])
        if not after.keys() & set(direct):
            after |= dict.fromkeys(key for key in direct[:1] if key != spec.key)
    return replace(spec, after=tuple(after), inputs=tuple(inputs))


def _first_text(fields: Mapping[str, object], names: Sequence[str]) -> str:
    """The first of some fields that says something; a number counts as its digits."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if text := as_text(value).strip():
            return text
    return ""


def _references(fields: Mapping[str, object], names: Sequence[str]) -> list[str]:
    """What the first of some fields that is there refers to."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, list):
            found = [str(one) if isinstance(one, int) else one for one in value]
            return [text for one in as_texts(found) if (text := clean_line(one).strip())]
        if text := as_text(value).strip():
            return [clean_line(text)]
    return []


def _priority(text: str) -> Priority:
    found = text.lower()
    return Priority(found) if found in set(Priority) else Priority.NORMAL
