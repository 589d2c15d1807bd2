"""`tale-tui recall`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from support.scripted_engine import ScriptedEngine
from tale_tui.domain.recall import RecallItem, RecallKind, RecallOrigin, RecallSource

NOON = 1_794_139_200.0
SAID = RecallSource(RecallOrigin.SAID, "session1", "Shop", 14, "message1")
DECISION = RecallItem("abcd1", "We decided on PostgreSQL", RecallKind.DECISION, SAID, NOON, True, 9, NOON)
RESULT = RecallItem("efgh2", "NATS is best", RecallKind.RESULT, RecallSource(RecallOrigin.TASK, task_id="m2x7a"), NOON)


@pytest.fixture(autouse=True)
def remembered(engine: ScriptedEngine) -> None:
    engine.remembered = [DECISION, RESULT]


def test_all_is_listed_with_where_it_comes_from(cli: Any) -> None:
    found = cli("recall")
    assert found.code == 0
    assert "decision  “Shop”, turn 14, you  We decided on PostgreSQL\n" in found.out
    assert "result    task m2x7             NATS is best\n" in found.out
    assert "2 items, found by words alone. There is no model for that here." in found.err


def test_programs_get_all_of_it(cli: Any) -> None:
    found = json.loads(cli("recall", "list", "--kind", "decision", "--json").out)
    (item,) = found["items"]
    assert item["id"] == "abcd1"
    assert (item["origin"], item["turn"], item["pinned"], item["uses"]) == ("said", 14, True, 9)
    assert found["state"] == {"enabled": True, "items": 2, "model": None, "embedded": 0, "why": found["state"]["why"]}


def test_a_search_says_how_each_was_found(cli: Any) -> None:
    assert "by words (1st)  We decided on PostgreSQL\n" in cli("recall", "search", "which", "postgresql").out
    (hit,) = json.loads(cli("recall", "search", "postgresql", "--json").out)["hits"]
    assert (hit["by_words"], hit["by_meaning"], hit["offered"]) == (1, None, True)
    assert cli("recall", "search", "nothing-like-it").err == "Nothing was found.\n"


@pytest.mark.parametrize("words", [("list",), ("search", "a")])
def test_a_long_item_makes_no_other_row_longer(cli: Any, engine: ScriptedEngine, words: tuple[str, ...]) -> None:
    long = replace(DECISION, text="a " * 190 + "end")
    engine.remembered = [long, replace(RESULT, text="a short one")]
    lines = cli("recall", *words).out.splitlines()
    assert any(line.endswith(long.text) for line in lines)
    assert any(line.endswith("a short one") and len(line) < 100 for line in lines)


@pytest.mark.parametrize("words", [("add", ""), ("add", " ", ""), ("edit", "abcd", "")])
def test_nothing_to_remember_is_refused_with_what_to_write_here(cli: Any, words: tuple[str, ...]) -> None:
    found = cli("recall", *words)
    assert found.code == 2
    assert f"as in tale-tui recall {words[0]} " in found.err
    assert "/remember" not in found.err


def test_a_text_is_remembered_also_one_that_begins_with_a_dash(cli: Any, engine: ScriptedEngine) -> None:
    assert cli("recall", "add", "-x", "is", "our", "flag").err == "Remembered as a fact: -x is our flag\n"
    assert cli("recall", "add", "--kind", "preference", "tea", "--json").code == 0
    assert [call[2] for call in engine.calls if call[0] == "add"] == [None, RecallKind.PREFERENCE]


def test_a_key_is_refused(cli: Any) -> None:
    found = cli("recall", "add", "my", "key", "is", "sk-123")
    assert found.code == 2
    assert "There was a key, a password, or a card or account number in it: not remembered." in found.err


def test_an_item_is_changed_pinned_and_let_loose(cli: Any) -> None:
    assert cli("recall", "edit", "abcd", "We", "use", "SQLite").err == "It says now: We use SQLite\n"
    assert cli("recall", "pin", "efgh2").err == "Pinned: NATS is best\n"
    assert cli("recall", "pin", "efgh2", "--off").err == "Not pinned any more: NATS is best\n"


def test_several_are_forgotten_or_none_where_one_is_not_there(cli: Any, engine: ScriptedEngine) -> None:
    assert cli("recall", "forget", "abcd1", "zzz").code == 2
    assert len(engine.remembered) == 2
    assert cli("recall", "forget", "abcd1", "efgh", "abcd").err.count("Forgotten: ") == 2
    assert not engine.remembered


def test_a_model_is_fetched(cli: Any, engine: ScriptedEngine) -> None:
    found = cli("recall", "fetch", "--from", "some.whl")
    assert "vectors is there" in found.err
    assert ("fetch", "some.whl") in engine.calls


@pytest.mark.parametrize("words", [("forgt",), ("add",), ("list", "--kind", "x"), ("--json", "list")])
def test_wrong_usage_is_said(cli: Any, words: tuple[str, ...]) -> None:
    assert cli("recall", *words).code == 2
