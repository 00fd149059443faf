"""Snapshot and training: pinned rows, a model with its origin, and fenced attempts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.model_package import load_package
from slipway.errors import NotComputable, NotFound, RegistryUnavailable, SpecError, Superseded
from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from slipway.spec.training import Training
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.model.manifest import REFERENCE
from slipway.stages.train.splitting import split_by_time
from tests.support import ferry_dataset
from tests.support.training_env import InterruptedLearner, TrainingEnv, spec

DAY = timedelta(days=1)


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """Sixty days of labelled crossings."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    return made


def _deliver_late(env: TrainingEnv, rows: pd.DataFrame, *, delivery: int) -> None:
    """Publish labels with a given number in the order of deliveries."""
    env.store.create("runs/ferries/late/ingest/attempt-0001.json", b"{}")
    env.tables.publish(
        "ferries/labels",
        [rows[["crossing", "late"]].assign(_delivery=delivery)],
        batch="late",
        writer="late",
        attempt=Attempt(env.store, RunRef("ferries", "late", "ingest"), 1),
        note={},
    )


def test_a_snapshot_pins_every_table_and_the_clock(env: TrainingEnv) -> None:
    """The record has versions, event clock and range of labels."""
    verdict = env.snapshot(env.ask()).verdict
    newest = ferry_dataset.START + timedelta(minutes=36 * (60 * ferry_dataset.ROWS_PER_DAY - 1))
    assert verdict.action == "pinned"
    assert verdict.numbers["features_version"] == env.tables.version("ferries/features")
    assert verdict.numbers["labels_version"] == env.tables.version("ferries/labels")
    assert verdict.numbers["as_of"] == newest.isoformat()
    # The row at the clock itself counts.
    assert verdict.numbers["labelled_rows"] == 60 * ferry_dataset.ROWS_PER_DAY
    assert verdict.numbers["window_start"] == ferry_dataset.START.isoformat()


def test_training_reads_what_was_pinned_however_much_has_landed_since(env: TrainingEnv) -> None:
    """A batch between snapshot and training changes nothing."""
    request = env.ask()
    pinned = env.snapshot(request).verdict
    env.land(ferry_dataset.crossings(days=30, start=ferry_dataset.START + 60 * DAY))
    numbers = env.train(request).verdict.numbers
    assert numbers["training_rows"] + numbers["holdout_rows"] == pinned.numbers["labelled_rows"]
    assert numbers["holdout_end"] == pinned.numbers["window_end"]


def test_later_labels_are_not_used(env: TrainingEnv) -> None:
    """Rebuilt years later, a training set holds no label that had not been delivered by then."""
    pins = Snapshot.from_numbers(env.snapshot(env.ask()).verdict.numbers)
    later = ferry_dataset.crossings(days=10, start=ferry_dataset.START + 60 * DAY)
    ferry_dataset.publish(env.tables, later, delivery=7)
    corrected = ferry_dataset.crossings(days=60).head(50)
    _deliver_late(env, corrected.assign(late=1 - corrected["late"]), delivery=8)
    today = Snapshot.from_numbers(env.snapshot(env.ask("today")).verdict.numbers)
    then = replace(today, as_of=pins.as_of)

    def seen(at: Snapshot) -> pd.DataFrame:
        return read_labelled(env.tables, env.dataset, at, columns=["wind"], target="late")

    pd.testing.assert_frame_equal(seen(then), seen(pins))
    assert seen(today)["late"].head(50).tolist() == (1 - corrected["late"]).tolist()


def test_a_key_delivered_twice_counts_as_delivered_last(env: TrainingEnv) -> None:
    """A correction in another batch replaces a label and adds no row."""
    rows = ferry_dataset.crossings(days=60)
    env.land(ferry_dataset.crossings(days=5, start=ferry_dataset.START + 60 * DAY))
    corrected = rows.head(50).assign(late=1 - rows["late"].head(50))
    _deliver_late(env, corrected, delivery=9)
    pins = Snapshot.from_numbers(env.snapshot(env.ask()).verdict.numbers)
    seen = read_labelled(env.tables, env.dataset, pins, columns=["wind"], target="late")
    assert seen["crossing"].is_unique
    assert seen["late"].head(50).tolist() == corrected["late"].tolist()


def test_a_snapshot_needs_tables_and_labels(tmp_path: Path) -> None:
    """No table, no label, or too few labels: `NotComputable`."""
    env = TrainingEnv.in_memory(tmp_path)
    with pytest.raises(NotComputable, match="ferries/features"):
        env.snapshot(env.ask())
    rows = ferry_dataset.crossings(days=60)
    ferry_dataset.publish(env.tables, rows)
    with pytest.raises(NotComputable, match="ferries/labels"):
        env.snapshot(env.ask())
    ferry_dataset.publish(env.tables, rows, labels=rows.head(400))
    with pytest.raises(NotComputable, match="too few labelled rows"):
        env.snapshot(env.ask())


def test_training_comes_after_its_snapshot(env: TrainingEnv) -> None:
    """Without pins there are no rows."""
    with pytest.raises(NotFound):
        env.train(env.ask())


def test_a_run_has_its_origin(env: TrainingEnv) -> None:
    """Person, code, data, seed and reason are tags of the MLflow run."""
    request = env.ask()
    pinned = env.snapshot(request).verdict.numbers
    evidence = env.train(request).verdict.evidence
    run = env.tracking.runs[evidence["mlflow_run"]]
    assert run.status == "FINISHED"
    assert (
        run.tags.items()
        >= {
            "slipway.run_key": "ferry_delay/request-000001",
            "slipway.dag": "ferry_delay__train",
            "slipway.run": "manual",
            "slipway.try": "1",
            "slipway.request": "1",
            "slipway.reason": request.reason,
            "slipway.git_commit": "c0ffee",
            "slipway.lock_sha256": "10c4",
            "slipway.seed": "7",
            "slipway.features_version": str(pinned["features_version"]),
            "slipway.labels_version": str(pinned["labels_version"]),
        }.items()
    )
    assert [(table.name, table.version) for table in run.tables] == [
        ("ferries/features", pinned["features_version"]),
        ("ferries/labels", pinned["labels_version"]),
    ]
    assert run.params["estimator"] == "sklearn.linear_model.LogisticRegression"


def test_a_version_carries_its_reference_in_time_order(env: TrainingEnv, tmp_path: Path) -> None:
    """Raw features, event time, score and part of a sample of all labelled rows."""
    request = env.ask()
    env.snapshot(request)
    verdict = env.train(request).verdict
    folder = env.tracking.download(
        verdict.evidence["model_uri"], tmp_path / "v", sha256=verdict.evidence["manifest_sha256"]
    )
    package = load_package(folder)
    reference = pd.read_parquet(folder / REFERENCE)
    assert list(reference) == ["wind", "port", "departs", "_part", "_score"]
    assert reference["departs"].is_monotonic_increasing
    assert (package.predict(reference) == reference["_score"]).all()
    parts = reference.groupby("_part")["departs"]
    assert parts.max()["training"] < parts.min()["holdout"]
    assert package.manifest["training_end"] == parts.max()["training"].isoformat()


def test_a_training_records_its_engine(env: TrainingEnv) -> None:
    """The record has the numbers of the parity gate, and so do the version's tags."""
    request = env.ask()
    env.snapshot(request)
    verdict = env.train(request).verdict
    numbers = verdict.numbers
    assert numbers["engine"] == "onnx"
    assert f"Engine onnx: {numbers['engine_reason']}." in verdict.reason
    assert 0 <= float(numbers["parity_max_difference"] or 0) <= 1e-6
    assert int(numbers["parity_rows"] or 0) > 2_000
    assert float(numbers["engine_seconds"] or 0) > 0


def test_a_version_is_tagged_with_its_engine(env: TrainingEnv) -> None:
    """The registry shows the engine and its difference to the pipeline."""
    request = env.ask()
    env.until_gate(request)
    env.promote(request)
    challenger = env.registry.alias(env.spec.model, "challenger")
    assert challenger is not None
    assert challenger.tags["slipway.engine"] == "onnx"
    assert "differ by at most" in challenger.tags["slipway.engine_reason"]
    assert float(challenger.tags["slipway.parity_max_difference"]) <= 1e-6
    assert int(challenger.tags["slipway.parity_rows"]) > 2_000


def test_a_repeat_returns_the_record(env: TrainingEnv) -> None:
    """Training twice is one run and one model."""
    request = env.ask()
    env.snapshot(request)
    assert env.train(request) == env.train(request)
    assert len(env.tracking.runs) == 1


def test_mlflow_down_in_the_middle_costs_one_attempt(env: TrainingEnv) -> None:
    """The next attempt finishes and closes the open run."""
    request = env.ask()
    env.snapshot(request)
    outage = InterruptedLearner(env, lambda: setattr(env.tracking, "answers", False))
    with pytest.raises(RegistryUnavailable):
        env.train(request, learner=outage)
    with pytest.raises(RegistryUnavailable):
        env.train(request)
    env.tracking.answers = True
    record = env.train(request)
    assert record.attempt == 3
    assert [run.status for run in env.tracking.runs.values()] == ["KILLED", "FINISHED"]


def test_a_late_attempt_registers_nothing(env: TrainingEnv) -> None:
    """A late attempt finds its run closed and is refused."""
    request = env.ask()
    env.snapshot(request)
    with pytest.raises(Superseded):
        env.train(request, learner=InterruptedLearner(env, lambda: env.train(request)))
    assert env.train(request).attempt == 2
    assert [run.status for run in env.tracking.runs.values()] == ["KILLED", "FINISHED"]
    assert len(list(env.tracking.root.iterdir())) == 1


def test_a_failed_attempt_is_a_failed_run(env: TrainingEnv) -> None:
    """MLflow's page does not show it as running for ever."""
    request = env.ask()
    env.snapshot(request)

    def fail() -> None:
        raise SpecError("no such estimator")

    with pytest.raises(SpecError):
        env.train(request, learner=InterruptedLearner(env, fail))
    assert [run.status for run in env.tracking.runs.values()] == ["FAILED"]


@given(
    days=st.integers(3, 40),
    holdout_days=st.integers(1, 20),
    window_days=st.none() | st.integers(1, 20),
)
def test_the_holdout_follows_the_training_rows(
    days: int, holdout_days: int, window_days: int | None
) -> None:
    """For any lengths no row is in both, and time separates them."""
    rows = pd.DataFrame({"at": pd.date_range("2013-01-01", periods=days * 4, freq="6h", tz="UTC")})
    lengths = Training(holdout_days=holdout_days, window_days=window_days, min_rows=1)
    try:
        parts = split_by_time(rows, event_time="at", training=lengths)
    except NotComputable:
        assert days <= holdout_days
        return
    assert parts.training["at"].max() < parts.holdout["at"].min()
    assert parts.holdout["at"].max() == rows["at"].max()
    assert parts.holdout["at"].max() - parts.holdout["at"].min() <= holdout_days * DAY
    length = parts.holdout["at"].min() - parts.training["at"].min()
    assert window_days is None or length <= window_days * DAY


def test_a_model_may_say_where_its_holdout_begins() -> None:
    """`split` of pipeline.py moves the border; the order in time still holds."""
    rows = pd.DataFrame({"at": pd.date_range("2013-01-01", periods=40, freq="D", tz="UTC")})
    start = datetime(2013, 1, 20, tzinfo=UTC)
    parts = split_by_time(rows, event_time="at", training=Training(min_rows=1), holdout_start=start)
    assert parts.span("holdout") == ("2013-01-20T00:00:00+00:00", "2013-02-09T00:00:00+00:00")
    assert parts.span("training")[1] == "2013-01-19T00:00:00+00:00"


def test_too_few_training_rows_are_refused(env: TrainingEnv) -> None:
    """Enough labels for a snapshot may be too few without the holdout."""
    env.spec = spec(training={"holdout_days": 55, "min_rows": 500})
    request = env.ask()
    env.snapshot(request)
    with pytest.raises(NotComputable, match="too few training rows"):
        env.train(request)
