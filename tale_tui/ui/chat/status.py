"""What the lines around the transcript say of what is going on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tale_tui.domain.models import BackendName, Progress, RoleState, RoleStatus
from tale_tui.domain.text import clean, clean_line
from tale_tui.formatting.units import key_name, percent, size
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.widgets.banner import Banner
from tale_tui.ui.widgets.composer import QueueList, Waiting
from tale_tui.ui.widgets.empty_state import EmptyState
from tale_tui.ui.widgets.status_line import KeyHint, ModelShown, ModelState, StatusLine

_STATES: dict[RoleState, ModelState] = {
    RoleState.UNSET: "unset",
    RoleState.IDLE: "idle",
    RoleState.LOADING: "loading",
    RoleState.READY: "ready",
    RoleState.AWAY: "away",
    RoleState.FAILED: "failed",
}

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


def model_banner(status: RoleStatus, key_of: Callable[[str], str], *, starter: bool) -> Banner | None:
    """What to say above the prompt about a role that cannot answer; None where it can.

    Args:
        status: of the role that answers.
        key_of: the key that a binding id has now; empty for none.
        starter: whether the starter model can be had, here or by fetching it.
    """
    retry, choose = KeyHint(key_of("chat.go_on"), "try again"), KeyHint(key_of("chat.models"), "choose another")
    small = (KeyHint(key_of("chat.starter"), "use the starter"),) if starter and not status.demo else ()
    match status.state:
        case RoleState.UNSET:
            first = KeyHint(key_of("chat.models"), "choose a model")
            fetch = KeyHint(key_of("chat.starter"), "fetch the starter, 93 MB")
            return Banner(NO_MODEL, (first, fetch, KeyHint(key_of("chat.go_on"), "look again")), "warning")
        case RoleState.AWAY:
            return Banner(clean(status.detail) or "The model does not answer.", (retry, choose, *small), "warning")
        case RoleState.FAILED:
            return Banner(clean(status.detail) or "The model does not work.", (retry, choose, *small), "error")
    return None


def download_banner(progress: Progress, stop_key: str) -> Banner:
    """How far a download is."""
    share = progress.done / progress.total if progress.total else 0.0
    numbers = (
        f"{size(progress.done)} of {size(progress.total)}, {percent(share)}" if progress.total else size(progress.done)
    )
    return Banner(f"{clean_line(progress.label)}  {numbers}", (KeyHint(stop_key, "stop"),), share=min(share, 1.0))


@dataclass(frozen=True, slots=True)
class ChatState:
    """What decides which keys matter."""

    engine: bool = True
    """There is an engine."""
    in_prompt: bool = True
    busy: bool = False
    """A reply is on its way, in this window or in another one."""
    writing: bool = False
    """It is this window that can stop it."""
    waiting: bool = False
    """Something waits in the queue."""
    resumable: bool = False
    """The last reply broke off."""
    editing: bool = False
    completing: bool = False
    other: str = ""
    """What the key for both ways would make of what is written, or of the last turn."""
    cut_off: bool = False
    """Tasks were cut off, and the user is asked about them."""


def hints(state: ChatState, keys: Mapping[str, str]) -> tuple[KeyHint, ...]:
    """The keys that matter now, the most wanted first and the one for help last.

    Args:
        state: what is going on.
        keys: binding id -> key, of what can be done now.
    """
    if not state.in_prompt:
        wanted = [
            ("transcript.copy", "copy"),
            ("transcript.regenerate", "ask again"),
            ("transcript.fork", "fork"),
            ("chat.back", "prompt"),
            ("app.help_outside", "help"),
        ]
    elif state.completing:
        wanted = [("prompt.send", "run"), ("prompt.complete", "take"), ("chat.back", "close"), ("app.help", "help")]
    else:
        wanted = [("prompt.send", "queue" if state.busy else "send")]
        if state.other and not state.editing:
            wanted.append(("chat.other_way", state.other))
        if state.resumable and not state.editing:
            wanted.append(("chat.go_on", "go on"))
        if state.writing:
            wanted.append(("chat.back", "stop"))
        elif state.editing:
            wanted.append(("chat.back", "leave it"))
        elif state.waiting:
            wanted.append(("chat.back", "take back"))
        wanted += [("chat.turns", "turns"), ("app.help", "help")]
    return tuple(KeyHint(keys[name], label) for name, label in wanted if name in keys)


def beginnings(keys: Mapping[str, str]) -> tuple[KeyHint, ...]:
    """What can be done in an empty conversation besides writing; `keys` as for `hints`."""
    wanted = (
        ("chat.sessions", "earlier conversations"),
        ("chat.models", "another model"),
        ("app.tasks", "all tasks"),
        ("app.palette", "all commands"),
        ("app.help", "all keys"),
    )
    return tuple(KeyHint(keys[name], label) for name, label in wanted if name in keys)


def queue_hint(state: ChatState, keys: Mapping[str, str]) -> str:
    """What can be done with the messages that wait; `keys` as for `hints`."""
    back, send = key_name(keys.get("chat.back", "")), key_name(keys.get("prompt.send", ""))
    if not state.engine:
        return f"goes as soon as it can   {back} take back"
    if state.busy:
        return f"{back} {back} take back" if state.writing else f"{back} take back"
    return f"{send} send   {back} take back"


class ChatStatus:
    """Shows what waits and which keys matter.

    Args:
        screen: whose keys are shown.
        empty: stands where the transcript is empty.
        queue: what waits.
        line: the last line.
    """

    def __init__(self, screen: BaseScreen, empty: EmptyState, queue: QueueList, line: StatusLine) -> None:
        self._screen = screen
        self._empty = empty
        self._queue = queue
        self._line = line
        self._shown: tuple[ChatState, bool] | None = None

    def show(self, state: ChatState, waiting: tuple[Waiting, ...], *, empty: bool) -> None:
        """Look at everything again; what did not change costs nothing.

        Args:
            state: what is going on.
            waiting: the messages that wait.
            empty: whether there is no message yet.
        """
        self._queue.waiting = waiting
        self._empty.display = empty
        if (state, empty) != self._shown and self._screen.is_current:
            self._shown = state, empty
            keys = self._screen.keys()
            self._line.keys = hints(state, keys)
            if empty:
                self._empty.keys = beginnings(keys)
            if waiting:
                self._queue.hint = queue_hint(state, keys)
