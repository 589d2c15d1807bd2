"""What a command that talks was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Who shall answer, and where the answer belongs, as the command line says."""

    session: str | None = None
    backend: str | None = None
    model: str | None = None
    yes: bool = False
    wait: bool = True
    """Whether the result of a task is waited for."""
    tasks: bool = True
    """Whether a message may become a task."""

    @property
    def as_task(self) -> bool | None:
        """What the engine is told: None lets it judge."""
        return None if self.tasks else False
