"""Distances and the report: Evidently's, and the fake that unit tests use."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.drift_report import DriftReports
from slipway.errors import NotComputable
from slipway.stages.monitor.columns import Columns
from slipway.stages.monitor.distances import DriftReport
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


def test_equal_samples_are_at_distance_zero(reports: DriftReport) -> None:
    """A sample has distance 0 from itself."""
    rows = sample(500, seed=1)
    assert reports.distances(rows, rows.copy(), columns=COLUMNS) == pytest.approx(
        {"wind": 0, "score": 0, "port": 0}, abs=1e-6
    )


def test_a_change_stands_out_from_noise(reports: DriftReport) -> None:
    """The changed column is much further away than the unchanged ones; nulls do not count."""
    before, after = sample(5000, seed=1), sample(1000, seed=2)
    after["wind"] *= 1.609
    after.loc[:50, ["wind", "score", "port"]] = None
    found = reports.distances(before, after, columns=COLUMNS)
    assert found["wind"] > 3 * max(found["score"], found["port"])


def test_a_new_category_stands_out(reports: DriftReport) -> None:
    """A category that the reference does not know is far away."""
    before, after = sample(5000, seed=1), sample(1000, seed=2)
    after["port"] = "Atlantis"
    assert reports.distances(before, after, columns=COLUMNS)["port"] > 0.5


def test_a_column_without_values_has_no_distance(reports: DriftReport) -> None:
    """A column without values on one side is left out of the distances."""
    before, after = sample(500, seed=1), sample(500, seed=2)
    after["wind"] = np.nan
    after["port"] = None
    assert list(reports.distances(before, after, columns=COLUMNS)) == ["score"]
    assert list(reports.distances(after, before, columns=COLUMNS)) == ["score"]


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
    assert text.replace("<", "\\u003c") in page


def drawn(before: pd.DataFrame, after: pd.DataFrame, columns: Columns = COLUMNS) -> str:
    """Evidently's page of all columns, without its library."""
    made = DriftReports().html(before, after, columns=columns, names=columns.names, lead="")
    return made.decode()


def test_both_agree_about_jensen_shannon() -> None:
    """The fake computes Evidently's distances."""
    before, after = sample(5000, seed=1), sample(1000, seed=2)
    plain = PlainReports().distances(before, after, columns=COLUMNS)
    assert DriftReports().distances(before, after, columns=COLUMNS) == pytest.approx(plain)


@pytest.mark.parametrize("method", ["psi", "wasserstein"])
def test_every_numeric_method_of_the_spec_is_a_distance(method: str) -> None:
    """Evidently has each method, and more change is more distance."""
    columns = replace(COLUMNS, numeric_method=method, categorical_method="psi")
    before, after = sample(5000, seed=1), sample(1000, seed=2)
    near = DriftReports().distances(before, after, columns=columns)
    far = DriftReports().distances(before, after.assign(wind=after["wind"] * 2), columns=columns)
    assert all(math.isfinite(value) for value in near.values())
    assert far["wind"] > 5 * near["wind"]


def test_the_distance_is_the_one_that_evidently_reports() -> None:
    """The statistic called directly is the one of Evidently's own `ValueDrift` metric."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    before, after = sample(2000, seed=1), sample(1000, seed=2)
    definition = DataDefinition(numerical_columns=["wind", "score"], categorical_columns=["port"])
    snapshot = Report([ValueDrift(column=c, method="jensenshannon") for c in COLUMNS.names]).run(
        Dataset.from_pandas(after, data_definition=definition),
        Dataset.from_pandas(before, data_definition=definition),
    )
    values = [float(metric["value"]) for metric in snapshot.dict()["metrics"]]
    found = DriftReports().distances(before, after, columns=COLUMNS)
    assert [found[name] for name in COLUMNS.names] == pytest.approx(values)


def test_evidentlys_own_errors_become_ours() -> None:
    """Texts in a numeric column raise an error that names the column and no value."""
    rows = sample(100, seed=1)
    with pytest.raises(NotComputable) as refused:
        DriftReports().distances(
            rows, rows.assign(wind=[f"gale {n}" for n in range(100)]), columns=COLUMNS
        )
    assert refused.value.where == "wind"
    assert "gale" not in str(refused.value)
