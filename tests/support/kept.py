"""A whole engine whose model writes files, and what it keeps of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.folders import texts_in
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.checkpoints import Checkpoint
from tale_tui.domain.events import Notice
from tale_tui.domain.models import BackendName
from tale_tui.domain.tasks import ENDED, Task, TaskDetail
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.scripted import ScriptedBackend, spoken

WAIT_S = 60.0
TASK = "taskabcdefgh2345"


def block(name: str, content: str) -> str:
    """A named block of code, as a model writes it."""
    return f'Here it is:\n\n```python title="{name}"\n{content}\n```\n'


def plan(*files: str) -> str:
    """A step for each file, one after the other; one without a file for an empty name."""
    steps: list[dict[str, Any]] = []
    for number, name in enumerate(files, 1):
        step: dict[str, Any] = {"key": f"s{number}", "title": f"Step {number}", "prompt": f"Do part {number}."}
        if name:
            step["files"] = [name]
        if steps:
            step["after"] = [steps[-1]["key"]]
        steps.append(step)
    return json.dumps({"steps": steps})


@dataclass
class Kept:
    """An engine, and what it says."""

    paths: Paths
    settings: Settings
    says: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    engine: Engine = field(init=False)
    _watch: asyncio.Task[None] = field(init=False)

    async def open(self, **more: Any) -> None:
        scripts = [spoken(text) for text in self.says] or [spoken("done")]
        more.setdefault("backends", {BackendName.SCRIPTED: ScriptedBackend(scripts)})
        self.engine = await Engine.start(self.paths, self.settings, **more)
        self._watch = asyncio.create_task(self._take_notices(), name="notices")

    async def close(self) -> None:
        """End the engine, and with it the stream of its facts."""
        await self.engine.stop()
        await self._watch

    async def _take_notices(self) -> None:
        async for fact in self.engine.control.watch():
            if isinstance(fact, Notice):
                self.notices.append(fact)

    async def task(self, written: str, key: str = TASK, **more: Any) -> TaskDetail:
        """A task of this plan when it has ended."""
        task = await self.engine.tasks.submit("Make it", key=key, plan=written, **more)
        return await self.ended(task)

    async def ended(self, task: Task) -> TaskDetail:
        async with asyncio.timeout(WAIT_S):
            async for _ in self.engine.tasks.follow(task.id):
                pass
        detail = await self.engine.tasks.get(task.id)
        assert detail.task.state in ENDED, detail.task
        return detail

    async def all(self) -> tuple[Checkpoint, ...]:
        """The oldest first."""
        return tuple(reversed((await self.engine.checkpoints.list(limit=0)).checkpoints))

    def folder(self, task_id: str = TASK) -> Path:
        return self.paths.task_files / task_id

    def files(self, task_id: str = TASK) -> dict[str, str]:
        return texts_in(self.folder(task_id))

    def git(self, *words: str) -> str:
        command = ["git", f"--git-dir={self.paths.checkpoints}", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=True).stdout
