"""Replies of several conversations at a time: what is being written goes on where another conversation is shown."""

from __future__ import annotations

from collections.abc import Callable

from tale_tui.ui.screens.chat_turns import Turns


class Sittings:
    """The turns of each conversation in which a reply is being written.

    Args:
        make: gives those of the conversation that is shown next.

    Attributes:
        here: those of the conversation on the screen.
    """

    def __init__(self, make: Callable[[], Turns]) -> None:
        self._make = make
        self._elsewhere: list[Turns] = []
        self.here = make()

    def turn_to(self, session_id: str | None) -> None:
        """Another conversation is about to be shown; None for a new one."""
        self.here.leave()
        writing = [turns for turns in (*self._elsewhere, self.here) if turns.writing]
        there = [turns for turns in writing if turns.session_id == session_id is not None]
        self.here = there[0] if there else self._make()
        self._elsewhere = [turns for turns in writing if turns is not self.here]
