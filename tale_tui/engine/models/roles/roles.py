"""Who serves the two roles: the settings say it, else who served last, else what is there; and how that is going."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from tale_tui.domain.errors import (
    BackendCrashed,
    ModelDamaged,
    ModelError,
    ModelNotFound,
    NoModel,
    NotAuthorised,
    NotAvailable,
    NotTrusted,
    OutOfMemory,
    StoreError,
    TaleError,
    Unreachable,
)
from tale_tui.domain.events import Fact, Notice
from tale_tui.domain.models import BackendName, BackendReport, LoadedModel, ModelRef, Role, RoleState, RoleStatus
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.pool import Pool
from tale_tui.engine.models.roles.defaults import (
    about_other_model,
    about_stand_ins,
    chat_models,
    choose,
    chosen,
    has_model,
    is_default,
    parse_setting,
)
from tale_tui.engine.models.roles.role_states import RoleStates

AUTOMATIC = "auto"
COMPUTES_HERE = (BackendName.OLLAMA, BackendName.EMBEDDED)
"""Backends whose models usually compute on this machine."""

AWAY_ERRORS = (Unreachable, ModelNotFound, NotAvailable, NotTrusted)
"""After these the model cannot be had as things are: the user retries or chooses."""
FAILED_ERRORS = (OutOfMemory, BackendCrashed, NotAuthorised, ModelDamaged)
"""After these it is there and does not work."""


class RoleChoiceStore(Protocol):
    """Where the model that last served a role is kept."""

    async def role_choice(self, role: Role) -> ModelRef | None:
        """Who last served."""
        ...

    async def keep_role_choice(self, role: Role, ref: ModelRef) -> None:
        """Remember who served."""
        ...


class Roles:
    """Finds models for the roles and keeps an eye on them.

    Args:
        pool: loads the models.
        kept: what the last run left.
        settings: role -> `auto` or `backend/model`.
        publish: takes the facts.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        pool: Pool,
        kept: RoleChoiceStore,
        settings: Mapping[Role, str],
        publish: Callable[[Fact], None],
        now: Callable[[], float],
    ) -> None:
        self._pool = pool
        self._kept = kept
        self._settings = settings
        self._publish = publish
        self.states = RoleStates(publish, now)
        self._last: dict[Role, ModelRef | None] = dict.fromkeys(Role)
        self._unresolved = set(Role)
        self._failures: dict[Role, ModelError] = {}
        self._given_up: set[ModelRef] = set()
        """Models that roles had, or tried, and gave up."""
        self._told_others: set[tuple[ModelRef, str]] = set()
        """Models that were asked for and the ones that answer for them, as far as that was said."""
        self._resolving = asyncio.Lock()
        self._loaders: Counter[tuple[ModelRef, Role]] = Counter()
        """How many wait for a model, for each role."""

    def failure(self, role: Role) -> ModelError | None:
        """What was last wrong with a role's model; None where nothing ever was."""
        return self._failures.get(role)

    def worker(self) -> ModelRef | None:
        """The model that only works on tasks, where another one on this machine answers meanwhile; None for none."""
        ux, task = (self.states.choice(role).ref for role in (Role.UX, Role.TASK))
        return task if ux is not None and ux != task and ux.backend in COMPUTES_HERE else None

    def unused(self) -> tuple[ModelRef, ...]:
        """Models that a role gave up and that serve none now. They are told of once."""
        given_up, self._given_up = self._given_up, set()
        return tuple(ref for ref in sorted(given_up, key=str) if not self.states.served_by(ref))

    # who serves

    async def restore(self) -> None:
        """Take over what the settings and the last run say. Asks no backend."""
        for role in Role:
            last = self._last[role] = await self._kept.role_choice(role)
            if self._settings[role] != AUTOMATIC:
                self.states.set_choice(role, parse_setting(role, self._settings[role]), RoleState.FAILED)
                self._unresolved.discard(role)
            elif last:
                self.states.set_choice(role, chosen(last))
                self._unresolved.discard(role)

    async def resolve(self) -> None:
        """Find a model for each role that has none and may have any."""
        async with self._resolving:
            missing = [role for role in Role if role in self._unresolved]
            if not missing:
                return
            reports = await self._pool.reports(self._pool.automatic)
            for role in missing:
                if role not in self._unresolved:  # somebody chose meanwhile
                    continue
                choice = choose(role, reports)
                self.states.set_choice(role, choice)
                if choice.ref is None or choice.demo:
                    await self._look_for(reports)
                if choice.ref:
                    self._unresolved.discard(role)
        # Told with the first look for a model that answers, and not at every start until a first task has run.
        if Role.UX in missing and (sentence := about_stand_ins([self.states.choice(role) for role in missing])):
            self._publish(Notice("Another model stands in", sentence, about="models"))

    async def serving(self, role: Role) -> ModelRef:
        """The model of a role, looked for where there was none.

        Raises:
            NoModel: there is none still.
        """
        if role in self._unresolved:
            await self.resolve()
        ref = self.states.choice(role).ref
        if ref is None:
            raise NoModel(self.states.status(role).detail)
        return ref

    async def assign(self, role: Role, ref: ModelRef) -> RoleStatus:
        """Give a role a model, see that it works, and keep the choice; where it does not work all stays as it was.

        Raises:
            ModelError: it cannot be had.
        """
        before, status = self.states.choice(role), self.states.status(role)
        choice = chosen(ref)
        ref = choice.ref or ref
        works, unresolved = False, role in self._unresolved
        self._unresolved.discard(role)
        self.states.set_choice(role, choice)
        try:
            await self._prove(role, ref)
            works = True
        finally:
            if not works:
                self.states.restore_choice(before, status)
                if unresolved:
                    self._unresolved.add(role)
            self._give_up(before.ref if works else ref)
        await self._keep(role, ref)
        if self._settings[role] not in (AUTOMATIC, str(ref)):
            said = clean_line(self._settings[role])
            sentence = f"The settings say {role.value} = {said}: that holds again after the next start."
            self._publish(Notice("Only until the next start", sentence))
        return self.states.status(role)

    async def retry(self, role: Role) -> RoleStatus:
        """Look again for the model of a role, and load it for ux. Why it failed is in the status."""
        if role in self._unresolved:
            await self.resolve()
        await self._try(role)
        return self.states.status(role)

    async def added(self, ref: ModelRef) -> None:
        """A model was fetched: roles that have none look again, one with a stand-in takes its default."""
        for role in Role:
            if self.states.choice(role).provisional and is_default(role, ref):
                self._give_up(self.states.choice(role).ref)
                self.states.set_choice(role, chosen(ref))
        await self.resolve()

    async def warm(self) -> None:
        """Resolve both roles and load the model of ux. Why it failed is in the status."""
        await self.resolve()
        await self._try(Role.UX)
        if self.states.choice(Role.UX).demo and BackendName.OLLAMA in self._pool.automatic:
            better = chat_models(await self._pool.report(BackendName.OLLAMA))
            self.states.offer(Role.UX, tuple(info.ref for info in better))

    async def look_again(self, servers: Collection[BackendName]) -> None:
        """Servers are back: find models for roles that have none, and see to those that they serve, as at the start."""
        await self.warm()
        for role in Role:
            ref = self.states.choice(role).ref
            if ref is not None and ref.backend in servers and self.states.status(role).state is not RoleState.READY:
                await self._try(role)

    def _give_up(self, ref: ModelRef | None) -> None:
        """A role has no use for a model any more: the supervisor sees to it, where nobody else has."""
        if ref is not None:
            self._given_up.add(ref)
            self._pool.troubled.set()

    async def _look_for(self, reports: tuple[BackendReport, ...]) -> None:
        """Notice when servers come that would have had better models, had they been there."""
        for report in reports:
            if not report.available:
                await self._pool.servers.look(report.name)

    # how it goes

    def server_left(self, name: BackendName) -> None:
        """A server is away, and its models are with it."""
        away = self._pool.servers.away(name)
        for role in Role:
            ref = self.states.choice(role).ref
            if away is not None and ref is not None and ref.backend is name:
                self.states.set_state(ref, RoleState.AWAY, detail=away.sentence, only=role)

    def server_returned(self, name: BackendName) -> None:
        """A server is back: its models can be asked, and are loaded with the next call at the latest."""
        for role in Role:
            ref = self.states.choice(role).ref
            if ref is not None and ref.backend is name and self._shown_as(ref, RoleState.AWAY, role):
                self.states.set_state(ref, RoleState.IDLE, only=role)

    async def load(
        self,
        ref: ModelRef,
        waiting: Callable[[], None] = lambda: None,
        *,
        role: Role = Role.UX,
        may_evict: bool = True,
    ) -> LoadedModel:
        """Have a model in memory, and show on the roles that it serves how that goes.

        Args:
            ref: the model.
            waiting: called when it was not there and has to be waited for; perhaps more than once.
            role: for whom it is, where roles have processes of their own.
            may_evict: whether others may be evicted where it does not fit beside them.
        Raises:
            ModelError: why it cannot be had.
        """

        serving = self.states.served_by(ref)
        if serving and all(self.states.status(one).state is RoleState.READY for one in serving):
            there = self._pool.resident(ref, role)
            if there is not None:
                return there

        def begins() -> None:
            self.states.set_state(ref, RoleState.LOADING, only=self._only(ref, role))
            waiting()

        self._loaders[ref, role] += 1
        try:
            loaded = await self._pool.load(ref, begins, role=role, may_evict=may_evict)
            if loaded.runs:
                self._tell_other(loaded)
            self.states.set_state(ref, RoleState.READY, window=loaded.window, only=self._only(ref, role))
        except ModelError as error:
            await self._show(ref, error, loading=True, only=self._only(ref, role))
            raise
        finally:
            self._loaders[ref, role] -= 1
            only = self._only(ref, role)
            given_up = not self._loaders[ref, role] if only else not any(self._loaders[ref, one] for one in Role)
            if given_up and self._shown_as(ref, RoleState.LOADING, only):
                self.states.set_state(ref, RoleState.IDLE, only=only)  # by the last who waited
        return loaded

    def gone(self, ref: ModelRef, role: Role | None = None) -> None:
        """A model is not in memory any more: its roles, or this one, are idle."""
        if self._shown_as(ref, RoleState.READY, role):
            self.states.set_state(ref, RoleState.IDLE, only=role)

    def broke_off(self, error: TaleError) -> None:
        """What looks for models, or after them, has ended: nobody may wait for a role any longer."""
        self.states.end_waiting(error.sentence)
        self._publish(Notice(error.title, error.sentence, "error"))

    async def failed(self, ref: ModelRef, error: ModelError, *, role: Role = Role.UX) -> None:
        """A call of a model did not work: show on its roles what that means for them, where it means anything.

        Args:
            ref: the model.
            error: what happened.
            role: for whom it was asked, where roles have processes of their own.
        """
        # A process that ended takes only its own role with it; a file that is gone or damaged takes both.
        only = self._only(ref, role) if isinstance(error, BackendCrashed) else None
        await self._show(ref, error, loading=False, only=only)

    async def served(self, role: Role, ref: ModelRef) -> None:
        """A turn of this role was answered: the role is well, and the choice is kept."""
        if self.states.choice(role).ref != ref:
            return
        if self.states.status(role).state is not RoleState.READY:
            only = self._only(ref, role)
            self.states.set_state(ref, RoleState.READY, window=self._pool.known_window(ref), only=only)
        await self._keep(role, ref)

    async def _prove(self, role: Role, ref: ModelRef) -> None:
        """See that a model is there: by loading it for ux, by asking its backend for task."""
        if role is Role.UX:
            await self.load(ref)
            return
        report = await self._pool.report(ref.backend)
        if not report.available:
            raise Unreachable(report.detail)
        if not has_model(report, ref):
            raise ModelNotFound(f"{ref.model} is not among the models of {ref.backend.value}.")
        resident = self._pool.resident(ref, role)
        if resident is not None:
            self.states.set_state(ref, RoleState.READY, window=resident.window)
        elif self._shown_as(ref, RoleState.AWAY) or self._shown_as(ref, RoleState.FAILED):
            self.states.set_state(ref, RoleState.IDLE)

    async def _try(self, role: Role) -> None:
        ref = self.states.choice(role).ref
        if ref is None:
            return
        try:
            await self._prove(role, ref)
        except ModelError as error:
            await self._show(ref, error, loading=True)

    async def _keep(self, role: Role, ref: ModelRef) -> None:
        """Remember who served; a scripted model is never what somebody comes back to."""
        if self._last[role] == ref or ref.backend is BackendName.SCRIPTED:
            return
        try:
            await self._kept.keep_role_choice(role, ref)
        except StoreError as error:
            self._publish(
                Notice(error.title, f"That {clean_line(str(ref))} serves as {role.value} is not kept. {error.sentence}")
            )
        self._last[role] = ref

    async def _show(self, ref: ModelRef, error: ModelError, *, loading: bool, only: Role | None = None) -> None:
        concerned = [role for role in self.states.served_by(ref) if only in (None, role)]
        if not concerned:
            return
        self._failures |= dict.fromkeys(concerned, error)
        if away := self._pool.servers.away(ref.backend):
            self.states.set_state(ref, RoleState.AWAY, detail=away.sentence, only=only)
        elif isinstance(error, AWAY_ERRORS):
            offered: tuple[ModelRef, ...] = ()
            if isinstance(error, ModelNotFound):
                offered = tuple(info.ref for info in chat_models(await self._pool.report(ref.backend)))
            self.states.set_state(ref, RoleState.AWAY, detail=error.sentence, offered=offered, only=only)
        elif loading or isinstance(error, FAILED_ERRORS):
            self.states.set_state(ref, RoleState.FAILED, detail=error.sentence, only=only)

    def _tell_other(self, loaded: LoadedModel) -> None:
        """Say once that a server answers with another model than was asked for."""
        if (loaded.ref, loaded.runs) not in self._told_others:
            self._told_others.add((loaded.ref, loaded.runs))
            self._publish(Notice("Another model answers", about_other_model(loaded.ref, loaded.runs), about="models"))

    def _only(self, ref: ModelRef, role: Role) -> Role | None:
        """The one role that a load concerns, where each has a process of its own; None for all that it serves."""
        return role if self._pool.separate(ref) else None

    def _shown_as(self, ref: ModelRef, state: RoleState, only: Role | None = None) -> bool:
        roles = [role for role in self.states.served_by(ref) if only in (None, role)]
        return any(self.states.status(role).state is state for role in roles)
