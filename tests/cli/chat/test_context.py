"""`tale-tui context`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.scripted_engine import ScriptedEngine
from tale_tui.domain.context import ConversationDigest
from tale_tui.domain.conversation import Session

NOON = 1_794_139_200.0


@pytest.fixture
def talked(engine: ScriptedEngine) -> ScriptedEngine:
    engine.known = [Session("abc1", "Fish", NOON, NOON, 3), Session("def2", "Ponds", NOON, NOON, 5)]
    engine.digest = ConversationDigest("m5", "The fish is red.", 2, engine.role.ref, NOON)
    return engine


def test_the_parts_of_the_session_used_last_are_shown_with_the_summary(cli: Any, talked: ScriptedEngine) -> None:
    found = cli("context")
    assert found.code == 0
    assert "newest turns" in found.out
    assert "100" in found.out
    assert found.out.endswith("The fish is red.\n")
    assert "120 of 8.2k tokens, qwen2.5:7b" in found.err
    assert "All 3 turns are shown as they were written." in found.err
    assert [call[1] for call in talked.calls if call[0] == "context"] == ["abc1"]


def test_another_session_is_named_by_the_beginning_of_its_id(cli: Any, talked: ScriptedEngine) -> None:
    data = json.loads(cli("context", "def", "--json").out)
    assert (data["session"], data["window"], data["used"], data["turns"]) == ("def2", 8192, 120, 5)
    assert data["parts"][0] == {"name": "system", "tokens": 20, "limit": None}
    assert data["summary"]["text"] == "The fish is red."
    assert (data["summary"]["turns"], data["summary"]["message"]) == (2, "m5")
    assert (data["turns_left_out"], data["summaries"], data["why_none"]) == (0, True, None)


def test_without_a_session_it_says_so(cli: Any, engine: ScriptedEngine) -> None:
    found = cli("context")
    assert found.code != 0
    assert "There is no session yet." in found.err
    assert cli("context", "nothing").code != 0
