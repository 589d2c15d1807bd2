"""The border: what passes, what does not, and that cutting the text into pieces makes no difference."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.domain.text import (
    COMBINING_MAX,
    LINE_LIMIT,
    Cleaner,
    clean,
    clean_line,
    defuse,
    is_blank,
    reason_of,
    reveal,
)

CORPUS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "data" / "hostile-text.json").read_text(encoding="utf-8")
)
TERMINAL = CORPUS["terminal"]
HARMLESS = CORPUS["harmless, must survive unchanged"]
UNTOUCHED = HARMLESS | CORPUS["markup"] | CORPUS["links"] | CORPUS["control tokens"]
CONTROL_TOKENS = CORPUS["control tokens"]
LET_THROUGH = "\t\n\u200c\u200d\u200e\u200f"

# Everything that means something to the border, so that random text is made of hard cases.
PARTS = st.sampled_from(
    [
        *"\x1b\x9b\x9d\x90\x9c\x07\x18\r\n\x85\t\0\x7f[];?0c \\P_X(é世-A1",
        *"\u0301\u0302\u200b\u200d\u200f\ufe0e\ufe0f\u202e\u2066\u2028\ufeff\u00ad\ue000\uffff\ufdd0\ufffd\ud83d\ude00\ud800",
        *"\U0001f469\U0001d167\U0001e8d0\U000e0041\U000e0100\U0001ffff\U0010ffff",
        "\r\n",
        "\x1b[31;1m",
        "\x1b]0;title\x07",
        "\x1b]52;c;eA==\x1b\\",
    ]
)
HARD_TEXT = st.lists(PARTS | st.characters(), max_size=60).map("".join)
same_each_time = settings(derandomize=True, deadline=None)


def streamed(pieces: list[str]) -> str:
    cleaner = Cleaner()
    return "".join([*map(cleaner.feed, pieces), cleaner.flush()])


def leaks(text: str) -> list[str]:
    """The characters that a terminal could obey, or that hide or reorder what is read."""
    return [
        f"U+{ord(char):04X}"
        for char in text
        if (unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and char not in LET_THROUGH)
        or 0xE0000 <= ord(char) <= 0xE0FFF
        or ord(char) & 0xFFFE == 0xFFFE
        or char in "\u034f\u115f\u1160\u3164\uffa0"
    ]


@pytest.mark.parametrize("text", TERMINAL.values(), ids=TERMINAL.keys())
def test_hostile_text_leaves_nothing_that_a_terminal_obeys(text: str) -> None:
    assert leaks(clean(text)) == []
    assert leaks(streamed(list(text))) == []
    assert clean(text)[0] == "A"
    assert clean(text)[-1] in "BC"


@pytest.mark.parametrize("text", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_harmless_text_is_not_touched_and_not_delayed(text: str) -> None:
    assert clean(text) == text
    cleaner = Cleaner()
    assert [cleaner.feed(char) for char in text] == list(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("a\r\r\nb", "a\n\nb"),
        ("before\x1b[38;5;196mred\x1b[0m after", "beforered after"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("never ended \x1b]0;title\nnext line", "never ended \nnext line"),
        ("broken off \x1b[12;3", "broken off "),
        ("a\x1b", "a"),
        ("a\x1b(Bb\x1b#8c\x1b7d", "abcd"),
        ("a\x1b[31é", "aé"),
        ("a\x1b]0;x\x1b[31mb", "ab"),
        ("a\ud83d\ude00b", "a\U0001f600b"),
        ("a\ud83db\ude00", "a\ufffdb\ufffd"),
        ("1\ufe0f\u20e3 \u2764\ufe0f", "1\ufe0f\u20e3 \u2764\ufe0f"),
        ("a\ufe0fb\ufe00\ufe01c", "abc"),
        ("\u2764\ufe0f\ufe0e\ufe0f", "\u2764\ufe0f"),
        ("\ufe0fa", "a"),
        ("a" + "\u0301" * 9, "a" + "\u0301" * COMBINING_MAX),
        ("a" + "\u200d\u200c" * 9, "a" + "\u200d\u200c" * (COMBINING_MAX // 2)),
        ("\U0001f469" + "\U0001d167" * 9, "\U0001f469" + "\U0001d167" * COMBINING_MAX),
        ("a\u0301\u0302\x00\u0303\u200b\u0304\u0305\u0306", "a\u0301\u0302\u0303\u0304"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected
    assert streamed(list(text)) == expected


@same_each_time
@given(HARD_TEXT)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@same_each_time
@given(HARD_TEXT)
def test_nothing_leaks_from_any_text(text: str) -> None:
    assert leaks(clean(text)) == []
    clean(text).encode("utf-8")


@same_each_time
@given(st.lists(HARD_TEXT, max_size=8))
def test_pieces_give_what_the_whole_gives(pieces: list[str]) -> None:
    assert streamed(pieces) == clean("".join(pieces))


@same_each_time
@given(HARD_TEXT)
def test_single_characters_give_what_the_whole_gives(text: str) -> None:
    cleaner = Cleaner()
    pieces = [cleaner.feed(char) for char in text]
    assert all(leaks(piece) == [] for piece in pieces)
    assert "".join(pieces) + cleaner.flush() == clean(text)


def test_a_flushed_cleaner_begins_again() -> None:
    cleaner = Cleaner()
    assert cleaner.feed("a\r") == "a\n"
    assert cleaner.feed("\ud83d") == ""
    assert cleaner.flush() == "\ufffd"
    assert cleaner.feed("\n\u0301") == "\n\u0301"
    assert cleaner.feed("\x1b]0;") == ""
    assert cleaner.flush() == ""
    assert cleaner.feed("visible") == "visible"


@pytest.mark.parametrize(
    ("unit", "expected_length"),
    [("\x1b]", 0), ("\x1b", 0), ("\x9b1;", 0), ("\u0301", COMBINING_MAX), ("\ufe0f", 0), ("\x1b[31mx", 200_000)],
)
def test_a_million_hostile_characters_do_not_take_for_ever(unit: str, expected_length: int) -> None:
    """Anything worse than linear would run into the time limit of the tests."""
    text = unit * 200_000
    assert len(clean(text)) == expected_length
    assert len(streamed(list(text[:100_000]))) == min(expected_length, 100_000 // len(unit))


def test_a_line_of_many_characters_after_an_open_string_is_not_kept_in_memory() -> None:
    cleaner = Cleaner()
    assert cleaner.feed("before\x1b]0;") == "before"
    assert {cleaner.feed("x" * 100) for _ in range(10_000)} == {""}
    assert cleaner.feed("\nback") == "\nback"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  one \t two\r\nthree ", "one two three"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\n\t ", ""),
        ("[/bold] stays", "[/bold] stays"),
        ("a\u00a0b\u3000c", "a\u00a0b\u3000c"),
    ],
)
def test_clean_line(text: str, expected: str) -> None:
    assert clean_line(text) == expected


def test_a_long_line_is_cut_and_says_so() -> None:
    assert clean_line("word " * 100, limit=11) == "word word…"
    assert clean_line("x" * 200_000) == "x" * (LINE_LIMIT - 1) + "…"
    assert clean_line("x" * LINE_LIMIT) == "x" * LINE_LIMIT


@same_each_time
@given(HARD_TEXT, st.integers(1, 50))
def test_a_line_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = clean_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert clean_line(line, limit) == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rm -rf build\nls", "rm -rf build\nls"),
        ("rm \u202etxt.exe", r"rm \u{202e}txt.exe"),
        ("a\u200bb\tc", r"a\u{200b}b\u{9}c"),
        ("a\x1b[2Kb\r", r"a\u{1b}[2Kb\u{d}"),
        ("a\u00a0b\u2800c", r"a\u{a0}b\u{2800}c"),
        ("x\ufe0f\U000e0100", r"x\u{fe0f}\u{e0100}"),
        (r"a literal \u{202e}", r"a literal \u{5c}u{202e}"),
        ("na\u00efve e\u0301 世界", "na\u00efve e\u0301 世界"),
        ("e" + "\u0301" * 5, "e" + "\u0301" * 4 + r"\u{301}"),
        ("\ud800", r"\u{d800}"),
    ],
)
def test_reveal(text: str, expected: str) -> None:
    assert reveal(text) == expected


@pytest.mark.long
@same_each_time
@given(HARD_TEXT)
def test_what_is_revealed_is_safe_and_no_two_texts_look_alike(text: str) -> None:
    shown = reveal(text)
    assert leaks(shown) == []
    assert not set(shown) & set(LET_THROUGH) - {"\n"}
    assert unreveal(shown) == text


def unreveal(shown: str) -> str:
    first, *rest = shown.split("\\u{")
    return first + "".join(chr(int(code, 16)) + after for code, after in (part.split("}", 1) for part in rest))


@pytest.mark.parametrize("text", CONTROL_TOKENS.values(), ids=CONTROL_TOKENS.keys())
def test_control_tokens_become_text(text: str) -> None:
    defused = defuse(text)
    for token in (
        *("<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<end_of_turn>"),
        *("<start_of_turn>", "<think>", "</think>", "<tool_call>", "</tool_call>"),
    ):
        assert token not in defused
    assert defused.replace(" ", "") == text.replace(" ", "")
    assert defused != text
    assert defuse(defused) == defused


@pytest.mark.parametrize(
    "token",
    [
        *(
            "<|endoftext|>",
            "<|channel|>",
            "<|turn>",
            "<turn|>",
            "<｜end▁of▁sentence｜>",
            "<s>",
            "</s>",
            "<bos>",
            "<unused12>",
        ),
        *("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[TOOL_CALLS]", "[THINK]", "[gMASK]", "<tool_response>"),
        *("<thinking>", '<invoke name="x">', "<function=ls>", "<seed:think>", "<begin_of_image>", "<|im_end|>" * 3),
    ],
)
def test_tokens_of_known_templates_are_broken(token: str) -> None:
    assert token not in defuse(f"a{token}b")
    assert defuse(token).replace(" ", "") == token.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        *HARMLESS.values(),
        "list |> Enum.map(&f/1) |> Enum.sum",
        "f <| g x |> h",
        "if a < b and c[INSTANCE] > d: print('<html><strong>')",
        "a<|b or x|>y",
        "[link](https://example.org) and [INSTALL]",
    ],
)
def test_what_only_looks_like_a_token_is_not_touched(text: str) -> None:
    assert defuse(text) == text


@pytest.mark.parametrize("text", ["", " \n\t", "\u200f", "\u200d\ufe0f ", "\u2800", "\u3000"])
def test_a_text_without_anything_to_see_is_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(f"{text}.{text}")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied", "/a/file"), "Permission denied"),
        (OSError("no locks\x1b[2J\nhere"), "no locks here"),
        (OSError(), "unknown error"),
    ],
)
def test_the_reason_of_an_error_of_the_system_is_one_safe_line(error: OSError, reason: str) -> None:
    assert reason_of(error) == reason
