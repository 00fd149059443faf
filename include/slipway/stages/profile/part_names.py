"""Tell by its name which part of a time a column has, in the languages of most headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from unicodedata import combining, normalize

from slipway.stages.profile.names import words
from slipway.values.date_parts import DatePart

_WORDS: Mapping[str, DatePart] = {
    **dict.fromkeys(("year", "yr", "yyyy", "jahr", "annee", "ano", "anno", "jaar"), "year"),
    **dict.fromkeys(("month", "mo", "mnth", "mth", "mon", "mm", "monat", "mois"), "month"),
    **dict.fromkeys(("mes", "mese", "maand"), "month"),
    **dict.fromkeys(("day", "dy", "dd", "dom", "mday", "dayofmonth", "tag"), "day"),
    **dict.fromkeys(("jour", "dia", "giorno", "dag"), "day"),
    **dict.fromkeys(("doy", "yday", "jday", "dayofyear", "julianday"), "day_of_year"),
    **dict.fromkeys(("hour", "hr", "hh", "hourofday", "stunde", "heure", "hora"), "hour"),
    **dict.fromkeys(("ora", "uur"), "hour"),
    **dict.fromkeys(("minute", "min", "mi", "minuto", "minuut"), "minute"),
    **dict.fromkeys(("second", "sec", "ss", "sekunde", "seconde", "segundo", "secondo"), "second"),
}
"""Without accents."""

_PHRASES = {
    "day_of_year": "doy",
    "julian_day": "doy",
    "day_of_month": "day",
    "day_of_the_month": "day",
    "month_of_year": "month",
    "hour_of_day": "hour",
    "minute_of_hour": "minute",
}
Span = Literal["quarter", "week"]

_SPANS: Mapping[str, Span] = {
    **dict.fromkeys(("quarter", "qtr", "quartal", "trimestre", "kwartaal"), "quarter"),
    **dict.fromkeys(("week", "wk", "weekofyear", "weeknum", "weekno", "isoweek"), "week"),
    **dict.fromkeys(("woche", "kw", "semaine", "semana", "settimana"), "week"),
}
"""Parts that no event time is made of."""

_OF_A_SPAN = frozenset({"of", "the", "year", "number", "num", "no", "nr", "iso", "calendar"})
_OF_WEEKS = frozenset({"week", "weekday", "dow", "quarter"})


def said_part(name: str) -> tuple[DatePart, tuple[str, ...]] | None:
    """Return the part that a name says, and its other words; None: it says none, or several."""
    said = _words(name)
    if (part := _WORDS.get("".join(said))) is not None:
        return part, ()
    text = f"_{'_'.join(said)}_"
    for phrase, word in _PHRASES.items():
        text = text.replace(f"_{phrase}_", f"_{word}_")
    said = tuple(text.strip("_").split("_"))
    parts = [at for at, one in enumerate(said) if one in _WORDS]
    if len(parts) != 1 or set(said) & _OF_WEEKS:
        return None
    [at] = parts
    return _WORDS[said[at]], (*said[:at], *said[at + 1 :])


def said_span(name: str) -> tuple[Span, tuple[str, ...]] | None:
    """Return the quarter or the week that a name says, and its other words; None: neither."""
    said = _words(name)
    if (span := _SPANS.get("".join(said))) is not None:
        return span, ()
    spans = [one for one in said if one in _SPANS]
    rest = tuple(one for one in said if one not in _SPANS and one not in _OF_A_SPAN)
    return (_SPANS[spans[0]], rest) if len(spans) == 1 else None


def _words(name: str) -> tuple[str, ...]:
    """Words of a name, without accents."""
    return words("".join(one for one in normalize("NFKD", name) if not combining(one)))
