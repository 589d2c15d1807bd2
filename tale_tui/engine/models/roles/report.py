"""What is in memory, how much may be, and how the backends are, put together for the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tale_tui.domain.models import (
    BackendHealth,
    BackendName,
    BackendReport,
    LoadedModel,
    Residency,
    ResidentModel,
    Role,
)
from tale_tui.engine.models.loading.loader import BackendModels
from tale_tui.engine.models.loading.memory import MemoryGuard
from tale_tui.engine.models.loading.residency_log import ResidencyLog
from tale_tui.engine.models.machine import has_gpu
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.models.roles.supervisor import ModelSupervisor


class ResidencyReporter:
    """Looks at everything.

    Args:
        pool: knows the backends.
        roles: who serves.
        guard: knows how much room there is.
        residency_log: knows how long loads took.
        supervisor: knows what is kept.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        pool: Pool,
        roles: Roles,
        guard: MemoryGuard,
        residency_log: ResidencyLog,
        supervisor: ModelSupervisor,
        now: Callable[[], float],
    ) -> None:
        self._pool = pool
        self._roles = roles
        self._guard = guard
        self._residency_log = residency_log
        self._supervisor = supervisor
        self._now = now

    async def report(self, known: tuple[BackendName, ...] = ()) -> Residency:
        """What there is now; backends that do not answer are left out and told of in their health.

        Args:
            known: backends that are looked at although they were not used yet.
        """
        reports = await self._pool.reports(known)
        found = await self._pool.models_by_backend()
        here = tuple(model for entry in found if entry.local for model in entry.models)
        budget = await self._guard.budget(here)
        return Residency(
            models=tuple(self._resident(model, local=entry.local) for entry in found for model in entry.models),
            limit_bytes=budget.limit,
            used_bytes=budget.used,
            free_bytes=budget.free,
            one_model=self._supervisor.one_model,
            chat_waits_s=self._supervisor.chat_waits_s(),
            backends=tuple(self._health(found, reports)),
            notes=tuple(self._notes(found)),
        )

    def _health(self, found: tuple[BackendModels, ...], reports: tuple[BackendReport, ...]) -> Iterator[BackendHealth]:
        """How each backend is; what a look at it says goes before a past in which all was well."""
        away = {report.name.value: report.detail for report in reports if not report.available}
        names = dict.fromkeys([entry.name.value for entry in found] + [report.name.value for report in reports])
        for health in self._pool.breakers.health(tuple(names), self._now()):
            if server := self._pool.servers.away(BackendName(health.name.partition("/")[0])):
                if "/" not in health.name:
                    yield BackendHealth(health.name, "away", detail=server.sentence)
            elif health.state == "ok" and health.name in away:
                yield BackendHealth(health.name, "away", detail=away[health.name])
            else:
                yield health

    def _resident(self, model: LoadedModel, *, local: bool) -> ResidentModel:
        roles = tuple(role for role in Role if self._serves(model, role))
        return ResidentModel(
            model.ref,
            roles,
            0 if model.shares else model.size_bytes,
            model.window,
            model.gpu_share,
            kept=any(self._supervisor.keeps(role, model.ref) for role in roles),
            local=local,
            load_ms=self._residency_log.load_ms(model.ref),
            shares=model.shares,
        )

    def _serves(self, model: LoadedModel, role: Role) -> bool:
        return self._roles.states.status(role).ref == model.ref and model.role in (None, role)

    def _notes(self, found: tuple[BackendModels, ...]) -> Iterator[str]:
        """What is not known, a sentence each."""
        for entry in found:
            unknown = [model.ref.model for model in entry.models if model.size_bytes is None]
            if not entry.local:
                yield f"Models of {entry.name.value} run on another machine, whose memory is not known here."
            elif unknown:
                names = ", ".join(dict.fromkeys(unknown))
                yield f"How much memory {names} takes is not known: {entry.name.value} does not say."
            if entry.local and entry.name is BackendName.OLLAMA and has_gpu():
                yield "Ollama may use a GPU here, whose memory is not forecast; it refuses by itself what does not fit."
