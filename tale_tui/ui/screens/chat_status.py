"""What the lines around the transcript say: plain functions of what is known."""

from __future__ import annotations

from collections.abc import Callable

from tale_tui.engine.text import clean, clean_line
from tale_tui.engine.types import BackendName, Progress, RoleState, RoleStatus
from tale_tui.ui.widgets.notice_bar import Standing
from tale_tui.ui.widgets.status_line import KeyHint, ModelShown, ModelState
from tale_tui.ui.words import percent, size

_STATES: dict[RoleState, ModelState] = {
    RoleState.UNSET: "unset",
    RoleState.IDLE: "idle",
    RoleState.LOADING: "loading",
    RoleState.READY: "ready",
    RoleState.AWAY: "away",
    RoleState.FAILED: "failed",
}

KeyOf = Callable[[str], str]
"""The key that a binding id has now; empty for none."""

NO_MODEL = "There is no model yet. What you send is kept and can be asked again when there is one."
_STARTER = "It is often wrong. Better: Ollama, `ollama pull qwen2.5:7b`, then /model."
_SCRIPTED = "The answers were written beforehand. Without --demo a model is asked."


def model_shown(status: RoleStatus) -> ModelShown:
    """A role as the last line shows it; while a model is looked for it is starting."""
    if status.state is RoleState.LOADING and status.ref is None:
        return ModelShown("starting")
    name = clean_line(status.ref.model) if status.ref is not None else ""
    return ModelShown(_STATES[status.state], name, status.demo, status.loading_since)


def about_demo(status: RoleStatus) -> str:
    """What to say of a model that is a demo: what it is, and how to get a better one."""
    scripted = status.ref is not None and status.ref.backend is BackendName.SCRIPTED
    return _SCRIPTED if scripted else _STARTER


def standing(status: RoleStatus, key_of: KeyOf, *, starter: bool) -> Standing | None:
    """What to say above the prompt about a role that cannot answer; None where it can.

    Args:
        status: of the role that answers.
        key_of: the keys.
        starter: whether the starter model can be had, here or by fetching it.
    """
    retry, choose = KeyHint(key_of("chat.go_on"), "try again"), KeyHint(key_of("chat.models"), "choose another")
    small = (KeyHint(key_of("chat.starter"), "use the starter"),) if starter and not status.demo else ()
    match status.state:
        case RoleState.UNSET:
            first = KeyHint(key_of("chat.models"), "choose a model")
            fetch = KeyHint(key_of("chat.starter"), "fetch the starter, 93 MB")
            return Standing(NO_MODEL, (first, fetch, KeyHint(key_of("chat.go_on"), "look again")), "warning")
        case RoleState.AWAY:
            return Standing(clean(status.detail) or "The model does not answer.", (retry, choose, *small), "warning")
        case RoleState.FAILED:
            return Standing(clean(status.detail) or "The model does not work.", (retry, choose, *small), "error")
    return None


def on_its_way(progress: Progress, stop_key: str) -> Standing:
    """How far a download is."""
    share = progress.done / progress.total if progress.total else 0.0
    numbers = (
        f"{size(progress.done)} of {size(progress.total)}, {percent(share)}" if progress.total else size(progress.done)
    )
    return Standing(f"{clean_line(progress.label)}  {numbers}", (KeyHint(stop_key, "stop"),), share=min(share, 1.0))
