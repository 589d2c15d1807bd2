"""The end of a paragraph that is being written."""

from __future__ import annotations

import pytest

from tale_tui.ui.markdown.inline import settle


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("plain", "plain"),
        ("a **bo", "a **bo**"),
        ("a **bold**", "a **bold**"),
        ("a **bold** and **mo", "a **bold** and **mo**"),
        ("a **", "a"),
        ("a `co", "a `co`"),
        ("a `code` b", "a `code` b"),
        ("a `", "a "),
        ("`a ** b` c", "`a ** b` c"),
        ("see [the docs](https://doc", "see the docs"),
        ("see [the docs](https://docs.x) x", "see [the docs](https://docs.x) x"),
        ("x[0](a)", "x[0](a)"),
    ],
)
def test_what_is_open_is_closed(text: str, settled: str) -> None:
    assert settle(text) == settled
