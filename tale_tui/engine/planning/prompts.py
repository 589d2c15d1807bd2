"""What a model is asked that makes a plan, and the form that its answer has to have. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tale_tui.domain.constants import RESULT_FILE_NAME_CHARACTERS
from tale_tui.domain.tasks import StepSpec
from tale_tui.domain.text import defuse
from tale_tui.engine.models.backend import ChatMessage
from tale_tui.engine.tasks.prompts import CUT, DATA, cut_to, size_of

TOKEN_BUDGETS = (250, 500, 1000, 2000, 4000)
"""Budgets that a plan may give a step: a grammar holds a model to a list, not to a range."""
RESULT_BYTES = 600
"""Of the result of each step that is done, for a plan that is made anew."""
ANSWER_BYTES = 4_000
"""Of an answer that cannot be used, in the question that has it repaired."""
RULE = "\n\n---\n\n"
"""Between the parts of a prompt."""
_NAMES_SHARE, _RECALL_SHARE = 8, 4
"""One part in so many of the room is for names of files, and for what is remembered."""

_COPY = """
- copy_to: the user gets files into a folder of the task's own, and asked for them in {places}: end with one step that \
has this folder in copy_to, and inputs or after that name what gives the files. It asks no model and needs no prompt."""
_SYSTEM = """You break a task down into steps that models carry out one by one. You do not carry it out yourself.
Answer with one JSON object and nothing else:
{{"reasoning": "two sentences: why these steps", "steps": [{{"key": "schema", "title": "Data model", "purpose": \
"what it is for", "prompt": "all that the model of this step has to know and do", "inputs": [], "output": "what is \
expected", "files": ["schema.sql"], "after": [], "priority": "normal", "model": "big", "max_tokens": 1000, "outside": \
false, "split": false}}]}}
Rules:
- As few steps as do it well, {limit} at most. A small task is one step.
- key: short, of a-z, 0-9 and -, each once. after: keys of the steps whose results it needs. No circle.
- Steps that do not need each other do not wait for each other: they run at the same time.
- inputs: keys of steps, or files that a step before it gives. A step sees its inputs and the task, nothing else.
- files: what the step gives, as relative paths inside the folder of the task; no other path, no two steps the same one.
- model: "big" for thinking and code, "small" for short and simple texts. max_tokens: about what its result takes.
- outside: true only where the step has effects outside of this task. No step runs a program.
- split: true where a step is too large to be written at once; it is broken down on its own.
- A last step that puts everything together and checks it is added by itself: leave it out."""


@dataclass(frozen=True, slots=True)
class PlanQuestion:
    """What a plan is to be made of."""

    text: str
    """Of the task; never cut."""
    conversation: str = ""
    """The digest of the one that it came up in."""
    recalled: str = ""
    """What fits of what is remembered."""
    files: Sequence[str] = ()
    """Names of files that are there."""
    refused: Sequence[str] = ()
    """Why the user refused the plans before."""
    part: StepSpec | None = None
    """The step that is to be broken down; None for the whole task."""
    done: Mapping[str, str] = field(default_factory=dict)
    """Title and key of steps that are done -> their results."""
    failed: str = ""
    """What failed, and why, where the rest is planned anew."""


def plan_messages(
    question: PlanQuestion, *, limit: int, room_bytes: int, places: Sequence[str] = ()
) -> tuple[ChatMessage, ...]:
    """What a model is asked for a plan.

    Args:
        question: what it is to be made of.
        limit: the most steps.
        places: folders outside that the task names, which files may be copied to.
        room_bytes: about how long the prompt may be. Where it is short, the conversation goes first, then what is
            remembered, then names of files and results.
    """
    system = _SYSTEM.format(limit=limit) + (_COPY.format(places=" or ".join(places)) if places else "")
    asked = _asked(question)
    left = room_bytes - size_of(system) - size_of(asked)
    parts: list[str] = []

    def add(title: str, text: str, room: int) -> None:
        nonlocal left
        room -= size_of(f"{title} {DATA}\n\n{CUT}{RULE}")
        if text and room > 0:
            part = f"{title} {DATA}\n{cut_to(text, room)}{RULE}"
            left -= size_of(part)
            parts.append(part)

    done = [f"- {name}: {cut_to(' '.join(text.split()), RESULT_BYTES)}" for name, text in question.done.items()]
    add("What is done, by key and title: steps may wait for these keys; do not plan it again.", "\n".join(done), left)
    add("Files that are there.", "\n".join(question.files), left // _NAMES_SHARE)
    add("What is remembered.", question.recalled, left // _RECALL_SHARE)
    add("The end of the conversation that it came up in.", question.conversation, left)
    return ChatMessage("system", system), ChatMessage("user", defuse("".join([*parts, asked])))


def repair_messages(asked: Sequence[ChatMessage], answer: str, wrong: str) -> tuple[ChatMessage, ...]:
    """The question that has an answer repaired which cannot be used.

    Args:
        asked: what was asked.
        answer: what came.
        wrong: what is wrong with it, in a sentence.
    """
    again = (
        f"This cannot be used: {wrong} Answer again with the whole JSON object, mended, and nothing else: no text "
        "before or behind it."
    )
    said = cut_to(answer.strip(), ANSWER_BYTES) or CUT
    return (*asked, ChatMessage("assistant", defuse(said)), ChatMessage("user", defuse(again)))


def plan_schema(limit: int, places: Sequence[str] = ()) -> str:
    """The form of the answer, as a JSON schema for servers that hold a model to one.

    Args:
        limit: the most steps.
        places: folders outside that files may be copied to.
    """
    text, names = (
        {"type": "string"},
        {"type": "array", "items": {"type": "string", "maxLength": RESULT_FILE_NAME_CHARACTERS}},
    )
    step = {
        "key": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,30}$"},
        "title": {"type": "string", "maxLength": 60},
        "purpose": {"type": "string", "maxLength": 200},
        "prompt": text,
        "inputs": names,
        "output": {"type": "string", "maxLength": 200},
        "files": names,
        "after": names,
        "priority": {"enum": ["high", "normal", "low"]},
        "model": {"enum": ["big", "small"]},
        "max_tokens": {"enum": list(TOKEN_BUDGETS)},
        "outside": {"type": "boolean"},
        "split": {"type": "boolean"},
    }
    if places:
        step["copy_to"] = {"enum": ["", *places]}
    whole = {
        "reasoning": {"type": "string", "maxLength": 400},
        "steps": {
            "type": "array",
            "minItems": 1,
            "maxItems": limit,
            "items": {"type": "object", "properties": step, "required": list(step), "additionalProperties": False},
        },
    }
    return json.dumps({"type": "object", "properties": whole, "required": list(whole), "additionalProperties": False})


def _asked(question: PlanQuestion) -> str:
    asked = f"The task:\n{question.text}"
    if question.part is not None:
        asked += f"\n\nBreak down only this step of it, {question.part.title}:\n{question.part.prompt}"
    if question.failed:
        asked += f"\n\nPlan what is left of it anew. This failed:\n{question.failed}"
    if question.refused:
        said = "\n".join(f"- {reason}" for reason in question.refused)
        asked += f"\n\nThe user refused the plans before. Make another one that heeds this:\n{said}"
    return asked
