"""Promises and what models did, in words that are short enough for the places that they have on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tale_tui.domain.constants import MEGABYTE, PROMISE_CALLS_MIN
from tale_tui.domain.models import Role
from tale_tui.domain.samples import PromiseName, PromiseState
from tale_tui.domain.text import clean_line
from tale_tui.formatting.servers import server_name
from tale_tui.formatting.units import count, duration, percent, size, when

if TYPE_CHECKING:
    from tale_tui.domain.samples import ModelActivity, PromiseLight

_ROLES = {Role.UX: "chat", Role.TASK: "task"}
NAME_LIMIT = 80
"""Letters of the name of a model."""
_MS_END_S = 9.9995
_NAMES = {
    PromiseName.CHAT: "chat",
    PromiseName.SIMPLE_TASK: "simple task",
    PromiseName.SWITCH: "switch",
    PromiseName.MEMORY: "memory",
    PromiseName.SAVED: "saved",
    PromiseName.SMALL_RESIDENT: "small resident",
}
_SHORT_NAMES = {
    PromiseName.CHAT: "chat",
    PromiseName.SIMPLE_TASK: "simple",
    PromiseName.SWITCH: "switch",
    PromiseName.SAVED: "saved",
}


@dataclass(frozen=True, slots=True)
class PromiseWords:
    """A promise in words; what is not known is empty."""

    promise: str
    """`chat < 1 s`."""
    value: str
    """In the unit of the promise: `0.31`."""
    note: str
    """How it is judged: `p95 0.62`, `3 of 5 calls`."""
    short: str
    """All of it in a few cells: `chat 0.31 s`, `chat 3 of 5`, and of a broken one what broke it; empty where it is not
    worth them."""


def promise_words(light: PromiseLight, small: ModelActivity | None, now: float) -> PromiseWords:
    """A promise, and what is so.

    Args:
        light: the promise over a range.
        small: the model that answers; None where there is none.
        now: the present, in seconds since the epoch.
    """
    promise = _promise(light)
    if light.state is PromiseState.UNKNOWN:
        note = light.detail if light.count < PROMISE_CALLS_MIN and light.detail[:1].isdigit() else _few(light)
        known, name = note.rpartition(" ")[0], _SHORT_NAMES.get(light.name, "")
        return PromiseWords(promise, "", note, f"{name} {known}" if name else "")
    value = "" if light.value is None else _amount(light, light.value)
    judged = "" if light.p95 is None else _amount(light, light.p95)
    match light.name:
        case PromiseName.MEMORY:
            share = "" if light.value is None or not light.limit else percent(light.value / light.limit)
            return PromiseWords(
                promise, value.partition(" ")[0], share, f"{value.partition(' ')[0]} of {_limit(light)}"
            )
        case PromiseName.SAVED:
            return PromiseWords(promise, value, "each alone", f"saved {value}")
        case PromiseName.SMALL_RESIDENT:
            name = "" if small is None else clean_line(small.ref.model, NAME_LIMIT)
            since = "" if small is None or small.since is None else when(small.since, now)
            whole = light.state is PromiseState.MET and bool(name)
            note = since if whole else name
            return PromiseWords(promise, name if whole else value, note, "" if whole else f"small {value}")
    broken = light.state is PromiseState.BROKEN and bool(judged)
    name = _SHORT_NAMES[light.name]
    short = f"{name} {judged if broken or not value else value}"
    unit = " ms" if light.limit < 1 else " s"
    return PromiseWords(
        promise, value.removesuffix(unit), f"p95 {judged.removesuffix(unit)}" if judged else light.detail, short
    )


def _few(light: PromiseLight) -> str:
    """Why nothing is said of a promise where the report has a sentence for it, which is too long here."""
    if light.count < PROMISE_CALLS_MIN:
        return f"{light.count} of {PROMISE_CALLS_MIN} answers"
    return "one model only"


def _promise(light: PromiseLight) -> str:
    name = _NAMES[light.name]
    match light.name:
        case PromiseName.SMALL_RESIDENT:
            return name
        case PromiseName.SAVED:
            return f"{_limit(light)} {name}"
    return f"{name} < {_limit(light)}"


def _limit(light: PromiseLight) -> str:
    match light.name:
        case PromiseName.MEMORY:
            return size(light.limit * MEGABYTE)
        case PromiseName.SAVED | PromiseName.SMALL_RESIDENT:
            return percent(light.limit)
    return f"{light.limit * 1000:g} ms" if light.limit < 1 else f"{light.limit:g} s"


def _amount(light: PromiseLight, value: float) -> str:
    match light.name:
        case PromiseName.MEMORY:
            return size(value * MEGABYTE)
        case PromiseName.SAVED | PromiseName.SMALL_RESIDENT:
            return percent(value)
    # In the unit of its promise, as long as that is a number of four digits.
    return f"{round(value * 1000)} ms" if light.limit < 1 and value < _MS_END_S else duration(value)


def use_words(use: ModelActivity, now: float) -> dict[str, str]:
    """What a model did, by the headings of a table; what is not known is empty.

    Args:
        use: over a range.
        now: the present, in seconds since the epoch.
    """
    return {
        "since": "" if use.since is None else when(use.since, now),
        "memory": "" if use.memory_bytes is None else size(use.memory_bytes),
        "cpu": "" if use.cpu_percent is None else f"{use.cpu_percent:.0f} %",
        "gpu": "" if use.gpu_share is None else percent(use.gpu_share),
        "busy": "" if use.busy is None else percent(use.busy),
        "calls": count(use.calls),
        "failed": count(use.failed),
        "reloads": count(use.reloads),
        "tok/s": "" if use.tokens_per_second is None else speed(use.tokens_per_second),
        "first": "" if use.first_text_ms is None else duration(use.first_text_ms / 1000),
        "breaker": use.breaker,
    }


def speed(tokens_per_second: float) -> str:
    """A number of tokens a second without its unit: `41.6`, `1.2k`; at most as wide as a count."""
    return f"{tokens_per_second:.1f}" if tokens_per_second < 1000 else count(tokens_per_second)  # noqa: PLR2004  (k)


def role_word(use: ModelActivity) -> str:
    """What a model is for, in a word: `chat`, `task`, `both`; empty where it is for nothing."""
    words = [_ROLES[role] for role in use.roles]
    return "both" if len(words) > 1 else "".join(words)


def use_note(use: ModelActivity) -> str:
    """What is not known of a model that is in memory, and why: `qwen3:14b: memory not told by Ollama; cpu not known, it
    runs on another machine`; empty where all is."""
    if not use.resident or not use.reason:
        return ""
    told = "" if use.memory_bytes is not None else f"memory not told by {server_name(use.ref.backend)}"
    seen = "" if use.cpu_percent is not None else f"cpu not known, {clean_line(use.reason)}"
    missing = "; ".join(filter(None, (told, seen)))
    return f"{clean_line(use.ref.model, NAME_LIMIT)}: {missing}" if missing else ""
