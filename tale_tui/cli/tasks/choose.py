"""Which task is meant: by the beginning of its id, and asked for where several begin so."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tale_tui.cli.output import GAP, echo_err, is_terminal, short_ids
from tale_tui.domain.errors import AmbiguousTask
from tale_tui.domain.text import clean_line
from tale_tui.engine.client_actions import matching

if TYPE_CHECKING:
    from tale_tui.domain.tasks import Task
    from tale_tui.engine.api import EngineApi

LISTED_MAX = 20
"""Tasks that are listed; who means another one writes more of its id."""


async def find_task(engine: EngineApi, prefix: str, *, asks: bool | None = None) -> Task:
    """The task whose id begins with `prefix`.

    Args:
        engine: has the tasks.
        prefix: a whole id wins.
        asks: whether the user chooses by a number where several begin so; None asks where there is a terminal.
    Raises:
        NoSuchTask: none begins so.
        AmbiguousTask: several do, and none was chosen; the sentence lists them.
    """
    found = await matching(engine, prefix)
    if len(found) == 1:
        return found[0]
    if asks is None:
        asks = is_terminal(sys.stdin) and is_terminal(sys.stderr)
    lines = choice_lines(found[:LISTED_MAX], numbered=asks)
    if len(found) > LISTED_MAX:
        lines.append(f"and {len(found) - LISTED_MAX} more")
    listed = "\n".join(lines)
    head = f"Several tasks begin with {clean_line(prefix)}"
    if not asks:
        raise AmbiguousTask(f"{head}; give more of the id:\n{listed}")
    echo_err(f"{head}:\n{listed}")
    return await _chosen(found[:LISTED_MAX])


def choice_lines(tasks: Sequence[Task], *, numbered: bool) -> list[str]:
    """One line a task: as much of its id as tells them apart, its title, its state and its age."""
    from tale_tui.formatting.tasks import state_words
    from tale_tui.formatting.units import span

    now = time.time()
    shown = short_ids(task.id for task in tasks)
    rows = [
        (shown[task.id], clean_line(task.title), state_words(task, now), f"{span(max(0.0, now - task.created))} old")
        for task in tasks
    ]
    lines = [GAP.join(row) for row in rows]
    if not numbered:
        return [f"{GAP}{line}" for line in lines]
    cells = len(str(len(lines)))
    return [f"{number:>{cells}}{GAP}{line}" for number, line in enumerate(lines, 1)]


async def _chosen(tasks: Sequence[Task]) -> Task:
    from tale_tui.cli.stdin import InputLines

    echo_err("Which one? ", end="")
    # Read beside the loop: where this process is the engine, others go on while somebody thinks.
    line = (await anext(InputLines(sys.stdin.fileno()), "")).strip()
    if line.isdecimal() and 1 <= int(line) <= len(tasks):
        return tasks[int(line) - 1]
    raise AmbiguousTask(f"No task was chosen: write a number from 1 to {len(tasks)}, or give more of the id.")
