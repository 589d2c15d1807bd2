"""What is known of both roles: states that keep what does not change."""

from __future__ import annotations

from tale_tui.domain.events import Fact
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState
from tale_tui.engine.models.roles.defaults import Choice
from tale_tui.engine.models.roles.role_states import RoleStates

SMALL = ModelRef(BackendName.SCRIPTED, "small")


def test_a_model_that_is_loading_still_has_been_loading_since_it_began() -> None:
    facts: list[Fact] = []
    times = iter((5.0, 6.0))
    states = RoleStates(facts.append, lambda: next(times))
    states.set_choice(Role.UX, Choice(SMALL))
    states.set_state(SMALL, RoleState.LOADING)
    states.set_state(SMALL, RoleState.LOADING)
    assert states.status(Role.UX).loading_since == 5.0
    assert len(facts) == 2
