"""What the lines around the transcript say of what is going on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tale_tui.domain.errors import EngineLost
from tale_tui.formatting.units import key_name
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.widgets.composer import QueueList, Waiting
from tale_tui.ui.widgets.empty_state import EmptyState
from tale_tui.ui.widgets.status_line import KeyHint, StatusLine, key_hints

if TYPE_CHECKING:
    from tale_tui.engine.api import EngineApi

SPEED_EVERY_S = 1.0
"""How fast models write now is asked for so often, while something is written."""


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
    finding: bool = False
    """Words are looked for."""
    typing_words: bool = False
    """They are being typed."""
    empty: bool = False
    """There is no message yet."""
    cut_off: bool = False
    """Tasks were cut off, and the user is asked about them."""


_PLACES = (
    ("chat.sessions", "open"),
    ("app.tasks", "tasks"),
    ("app.palette", "commands"),
    ("chat.models", "models"),
)
"""Where the keys of an empty conversation lead."""


def hints(state: ChatState, keys: Mapping[str, str]) -> tuple[KeyHint, ...]:
    """The keys that matter now, the most wanted first and the one for help last.

    Args:
        state: what is going on.
        keys: binding id -> key, of what can be done now.
    """
    if state.finding and not state.in_prompt:
        names = ("find.next", "find.previous") if state.typing_words else ("chat.find_next", "chat.find_previous")
        wanted = [(names[0], "next"), ("chat.back", "close"), (names[1], "before"), ("app.help", "help")]
    elif not state.in_prompt:
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
        # Where there are no turns yet, the keys lead to what there is already.
        wanted += list(_PLACES) if state.empty else [("chat.turns", "turns")]
        wanted.append(("app.help", "help"))
    return key_hints(wanted, keys)


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
        self._shown: ChatState | None = None

    def show(self, state: ChatState, waiting: tuple[Waiting, ...]) -> None:
        """Look at everything again; what did not change costs nothing.

        Args:
            state: what is going on.
            waiting: the messages that wait.
        """
        self._queue.waiting = waiting
        self._empty.display = state.empty
        if state != self._shown and self._screen.is_current:
            self._shown = state
            keys = self._screen.keys()
            self._line.keys = hints(state, keys)
            if waiting:
                self._queue.hint = queue_hint(state, keys)


class SpeedMeter:
    """Says how fast models write now: asks once a second while something is written, and only then.

    Args:
        screen: has the timer and the worker; nothing is asked for while it is not in front.
        engine: is asked.
        line: shows it.
        busy: whether a reply is on its way.
    """

    def __init__(self, screen: BaseScreen, engine: EngineApi, line: StatusLine, busy: Callable[[], bool]) -> None:
        self._screen = screen
        self._engine = engine
        self._line = line
        self._busy = busy
        self._timer = screen.set_interval(SPEED_EVERY_S, self._look)

    def stop(self) -> None:
        """Another engine is there, or none."""
        self._timer.stop()
        self._line.speed = None

    def _look(self) -> None:
        if not self._screen.is_current:
            return
        if self._busy() or self._line.tasks.running:
            self._screen.spawn(self._read, group="speed", exclusive=True)
        else:
            self._line.speed = None

    async def _read(self) -> None:
        try:
            self._line.speed = (await self._engine.metrics.activity()).tokens_per_second
        except EngineLost:  # the bridge says so
            self._line.speed = None
