"""Checkpoints in line mode."""

from __future__ import annotations

from cli.line_mode.test_conversation import run_lines
from support.checkpoints import engine_of
from support.scripted_engine import ScriptedEngine


async def test_they_are_listed_in_words(engine: ScriptedEngine) -> None:
    engine.kept = engine_of().kept
    _, written = await run_lines(engine, "/checkpoints")
    assert written.out.splitlines()[0].startswith("00000000  ")
    assert "after 3, Interface of the API, + src/api.yaml" in written.out.splitlines()[0]
    assert "the last" in written.told[-1]
    assert "41 MB of 1.0 GB" in written.told[-1]


async def test_the_last_step_is_taken_back_and_it_is_said_how_to_do_it_again(engine: ScriptedEngine) -> None:
    kept = engine_of(conflict=False)
    engine.kept, engine.restoration = kept.kept, kept.restoration
    conversation, written = await run_lines(engine, "/system be terse", "/undo", "/redo")
    assert conversation.session is not None
    verbs = [call for call in engine.calls if call[0] in ("undo", "redo")]
    here = conversation.session.id
    assert verbs == [
        ("undo", "", here, True),
        ("undo", "", here, False),
        ("redo", "", here, True),
        ("redo", "", here, False),
    ]
    assert "Undone: 3, Interface of the API." in written.told
    assert "src/api.yaml was written" in written.told
    assert "To take that back: /redo" in written.told
    assert "Done again: 3, Interface of the API." in written.told


async def test_where_a_file_was_changed_since_it_asks_for_a_yes(engine: ScriptedEngine) -> None:
    kept = engine_of()
    engine.kept, engine.restoration = kept.kept, kept.restoration
    _, written = await run_lines(engine, "/system be terse", "/undo", "/undo yes")
    assert any("1 is a conflict (docs/spec.md, changed since)" in line and "/undo yes" in line for line in written.told)
    assert [call[3] for call in engine.calls if call[0] == "undo"] == [True, True, False]
    assert any("docs/spec.kept-bbbbbbbb.md" in line for line in written.told)


async def test_without_a_session_there_is_nothing_to_take_back(engine: ScriptedEngine) -> None:
    _, written = await run_lines(engine, "/undo", "/undo everything")
    assert "Nothing was done in this session yet" in written.told[0]
    assert "It takes no words: /undo" in written.told[1]
    assert not [call for call in engine.calls if call[0] == "undo"]


async def test_help_names_them(engine: ScriptedEngine) -> None:
    _, written = await run_lines(engine, "/help")
    assert all(f"\n{word} " in written.told[0] for word in ("/checkpoints", "/undo", "/redo"))
