"""What a plan is made from besides its task: its conversation, what is remembered, and the files that are there."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from tale_tui.domain.constants import TASK_PROMPT_MESSAGES
from tale_tui.domain.tasks import Plan
from tale_tui.engine.recall.offer import item_line
from tale_tui.engine.recall.service import RecallService
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks.copy_step import check_targets
from tale_tui.engine.tasks.prompts import shortened_conversation, size_of
from tale_tui.engine.tasks.step_files import TaskFolders


class PlanSources:
    """Gives it.

    Args:
        store: has the conversation.
        recall: what is remembered.
        folders: where the files of tasks are.
    """

    def __init__(self, store: Store, recall: RecallService, folders: TaskFolders) -> None:
        self._store = store
        self._recall = recall
        self._folders = folders

    async def conversation(self, message_id: str, asked: str) -> tuple[str, tuple[str, ...]]:
        """The conversation that a task came up in, in short: the digest of its older turns, as a reply is shown it, and
        its end; with the messages of that end by id.

        Args:
            message_id: the card of the task.
            asked: the text of the task, which is not repeated.
        Raises:
            NoSuchMessage: it is not there any more.
        """
        source = await self._store.prompt_source(message_id, TASK_PROMPT_MESSAGES + 1)
        digest = next(iter(source.digests), None)
        shown = tuple(message.id for message in source.messages)
        return shortened_conversation(source.messages, asked, digest), shown

    async def recalled(self, text: str, session_id: str, shown: Collection[str], room_bytes: int) -> str:
        """What is remembered and near a task, a line each; empty where nothing is, or its conversation has that off.

        Args:
            text: of the task.
            session_id: its conversation; empty for none.
            shown: the messages that the model is shown anyway.
            room_bytes: how long it may be.
        """
        lines: list[str] = []
        for item in await self._recall.offer(text, session_id, frozenset(shown)):
            line = item_line(item)
            room_bytes -= size_of(line) + 1
            if room_bytes < 0:
                break
            lines.append(line)
        return "\n".join(lines)

    async def places(self, named: Sequence[str]) -> tuple[str, ...]:
        """Those of some folders that are there, or stand in one that is: the routes of an API look like folders too.

        Args:
            named: whole paths.
        """
        return await asyncio.to_thread(_likely, named)

    async def check_targets(self, plan: Plan) -> None:
        """Refuse a plan that copies to where nothing can be copied.

        Raises:
            BadPlan: see `copy_step.check_targets`.
        """
        await asyncio.to_thread(check_targets, plan, self._store.folder)

    async def file_names(self, task_id: str) -> tuple[str, ...]:
        """The files that a task has, as paths inside its folder.

        Raises:
            BadFileName: a link stands where its folder would be.
        """
        return await self._folders.names(task_id)


def _likely(named: Sequence[str]) -> tuple[str, ...]:
    found = []
    for name in named:
        with suppress(OSError, RuntimeError):  # it may not be looked at, or there is no home
            place = Path(name).expanduser()
            if place.is_dir() or (place.parent.is_dir() and place.parent != Path(place.anchor)):
                found.append(name)
    return tuple(found)
