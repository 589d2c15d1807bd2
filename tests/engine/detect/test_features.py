"""What is read off a message: words, classes, shape; whatever is thrown at it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.engine.detect.features import (
    HEAD_CHARS,
    HEAD_TOKENS,
    LOOK_CHARS,
    PATTERNS,
    TAIL_CHARS,
    TAIL_TOKENS,
    ends_of,
    extract,
    shape,
    split_sentences,
    tokenize,
)
from tale_tui.engine.detect.lexicon import Lexicon, fold

HOSTILE = [
    text
    for group in json.loads((Path(__file__).parents[2] / "data" / "hostile-text.json").read_text("utf-8")).values()
    for text in (group.values() if isinstance(group, dict) else group)
]


def kinds(text: str) -> list[str]:
    return [token.kind for token in tokenize(text)]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("What's UP?", "whats up?"),
        ("Explícame", "explicame"),
        ("d’un", "d’un"),
        ("STRASSE straße", "strasse strasse"),
        ("İyi ılık", "iyi ilik"),
        ("안녕", "안녕"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_a_word_has_the_first_class_that_names_it_and_stems_are_found_longest_first() -> None:
    lexicon = Lexicon(["# comment", "", "A write over*", "B write overdo* ask"])
    assert [lexicon.class_of(word) for word in ("write", "ask", "overall", "overdone", "asked")] == [
        "A",
        "B",
        "A",
        "B",
        "",
    ]


def test_scripts_without_spaces_are_split_at_known_words() -> None:
    lexicon = Lexicon(["MAKE 写", "ART 一首诗"])
    assert lexicon.split("写一首诗") == ["写", "一首诗"]
    assert lexicon.split("write") == ["write"]


@pytest.mark.parametrize(
    "text",
    [
        "Can you write a poem?",
        "Kannst du ein Gedicht schreiben?",
        "¿Puedes escribir un poema?",
        "Puoi scrivere una poesia?",
        "Czy możesz napisać wiersz?",
    ],
)
def test_languages_share_the_classes(text: str) -> None:
    found = kinds(text)
    assert "MAKE" in found
    assert "ART" in found
    assert found[-1] == "?"


def test_sentences() -> None:
    found = split_sentences(tokenize("Hi there!! Can you help?\n\nI wrote 3.5 pages..."))
    assert [[token.text for token in sentence] for sentence in found] == [
        ["hi", "there", "!"],
        ["can", "you", "help", "?"],
        ["i", "wrote", "0", "pages", "."],
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("```py\nx\n```", "fence"),
        ("for (i = 0; i < 3; i++) {\n}", "code"),
        ("Traceback (most recent call last):", "trace"),
        ("SELECT a FROM b", "sql"),
        ("fix this: the cat sat on the mat", "given after colon"),
        ("- one\n- two\n- three", "bullets"),
        ("solve x^2 + 3 = 0", "formula"),
        ("write a poem", "orders"),
    ],
)
def test_shapes(text: str, name: str) -> None:
    assert name in extract(text).shape
    assert name not in extract("how are you today").shape


def test_only_the_ends_of_a_long_text_are_read() -> None:
    text = "a" * HEAD_CHARS + "middle" * 1000 + "z" * TAIL_CHARS
    assert ends_of(text) == "a" * HEAD_CHARS + "\n" + "z" * TAIL_CHARS
    assert ends_of("short") == "short"


@pytest.mark.parametrize("text", ["", " \n\t", *HOSTILE])
def test_hostile_text_is_read_without_an_error(text: str) -> None:
    extract(text)


@given(st.text(max_size=400))
def test_any_text_gives_the_same_features_twice_and_none_twice(text: str) -> None:
    features = extract(text)
    assert features == extract(text)
    for block in (features.words, features.spelled, features.classes, features.shape):
        assert len(set(block)) == len(block)


@pytest.mark.parametrize(
    "piece", ["a", "\n", "- ", "a-", "?", "(", '"', ": ", "x_", "文", "\u0301", "😀", "a@", "1. \n"]
)
def test_the_amount_read_of_a_huge_text_is_bounded(piece: str) -> None:
    features = extract(piece * 200_000)
    bound = 40 * (HEAD_CHARS + TAIL_CHARS)
    assert sum(map(len, (features.words, features.spelled, features.classes, features.shape))) < bound
    assert sum(map(len, features.spelled)) <= bound


def test_where_every_letter_is_a_word_few_are_read() -> None:
    """A page of Chinese has five times as many words as one of English, and costs no more."""
    features = extract("".join(chr(0x4E00 + number) for number in range(HEAD_CHARS + TAIL_CHARS)))
    assert len(features.spelled) <= HEAD_TOKENS + TAIL_TOKENS


SIGNS = st.text(st.sampled_from('ab 1.:,;%$"«`~[]{}<>/=-+*\n?!\tSelect from At Error xé')) | st.text()


@given(SIGNS | st.sampled_from(HOSTILE))
def test_a_pattern_is_not_searched_only_where_it_cannot_be(text: str) -> None:
    stripped = text.strip()
    found = set(shape(stripped))
    assert {name for name, pattern in PATTERNS.items() if pattern.search(stripped[:LOOK_CHARS])} == found & set(
        PATTERNS
    )
