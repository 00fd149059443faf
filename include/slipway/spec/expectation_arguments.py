"""Find arguments of expectations that no rows can be judged by, whatever the column's type."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PAIR = 2
_SHARES = 1e-6


def argument_faults(kwargs: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the arguments, to be read after the expectation's name.

    Args:
        kwargs: Arguments, values cast to the type of their column.
    """
    yield from _patterns(kwargs)
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if _is_above(low, high):
        yield "has a `min_value` above its `max_value`, so nothing is between them"
    elif low is not None and low == high and (kwargs.get("strict_min") or kwargs.get("strict_max")):
        yield "has equal bounds of which one is strict, so nothing is between them"
    yield from _quantiles(kwargs.get("quantile_ranges"))
    pairs = kwargs.get("value_pairs_set")
    if isinstance(pairs, list) and any(not _is_pair(one) for one in pairs):
        yield "has an item in `value_pairs_set` that is no pair of values"
    yield from _partition(kwargs.get("partition_object"))


def _patterns(kwargs: Mapping[str, Any]) -> Iterator[str]:
    listed = kwargs.get("regex_list")
    for pattern in (kwargs.get("regex"), *(listed if isinstance(listed, list) else ())):
        if not isinstance(pattern, str):
            continue
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            yield f"has a regular expression that Python refuses: {error}"


def _quantiles(given: object) -> Iterator[str]:
    if not isinstance(given, Mapping):
        return
    quantiles, ranges = given.get("quantiles"), given.get("value_ranges")
    if not isinstance(quantiles, list) or not isinstance(ranges, list):
        return
    if len(quantiles) != len(ranges):
        yield f"has {len(quantiles)} quantiles and {len(ranges)} `value_ranges`"
    if any(not isinstance(one, int | float) or not 0 <= one <= 1 for one in quantiles):
        yield "has a quantile that is no number from 0 to 1"
    for number, one in enumerate(ranges, start=1):
        if not _is_pair(one):
            yield f"has no pair of a lowest and a highest value as item {number} of `value_ranges`"
        elif _is_above(*one):
            yield f"has a lowest value above the highest in item {number} of `value_ranges`"


def _partition(given: object) -> Iterator[str]:
    if not isinstance(given, Mapping):
        return
    values, bins, weights = (given.get(name) for name in ("values", "bins", "weights"))
    if not isinstance(weights, list) or not all(isinstance(one, int | float) for one in weights):
        return
    for name, parts, more in (("values", values, 0), ("bins", bins, 1)):
        if isinstance(parts, list) and len(parts) != len(weights) + more:
            yield f"has {len(parts)} {name} and {len(weights)} weights in `partition_object`"
    tails = given.get("tail_weights")
    every = [*weights, *(tails if isinstance(tails, list) else ())]
    if not math.isclose(math.fsum(every), 1, abs_tol=_SHARES):
        yield "has weights in `partition_object` that do not add up to 1"


def _is_pair(given: object) -> bool:
    return isinstance(given, list | tuple) and len(given) == _PAIR


def _is_above(low: Any, high: Any) -> bool:
    """Whether two bounds are given, can be compared, and are in the wrong order."""
    try:
        return low is not None and high is not None and bool(low > high)
    except TypeError:
        return False
