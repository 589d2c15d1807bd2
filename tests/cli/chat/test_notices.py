"""What the engine has to say while a command works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tale_tui.domain.events import Notice


def test_it_stands_behind_the_answer(cli: Any, engine: Any) -> None:
    engine.notices = (Notice("A part was dropped", "The server counted fewer tokens."),)
    result = cli("chat", "-m", "Is it so?")
    assert (result.out, result.err) == ("It is so.\n", "A part was dropped: The server counted fewer tokens.\n")


def test_in_line_mode_it_stands_between_two_messages(cli: Any, engine: Any) -> None:
    engine.notices = (Notice("A part was dropped", "The server counted fewer tokens."),)
    result = cli("--plain", stdin="Is it so?\n")
    assert (result.out, result.err) == ("It is so.\n", "A part was dropped: The server counted fewer tokens.\n")


def test_what_opening_the_database_brought_is_said_by_any_command(cli: Any, connection: Any) -> None:
    connection.found = (Notice("The database was damaged", "It lies aside.", "error"),)
    assert "The database was damaged: It lies aside.\n" in cli("sessions").err


def test_a_damaged_database_is_said_once_by_who_found_it(cli: Any, home: Path) -> None:
    assert cli("sessions").code == 0
    next(home.rglob("tale.db")).write_bytes(b"no database at all" * 1000)
    first, second = cli("sessions"), cli("sessions")
    assert (first.code, second.code) == (0, 0)
    assert "The database was damaged: It lies as tale.db.damaged-" in first.err
    assert "damaged" not in second.err
