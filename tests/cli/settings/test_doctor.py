"""`tale-tui doctor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tale_tui.engine.ipc.connect
from tale_tui.domain.errors import DatabaseNewer, EngineMismatch
from tale_tui.domain.models import Finding, FindingState

FINE = Finding("python", FindingState.OK, "3.11.7")
LOOK = Finding("ollama", FindingState.LOOK, "Nothing answers.", "Start it, or leave it.")
BAD = Finding("database", FindingState.BAD, "It is damaged.", "Set it aside.")


def test_it_says_where_everything_is_and_what_was_found(cli: Any, connection: Any, engine: Any, home: Path) -> None:
    engine.findings = (FINE, LOOK)
    result = cli("doctor")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0] == f"✓ folders   config: {home / 'config'}"
    assert lines[-3:] == [
        "✓ python    3.11.7",
        "! ollama    look: Nothing answers.",
        "            Start it, or leave it.",
    ]
    assert connection.loaded is False


def test_something_bad_ends_with_1(cli: Any, engine: Any) -> None:
    engine.findings = (FINE, BAD)
    result = cli("doctor")
    assert result.code == 1
    assert "✗ database  bad: It is damaged." in result.out


def test_json_is_one_line(cli: Any, engine: Any, home: Path) -> None:
    engine.findings = (BAD,)
    result = cli("doctor", "--json")
    assert result.code == 1
    assert result.out.count("\n") == 1
    findings = json.loads(result.out)["findings"]
    assert findings[-1] == {
        "area": "database",
        "state": "bad",
        "text": "It is damaged.",
        "advice": "Set it aside.",
    }
    assert findings[1] == {"area": "folders", "state": "ok", "text": f"data: {home / 'data'}", "advice": ""}


def test_wrong_settings_are_findings_and_the_rest_is_looked_at(cli: Any, engine: Any, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("[chat]\ntemperature = 9\n")
    engine.findings = (FINE,)
    result = cli("doctor")
    assert result.code == 1
    assert "bad: " in result.out
    assert "chat.temperature is `9`" in result.out
    assert "3.11.7" in result.out


def test_old_names_are_worth_a_look(cli: Any, engine: Any, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text('conversation = "ollama/a"\n')
    result = cli("doctor")
    assert result.code == 0
    assert "look: " in result.out
    assert "`conversation` is called `ux` now" in result.out


@pytest.mark.parametrize(
    ("error", "area"),
    [(DatabaseNewer("Update tale-tui."), "database"), (EngineMismatch("Close the other one."), "engine")],
)
def test_an_engine_that_cannot_start_is_a_finding(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, area: str
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(tale_tui.engine.ipc.connect, "open_engine", refuses)
    result = cli("doctor", "--json")
    assert result.code == 1
    found = json.loads(result.out)["findings"][-1]
    assert (found["area"], found["state"]) == (area, "bad")


def test_keys_are_not_in_it(cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_OPENAI_KEY", "sk-very-secret")
    result = cli("doctor", "--json")
    assert "sk-very-secret" not in result.out + result.err
