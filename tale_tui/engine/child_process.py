"""Processes that the engine starts to run a module of its own: how one is called, what it gets, and how it ends.

Children import this too, and start in a tenth of a second: nothing heavy is imported here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from tale_tui.config.environment import copy_environment
from tale_tui.config.keys import SECRET_VARIABLES

if TYPE_CHECKING:
    from asyncio.subprocess import Process

KEY_SUFFIX = "_KEY"
"""Of the variables that hold a key, those of other programs among them."""


def module_command(module: str, arguments: Iterable[str] = ()) -> list[str]:
    """What runs a module with this Python."""
    # -P: a file named like a module where the user happens to be must not run.
    return [sys.executable, "-P", "-m", module, *arguments]


def environment_without_keys() -> dict[str, str]:
    """The user's environment without keys, for a process that asks no server."""
    environment = copy_environment()
    return {
        name: value
        for name, value in environment.items()
        if not name.upper().endswith(KEY_SUFFIX) and name not in SECRET_VARIABLES
    }


async def end_process(process: Process) -> None:
    """Kill a process that still runs, and wait until it is gone."""
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it ended by itself meanwhile
            process.kill()
        await process.wait()


def lower_priority(niceness: int) -> None:
    """Let others compute first, where the system has that.

    Args:
        niceness: is added to that of this process; 0 changes nothing, 19 is the most there is.
    """
    if sys.platform != "win32":
        os.nice(niceness)
