"""The one thread in which modules, and files of weights, are loaded while the screen is there.

Threads that compute take turns with the event loop: beside one of them it has half of the time, beside four a fifth. So
what is loaded is loaded one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="load")


async def in_load_thread(what: Callable[..., T], *args: object) -> T:
    """Load something when what was asked for before is loaded.

    Args:
        what: loads it, and returns what is wanted of it; waits for nothing else that is loaded here.
        args: of the function.
    """
    return await asyncio.get_running_loop().run_in_executor(_THREAD, what, *args)
