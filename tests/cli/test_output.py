"""Tables and progress: aligned, never wider than the terminal."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.cli import output
from tale_tui.cli.output import Column, ProgressLine, cut, echo_json, echo_table, width
from tale_tui.domain.models import Progress


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(output, "ANIMATION_INTERVAL_S", 0.0)


@given(st.text(st.characters(categories=("L", "N", "Zs"))), st.integers(0, 30))
def test_a_cut_text_fits(text: str, cells: int) -> None:
    shown = cut(text, cells)
    assert width(shown) <= cells
    assert shown == text or cells == 0 or shown[-1] in "…~"


@pytest.mark.parametrize("columns", [5, 8, 12, 20, 40, 80])
def test_no_line_is_wider_than_the_terminal(
    terminal: None, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    echo_table(
        (Column("id"), Column("title", gives=True), Column("count", right=True)),
        [("abcd", "日本語のとても長いタイトル", "12"), ("efgh", "short", "1")],
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(width(line) <= columns for line in lines)
    assert all(line.startswith(begin) for line, begin in zip(lines, ("id", "abcd", "efgh"), strict=True))


def test_in_a_pipe_nothing_is_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    echo_table((Column(""), Column("", gives=True)), [("a", "x" * 50), ("b", "")])
    assert capsys.readouterr().out == f"a  {'x' * 50}\nb\n"


def test_an_empty_row_is_an_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    echo_table((Column("a"),), [("",)])
    assert capsys.readouterr().out == "a\n\n"


@pytest.mark.parametrize(("encoding", "written"), [("utf-8", '{"a":"ü"}\n'), ("latin-1", '{"a":"\\u00fc"}\n')])
def test_json_is_ascii_where_the_output_is_not_utf8(
    encoding: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    echo_json({"a": "ü"})
    stream.seek(0)
    assert stream.read() == written


def test_progress_in_a_pipe_is_a_line_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as line:
        line.step(Progress("manifest"))
        for done in range(0, 101, 2):
            line.step(Progress("model", done, 100))
        line.word("not said")
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["manifest", *(f"model {tenth} %" for tenth in range(0, 101, 10))]


def test_progress_on_a_terminal_is_one_line(
    terminal: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    with ProgressLine() as line:
        line.step(Progress("manifest"))
        line.step(Progress("layer", 1000))
        line.step(Progress("a long label that does not fit", 500_000, 1_000_000))
        line.word("done")
    written = capsys.readouterr().err
    assert "\n" not in written
    drawn = written.split("\r")
    assert all(width(each) < 30 for each in drawn)
    assert [each.rstrip() for each in drawn[1:4]][:2] == ["manifest", "layer  1.0 kB"]
    assert written.endswith("\r    \r")


def test_progress_is_drawn_eight_times_a_second_at_most(
    terminal: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "ANIMATION_INTERVAL_S", 3600.0)
    line = ProgressLine()
    for done in range(100):
        line.step(Progress("model", done, 100))
    assert capsys.readouterr().err.count("\r") == 1
