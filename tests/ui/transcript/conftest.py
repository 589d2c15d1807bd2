"""A transcript on an otherwise empty screen, its clock in the hands of the test."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Input

from support.window import Window
from tale_tui.domain.conversation import Author, Message, MessageState, Session, Transcript
from tale_tui.domain.models import BackendName, ModelRef, Usage
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.formatting.symbols import signs
from tale_tui.ui.theming import VARIABLE_DEFAULTS
from tale_tui.ui.transcript.parts import LiveFigures
from tale_tui.ui.transcript.view import TranscriptView

NOW = 1_786_284_120.0
REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
BIG = ModelRef(BackendName.OLLAMA, "qwen3:14b")
USAGE = Usage(412, 118, 0, 310.0, None, 3400.0, 38.2)


@pytest.fixture(autouse=True)
def utc_and_unicode(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signs and times that do not depend on what runs the tests."""
    from tale_tui.formatting.symbols import UNICODE

    monkeypatch.setattr("tale_tui.formatting.symbols.choose_signs", lambda wanted, encoding: UNICODE)
    monkeypatch.setattr("time.localtime", time.gmtime)
    signs.cache_clear()
    yield
    signs.cache_clear()


def user(number: int | str, text: str, **fields: Any) -> Message:
    return Message(f"u{number}", "s", None, Author.USER, text, NOW - 600, **fields)


def reply(number: int | str, text: str, **fields: Any) -> Message:
    fields = {"ref": REF, "usage": USAGE, **fields}
    return Message(f"a{number}", "s", None, Author.ASSISTANT, text, NOW - 600, **fields)


def growing(number: int | str, text: str = "", **fields: Any) -> Message:
    return reply(number, text, state=MessageState.STREAMING, usage=None, **fields)


def task(state: str, shown: str = "k4t9", **fields: Any) -> Task:
    fields = {"ref": BIG, "p": 0.93, "message_id": f"card {shown}", **fields}
    return Task(shown * 5, shown, f"Title of {shown}", TaskState(state), NOW - 600, NOW, **fields)


def card(one: Task, text: str = "", **fields: Any) -> Message:
    made = reply(0, text, task_id=one.id, usage=None, ref=BIG if text else None, **fields)
    return replace(made, id=one.message_id or "")


def conversation(*messages: Message, **fields: Any) -> Transcript:
    return Transcript(Session("s", "A talk", NOW, NOW), messages, **fields)


@dataclass
class ManualClock:
    """A clock that goes when it is told to."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Stage(App[None]):
    CSS = "TranscriptView { height: 1fr; } Input { dock: bottom; height: 3; }"

    def __init__(self, view: TranscriptView) -> None:
        super().__init__()
        self.view = view
        self.heard: list[Any] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        yield self.view
        yield Input()

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_transcript_view_action_requested(self, event: TranscriptView.ActionRequested) -> None:
        self.heard.append((event.kind, event.message_id, event.text))

    def on_transcript_view_task_action_requested(self, event: TranscriptView.TaskActionRequested) -> None:
        self.heard.append((event.kind, event.task_id, event.opened))

    def on_transcript_view_reclassify_requested(self, event: TranscriptView.ReclassifyRequested) -> None:
        self.heard.append(("reclassify", event.message_id))

    def on_turn_scroll_view_link_chosen(self, event: TranscriptView.LinkChosen) -> None:
        self.heard.append(event.url)

    def on_transcript_view_left_bottom(self, event: TranscriptView.LeftBottom) -> None:
        self.heard.append("left")


@dataclass
class Scene:
    """A transcript on the screen."""

    window: Window
    clock: ManualClock

    @property
    def view(self) -> TranscriptView:
        return self.window.app.view  # type: ignore[no-any-return]

    @property
    def heard(self) -> list[Any]:
        return self.window.app.heard  # type: ignore[no-any-return]

    @property
    def strips(self) -> list[Strip]:
        """What is on the screen, line by line, with its colours."""
        return self.view.render_lines(Region(0, 0, *self.view.size))

    @property
    def lines(self) -> list[str]:
        """The same as text, without blanks at the ends."""
        return [strip.text.rstrip() for strip in self.strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def line_of(self, words: str) -> int:
        """The line of the screen that has these words."""
        return next(number for number, line in enumerate(self.lines) if words in line)

    def column_of(self, words: str) -> int:
        return self.lines[self.line_of(words)].index(words)

    async def click(self, words: str, *, times: int = 1) -> None:
        """Click at the first character of some words."""
        offset = (self.column_of(words), self.line_of(words))
        await self.window.pilot.click(self.view, offset=offset, times=times)

    async def drag(self, start: str, end: str) -> None:
        """Press the mouse at the first character of some words, let go at the first of others."""
        await self.window.pilot.mouse_down(self.view, offset=(self.column_of(start), self.line_of(start)))
        await self.window.pilot.hover(self.view, offset=(self.column_of(end), self.line_of(end)))
        await self.window.pilot.mouse_up(self.view, offset=(self.column_of(end), self.line_of(end)))
        await self.window.pilot.pause()

    def hurry(self) -> None:
        """Bring the screen up to date without waiting for its time."""
        self.view.throttle.run()
        self.view.refresh_headers()


SceneMaker = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def stage() -> SceneMaker:
    """Opens a screen with a transcript; takes messages, `size`, what `TranscriptView` and what `Transcript` take."""

    @asynccontextmanager
    async def opened(
        *messages: Message, size: tuple[int, int] = (80, 24), empty: str = "", focus: bool = False, **fields: Any
    ) -> AsyncIterator[Scene]:
        clock = ManualClock()
        view = TranscriptView(empty=empty, clock=lambda: NOW, monotonic=clock)
        app = Stage(view)
        async with app.run_test(size=size) as pilot:
            scene = Scene(Window(app, pilot), clock)
            if messages:
                view.load(conversation(*messages, **fields))
            if focus:
                view.focus()
            await pilot.pause()
            yield scene

    return opened


@pytest.fixture
def make() -> Any:
    """Makes messages: `user`, `reply`, `growing`, `card`; and `task`, `LiveFigures`, `replace`."""

    class Make:
        pass

    made = Make()
    for thing in (user, reply, growing, task, card, conversation, replace):
        setattr(made, thing.__name__, thing)
    made.Live = LiveFigures  # type: ignore[attr-defined]
    made.usage, made.now = USAGE, NOW  # type: ignore[attr-defined]
    return made
