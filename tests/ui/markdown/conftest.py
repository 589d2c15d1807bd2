"""Markdown set on a sheet, as lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tale_tui.formatting.symbols import signs
from tale_tui.ui.markdown.document import MarkdownDocument, VerbatimDocument
from tale_tui.ui.markdown.layout import Body, Options
from tale_tui.ui.markdown.lines import RenderedLines


@pytest.fixture(autouse=True)
def unicode_signs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The signs of a terminal that has them, whatever runs the tests."""
    monkeypatch.setattr("tale_tui.formatting.symbols.choose_signs", lambda wanted, encoding: signs_of(wanted))
    signs.cache_clear()
    yield
    signs.cache_clear()


def signs_of(wanted: str) -> Any:
    from tale_tui.formatting.symbols import ASCII, UNICODE

    return ASCII if wanted == "1" else UNICODE


@pytest.fixture
def lay() -> Callable[..., RenderedLines]:
    """Sets a whole text; `verbatim` as what a user wrote."""

    def lay_out(text: str, width: int = 60, *, verbatim: bool = False, **options: Any) -> RenderedLines:
        body = Body(VerbatimDocument() if verbatim else MarkdownDocument(), Options(width, **options))
        body.document.feed(text)
        body.update(finished=True)
        return body.sheet

    return lay_out


@pytest.fixture
def shown(lay: Callable[..., RenderedLines]) -> Callable[..., list[str]]:
    """The lines of a text as the screen shows them, without blanks at their ends."""

    def lines(text: str, width: int = 60, **options: Any) -> list[str]:
        return [line.text.rstrip() for line in lay(text, width, **options).lines]

    return lines
