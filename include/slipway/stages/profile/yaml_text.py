"""Spell names and remarks in YAML."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*( [A-Za-z0-9_]+)*")
_MEANT_OTHERWISE = frozenset(
    {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
)
_LONGEST_COMMENT = 160


def quoted(text: str) -> str:
    """Return a text as a scalar: as it is where that is one, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _MEANT_OTHERWISE:
        return text
    return json.dumps(text, ensure_ascii=False)


def comment(text: str) -> str:
    """Return a text as it may stand in a comment: in one line, and not too long."""
    plain = re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+", " ", text).strip()
    return plain if len(plain) <= _LONGEST_COMMENT else f"{plain[:_LONGEST_COMMENT]}…"
