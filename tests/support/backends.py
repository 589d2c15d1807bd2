"""Scripted backends with what some real ones have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tale_tui.domain.models import LoadedModel, Role
from tale_tui.engine.models.memory_forecast import Forecast
from tale_tui.engine.models.scripted import Script, ScriptedBackend, spoken


class PerRoleScriptedBackend(ScriptedBackend):
    """Has a process for each role; the second one of a file takes a tenth.

    Attributes:
        processes: those that run, by model and role; a test ends one by taking it out.
        looks: how often somebody asked what is loaded.
    """

    def __init__(self, *answers: Script, sizes: Mapping[str, int] | None = None) -> None:
        super().__init__(answers or [spoken("a")], models=("small", "big"), sizes=sizes)
        self.processes: dict[tuple[str, Role | None], LoadedModel] = {}
        self.looks = 0

    async def load_for(self, role: Role, model: str, window: int | None) -> LoadedModel:
        loaded = replace(await self.load(model, window), role=role)
        self.processes[model, role] = loaded
        return loaded

    async def loaded(self) -> tuple[LoadedModel, ...]:
        self.looks += 1
        return tuple(self.processes.values())

    async def unload(self, model: str) -> None:
        self.processes = {key: value for key, value in self.processes.items() if key[0] != model}

    async def forecast(self, model: str, window: int) -> Forecast | None:
        size = self.sizes.get(model)
        if size is None:
            return None
        return Forecast(0, size // 10, 0) if any(name == model for name, _ in self.processes) else Forecast(0, size)
