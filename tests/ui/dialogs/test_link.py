"""Links: where they really lead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tale_tui.domain.text import clean
from tale_tui.ui.dialogs.link import LinkDialog, examine

GOOD = "https://docs.python.org/3/library/functools.html?x=1#cache"


def test_the_server_stands_out() -> None:
    facts = examine(GOOD)
    assert (facts.before, facts.host, facts.after) == (
        "https://",
        "docs.python.org",
        "/3/library/functools.html?x=1#cache",
    )
    assert facts.allowed
    assert facts.warnings == ()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://bank.example@evil.example/x", "evil.example"),
        ("https://user:pass@evil.example:8443/", "evil.example"),
        ("HTTPS://Evil.Example/bank.example", "Evil.Example"),
        ("mailto:someone@example.org?subject=a@b", "example.org"),
        ("http://[::1]:8080/", "::1"),
        ("https://a.a.example/a.example", "a.a.example"),
    ],
)
def test_the_host_is_the_one_that_is_asked(url: str, host: str) -> None:
    facts = examine(url)
    assert facts.allowed
    assert facts.host == host
    assert facts.before + facts.host + facts.after == url


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "vscode://file/etc/passwd",
        "ssh://-oProxyCommand=x/",
        "app.quit",
        "//evil.example",
        "/etc/passwd",
        "https://",
        "https:///x",
        "https://[::1",
        "https://a:99999/",
        "https://bank.example\\@evil.example/",
        "https://a b.example/",
        "https://bank.example\u202egpj.exe",
        "https://bank\u200b.example",
        "https://a.example/\x1b]52;c;x\x07",
        "https://a.example/" + "x" * 3000,
        "",
    ],
)
def test_what_is_never_opened(url: str) -> None:
    facts = examine(url)
    assert not facts.allowed
    assert len(facts.warnings) == 1
    assert "opened" in facts.warnings[0]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/", "not encrypted"),
        ("https://bank.example@evil.example/", "It leads to evil.example"),
        ("https://xn--pple-43d.com/", "mixes letters of Cyrillic and Latin"),
        ("https://аpple.com/", "xn--pple-43d.com"),
        ("https://xn--mnchen-3ya.de/", "münchen.de"),
        ("https://192.168.0.1/", "a number instead of a name"),
        ("https://[::1]/", "a number instead of a name"),
        ("https://2130706433/", "a number instead of a name"),
        ("https://0x7f.1/", "a number instead of a name"),
    ],
)
def test_what_may_deceive_is_said(url: str, said: str) -> None:
    facts = examine(url)
    assert facts.allowed
    assert any(said in warning for warning in facts.warnings), facts.warnings


def test_a_name_in_one_foreign_script_is_not_called_mixed() -> None:
    assert not any("mixes" in warning for warning in examine("https://xn--mnchen-3ya.de/").warnings)
    assert not any("mixes" in warning for warning in examine("https://日本ニホン.example/").warnings)


def test_a_broken_punycode_name_is_shown_as_it_is() -> None:
    assert examine("https://xn--99999999999.example/").allowed


@given(st.one_of(st.text(), st.from_regex(r"(https?|mailto):/{0,2}[^\n]{0,40}", fullmatch=True)))
@example("HTTP://%A")
def test_any_text_is_taken_and_nothing_hides_in_it(url: str) -> None:
    facts = examine(url)
    shown = facts.before + facts.host + facts.after
    assert clean(shown) == shown
    if facts.allowed:
        assert shown == url


async def test_not_opening_is_the_near_answer(show: Any) -> None:
    async with show(LinkDialog(GOOD)) as shown:
        assert GOOD in shown.text
        assert "Open docs.python.org" in shown.text
        await shown.window.press("enter")
        assert await shown.result() is False


@pytest.mark.parametrize(("keys", "result"), [(["tab", "enter"], True), (["escape"], None)])
async def test_answers(show: Any, keys: list[str], result: bool | None) -> None:
    async with show(LinkDialog("mailto:someone@example.org")) as shown:
        assert "Write a mail" in shown.text
        await shown.window.press(*keys)
        assert await shown.result() is result


async def test_there_is_no_verb_for_what_is_never_opened(show: Any) -> None:
    async with show(LinkDialog("javascript:alert(1)")) as shown:
        assert "This link is not opened" in shown.text
        assert len(shown.screen.query("TextButton")) == 1
        await shown.window.press("tab", "enter")
        assert await shown.result() is False


async def test_the_address_can_be_copied(show: Any) -> None:
    async with show(LinkDialog(GOOD)) as shown:
        await shown.window.press("c")
        assert shown.window.app.copied == [GOOD]
        await shown.window.until(lambda: "copied" in shown.text, "copied")


async def test_hostile_addresses_are_only_shown(show: Any, hostile_texts: list[str], harmless: Any) -> None:
    async with show(LinkDialog(GOOD)) as shown:
        await shown.window.press("escape")
        for text in hostile_texts:
            await shown.next(LinkDialog(f"https://a.example/{text}"))
            assert harmless(shown.text), text
            shown.window.app.screen.dismiss(False)
            assert await shown.result() is False


@pytest.mark.parametrize("size", [(20, 5), (200, 60)])
async def test_any_size(show: Any, size: tuple[int, int]) -> None:
    async with show(LinkDialog("http://x@xn--pple-43d.com/" + "y" * 300), size=size) as shown:
        await shown.window.press("enter")
        assert await shown.result() is False
