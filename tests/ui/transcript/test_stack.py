"""Turns one above the other: places that stay what they are while heights are found out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.domain.conversation import Author, Message
from tale_tui.ui.transcript.header import FrameTime
from tale_tui.ui.transcript.layout import TOP, ScrollPosition, TurnLayout
from tale_tui.ui.transcript.turn import RenderContext, TurnBlock

NOW = 1_786_284_120.0


def turn(number: int, text: str) -> TurnBlock:
    return TurnBlock(Message(f"u{number}", "s", None, Author.USER, text, NOW))


def setting(width: int) -> RenderContext:
    return RenderContext(width, lambda: FrameTime(NOW, 0.0))


def stack_of(*texts: str) -> TurnLayout:
    stack = TurnLayout()
    stack.use(setting(40))
    for number, text in enumerate(texts):
        stack.add(turn(number, text))
    return stack


def test_an_empty_stack() -> None:
    stack = stack_of()
    assert (stack.height, stack.top(TOP), stack.place(5), stack.bottom(10), stack.fill(TOP, 9)) == (0, 0, TOP, TOP, TOP)
    assert stack.move(TOP, 3) == TOP
    assert stack.within(TOP) == TOP
    assert stack.mark(TOP) is None


def test_heights_are_estimates_until_turns_are_set() -> None:
    stack = stack_of("word " * 100, "short", "a\n" * 10)
    guessed = stack.height
    heights = [stack.lay(number).height for number in range(3)]
    assert stack.height == sum(heights)
    assert abs(guessed - sum(heights)) < 8


def test_find_add_and_cut() -> None:
    stack = stack_of("a", "b", "c")
    assert (stack.find("u2"), stack.find("nobody"), stack.find(None)) == (2, None, None)
    stack.cut(1)
    assert (len(stack), stack.find("u2"), stack.find("u0")) == (1, None, 0)
    stack.add(turn(9, "d"))
    assert stack.find("u9") == 1
    assert stack.height == sum(stack.lay(number).height for number in range(2))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.lists(st.integers(-40, 40), max_size=12))
def test_moving_is_the_same_as_counting_lines(sizes: list[int], moves: list[int]) -> None:
    stack = stack_of(*("line\n" * (size - 1) + "line" for size in sizes))
    known = stack_of(*("line\n" * (size - 1) + "line" for size in sizes))
    for number in range(len(sizes)):
        known.lay(number)
    place, line = TOP, 0
    for step in moves:
        place = stack.move(place, step)
        line = min(max(line + step, 0), known.height - 1)
        assert known.top(place) == line
        assert known.place(line) == place


def test_the_bottom_is_where_the_last_line_is_the_last_of_the_screen() -> None:
    stack = stack_of(*["one\ntwo\nthree"] * 10)
    top = stack.bottom(12)
    assert stack.top(top) + 12 == stack.top(ScrollPosition(9)) + stack.turns[9].height
    assert stack.bottom(10_000) == TOP
    assert stack.fill(ScrollPosition(9, 2), 12) == top
    assert stack.fill(ScrollPosition(3, 1), 12) == ScrollPosition(3, 1)


def test_a_mark_finds_its_words_at_another_width() -> None:
    words = " ".join(f"word{number}" for number in range(100))
    stack = stack_of(words)
    stack.lay(0)
    mark = stack.mark(ScrollPosition(0, 5))
    assert mark is not None
    word = stack.turns[0].line(5)[1].text.split()[0]
    stack.use(setting(23))
    _, line = stack.turns[0].line(stack.found(mark).line)
    assert word in line.text


def test_a_place_below_the_end_of_its_turn_is_its_last_line() -> None:
    stack = stack_of("one", "two")
    assert stack.within(ScrollPosition(0, 99)) == ScrollPosition(0, stack.turns[0].height - 1)
