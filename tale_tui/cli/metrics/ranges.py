"""Ranges of time as people write them, on the clock of this machine: `1h`, `today`, `week`, `2026-11-28`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

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
