"""What an expectation asks for, in words: its bounds, its values or its pattern."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from slipway.values.value_types import canonical_text

SHOWN = 5
"""Values of a set that are named."""

_LONGEST = 60


def bounds_text(expect: str, kwargs: Mapping[str, Any]) -> str:
    """Return the bounds of an expectation, to be read after its name; empty: its name tells.

    Args:
        expect: Great Expectations name.
        kwargs: Its arguments.
    """
    return ", ".join(_bounds(expect, kwargs))


def _bounds(expect: str, kwargs: Mapping[str, Any]) -> Iterator[str]:
    low, high, exact = (kwargs.get(name) for name in ("min_value", "max_value", "value"))
    if low is not None:
        yield f"{'more than' if kwargs.get('strict_min') else 'at least'} {_shown(low)}"
    if high is not None:
        yield f"{'less than' if kwargs.get('strict_max') else 'at most'} {_shown(high)}"
    if exact is not None and expect.endswith("_to_equal"):
        yield f"exactly {_shown(exact)}"
    values = kwargs.get("value_set")
    if isinstance(values, Sequence) and not isinstance(values, str):
        yield f"{'none' if '_not_be_in_' in expect else 'one'} of {_listed(values)}"
    pattern = kwargs.get("regex")
    if isinstance(pattern, str):
        yield f"{'no match' if '_not_match_' in expect else 'a match'} of {_shown(pattern)}"


def _listed(values: Sequence[Any]) -> str:
    more = len(values) - SHOWN
    shown = ", ".join(map(_shown, values[:SHOWN]))
    return f"{shown} and {more:,} more" if more > 0 else shown


def _shown(value: Any) -> str:
    if isinstance(value, float):
        text = f"{value:.10g}"
    elif isinstance(value, bool | int | str | datetime):
        text = canonical_text(value)
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
