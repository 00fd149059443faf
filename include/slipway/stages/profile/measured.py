"""What a sample of a file shows about each column: type, missing values, range, categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from slipway.stages.profile.column_types import Texts, TypeGuess, guess_type
from slipway.stages.profile.sentinels import find_sentinel
from slipway.stages.profile.spellings import Spelling
from slipway.stages.profile.whole_numbers import are_integers
from slipway.values.arrays import cast_array
from slipway.values.text_format import TextFormat
from slipway.values.value_types import ColumnType

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MOST_CATEGORIES = 50
"""Categories that an expectation lists, and that one column each is made of at least cost."""

_SHAPES = 400
_FEWEST_NUMBERS = 4


@dataclass(frozen=True)
class Column:
    """A column as a sample shows it.

    Attributes:
        name: As the file has it.
        position: From 0.
        guess: Type, and why.
        sample: Cast values of the sample: float64, text, or moments in UTC; missing where refused.
    """

    name: str
    position: int
    guess: TypeGuess
    sample: pd.Series[Any] = field(repr=False, compare=False)

    @property
    def type(self) -> ColumnType:
        """Declared type."""
        return self.guess.type

    @property
    def is_numeric(self) -> bool:
        """Whether it is of numbers or truth values."""
        return self.type in {"integer", "number", "boolean"}

    @cached_property
    def counts(self) -> pd.Series[Any]:
        """Rows by value, the commonest first, without missing ones."""
        return self.sample.value_counts(sort=True)

    @cached_property
    def known(self) -> int:
        """Rows of the sample with a value."""
        return int(self.sample.notna().sum())

    @property
    def distinct(self) -> int:
        """Number of different values."""
        return len(self.counts)

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value."""
        return 1 - self.known / max(1, len(self.sample))

    @property
    def distinct_share(self) -> float:
        """Different values among those that are there."""
        return self.distinct / max(1, self.known)

    @property
    def is_unique(self) -> bool:
        """Whether each row has a value of its own."""
        return self.known == len(self.sample) == self.distinct > 1

    @cached_property
    def is_counter(self) -> bool:
        """Whether it counts the rows, by one, in their order."""
        if self.type != "integer" or not self.is_unique:
            return False
        steps = self.sample.diff().iloc[1:]
        return bool(len(steps)) and bool((steps == steps.iloc[0]).all()) and steps.iloc[0] >= 1

    def shapes(self) -> list[str]:
        """Some of its texts."""
        return [str(one) for one in self.counts.index[:_SHAPES]]


@dataclass(frozen=True)
class Measured:
    """A file as a sample of its rows shows it.

    Attributes:
        columns: By name, in the order of the file; those that no spec can declare are missing.
        rows: Rows of the whole file.
        left_out: Columns that no spec can declare, with the reason.
        spelling: Spelling of numbers.
        marks: Texts that mean a missing value in every column.
        broken: Lines that are no rows.
    """

    columns: Mapping[str, Column]
    rows: int
    left_out: Mapping[str, str] = field(default_factory=dict)
    spelling: Spelling = field(default_factory=Spelling)
    marks: tuple[str, ...] = ()
    broken: int = 0

    @property
    def sampled(self) -> int:
        """Rows of the sample."""
        return next((len(one.sample) for one in self.columns.values()), 0)

    @property
    def share(self) -> float:
        """Rows of the file for each row of the sample."""
        return self.rows / max(1, self.sampled)


def texts_of(array: pa.Array, spelling: Spelling) -> Texts:
    """Return the distinct texts of a column, in the order of their first rows."""
    import pyarrow.compute as pc

    counted = pc.value_counts(array.drop_null())
    names, rows = counted.field(0).to_pylist(), counted.field(1).to_pylist()
    return Texts(dict(zip(names, rows, strict=True)), spelling)


def measure_column(
    name: str, position: int, array: pa.Array, *, spelling: Spelling, marks: Sequence[str] = ()
) -> Column:
    """Return a column as its sample shows it.

    Args:
        name: Its name.
        position: Of the column in the file.
        array: Cells as the reader returns them.
        spelling: Of numbers in texts.
        marks: Marks of missing values that other columns have.
    """
    import pyarrow as pa

    texts = Texts({}, spelling)
    if pa.types.is_string(array.type):
        texts = texts_of(array, spelling)
        guess = guess_type(name, texts)
        texts = texts if guess.spelling is None else replace(texts, numbers=guess.spelling)
    else:
        guess = _typed(array.type)
    fmt = texts.spelling((*guess.marks, *marks), timestamp=guess.format)
    column = Column(name, position, guess, to_series(cast_array(array, guess.type, fmt).values))
    if guess.type == "number" and are_integers(name, column.sample):
        column = _as_integers(column, array, fmt)
        guess = column.guess
    sentinel = _sentinel(column)
    if sentinel is None:
        return column
    spelled = _spelled(sentinel, texts, guess.type)
    why = replace(guess, marks=tuple(sorted({*guess.marks, *spelled})))
    return Column(name, position, why, column.sample.where(column.sample != sentinel))


def _as_integers(column: Column, array: pa.Array, fmt: TextFormat) -> Column:
    """The column as one of integers; itself where a text of it is none, such as 1e400."""
    cast = cast_array(array, "integer", fmt)
    sample = to_series(cast.values)
    if int(sample.notna().sum()) < column.known:
        return column
    why = f"{column.guess.why}, whole ones alone"
    return Column(
        column.name, column.position, replace(column.guess, type="integer", why=why), sample
    )


def _spelled(number: int, texts: Texts, kind: ColumnType) -> set[str]:
    """Texts by which a column has a number, such as -200 and -200,0."""
    import pyarrow as pa

    names = list(texts.counts)
    cast = to_series(cast_array(pa.array(names, pa.string()), kind, texts.spelling()).values)
    found = {name.strip() for name, value in zip(names, cast, strict=True) if value == number}
    return found | {str(number)}


def _sentinel(column: Column) -> int | None:
    """The number that means that there is no value, in a column of numbers."""
    if column.type not in {"integer", "number"} or column.distinct < _FEWEST_NUMBERS:
        return None
    return find_sentinel(column.sample.dropna().to_numpy(float))


def to_series(values: pa.Array) -> pd.Series[Any]:
    """Return cast values as they are counted and compared."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_timestamp(values.type):
        return pd.Series(values.to_pandas(), dtype="datetime64[us, UTC]")
    if pa.types.is_string(values.type):
        return pd.Series(values.to_pandas(), dtype=object)
    if pa.types.is_boolean(values.type):
        return pd.Series(values.cast(pa.int8()).cast(pa.float64()).to_numpy(zero_copy_only=False))
    if pa.types.is_integer(values.type) and not values.null_count:
        # Identifiers beyond 2^53 stay apart.
        return pd.Series(values.to_numpy(zero_copy_only=False))
    return pd.Series(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _typed(kind: pa.DataType) -> TypeGuess:
    import pyarrow as pa

    is_moment = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    table: tuple[tuple[bool, ColumnType], ...] = (
        (pa.types.is_boolean(kind), "boolean"),
        (pa.types.is_integer(kind), "integer"),
        (pa.types.is_floating(kind) or pa.types.is_decimal(kind), "number"),
        (is_moment, "timestamp"),
    )
    for fits, name in table:
        if fits:
            return TypeGuess(name, f"the file has it as {kind}", is_day=pa.types.is_date(kind))
    return TypeGuess("string", f"the file has it as {kind}")
