"""Distances are Evidently's, and the report is; so is the fake that unit tests use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.drift_report import DriftReports
from slipway.stages.monitor.drift.bin_distances import METHODS, shares_of
from slipway.stages.monitor.drift.distances import DriftReport
from slipway.stages.monitor.reference.bins import Bins, learn_bins
from slipway.stages.monitor.reference.columns import Columns
from tests.fakes.monitoring import PlainReports

COLUMNS = Columns(("wind", "score"), ("port",), "jensenshannon", "jensenshannon")


def sample(rows: int, *, seed: int) -> pd.DataFrame:
    """Rows with a numeric and a categorical column."""
    random = np.random.default_rng(seed)
    port = pd.Series(random.choice(["Oban", "Mallaig"], rows)).astype(object)
    return pd.DataFrame(
        {"wind": random.gamma(4, 3, rows), "score": random.random(rows), "port": port}
    )


@pytest.fixture(params=[DriftReports, PlainReports])
def reports(request: pytest.FixtureRequest) -> DriftReport:
    """Reports of each kind."""
    made: DriftReport = request.param()
    return made


def test_the_page_leads_with_what_it_is_given(reports: DriftReport) -> None:
    """The page is HTML, and has the columns that are named below the lead."""
    before, after = sample(500, seed=1), sample(500, seed=2)
    after["wind"] = np.nan
    page = reports.html(
        before, after, columns=COLUMNS, names=["score", "port"], lead="<h1>It drifts</h1>"
    ).decode()
    assert "<html" in page
    assert 0 < page.index("<h1>It drifts</h1>") < page.rindex("</html>")
    assert "port" in page


def test_evidently_says_nothing_on_drift() -> None:
    """Case 35: its sentences go by limits of its own, and contradicted the verdict."""
    before, after = sample(500, seed=1), sample(500, seed=2)
    page = drawn(before, after.assign(wind=after["wind"] * 9))
    data = page[page.index("var metric_") : page.index('<div id="root_metric_')]
    assert "Distributions in the reference and in this window" in data
    for told in ("etected", "Drift is", "Drift Score", "DRIFT", "Stat Test", "drift_score"):
        assert told not in data, told


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--<script>"])
def test_no_value_or_name_ends_the_script_of_the_page(text: str) -> None:
    """A category or a column may be called like a tag; it stays a text of the data."""
    before, after = sample(500, seed=1), sample(500, seed=2)
    after["port"] = text
    columns = replace(COLUMNS, numeric=(text, "score"))
    named = {"wind": text}
    page = drawn(before.rename(columns=named), after.rename(columns=named), columns)
    assert text not in page
    assert text.replace("<", "\\uff1c") in page


def drawn(before: pd.DataFrame, after: pd.DataFrame, columns: Columns = COLUMNS) -> str:
    """Evidently's page of all columns, without its library."""
    made = DriftReports().html(before, after, columns=columns, names=columns.names, lead="")
    return made.decode()


def binned(rows: pd.DataFrame, bins: dict[str, Bins]) -> pd.DataFrame:
    """The number of each value's bin, as Evidently is given it."""
    return pd.DataFrame({name: one.place(rows[name]) for name, one in bins.items()})


@pytest.mark.parametrize(
    ("column", "method"),
    [
        (column, method)
        for column in ("wind", "port")
        for method in ("jensenshannon", "psi", "wasserstein")
        if (column, method) != ("port", "wasserstein")
    ],
)
@pytest.mark.parametrize("change", [1.0, 1.1, 3.0])
def test_a_distance_of_bins_is_the_one_that_evidently_reports(
    column: str, method: str, change: float
) -> None:
    """Counts of bins give what Evidently's own `ValueDrift` metric gives for the bins' numbers."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    before, after = sample(2000, seed=1), sample(1000, seed=2)
    after["wind"] *= change
    after.loc[: 300 * (change - 1), "port"] = "Oban"
    if change > 2:
        after["port"] = "Oban"
    bins = learn_bins(before, COLUMNS)
    definition = DataDefinition(numerical_columns=["wind", "score"], categorical_columns=["port"])
    snapshot = Report([ValueDrift(column=column, method=method)]).run(
        Dataset.from_pandas(binned(after, bins), data_definition=definition),
        Dataset.from_pandas(binned(before, bins), data_definition=definition),
    )
    one, other = (
        np.bincount(bins[column].place(rows[column]), minlength=bins[column].count + 1)[:-1]
        for rows in (before, after)
    )
    found = METHODS[method].distance(shares_of(one), shares_of(other))
    assert found == pytest.approx(float(snapshot.dict()["metrics"][0]["value"]), abs=1e-9)
