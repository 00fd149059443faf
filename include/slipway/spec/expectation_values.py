"""Cast the values in arguments of expectations to the declared type of their column.

`min_value: "2020-01-01"` on a timestamp column is a time, and `value_set: [1, 2]` on a string
column holds texts. Arguments that count rows or characters, or name columns, are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.spec.yaml_reader import Where
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.value_types import LARGEST_EXACT, ColumnType, Value

Cast = Callable[[object, ColumnType], Value | None]
"""Casts a value for a column of some type, or raises `BadValue`."""

_HINTS: Mapping[ColumnType, str] = {
    "string": "write texts, in quotes where they look like something else",
    "integer": "write a whole number",
    "number": "write a plain number",
    "boolean": "write true or false",
    "timestamp": "write ISO 8601, such as 2013-05-01 or 2013-05-01T12:00:00Z",
}


@dataclass(frozen=True)
class RefusedArgument:
    """Value in an argument that does not fit the type of its column.

    Attributes:
        where: Its path below the arguments.
        given: The value as written.
        reason: To be read after the value, such as `is no number`.
        column: Name of the column.
        kind: Declared type of the column.
        hint: What would fit.
    """

    where: Where
    given: object
    reason: str
    column: str
    kind: ColumnType
    hint: str


def cast_arguments(
    expect: str, kwargs: Mapping[str, Any], types: Mapping[str, ColumnType]
) -> tuple[dict[str, Any], list[RefusedArgument]]:
    """Return the arguments with each value cast, and the values that do not fit.

    Args:
        expect: Great Expectations name.
        kwargs: Arguments; a value that does not fit stays as it is written.
        types: Declared types of the stream's columns, by name.
    """
    arguments: dict[str, Any] = _copied(kwargs)
    refused = []
    for where, cast, naming in _places(expect, arguments):
        column = arguments.get(naming)
        if not isinstance(column, str) or column not in types:
            continue
        kind = types[column]
        holder: Any = arguments
        for part in where[:-1]:
            holder = holder[part]
        given = holder[where[-1]]
        try:
            holder[where[-1]] = _present(cast(given, kind))
        except BadValue as error:
            reason = RefusedArgument(where, given, error.reason, column, kind, _HINTS[kind])
            refused.append(reason)
    return arguments, refused


def _places(expect: str, kwargs: Mapping[str, Any]) -> Iterator[tuple[Where, Cast, str]]:
    """Yield the path of each value, its cast, and the argument that names its column."""
    bound = _BOUNDS.get(expect)
    for name in ("min_value", "max_value"):
        if bound is not None and kwargs.get(name) is not None:
            yield (name,), bound, "column"
    for path in (("value_set",), ("partition_object", "values")):
        for index, _ in _items(kwargs, *path):
            yield (*path, index), parse, "column"
    yield from _places_in_pairs(kwargs)


def _places_in_pairs(kwargs: Mapping[str, Any]) -> Iterator[tuple[Where, Cast, str]]:
    path: Where = ("value_pairs_set",)
    for index, pair in _items(kwargs, *path):
        for side, naming in enumerate(("column_A", "column_B")[: _length(pair)]):
            yield (*path, index, side), parse, naming
    path = ("quantile_ranges", "value_ranges")
    for index, ends in _items(kwargs, *path):
        for side in range(_length(ends)):
            if ends[side] is not None:
                yield (*path, index, side), _average, "column"


def _items(kwargs: Mapping[str, Any], *path: str | int) -> list[tuple[int, Any]]:
    """Return the numbered items of a list, or nothing where there is another value."""
    value: Any = kwargs
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return list(enumerate(value)) if isinstance(value, list) else []


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def _copied(value: Any) -> Any:
    """Return a copy that holds lists instead of tuples."""
    if isinstance(value, Mapping):
        return {name: _copied(part) for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list | tuple) else value


def _present(value: Value | None) -> Value:
    if value is None:
        raise BadValue("means a missing value")
    return value


def _bound(value: object, kind: ColumnType) -> Value | None:
    """Cast a bound of the values themselves."""
    if kind == "string":
        raise BadValue("is a bound, and texts have no bounds; use a `value_set` or a regex")
    cast = parse(value, kind)
    if isinstance(cast, int) and abs(cast) > LARGEST_EXACT:
        raise BadValue("is a bound beyond 2^53, where bounds are not compared exactly")
    return cast


def _average(value: object, kind: ColumnType) -> Value | None:
    """Cast a bound of a mean or a quantile, which may have a fraction part."""
    return _bound(value, "number" if kind in {"integer", "boolean"} else kind)


def _sum(value: object, kind: ColumnType) -> Value | None:
    """Cast a bound of a sum or a standard deviation, which is a number."""
    if kind == "timestamp":
        raise BadValue("is a bound of a number, and times have none")
    return _average(value, kind)


_BOUNDS: Mapping[str, Cast] = {
    "expect_column_values_to_be_between": _bound,
    "expect_column_max_to_be_between": _bound,
    "expect_column_min_to_be_between": _bound,
    "expect_column_mean_to_be_between": _average,
    "expect_column_median_to_be_between": _average,
    "expect_column_sum_to_be_between": _sum,
    "expect_column_stdev_to_be_between": _sum,
}
"""Casts of `min_value` and `max_value`, where these are in the unit of the column."""
