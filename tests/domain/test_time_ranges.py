"""Ranges of time on the user's clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tale_tui.domain.errors import BadRange
from tale_tui.domain.time_ranges import ShownRange, day_or_hour, period_days, range_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock of the machine is that of Berlin."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def at(*moment: int) -> float:
    return datetime(*moment, tzinfo=BERLIN).timestamp()  # type: ignore[arg-type]


NOW = at(2026, 10, 28, 14, 30)
"""A Wednesday, three days after the clocks were set back."""


@pytest.mark.parametrize(
    ("since", "begin"),
    [
        ("15min", NOW - 900),
        ("1h", NOW - 3600),
        ("1.5h", NOW - 5400),
        ("7d", NOW - 604_800),
        ("2w", NOW - 1_209_600),
        ("today", at(2026, 10, 28)),
        (" Yesterday ", at(2026, 10, 27)),
        ("week", at(2026, 10, 26)),
        ("month", at(2026, 10, 1)),
        ("2026-10-25", at(2026, 10, 25)),
        ("2026-10-25T14:00", at(2026, 10, 25, 14)),
        ("2026-10-25T14:00Z", at(2026, 10, 25, 15)),
    ],
)
def test_a_beginning(since: str, begin: float) -> None:
    assert range_of(since, None, NOW) == (begin, None)


def test_a_date_ends_with_its_day_which_may_have_25_hours() -> None:
    begin, end = range_of("2026-10-25", "2026-10-25", NOW)
    assert begin is not None
    assert end is not None
    assert end - begin == 25 * 3600
    assert range_of(None, "month", NOW) == (None, at(2026, 11, 1))
    assert range_of(None, "yesterday", NOW) == (None, at(2026, 10, 28))


def test_a_range_that_ends_where_it_begins_is_empty_and_not_wrong() -> None:
    assert range_of("today", "yesterday", NOW) == (at(2026, 10, 28), at(2026, 10, 28))


def test_nothing_said_is_everything() -> None:
    assert range_of(None, None, NOW) == (None, None)


@pytest.mark.parametrize(
    ("since", "until"),
    [("today", "2026-10-26"), ("2026-10-29", None), ("", None), (None, "soon"), ("-1h", None), ("1e9d", None)],
)
def test_what_is_no_range_is_refused(since: str | None, until: str | None) -> None:
    with pytest.raises(BadRange):
        range_of(since, until, NOW)


@pytest.mark.parametrize("shown", ShownRange)
@pytest.mark.parametrize("pieces", [10, 23, 48, 56, 120])
@pytest.mark.parametrize(
    "now", [at(2026, 11, 8, 14, 2, 7), at(2026, 10, 25, 0, 30) + 3 * 3600, at(2026, 3, 29, 3, 10), at(2026, 11, 8)]
)
def test_a_range_ends_behind_the_present_and_has_no_more_pieces_than_there_is_room_for(
    shown: ShownRange, pieces: int, now: float
) -> None:
    edges = shown.edges(now, pieces)
    assert list(edges) == sorted(set(edges))
    assert len(edges) - 1 <= pieces
    assert edges[0] <= now < edges[-1]
    whole = shown.edges(now, 120)
    assert (edges[0], edges[-1]) == (whole[0], whole[-1])
    assert set(edges) <= set(whole)


def test_the_days_of_a_long_range_are_those_of_the_user() -> None:
    edges = ShownRange.MONTH.edges(at(2026, 11, 8, 14, 2), 30)
    assert [(time.localtime(edge).tm_hour, time.localtime(edge).tm_min) for edge in edges] == [(0, 0)] * 31
    assert edges[-1] == at(2026, 11, 9)


def test_a_day_and_an_hour_are_found_by_their_names() -> None:
    assert day_or_hour("2026-10-25") == (at(2026, 10, 25), at(2026, 10, 26))
    begin, end = day_or_hour("2026-10-25T02:00+01:00")
    assert (begin, end - begin) == (at(2026, 10, 25, 3) - 3600, 3600)


@pytest.mark.parametrize(
    ("since", "days"),
    [("today", 1), ("1d", 1), ("24h", None), ("7d", 7), ("1w", 7), (" Week ", 7), ("30d", 30), ("1.5d", None),
     ("0d", None), ("2026-11-01", None), ("yesterday", None)],
)  # fmt: skip
def test_days_weeks_and_months_have_a_period_before(since: str, days: int | None) -> None:
    assert period_days(since, NOW) == days


def test_a_month_is_compared_with_the_one_before_it() -> None:
    assert period_days("month", at(2026, 3, 10)) == 28
