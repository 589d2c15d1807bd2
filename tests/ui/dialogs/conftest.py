"""An application that shows one dialog and keeps its result."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.screen import Screen
from textual.widget import Widget

from support.window import Window
from tale_tui.ui.theming import VARIABLE_DEFAULTS, load_themes, theme_folders

NOW = 1_786_284_120.0
"""Sunday 9 August 2026, 14:02 UTC."""
CORPUS = json.loads((Path(__file__).parents[2] / "data" / "hostile-text.json").read_text(encoding="utf-8"))


class Host(App[None]):
    """Shows one screen over an empty one."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self) -> None:
        super().__init__()
        for theme in load_themes(theme_folders())[0]:
            self.register_theme(theme)
        self.theme = "tale-dark"
        self.results: list[Any] = []
        self.copied: list[str] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def copy_to_clipboard(self, text: str) -> None:
        self.copied.append(text)


@dataclass
class Shown:
    """A dialog on the screen."""

    window: Window
    screen: Screen[Any]

    @property
    def results(self) -> list[Any]:
        return self.window.app.results  # type: ignore[no-any-return]

    async def type(self, text: str) -> None:
        await self.window.press(*(" " if char == " " else char for char in text))

    @property
    def text(self) -> str:
        """What can be read on the topmost screen, line by line, widget by widget."""
        return "\n".join(painted(widget) for widget in self.window.app.screen.walk_children(Widget) if seen(widget))

    async def next(self, screen: Screen[Any]) -> None:
        """Show another dialog in the same application."""
        self.results.clear()
        await self.window.app.push_screen(screen, self.window.app.results.append)
        await self.window.pilot.pause()

    async def result(self) -> Any:
        """The result, as soon as there is one."""
        await self.window.until(lambda: self.results, "a result")
        return self.results[-1]


def seen(widget: Widget) -> bool:
    return not list(widget.children) and all(node.display for node in widget.ancestors_with_self if node is not None)


def painted(widget: Widget) -> str:
    """The characters of a widget, as they are painted."""
    return "\n".join(strip.text.rstrip() for strip in widget.render_lines(widget.outer_size.region))


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same times and signs everywhere."""
    from tale_tui.formatting.symbols import UNICODE, signs

    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TALE_ASCII", "")
    monkeypatch.setattr("tale_tui.formatting.symbols.choose_signs", lambda wanted, encoding: UNICODE)
    signs.cache_clear()
    time.tzset()
    yield
    monkeypatch.undo()
    signs.cache_clear()
    time.tzset()


Show = Callable[..., AbstractAsyncContextManager[Shown]]


@pytest.fixture
def show() -> Show:
    """Shows a screen: `async with show(Dialog(...)) as shown`."""

    @asynccontextmanager
    async def showing(screen: Screen[Any], size: tuple[int, int] = (100, 30)) -> AsyncIterator[Shown]:
        app = Host()
        async with app.run_test(size=size) as pilot:
            await app.push_screen(screen, app.results.append)
            await pilot.pause()
            yield Shown(Window(app, pilot), screen)

    return showing


@pytest.fixture
def now() -> float:
    return NOW


@pytest.fixture
def harmless() -> Callable[[str], bool]:
    """Whether nothing in a text could be obeyed by a terminal."""
    return lambda text: not any((ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0 for char in text)


@pytest.fixture
def hostile() -> str:
    """All that is hostile, in one text, each in a line of its own."""
    return "\n".join(text for group in CORPUS.values() for text in group.values())


@pytest.fixture
def hostile_texts() -> list[str]:
    """The same by kind, and what is worst of it alone, so that nothing hides behind a neighbour."""
    alone = [CORPUS["terminal"][name] for name in ("OSC52", "surrogate")]
    alone += [CORPUS["markup"][name] for name in ("closing tag", "action link")]
    return ["\n".join(group.values()) for group in CORPUS.values()] + alone
