"""How numbers, times and keys are written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.formatting import units

NOW = 1_786_284_120.0
"""Sunday 9 August 2026, 14:02 UTC."""
DAY = 86400


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (0, "now"),
        (59, "now"),
        (60, "14:01"),
        (14 * 3600, "00:02"),
        (15 * 3600, "Sat"),
        (6 * DAY, "Mon"),
        (7 * DAY, "2 Aug"),
        (200 * DAY, "21 Jan"),
        (300 * DAY, "Oct 2025"),
        (-3600, "15:02"),
        (-40 * DAY, "18 Sep"),
    ],
)
def test_when(ago: float, expected: str) -> None:
    assert units.when(NOW - ago, NOW) == expected


def test_times_that_stand_beside_each_other_are_told_apart() -> None:
    assert units.times_apart((NOW - 90, NOW - 10), NOW) == ["14:00", "14:01"], "none of them is now"
    assert units.times_apart((NOW - 2 * DAY, NOW), NOW) == ["Fri", "14:02"]
    assert units.times_apart((NOW - 20, NOW - 10), NOW) == ["Sun 9 Aug 2026, 14:01:40", "Sun 9 Aug 2026, 14:01:50"]


def test_moment() -> None:
    assert units.moment(NOW) == "Sun 9 Aug 2026, 14:02:00"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "0.00 s"),
        (0.31, "0.31 s"),
        (9.994, "9.99 s"),
        (9.996, "0:10"),
        (42, "0:42"),
        (130, "2:10"),
        (599.4, "9:59"),
        (599.6, "10 min"),
        (720, "12 min"),
        (9000, "2.5 h"),
        (40 * 3600, "40 h"),
        (4 * DAY, "4 d"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    assert units.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "1 s"),
        (8.2, "8 s"),
        (11, "10 s"),
        (42, "40 s"),
        (57, "55 s"),
        (58, "1 min"),
        (180, "3 min"),
        (9000, "2.5 h"),
    ],
)
def test_about(seconds: float, expected: str) -> None:
    assert units.about(seconds) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0"),
        (118, "118"),
        (999.4, "999"),
        (999.6, "1.0k"),
        (1_900, "1.9k"),
        (61_200, "61.2k"),
        (99_960, "100k"),
        (184_000, "184k"),
        (999_600, "1.0M"),
        (2_400_000, "2.4M"),
        (7.6e9, "7.6B"),
        (1e30, "999T+"),
    ],
)
def test_count(number: float, expected: str) -> None:
    assert units.count(number) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (512, "512 B"),
        (640_000, "640 kB"),
        (92_871_040, "93 MB"),
        (9_960_000, "10 MB"),
        (4_683_087_332, "4.7 GB"),
        (1e30, "999 PB"),
    ],
)
def test_size(number: float, expected: str) -> None:
    assert units.size(number) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [(-1, "0.0 tok/s"), (4.2, "4.2 tok/s"), (38.4, "38 tok/s"), (1_200, "1.2k tok/s")]
)
def test_rate(number: float, expected: str) -> None:
    assert units.rate(number) == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0 %"), (0.0001, "1 %"), (0.613, "61 %"), (0.9999, "99 %"), (1, "100 %"), (3, "100 %"), (-1, "0 %")],
)
def test_percent(share: float, expected: str) -> None:
    assert units.percent(share) == expected


def test_plural() -> None:
    assert units.plural(1, "turn") == "1 turn"
    assert units.plural(0, "turn") == "0 turns"
    assert units.plural(1_900, "reply", "replies") == "1.9k replies"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("escape", "esc"),
        ("ctrl+n", "ctrl+n"),
        ("shift+tab", "shift+tab"),
        ("question_mark", "?"),
        ("ctrl+slash", "ctrl+/"),
        ("ctrl+underscore", "ctrl+_"),
    ],
)
def test_key_name(key: str, expected: str) -> None:
    assert units.key_name(key) == expected


WIDTHS: list[tuple[Callable[[float], str], int]] = [
    (units.duration, units.DURATION_WIDTH),
    (units.about, units.DURATION_WIDTH),
    (units.count, units.COUNT_WIDTH),
    (units.size, units.SIZE_WIDTH),
]


@pytest.mark.parametrize(("write", "width"), WIDTHS, ids=lambda value: getattr(value, "__name__", str(value)))
@given(number=st.one_of(st.floats(-10, 1e6), st.floats(0, 1e20)))
def test_a_number_keeps_within_its_width(write: Callable[[float], str], width: int, number: float) -> None:
    assert len(write(number)) <= width


@given(st.integers(0, 4_000_000_000), st.integers(0, 4_000_000_000))
def test_a_moment_keeps_within_its_width(then: int, now: int) -> None:
    assert 0 < len(units.when(then, now)) <= units.WHEN_WIDTH


UNITS = {
    "": 1, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "T+": 1e15, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
    "s": 1, "min": 60, "h": 3600, "d": DAY,
}  # fmt: skip


def read(text: str) -> float:
    """What a reader takes a written number for."""
    if ":" in text:
        minutes, seconds = text.split(":")
        return int(minutes) * 60 + int(seconds)
    number = text.rstrip("kMGBTPsminhd+ ")
    unit = text[len(number) :].strip()
    return float(number) * (1 if unit == "B" and " " in text else UNITS[unit])


@pytest.mark.parametrize("write", [units.duration, units.about, units.count, units.size], ids=lambda f: f.__name__)
@given(one=st.floats(0, 9e14), other=st.floats(0, 9e14))
def test_more_never_reads_as_less(write: Callable[[float], str], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert read(write(low)) <= read(write(high))


@pytest.mark.parametrize("write", [units.count, units.size], ids=lambda f: f.__name__)
@given(number=st.floats(1, 9e14))
def test_what_is_read_is_what_was_meant(write: Callable[[float], str], number: float) -> None:
    assert read(write(number)) == pytest.approx(number, rel=0.051, abs=0.51)


@pytest.mark.parametrize(("p", "shown"), [(0.93, ".93"), (1.0, ".99"), (0.0, ".01"), (0.5, ".50"), (0.29, ".29")])
def test_a_probability_takes_three_cells(p: float, shown: str) -> None:
    assert units.format_probability(p) == shown


def test_a_probability_does_not_reach_a_bound_that_it_stays_below() -> None:
    assert (units.format_probability(0.697), units.format_probability(0.7)) == (".69", ".70")


def test_tokens_are_counted_as_everything_is() -> None:
    assert (units.token_count(0), units.token_count(61_200)) == ("0 tok", "61.2k tok")
