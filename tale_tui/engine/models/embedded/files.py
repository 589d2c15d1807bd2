"""What must be known of a model's file before a process may load it. Everything here reads the disk."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tale_tui.domain.constants import EMBEDDED_WINDOW_TOKENS_MIN, TASK_NICENESS
from tale_tui.domain.errors import ModelDamaged, ModelNotFound, NotAvailable
from tale_tui.domain.models import ModelInfo, Role
from tale_tui.domain.text import clean_line
from tale_tui.engine.models.embedded.protocol import LoadModel
from tale_tui.engine.models.files.gguf import Header, NotReadable, read_header
from tale_tui.engine.models.files.library import Identity, describe, find_model, identity, model_paths, reason
from tale_tui.engine.models.files.starter import STARTER_ALIAS, STARTER_NAME, STARTER_NOTE, is_intact, is_starter
from tale_tui.engine.models.machine import memory_limit, thread_count, why_not_here
from tale_tui.engine.models.memory_forecast import PROCESS_BYTES, Forecast

if TYPE_CHECKING:
    from tale_tui.config.settings import EmbeddedSettings


def survey(models_dir: Path) -> tuple[ModelInfo, ...]:
    """The models of a folder, as a list shows them.

    Raises:
        OSError: the folder cannot be read.
    """
    infos: list[ModelInfo] = []
    for name, path in model_paths(models_dir).items():
        with suppress(OSError):  # gone again, or not ours to read
            infos.append(describe(name, path))
    return tuple(replace(info, note=info.note or STARTER_NOTE) if is_starter(info.ref) else info for info in infos)


def locate(models_dir: Path, model: str) -> tuple[Path, Identity]:
    """The file of a model and what changes when it is replaced.

    Raises:
        ModelNotFound: there is none, or it cannot be read.
    """
    path = find_model(models_dir, model)
    try:
        return path, identity(path)
    except OSError as error:
        raise _not_readable(model, error) from error


def default_window(settings: EmbeddedSettings, models_dir: Path, model: str) -> int:
    """The smaller of the setting and the model's own window, in tokens.

    Raises:
        ModelNotFound, ModelDamaged: the file cannot be read.
    """
    return _fitting(settings.window, _header(model, find_model(models_dir, model)))


def forecast(models_dir: Path, model: str, window: int) -> Forecast:
    """What a model would take in memory, in a process of its own.

    Raises:
        ModelNotFound, ModelDamaged: the file cannot be read.
    """
    path = find_model(models_dir, model)
    header = _header(model, path)
    try:
        weights = path.stat().st_size
    except OSError as error:
        raise _not_readable(model, error) from error
    return Forecast(weights, header.cache_bytes(_fitting(window, header)), PROCESS_BYTES)


def plan_load(settings: EmbeddedSettings, model: str, path: Path, window: int | None, role: Role) -> LoadModel:
    """How a model shall be loaded.

    Args:
        settings: threads, memory and the window where none is asked for.
        model: its name.
        path: of its file.
        window: the context window that is asked for, in tokens. More than the model was made for would be paid in
            memory and never served, so it is cut to that.
        role: for whom it is: who works steps back behind who answers.
    Raises:
        NotAvailable: llama.cpp cannot run here.
        ModelNotFound, ModelDamaged: the file cannot be used.
    """
    if why_not := why_not_here():
        raise NotAvailable(why_not)
    header = _header(model, path)
    if model == STARTER_NAME and not is_intact(path.parent):
        raise ModelDamaged(
            "The file of the starter model is not what was published. Remove it, then fetch it again with "
            f"`tale-tui models pull {STARTER_ALIAS} --yes`."
        )
    return LoadModel(
        path=str(path.absolute()),
        window=_fitting(window or settings.window, header),
        threads=thread_count(settings.threads, role),
        memory_bytes=memory_limit(settings.memory_limit_gb, path.stat().st_size),
        socket="",
        niceness=TASK_NICENESS if role is Role.TASK else 0,
        title=clean_line(f"{role.value} model {model}"),
    )


def _fitting(window: int, header: Header) -> int:
    return max(EMBEDDED_WINDOW_TOKENS_MIN, min(window, header.max_window or window))


def _header(model: str, path: Path) -> Header:
    try:
        return read_header(path)
    except NotReadable as error:
        raise ModelDamaged(
            f"The file of {clean_line(model)} cannot be used: {error}. Fetch it again, or choose another model."
        ) from error
    except OSError as error:
        raise _not_readable(model, error) from error


def _not_readable(model: str, error: OSError) -> ModelNotFound:
    return ModelNotFound(f"The file of {clean_line(model)} cannot be read: {reason(error)}.")
