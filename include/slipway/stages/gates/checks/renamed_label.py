"""Renamed label: a feature that is the target under another name, or in other words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.spec.metrics import has_classes
from slipway.stages.gates.check import Contest, GateCheck, Measured, judged_features
from slipway.stages.gates.column_alone import FEWEST
from slipway.stages.gates.gate_numbers import finite

if TYPE_CHECKING:
    import pandas as pd

SHARE, COLUMN = "renamed_label", "renamed_label.column"
"""Largest share of rows on which a feature equals the target, and which it is."""

_CLOSE = 1e-9
_FIRST = 1000
"""Rows in which a column of many values shows more than there are classes."""


@dataclass(frozen=True)
class RenamedLabelCheck(GateCheck):
    """No feature may be the target."""

    prefix: str = SHARE

    def measure(self, contest: Contest) -> Measured:
        """Compare each feature with the target, in training rows and holdout."""
        if contest.gates.sanity.renamed_label is False:
            return Measured()
        import pandas as pd

        target = pd.concat([contest.training_actual, contest.actual], ignore_index=True)
        equal = same_words if has_classes(contest.spec.task) else same_numbers
        found: dict[str, float] = {}
        for name in judged_features(contest):
            both = [contest.training[name], contest.rows[name]]
            found[name] = equal(pd.concat(both, ignore_index=True), target)
        if not found:
            return Measured({SHARE: 0.0})
        most = max(found, key=lambda name: found[name])
        return Measured({SHARE: found[most], COLUMN: most})

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield the feature that is the target."""
        limit, share = gates.sanity.renamed_label, finite(numbers.get(SHARE))
        if limit is not False and share is not None and share >= limit:
            yield (
                f"the column {numbers[COLUMN]} is the target under another name: they agree on "
                f"{share:.2%} of the rows (below {limit:.2%} is allowed); leave it out of the "
                "features, or name it in `gates.sanity.known_columns`"
            )

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that the features were not compared with the target."""
        if gates.sanity.renamed_label is not False and finite(numbers.get(SHARE)) is None:
            yield (
                "whether a feature is the target under another name was not measured "
                "(`gates.sanity.renamed_label: false` leaves it out)"
            )


def same_words(values: pd.Series[Any], target: pd.Series[Any]) -> float:
    """Return the least share of a class's rows whose value is the one that means the class.

    0 where the column has more values than there are classes, or too few rows of a class.

    Args:
        values: Values of a column, of shape (n_rows,).
        target: Codes of the classes, of shape (n_rows,).
    """
    import pandas as pd

    classes = target.nunique()
    if values.iloc[:_FIRST].nunique() > classes + 1:
        return 0.0
    codes, words = pd.factorize(values.astype("object"), use_na_sentinel=False)
    if not 1 < len(words) <= classes + 1:
        return 0.0
    table = pd.crosstab(pd.Series(codes), target.reset_index(drop=True))
    if table.to_numpy().sum(axis=0).min() < FEWEST:
        return 0.0
    means = table.idxmax(axis=1)
    told = pd.Series(codes).map(means) == target.reset_index(drop=True)
    return float(told.groupby(target.to_numpy()).mean().min())


def same_numbers(values: pd.Series[Any], target: pd.Series[Any]) -> float:
    """Return the share of rows on which a column of numbers equals the target.

    The commonest value of the target does not count: where it stands nearly everywhere, so may
    the column's.

    Args:
        values: Values of a column, of shape (n_rows,).
        target: Numbers, of shape (n_rows,).
    """
    import numpy as np
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(values):
        return 0.0
    numbers, wanted = (one.to_numpy(np.float64, na_value=np.nan) for one in (values, target))
    found, counts = np.unique(wanted, return_counts=True)
    asked = wanted != found[counts.argmax()] if len(found) else np.zeros(0, bool)
    if asked.sum() < FEWEST:
        return 0.0
    close = np.isclose(numbers[asked], wanted[asked], rtol=_CLOSE, atol=0)
    return float(close.mean())
