"""The first screen: rows that keep their places, in every size, and lead somewhere."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from tale_tui.ui.widgets.empty_state import EXAMPLES, EmptyRow, EmptyState

ASKING = tuple(EmptyRow(f"task{number}", f"Task {number}", "approve 14 steps", "?") for number in range(5))
RECENT = (EmptyRow("session1", "Fibonacci and friends, told at length 漢字 " * 4, "14:02"),)


class Stage(App[None]):
    CSS = "EmptyState { height: 1fr; width: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.empty = EmptyState()
        self.heard: list[tuple[str, str]] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"muted": "#7b8088"}

    def compose(self) -> ComposeResult:
        yield self.empty

    def on_empty_state_row_chosen(self, event: EmptyState.RowChosen) -> None:
        self.heard.append((event.kind, event.key))

    def lines(self) -> list[str]:
        return [
            "".join(segment.text for segment in self.empty.render_line(y)).rstrip()
            for y in range(self.empty.size.height)
        ]

    def place(self, words: str) -> int:
        return next(number for number, line in enumerate(self.lines()) if words in line)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_what_is_read_later_moves_nothing(size: tuple[int, int]) -> None:
    app = Stage()
    async with app.run_test(size=size) as pilot:
        before = [app.place(words) for words in ("a message", "a task", "Needs you", "Last conversations")]
        for asking, recent in ((), ()), (ASKING[:1], RECENT), (ASKING, RECENT * 3):
            app.empty.asking, app.empty.recent = asking, recent
            await pilot.pause()
            assert [app.place(words) for words in ("a message", "a task", "Needs you", "Last conversations")] == before
        app.empty.styles.height = size[1] - 8
        await pilot.pause()
        assert [app.place(words) for words in ("a message", "a task", "Needs you", "Last conversations")] == before
        assert "and 3 more" in app.lines()[before[2]]
        assert app.lines()[before[2] + 1].strip().startswith("? Task 0")
        assert app.lines()[before[2] + 1].endswith("approve 14 steps")
        assert app.lines()[before[3] + 1].endswith("14:02")


@pytest.mark.parametrize("size", [(20, 5), (20, 13), (40, 18), (60, 22), (80, 25)])
async def test_with_little_room_whole_parts_go(size: tuple[int, int]) -> None:
    app = Stage()
    async with app.run_test(size=size) as pilot:
        app.empty.asking, app.empty.recent = ASKING, RECENT
        await pilot.pause()
        assert "Write below" in "\n".join(app.lines())
        shown = "\n".join(app.lines())
        assert ("a task" in shown) == (size[1] >= 13)
        assert ("Needs you" in shown) == (size[1] >= 18)
        assert ("Last conversations" in shown) == (size[1] >= 22)


async def test_a_row_leads_where_it_says() -> None:
    app = Stage()
    async with app.run_test(size=(80, 24)) as pilot:
        app.empty.asking, app.empty.recent = ASKING, RECENT
        await pilot.pause()
        for words, leads in (
            ("a task", ("example", EXAMPLES[1][1])),
            ("Task 1", ("task", "task1")),
            ("Fibonacci and friends", ("session", "session1")),
        ):
            await pilot.click(EmptyState, offset=(10, app.place(words)))
            assert app.heard[-1] == leads
        await pilot.click(EmptyState, offset=(10, app.place("Needs you")))
        assert len(app.heard) == 3
