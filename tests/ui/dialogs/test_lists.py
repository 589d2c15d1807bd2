"""The list that all dialogs choose from, and the last line with its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from tale_tui.domain.models import Progress
from tale_tui.formatting.units import bar
from tale_tui.ui.widgets.key_bar import KeyLine
from tale_tui.ui.widgets.pick_list import Measures, PickList, PickRow, row_segments, wrapped
from tale_tui.ui.widgets.progress_gauge import ProgressGauge

ROWS = [
    PickRow("", "First"),
    PickRow("a", "Alpha", ("1 turn", "14:02"), "●", "ux"),
    PickRow("b", "Beta", ("12 turns", "Tue"), "○", "task", detail="said of \ue000beta\ue001 once"),
    PickRow("", "Second", ("away",), "!", "warning", detail="It does not answer. " * 3),
    PickRow("c", "Gamma", ("3 turns", "now")),
]


class Listing(ModalScreen[str]):
    """A list alone."""

    def __init__(self, rows: list[PickRow], **options: str) -> None:
        super().__init__()
        self.picks = PickList(rows, **options)
        self.heard: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.picks

    def on_pick_list_chosen(self, event: PickList.Chosen) -> None:
        self.heard.append(event.key)

    def on_pick_list_moved(self, event: PickList.Moved) -> None:
        self.heard.append((event.key,))


def no_tone(name: str) -> Style:
    return Style.null()


def line(row: PickRow, width: int, rows: list[PickRow] | None = None, words: str = "", *, chosen: bool = False) -> str:
    measures = Measures.of(rows or [row], words)
    return "".join(part.text for part in row_segments(row, "", width, measures, no_tone, chosen=chosen))


def test_columns_stand_below_each_other_at_the_right() -> None:
    lines = [line(row, 50, ROWS) for row in ROWS if row.key]
    assert {text.index("turn") + len("turn") for text in lines if "turns" not in text} == {lines[0].index("turn") + 4}
    assert {cell_len(text.rstrip()) for text in lines} == {49}


def test_a_narrow_list_keeps_the_most_important_column() -> None:
    text = line(ROWS[1], 34, ROWS)
    assert "14:02" in text
    assert "turn" not in text
    assert "14:02" not in line(ROWS[1], 20, ROWS)


@given(st.text(), st.lists(st.text(max_size=12), max_size=4), st.integers(0, 120), st.text(max_size=3), st.booleans())
def test_a_row_is_never_wider_than_the_list(title: str, cells: list[str], width: int, words: str, chosen: bool) -> None:
    row = PickRow("k", title, tuple(cells), "●", detail=title)
    assert cell_len(line(row, width, words=words, chosen=chosen)) <= max(width, 5)
    heading = PickRow("", title, tuple(cells), "●")
    assert cell_len(line(heading, width)) <= max(width, 4)


@given(st.text(max_size=3000), st.integers(0, 120))
def test_a_sentence_takes_few_lines(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert len(lines) <= 4
    assert all(cell_len(part) <= max(width - 3, 10) for part in lines)


@pytest.mark.parametrize(
    ("words", "found"), [("al", ["Al"]), ("a ph", ["A", "ph"]), ("al alp", ["Al"]), ("z", []), ("", [])]
)
def test_what_was_searched_for_stands_out(words: str, found: list[str]) -> None:
    def tone(name: str) -> Style:
        return Style(bold=True) if name == "match" else Style.null()

    row = PickRow("a", "Alpha")
    parts = row_segments(row, "", 40, Measures.of([row], words), tone, chosen=False)
    assert [part.text for part in parts if part.style and part.style.bold] == found


async def test_headings_are_passed_over(show: Any) -> None:
    screen = Listing(ROWS)
    async with show(screen) as shown:
        await shown.window.press("up", "down", "j", "down", "k", "end", "home", "pagedown", "pageup", "enter")
        assert screen.heard == [("b",), ("c",), ("b",), ("c",), ("a",), ("c",), ("a",), "a"]


async def test_the_chosen_row_is_always_seen(show: Any) -> None:
    rows = [PickRow(str(number), f"Row {number}") for number in range(200)]
    screen = Listing(rows, chosen="150")
    async with show(screen, size=(40, 8)) as shown:
        assert "▎ Row 150" in shown.text
        for keys, seen in ((["end"], "▎ Row 199"), (["home"], "▎ Row 0"), (["pagedown"], "▎ Row ")):
            await shown.window.press(*keys)
            await shown.window.until(lambda seen=seen: seen in shown.text, seen)


async def test_rows_can_change_and_the_choice_stays(show: Any) -> None:
    screen = Listing(ROWS, chosen="b", empty="Nothing here.")
    async with show(screen) as shown:
        screen.picks.show([ROWS[4], ROWS[2]])
        assert screen.picks.row == ROWS[2]
        screen.picks.show([ROWS[4]])
        assert screen.picks.row == ROWS[4]
        screen.picks.show([])
        assert screen.picks.row is None
        await shown.window.until(lambda: "Nothing here." in shown.text, "what is said of nothing")
        await shown.window.press("up", "down", "end", "home", "pagedown", "enter")
        assert [key for key in screen.heard if isinstance(key, str)] == []


async def test_details_are_wrapped_under_headings_and_cut_under_rows(show: Any) -> None:
    screen = Listing(ROWS)
    async with show(screen, size=(40, 20)) as shown:
        assert "said of beta once" in shown.text
        assert " ".join(shown.text.split()).count("It does not answer.") == 3
        await shown.window.pilot.resize_terminal(80, 20)
        await shown.window.until(lambda: screen.picks.virtual_size.height == 7, "fewer lines")


async def test_a_detail_can_be_clicked_and_nothing_else_below(show: Any) -> None:
    screen = Listing(ROWS)
    async with show(screen, size=(40, 20)) as shown:
        await shown.window.pilot.click(PickList, offset=(5, 3))
        await shown.window.pilot.hover(PickList, offset=(5, 1))
        assert screen.picks.hovered == 1
        await shown.window.pilot.click(None, offset=(5, 19))
        await shown.window.pilot.pause()
        assert [key for key in screen.heard if isinstance(key, str)] == ["b"]


async def test_a_reversed_cursor_has_no_patches_of_colour(show: Any) -> None:
    screen = Listing(ROWS)
    async with show(screen) as shown:
        shown.window.app.theme = "terminal"
        await shown.window.pilot.pause()
        strip = screen.picks.render_line(1)
        assert "Alpha" in strip.text
        assert len({segment.style for segment in strip}) == 1


class Keys(ModalScreen[None]):
    """Some keys, one of which leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back"),
        Binding("ctrl+n,f3", "new", "new"),
        Binding("x", "hidden", "hidden", show=False),
        Binding("f2", "rename", "rename", key_display="F2"),
    ]

    def compose(self) -> ComposeResult:
        yield KeyLine("open")

    def action_leave(self) -> None:
        self.dismiss(None)


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (80, "enter open   ctrl+n new   F2 rename   esc back"),
        (36, "enter open   ctrl+n new   esc back"),
        (22, "enter open   esc back"),
        (12, "esc back"),
    ],
)
async def test_the_key_that_leaves_never_gives_way(show: Any, width: int, expected: str) -> None:
    async with show(Keys(), size=(width, 5)) as shown:
        assert shown.text == expected


@pytest.mark.parametrize(
    ("width", "cells", "numbers"),
    [
        (80, 36, "   46 MB of 93 MB   50 %  about 10 s left"),
        (40, 16, "   46 MB of 93 MB   50 %"),
        (24, 0, " 46 MB of 93 MB   50 %"),
    ],
)
async def test_progress_keeps_its_numbers(show: Any, width: int, cells: int, numbers: str) -> None:
    class Fetching(ModalScreen[None]):
        def compose(self) -> ComposeResult:
            yield line

    expected = bar(0.5, cells) + numbers
    ticks = iter((0.0, *[10.0] * 1000))
    clock: Callable[[], float] = lambda: next(ticks)  # noqa: E731
    line = ProgressGauge(clock)
    async with show(Fetching(), size=(width, 5)) as shown:
        assert "Asking for it" in shown.text
        line.progress = Progress("Fetching", 500, None)
        await shown.window.until(lambda: "500 B so far" in shown.text, "bytes without a whole")
        line.progress = Progress("Fetching", 0, 92_871_040)
        line.progress = Progress("Fetching", 46_435_520, 92_871_040)
        await shown.window.until(lambda: expected in shown.text, expected)
        line.restart()
        await shown.window.until(lambda: "Asking for it" in shown.text, "forgotten")
