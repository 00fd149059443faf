"""The reason in an error of an estimator or of a `pipeline.py`, without values of the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

LONGEST = 400
MASK = "\u2026"
_WHERE = re.compile(r"^\[[0-9:]+\] \S+?:\d+: ")
_CONDITION = re.compile(r"^Check failed: .*?: (?=\S)")
_STACK = re.compile(r"\n\s*Stack trace:.*", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w])")
_OF_PARAMS = "InvalidParameterError"
"""scikit-learn's error about a parameter; its text is made of the parameter alone."""


def reason_of(error: Exception, *, known: Iterable[object], rows: pd.DataFrame) -> str:
    """Return an error's class and reason, with numbers and quoted texts masked.

    Kept are what the specs say (names, params and their values) and counts of rows and columns.
    Texts that occur in the rows are masked wherever they stand.

    Args:
        error: As a library or a `pipeline.py` raised it.
        known: Texts and numbers that are no data.
        rows: Rows that the error may quote.
    """
    text = _STACK.sub("", str(error))
    # A failed condition is code, and left out where a reason stands behind it.
    text = _CONDITION.sub("", " ".join(_WHERE.sub("", text).split()))
    name = type(error).__name__
    if name != _OF_PARAMS:
        kept = set(_spellings(known))
        for value in _values_in(text, rows):
            if value not in kept:
                text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, text)
        text = _QUOTED.sub(lambda one: one[0] if one[0][1:-1] in kept else MASK, text)
        text = _NUMBER.sub(lambda one: one[0] if one[0] in kept else MASK, text)
    short = text if len(text) <= LONGEST else f"{text[:LONGEST]} {MASK}"
    return f"{name}: {short}" if short else name


def _spellings(known: Iterable[object]) -> Iterator[str]:
    for value in known:
        if isinstance(value, dict):
            yield from _spellings([*value, *value.values()])
        elif isinstance(value, list | tuple):
            yield from _spellings([len(value), *value])
        else:
            yield str(value)


def _values_in(text: str, rows: pd.DataFrame) -> Iterator[str]:
    """Texts of the rows that an error's text holds, the longest first."""
    found: set[str] = set()
    for name in range(rows.shape[1]):
        column: pd.Series[Any] = rows.iloc[:, name]
        if not pd.api.types.is_numeric_dtype(column):
            found |= {str(value) for value in column.dropna().unique() if str(value) in text}
    return iter(sorted(found - {""}, key=len, reverse=True))
