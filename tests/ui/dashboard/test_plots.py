"""What was measured, as plots: gaps stay gaps, rates are means of their time, no more than three colours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.dashboard import BIG, SMALL, busy, point, series
from support.screen_app import NOW
from tale_tui.domain.samples import Figure, SlotState
from tale_tui.ui.dashboard.plot_grid import PLOTS, PlotChoice
from tale_tui.ui.dashboard.plots import plots_of, scale_label
from tale_tui.ui.widgets.plot import SERIES_MAX, draw_plot

FIRST, RATE, WAITING, MEMORY, PROCESSOR, TOKENS = range(6)


def test_there_is_a_plot_for_each_name() -> None:
    assert len(plots_of(busy(), NOW, 30)) == len(PLOTS)


def test_a_time_of_which_nothing_is_known_is_a_gap_in_every_line_and_in_the_axis() -> None:
    report = busy()
    for place, plot in enumerate(plots_of(report, NOW, len(report.slots))):
        for one in plot.series:
            known = [value is not None for value in one.values]
            assert not any(known[8:12]), PLOTS[place]
        assert plot.known[8:12] == ("gap",) * 4
        assert plot.known[20:26] == ("idle",) * 6


def test_idle_time_has_a_thin_axis_and_a_gap_none() -> None:
    report = busy()
    axis = draw_plot(plots_of(report, NOW, 60)[MEMORY], 67, 10).plain.splitlines()[-2][7:]
    assert axis[8:12] == "    "
    assert set(axis[20:26]) <= {"┈", "┬"}
    assert set(axis[40:60]) <= {"─", "┬"}


def test_the_promise_is_the_line_and_the_last_value_is_written() -> None:
    plots = plots_of(busy(), NOW, 30)
    assert (plots[FIRST].promise, plots[MEMORY].promise, plots[RATE].promise) == (1.0, 30.0, None)
    assert [plot.last for plot in plots[:5]] == ["0.32 s", "37.6", "2", "11 GB", "77 %"]


def test_what_is_read_off_a_large_plot_is_the_middle_and_the_tail() -> None:
    large = plots_of(busy(), NOW, 100, large=True)[FIRST]
    assert [one.name for one in large.series] == ["p95", "p50"]
    tail, middle = (one.values for one in large.series)
    assert all(low is None or low < high for low, high in zip(middle, tail, strict=True) if high is not None)


def test_what_is_of_one_model_has_the_colour_of_its_role() -> None:
    assert [plot.series[0].colour for plot in plots_of(busy(), NOW, 30)[:2]] == ["$ux", "$foreground 60%"]
    assert [plot.series[0].colour for plot in plots_of(busy(model=BIG), NOW, 30)[:2]] == ["$task", "$task"]


def test_of_many_models_those_of_no_role_are_one_colour() -> None:
    report = busy()
    others = tuple(series(Figure.TOKENS, [60.0] * 60, f"ollama/other{number}") for number in range(4))
    bars = plots_of(replace(report, series=(*report.series, *others)), NOW, 60)[TOKENS]
    assert [(one.name, one.colour) for one in bars.series] == [
        ("others", "$muted"), ("qwen2.5:7b", "$ux"), ("qwen3:14b", "$task"),
    ]  # fmt: skip
    assert bars.series[0].values[0] == pytest.approx(240.0)
    assert len(bars.series) <= SERIES_MAX


counts = st.one_of(st.none(), st.integers(0, 5000))


@given(st.lists(counts, min_size=1, max_size=150), st.integers(1, 160), st.sampled_from([15.0, 60.0, 3600.0]))
def test_the_tokens_of_the_bars_are_those_of_the_range(values: list[Any], columns: int, slot_s: float) -> None:
    points = tuple(None if value is None else point(float(value), 3) for value in values)
    report = replace(
        busy(), slots=(SlotState.RECORDED,) * len(values), slot_s=slot_s,
        series=(replace(series(Figure.TOKENS, [], SMALL), points=points),),
    )  # fmt: skip
    plot = plots_of(report, NOW, columns)[TOKENS]
    assert len(plot.edges) - 1 <= columns
    minutes = [(end - begin) / 60 for begin, end in zip(plot.edges, plot.edges[1:], strict=False)]
    total = sum((value or 0.0) * length for value, length in zip(plot.series[0].values, minutes, strict=True))
    assert total == pytest.approx(3 * sum(value or 0 for value in values))


@given(st.floats(0.001, 1e9))
def test_a_number_of_the_scale_fits(value: float) -> None:
    assert len(scale_label(float(f"{value:.2g}"))) <= 5


def test_where_two_are_seen_the_last_chosen_is_at_the_right() -> None:
    choice = PlotChoice()
    assert choice.seen(narrow=True) == (0, 1)
    choice = choice.choose(4, narrow=True)
    assert choice.seen(narrow=True) == (1, 4)
    assert choice.choose(4, narrow=True) == choice
    assert choice.seen(narrow=False) == (0, 1, 2, 3, 4, 5)
    assert choice.choose(2, narrow=False).seen(narrow=False) == (2,)
