"""Turns one above the other: places that stay what they are while heights are found out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.domain.conversation import Author, Message
from tale_tui.ui.transcript.layout import TOP, ScrollPosition, TurnLayout
from tale_tui.ui.transcript.parts import FrameTime
from tale_tui.ui.transcript.turn import RenderContext, TurnBlock

NOW = 1_786_284_120.0


def turn(number: int, text: str) -> TurnBlock:
    return TurnBlock(Message(f"u{number}", "s", None, Author.USER, text, NOW))


def context(width: int) -> RenderContext:
    return RenderContext(width, lambda: FrameTime(NOW, 0.0))


def layout_of(*texts: str) -> TurnLayout:
    layout = TurnLayout()
    layout.set_context(context(40))
    for number, text in enumerate(texts):
        layout.add(turn(number, text))
    return layout


def test_an_empty_layout() -> None:
    layout = layout_of()
    assert (layout.height, layout.lines_above(TOP)) == (0, 0)
    assert [layout.position_at(5), layout.bottom(10), layout.fill(TOP, 9)] == [TOP] * 3
    assert layout.move(TOP, 3) == TOP
    assert layout.clamped(TOP) == TOP
    assert layout.anchor_at(TOP) is None


def test_heights_are_estimates_until_turns_are_set() -> None:
    layout = layout_of("word " * 100, "short", "a\n" * 10)
    guessed = layout.height
    heights = [layout.laid_out(number).height for number in range(3)]
    assert layout.height == sum(heights)
    assert abs(guessed - sum(heights)) < 8


def test_find_add_and_cut() -> None:
    layout = layout_of("a", "b", "c")
    assert (layout.find("u2"), layout.find("nobody"), layout.find(None)) == (2, None, None)
    layout.cut(1)
    assert (len(layout.turns), layout.find("u2"), layout.find("u0")) == (1, None, 0)
    layout.add(turn(9, "d"))
    assert layout.find("u9") == 1
    assert layout.height == sum(layout.laid_out(number).height for number in range(2))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.lists(st.integers(-40, 40), max_size=12))
def test_moving_is_the_same_as_counting_lines(sizes: list[int], moves: list[int]) -> None:
    layout = layout_of(*("line\n" * (size - 1) + "line" for size in sizes))
    known = layout_of(*("line\n" * (size - 1) + "line" for size in sizes))
    for number in range(len(sizes)):
        known.laid_out(number)
    place, line = TOP, 0
    for step in moves:
        place = layout.move(place, step)
        line = min(max(line + step, 0), known.height - 1)
        assert known.lines_above(place) == line
        assert known.position_at(line) == place


def test_the_bottom_is_where_the_last_line_is_the_last_of_the_screen() -> None:
    layout = layout_of(*["one\ntwo\nthree"] * 10)
    top = layout.bottom(12)
    assert layout.lines_above(top) + 12 == layout.lines_above(ScrollPosition(9)) + layout.turns[9].height
    assert layout.bottom(10_000) == TOP
    assert layout.fill(ScrollPosition(9, 2), 12) == top
    assert layout.fill(ScrollPosition(3, 1), 12) == ScrollPosition(3, 1)


def test_an_anchor_finds_its_words_at_another_width() -> None:
    words = " ".join(f"word{number}" for number in range(100))
    layout = layout_of(words)
    layout.laid_out(0)
    anchor = layout.anchor_at(ScrollPosition(0, 5))
    assert anchor is not None
    word = layout.turns[0].line(5)[1].text.split()[0]
    layout.set_context(context(23))
    _, line = layout.turns[0].line(layout.position_of(anchor).line)
    assert word in line.text


def test_a_place_below_the_end_of_its_turn_is_its_last_line() -> None:
    layout = layout_of("one", "two")
    assert layout.clamped(ScrollPosition(0, 99)) == ScrollPosition(0, layout.turns[0].height - 1)
