"""`tale-tui submit --jsonl FILE`: many tasks at once, a line each."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.files import read_text
from tale_tui.cli.follow import follow_task
from tale_tui.cli.output import ProgressLine, echo, echo_err, echo_json, is_terminal
from tale_tui.cli.stdin import read_message
from tale_tui.cli.tasks.choose import find_task
from tale_tui.cli.tasks.output import task_data
from tale_tui.domain.clock import random_id
from tale_tui.domain.constants import TASKS_TOGETHER_MAX
from tale_tui.domain.errors import BadInput, TaleError
from tale_tui.domain.tasks import TaskRequest, TaskState, check_task_text
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.client_actions import parse_priority

if TYPE_CHECKING:
    from tale_tui.domain.tasks import TaskDetail
    from tale_tui.engine.api import EngineApi

FOLLOWED_MAX = 32
"""Tasks that are followed at once: each is a connection where another process is the engine."""


class _TaskLine(BaseModel):
    """A task as it is written in a line."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str
    name: str = ""
    priority: str = "normal"
    after: list[str] | str = []
    time_limit_s: float | None = None
    plan: dict[str, Any] | None = None


def submit_lines(context: CommandContext, path: Path, *, wait: bool, as_json: bool) -> int:
    """Hand in the tasks of a file, and print their ids, or what became of them.

    Args:
        context: of the command.
        path: the file; `-` for standard input.
        wait: whether their end is waited for.
        as_json: prints a line of JSON for each.
    Returns:
        The exit code: `FAILED` where one of them did not come to its end.
    Raises:
        BadInput: a line cannot be a task; nothing was handed in.
    """
    source = clean_line(str(path)) if str(path) != "-" else "standard input"
    lines = _read(read_message() if str(path) == "-" else read_text(path), source, context.settings().tasks.text_limit)

    async def work(engine: EngineApi) -> int:
        from tale_tui.cli.preflight import ensure_worker

        requests = await _requests(engine, lines, source)
        await ensure_worker(engine)
        tasks = await engine.tasks.submit_many(requests)
        ids = [task.id for task in tasks]
        details = await _ends(engine, ids) if wait else [await engine.tasks.get(task_id) for task_id in ids]
        for detail in details:
            task = detail.task
            shown = task.shown if is_terminal(sys.stdout) else task.id
            if as_json:
                echo_json(task_data(detail))
            else:
                echo(f"{shown}  {task.state.value}  {task.title}" if wait else shown)
        return Exit.FAILED if wait and any(one.task.state is not TaskState.DONE for one in details) else Exit.DONE

    return context.run(work)


def _read(text: str, source: str, text_limit: int) -> list[tuple[int, _TaskLine]]:
    """The lines with their numbers; what is blank is no line."""
    lines: list[tuple[int, _TaskLine]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = _TaskLine.model_validate_json(line)
            check_task_text(clean(found.text), text_limit)
            parse_priority(found.priority)
        except ValidationError as error:
            raise BadInput(f"{source}, line {number}: {_problem(error)}") from error
        except TaleError as error:
            raise BadInput(f"{source}, line {number}: {error.sentence}") from error
        lines.append((number, found))
    if not lines:
        raise BadInput(f'{source} has no line: each is a task, as in {{"text": "Write a haiku about rain"}}')
    if len(lines) > TASKS_TOGETHER_MAX:
        raise BadInput(
            f"{source} has {len(lines):,} tasks, and {TASKS_TOGETHER_MAX:,} go together: make several files."
        )
    return lines


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid" or not place:
        return 'this is no JSON object, as in {"text": "Write a haiku about rain"}.'
    known = ", ".join(_TaskLine.model_fields)
    reason = f"is not known here; there are {known}" if first["type"] == "extra_forbidden" else first["msg"].lower()
    return f"{clean_line(place)}: {reason}."


async def _requests(engine: EngineApi, lines: list[tuple[int, _TaskLine]], source: str) -> tuple[TaskRequest, ...]:
    named: dict[str, str] = {}
    requests = []
    for number, line in lines:
        after = [line.after] if isinstance(line.after, str) else line.after
        try:
            ids = [named.get(one) or (await find_task(engine, one)).id for one in after]
        except TaleError as error:
            raise BadInput(f"{source}, line {number}: {error.sentence}") from error
        if line.name in named:
            raise BadInput(f"{source}, line {number}: another line has the name {clean_line(line.name)} already.")
        id_ = random_id()
        if line.name:
            named[line.name] = id_
        plan = json.dumps(line.plan) if line.plan is not None else ""
        priority = parse_priority(line.priority)
        requests.append(TaskRequest(line.text, id_, priority, plan, tuple(ids), line.time_limit_s))
    return tuple(requests)


async def _ends(engine: EngineApi, task_ids: list[str]) -> list[TaskDetail]:
    """What became of the tasks, in their order."""
    free, ended = asyncio.Semaphore(FOLLOWED_MAX), 0
    progress = ProgressLine()

    async def end_of(task_id: str) -> TaskDetail:
        nonlocal ended
        async with free:
            detail = await follow_task(engine, task_id, lambda _: None)
        ended += 1
        progress.word(f"{ended} of {len(task_ids)} tasks have ended")
        return detail

    try:
        return list(await asyncio.gather(*map(end_of, task_ids)))
    except asyncio.CancelledError:
        progress.clear()
        echo_err("They are kept. What is open goes on with: tale-tui run")
        raise
    finally:
        progress.clear()
