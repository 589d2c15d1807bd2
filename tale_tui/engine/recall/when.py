"""The time that a question is about, in the words of some languages: `on Monday`, `yesterday`, `last week`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tale_tui.engine.detect.lexicon import fold

_DAYS = (
    (r"monday|montags?|lundi|lunes|lunedi|segunda-feira", "星期一|周一|礼拜一"),
    (r"tuesday|dienstags?|mardi|martes|martedi|terca-feira", "星期二|周二|礼拜二"),
    (r"wednesday|mittwochs?|mercredi|miercoles|mercoledi|quarta-feira", "星期三|周三|礼拜三"),
    (r"thursday|donnerstags?|jeudi|jueves|giovedi|quinta-feira", "星期四|周四|礼拜四"),
    (r"friday|freitags?|vendredi|viernes|venerdi|sexta-feira", "星期五|周五|礼拜五"),
    (r"saturday|samstags?|sonnabend|samedi|sabado|sabato", "星期六|周六|礼拜六"),
    (r"sunday|sonntags?|dimanche|domingo|domenica", "星期日|星期天|周日|礼拜天"),
)
"""From Monday on, folded: of languages with spaces between words, and of Chinese."""
_LEAD = r"\b(?:(?:on|last|this|am|letzten|le|dernier|el|pasado|il|lo|scorso) )*"
_NAMED = tuple(re.compile(rf"{_LEAD}(?:{spaced})\b|(?:上|这)?(?:{runs_on})") for spaced, runs_on in _DAYS)
# What is said, and from how many days ago to how many days ago that is; weeks and months count as they are written.
_SPANS = (
    (r"\b(?:the )?day before yesterday\b|\bvorgestern\b|\bavant-hier\b|\banteayer\b|\bavantieri\b|前天", 2, 2),
    (r"\byesterday\b|\bgestern\b|\bhier\b(?= |$)|\bayer\b|\bieri\b|昨天", 1, 1),
    (r"\btoday\b|\bheute\b|\baujourd'?hui\b|\bhoy\b|\boggi\b|今天", 0, 0),
    (
        r"\blast week\b|\bletzte woche\b|\bla semaine derniere\b|\bla semana pasada\b|\bla settimana scorsa\b|上周",
        13,
        1,
    ),
    (r"\bthis week\b|\bdiese woche\b|\bcette semaine\b|\besta semana\b|\bquesta settimana\b|这周|本周", 6, 0),
    (r"\blast month\b|\bletzten monat\b|\ble mois dernier\b|\bel mes pasado\b|\bil mese scorso\b|上个月", 61, 1),
)
_COMPILED = tuple((re.compile(words), first, last) for words, first, last in _SPANS)
_FRENCH = re.compile(r"\b(?:que|qu|avons|ai|nous|je|le|la|est)\b")
"""Words beside which `hier` is yesterday, and not `here` as in German."""


@dataclass(frozen=True, slots=True)
class AskedTime:
    """The time that a question is about."""

    begin: float
    end: float
    """Seconds since the epoch; the end is not in it any more."""
    words: tuple[str, ...]
    """That said so, folded: they are about the time and not about what is looked for."""


def asked_time(text: str, now: float) -> AskedTime | None:
    """The time that a question is about; None where it names none.

    A day of the week is the last one that has begun, today left out. Days begin where the user is.

    Args:
        text: as the user wrote it.
        now: seconds since the epoch.
    """
    folded = fold(text)
    today = datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    for words, first, last in _COMPILED:
        found = words.search(folded)
        if found is None or (found[0] == "hier" and not _FRENCH.search(folded)):
            continue
        return _span(today, first, last, found[0])
    for weekday, day in enumerate(_NAMED):
        if found := day.search(folded):
            ago = (today.weekday() - weekday) % 7 or 7
            return _span(today, ago, ago, found[0])
    return None


def _span(today: datetime, first: int, last: int, said: str) -> AskedTime:
    begin = today - timedelta(days=first)
    end = today - timedelta(days=last - 1)
    return AskedTime(begin.timestamp(), end.timestamp(), tuple(re.findall(r"\w+", said)))
