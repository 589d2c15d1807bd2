"""The models in the last line."""

from __future__ import annotations

from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState, RoleStatus
from tale_tui.ui.widgets.key_bar import ROLE_COLOURS, model_signs

SMALL, LARGE = (ModelRef(BackendName.OLLAMA, name) for name in ("small", "large"))


def statuses(answers: ModelRef, works: ModelRef) -> dict[Role, RoleStatus]:
    return {role: RoleStatus(role, RoleState.READY, ref) for role, ref in ((Role.UX, answers), (Role.TASK, works))}


def test_each_model_has_the_colour_of_its_role() -> None:
    signs = model_signs(statuses(SMALL, LARGE), working=False)
    assert [(sign.name, sign.colour) for sign in signs] == [
        ("small", ROLE_COLOURS[Role.UX]),
        ("large", ROLE_COLOURS[Role.TASK]),
    ]


def test_one_model_with_both_roles_stands_once_in_the_colour_of_the_one_that_answers() -> None:
    [sign] = model_signs(statuses(SMALL, SMALL), working=True)
    assert (sign.name, sign.state, sign.colour) == ("small", "working", ROLE_COLOURS[Role.UX])
