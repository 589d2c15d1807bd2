"""What the list of models says: pure functions from reports to rows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from tale_tui.engine.text import clean_line
from tale_tui.engine.types import BackendName, BackendReport, LoadedModel, ModelInfo, ModelRef, RoleState, RoleStatus
from tale_tui.ui.signs import signs
from tale_tui.ui.widgets.pick_rows import Pick
from tale_tui.ui.words import count, percent, size

_NAME_LIMIT = 60
"""Characters of the name of a model that has a role."""
JOBS = {"ux": "answers", "task": "works"}
"""What a role does, in a word."""
BACKEND_WORDS = {
    BackendName.OLLAMA: "Ollama",
    BackendName.EMBEDDED: "Built in",
    BackendName.OPENAI: "OpenAI-compatible server",
    BackendName.SCRIPTED: "Scripted",
}
_STATES = {
    RoleState.UNSET: "no model yet",
    RoleState.IDLE: "not loaded now",
    RoleState.LOADING: "loading",
    RoleState.READY: "ready",
    RoleState.AWAY: "away",
    RoleState.FAILED: "failed",
}


def role_line(status: RoleStatus, name_cells: int, reports: Sequence[BackendReport]) -> Content:
    """A role in one line: what it does, which model does it, how that is going.

    Args:
        status: the role.
        name_cells: the width of the column of the names.
        reports: know how much of a loaded model lies on a GPU.
    """
    sign, tone = _role_sign(status.state)
    colour = f"${status.role.value}"
    where = BACKEND_WORDS[status.ref.backend] if status.ref else ""
    window = f"{count(status.window)} window" if status.window else ""
    share = _gpu_share(status.ref, reports)
    gpu = f"{percent(share)} on the GPU" if share is not None else ""
    facts = f" {signs().dot} ".join(fact for fact in (_STATES[status.state], where, window, gpu) if fact)
    name = role_name(status)
    return Content.assemble(
        (sign, tone or colour),
        f" {JOBS[status.role.value]:<8} ",
        (name, f"{colour} bold"),
        " " * (name_cells - cell_len(name) + 3),
        (facts, "$muted"),
    )


def role_name(status: RoleStatus) -> str:
    """The model of a role, as `role_line` shows it."""
    return clean_line(status.ref.model, _NAME_LIMIT) if status.ref else signs().dash


def model_rows(reports: Sequence[BackendReport], roles: Sequence[RoleStatus]) -> list[Pick]:
    """A heading for each server, its models below it; one that is away says why and what to do."""
    jobs: dict[ModelRef, list[str]] = {}
    for status in roles:
        if status.ref is not None:
            jobs.setdefault(status.ref, []).append(status.role.value)
    rows: list[Pick] = []
    for report in reports:
        if rows:
            rows.append(Pick("", ""))
        models = [model for model in report.models if "chat" in model.capabilities]
        rows.append(_heading(report, hidden=len(report.models) - len(models)))
        loaded = {model.ref: model for model in report.loaded}
        rows += [_row(model, loaded.get(model.ref), jobs.get(model.ref, [])) for model in models]
    return rows


def _heading(report: BackendReport, hidden: int) -> Pick:
    name = BACKEND_WORDS[report.name]
    if not report.available:
        return Pick("", name, ("not available",), signs().absent, "muted", report.detail)
    notes = [f"{name} {report.version}".strip(), report.address]
    detail = report.detail
    if not report.models:
        detail = detail or "It has no model yet."
    elif hidden:
        detail = f"{detail} {hidden} more cannot hold a conversation.".strip()
    return Pick("", notes[0], tuple(notes[1:]), detail=detail)


def _row(model: ModelInfo, loaded: LoadedModel | None, roles: list[str]) -> Pick:
    job = f" {signs().dot} ".join(JOBS[role] for role in roles)
    window = loaded.window if loaded and loaded.window else model.max_window
    cells = (
        model.quantization,
        f"{count(window)} window" if window else "",
        model.parameters,
        size(model.size_bytes) if model.size_bytes else "",
        job,
    )
    note = " ".join(part for part in ("Text leaves this machine." if model.remote else "", model.note) if part)
    sign = signs().resident if loaded else signs().remote if model.remote else signs().absent
    tone = roles[0] if roles else "accent" if loaded else "warning" if model.remote else "muted"
    return Pick(str(model.ref), model.ref.model, cells, sign, tone, note)


def _role_sign(state: RoleState) -> tuple[str, str]:
    """The sign of a state, and its colour where it is not the one of the role."""
    return {
        RoleState.UNSET: (signs().absent, "$muted"),
        RoleState.IDLE: (signs().absent, ""),
        RoleState.LOADING: (signs().working, ""),
        RoleState.READY: (signs().resident, ""),
        RoleState.AWAY: (signs().failed, "$warning bold"),
        RoleState.FAILED: (signs().failed, "$error bold"),
    }[state]


def _gpu_share(ref: ModelRef | None, reports: Sequence[BackendReport]) -> float | None:
    loaded = (model for report in reports for model in report.loaded if model.ref == ref)
    return next((model.gpu_share for model in loaded), None)
