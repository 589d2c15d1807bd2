"""`/history` and `/clear` in line mode."""

from __future__ import annotations

from collections.abc import AsyncIterator

from support.scripted_engine import ScriptedEngine
from tale_tui.cli.line_mode.conversation import LineConversation


async def said(engine: ScriptedEngine, *lines: str) -> tuple[LineConversation, list[str]]:
    """The conversation after these lines, and what was told beside the answers."""

    async def given() -> AsyncIterator[str]:
        for line in lines:
            yield line

    told: list[str] = []
    conversation = LineConversation(engine, given(), lambda _: None, told.append, interactive=False)
    assert await conversation.run()
    assert conversation.failed is None
    return conversation, told


async def test_the_history_has_who_said_what() -> None:
    _, told = await said(ScriptedEngine(), "/history", "hello", "/history")
    assert told == ["Nothing was said yet.", "You: hello", "Answer: It is so."]


async def test_clearing_begins_another_session_with_the_same_system_prompt() -> None:
    engine = ScriptedEngine()
    conversation, told = await said(engine, "/system Be brief.", "hello", "/clear", "/history", "/system")
    first, second = engine.known
    assert conversation.session is not None
    assert {first.system, second.system, conversation.session.system} == {"Be brief."}
    assert first.id != second.id
    assert told[-1] == "System prompt: Be brief."
    assert "You: hello" not in told


async def test_clearing_without_a_system_prompt_makes_no_empty_session() -> None:
    engine = ScriptedEngine()
    conversation, _ = await said(engine, "hello", "/clear")
    assert conversation.session is None
    assert len(engine.known) == 1
