"""The Markdown within a paragraph."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt

from tale_tui.ui.markdown.inline import INLINE_LIMIT, PIECE_LENGTH, Span, spans
from tale_tui.ui.markdown.lines import CODE, EMPHASIS, LINK, MUTED, STRIKE, STRONG


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", [Span("plain")]),
        ("", []),
        ("a **b** c", [Span("a "), Span("b", STRONG), Span(" c")]),
        ("*a **b***", [Span("a ", EMPHASIS), Span("b", EMPHASIS | STRONG)]),
        ("~~a~~ `b`", [Span("a", STRIKE), Span(" "), Span("b", CODE)]),
        ("a\nb  \nc\\\nd", [Span("a b\nc\nd")]),
        ("a\tb", [Span("a b")]),
        ("&amp; \\* <b>", [Span("& * <b>")]),
        ("[/] [bold] yield from x(y)[0]", [Span("[/] [bold] yield from x(y)[0]")]),
    ],
)
def test_spans(text: str, found: list[Span]) -> None:
    assert list(spans(text)) == found


@pytest.mark.parametrize(
    ("text", "url", "words"),
    [
        ("[a *b*](http://e.x/p)", "http://e.x/p", "a b"),
        ("<https://e.x>", "https://e.x", "https://e.x"),
        ("see https://e.x/p?q=1.", "https://e.x/p?q=1", "https://e.x/p?q=1"),
        ("[m](mailto:a@b.c)", "mailto:a@b.c", "m"),
    ],
)
def test_links_to_the_web_and_to_people(text: str, url: str, words: str) -> None:
    links = [span for span in spans(text) if span.url]
    assert {span.url for span in links} == {url}
    assert "".join(span.text for span in links) == words
    assert all(span.style & LINK for span in links)


@pytest.mark.parametrize(
    "target", ["vscode://file/x", "ssh://-oProxyCommand=x", "./file.md", "app.quit", "ftp://a.b/c"]
)
def test_other_targets_are_shown_and_lead_nowhere(target: str) -> None:
    found = spans(f"[words]({target})")
    assert not any(span.url for span in found)
    assert "".join(span.text for span in found) == f"words ({target})"


@pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x"])
def test_dangerous_targets_are_text(target: str) -> None:
    assert spans(f"[words]({target})") == (Span(f"[words]({target})"),)


def test_words_that_show_another_address_lead_where_they_say_in_the_source() -> None:
    (link,) = spans("[https://good.example](https://evil.example)")
    assert (link.text, link.url) == ("https://good.example", "https://evil.example")


def test_addresses_without_a_scheme_are_words() -> None:
    assert spans("www.example.org me@example.org 10.0.0.1") == (Span("www.example.org me@example.org 10.0.0.1"),)


def test_images_are_text() -> None:
    assert spans("![a cat](https://e.x/cat.png)") == (Span("[image: a cat]", MUTED, "https://e.x/cat.png"),)
    assert spans("![](./cat.png)") == (Span("[image]", MUTED),)


def test_a_long_paragraph_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = MarkdownIt.parseInline

    def reading(self: MarkdownIt, src: str, env: Any = None) -> Any:
        read.append(src)
        return original(self, src, env)

    monkeypatch.setattr(MarkdownIt, "parseInline", reading)
    text = "some **strong** words " * 600
    found = spans(text)
    assert "".join(span.text for span in found) == ("some strong words " * 600)
    assert sum(span.style == STRONG for span in found) > 590
    assert len(read) > 1
    assert all(len(piece) < 2 * PIECE_LENGTH for piece in read)


def test_words_are_kept_where_pieces_meet() -> None:
    text = " ".join(f"w{number}" for number in range(4000))
    assert "".join(span.text for span in spans(text)) == text


def test_the_end_of_an_endless_paragraph_is_plain() -> None:
    text = "**a** " * (INLINE_LIMIT // 6 + 100)
    assert spans(text)[-1].text.rstrip().endswith("**a**")


@pytest.mark.parametrize("sign", ["[", "*", "_", "`", "~~a", "\\", "<a ", "![[", "[a](b"])
def test_text_of_nothing_but_signs_is_shown_as_it_is(sign: str) -> None:
    text = sign * (3900 // len(sign))
    assert spans(text) == (Span(text),)
