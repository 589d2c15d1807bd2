"""Keys of servers: what can be one, and that they are never shown."""

from __future__ import annotations

import pytest

from tale_tui.config.keys import OLLAMA_KEY_VARIABLE, read_key, secrets_of


def test_a_key_comes_from_the_environment_without_the_blanks_around_it() -> None:
    assert read_key("TALE_OPENAI_KEY", {"TALE_OPENAI_KEY": " sk-1 \n"}) == "sk-1"
    assert read_key("TALE_OPENAI_KEY", {"TALE_OPENAI_KEY": ""}) == ""
    assert read_key("TALE_OPENAI_KEY", {}) == ""


@pytest.mark.parametrize("key", ["sk-\x1b1", "sk-ü", "a\nb", "a b", "a\r\nX-Evil: 1", "sk\u2028x", "\x00k"])
def test_a_key_that_no_header_carries_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match="OLLAMA_API_KEY holds characters that no key has") as caught:
        read_key(OLLAMA_KEY_VARIABLE, {OLLAMA_KEY_VARIABLE: key})
    assert key not in str(caught.value)


def test_each_line_of_a_key_is_a_secret_the_longest_first() -> None:
    environ = {OLLAMA_KEY_VARIABLE: "first-half\nsecond-half-longer\n", "TALE_OPENAI_KEY": "abc"}
    found = secrets_of(environ)
    assert found[-2:] == ("second-half-longer", "first-half")
    assert environ[OLLAMA_KEY_VARIABLE] in found
    assert "abc" not in found  # it would be found in every word
