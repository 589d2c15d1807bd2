"""Times, durations, counts, sizes, probabilities and keys in words of a known width."""

from __future__ import annotations

import math
import time
from calendar import timegm
from typing import TYPE_CHECKING

from tale_tui.formatting.symbols import Signs, signs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

WHEN_WIDTH = 8
"""The most cells that `when` needs (`Nov 2024`)."""
DURATION_WIDTH = 6
"""The most cells that `duration` and `about` need (`0.31 s`)."""
COUNT_WIDTH = 5
"""The most cells that `count` needs (`61.2k`)."""
SIZE_WIDTH = 6
"""The most cells that `size` needs (`640 kB`)."""
PROBABILITY_MIN_HUNDREDTHS, PROBABILITY_MAX_HUNDREDTHS = 1, 99
"""Nobody knows that something is sure, or cannot be."""
_SPARE = 1e-9
"""What a number such as 0.29 may lack of its hundredths in binary."""
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_BY_NAME = 6
"""A weekday names one of the last days without doubt; seven days ago it would be the name of today."""
_LONGEST_DAYS = 9999

_CLOCK_MINUTES = 100
"""From so many minutes on a clock shows hours."""

_ROUGH_S = 5
"""A time that nobody knows to the second is told in steps of this."""
_ROUGH_FROM_S = 10
"""A time left that is not longer is told to the second all the same."""
_MINUTES_END = 100
"""From so many minutes on hours are told."""

_ONE_DECIMAL_END, _TWO_DECIMALS_END = 9.95, 9.995
"""From here on a number of one digit before the point is rounded to 10."""
_COUNT_DECIMAL_END = 99.95
"""From here on a count is rounded to 100, which leaves no room for a decimal."""
_UNIT_STEP = 1000
"""From one unit to the next."""

_KEY_WORDS = {
    "underscore": "_",
    "escape": "esc",
    "delete": "del",
    "insert": "ins",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "question_mark": "?",
    "slash": "/",
    "backslash": "\\",
    "plus": "+",
    "minus": "-",
    "comma": ",",
    "full_stop": ".",
    "colon": ":",
    "semicolon": ";",
    "at": "@",
    "number_sign": "#",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def when(seconds: float, now: float) -> str:
    """A moment as people say it: `now`, `14:02`, `Tue`, `3 Nov`, `Nov 2024`, in the time zone of the machine.

    Args:
        seconds: the moment, since the epoch.
        now: the present, since the epoch. A moment after it (a clock was set back) gets its time or date.
    """
    if 0 <= now - seconds < _MINUTE_S:
        return "now"
    then, today = time.localtime(seconds), time.localtime(now)
    if then[:3] == today[:3]:
        return time_of_day(seconds)
    if abs(now - seconds) < 8 * _DAY_S and 0 < _day_number(today) - _day_number(then) <= _DAYS_BY_NAME:
        return _DAYS[then.tm_wday]
    if then.tm_year == today.tm_year:
        return f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]}"
    return f"{_MONTHS[then.tm_mon - 1]} {then.tm_year}"


def time_of_day(seconds: float) -> str:
    """When on its day that was: `14:02`, in the time zone of the machine."""
    then = time.localtime(seconds)
    return f"{then.tm_hour:02}:{then.tm_min:02}"


def times_apart(moments: Sequence[float], now: float) -> list[str]:
    """Moments that stand for good, beside each other: `14:02` of today, else as `when`; in full where two of them would
    read the same.

    Args:
        moments: seconds since the epoch.
        now: likewise.
    """
    today = time.localtime(now)[:3]
    words = [time_of_day(at) if time.localtime(at)[:3] == today else when(at, now) for at in moments]
    return words if len(set(words)) == len(words) else [moment(at) for at in moments]


def month(seconds: float, now: float) -> str:
    """In which month that was: `Oct`, `Oct 2025`, in the time zone of the machine."""
    then = time.localtime(seconds)
    name = _MONTHS[then.tm_mon - 1]
    return name if then.tm_year == time.localtime(now).tm_year else f"{name} {then.tm_year}"


def moment(seconds: float) -> str:
    """A moment in full, for details: `Tue 3 Nov 2026, 14:02:09`, in the time zone of the machine."""
    then = time.localtime(seconds)
    day = f"{_DAYS[then.tm_wday]} {then.tm_mday} {_MONTHS[then.tm_mon - 1]} {then.tm_year}"
    return f"{day}, {then.tm_hour:02}:{then.tm_min:02}:{then.tm_sec:02}"


def day_name(day: date) -> str:
    """A day in full: `Tue 3 Nov 2026`."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def stamp(seconds: float) -> str:
    """A moment for programs: UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def duration(seconds: float) -> str:
    """How long something took or has been going on: `0.31 s`, `0:42`, `2:10`, `12 min`, `2.5 h`, `4 d`.

    Args:
        seconds: what is below 0 is taken as 0.
    """
    seconds = max(0.0, seconds)  # in this order, so that -0.0 is 0.0
    if seconds < _TWO_DECIMALS_END:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 10 * _MINUTE_S:
        return f"{whole // _MINUTE_S}:{whole % _MINUTE_S:02}"
    return _long(seconds)


def about(seconds: float) -> str:
    """A duration that nobody knows to the second, such as the time left: `8 s`, `40 s`, `3 min`, `2.5 h`.

    Args:
        seconds: what is below 1 is taken as 1.
    """
    whole = max(round(seconds), 1)
    if whole <= _ROUGH_FROM_S:
        return f"{whole} s"
    if whole < _MINUTE_S - 2:
        return f"{_half_up(whole / _ROUGH_S) * _ROUGH_S} s"
    return _long(seconds)


def clock(seconds: float) -> str:
    """A time that goes on, as a clock shows it: `0:08`, `12:05`, from 100 minutes on `1.7 h`.

    Args:
        seconds: what is below 0 is taken as 0.
    """
    whole = int(max(seconds, 0.0))
    if whole < _CLOCK_MINUTES * _MINUTE_S:
        return f"{whole // _MINUTE_S}:{whole % _MINUTE_S:02}"
    return f"{whole / _HOUR_S:.1f} h"


def rough_clock(seconds: float) -> str:
    """As `clock`, for a time that nobody knows to the second: in steps of 5 s, and at least one of them."""
    return clock(max(round(seconds / _ROUGH_S), 1) * _ROUGH_S)


def span(seconds: float) -> str:
    """A duration within a sentence: `42 s`, `3 min`, `2 h`, `1 day`, `4 days`.

    Args:
        seconds: what is below 0 is taken as 0.
    """
    if seconds < _MINUTE_S:
        return f"{max(0, round(seconds))} s"
    if seconds < _HOUR_S:
        return f"{round(seconds / _MINUTE_S)} min"
    if seconds < _DAY_S:
        return f"{round(seconds / _HOUR_S)} h"
    days = round(seconds / _DAY_S)
    return "1 day" if days == 1 else f"{days} days"


def count(number: float) -> str:
    """A number of things: `118`, `1.9k`, `61.2k`, `184k`, `2.4M`, `7.6B`.

    Args:
        number: what is below 0 is taken as 0.
    """
    number = max(number, 0)
    if round(number) < _UNIT_STEP:
        return f"{round(number)}"
    for unit in "kMBT":
        number /= _UNIT_STEP
        if number < _COUNT_DECIMAL_END:
            return f"{number:.1f}{unit}"
        if round(number) < _UNIT_STEP:
            return f"{round(number)}{unit}"
    return "999T+"


def size(number: float) -> str:
    """A number of bytes in units of 1000: `512 B`, `640 kB`, `93 MB`, `4.7 GB`."""
    number = max(number, 0)
    if round(number) < _UNIT_STEP:
        return f"{round(number)} B"
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        number /= _UNIT_STEP
        if number < _ONE_DECIMAL_END:
            return f"{number:.1f} {unit}"
        if round(number) < _UNIT_STEP:
            return f"{round(number)} {unit}"
    return "999 PB"


def rate(tokens_per_second: float) -> str:
    """How fast a model writes: `4.2 tok/s`, `38 tok/s`, `1.2k tok/s`."""
    number = max(tokens_per_second, 0.0)
    return f"{number:.1f} tok/s" if number < _ONE_DECIMAL_END else f"{count(number)} tok/s"


def token_count(number: float) -> str:
    """A number of tokens that were written: `412 tok`, `1.9k tok`."""
    return f"{count(number)} tok"


def percent(share: float) -> str:
    """A share of 1 in whole percent: `61 %`; neither `0 %` nor `100 %` unless it is so."""
    whole = round(share * 100)
    if 0 < share < 1:
        whole = min(max(whole, 1), 99)
    return f"{min(max(whole, 0), 100)} %"


def format_probability(p: float) -> str:
    """A probability in three cells: `.93`. Cut rather than rounded, so that it stays on its side of a bound."""
    return f".{min(max(math.floor(p * 100 + _SPARE), PROBABILITY_MIN_HUNDREDTHS), PROBABILITY_MAX_HUNDREDTHS):02d}"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 turn`, `12 turns`; `many` where an s at the end does not make it."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def key_name(key: str) -> str:
    """A key as the last line shows it: `esc`, `ctrl+n`, `del`, `?`, from Textual's name of it."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, _KEY_WORDS.get(last, last)])


def _day_number(day: time.struct_time) -> int:
    """Days since 1970 of a date as the calendar shows it."""
    return timegm((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0)) // _DAY_S


def _half_up(number: float) -> int:
    return int(number + 0.5)


def _long(seconds: float) -> str:
    minutes = round(seconds / _MINUTE_S)
    if minutes < _MINUTES_END:
        return f"{minutes} min"
    if seconds < _ONE_DECIMAL_END * _HOUR_S:
        return f"{seconds / _HOUR_S:.1f} h"
    hours = round(seconds / _HOUR_S)
    if hours < 2 * 24:
        return f"{hours} h"
    return f"{min(round(seconds / _DAY_S), _LONGEST_DAYS)} d"


def bar(share: float, width: int, *, of: Signs | None = None) -> str:
    """A gauge such as `▰▰▰▱▱`.

    Args:
        share: 0 to 1; what lies outside is taken as the nearer end. Something above 0 fills at least one cell and
            only the whole fills all of them, so that a gauge never says `nothing` or `all` when it is not so.
        width: cells.
        of: the set of signs; None takes those of this process.
    """
    chosen = of or signs()
    filled = round(share * width) if 0 < share < 1 else width * (share >= 1)
    if 0 < share < 1 and width > 1:
        filled = min(max(filled, 1), width - 1)
    return chosen.full * filled + chosen.empty * (width - filled)
