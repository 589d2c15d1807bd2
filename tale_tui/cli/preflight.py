"""Before a model is asked: is there one, and which."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from tale_tui.cli.context import DEMO_MODEL
from tale_tui.cli.output import ProgressLine
from tale_tui.domain.errors import NoModel, ReadOnly
from tale_tui.domain.events import RoleChanged
from tale_tui.domain.models import BackendName, ModelRef, Role, RoleState, RoleStatus

if TYPE_CHECKING:
    from tale_tui.domain.models import BackendReport
    from tale_tui.engine.api import EngineApi

FETCH_COMMAND = "tale-tui models pull starter --yes"
USE_COMMAND = "tale-tui models use ux BACKEND/MODEL"
NEXT_STEPS = (
    f"Try again when it is back, choose another with: {USE_COMMAND}\n"
    "Or ask the starter model this once: --backend embedded --yes"
)
"""What can be done where the model that serves is away."""


async def fetch_starter(engine: EngineApi, line: ProgressLine, *, source: str = "") -> str:
    """Fetch the starter model and show how far it is.

    Returns:
        Its name.
    Raises:
        FetchFailed: the sentence says what to do instead.
    """
    name = ""
    with line:
        async with aclosing(engine.models.fetch_starter(source=source)) as steps:
            async for step in steps:
                line.step(step)
                name = step.label
    return name


async def ensure_model(engine: EngineApi, *, yes: bool, line: ProgressLine) -> None:
    """Make sure that the role ux has a model that can be asked.

    Args:
        yes: whether the starter model may be fetched where there is none.
        line: where the progress is shown.
    Raises:
        NoModel: there is none; the sentence says what to run.
        FetchFailed: the starter could not be fetched.
    """
    status = await _settled(engine)
    if status.state is RoleState.UNSET:
        if not yes:
            raise _nothing_found(status.detail)
        await fetch_starter(engine, line)
        return
    if status.state in (RoleState.AWAY, RoleState.FAILED):
        status = await engine.models.retry_role(Role.UX)
    if status.state in (RoleState.AWAY, RoleState.FAILED):
        raise no_answer(status.detail or f"{status.ref} does not answer.")


async def ensure_runs(engine: EngineApi) -> None:
    """Make sure that tasks can be run: waiting for one that never begins would not end.

    Raises:
        ReadOnly: nothing can be written, so none is run.
    """
    if not (await engine.control.status()).can_write:
        raise ReadOnly(
            "No task can be run. Give yourself the right to write to the data folder, or set TALE_HOME to another one; "
            "tale-tui doctor says where it is."
        )


async def ensure_worker(engine: EngineApi) -> None:
    """Make sure that there is a model that can carry out a task: one role serves where the other one cannot.

    Raises:
        NoModel: there is none; the sentence says what to run.
    """
    first = await _settled(engine)
    if all(status.state is RoleState.UNSET for status in await engine.models.roles()):
        raise _nothing_found(first.detail)


def no_answer(sentence: str) -> NoModel:
    """The error that says which commands go on from here."""
    return NoModel(f"{sentence}\n{NEXT_STEPS}")


async def choose_model(
    engine: EngineApi, backend: str | None, model: str | None, *, yes: bool, line: ProgressLine
) -> ModelRef | None:
    """The model that `--backend` and `--model` mean; None where neither is given.

    Raises:
        NoModel: there is no such model; the sentence says what there is.
    """
    if not backend and not model:
        return None
    if model and not backend:
        prefix = model.partition("/")[0]
        if prefix != model and prefix in {known.value for known in BackendName}:
            return ModelRef.parse(model)
    if backend and model:
        return ModelRef(BackendName(backend), model.removeprefix(f"{backend}/"))
    if backend == BackendName.SCRIPTED:
        return ModelRef(BackendName.SCRIPTED, DEMO_MODEL)
    reports = await engine.models.backends()
    if model:
        return _by_name(reports, model)
    name = BackendName(backend or "")
    found = await _first_of(engine, reports, name)
    if found is None and name is BackendName.EMBEDDED and yes:
        await fetch_starter(engine, line)
        found = await _first_of(engine, await engine.models.backends(), name)
    if found is None:
        raise _nothing_there(reports, name)
    return found


async def _settled(engine: EngineApi) -> RoleStatus:
    """The role ux when the engine knows who serves it; loading may still be under way."""
    async with aclosing(engine.control.watch()) as facts:
        async for fact in facts:
            if isinstance(fact, RoleChanged) and fact.status.role is Role.UX and not _is_undecided(fact.status):
                return fact.status
    return next(status for status in await engine.models.roles() if status.role is Role.UX)


def _is_undecided(status: RoleStatus) -> bool:
    return status.state is RoleState.LOADING and status.ref is None


def _by_name(reports: tuple[BackendReport, ...], model: str) -> ModelRef:
    installed = [info.ref for report in reports for info in report.models]
    for ref in installed:
        # Ollama leaves `latest` out where people write a name.
        if ref.model in (model, f"{model}:latest"):
            return ref
    there = ", ".join(str(ref) for ref in installed) or "none"
    raise NoModel(f"No backend has {model}. Installed: {there}.\nGet it with: tale-tui models pull {model}")


async def _first_of(engine: EngineApi, reports: tuple[BackendReport, ...], backend: BackendName) -> ModelRef | None:
    """The model of the role ux where it runs there, else the first that can chat."""
    installed = [
        info.ref
        for report in reports
        if report.name is backend
        for info in report.models
        if "chat" in info.capabilities
    ]
    for status in await engine.models.roles():
        if status.role is Role.UX and status.ref in installed:
            return status.ref
    return installed[0] if installed else None


def _nothing_there(reports: tuple[BackendReport, ...], backend: BackendName) -> NoModel:
    report = next((report for report in reports if report.name is backend), None)
    if report is not None and not report.available and report.detail:
        return NoModel(report.detail)
    command = FETCH_COMMAND if backend is BackendName.EMBEDDED else f"tale-tui models pull {backend.value}/NAME"
    return NoModel(f"{backend.value} has no model.\nGet one with: {command}")


def _nothing_found(detail: str) -> NoModel:
    """The error for a role without a model; `detail` says why it has none."""
    return NoModel(
        f"{detail}\nFetch the starter model (93 MB, a demo) with: {FETCH_COMMAND}\nOr choose one with: {USE_COMMAND}"
    )
