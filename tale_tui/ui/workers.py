"""Work in the background of a screen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVarTuple

from textual.dom import DOMNode
from textual.worker import Worker

Args = TypeVarTuple("Args")
Work = Callable[[*Args], Coroutine[Any, Any, None]]


class Spawn(Protocol):
    """Does `function(*args)` in a worker; what goes wrong in it is told."""

    def __call__(self, function: Work[*Args], *args: *Args, group: str, exclusive: bool = False) -> Worker[None]:
        """Start it as one of a group of workers, or in the place of the others of the group."""
        ...


def spawn(
    node: DOMNode,
    telling: Callable[[], AbstractContextManager[None]],
    function: Work[*Args],
    *args: *Args,
    group: str,
    exclusive: bool,
) -> Worker[None]:
    """Do `function(*args)` in a worker.

    Args:
        node: ends the worker when it ends itself.
        telling: is put around the work, and tells the errors that are expected of it; others end the application.
        function: called at the first step of the worker; of one that is dropped before that nothing is left.
        args: what it is given.
        group: of workers; names the worker as well.
        exclusive: whether the others of the group are cancelled.
    """

    async def work() -> None:
        with telling():
            await function(*args)

    worker: Worker[None] = node.run_worker(work, name=group, group=group, exclusive=exclusive, description=group)
    return worker
