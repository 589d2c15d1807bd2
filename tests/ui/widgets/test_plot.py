"""Plots: what is drawn is what was given, at every size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from tale_tui.formatting.symbols import ASCII, UNICODE
from tale_tui.ui.theming import VARIABLE_DEFAULTS
from tale_tui.ui.widgets.plot import PlotData, PlotSeries, PlotView, draw_plot, plot_columns
from tale_tui.ui.widgets.plot_marks import (
    EIGHTHS,
    LABELS_UP_TO,
    line_quarters,
    merged,
    row_scale,
    scale_step,
    stacked,
    time_ticks,
)
from tale_tui.ui.widgets.tabs import tab_words

NOON = 1_794_139_200.0
"""2026-11-08 12:00 UTC, a Sunday."""
SCALE_CELLS = 7
tokens = st.one_of(st.none(), st.integers(0, 2_000_000).map(float))


@pytest.fixture(autouse=True)
def _in_utc(in_utc: None) -> None:
    """Moments are told in UTC."""


def plot(*values: tuple[float | None, ...], piece_s: float = 1800.0, **more: Any) -> PlotData:
    """As many series as there are values; the last piece ends at noon."""
    count = max(map(len, values), default=0)
    edges = tuple(NOON - (count - place) * piece_s for place in range(count + 1)) if count else ()
    looks = (("small", "$ux", 1), ("large", "$task", 0), ("others", "$muted", 2))
    series = tuple(
        PlotSeries(name, one, colour, fill) for one, (name, colour, fill) in zip(values, looks, strict=False)
    )
    return PlotData("tokens", edges, series, **{"now": NOON - 1, "bars": True, "counted": True, **more})


def body(data: PlotData, width: int, height: int) -> list[str]:
    """The rows of the plot itself, from the bottom up, without their scale."""
    return [line[SCALE_CELLS:] for line in draw_plot(data, width, height).plain.split("\n")[1:-2]][::-1]


def heights(rows: list[str], slot: int) -> list[int]:
    """How high each bar is, in eighths of a cell."""
    signs = {sign: place + 1 for place, sign in enumerate(UNICODE.heights)}
    signs |= dict.fromkeys(UNICODE.fills, EIGHTHS)
    return [sum(signs.get(row[column], 0) for row in rows) for column in range(0, len(rows[0]), slot)]


@given(st.lists(st.tuples(tokens, tokens, tokens), min_size=1, max_size=90), st.integers(30, 200), st.integers(5, 40))
def test_the_bars_sum_to_what_is_shown(given_bars: list[Any], width: int, height: int) -> None:
    values = tuple(zip(*given_bars, strict=True))
    data, columns = plot(*values), plot_columns(width)
    bars = list(zip(*merged(values, columns), strict=True))
    whole = sum(value or 0 for bar in given_bars for value in bar)
    assert sum(value or 0 for bar in bars for value in bar) == whole
    rows = body(data, width, height)
    largest = max(sum(value or 0 for value in bar) for bar in bars)
    step, _ = row_scale(largest, len(rows), 1.0)
    found = heights(rows, max(columns // len(bars), 1))[: len(bars)]
    for bar, eighths in zip(bars, found, strict=True):
        total = sum(value or 0 for value in bar)
        # What has a texture has whole cells: its last one is rounded.
        assert abs(eighths - total / step * EIGHTHS) <= EIGHTHS / 2 + 1
        assert (eighths > 0) == (total > 0)


@given(st.lists(tokens, min_size=1, max_size=5), st.integers(1, 30))
def test_a_stack_is_as_high_as_its_sum_and_each_part_has_its_share(values: list[float | None], rows: int) -> None:
    whole = sum(value or 0 for value in values)
    step = scale_step(whole, rows, 1.0)
    cells = stacked(values, step)
    assert len(cells) <= rows
    assert all(filled == EIGHTHS for _, filled in cells[:-1])
    if whole:
        assert abs(sum(filled for _, filled in cells) - whole / step * EIGHTHS) <= 1
    assert [series for series, _ in cells] == sorted(series for series, _ in cells)
    for place, value in enumerate(values):
        share = sum(filled for series, filled in cells if series == place) / EIGHTHS
        assert abs(share - (value or 0) / step) <= 1.2


@given(st.floats(0.0001, 1e12), st.integers(1, 60))
def test_a_scale_holds_the_largest_and_wastes_less_than_half(largest: float, rows: int) -> None:
    step = scale_step(largest, rows)
    assert step * rows >= largest * (1 - 1e-6)
    assert step <= largest / rows * 1.5 + 1e-12
    row, every = row_scale(largest, rows)
    assert row * rows >= largest * (1 - 1e-6)
    assert rows // every <= LABELS_UP_TO


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=1, max_size=120), st.integers(4, 120))
def test_a_gap_stays_a_gap(values: list[float | None], columns: int) -> None:
    cells = line_quarters(values, columns, 5, 20.0)
    for column in range(columns):
        for half in (0, 1):
            first = (column * 2 + half) * len(values) // (columns * 2)
            last = max((column * 2 + half + 1) * len(values) // (columns * 2), first + 1)
            known = any(value is not None for value in values[first:last])
            assert any(row[column] & (0b0101 << half) for row in cells) == known


def test_a_line_stands_where_its_value_is() -> None:
    assert line_quarters([0.0, 10.0], 2, 2, 5.0) == [[0b1100, 0b0101], [0, 0b0111]]


@pytest.mark.parametrize("signs", [UNICODE, ASCII], ids=["utf8", "ascii"])
@given(width=st.integers(30, 220), height=st.integers(5, 60), bars=st.booleans(), count=st.integers(0, 200))
def test_every_size_is_filled_and_none_is_overfull(signs: Any, width: int, height: int, bars: bool, count: int) -> None:
    values = tuple(None if place % 7 == 3 else float(place % 11) for place in range(count))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tale_tui.ui.widgets.plot.signs", lambda: signs)
        shown = draw_plot(plot(values, bars=bars, promise=8.0, last="11.2k"), width, height)
    lines = shown.plain.split("\n")
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert "11.2k" in lines[0]
    if signs is ASCII:
        assert shown.plain.isascii()


def test_the_promise_is_a_thin_line_behind_what_is_drawn() -> None:
    data = plot((1.0, 1.0, 4.0, None, 1.0), bars=False, counted=False, promise=4.0)
    top = body(data, 40, 7)[-1]
    assert UNICODE.promise in top
    assert any(sign in UNICODE.quadrants.strip() for sign in top)


def test_the_last_value_is_written_and_the_series_are_named_with_their_signs() -> None:
    heading = draw_plot(plot((1.0,), (2.0,), last="11.2k"), 80, 8).plain.split("\n")[0]
    assert heading.split() == ["tokens", "█", "large", "▒", "small", "11.2k"]


def test_more_than_three_series_are_refused() -> None:
    with pytest.raises(ValueError, match="4 series"):
        PlotData("tokens", (0.0, 1.0), (PlotSeries("a", (1.0,), "$ux"),) * 4)


def test_a_series_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one value for each piece"):
        PlotData("tokens", (0.0, 1.0), (PlotSeries("a", (1.0, 2.0), "$ux"),))


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (1, ["11:00", "11:10", "11:20", "11:30", "11:40", "11:50", "now"]),
        (6, ["6:00", "7:00", "8:00", "9:00", "10:00", "11:00", "now"]),
        (24, ["Sat 12:00", "15:00", "18:00", "21:00", "Sun 0:00", "3:00", "6:00", "9:00", "now"]),
        (7 * 24, ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "now"]),
        (30 * 24, ["16 Oct", "23 Oct", "30 Oct", "now"]),
        (90 * 24, ["24 Aug", "7 Sep", "21 Sep", "5 Oct", "19 Oct", "now"]),
    ],
)
def test_moments_are_those_of_the_users_clock(hours: int, labels: list[str]) -> None:
    begin, end = NOON - hours * 3600, NOON
    ticks = time_ticks(begin, end, NOON, 100, lambda moment: int((moment - begin) / (end - begin) * 100))
    shown = [tick.label for tick in ticks]
    assert shown == labels


@given(st.floats(600, 90 * 86_400), st.integers(20, 200), st.floats(0, 1))
def test_no_moment_stands_over_another(span: float, columns: int, share: float) -> None:
    begin = NOON - span * share
    ticks = time_ticks(begin, begin + span, NOON, columns, lambda moment: int((moment - begin) / span * columns))
    taken: set[int] = set()
    for tick in ticks:
        start = max(tick.column - 2, 0) if tick.label == "now" else tick.column
        cells = set(range(start, start + len(tick.label)))
        assert not cells & taken
        taken |= cells
    assert not taken or max(taken) < max(columns, 3)


async def test_it_is_painted_in_the_colours_of_the_theme() -> None:
    class Alone(App[None]):
        def get_theme_variable_defaults(self) -> dict[str, str]:
            return {**VARIABLE_DEFAULTS, "ux": "#010203", "task": "#040506"}

        def compose(self) -> ComposeResult:
            yield PlotView()

    app = Alone()
    async with app.run_test(size=(40, 8)) as pilot:
        view = app.query_one(PlotView)
        view.data = plot((3.0, 1.0), (0.0, 8.0))
        await pilot.pause()
        colours = {
            segment.style.color.name
            for y in range(view.size.height)
            for segment in view.render_line(y)
            if segment.text.strip() and segment.style is not None and segment.style.color is not None
        }
    assert {"#010203", "#040506"} <= colours


async def test_a_note_of_the_same_words_in_other_styles_is_painted_anew() -> None:
    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield PlotView()

        def get_css_variables(self) -> dict[str, str]:
            return {**super().get_css_variables(), **VARIABLE_DEFAULTS}

    app = Alone()
    async with app.run_test(size=(40, 8)) as pilot:
        view = app.query_one(PlotView)
        for chosen in ("1h", "1d"):
            view.note = tab_words(("1h", "1d"), chosen, "screen.range")
            await pilot.pause()
            bold = "".join(part.text for part in view.render_line(0) if part.style and part.style.bold)
            assert bold == chosen
