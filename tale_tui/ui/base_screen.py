"""What every screen can do: work in the background, tell, ask, and name the keys that it has now."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple

from textual.notifications import SeverityLevel
from textual.screen import ModalScreen, Screen
from textual.worker import Worker

from tale_tui.domain.errors import TaleError

T = TypeVar("T")
Args = TypeVarTuple("Args")
Work = Callable[[*Args], Coroutine[Any, Any, None]]


class BaseScreen(Screen[None]):
    """A screen that stays, other than a dialog. What belongs to it is given the screen, and needs no more of it."""

    def say(
        self,
        sentence: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout_s: float | None = None,
    ) -> None:
        """Tell the user something that goes by itself; with a title it is kept in the list of notices. Safe text."""
        self.app.notify(sentence, title=title, severity=severity, timeout=timeout_s, markup=False)

    def say_error(self, error: TaleError) -> None:
        """Tell the user what went wrong."""
        self.say(error.sentence, title=error.title, severity="error")

    def spawn(self, function: Work[*Args], *args: *Args, group: str, exclusive: bool = False) -> Worker[None]:
        """Do `function(*args)` in a worker that ends with the screen.

        A `TaleError` is told; every other error ends the application. Of a worker that is dropped before its first
        step nothing is left, as the function is called in that step.

        Args:
            function: the work.
            args: what it is given.
            group: of workers; names the worker as well.
            exclusive: whether the others of the group are cancelled.
        """

        async def work() -> None:
            try:
                await function(*args)
            except TaleError as error:
                self.say_error(error)

        worker: Worker[None] = self.run_worker(work, name=group, group=group, exclusive=exclusive, description=group)
        return worker

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """Show a dialog and wait for its result; from a worker only."""
        return await self.app.push_screen_wait(dialog)

    def copy(self, text: str, what: str) -> None:
        """Put `text` into the clipboard and say so; `what` begins the sentence."""
        self.app.copy_to_clipboard(text)
        self.say(f"{what} was copied.")

    def keys(self) -> dict[str, str]:
        """The first key of each binding that can do something now, by the id of the binding."""
        keys: dict[str, str] = {}
        for key, active in self.active_bindings.items():
            if active.binding.id is not None:
                keys.setdefault(active.binding.id, key)
        return keys

    def key_of(self, binding_id: str) -> str:
        """The key that a binding has now; empty where it can do nothing."""
        return self.keys().get(binding_id, "")
