"""What is in memory, how much may be, and how the backends are, put together for the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tale_tui.engine.models.loading.loader import Place
from tale_tui.engine.models.loading.memory import Guard
from tale_tui.engine.models.loading.residency_log import Diary
from tale_tui.engine.models.machine import has_gpu
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.models.roles.supervisor import Keeper
from tale_tui.engine.task_types import BackendHealth, Residency, ResidentModel
from tale_tui.engine.types import BackendName, BackendReport, LoadedModel, Role


class Inventory:
    """Looks at everything.

    Args:
        pool: knows the backends.
        roles: who serves.
        guard: knows how much room there is.
        diary: knows how long loads took.
        keeper: knows what is kept.
        now: seconds since the epoch.
    """

    def __init__(
        self, pool: Pool, roles: Roles, guard: Guard, diary: Diary, keeper: Keeper, now: Callable[[], float]
    ) -> None:
        self._pool = pool
        self._roles = roles
        self._guard = guard
        self._diary = diary
        self._keeper = keeper
        self._now = now

    async def take(self, known: tuple[BackendName, ...] = ()) -> Residency:
        """What there is now; backends that do not answer are left out and told of in their health.

        Args:
            known: backends that are looked at although they were not used yet.
        """
        reports = await self._pool.reports(known)
        places = await self._pool.places()
        here = tuple(model for place in places if place.local for model in place.models)
        room = await self._guard.room(here)
        return Residency(
            models=tuple(self._resident(model, local=place.local) for place in places for model in place.models),
            limit_bytes=room.limit,
            used_bytes=room.used,
            free_bytes=room.free,
            one_model=self._keeper.one_model,
            chat_waits_s=self._keeper.chat_waits_s(),
            backends=tuple(self._health(places, reports)),
            notes=tuple(self._notes(places)),
        )

    def _health(self, places: tuple[Place, ...], reports: tuple[BackendReport, ...]) -> Iterator[BackendHealth]:
        """How each backend is; what a look at it says goes before a past in which all was well."""
        away = {report.name.value: report.detail for report in reports if not report.available}
        names = dict.fromkeys([place.name.value for place in places] + [report.name.value for report in reports])
        for health in self._pool.breakers.health(tuple(names), self._now()):
            if health.state == "ok" and health.name in away:
                yield BackendHealth(health.name, "away", detail=away[health.name])
            else:
                yield health

    def _resident(self, model: LoadedModel, *, local: bool) -> ResidentModel:
        roles = tuple(role for role in Role if self._serves(model, role))
        return ResidentModel(
            model.ref,
            roles,
            model.size_bytes,
            model.window,
            model.gpu_share,
            kept=any(self._keeper.keeps(role, model.ref) for role in roles),
            local=local,
            load_ms=self._diary.load_ms(model.ref),
        )

    def _serves(self, model: LoadedModel, role: Role) -> bool:
        return self._roles.status(role).ref == model.ref and model.role in (None, role)

    def _notes(self, places: tuple[Place, ...]) -> Iterator[str]:
        """What is not known, a sentence each."""
        for place in places:
            unknown = [model.ref.model for model in place.models if model.size_bytes is None]
            if not place.local:
                yield f"Models of {place.name.value} run on another machine, whose memory is not known here."
            elif unknown:
                names = ", ".join(dict.fromkeys(unknown))
                yield f"How much memory {names} takes is not known: {place.name.value} does not say."
            if place.local and place.name is BackendName.OLLAMA and has_gpu():
                yield "Ollama may use a GPU here, whose memory is not forecast; it refuses by itself what does not fit."
