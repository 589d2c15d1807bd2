"""Notifications of the terminal: the sequences, and the hours without."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tale_tui.config.settings import Settings
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.terminal.notifications import call, is_quiet, sequence

NOON = 1_794_139_200.0
"""2026-11-08 12:00 UTC."""
HOUR_S = 3600
OSC9 = "\x1b]9;k4t9 is done: Fibonacci\x1b\\"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("hours", "after_noon_h", "quiet"),
    [
        ("", 0, False),
        ("22:00-07:00", 0, False),
        ("22:00-07:00", 10, True),
        ("22:00-07:00", 14, True),
        ("22:00-07:00", 19, False),
        ("11:30-12:30", 0, True),
        ("12:00-12:00", 0, False),
        ("09:00-12:00", 0, False),
        ("12:00-13:00", 0, True),
    ],
)
def test_hours_may_go_over_midnight(hours: str, after_noon_h: int, quiet: bool) -> None:
    assert is_quiet(hours, NOON + after_noon_h * HOUR_S) is quiet


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({"TERM": "xterm-kitty"}, OSC9),
        ({}, OSC9),
        ({"TERM": "foot"}, "\x1b]777;notify;k4t9 is done;Fibonacci\x1b\\"),
        ({"TERM": "rxvt-unicode-256color"}, "\x1b]777;notify;k4t9 is done;Fibonacci\x1b\\"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "\x1b]777;notify;k4t9 is done;Fibonacci\x1b\\"),
        ({"TERM": "tmux-256color", "TMUX": "socket"}, "\x1bPtmux;\x1b\x1b]9;k4t9 is done: Fibonacci\x1b\x1b\\\x1b\\"),
    ],
)
def test_each_terminal_is_asked_in_its_own_words(environ: dict[str, str], asked: str) -> None:
    assert sequence("k4t9 is done", "Fibonacci", environ) == asked


def test_foreign_text_ends_no_sequence_and_begins_none() -> None:
    for environ in ({}, {"TERM": "foot"}):
        asked = sequence("a;b\x07c\x1b\\d", "\x1b]52;c;aGk=\x07\nrest" * 40, environ)
        body = asked.removeprefix("\x1b]").removesuffix("\x1b\\")
        assert "\x1b" not in body
        assert "\x07" not in body
        assert "\n" not in body
    assert sequence("a;b", "c", {"TERM": "foot"}) == "\x1b]777;notify;a,b;c\x1b\\"


def test_the_user_decides_what_is_heard() -> None:
    def heard(preferences: WindowPreferences) -> str:
        return call("k4t9 is done", "Fibonacci", preferences, NOON, {})

    assert heard(WindowPreferences()) == OSC9 + "\a"
    assert heard(WindowPreferences(bell=False)) == OSC9
    assert heard(WindowPreferences(terminal=False)) == "\a"
    assert heard(WindowPreferences(terminal=False, bell=False)) == ""
    assert heard(WindowPreferences(quiet="11:00-13:00")) == ""


def test_preferences_are_those_of_the_settings() -> None:
    assert WindowPreferences.of(Settings()) == WindowPreferences()
    settings = Settings(
        notify={"terminal": False, "bell": False, "quiet": "22:00-07:00"},
        tasks={"resume": "never", "leave": "background"},
        detect={"chat_to": 0.2, "task_from": 0.8},
    )
    assert WindowPreferences.of(settings) == WindowPreferences(
        False, False, "22:00-07:00", False, "background", 0.2, 0.8
    )
