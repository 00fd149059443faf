"""Give nullable integers to the expectations that cannot compute with them in another form.

Great Expectations compares columns with one another, and takes quantiles, by code that fails on a
missing value of a nullable integer, and not on one of a float.
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


def needs_plain_integers(expectation: Expectation) -> bool:
    """Return whether an expectation cannot be computed on nullable integers."""
    kind = offered()[expectation.expect]
    across = issubclass(kind, ColumnPairMapExpectation | MulticolumnMapExpectation)
    return across or expectation.expect == "expect_column_quantile_values_to_be_between"


def with_plain_integers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose integers are `int64`, or `float64` where some are missing.

    A column with missing values and integers that no float holds exactly stays as it is.
    """
    plain = {
        name: frame[name].astype("float64" if frame[name].hasnans else "int64")
        for name in frame.columns[frame.dtypes == "Int64"]
        if not frame[name].hasnans or (frame[name].abs() <= LARGEST_EXACT).all()
    }
    return frame.assign(**plain)
