"""Addresses as people write them."""

from __future__ import annotations

import pytest

from tale_tui.engine.models.http.address import ollama_address, openai_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("  '1.2.3.4' ", "http://1.2.3.4:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":56789", "http://127.0.0.1:56789"),
        ("1.2.3.4:56789", "http://1.2.3.4:56789"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("http://0.0.0.0:9", "http://127.0.0.1:9"),
        ("[::]:9", "http://[::1]:9"),
        ("::", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:9", "http://[::1]:9"),
        ("http://a", "http://a:80"),
        ("HTTPS://A", "https://a:443"),
        ("https://a:56789/", "https://a:56789"),
        ("a/path/", "http://a:11434/path"),
        ("https://a/path?query#part", "https://a:443/path"),
        ("ollama.com", "https://ollama.com:443"),
        ("http://ollama.com", "http://ollama.com:80"),
        ("user:secret@a:9", "http://a:9"),
        ("https://user:secret@a", "https://a:443"),
        ("localhost", "http://localhost:11434"),
    ],
)
def test_the_host_of_ollama_is_read_as_its_own_command_reads_it(text: str, url: str) -> None:
    assert ollama_address(text).url == url


@pytest.mark.parametrize(
    "text", ["ftp://a", "unix:///run/x", "a:port", "a:99999", "a b", "http://[::1", "a<b", "http://\x1b[31m", "x..y"]
)
def test_what_is_no_address_is_told_with_one_that_is(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not the address of a server\. Write it like http://127\.0\.0\.1:11434"
    ) as e:
        ollama_address(text)
    assert "\x1b" not in str(e.value)


def test_a_password_is_not_repeated_in_the_complaint() -> None:
    with pytest.raises(ValueError, match="not the address") as raised:
        ollama_address("http://me:secret@host:99999")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("", True),
        ("localhost:1", True),
        ("api.localhost", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("[::ffff:127.0.0.1]", True),
        ("192.168.1.2", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_loopback_is_this_machine_only(text: str, loopback: bool) -> None:
    assert ollama_address(text).loopback is loopback
    assert ollama_address(text).private is loopback


def test_encrypted_is_private() -> None:
    assert ollama_address("https://example.com").private


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("127.0.0.1:1234/v1/", "http://127.0.0.1:1234/v1"),
        ("https://example.com/api/v2", "https://example.com:443/api/v2"),
        ("http://127.0.0.1:8080/v1/chat/completions", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1/chat/completions/", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/chat/completions", "http://127.0.0.1:8080/v1"),
        ("https://example.com/api/v2/models", "https://example.com:443/api/v2"),
        ("127.0.0.1:8080/v1/completions?x=1", "http://127.0.0.1:8080/v1"),
    ],
)
def test_the_base_of_an_openai_server_gets_its_version(text: str, url: str) -> None:
    assert openai_address(text).url == url
