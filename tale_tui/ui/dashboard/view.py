"""What a report says, as the parts of the screen take it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tale_tui.domain.models import Role, RoleState, RoleStatus
from tale_tui.domain.samples import DashboardReport, PromiseState, SlotState
from tale_tui.domain.text import clean_line
from tale_tui.ui.dashboard.lights import Light, LightState
from tale_tui.ui.dashboard.model_table import ModelRow
from tale_tui.ui.dashboard.words import NAME_LIMIT, promise_words, role_word, use_note, use_words
from tale_tui.ui.widgets.key_bar import ROLE_COLOURS

if TYPE_CHECKING:
    from tale_tui.domain.samples import ModelActivity

_STATES = {
    PromiseState.MET: LightState.KEPT,
    PromiseState.BROKEN: LightState.BROKEN,
    PromiseState.UNKNOWN: LightState.OPEN,
}


def is_empty(report: DashboardReport) -> bool:
    """Whether nothing at all was recorded in its range."""
    return not report.calls and all(state is SlotState.GAP for state in report.slots)


def lights_of(report: DashboardReport, now: float) -> tuple[Light, ...]:
    """The promises.

    Args:
        report: what was measured.
        now: the present, in seconds since the epoch.
    """
    small = next((use for use in report.models if Role.UX in use.roles), None)
    found = []
    for light in report.promises:
        words = promise_words(light, small, now)
        found.append(Light(_STATES[light.state], words.promise, words.value, words.note, words.short))
    return tuple(found)


def rows_of(
    report: DashboardReport, roles: Mapping[Role, RoleStatus], now: float, *, working: bool
) -> tuple[ModelRow, ...]:
    """A line per model.

    Args:
        report: what was measured.
        roles: as they are now, as far as that is known.
        now: the present, in seconds since the epoch.
        working: whether a task runs.
    """
    return tuple(_row(use, roles, working, now) for use in report.models)


def notes_of(report: DashboardReport) -> tuple[str, ...]:
    """What is not known of models, and why."""
    return tuple(note for use in report.models if (note := use_note(use)))


def _row(use: ModelActivity, roles: Mapping[Role, RoleStatus], working: bool, now: float) -> ModelRow:
    loading = any(status.state is RoleState.LOADING for role in use.roles if (status := roles.get(role)) is not None)
    busy = use.resident and working and Role.TASK in use.roles
    state = "working" if loading or busy else "resident" if use.resident else "absent"
    loud = {name for name, is_so in (("failed", use.failed), ("breaker", use.breaker not in ("", "closed"))) if is_so}
    return ModelRow(
        role_word(use),
        clean_line(use.ref.model, NAME_LIMIT),
        state,
        ROLE_COLOURS[use.roles[0]] if use.roles else "$muted",
        use_words(use, now),
        frozenset(loud),
    )
