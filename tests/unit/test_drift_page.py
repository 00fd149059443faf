"""The page of a window leads with the verdict, its limits and every column, in plain HTML."""

from __future__ import annotations

import re
from html import unescape

import pandas as pd

from slipway.adapters.drift_report import DriftReports
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.drift.calibration import Calibration
from slipway.stages.monitor.drift.distances import Comparison
from slipway.stages.monitor.drift.drift_page import drift_sections, drift_title
from slipway.stages.monitor.drift.usual_distance import Usual
from slipway.stages.monitor.quality.check import QualityFinding
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.monitor.windows.windows import parse_monitored_window
from slipway.stages.report.html_page import as_part
from tests.fakes.memory_store import MemoryStore
from tests.unit.test_drift import measured

TAG = "</script><script>alert(1)</script>"
COLUMNS = Columns(("wind", TAG, "score"), ("port",), "jensenshannon", "jensenshannon")
DISTANCES = {"wind": 0.5, "score": 0.1, TAG: 0.01, "port": 0.02}


def comparison(calibration: Calibration | None) -> Comparison:
    """A window at some distances."""
    return Comparison(900, 9000, [], DISTANCES, calibration, blocks=20)


def texts(lead: str) -> list[str]:
    """The cells of a page's table."""
    return [unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", lead)]


def lead(calibration: Calibration | None, *found: QualityFinding) -> str:
    """The lead of a page."""
    verdict = Verdict("drifting", "It drifts.")
    monitored = parse_monitored_window("2013-05-v3", "month")
    sections = drift_sections(verdict, comparison(calibration), COLUMNS, quality=found)
    return as_part(drift_title("ferry_delay", monitored, verdict), sections)


def test_the_lead_has_the_verdict_and_every_column_with_its_limit() -> None:
    """The farthest one first, the answers named apart from the features."""
    centres = {"wind": 0.1, "score": 0.1, TAG: 0.02, "port": 0.025}
    usual = {name: Usual(centre, centre, power=1.0) for name, centre in centres.items()}
    calibration = Calibration(20, 500, usual, 2.0, alarm_rate=0.01, resolved_rate=1 / 21)
    made = lead(calibration)
    assert "<h1>ferry_delay version 3, 2013-05: drifting</h1>" in made
    assert "It drifts." in made
    assert "A window drifts where a column is above its limit" in unescape(made)
    rows = [texts(made)[at : at + 8] for at in range(0, 32, 8)]
    assert rows == [
        ["wind", "feature", "0.5000", "0.3000", "5.00", "", "", "drifting"],
        ["score", "prediction", "0.1000", "0.3000", "1.00", "", "", "ordinary"],
        ["port", "feature", "0.0200", "0.0750", "0.80", "", "", "ordinary"],
        [TAG, "feature", "0.0100", "0.0600", "0.50", "", "", "ordinary"],
    ]


def test_without_limits_the_columns_are_only_observed() -> None:
    """Too few blocks are said to be so."""
    made = lead(None)
    assert "too few for a limit" in made
    observed = ["wind", "feature", "0.5000", "none", "", "", "", "only observed"]
    assert texts(made)[:8] == observed


def test_no_name_and_no_finding_is_taken_for_a_tag() -> None:
    """Names of columns come from the outside."""
    finding = QualityFinding("calendar", TAG, f"{TAG} is odd", 1.0, 0.05, "drifting")
    made = lead(None, finding)
    assert "alert(1)" in made
    assert "<script" not in made


def test_the_page_of_a_drifting_window_contradicts_it_nowhere() -> None:
    """Case 35: with Evidently's own plots, read as text, the page says one thing."""

    def changed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(port=TAG)

    store = MemoryStore()
    verdict = measured(changed, reports=DriftReports(), store=store).verdict
    page = store.read(verdict.evidence["report"]).decode()
    assert verdict.action == "drifting"
    assert "ferry_delay version 1, 2013-04: drifting" in page
    assert TAG not in page
    before = page[: page.index('<div id="root_metric_')]
    assert not re.search("drift is not|not detected|is detected", before, re.IGNORECASE)
