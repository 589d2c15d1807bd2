"""The lines of the dashboard: promises, models, tasks, alerts, at every width."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from support import tasks as fake_tasks
from support.dashboard import alerts, busy, uses
from support.screen_app import NOW
from tale_tui.domain.samples import DashboardReport
from tale_tui.ui.dashboard.alert_lines import alert_lines
from tale_tui.ui.dashboard.lights import ONE_LINE_BELOW, Light, LightState, light_columns, light_line
from tale_tui.ui.dashboard.model_table import table_lines
from tale_tui.ui.dashboard.view import is_empty, lights_of, notes_of, rows_of
from tale_tui.ui.dashboard.work_lines import work_lines

widths = st.integers(1, 220)


def fits(lines: list[Content], width: int) -> bool:
    """Whether no line is wider than there is room for."""
    return all(line.cell_length <= width for line in lines)


@given(st.integers(ONE_LINE_BELOW, 220))
def test_lights_fit_and_stand_below_their_words(width: int) -> None:
    above, below = light_columns(lights_of(busy(), NOW), width).split("\n")
    assert above.rstrip().cell_length <= width
    assert below.rstrip().cell_length <= width
    assert above.plain.index("switch") == below.plain.index("620")
    assert "…" not in above.plain + below.plain


@given(widths)
def test_of_one_line_of_lights_the_broken_one_stays_longest(width: int) -> None:
    line = light_line(lights_of(busy(), NOW), width)
    assert line.cell_length <= max(width, 1)
    if "chat" in line.plain:
        assert "✗ switch 810 ms" in line.plain


def test_every_light_has_a_sign_besides_its_colour() -> None:
    signs = {light_line([Light(state, "p", short="s")], 20).plain.strip()[0] for state in LightState}
    assert signs == {"✓", "✗", "·"}


@given(widths)
def test_the_table_of_models_fits_and_its_figures_end_at_the_same_cells(width: int) -> None:
    rows = rows_of(busy(), {}, NOW, working=True)
    lines = table_lines(rows, ("a note",), width)
    if width >= 30:
        assert fits(lines, width)
    assert len({line.cell_length for line in lines[:-1]}) == 1


def test_what_nobody_knows_of_a_model_is_a_dash_with_the_reason() -> None:
    small, big = uses()
    unknown = replace(big, memory_bytes=None, cpu_percent=None, busy=None, reason="it runs on another machine")
    report = replace(busy(), models=(small, unknown))
    *_, line = table_lines(rows_of(report, {}, NOW, working=False), (), 120)
    assert line.plain.split()[4:8] == ["–", "–", "68", "%"]
    note = "qwen3:14b: memory not told by Ollama; cpu not known, it runs on another machine"
    assert notes_of(report) == (note,)
    away = replace(report, models=(small, replace(unknown, resident=False)))
    assert notes_of(away) == (), "what is not in memory has none"


@given(widths, st.integers(1, 3), st.integers(0, 9))
def test_tasks_fit_and_those_without_room_are_counted(width: int, height: int, number: int) -> None:
    tasks = [
        fake_tasks.task(f"a{place}", "Fibonacci function" * 4, "running", running_since_ago=42, expected_s=72.0)
        for place in range(number)
    ]
    lines = work_lines(tasks, width, height, NOW)
    assert len(lines) <= height
    shown = sum(line.plain.count("◐") for line in lines) if width >= 60 else None
    if shown is not None and number:
        places = height * (2 if width >= 116 else 1)
        assert shown == (number if number <= places else places - 1)
        assert fits(lines, width)
        if number > places:
            assert f"and {number - shown} more task" in lines[-1].plain


def test_a_task_is_told_as_in_the_list() -> None:
    one = next(task for task in fake_tasks.some().all.values() if task.shown == "k4t9")
    [line] = work_lines([one], 80, 1, NOW)
    assert line.plain.split() == ["◐", "k4t9", "Fibonacci", "function", "1/3", "write", "▰▰▰▰▰▱▱▱", "0:42", "~0:30"]


@given(widths)
def test_alerts_fit_in_a_line_each(width: int) -> None:
    lines = alert_lines(alerts(), width, 2, NOW)
    assert len(lines) == 2
    if width >= 40:
        assert fits(lines, width)


def test_alerts_say_how_they_are_and_how_many_are_not_shown() -> None:
    switch, slower = alerts()
    over = replace(switch, ended=NOW - 120)
    first, second = alert_lines([over, slower, switch, switch], 200, 2, NOW)
    assert first.plain.startswith(" ✓ 14:01")
    assert first.plain.endswith("Well again: 14:00.")
    assert second.plain.startswith(" ! 13:20")
    assert second.plain.endswith("and 2 more alerts")


def test_nothing_is_empty_but_what_was_not_recorded_at_all() -> None:
    assert not is_empty(busy())
    assert is_empty(DashboardReport(0.0, 60.0, 60.0))
    assert not is_empty(DashboardReport(0.0, 60.0, 60.0, calls=1))


@pytest.mark.parametrize("working", [True, False])
def test_the_model_of_tasks_is_at_work_while_one_runs(working: bool) -> None:
    _, big = rows_of(busy(), {}, NOW, working=working)
    assert big.state == ("working" if working else "resident")
