"""What the model is shown, in line mode."""

from __future__ import annotations

from cli.line_mode.test_conversation import run_lines
from support.scripted_engine import ScriptedEngine
from tale_tui.domain.context import ConversationDigest


async def test_the_parts_and_the_summary_are_said_in_words(engine: ScriptedEngine) -> None:
    engine.digest = ConversationDigest("m", "The fish is red.", 2, engine.role.ref, 0.0)
    _, written = await run_lines(engine, "hello", "/context")
    assert "newest turns: 100 tokens" in written.told
    assert "The fish is red.\n" in written.out


async def test_before_anything_was_said_the_window_is_free(engine: ScriptedEngine) -> None:
    _, written = await run_lines(engine, "/context")
    assert written.told == ["Nothing was said yet, so the whole window is free."]
