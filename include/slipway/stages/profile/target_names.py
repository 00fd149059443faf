"""How surely the name of a column says that it is what is to be predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from slipway.stages.profile.names import words

Kind = Literal["classes", "numbers", "any"]


@dataclass(frozen=True)
class _Strength:
    """Points of a word: as the whole name, as its last word, and anywhere else in it."""

    whole: int
    last: int
    within: int
    kind: Kind = "any"


_SURE = _Strength(120, 95, 45)
_CLASS = _Strength(100, 70, 30, "classes")
_KNOWN = _Strength(80, 60, 20)
_QUANTITY = _Strength(80, 60, 20, "numbers")
_VAGUE = _Strength(60, 35, 10)
_ALONE = _Strength(80, 20, 0)

_WORDS: Mapping[str, _Strength] = {
    **dict.fromkeys(("target", "label", "labels", "response", "outcome", "churn"), _SURE),
    **dict.fromkeys(("churned", "attrition", "survived", "exited", "fraud", "fraudulent"), _SURE),
    **dict.fromkeys(("spam", "readmitted", "readmission", "subscribed"), _SURE),
    **dict.fromkeys(("converted", "conversion", "purchased", "canceled", "cancelled"), _SURE),
    **dict.fromkeys(("died", "death", "deceased", "bankrupt", "bankruptcy", "defaulted"), _SURE),
    **dict.fromkeys(("disease", "stroke", "satisfaction", "satisfied", "approved"), _SURE),
    **dict.fromkeys(("callback", "callbacks", "hired"), _SURE),
    **dict.fromkeys(("class", "species", "diagnosis", "variety", "cultivar", "deposit"), _CLASS),
    **dict.fromkeys(("weather", "segment", "sentiment", "purchase", "risk", "winner"), _CLASS),
    **dict.fromkeys(("delay", "delayed", "late", "failure", "defect", "default"), _KNOWN),
    **dict.fromkeys(("quality", "price", "prices", "medv", "saleprice", "cnt"), _QUANTITY),
    **dict.fromkeys(("demand", "sales", "charges", "charge", "revenue", "rings"), _QUANTITY),
    **dict.fromkeys(("mpg", "salary", "wage", "wages", "cost", "costs", "fare"), _QUANTITY),
    **dict.fromkeys(("strength", "consumption", "yield", "energy", "ridership"), _QUANTITY),
    **dict.fromkeys(("count", "rides", "rentals", "calories", "emissions", "tip"), _QUANTITY),
    **dict.fromkeys(("rating", "grade", "score", "status", "result", "type", "left"), _VAGUE),
    **dict.fromkeys(("value", "val", "amount", "load", "output", "bad"), _VAGUE),
    **dict.fromkeys(("category", "group", "expenditure", "points", "balance"), _VAGUE),
    "income": _Strength(80, 15, 0, "classes"),
    "volume": _Strength(40, 30, 10, "numbers"),
    "call": _Strength(85, 10, 0, "classes"),
    "y": _ALONE,
    "classes": _CLASS,
}
_PHRASES: Mapping[tuple[str, ...], int] = {
    ("loan", "status"): 85,
    ("cover", "type"): 85,
    ("house", "value"): 85,
    ("home", "value"): 85,
    ("default", "payment"): 90,
}
_AHEAD = frozenset({"tomorrow", "next", "future", "upcoming"})
_EARLIER = frozenset({"previous", "prev", "prior", "past", "lag", "lagged", "history", "yesterday"})
_FLAGS = frozenset({"is", "has", "was", "will", "did", "have", "been"})
_SUFFIXES = frozenset({"flag", "indicator", "ind", "reported", "range", "binary", "yn", "cat"})
_LONG = 5
"""Letters of a word from which on it is found at the end of a longer one."""

_OF_OTHERS = frozenset({"per", "of", "in", "by", "at", "for", "on"})


def points_of_name(name: str, *, is_class: bool) -> int:
    """Return from 0 to about 100 how surely a name is that of a target.

    Args:
        name: Name of the column.
        is_class: Whether its values are few that repeat.
    """
    said = _bare(words(name))
    if not said:
        return 0
    found = max((_points(said, at, is_class=is_class) for at in range(len(said))), default=0)
    phrase = max((points for one, points in _PHRASES.items() if _holds(said, one)), default=0)
    points = max(found, phrase)
    if _AHEAD & set(said):
        points = max(60, points)
    return points // 3 if _EARLIER & set(said) else points


def _points(said: Sequence[str], at: int, *, is_class: bool) -> int:
    strength = _WORDS.get(said[at]) or _of_an_ending(said[at])
    if strength is None or (strength.kind == "numbers" and is_class and not _may_be_classes(said)):
        return 0
    points = strength.whole if len(said) == 1 else strength.last
    if at < len(said) - 1:
        points = strength.within
    return points if strength.kind != "classes" or is_class else points // 3


def _of_an_ending(word: str) -> _Strength | None:
    """Strength of words that are written together, such as `houseprice`."""
    for known, strength in _WORDS.items():
        if len(known) >= _LONG and word.endswith(known):
            return _Strength(strength.last, strength.last * 2 // 3, 0, strength.kind)
    return None


def _may_be_classes(said: Sequence[str]) -> bool:
    """Whether whole numbers of few values may be a quantity all the same, as a quality is."""
    return said[-1] in {"quality", "rings", "cnt", "count"}


def _bare(said: Sequence[str]) -> tuple[str, ...]:
    """Words of a name without flags in front, endings that say nothing, and what it is per."""
    kept = [one for one in said if not one.isdigit()]
    for at, one in enumerate(kept):
        if at and one in _OF_OTHERS:
            kept = kept[:at]
            break
    while len(kept) > 1 and kept[0] in _FLAGS:
        kept = kept[1:]
    while len(kept) > 1 and kept[-1] in _SUFFIXES:
        kept = kept[:-1]
    return tuple(kept)


def _holds(said: Sequence[str], phrase: tuple[str, ...]) -> bool:
    size = len(phrase)
    return any(tuple(said[at : at + size]) == phrase for at in range(len(said) - size + 1))
