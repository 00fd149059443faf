"""Give nullable integers to some expectations in another form.

Great Expectations compares columns with one another, and takes quantiles, by code that fails on a
missing value of a nullable integer, and not on one of a float. Whether values are between two
bounds it asks of each nullable integer by itself, and of a whole column of any other numbers.
"""

from __future__ import annotations

import pandas as pd
from great_expectations.expectations.expectation import (
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)

from slipway.adapters.expectations.offered import offered
from slipway.spec import Expectation
from slipway.values.value_types import LARGEST_EXACT

_OF_ONE_COLUMN = frozenset(
    {"expect_column_quantile_values_to_be_between", "expect_column_values_to_be_between"}
)


def takes_plain_integers(expectation: Expectation) -> bool:
    """Return whether an expectation is not computed on nullable integers, or only slowly."""
    kind = offered()[expectation.expect]
    across = issubclass(kind, ColumnPairMapExpectation | MulticolumnMapExpectation)
    return across or expectation.expect in _OF_ONE_COLUMN


def with_plain_integers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose integers are `int64`, or `float64` where some are missing.

    A column with integers that no float holds exactly stays as it is: bounds are floats.
    """
    # Not by `assign`, which takes no column `self`.
    plain = frame.copy(deep=False)
    for name in frame.columns[frame.dtypes == "Int64"]:
        if frame[name].between(-LARGEST_EXACT, LARGEST_EXACT).all():
            plain[name] = frame[name].astype("float64" if frame[name].hasnans else "int64")
    return plain
