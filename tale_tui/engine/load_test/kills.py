"""What a load test kills: processes below the engine that it started itself, and that engine; never any other."""

from __future__ import annotations

import asyncio

import psutil

from tale_tui.engine.api import EngineApi


def processes_below(engine: psutil.Process) -> list[psutil.Process]:
    """Everything that a process started, and what that started."""
    try:
        return engine.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_processes(processes: list[psutil.Process]) -> int:
    """Kill processes; how many of them were still there."""
    killed = 0
    for process in processes:
        try:
            process.kill()  # of the process that was seen, whatever has its number now
        except psutil.NoSuchProcess:
            continue
        killed += 1
    return killed


class KillableModels:
    """The processes of models on this machine, which an engine runs below itself.

    Args:
        engine: started by this test.
    """

    name = "the model's process"

    def __init__(self, engine: psutil.Process) -> None:
        self._engine = engine
        self._killed: set[int] = set()

    async def kill(self) -> bool:
        found = await asyncio.to_thread(processes_below, self._engine)
        self._killed = {process.pid for process in found}
        return kill_processes(found) > 0

    async def is_back(self, engine: EngineApi) -> bool:
        found = await asyncio.to_thread(processes_below, self._engine)
        return any(process.pid not in self._killed for process in found)


class KillableEngine:
    """The engine in the background.

    Args:
        engine: started by this test.
    """

    name = "the engine"

    def __init__(self, engine: psutil.Process) -> None:
        self._engine = engine

    async def kill(self) -> bool:
        return kill_processes([self._engine]) > 0

    async def is_back(self, engine: EngineApi) -> bool:
        """Whether another process is the engine: this one, which waited for its answers."""
        return (await engine.control.status()).pid != self._engine.pid
