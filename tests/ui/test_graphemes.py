"""Signs as a reader counts them."""

from __future__ import annotations

import pytest

from tale_tui.ui.graphemes import SIGN_MAX, sign_at


@pytest.mark.parametrize(
    ("line", "column", "sign"),
    [
        ("abc", 1, (1, 2)),
        ("abc", 3, (3, 3)),
        ("", 0, (0, 0)),
        ("e\u0301x", 0, (0, 2)),
        ("e\u0301x", 1, (0, 2)),
        ("xx🇩🇪🇫🇷", 4, (4, 6)),
        ("xx🇩🇪🇫🇷", 5, (4, 6)),
        ("한국", 1, (1, 2)),
    ],
)
def test_the_sign_that_a_character_belongs_to(line: str, column: int, sign: tuple[int, int]) -> None:
    assert sign_at(line, column) == sign


def test_a_long_line_costs_no_more_than_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    import wcwidth

    real = wcwidth.iter_graphemes
    monkeypatch.setattr(wcwidth, "iter_graphemes", lambda text: read.append(len(text)) or real(text))
    assert sign_at("한" * 100_000, 50_000) == (50_000, 50_001)
    assert read == [2 * SIGN_MAX]
