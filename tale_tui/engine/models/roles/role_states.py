"""What is known of both roles, in memory: who serves, in what state; every change is published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tale_tui.domain.events import Fact, RoleChanged
from tale_tui.domain.models import ModelRef, Role, RoleState, RoleStatus
from tale_tui.engine.models.roles.defaults import Choice

LOOKING = "Looking for a model."


class RoleStates:
    """The state of both roles.

    Args:
        publish: takes the facts.
        now: seconds since the epoch.
    """

    def __init__(self, publish: Callable[[Fact], None], now: Callable[[], float]) -> None:
        self._publish = publish
        self._now = now
        self._choices = {role: Choice(None) for role in Role}
        self._statuses = {role: RoleStatus(role, RoleState.LOADING, detail=LOOKING) for role in Role}

    def choice(self, role: Role) -> Choice:
        """Who was chosen for a role."""
        return self._choices[role]

    def status(self, role: Role) -> RoleStatus:
        """A role as it is now."""
        return self._statuses[role]

    def statuses(self) -> tuple[RoleStatus, ...]:
        """Both roles as they are now, ux first."""
        return tuple(self._statuses[role] for role in Role)

    def served_by(self, ref: ModelRef) -> tuple[Role, ...]:
        """The roles that a model serves."""
        return tuple(role for role in Role if self._choices[role].ref == ref)

    def set_choice(self, role: Role, choice: Choice, missing: RoleState = RoleState.UNSET) -> None:
        """Give a role to somebody.

        Args:
            role: which.
            choice: who.
            missing: the state of the role where the choice is nobody.
        """
        self._choices[role] = choice
        state = RoleState.IDLE if choice.ref else missing
        self._set(RoleStatus(role, state, choice.ref, None, choice.detail, choice.offered, choice.demo))

    def restore_choice(self, choice: Choice, status: RoleStatus) -> None:
        """Undo a `set_choice`: the choice and the status as they were before."""
        self._choices[status.role] = choice
        self._set(status)

    def offer(self, role: Role, offered: tuple[ModelRef, ...]) -> None:
        """Name other models that could serve."""
        self._choices[role] = replace(self._choices[role], offered=offered)
        self._set(replace(self._statuses[role], offered=offered))

    def set_state(
        self,
        ref: ModelRef,
        state: RoleState,
        *,
        window: int | None = None,
        detail: str | None = None,
        offered: tuple[ModelRef, ...] = (),
        only: Role | None = None,
    ) -> None:
        """Set the state of every role that a model serves.

        Args:
            ref: the model.
            state: of its roles.
            window: the context window that is served, in tokens.
            detail: what is wrong; None where nothing is.
            offered: other models, where this one is not there.
            only: this role alone, where it is one of them; None for all.
        """
        for role in self.served_by(ref):
            if only not in (None, role):
                continue
            choice = self._choices[role]
            since = None
            if state is RoleState.LOADING:
                since = self._statuses[role].loading_since or self._now()
            said = choice.detail if detail is None else detail
            self._set(RoleStatus(role, state, ref, window, said, offered or choice.offered, choice.demo, since))

    def end_waiting(self, detail: str) -> None:
        """Whoever is about to have a model has failed, as nobody works on that any more; `detail` says why."""
        for status in self.statuses():
            if status.state is RoleState.LOADING:
                self._set(replace(status, state=RoleState.FAILED, detail=detail, loading_since=None))

    def _set(self, status: RoleStatus) -> None:
        if self._statuses[status.role] != status:
            self._statuses[status.role] = status
            self._publish(RoleChanged(status))
