"""Drift of one window: hard findings first, then the largest ratio, on the version's own rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from slipway.errors import BadParameter, NotComputable, NotFound
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.store import encode
from slipway.spec import DatasetSpec
from slipway.stages.monitor.drift.calibration import Calibration
from slipway.stages.monitor.drift.distances import Comparison, DriftReport
from slipway.stages.monitor.drift.judge_drift import judge_drift
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.drift.usual_distance import Usual
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry, PlainReports, UnreadableLog
from tests.support import ferry_dataset

ORIGIN = {"by": "a test"}
APRIL = datetime(2013, 4, 1, tzinfo=UTC)


def registry_of_one_version(*, days: int = 90) -> MonitoringRegistry:
    """A registry with version 1, trained on the first days of the year."""
    reference = ferry_dataset.crossings(days=days).drop(columns=["crossing", "late"])
    return MonitoringRegistry(
        "ferry_delay",
        references={1: reference.assign(part="training")},
        numeric=["wind"],
        categorical=["port"],
    )


def measured(
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    *,
    registry: MonitoringRegistry | None = None,
    days: int = 30,
    store: MemoryStore | None = None,
    reports: DriftReport | None = None,
    torn: datetime | None = None,
    dataset: DatasetSpec | None = None,
) -> RunRecord:
    """The drift record of April, after a change of its rows."""
    rows = change(ferry_dataset.logged(ferry_dataset.crossings(days=days, start=APRIL, seed=2)))
    return measure_drift(
        ferry_dataset.model(),
        dataset or ferry_dataset.dataset(),
        window="2013-04-v1",
        context=RunContext(store or MemoryStore(), ORIGIN),
        registry=registry or registry_of_one_version(),
        log=UnreadableLog(rows, torn=torn) if torn else MemoryLog(rows),
        reports=reports or PlainReports(),
    )


def test_a_month_like_the_reference_is_ok() -> None:
    """A window drawn like the reference is ok, with its numbers."""
    verdict = measured().verdict
    assert verdict.action == "ok"
    assert verdict.numbers["rows"] == 30 * ferry_dataset.ROWS_PER_DAY
    assert verdict.numbers["blocks"] == 28
    assert verdict.numbers["alarm_rate"] == 0.01
    assert "28 blocks of 3.2 days" in verdict.reason
    assert "would show 3.4%" in verdict.reason


def test_a_window_of_a_deleted_version_fails_with_its_name() -> None:
    """Case 4: its reference went with it; the error says that the version is lost."""
    registry = registry_of_one_version()
    registry.deleted = {1}
    with pytest.raises(NotFound, match="version 1 of ferry_delay cannot be measured"):
        measured(registry=registry)


def test_a_changed_unit_is_drift_of_that_column() -> None:
    """A conversion of knots to km/h is named, with distance and threshold."""
    verdict = measured(lambda rows: rows.assign(wind=rows["wind"] * 1.609)).verdict
    assert verdict.action == "drifting"
    assert "wind" in verdict.reason
    assert verdict.numbers["distance.wind"] > verdict.numbers["distance_limit.wind"]


def test_shifted_scores_are_drift_though_no_feature_moved() -> None:
    """The score is monitored like a feature."""
    verdict = measured(lambda rows: rows.assign(score=rows["score"] ** 0.6)).verdict
    assert verdict.action == "drifting"
    assert "score" in verdict.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.drop(columns="wind"), "wind has no values"),
        (lambda rows: rows.assign(port=None), "port has no values"),
        (
            lambda rows: rows.assign(wind=rows["wind"].where(rows.index % 5 > 0)),
            "wind is null in 20",
        ),
        (lambda rows: rows.assign(wind=-1.0), "wind is outside the reference's values in 100.0%"),
        (lambda rows: rows.assign(port="Atlantis"), "port is outside the reference's values"),
        (lambda rows: rows.assign(wind="gale"), "wind has no values"),
        (lambda rows: rows.assign(wind=np.inf), "wind has no values"),
    ],
    ids=["no-column", "all-null", "nulls", "range", "category", "text", "infinite"],
)
def test_strange_values_are_drift_whatever_the_distances_say(
    change: Callable[[pd.DataFrame], pd.DataFrame], reason: str
) -> None:
    """Missing columns, nulls, values out of range and unseen categories are hard findings."""
    verdict = measured(change).verdict
    assert verdict.action == "drifting"
    assert reason in verdict.reason


def test_a_finding_hides_no_drifting_column() -> None:
    """The reason has both the column with strange values and the one that drifts."""
    verdict = measured(lambda rows: rows.assign(port=None, wind=rows["wind"] * 1.609)).verdict
    assert "port has no values" in verdict.reason
    assert "wind is" in verdict.reason
    assert "28 blocks of 3.2 days" in verdict.reason


def test_a_reference_with_few_blocks_only_observes() -> None:
    """Without enough blocks there is no threshold, and no verdict by default."""
    verdict = measured(registry=registry_of_one_version(days=9)).verdict
    assert verdict.action == "inconclusive"
    assert "9 days tell of each column what 1 independent stretch " in verdict.reason
    assert "a limit needs 20" in verdict.reason
    assert "distance.wind" in verdict.numbers


def test_a_reference_with_few_rows_only_observes() -> None:
    """Blocks of fewer rows than a window needs stand for none, however many days there are."""
    thin = registry_of_one_version()
    thin.references[1] = thin.references[1].iloc[::6]
    verdict = measured(registry=thin).verdict
    assert verdict.action == "inconclusive"
    assert "90 days have 4 blocks of at least 100 rows, and a limit needs 10" in verdict.reason


def test_strange_values_are_found_without_blocks_too() -> None:
    """Hard findings need no calibration."""
    verdict = measured(
        lambda rows: rows.assign(wind=-1.0), registry=registry_of_one_version(days=9)
    ).verdict
    assert verdict.action == "drifting"


def test_too_few_predictions_tell_nothing() -> None:
    """A window below `min_rows` is inconclusive, with its number of rows."""
    verdict = measured(days=2).verdict
    assert (verdict.action, verdict.numbers["rows"]) == ("inconclusive", 80)


def test_other_versions_rows_do_not_count() -> None:
    """A window with a change of champion is measured on each version's own rows."""
    verdict = measured(lambda rows: rows.assign(version=[1] * 150 + [2] * 1050)).verdict
    assert verdict.numbers["rows"] == 150


@pytest.mark.parametrize("known_to", ["version", "dataset"])
@pytest.mark.parametrize(
    "change",
    [lambda rows: rows.assign(port="5a7bf7a40c3c0011"), lambda rows: rows.drop(columns="port")],
    ids=["hash", "drop"],
)
def test_personal_columns_are_not_monitored(
    change: Callable[[pd.DataFrame], pd.DataFrame], known_to: str
) -> None:
    """The verdict names them; the other columns decide."""
    registry, pii = registry_of_one_version(), {"port": "hash"}
    if known_to == "version":
        registry.pii = pii
        registry.references[1] = registry.references[1].drop(columns="port")
    dataset = ferry_dataset.dataset(pii=pii if known_to == "dataset" else None)
    for louder, action in ((1.0, "ok"), (1.609, "drifting")):
        verdict = measured(
            lambda rows, louder=louder: change(rows.assign(wind=rows["wind"] * louder)),
            registry=registry,
            dataset=dataset,
        ).verdict
        assert verdict.action == action
        assert verdict.reason.endswith("Not watched: personal data (port).")
        assert not [name for name in verdict.numbers if "port" in name]


def test_a_measured_window_is_not_measured_again() -> None:
    """Late rows do not change a verdict."""
    store = MemoryStore()
    first = measured(store=store)
    assert measured(lambda rows: rows.assign(wind=-1.0), store=store) == first


def test_the_report_lies_in_the_store_and_the_verdict_is_small() -> None:
    """The evidence is the report's URI; the verdict fits into an XCom."""
    store = MemoryStore()
    verdict = measured(store=store).verdict
    assert verdict.evidence == {"report": "reports/ferry_delay/2013-04-v1.html"}
    assert b"wind" in store.read(verdict.evidence["report"])
    assert len(encode(verdict.to_json())) < 8192


class NoPages(PlainReports):
    """Reports that cannot draw."""

    def html(self, *_: object, **__: object) -> bytes:
        """Raise."""
        raise NotComputable("it cannot be drawn")


def test_a_window_whose_log_is_torn_is_inconclusive() -> None:
    """The verdict names the unreadable segment."""
    verdict = measured(torn=APRIL).verdict
    assert verdict.action == "inconclusive"
    assert "not readable (predictions/ferry_delay/day=2013-04-01/a.parquet)" in verdict.reason


def test_a_page_stands_without_its_plots() -> None:
    """Verdict and distances are no plots."""
    store = MemoryStore()
    verdict = measured(lambda rows: rows.assign(wind=-1.0), reports=NoPages(), store=store).verdict
    assert verdict.action == "drifting"
    assert verdict.reason.endswith("Without plots: it cannot be drawn.")
    page = store.read(verdict.evidence["report"]).decode()
    assert "ferry_delay version 1, 2013-04: drifting" in page


def test_a_version_without_a_reference_is_an_error() -> None:
    """There is nothing to compare with."""
    with pytest.raises(NotFound, match="has no reference"):
        measured(registry=MonitoringRegistry("ferry_delay", numeric=["wind"]))


def test_a_window_of_another_unit_is_refused() -> None:
    """The window must be one of the spec's unit."""
    with pytest.raises(BadParameter):
        measure_drift(
            ferry_dataset.model(),
            ferry_dataset.dataset(),
            window="2013-04-01-v1",
            context=RunContext(MemoryStore(), ORIGIN),
            registry=registry_of_one_version(),
            log=MemoryLog(pd.DataFrame()),
            reports=PlainReports(),
        )


def test_a_large_window_is_compared_by_a_sample_and_counted_whole() -> None:
    """The verdict says so; repeated keys and volume are those of all rows."""

    def many(rows: pd.DataFrame) -> pd.DataFrame:
        copies = [rows.assign(request_id=rows["request_id"] + f"-{one}") for one in range(copied)]
        return pd.concat(copies, ignore_index=True)

    copied = 20_000 // (30 * ferry_dataset.ROWS_PER_DAY) + 1
    count = copied * 30 * ferry_dataset.ROWS_PER_DAY
    verdict = measured(many).verdict
    assert verdict.action == "ok"
    assert f"A sample of 20,000 of its {count:,} predictions was compared." in verdict.reason
    assert verdict.numbers["sampled_rows"] == 20_000
    assert verdict.numbers["rows"] == verdict.numbers["rows_per_window"] == count
    assert verdict.numbers["repeated_keys"] == 1.0
    assert "sampled_rows" not in measured().verdict.numbers


def test_a_column_at_its_limit_is_no_drift() -> None:
    """The limit is the largest distance of a window without an alarm, so it raises none itself."""

    def judged(distance: float) -> str:
        usual = {"wind": Usual(0.5, 0.25, power=1.0)}
        calibration = Calibration(20, 500, usual, 4.0, alarm_rate=0.01, resolved_rate=1 / 21)
        comparison = Comparison(900, 9000, [], {"wind": distance}, calibration)
        return judge_drift(comparison, ferry_dataset.model().monitoring).action

    assert [judged(distance) for distance in (1.5, 1.5000001)] == ["ok", "drifting"]
