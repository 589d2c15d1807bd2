"""`tale-tui submit`: hand in a task, with the files that it is to read, and print its result."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.files import read_text
from tale_tui.cli.output import ProgressLine, echo, echo_err, echo_json, is_terminal
from tale_tui.cli.stdin import checked_words, is_piped, read_message
from tale_tui.cli.tasks.choose import find_task
from tale_tui.cli.tasks.completion import task_ids
from tale_tui.cli.text_command import TextCommand
from tale_tui.domain.errors import BadInput, BadPlan, EmptyMessage
from tale_tui.domain.tasks import Priority, TaskState, check_task_text
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.client_actions import parse_priority, parse_time_limit

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task, TaskDetail
    from tale_tui.engine.api import EngineApi


EXAMPLE = 'tale-tui submit "Write a haiku about rain"'
ATTACHED_CHARACTERS_MAX = 60_000
"""Of all files of a task: what the prompt of a step may have, and something to spare for their names."""


def priorities(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """The priorities that begin as what is typed, for the completion of shells."""
    return [priority.value for priority in Priority if priority.value.startswith(typed.lower())]


@click.command(cls=TextCommand)
@click.argument("text", nargs=-1)
@click.option("--wait/--no-wait", default=True, help="Wait for the result, or only queue it; it waits by default.")
@click.option(
    "--priority", metavar="P", default=Priority.NORMAL.value, help="urgent, high, normal or low.",
    shell_complete=priorities,
)  # fmt: skip
@click.option(
    "--after", "after", metavar="ID", multiple=True, help="Begin when this task is done. May be repeated.",
    shell_complete=task_ids(),
)  # fmt: skip
@click.option("--time-limit", metavar="S", help="The most seconds that it may run.")
@click.option(
    "--file", "files", metavar="FILE", type=click.Path(path_type=Path), multiple=True, help="Attach this text."
)
@click.option("--plan", metavar="FILE", type=click.Path(path_type=Path), help="Its steps, as JSON.")
@click.option(
    "--jsonl", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True),
    help='Many tasks at once, a line each: {"text": "..."}.',
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the task as one line of JSON.")
@click.pass_obj
def submit(
    context: CommandContext,
    text: tuple[str, ...],
    wait: bool,
    priority: str,
    after: tuple[str, ...],
    time_limit: str | None,
    files: tuple[Path, ...],
    plan: Path | None,
    jsonl: Path | None,
    as_json: bool,
) -> int:
    """Hand in a task and print its result.

    TEXT is read from standard input where it is - or left out; with --plan it may be missing. Progress goes to standard
    error. Where no other process is the engine, this command is it until the task has ended.

    Each line of --jsonl is a task: its "text", and where they are wanted "priority", "after" (ids, or the "name" of a
    line above), "time_limit_s", "plan" and "name". All of them are handed in, or none.
    """
    if jsonl is not None:
        from tale_tui.cli.tasks.jsonl import submit_lines

        if text or files or plan or after or time_limit is not None or priority != Priority.NORMAL.value:
            raise BadInput("--jsonl says in its lines what is to be done, and how: leave everything else out.")
        return submit_lines(context, jsonl, wait=wait, as_json=as_json)
    task_text = _text(text, plan)
    check_task_text(clean(task_text), context.settings().tasks.text_limit)
    urgency, steps = parse_priority(priority), _plan(plan, files)
    seconds = None if time_limit is None else parse_time_limit(time_limit)

    async def work(engine: EngineApi) -> int:
        line = ProgressLine()
        try:
            task = await submit_task(engine, task_text, urgency, after, seconds, steps)
        except BadPlan as error:
            raise BadPlan(f"{clean_line(str(plan))}: {error.sentence}") from error
        if not wait:
            await engine.learning.of_task(task.id)  # so that it has its forecast
            return await echo_queued(engine, await engine.tasks.get(task.id), as_json=as_json)
        if (forecast := await engine.learning.of_task(task.id)) is not None:
            from tale_tui.cli.tasks.output import echo_forecast

            echo_forecast(task.shown, forecast.summary)
        from tale_tui.cli.tasks.wait import echo_end, wait_for

        return echo_end(await wait_for(engine, task.id, line=line), as_json=as_json)

    return context.run(work)


async def submit_task(
    engine: EngineApi, text: str, priority: Priority, after: tuple[str, ...], time_limit_s: float | None, plan: str
) -> Task:
    """Hand in a task, where there is a model that can do it.

    Raises:
        NoModel: there is none; nothing was stored.
        BadInput: what is wrong with it; nothing was stored.
    """
    from tale_tui.cli.preflight import ensure_worker
    from tale_tui.domain.clock import random_id

    before = [(await find_task(engine, prefix)).id for prefix in after]
    await ensure_worker(engine)
    return await engine.tasks.submit(
        text, key=random_id(), priority=priority, plan=plan, after=tuple(before), time_limit_s=time_limit_s
    )


async def echo_queued(engine: EngineApi, detail: TaskDetail, *, as_json: bool) -> int:
    """Write that a task is queued: its id, and who will do it."""
    from tale_tui.cli.follow import blocked_by
    from tale_tui.cli.tasks.output import blocked_words, echo_forecast, question_words, task_data
    from tale_tui.formatting.engine import who_works

    task = detail.task
    if as_json:
        echo_json(task_data(detail))
        return Exit.DONE
    # Whole where a program reads it: what is shown is unique only as long as no other task begins like that.
    echo(task.shown if is_terminal(sys.stdout) else task.id)
    if task.state is TaskState.WAITING:
        echo_err(question_words(task))
    elif needed := await blocked_by(engine, task):
        echo_err(blocked_words(task, needed))
    else:
        echo_err(who_works(await engine.control.status(), task.ref.model if task.ref else ""))
        if task.forecast is not None:
            echo_forecast(task.shown, task.forecast)
    return Exit.DONE


def plan_with(files: tuple[Path, ...]) -> str:
    """A plan of one step that is shown these files; empty where there are none.

    Raises:
        BadInput: one cannot be read, or they are too long together.
    """
    if not files:
        return ""
    texts = [(path.name, read_text(path)) for path in files]
    length = sum(len(text) for _, text in texts)
    if length > ATTACHED_CHARACTERS_MAX:
        raise BadInput(
            f"{', '.join(clean_line(name) for name, _ in texts)}: {length:,} characters are more than the "
            f"{ATTACHED_CHARACTERS_MAX:,} that can be attached; attach the part that matters."
        )
    prompt = "\n\n".join(f"The file {name}:\n\n{text.strip()}" for name, text in texts)
    return json.dumps({"steps": [{"key": "answer", "prompt": prompt}]})


def _text(words: tuple[str, ...], plan: Path | None) -> str:
    """What is to be done; a plan says that itself, so its name is enough."""
    if not words and plan is not None:
        return plan.stem
    if not words and not is_piped():
        raise BadInput(f"Say what is to be done, as in: {EXAMPLE}")
    piped = words in ((), ("-",))
    text = read_message() if piped else checked_words(" ".join(words))
    if not text.strip():
        cause = "Standard input is empty" if piped else "The task is empty"
        raise EmptyMessage(f"{cause}: say what is to be done, as in {EXAMPLE}")
    return text


def _plan(path: Path | None, files: tuple[Path, ...]) -> str:
    """The steps as JSON; empty where none are given and no file is attached.

    Raises:
        BadInput: a file cannot be read.
        BadPlan: the plan is empty.
    """
    if path is None:
        return plan_with(files)
    if files:
        raise BadInput("A plan says in its prompts what is read: leave out --file or --plan.")
    text = read_text(path)
    if not text.strip():
        raise BadPlan(f"{clean_line(str(path))} is empty: a plan is JSON with a list of steps.")
    return text
