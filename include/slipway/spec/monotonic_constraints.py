"""Monotonic constraints as specs write them: a list of signs, or XGBoost's text of one."""

from __future__ import annotations

import re

_SIGNS = frozenset({-1, 0, 1})
_TEXT = re.compile(r"\(\s*[+-]?[01]\s*(?:,\s*[+-]?[01]\s*)*,?\s*\)")


def constraints_of(given: object) -> tuple[int, ...] | None:
    """Return the signs by feature: -1, 0 or 1; None if this is no list of them.

    Args:
        given: A list such as `[1, 0, -1]`, or a text such as `(1, 0, -1)`.
    """
    if isinstance(given, str) and _TEXT.fullmatch(given.strip()):
        return tuple(int(sign) for sign in re.findall(r"[+-]?[01]", given))
    if not isinstance(given, list | tuple):
        return None
    if not all(type(sign) is int and sign in _SIGNS for sign in given):
        return None
    return tuple(given)
