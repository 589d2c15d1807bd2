"""Variables that are set aside for a while: nobody who copies the environment sees it, and it is as it was."""

from __future__ import annotations

import os
import threading

import pytest

from tale_tui.config.environment import copy_environment, set_aside


def test_what_is_set_aside_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_TEST_ONE", "1")
    monkeypatch.setenv("TALE_TEST_TWO", "2")
    monkeypatch.delenv("TALE_TEST_THREE", raising=False)
    before = dict(os.environ)
    with set_aside(lambda name: name == "TALE_TEST_ONE", TALE_TEST_TWO="other", TALE_TEST_THREE="3"):
        assert "TALE_TEST_ONE" not in os.environ
        assert (os.environ["TALE_TEST_TWO"], os.environ["TALE_TEST_THREE"]) == ("other", "3")
    assert dict(os.environ) == before


def test_it_comes_back_after_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_TEST_ONE", "1")
    with pytest.raises(RuntimeError), set_aside(lambda name: name == "TALE_TEST_ONE"):
        raise RuntimeError
    assert os.environ["TALE_TEST_ONE"] == "1"


def test_a_copy_waits_until_all_of_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_TEST_ONE", "1")
    copies: list[dict[str, str]] = []
    reader = threading.Thread(target=lambda: copies.append(copy_environment()))
    with set_aside(lambda name: name == "TALE_TEST_ONE"):
        reader.start()
        reader.join(0.05)
        assert copies == []
    reader.join(5)
    assert copies[0]["TALE_TEST_ONE"] == "1"


def test_a_given_environment_is_copied() -> None:
    assert copy_environment({"a": "b"}) == {"a": "b"}
