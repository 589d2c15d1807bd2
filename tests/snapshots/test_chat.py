"""The chat, empty and with a conversation, in every size and theme."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.conversation import View
from tale_tui.engine.models.scripted import Pause, Say, Script

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
THEMES = sorted(file.stem for file in (Path(__file__).parents[2] / "themes").glob("*.toml"))

REPLY = '''## Two ways

Keep the last two numbers and go on from there; the loop needs *no* memory to speak of:

```python
def fib(n: int) -> int:
    """The n-th Fibonacci number, n >= 0."""
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
```

| way | additions for `fib(30)` | memory |
|---|---:|---|
| definition | 1,346,268 | 30 calls |
| loop | 30 | two numbers |

1. Take the **loop** for one number.
2. Take [functools.cache](https://docs.python.org/3/library/functools.html) for many:
   - it keeps every result,
   - so the second call costs nothing.

> A number that is kept need not be counted again.'''


def reply(text: str, first_s: float = 0.31) -> Script:
    half = len(text) // 2
    steps = (Pause(first_s), Say(text[:half]), Pause(2.0), Say(text[half:]))
    return Script(steps, prompt_tokens=38, completion_tokens=164)


@pytest.fixture
def talked(tell: Callable[..., Awaitable[str]]) -> dict[str, Any]:
    """A conversation of two turns, the second one a minute later; the first token of its reply took long."""

    async def before(engine: Any, clock: Any) -> None:
        session = await tell(engine, "Can you write a Python function to calculate the Fibonacci sequence?")
        clock.turn(90)
        await tell(engine, "And which of them would you take?", session)

    answers = [reply(REPLY), reply("The loop, unless many numbers are wanted.", first_s=1.4)]
    return {"before": before, "session": "id01", "answers": answers, "act": shown}


async def shown(window: Any) -> None:
    await window.shows("The loop, unless")
    await window.rest()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_empty(looks_as_before: Any, size: tuple[int, int]) -> None:
    assert looks_as_before(size=size)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_conversation(looks_as_before: Any, talked: dict[str, Any], size: tuple[int, int]) -> None:
    assert looks_as_before(**talked, size=size)


def test_a_conversation_by_day(looks_as_before: Any, talked: dict[str, Any]) -> None:
    assert looks_as_before(**talked, theme="tale-light")


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme(looks_as_before: Any, talked: dict[str, Any], theme: str) -> None:
    async def chosen(window: Any) -> None:
        await shown(window)
        await window.press("shift+tab", "up", "up")

    assert looks_as_before(**{**talked, "act": chosen}, theme=theme, size=SIZES["80x24"])


@pytest.mark.parametrize("size", [(20, 5), (40, 10)], ids=["20x5", "40x10"])
def test_a_small_terminal(looks_as_before: Any, talked: dict[str, Any], size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await window.shows("numbers")
        await window.rest()

    assert looks_as_before(**{**talked, "act": act}, size=size)


def test_a_terminal_without_signs(
    looks_as_before: Any, talked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALE_ASCII", "1")
    assert looks_as_before(**talked, size=SIZES["80x24"])


def test_where_it_was_left(looks_as_before: Any, talked: dict[str, Any]) -> None:
    """Scrolled up, with a draft in the prompt, and more below."""

    async def before(engine: Any, clock: Any) -> None:
        await talked["before"](engine, clock)
        first = (await engine.sessions.transcript("id01")).messages[1]
        await engine.sessions.save_view("id01", View(first.id, 4, "Write tests for it too.\nWith hypothesis, please."))

    async def act(window: Any) -> None:
        await window.shows("Write tests", "def fib")
        await window.rest()

    assert looks_as_before(**{**talked, "before": before, "act": act}, size=SIZES["80x24"])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_words_are_found(looks_as_before: Any, talked: dict[str, Any], size: tuple[int, int]) -> None:
    async def act(window: Any) -> None:
        await shown(window)
        await window.press("ctrl+f", *"numbers", "enter")
        await window.shows("of 2")

    assert looks_as_before(**{**talked, "act": act}, size=size)
