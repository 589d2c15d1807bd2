"""Ranges of time on the clock of this machine: as people write them (`1h`, `today`, `week`, `2026-11-28`), and those
that a screen shows."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum

from tale_tui.domain.errors import BadRange
from tale_tui.domain.text import clean_line

_AGO = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(min|m|h|d|w)")
_UNITS_S = {"m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_WRITTEN = "write 15min, 6h, 7d, today, yesterday, week, month, or a date as in 2026-11-28 or 2026-11-28T14:00."
_DAY = timedelta(days=1)


def range_of(since: str | None, until: str | None, now: float) -> tuple[float | None, float | None]:
    """The range that two options mean, in seconds since the epoch; the end is not in it. None is an open end.

    A day has its beginning as `since` and its end as `until`, whatever hours its clock has.

    Args:
        since: as written.
        until: as written.
        now: the present.
    Raises:
        BadRange: one of them is no time, or the range ends before it begins.
    """
    begin = None if since is None else _moment(since, now, last=False)
    end = None if until is None else _moment(until, now, last=True)
    if begin is not None and begin > (now if end is None else end):
        ends = "now" if until is None else clean_line(until)
        raise BadRange(
            f"A range from {clean_line(since or '')} to {ends} ends before it begins: give the earlier first."
        )
    return begin, end


def _moment(text: str, now: float, *, last: bool) -> float:
    word = text.strip().lower()
    if ago := _AGO.fullmatch(word):
        return max(0.0, now - float(ago[1]) * _UNITS_S[ago[2]])
    try:
        local = datetime.fromtimestamp(now)  # noqa: DTZ006  # a day of the user's clock has no distance from UTC
        return max(0.0, _named(word, local, last=last).timestamp())
    except (ValueError, OverflowError, OSError) as error:  # no date, or one that no clock shows
        raise BadRange(f"{clean_line(text)!r} is no time: {_WRITTEN}") from error


def _named(word: str, now: datetime, *, last: bool) -> datetime:
    """The beginning of what is named, or its end; local time without its distance from UTC."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match word:
        case "today":
            return today + _DAY if last else today
        case "yesterday":
            return today if last else today - _DAY
        case "week":
            monday = today - today.weekday() * _DAY
            return monday + 7 * _DAY if last else monday
        case "month":
            first = today.replace(day=1)
            return (first + 31 * _DAY).replace(day=1) if last else first
    found = datetime.fromisoformat(word.upper())
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", word):
        return found + _DAY if last else found
    return found


def period_days(since: str, now: float) -> int | None:
    """How many days before a range its period before is: of days, weeks and months; None of anything else.

    Args:
        since: as `range_of` takes it.
        now: the present.
    """
    word = since.strip().lower()
    if (ago := _AGO.fullmatch(word)) and _UNITS_S[ago[2]] >= _DAY_S:
        days = float(ago[1]) * _UNITS_S[ago[2]] / _DAY_S
        return int(days) if days.is_integer() and days else None
    local = datetime.fromtimestamp(now)  # noqa: DTZ006  # a day of the user's clock has no distance from UTC
    return {"today": 1, "week": 7, "month": (local.replace(day=1) - _DAY).day}.get(word)


def days_before(moment: float, days: int) -> float:
    """The same time of the user's clock so many days before; both in seconds since the epoch."""
    return (datetime.fromtimestamp(moment) - days * _DAY).timestamp()  # noqa: DTZ006  # likewise


class ShownRange(StrEnum):
    """How far back a screen looks."""

    QUARTER = "15m"
    HOUR = "1h"
    HOURS = "6h"
    DAY = "1d"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER_YEAR = "90d"

    @property
    def words(self) -> str:
        """As it is said: `last 6 hours`."""
        return _WORDS[self]

    @property
    def length_s(self) -> float:
        """In seconds."""
        return float(_SECONDS[self])

    @property
    def period(self) -> int | None:
        """Its days where it is compared with as many before: of a day, a week and a month."""
        return _SECONDS[self] // _DAY_S if self in (ShownRange.DAY, ShownRange.WEEK, ShownRange.MONTH) else None

    def edges(self, now: float, pieces: int) -> tuple[int, ...]:
        """The pieces that a plot of this range has, in seconds since the epoch; the present is in the last ones.

        Where the whole begins and ends does not depend on their number. Days are those of the user.

        Args:
            now: the present.
            pieces: at most so many, as far as the range can be divided.
        """
        align_s, steps = _PIECES[self]
        length_s = _SECONDS[self]
        step_s = next((step_s for step_s in steps if length_s // step_s <= pieces), steps[-1])
        local = datetime.fromtimestamp(now)  # noqa: DTZ006  # a day of the user's clock has no distance from UTC
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if align_s == _DAY_S:
            end = midnight + _DAY
            days = range(length_s // _DAY_S, -1, -(step_s // _DAY_S))
            return tuple(int((end - back * _DAY).timestamp()) for back in days)
        passed = (local - midnight).total_seconds()
        last = int((midnight + timedelta(seconds=passed // align_s * align_s + align_s)).timestamp())
        if last <= now:  # an hour of the clock came twice
            last += int((now - last) // align_s + 1) * align_s
        return tuple(range(last - length_s, last + 1, step_s))


_DAY_S = 86_400
_WORDS = {
    ShownRange.QUARTER: "last 15 min",
    ShownRange.HOUR: "last hour",
    ShownRange.HOURS: "last 6 hours",
    ShownRange.DAY: "last day",
    ShownRange.WEEK: "last 7 days",
    ShownRange.MONTH: "last 30 days",
    ShownRange.QUARTER_YEAR: "last 90 days",
}
_SECONDS = {
    ShownRange.QUARTER: 900,
    ShownRange.HOUR: 3600,
    ShownRange.HOURS: 6 * 3600,
    ShownRange.DAY: _DAY_S,
    ShownRange.WEEK: 7 * _DAY_S,
    ShownRange.MONTH: 30 * _DAY_S,
    ShownRange.QUARTER_YEAR: 90 * _DAY_S,
}
_PIECES: dict[ShownRange, tuple[int, tuple[int, ...]]] = {
    ShownRange.QUARTER: (15, (15, 30, 60, 180)),
    ShownRange.HOUR: (60, (60, 120, 300, 600)),
    ShownRange.HOURS: (600, (300, 600, 1200, 1800, 3600)),
    ShownRange.DAY: (1800, (1800, 3600, 7200, 10_800)),
    ShownRange.WEEK: (3 * 3600, (3 * 3600, 6 * 3600, 12 * 3600, _DAY_S)),
    ShownRange.MONTH: (_DAY_S, (_DAY_S, 2 * _DAY_S, 3 * _DAY_S, 5 * _DAY_S)),
    ShownRange.QUARTER_YEAR: (_DAY_S, (_DAY_S, 2 * _DAY_S, 3 * _DAY_S, 5 * _DAY_S, 9 * _DAY_S)),
}
"""Of each range: what its end is a multiple of, and the lengths that its pieces may have, in seconds."""


def day_or_hour(label: str) -> tuple[float, float]:
    """The range of a day (`2026-10-25`) or an hour (`2026-10-25T02:00+01:00`) as sums of calls name it."""
    begin = datetime.fromisoformat(label)
    if begin.tzinfo is None:
        return begin.timestamp(), (begin + _DAY).timestamp()
    return begin.timestamp(), begin.timestamp() + 3600
