"""What is in memory, as `tale-tui models ps`, `load` and `unload` print it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tale_tui.cli.output import MUTED, Column, echo_err, echo_json, echo_table, tenth

if TYPE_CHECKING:
    from tale_tui.domain.models import BackendHealth, Residency, ResidentModel


def echo_residency(found: Residency, *, as_json: bool) -> None:
    """Write what is in memory; what is to be known besides goes to standard error.

    JSON has no free memory and no limit that follows from it: they change by themselves.
    """
    if as_json:
        echo_json(
            {
                "models": [_model_data(model) for model in found.models],
                "used_bytes": _coarse(found.used_bytes),
                "one_model": found.one_model,
                "chat_waits_s": found.chat_waits_s,
                "backends": [_health_data(health) for health in found.backends],
                "notes": list(found.notes),
            }
        )
        return
    if found.models:
        _echo_models(found.models)
    else:
        echo_err("No model is in memory.")
    echo_err(_memory_line(found))
    if found.one_model:
        waits = "" if found.chat_waits_s is None else f", about {found.chat_waits_s:.0f} s"
        echo_err(f"Both models do not fit together: chat waits while the other one is loaded{waits}.")
    for health in found.backends:
        echo_err(_health_line(health))
    for note in found.notes:
        echo_err(note)


def _echo_models(models: tuple[ResidentModel, ...]) -> None:
    from tale_tui.formatting.symbols import signs
    from tale_tui.formatting.units import count, duration, percent, size

    echo_table(
        (
            Column("role"),
            Column("model"),
            Column("memory", right=True),
            Column("window", right=True),
            Column("on a GPU", right=True),
            Column("loaded in", right=True),
            Column("note", gives=True, style=MUTED),
        ),
        [
            (
                ", ".join(role.value for role in model.roles),
                str(model.ref),
                size(model.size_bytes) if model.size_bytes is not None and not model.shares else signs().dash,
                count(model.window) if model.window is not None else "",
                percent(model.gpu_share) if model.gpu_share is not None else "",
                duration(model.load_ms / 1000) if model.load_ms is not None else "",
                ", ".join(_notes(model)),
            )
            for model in models
        ],
    )


def _notes(model: ResidentModel) -> list[str]:
    shares = [f"in memory with {model.shares}"] if model.shares else []
    return [*(["kept"] if model.kept else []), *shares, *([] if model.local else ["on another machine"])]


def _memory_line(found: Residency) -> str:
    from tale_tui.formatting.units import size

    line = f"Models use {size(found.used_bytes)} of {size(found.limit_bytes)}"
    return f"{line}; {size(found.free_bytes)} free." if found.free_bytes is not None else f"{line}."


def _health_line(health: BackendHealth) -> str:
    from tale_tui.formatting.units import about, plural

    if health.state == "ok":
        return f"{health.name}: ok."
    if health.state == "away":
        return f"{health.name}: {health.detail}"
    words = f"{health.name}: {plural(health.failures, 'failure')} in a row"
    if health.retry_at is not None and health.retry_at > time.time():
        words += f", tried again in {about(health.retry_at - time.time())}"
    return f"{words}. {health.detail}".rstrip()


def _coarse(size_bytes: int | None) -> int | None:
    """A size for programs, to two digits: what a process has in memory is a little different each time."""
    return None if size_bytes is None else int(float(f"{size_bytes:.1e}"))


def _model_data(model: ResidentModel) -> dict[str, object]:
    return {
        "model": str(model.ref),
        "roles": [role.value for role in model.roles],
        "size_bytes": _coarse(model.size_bytes),
        "window": model.window,
        "gpu_share": model.gpu_share,
        "kept": model.kept,
        "local": model.local,
        "load_ms": tenth(model.load_ms),
        "shares": str(model.shares) if model.shares else None,
    }


def _health_data(health: BackendHealth) -> dict[str, object]:
    return {"backend": health.name, "state": health.state, "failures": health.failures, "detail": health.detail or None}
