"""What is fuzzed: each parser of foreign input with the words that its input is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fuzz import checks


@dataclass(frozen=True)
class Target:
    """A parser under test."""

    run: Callable[[bytes], None]
    words: Sequence[str] = ()
    """What its input is made of; helps to find new inputs."""
    longest: int = 2048
    """Bytes of an input: short ones say more a second."""
    in_json: bool = False
    """Whether its input is lines of JSON, so that they are changed as such."""


_JSON = (
    *["{", "}", "[", "]", ":", ",", '"', "true", "false", "null", "1e999", "NaN", "-1", "\\u0000", "\\ud800", "[[[[[["],
    "\n",
)
_TOML = (
    *["[", "]", "[[", "=", '"', "'''", "#", "{", "}", "1979-05-27T07:32:00Z", "inf", "0x", "\\U0010ffff", "[[[[["],
    "\n",
)
_MARKS = (
    *[
        ">",
        "#",
        "```",
        "~~~",
        "|",
        "|-|",
        "|---|",
        "--",
        "===",
        "[a]",
        "[a](b)",
        "**",
        "*",
        "_",
        "`",
        "http://a.b",
        "<",
        "![",
        "&amp;",
        "漢",
        "👩\u200d👩\u200d👧",
        "\\",
    ],
    *("- ", "* ", "1. ", "2) ", "> ", "# ", "\n- ", "\n", "\n\n", "    ", "\t"),
    *("```md\n", "```py\n", "[a]: /b", "[ ] ", "[x] "),
)
_CONTROLS = (
    *("\x1b[", "\x1b]", "\x1b\\", "\x07", "\r\n", "\r", "\u009b", "\u2028"),
    *("\u0301", "\u200d", "\ufe0f", "\u202e", "e"),
)
_CHAT = ('{"choices":[{"delta":{"content":"', '{"message":{"content":"', '"}}', '"done":true', "<think>", "</think>")
_EVENTS = ("data: ", "data:", "error:", "\n\n", "\r\n", "[DONE]", ": ping")
_NAMES = ["`a.py`", "title=", '"#', 'a.py"', "../", "C:", "con.txt"]
_GGUF = ["GGUF", "general.architecture", "llama.context_length", "tokenizer.", "general.alignment"]
_EXPORT = ["format", "tale-tui-session", "version", "messages", "parent", "usage", "shown", "model", "ollama/a"]
_THEME = ["[colours]", "primary", "#ff0000", "ansi_red", "dark", "[variables]", "$primary"]
_SETTINGS = ["version", "look", "theme", "[ollama]", "models", "roles", "limits"]
_CALL = ["id", "verb", "sessions.list", "chat.send", "args", "close", "session_id"]
_ANSWER = ["id", "result", "item", "end", "error", "TextDelta"]
_PLAN = ["steps", "key", "prompt", "after", "kind", "approval", "format", "role"]

TARGETS = {
    "markdown": Target(checks.markdown, _MARKS, longest=400),
    "verbatim": Target(checks.verbatim, _MARKS, longest=400),
    "code": Target(checks.code, (*_MARKS, *_NAMES)),
    "cleaning": Target(checks.cleaning, _CONTROLS, longest=200),
    "events": Target(checks.events, (*_JSON, *_CHAT, *_EVENTS), in_json=True),
    "json_lines": Target(checks.json_lines, (*_JSON, *_CHAT, '"done_reason":"length"', '"eval_count":1'), in_json=True),
    "gguf": Target(checks.gguf, _GGUF),
    "imports": Target(checks.imports, (*_JSON, *_EXPORT), in_json=True),
    "theme": Target(checks.theme, (*_TOML, *_THEME)),
    "settings": Target(checks.settings, (*_TOML, *_SETTINGS)),
    "served_frames": Target(checks.served_frames, (*_JSON, *_CALL), in_json=True),
    "received_frames": Target(checks.received_frames, (*_JSON, *_ANSWER), in_json=True),
    "plan": Target(checks.plan, (*_JSON, *_PLAN), in_json=True),
}
"""By the names that `run.py` and the folders of seeds have."""
