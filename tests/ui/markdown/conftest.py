"""Markdown set on a sheet, as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tale_tui.ui.markdown.body import Body
from tale_tui.ui.markdown.layout import Options
from tale_tui.ui.markdown.lines import Sheet
from tale_tui.ui.markdown.parse import MarkdownDocument
from tale_tui.ui.markdown.verbatim import VerbatimDocument
from tale_tui.ui.signs import signs


@pytest.fixture(autouse=True)
def unicode_signs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The signs of a terminal that has them, whatever runs the tests."""
    monkeypatch.setattr("tale_tui.ui.signs.choose_signs", lambda wanted, encoding: signs_of(wanted))
    signs.cache_clear()
    yield
    signs.cache_clear()


def signs_of(wanted: str) -> Any:
    from tale_tui.ui.signs import ASCII, UNICODE

    return ASCII if wanted == "1" else UNICODE


@pytest.fixture
def lay() -> Callable[..., Sheet]:
    """Sets a whole text; `verbatim` as what a user wrote."""

    def lay_out(text: str, width: int = 60, *, verbatim: bool = False, **options: Any) -> Sheet:
        body = Body(VerbatimDocument() if verbatim else MarkdownDocument(), Options(width, **options))
        body.document.feed(text)
        body.update(finished=True)
        return body.sheet

    return lay_out


@pytest.fixture
def shown(lay: Callable[..., Sheet]) -> Callable[..., list[str]]:
    """The lines of a text as the screen shows them, without blanks at their ends."""

    def lines(text: str, width: int = 60, **options: Any) -> list[str]:
        return [line.text.rstrip() for line in lay(text, width, **options).lines]

    return lines
