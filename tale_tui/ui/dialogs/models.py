"""Models: which one answers and which one works, and all that the servers have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    LoadedModel,
    ModelInfo,
    ModelRef,
    Role,
    RoleState,
    RoleStatus,
)
from tale_tui.domain.text import clean_line
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import count, percent, size
from tale_tui.ui.dialogs.dialog import Dialog
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.pick_list import PickList, PickRow

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

_PULLED_NAME_LIMIT = 200
"""Characters of the name of a model, at most."""

_WHY_LIMIT = 300
"""Characters of the sentence that says what is wrong with a role."""

Look = Callable[[], Awaitable[tuple[tuple[BackendReport, ...], tuple[RoleStatus, ...]]]]
"""Asks all servers what they have, and reads the roles."""


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


def model_rows(reports: Sequence[BackendReport], roles: Sequence[RoleStatus]) -> list[PickRow]:
    """A heading for each server, its models below it; one that is away says why and what to do."""
    jobs: dict[ModelRef, list[str]] = {}
    for status in roles:
        if status.ref is not None:
            jobs.setdefault(status.ref, []).append(status.role.value)
    rows: list[PickRow] = []
    for report in reports:
        if rows:
            rows.append(PickRow("", ""))
        models = [model for model in report.models if "chat" in model.capabilities]
        rows.append(_heading(report, hidden=len(report.models) - len(models)))
        loaded = {model.ref: model for model in report.loaded}
        rows += [_row(model, loaded.get(model.ref), jobs.get(model.ref, [])) for model in models]
    return rows


def _heading(report: BackendReport, hidden: int) -> PickRow:
    name = BACKEND_WORDS[report.name]
    if not report.available:
        return PickRow("", name, ("not available",), signs().absent, "muted", report.detail)
    notes = [f"{name} {report.version}".strip(), report.address]
    detail = report.detail
    if not report.models:
        detail = detail or "It has no model yet."
    elif hidden:
        detail = f"{detail} {hidden} more cannot hold a conversation.".strip()
    return PickRow("", notes[0], tuple(notes[1:]), detail=detail)


def _row(model: ModelInfo, loaded: LoadedModel | None, roles: list[str]) -> PickRow:
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
    return PickRow(str(model.ref), model.ref.model, cells, sign, tone, note)


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


@dataclass(frozen=True, slots=True)
class UseModel:
    """Give a role this model."""

    role: Role
    ref: ModelRef


@dataclass(frozen=True, slots=True)
class PullModel:
    """Fetch a model to Ollama, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class FetchStarter:
    """Fetch the starter model."""


ModelsResult = UseModel | PullModel | FetchStarter


class ModelsDialog(Dialog[ModelsResult]):
    """Both roles and every installed model, by server."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "models.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "use_for_task", "works", id="models.task", tooltip="Give the chosen model the role task"),
        Binding("p", "pull", "pull another", id="models.pull", tooltip="Fetch a model to Ollama by its name"),
        Binding("ctrl+s", "starter", "starter", id="models.starter", tooltip="Fetch the starter model: 93 MB, a demo"),
        Binding("r", "look", "look again", id="models.look", tooltip="Ask all servers again what they have"),
    ]

    def __init__(
        self, reports: Sequence[BackendReport], roles: Sequence[RoleStatus], *, look: Look | None = None
    ) -> None:
        """Take what is known.

        Args:
            reports: of the servers, the ones that are used first; may be empty where `look` brings them.
            roles: both, ux first.
            look: asked at once where there are no reports, and whenever the user wants to know again.
        """
        super().__init__("Models", enter="answers")
        self._reports = tuple(reports)
        self._roles = tuple(roles)
        self._look = look

    def body(self) -> Iterable[Widget]:
        """The roles, and the models below."""
        for role in Role:
            yield NoMarkup(id=f"role-{role.value}", classes="role")
            yield NoMarkup(id=f"why-{role.value}", classes="why")
        yield PickList(id="focus-first")

    def on_mount(self) -> None:
        """Show what is known; ask where nothing is."""
        if self._reports or self._look is None:
            self.show(self._reports, self._roles)
        else:
            self.action_look()

    def show(self, reports: Sequence[BackendReport], roles: Sequence[RoleStatus]) -> None:
        """Show another state; the chosen row stays."""
        self._reports, self._roles = tuple(reports), tuple(roles)
        cells = max((cell_len(role_name(status)) for status in roles), default=0)
        said = ""
        for status in roles:
            line = role_line(status, cells, self._reports)
            self.query_one(f"#role-{status.role.value}", NoMarkup).update(line)
            why = self.query_one(f"#why-{status.role.value}", NoMarkup)
            # What is the same for both roles is said once, below the first.
            detail = "" if status.state is RoleState.READY or status.detail == said else status.detail
            said = detail or said
            why.update(clean_line(detail, _WHY_LIMIT))
            why.set_class(bool(detail), "-said")
        picks = self.query_one(PickList)
        first = None
        if picks.row is None and self._roles and self._roles[0].ref is not None:
            first = str(self._roles[0].ref)
        picks.show(model_rows(self._reports, self._roles), chosen=first, empty="No server was asked yet.")
        self.set_note("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing can be asked again no key offers it."""
        return self._look is not None if action == "look" else super().check_action(action, parameters)

    def action_look(self) -> None:
        self.set_note("asking the servers")
        self._ask()

    @work(name="ask the servers", group="look", exclusive=True, exit_on_error=False)
    async def _ask(self) -> None:
        if self._look is None:
            return
        try:
            self.show(*await self._look())
        except TaleError as error:
            self.set_note(clean_line(error.sentence))

    @on(PickList.Chosen)
    def _use_for_ux(self, event: PickList.Chosen) -> None:
        self.dismiss(UseModel(Role.UX, ModelRef.parse(event.key)))

    def action_use_for_task(self) -> None:
        """Give the chosen model the role task."""
        row = self.query_one(PickList).row
        if row is not None:
            self.dismiss(UseModel(Role.TASK, ModelRef.parse(row.key)))

    def action_starter(self) -> None:
        self.dismiss(FetchStarter())

    def action_pull(self) -> None:
        """Ask for a name."""

        def pull(name: str | None) -> None:
            if name:
                self.dismiss(PullModel(clean_line(name, _PULLED_NAME_LIMIT)))

        hint = (
            "A name from ollama.com/library, such as qwen2.5:7b (4.7 GB). Ollama fetches it; you can go on meanwhile."
        )
        self.app.push_screen(TextDialog("Pull a model to Ollama", hint=hint, placeholder="name:tag"), pull)
