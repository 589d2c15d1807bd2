"""`dashboard`: what it says, writes and refuses."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from support.calls import LARGE, NOON, SMALL, new_call
from tale_tui.cli.metrics.dashboard import LiveDashboard
from tale_tui.domain.models import Role
from tale_tui.domain.samples import (
    SAMPLED_FIGURES,
    DashboardReport,
    Figure,
    MetricSeries,
    ModelActivity,
    PromiseLight,
    PromiseName,
    PromiseState,
    Sample,
    SeriesPoint,
    SlotState,
)


def point(value: float, count: int = 1) -> SeriesPoint:
    return SeriesPoint(count, value, value, value, value, value)


REPORT = DashboardReport(
    NOON - 180,
    NOON,
    60.0,
    (SlotState.RECORDED, SlotState.GAP, SlotState.RECORDED),
    (
        MetricSeries(Figure.FIRST_TEXT, "", (point(310.0, 3), None, point(350.0)), 350.0),
        MetricSeries(Figure.MODELS_MEMORY, "", (point(4900.0), None, None), 4900.0),
        MetricSeries(Figure.SWITCH, "", (None, None, None)),
        MetricSeries(Figure.TOKENS, str(LARGE), (point(1200.0), None, point(15.0)), 15.0),
    ),
    (
        PromiseLight(
            PromiseName.CHAT, PromiseState.MET, 1.0, 412, 0.31, 0.62, "chat under 1 s", "p95 0.62 s of 412 replies"
        ),
        PromiseLight(PromiseName.SWITCH, PromiseState.BROKEN, 0.5, 5, 0.81, 0.81, "switch under 500 ms", "p95 0.81 s"),
        PromiseLight(PromiseName.SAVED, PromiseState.UNKNOWN, 0.6, 3, None, None, "60 % saved", "3 of 5 answers"),
    ),
    (
        ModelActivity(
            SMALL, (Role.UX,), True, NOON - 3600, 4_900_000_000, 1.0, 12.0, 0.11, 412, 0, 0, 74_100, 41.6, 280.0,
            "closed",
        ),
        ModelActivity(LARGE, (Role.TASK,), reason="it runs on another machine"),
    ),
    Sample(NOON - 8, NOON - 3, figures=(None,) * len(SAMPLED_FIGURES)),
    calls=443,
    total_tokens=184_200,
)  # fmt: skip


@pytest.fixture
def measured(engine: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    engine.shown = REPORT
    monkeypatch.setattr(time, "time", lambda: NOON)
    return engine


def test_people_see_lights_models_and_figures(cli: Any, measured: Any) -> None:
    result = cli("dashboard")
    assert result.code == 0
    assert "443 calls, 184k tokens" in result.out
    lines = result.out.splitlines()
    for words in (
        ("✓", "chat under 1 s", "0.31 s", "p95 0.62 s of 412 replies"),
        ("✗", "switch under 500 ms", "810 ms"),
        ("·", "60 % saved", "3 of 5 answers"),
        ("ux", str(SMALL), "4.9 GB", "100 %", "11 %", "412", "closed"),
        ("task", str(LARGE), "no", "it runs on another machine"),
        ("first text", "0.35 s", "0.32 s", "0.31 s"),
        ("memory, models", "4.9 GB"),
    ):
        assert any(all(word in line for word in words) for line in lines), words
    assert "switch  " not in result.out, "what was never measured has no line"


def test_json_is_one_line_in_which_what_is_not_known_is_null(cli: Any, measured: Any) -> None:
    result = cli("dashboard", "--json")
    data = json.loads(result.out)
    assert (result.code, result.out.count("\n"), result.err) == (0, 1, "")
    assert (data["calls"], data["total_tokens"], data["age_s"], data["slot_s"]) == (443, 184_200, 3.0, 60.0)
    assert [light["state"] for light in data["promises"]] == ["met", "broken", "unknown"]
    assert data["promises"][2]["value"] is None
    assert data["models"][1]["memory_bytes"] is None
    assert data["figures"]["first_text_ms"] == {
        "last": 350.0, "count": 4, "mean": 320.0, "smallest": 310.0, "largest": 350.0,
    }  # fmt: skip
    assert data["figures"]["switch_ms"]["mean"] is None
    assert [slot["state"] for slot in data["slots"]] == ["recorded", "gap", "recorded"]
    assert data["slots"][1]["first_text_ms"] is None
    assert sum(slot[f"tokens {LARGE}"] for slot in data["slots"]) == 1215


def test_csv_has_a_line_for_each_part(cli: Any, measured: Any, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("dashboard", "--csv").out)))
    assert [row["first_text_ms"] for row in rows] == ["310.0", "", "350.0"]
    file = tmp_path / "parts.csv"
    assert cli("dashboard", "--output", str(file)).code == 0
    assert list(csv.DictReader(io.StringIO(file.read_text()))) == rows
    again = cli("dashboard", "--output", str(file))
    assert (again.code, again.out) == (2, "")
    assert cli("dashboard", "--output", str(file), "--force").code == 0


def test_the_range_and_the_model_are_asked_for(cli: Any, measured: Any) -> None:
    cli("dashboard", "--since", "7d", "--model", " qwen3:14b ")
    assert ("dashboard", 604_800.0, "qwen3:14b") in measured.calls


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "yesterweek"), "no time"),
        (("--live", "--json"), "--live"),
        (("--output", "/nowhere/at/all.json"), "/nowhere"),
        (("--output", "file"), "--json or --csv"),
    ],
)
def test_what_cannot_be_is_one_sentence(cli: Any, measured: Any, words: tuple[str, ...], said: str) -> None:
    result = cli("dashboard", *words)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def test_without_an_engine_it_says_how_old_the_samples_are_and_how_to_start_one(
    cli: Any, measured: Any, connection: Any
) -> None:
    connection.runs = False
    result = cli("dashboard")
    assert result.code == 0
    assert "resident, as servers say: " in result.out
    assert "No engine runs: the last sample is 3 s old. To start one: tale-tui" in result.err
    measured.shown = DashboardReport(NOON - 180, NOON, 60.0)
    assert "nothing was measured yet" in cli("dashboard").err


async def test_a_pipe_gets_a_line_when_something_changed(measured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    view = LiveDashboard(3600.0, "")
    await view.look(measured)
    await view.look(measured)
    [line] = capsys.readouterr().out.splitlines()
    assert "443 calls 184k tok  ✓ chat under 1 s 0.31 s  ✗ switch under 500 ms 810 ms  · 60 % saved" in line
    measured.shown = DashboardReport(NOON - 180, NOON, 60.0)
    await view.look(measured)
    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith("0 calls 0 tok")


async def test_a_terminal_is_written_over_by_as_many_lines(
    measured: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    view = LiveDashboard(3600.0, "")
    await view.look(measured)
    lines = len(capsys.readouterr().out.splitlines())
    measured.shown = DashboardReport(NOON - 180, NOON, 60.0)
    await view.look(measured)
    assert capsys.readouterr().out.startswith(f"\x1b[{lines}F\x1b[J")


def test_days_are_compared_with_those_before(cli: Any, measured: Any) -> None:
    yesterday = time.time() - 90_000
    measured.rows = [
        new_call(timestamp=at, prompt_tokens=10, completion_tokens=10) for at in (yesterday, yesterday + 88_000)
    ]
    assert "than the day before: tokens +0 %, calls +0 %" in cli("dashboard", "--since", "1d").out
    assert "the day before" not in cli("dashboard", "--since", "6h").out
