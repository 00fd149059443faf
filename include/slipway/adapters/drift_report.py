"""Draw the HTML report of drift with Evidently."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from slipway.errors import NotComputable
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.report.content_policy import content_policy

_QUICK = "jensenshannon"
"""A distance that the page does not show, and Evidently asks for."""

_VERDICTS = frozenset({"data_drift", "stattest_name", "drift_score"})
_BY_POSITION = "DATA DRIFT"
"""Evidently's plot of a column by the position of its rows, which are a sample in no order."""

_DATA = re.compile(r"<script>\s*var metric_[0-9a-f]{32} = ")
_ROOT = re.compile(r'<div id="root_metric_[0-9a-f]{32}">')
_HEAD = re.compile(r'<meta charset="UTF-8">')
_SCRIPT = re.compile(r"<script>(.*?)</script", re.DOTALL)
_LESS = "\\uff1c"
"""Fullwidth sign that stands for `<` in the data, since plots read tags in their texts."""


class DriftReports:
    """Fulfils monitoring's `DriftReport`; Evidently's API changes, so only this module uses it."""

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

    No text of its data is a tag, and the page runs its own scripts alone and reaches no network.
    """
    head, root, begin = _HEAD.search(page), _ROOT.search(page), _DATA.search(page)
    end = -1 if root is None else page.rfind("</script>", 0, root.start())
    if head is None or root is None or begin is None or end < begin.end():
        raise NotComputable("Evidently's page has another form than expected")
    data, length = json.JSONDecoder().raw_decode(page[begin.end() : end])
    drawn = json.dumps(_distributions(data)) + page[begin.end() + length : end]
    before = f"{page[: begin.end()]}{drawn.replace('<', _LESS)}{page[end : root.start()]}"
    after = page[root.start() :]
    policy = content_policy(_SCRIPT.findall(before + after))
    return f"{before[: head.end()]}{policy}{before[head.end() :]}{lead}{after}"


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
