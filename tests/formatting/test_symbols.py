"""Signs and gauges."""

from __future__ import annotations

import sys
from dataclasses import astuple, fields
from io import BytesIO, TextIOWrapper

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tale_tui.formatting.symbols import ASCII, UNICODE, Signs, choose_signs, signs
from tale_tui.formatting.units import bar


@pytest.mark.parametrize("chosen", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_sign_is_one_cell(chosen: Signs) -> None:
    for field in fields(chosen):
        value = getattr(chosen, field.name)
        # A text of several signs is one sign for each of its letters.
        for sign in value if isinstance(value, tuple) or field.name == "quadrants" else (value,):
            assert field.name == "border" or cell_len(sign) == 1, field.name


def test_ascii_is_ascii() -> None:
    assert "".join(map(str, astuple(ASCII)[:-2])).isascii()
    assert "".join(ASCII.spinner).isascii()


@pytest.mark.parametrize("chosen", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_states_can_be_told_apart_without_colour(chosen: Signs) -> None:
    states = [chosen.resident, chosen.working, chosen.absent, chosen.failed, chosen.done, chosen.wrong, chosen.waiting]
    assert len(set(states)) == len(states)
    assert chosen.full != chosen.empty


@pytest.mark.parametrize(
    ("wanted", "encoding", "expected"),
    [
        ("", "utf-8", UNICODE),
        ("0", "UTF8", UNICODE),
        ("", "utf_8", UNICODE),
        ("1", "utf-8", ASCII),
        ("yes", "utf-8", ASCII),
        ("", "ascii", ASCII),
        ("0", "iso-8859-1", ASCII),
    ],
)
def test_which_set(wanted: str, encoding: str, expected: Signs) -> None:
    assert choose_signs(wanted, encoding) is expected


def test_this_process_asks_its_environment_and_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stdout__", TextIOWrapper(BytesIO(), encoding="utf-8"))
    for wanted, expected in (("1", ASCII), ("", UNICODE)):
        monkeypatch.setenv("TALE_ASCII", wanted)
        signs.cache_clear()
        assert signs() is expected
    monkeypatch.setattr(sys, "__stdout__", None)
    signs.cache_clear()
    assert signs() is UNICODE
    signs.cache_clear()


@given(st.floats(allow_nan=False), st.integers(0, 200))
def test_a_gauge_has_its_width(share: float, width: int) -> None:
    assert len(bar(share, width, of=UNICODE)) == width


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 50))
def test_a_gauge_grows_with_its_share(one: float, other: float, width: int) -> None:
    low, high = sorted((one, other))
    assert bar(low, width, of=ASCII).count("#") <= bar(high, width, of=ASCII).count("#")


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(2, 50))
def test_a_gauge_is_empty_or_full_only_when_it_is_so(share: float, width: int) -> None:
    assert 0 < bar(share, width, of=ASCII).count("#") < width


def test_gauges() -> None:
    assert bar(0, 5, of=UNICODE) == "▱▱▱▱▱"
    assert bar(0.6, 5, of=UNICODE) == "▰▰▰▱▱"
    assert bar(1, 5, of=UNICODE) == "▰▰▰▰▰"
    assert bar(7, 3, of=ASCII) == "###"
    assert bar(-1, 3, of=ASCII) == "---"
    assert len(bar(0.5, 4)) == 4
