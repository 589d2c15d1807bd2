"""The chip at the prompt, as it is painted."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from tale_tui.ui.theming import VARIABLE_DEFAULTS
from tale_tui.ui.widgets.chip import NARROW, WIDE, Chip, ChipShown

TASK = ChipShown("task", 0.934, model="qwen3:14b", expected_s=70)


class Host(App[None]):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.chip = Chip()
        self.chip.styles.width = width
        self.chip.styles.height = 1

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        yield self.chip


async def painted(shown: ChipShown | None, width: int) -> str:
    host = Host(width)
    async with host.run_test() as pilot:
        host.chip.display = True
        host.chip.shown = shown
        await pilot.pause()
        lines: Any = host.chip.render_lines(Region(0, 0, width, 1))
        return str(lines[0].text)


@pytest.mark.parametrize(
    ("shown", "narrow", "wide"),
    [
        (TASK, "task .93", "task .93 → qwen3:14b, about 1:10"),
        (ChipShown("task", 0.999, model="qwen3:14b"), "task .99", "task .99 → qwen3:14b"),
        (ChipShown("task", 0.71), "task .71", "task .71"),
        (ChipShown("ask", 0.52, key="f8"), "ask .52", "ask .52   f8 a task"),
        (ChipShown("chat", 0.97, key="f8"), "chat .97", "chat .97   f8 task"),
        (ChipShown("task", 1.0, True, "qwen3:14b", 70.0), "task set", "task set → qwen3:14b, about 1:10"),
        (ChipShown("chat", 1.0, True), "chat set", "chat set"),
        (None, "", ""),
    ],
)
async def test_it_says_what_will_become_of_the_message(
    shown: ChipShown | None, narrow: str, wide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tale_tui.formatting.symbols import UNICODE

    monkeypatch.setattr("tale_tui.ui.widgets.chip.signs", lambda: UNICODE)
    assert await painted(shown, NARROW) == narrow.rjust(NARROW)
    assert await painted(shown, WIDE) == wide.rjust(WIDE)


async def test_a_long_name_gives_way_to_the_time() -> None:
    shown = ChipShown("task", 0.93, model="a-model-with-a-very-long-name:70b-instruct-q4", expected_s=725)
    text = await painted(shown, WIDE)
    assert text.endswith(", about 12:05")
    assert len(text) == WIDE
