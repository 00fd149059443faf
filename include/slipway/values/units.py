"""Units beside numbers (`$5.20`, `5 %`), and parentheses around negative ones (`(1,200)`)."""

from __future__ import annotations

import re

from slipway.values.bad_value import BadValue

UNIT_BLANKS = " \u00a0\u202f\u2009"
"""Blanks that may stand between a number and its unit."""

_WITH_UNIT = re.compile(
    rf"(?=.*[^0-9.,'{UNIT_BLANKS}+()-])[+-]?(?:[^0-9+()-]{{1,4}}[{UNIT_BLANKS}]?)?"
    rf"[+-]?[0-9][0-9.,'{UNIT_BLANKS}]*[^0-9()]{{0,12}}",
    re.ASCII,
)
_IN_PARENTHESES = re.compile(
    r"[^0-9+()-]{0,4}\([^0-9+()-]{0,4}[0-9][0-9.,' ]*[^0-9()]{0,4}\).{0,4}"
)


def without_unit(text: str, unit: str | None, *, parentheses: bool) -> str:
    """Return a number's text without its unit, and with a minus in place of parentheses.

    The unit stands once, before the number (behind its sign or before it) or after it, with or
    without a blank; a text without it is left as it is.

    Args:
        text: Without blanks around it.
        unit: To the letter; None: there is none.
        parentheses: Whether they mean a negative number.
    """
    bare = text if unit is None else _without(text, unit)
    if not (parentheses and bare[:1] == "(" and bare[-1:] == ")"):
        return bare
    inner = bare[1:-1].strip(UNIT_BLANKS)
    if unit is not None and bare == text:
        inner = _without(inner, unit)
    # Neither a sign nor a second pair may stand inside: such a text is left to be refused.
    return bare if inner[:1] in {"+", "-", "(", ""} else f"-{inner}"


def _without(text: str, unit: str) -> str:
    sign = text[:1] if text[:1] in {"+", "-"} else ""
    rest = text[len(sign) :]
    if rest.startswith(unit):
        number = rest[len(unit) :]
        # The point of `Rs.500` belongs to the unit, where `$.50` is a fraction.
        is_cut = unit[-1].isalpha() and number[:1] in {".", ","}
        return text if is_cut else sign + number.lstrip(UNIT_BLANKS)
    return text[: -len(unit)].rstrip(UNIT_BLANKS) if text.endswith(unit) else text


def refused_unit(text: str, expected: str, unit: str | None) -> BadValue | None:
    """Return the refusal of a number with something beside it; None for other texts.

    Args:
        text: Without the column's own unit.
        expected: What the column holds, such as `number`.
        unit: Unit of the column; None: it has none.
    """
    if _IN_PARENTHESES.fullmatch(text):
        hint = "set `negative: parentheses` of the column if they mean a negative number"
        return BadValue("has parentheses around a number", hint=hint)
    if not _WITH_UNIT.fullmatch(text):
        return None
    if unit is None:
        hint = "deliver the number alone, or name what stands beside it in the column's `unit`"
        return BadValue(f"is no {expected}", hint=hint)
    hint = "a column has one unit, once in each text: convert the others before the delivery"
    return BadValue(f"is no {expected} with the unit `{unit}`", hint=hint)
