"""Compute drift distances by column, and draw the HTML report, with Evidently."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from evidently.presets import DataDriftPreset

from slipway.errors import NotComputable
from slipway.stages.monitor.columns import Columns

_QUICK = "jensenshannon"
"""A distance that the page does not show, and Evidently asks for."""

_VERDICTS = frozenset({"data_drift", "stattest_name", "drift_score"})
_BY_POSITION = "DATA DRIFT"
"""Evidently's plot of a column by the position of its rows, which are a sample in no order."""

_DATA = re.compile(r"<script>\s*var metric_[0-9a-f]{32} = ")
_ROOT = re.compile(r'<div id="root_metric_[0-9a-f]{32}">')


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
        names: Sequence[str],
        lead: str,
    ) -> bytes:
        """Return a page that leads with a verdict and has Evidently's plots below it, about 4 MB.

        Evidently's own sentences on drift go by limits of its own, and are left out.

        Args:
            reference: Rows to compare with.
            current: Rows to compare.
            columns: Columns.
            names: Which of them to draw.
            lead: HTML that stands first.

        Raises:
            NotComputable: Evidently cannot draw the report.
        """
        definition = DataDefinition(
            numerical_columns=[name for name in columns.numeric if name in names],
            categorical_columns=[name for name in columns.categorical if name in names],
        )
        drawn = list(names)
        try:
            table = DataDriftPreset(
                columns=drawn, num_method=_QUICK, cat_method=_QUICK, include_tests=False
            )
            snapshot = Report([table]).run(
                Dataset.from_pandas(current[drawn], data_definition=definition),
                Dataset.from_pandas(reference[drawn], data_definition=definition),
            )
            page = _with_lead(snapshot.get_html_str(as_iframe=False), lead)
        except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
            raise NotComputable(
                "Evidently cannot draw the drift report", found=type(error).__name__
            ) from error
        return page.encode()


def _with_lead(page: str, lead: str) -> str:
    """The page with a lead, and with the distributions alone of what Evidently has to say.

    No text of its data ends the script that they stand in.
    """
    root, begin = _ROOT.search(page), _DATA.search(page)
    end = -1 if root is None else page.rfind("</script>", 0, root.start())
    if root is None or begin is None or end < begin.end():
        raise NotComputable("Evidently's page has another form than expected")
    data, length = json.JSONDecoder().raw_decode(page[begin.end() : end])
    drawn = json.dumps(_distributions(data)) + page[begin.end() + length : end]
    safe = drawn.replace("<", "\\u003c")
    return f"{page[: begin.end()]}{safe}{page[end : root.start()]}{lead}{page[root.start() :]}"


def _distributions(data: dict[str, Any]) -> dict[str, Any]:
    """Evidently's table of columns with their distributions, without its verdicts on them."""
    (group,) = data["widgets"]
    (table,) = [widget for widget in group["widgets"] if widget["type"] == "big_table"]
    shown = [one for one in table["params"]["columns"] if one["field"] not in _VERDICTS]
    rows = []
    for row in table["params"]["data"]:
        parts = [one for one in row["details"]["parts"] if one["title"] != _BY_POSITION]
        kept = {name: value for name, value in row.items() if name not in _VERDICTS}
        rows.append({**kept, "details": {"parts": parts}})
    params = {**table["params"], "columns": shown, "data": rows}
    title = "Distributions in the reference and in this window"
    return {
        **data,
        "widgets": [{**group, "widgets": [{**table, "title": title, "params": params}]}],
    }


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
