"""Which keys are shown when."""

from __future__ import annotations

import pytest

from tale_tui.ui.chat.status import ChatState, hints

KEYS = {
    "prompt.send": "enter",
    "prompt.complete": "tab",
    "chat.back": "escape",
    "chat.go_on": "ctrl+r",
    "chat.turns": "shift+tab",
    "chat.sessions": "ctrl+o",
    "transcript.copy": "c",
    "app.help": "f1",
    "app.help_outside": "question_mark",
}


@pytest.mark.parametrize(
    ("situation", "shown"),
    [
        (ChatState(), ["enter send", "shift+tab turns", "f1 help"]),
        (ChatState(busy=True, writing=True), ["enter queue", "escape stop", "shift+tab turns", "f1 help"]),
        (ChatState(busy=True), ["enter queue", "shift+tab turns", "f1 help"]),
        (ChatState(busy=True, waiting=True), ["enter queue", "escape take back", "shift+tab turns", "f1 help"]),
        (
            ChatState(waiting=True, resumable=True),
            ["enter send", "ctrl+r go on", "escape take back", "shift+tab turns", "f1 help"],
        ),
        (ChatState(editing=True, resumable=True), ["enter send", "escape leave it", "shift+tab turns", "f1 help"]),
        (ChatState(completing=True), ["enter run", "tab take", "escape close", "f1 help"]),
        (ChatState(empty=True), ["enter send", "ctrl+o open", "f1 help"]),
        (ChatState(in_prompt=False), ["c copy", "escape prompt", "question_mark help"]),
    ],
)
def test_the_keys_that_matter(situation: ChatState, shown: list[str]) -> None:
    assert [f"{hint.key} {hint.label}" for hint in hints(situation, KEYS)] == shown


def test_a_binding_without_a_key_is_not_shown() -> None:
    assert hints(ChatState(), {}) == ()
