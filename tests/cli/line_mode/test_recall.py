"""What is remembered, in line mode."""

from __future__ import annotations

from typing import Any

from cli.line_mode.test_conversation import run_lines
from support.scripted_engine import ScriptedEngine


async def test_it_remembers_lists_finds_and_forgets(engine: ScriptedEngine) -> None:
    _, written = await run_lines(
        engine, "/remember We use PostgreSQL 15", "/recall", "/memory which PostgreSQL", "/forget item0", "/recall"
    )
    assert written.told[0] == "Remembered as a fact: We use PostgreSQL 15"
    assert written.out.count("item  We use PostgreSQL 15 (fact, asked for)\n") == 2
    assert written.told[2] == "Forgotten: We use PostgreSQL 15"
    assert written.told[-1].startswith("0 items, found by words alone.")


async def test_what_is_to_be_forgotten_is_asked_for_by_its_words(engine: ScriptedEngine) -> None:
    _, written = await run_lines(
        engine, "/remember We use PostgreSQL 15", "/forget postgresql", "/forget nothing-like-it"
    )
    assert "Which one? Write /forget and its id:" in written.told
    assert len(engine.remembered) == 1
    assert "Nothing remembered" in written.told[-1]


async def test_it_is_turned_off_for_the_session_and_on_again(engine: ScriptedEngine) -> None:
    conversation, written = await run_lines(engine, "/recall off", "/recall on")
    assert conversation.session is not None
    assert written.told == [
        "In this conversation nothing is remembered and nothing offered.",
        "In this conversation things are remembered and offered again.",
    ]
    calls: list[Any] = [call for call in engine.calls if call[0] == "allow"]
    assert [call[2] for call in calls] == [False, True]


async def test_a_key_is_refused_and_nothing_to_remember_is_said(engine: ScriptedEngine) -> None:
    _, written = await run_lines(engine, "/remember my key is sk-1", "/remember", "/forget")
    assert "There was a key, a password, or a card or account number in it: not remembered." in written.told[0]
    assert "/remember We use" in written.told[1]
    assert "/recall lists them" in written.told[2]
