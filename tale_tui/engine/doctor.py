"""What was found, what is missing and what to do: one finding a line, no secret in any."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any

from tale_tui import __version__
from tale_tui.config.keys import KEY_VARIABLE, read_key
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.constants import GIGABYTE, LOW_DISK_BYTES, LOW_MEMORY_BYTES, MEGABYTE
from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import BackendName, BackendReport, Finding, FindingState, LoadedModel, RoleState, RoleStatus
from tale_tui.engine.models.files.starter import is_starter
from tale_tui.engine.models.machine import look_at_memory
from tale_tui.engine.models.registry import openai_is_set
from tale_tui.engine.models.roles.defaults import about_other_model
from tale_tui.engine.models.server_errors import NOTHING_ANSWERS
from tale_tui.engine.store.store import Store
from tale_tui.engine.unexpected import attempt

OK, LOOK, BAD = FindingState.OK, FindingState.LOOK, FindingState.BAD

MOSTLY_GPU = 0.99
"""A model of which less lies in the memory of a GPU is slowed down by the rest."""

CHOOSE = "Choose another: tale-tui models use {role} BACKEND/MODEL"


async def examine(
    paths: Paths,
    settings: Settings,
    store: Store,
    roles: Iterable[RoleStatus],
    reports: Iterable[BackendReport],
) -> tuple[Finding, ...]:
    """Look at everything.

    Args:
        paths: the four folders.
        settings: all settings.
        store: open.
        roles: both, as they are.
        reports: of the backends that are known.
    """
    parts = {
        "python": asyncio.to_thread(_python),
        "data": asyncio.to_thread(_data, paths),
        "database": _stored(paths.database, store),
        "memory": asyncio.to_thread(_memory),
    }
    findings = [await _looked(area, part) for area, part in parts.items()]
    by_name = {report.name: report for report in reports}
    if embedded := by_name.get(BackendName.EMBEDDED):
        findings += [_embedded(embedded), _starter(embedded)]
    if ollama := by_name.get(BackendName.OLLAMA):
        findings += _server(ollama, "Ollama", "Start it: ollama serve. Or get it from https://ollama.com")
    if openai := by_name.get(BackendName.OPENAI):
        findings += _server(openai, "The server", "Start it, or set openai.base_url to its address")
        findings.append(_key())
    elif not openai_is_set(settings):
        findings.append(Finding("openai", OK, "not set up", "To use such a server set openai.base_url"))
    if scripted := by_name.get(BackendName.SCRIPTED):
        findings += _server(scripted, "The demo", "")
    loaded = {model.ref for report in by_name.values() for model in report.loaded}
    return tuple(findings + [_role(one, loaded=one.ref in loaded, by_name=by_name) for one in roles])


def trouble(area: str, error: TaleError) -> Finding:
    """What is found where looking does not work."""
    return Finding(area, BAD, error.title, error.sentence)


async def _looked(area: str, part: Coroutine[Any, Any, Finding]) -> Finding:
    """One look; where it does not work that is the finding, and the others are not kept from theirs."""
    try:
        return await attempt(part, f"Looking at {area}")
    except TaleError as error:
        return trouble(area, error)


async def _stored(path: Path, store: Store) -> Finding:
    sessions = await store.sessions(limit=1_000_000)
    return await asyncio.to_thread(_database, path, len(sessions))


def _python() -> Finding:
    system = f"{platform.system()} {platform.machine()}"
    return Finding("python", OK, f"tale-tui {__version__}, Python {platform.python_version()}, {system}")


def _data(paths: Paths) -> Finding:
    folder = paths.data
    if not folder.is_dir():
        return Finding("data", BAD, f"{folder} is not there", "Make it: tale-tui init")
    if not os.access(folder, os.W_OK):
        return Finding("data", BAD, f"{folder} cannot be written", "Change its permissions, or set TALE_HOME")
    free = shutil.disk_usage(folder).free
    now = f"{_size(free)} free"
    if free < LOW_DISK_BYTES:
        return Finding("data", LOOK, str(folder), "Make room on this disk", now)
    return Finding("data", OK, str(folder), now=now)


def _database(path: Path, sessions: int) -> Finding:
    files = [path.with_name(path.name + end) for end in ("", "-wal")]
    used = sum(file.stat().st_size for file in files if file.exists())
    aside = sorted(file.name for file in path.parent.glob(f"{path.name}.damaged-*"))
    text, now = f"{path.name}, {sessions:,} {'session' if sessions == 1 else 'sessions'}", _size(used)
    if aside:
        text += f"; set aside as damaged: {', '.join(aside)}"
        return Finding("database", LOOK, text, "Delete these when you do not want them any more", now)
    return Finding("database", OK, text, now=now)


def _memory() -> Finding:
    memory = look_at_memory()
    text, now = _size(memory.total), f"{_size(memory.free)} free"
    if memory.free < LOW_MEMORY_BYTES:
        return Finding("memory", LOOK, text, "Close other programs before a model is loaded", now)
    return Finding("memory", OK, text, now=now)


def _embedded(report: BackendReport) -> Finding:
    if not report.available:
        return Finding("embedded", LOOK, "models cannot run inside of tale-tui", report.detail)
    own = [info for info in report.models if not is_starter(info.ref)]
    count = f"{len(own)} model {'file' if len(own) == 1 else 'files'} added"
    return Finding("embedded", OK, f"llama.cpp {report.version}, {count}" if report.version else count)


def _starter(report: BackendReport) -> Finding:
    if any(is_starter(info.ref) for info in report.models):
        return Finding("starter", OK, "installed; a demo, not an assistant")
    return Finding("starter", OK, "not installed", "To fetch it (93 MB): tale-tui models pull starter")


def _server(report: BackendReport, name: str, start: str) -> list[Finding]:
    area = report.name.value
    if not report.available:
        # Where it is something else that is wrong, the sentence says what to do.
        advice = start if report.detail.startswith(NOTHING_ANSWERS) or not report.detail else ""
        return [Finding(area, LOOK, report.detail or f"{name} does not answer", advice)]
    words = (f"version {report.version}" if report.version else "", f"at {report.address}" if report.address else "")
    count = len(report.models)
    text = ", ".join(word for word in (*words, f"{count} {'model' if count == 1 else 'models'}") if word)
    if not report.models:
        advice = "Fetch a model: tale-tui models pull NAME" if report.name is BackendName.OLLAMA else ""
        return [Finding(area, LOOK, text, advice)]
    return [Finding(area, OK, text), *(_loaded(area, model) for model in report.loaded)]


def _loaded(area: str, model: LoadedModel) -> Finding:
    words = [f"{model.ref.model} is loaded"]
    now = "" if model.size_bytes is None else _size(model.size_bytes)
    if model.window is not None:
        words.append(f"window of {model.window:,} tokens")
    if model.gpu_share is None:
        return Finding(area, OK, ", ".join(words), now=now)
    words.append(f"{model.gpu_share:.0%} on the GPU")
    slow = 0 < model.gpu_share < MOSTLY_GPU
    advice = "The part beside the GPU slows it down: take a smaller model or window" if slow else ""
    return Finding(area, LOOK if slow else OK, ", ".join(words), advice, now)


def _key() -> Finding:
    try:
        given = "a key is set" if read_key(KEY_VARIABLE) else "no key is set"
    except ValueError as error:
        return Finding("openai", LOOK, "the key cannot be used", str(error))
    return Finding("openai", OK, f"{given} ({KEY_VARIABLE})")


def _role(status: RoleStatus, *, loaded: bool, by_name: Mapping[BackendName, BackendReport]) -> Finding:
    area, model = status.role.value, str(status.ref) if status.ref else "no model"
    choose = CHOOSE.format(role=area)
    match status.state:
        case RoleState.READY | RoleState.IDLE | RoleState.LOADING:
            # A server may have in memory what was not asked for here yet.
            idle = "loaded" if loaded else "not loaded now"
            words = {RoleState.READY: "ready", RoleState.IDLE: idle, RoleState.LOADING: "loading"}
            now = words[status.state]
            if status.demo:
                return Finding(area, LOOK, f"{model}; a demo, not an assistant", choose, now)
            report = by_name.get(status.ref.backend) if status.ref else None
            if status.ref and report and report.only_model not in ("", status.ref.model):
                return Finding(area, LOOK, model, f"{about_other_model(status.ref, report.only_model)} {choose}", now)
            if status.detail and status.state is not RoleState.LOADING:
                return Finding(area, LOOK, model, f"{status.detail} {choose}", now)
            return Finding(area, OK, model, now=now)
        case RoleState.UNSET:
            return Finding(area, LOOK, "no model was found", "Fetch the starter: tale-tui models pull starter")
        case RoleState.AWAY | RoleState.FAILED:
            return Finding(area, BAD, f"{model}: {status.detail}", choose)


def _size(count: float) -> str:
    return f"{count / GIGABYTE:,.1f} GB" if count >= GIGABYTE else f"{count / MEGABYTE:,.1f} MB"
