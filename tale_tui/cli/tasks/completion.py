"""What a shell completes where a task is meant: the ids of those with which it can be done."""

from __future__ import annotations

from collections.abc import Callable, Collection

import click
from click.shell_completion import CompletionItem

from tale_tui.domain.tasks import TaskState

Completes = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def task_ids(states: Collection[TaskState] = tuple(TaskState)) -> Completes:
    """Completes the ids of tasks in these states, each with its title, where the shell shows that."""

    def complete(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        from tale_tui.config.paths import find_paths
        from tale_tui.domain.text import clean_line
        from tale_tui.engine.store.read_only import peek_tasks

        found = peek_tasks(find_paths().database, typed, states)
        return [CompletionItem(shown, help=clean_line(title)) for shown, title in found.items()]

    return complete
