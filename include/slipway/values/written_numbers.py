"""Turn whole columns of numbers with declared marks and units into plain texts, with kernels."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from slipway.values.text_format import TextFormat
from slipway.values.units import UNIT_BLANKS

if TYPE_CHECKING:
    import pyarrow as pa

_SPECIAL = frozenset(r"\.+*?()|[]{}^$-")


def plain_texts(texts: pa.Array, fmt: TextFormat, *, fractions: bool) -> pa.Array:
    """Return each text as it is spelt with a point, and null for those that need a closer look.

    Args:
        texts: Without blanks around them.
        fmt: Spelling.
        fractions: Whether a text may have a fraction.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    is_certain = pc.match_substring_regex(texts, _pattern(fmt, fractions=fractions))
    found = pc.if_else(
        pc.fill_null(is_certain, fill_value=False), texts, pa.scalar(None, texts.type)
    )
    if fmt.unit is not None:
        found = pc.replace_substring(found, fmt.unit, "")
        found = pc.utf8_trim(found, UNIT_BLANKS)
        found = pc.replace_substring_regex(found, f"^-[{UNIT_BLANKS}]+", "-")
    if fmt.thousands is not None:
        found = pc.replace_substring(found, fmt.thousands, "")
    return found if fmt.decimal == "." else pc.replace_substring(found, fmt.decimal, ".")


@lru_cache(maxsize=256)
def _pattern(fmt: TextFormat, *, fractions: bool) -> str:
    """Texts that are certain: a sign, the unit on one side, groups of three or digits, a fraction.

    Up to 15 digits of whole numbers are exact. Parentheses always need a closer look.
    """
    number = "[0-9]{1,15}"
    if fmt.thousands is not None:
        number = f"(?:[1-9][0-9]{{0,2}}(?:{_literal(fmt.thousands)}[0-9]{{3}}){{1,4}}|{number})"
    if fractions:
        number += f"(?:{_literal(fmt.decimal)}[0-9]{{1,30}})?"
    if fmt.unit is None:
        return f"^-?{number}$"
    unit, blanks = _literal(fmt.unit), f"[{UNIT_BLANKS}]*"
    return f"^-?(?:(?:{unit}{blanks})?{number}|{number}{blanks}{unit})$"


def _literal(text: str) -> str:
    """A text as RE2 has it, which knows not all of Python's escapes."""
    return "".join(f"\\{one}" if one in _SPECIAL else one for one in text)
