"""Compute drift distances by column, and draw the HTML report, with Evidently."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from evidently.presets import DataDriftPreset

from slipway.errors import NotComputable
from slipway.stages.monitor.columns import Columns


class DriftReports:
    """Fulfils monitoring's `Reports`; Evidently's API changes, so only this module uses it."""

    def distances(
        self, reference: pd.DataFrame, current: pd.DataFrame, *, columns: Columns
    ) -> dict[str, float]:
        """Return the distance of each column of `current` from that of `reference`; 0 is equal.

        A column without values in one of them has no distance and is left out.

        The statistic is called as Evidently's `ValueDrift` metric calls it, but without its plots,
        which make it thirty times slower.

        Args:
            reference: Rows to compare with.
            current: Rows to compare.
            columns: Columns, with the Evidently distance of each.

        Raises:
            NotComputable: Evidently returns no number for a column.
        """
        found: dict[str, float] = {}
        for name, method in columns.methods().items():
            kind = ColumnType.Numerical if name in columns.numeric else ColumnType.Categorical
            before, after = reference[name].dropna(), current[name].dropna()
            if len(before) and len(after):
                found[name] = _distance(name, method, kind, before, after)
        return found

    def html(
        self,
        reference: pd.DataFrame,
        current: pd.DataFrame,
        *,
        columns: Columns,
        thresholds: Mapping[str, float],
    ) -> bytes:
        """Return Evidently's HTML page of the same comparison, about 4.4 MB.

        Args:
            reference: Rows to compare with.
            current: Rows to compare.
            columns: Columns, with the Evidently distance of each.
            thresholds: Distance from which the page shows a column as drifted, by column;
                columns without one are left out.

        Raises:
            NotComputable: Evidently cannot draw the report.
        """
        names = [name for name in columns.names if name in thresholds]
        definition = DataDefinition(
            numerical_columns=[name for name in columns.numeric if name in thresholds],
            categorical_columns=[name for name in columns.categorical if name in thresholds],
        )
        preset = DataDriftPreset(
            columns=names,
            num_method=columns.numeric_method,
            cat_method=columns.categorical_method,
            per_column_threshold=dict(thresholds),
        )
        try:
            snapshot = Report([preset]).run(
                Dataset.from_pandas(current[names], data_definition=definition),
                Dataset.from_pandas(reference[names], data_definition=definition),
            )
            page: str = snapshot.get_html_str(as_iframe=False)
        except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
            raise NotComputable(
                "Evidently cannot draw the drift report", found=type(error).__name__
            ) from error
        return page.encode()


def _distance(
    name: str, method: str, kind: ColumnType, before: pd.Series, after: pd.Series
) -> float:
    try:
        test = get_stattest(before, after, kind, method)
        value = float(test(before, after, kind, None).drift_score)
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise NotComputable(
            f"Evidently has no {method} distance for a column",
            found=type(error).__name__,
            where=name,
        ) from error
    # NaN is the root of a divergence that rounding took below zero.
    return 0.0 if math.isnan(value) else value
