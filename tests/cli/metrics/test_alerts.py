"""`alerts`: what it lists, acknowledges and refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.calls import NOON
from tale_tui.domain.alerts import Alert, AlertKind


@pytest.fixture
def alerted(engine: Any) -> Any:
    """One alert that waits, and one that is over and was read."""
    engine.alerts = [
        Alert(2, AlertKind.FIRST_TEXT, "", NOON, 1.5, 1.0, "Slow."),
        Alert(1, AlertKind.BUDGET, "day", NOON - 60, 80.0, 80.0, "Spent.", NOON - 30, NOON - 20),
    ]
    return engine


def test_it_lists_what_waits_and_with_all_what_was_read_too(cli: Any, alerted: Any) -> None:
    assert "Slow." in cli("alerts").out
    assert "Spent." not in cli("alerts").out
    assert "well again" in cli("alerts", "--all").out


def test_json_has_what_was_seen(cli: Any, alerted: Any) -> None:
    result = cli("alerts", "--json")
    [found] = json.loads(result.out)["alerts"]
    assert (found["id"], found["kind"], found["seen"], found["limit"]) == (2, "first_text", 1.5, 1.0)
    assert found["raised"].startswith("2026-11-08T12:00:00")
    assert found["ended"] is found["acknowledged"] is None


@pytest.mark.parametrize("which", ["2", "all", "ALL"])
def test_what_was_acknowledged_does_not_wait_any_more(cli: Any, alerted: Any, which: str) -> None:
    result = cli("alerts", "--ack", which)
    assert (result.code, result.err) == (0, "Acknowledged: 1.\n")
    again = cli("alerts")
    assert (again.code, again.out, again.err) == (0, "", "No alert waits to be acknowledged.\n")


@pytest.mark.parametrize("which", ["7", "x", "-1", "", "99999999999999999999"])
def test_what_is_no_alert_is_refused_in_one_sentence(cli: Any, alerted: Any, which: str) -> None:
    result = cli("alerts", "--ack", which)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") <= 2
    assert "alert" in result.err
    assert alerted.alerts[0].acknowledged is None
