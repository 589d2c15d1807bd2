"""`tale-tui checkpoints`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.checkpoints import (
    Checkpoint,
    CheckpointKind,
    FileChange,
    Restoration,
    RestoreAction,
    RestoreFile,
)
from tale_tui.formatting.units import moment

NOON = 1_794_139_200.0
TASK = "k4t9aaaabbbbcccc"
CHANGE = FileChange(TASK, "api.yaml", "", "b" * 40, 88)
ONE = Checkpoint("a" * 40, NOON, 1, CheckpointKind.STEP, "after 3, Routes", TASK, "", TASK, "routes", "", (CHANGE,))
BACK = Restoration(
    ONE,
    (
        RestoreFile(TASK, "api.yaml", RestoreAction.WRITE),
        RestoreFile(TASK, "spec.md", RestoreAction.CONFLICT, "spec.kept-bbbbbbbb.md"),
    ),
    ("k4t9 Web application: Routes is to be done again; the task is paused, resume it to go on",),
    "c" * 40,
    "d" * 40,
)


@pytest.fixture(autouse=True)
def known(engine: Any) -> None:
    engine.kept = [ONE]
    engine.restoration = BACK


@pytest.mark.parametrize("command", [["checkpoints"], ["checkpoints", "list"]])
def test_the_list_has_hash_time_and_message(cli: Any, command: list[str]) -> None:
    result = cli(*command)
    [_, row] = result.out.splitlines()
    assert row.split("  ")[0] == "aaaaaaaa"
    assert "2026-11-08T12:00:00Z" in row
    assert "after 3, Routes" in row
    assert "+ api.yaml" in row
    assert "41 MB of 1.0 GB" in result.err


def test_json_has_the_whole_hash(cli: Any) -> None:
    found = json.loads(cli("checkpoints", "list", "--json").out)
    [one] = found["checkpoints"]
    assert (one["hash"], one["message"], one["time"]) == ("a" * 40, "after 3, Routes", "2026-11-08T12:00:00Z")
    assert one["files"] == [{"task": TASK, "path": "api.yaml", "before": None, "after": "b" * 40}]


def test_those_that_are_damaged_are_named_with_what_to_do(cli: Any, engine: Any) -> None:
    engine.damaged = ("d" * 40, "e" * 40)
    told = cli("checkpoints").err.splitlines()
    assert told[0] == (
        "2 checkpoints are damaged and left out: dddddddd, eeeeeeee. To remove the first one: "
        "tale-tui checkpoints remove dddddddd"
    )
    assert json.loads(cli("checkpoints", "--json").out)["damaged"] == ["d" * 40, "e" * 40]


def test_without_any_it_says_how_one_is_made(cli: Any, engine: Any) -> None:
    engine.kept = []
    assert "No checkpoints yet" in cli("checkpoints").err


def test_going_back_shows_first_what_it_would_do_and_asks(cli: Any, engine: Any) -> None:
    refused = cli("checkpoints", "restore", "aaaa")
    assert refused.code != 0
    assert "api.yaml is written" in refused.err
    assert "--yes" in refused.err
    assert [call for call in engine.calls if call[0] == "restore"] == [("restore", "aaaa", "", "", True)]


def test_with_yes_it_is_done_and_says_what_was_done(cli: Any) -> None:
    result = cli("checkpoints", "restore", "aaaa", "--yes")
    assert result.code == 0
    assert result.out.splitlines() == [
        f"Back to {moment(NOON)}, after 3, Routes",
        "api.yaml was written",
        "spec.md was changed since: it stays, and what was kept is in spec.kept-bbbbbbbb.md",
        "k4t9 Web application: Routes is to be done again; the task is paused, resume it to go on",
        "The present was kept first, as cccccccc.",
    ]


def test_where_nothing_differs_nobody_is_asked(cli: Any, engine: Any) -> None:
    engine.restoration = Restoration(ONE)
    result = cli("checkpoints", "restore", "aaaa")
    assert (result.code, "Nothing differs" in result.err) == (0, True)


@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_undo_and_redo_need_no_yes(cli: Any, verb: str) -> None:
    found = json.loads(cli("checkpoints", verb, "--json").out)
    assert found["files"][1]["beside"] == "spec.kept-bbbbbbbb.md"
    assert found["before"] == "c" * 40
    first, second, *_ = cli("checkpoints", verb, "--dry-run").out.splitlines()
    assert first == ("To undo: 3, Routes" if verb == "undo" else "To do again: 3, Routes")
    assert second == "api.yaml is written"
    done = cli("checkpoints", verb).out.splitlines()
    assert done[0] == ("Undone: 3, Routes" if verb == "undo" else "Done again: 3, Routes")


def test_one_without_a_change_and_of_all_is_told_as_such(cli: Any, engine: Any) -> None:
    engine.kept = [replace(ONE, task_id="", session_id="session", changes=())]
    [_, row] = cli("checkpoints").out.splitlines()
    assert row.split() == ["aaaaaaaa", "2026-11-08T12:00:00Z", "all", "after", "3,", "Routes", "–"]


def test_nothing_left_to_undo_is_said(cli: Any, engine: Any) -> None:
    engine.kept = []
    result = cli("checkpoints", "undo")
    assert result.code != 0
    assert "no step left" in result.err


def test_an_export_never_writes_over_a_file(cli: Any, tmp_path: Path) -> None:
    there = tmp_path / "x.bundle"
    there.write_text("mine")
    assert cli("checkpoints", "export", "-o", str(there)).code != 0
    assert "1 checkpoint written" in cli("checkpoints", "export", "-o", str(tmp_path / "new.bundle")).err
    assert json.loads(cli("checkpoints", "import", str(there), "--json").out) == {"taken": 1, "known": 0}


def test_an_unknown_hash_is_a_sentence(cli: Any) -> None:
    result = cli("checkpoints", "show", "ffff")
    assert result.code != 0
    assert "No checkpoint begins with ffff" in result.err
