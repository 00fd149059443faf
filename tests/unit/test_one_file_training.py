"""A ring on one file: requests, training, gates and monitoring read labels from the features."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from slipway.records.run_context import RunContext
from slipway.stages.import_version.regate import pin_newest_rows
from slipway.stages.model.manifest import REFERENCE, open_sealed
from slipway.stages.monitor.performance.measure_performance import measure_performance
from slipway.stages.train.accept_request import accept
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry
from tests.support import ferry_dataset
from tests.support.performance_tools import performance_tools
from tests.support.training_env import ORIGIN, TrainingEnv

DATASET = ferry_dataset.dataset(one_file=True)


def _publish(tables: MemoryTables, rows: pd.DataFrame, *, labelled: int) -> None:
    known = rows.assign(
        late=rows["late"]
        .astype("Int64")
        .where(range(len(rows)) < pd.Series([labelled] * len(rows)))
    )
    ferry_dataset.publish(tables, known, one_file=True)


def _env(folder: Path, *, labelled: int = 2000) -> TrainingEnv:
    env = TrainingEnv.in_memory(folder)
    env.dataset = DATASET
    _publish(env.tables, ferry_dataset.crossings(days=60), labelled=labelled)
    return env


def test_a_model_is_trained_and_gated_on_one_file(tmp_path: Path) -> None:
    """On the rows that have a label, from one pinned table."""
    env = _env(tmp_path)
    request = env.ask()
    pinned = env.snapshot(request).verdict
    assert pinned.numbers["labelled_rows"] == 2000
    assert pinned.numbers["features_without_label"] == 400
    assert pinned.numbers["features_version"] == pinned.numbers["labels_version"] == 1
    assert "Version 1 of features and labels as of" in pinned.reason
    env.train(request)
    env.evaluate(request)
    assert env.gate(request).verdict.action == "promote"
    (run,) = env.tracking.runs.values()
    assert [one.name for one in run.tables] == ["ferries/features"]


def test_a_label_is_neither_in_the_signature_nor_in_the_reference(tmp_path: Path) -> None:
    """A client never sends one, and its drift is not measured."""
    env = _env(tmp_path)
    request = env.ask()
    env.snapshot(request)
    evidence = env.train(request).verdict.evidence
    folder = env.tracking.download(
        evidence["model_uri"], tmp_path / "version", sha256=evidence["manifest_sha256"]
    )
    assert [one["name"] for one in open_sealed(folder)["features"]] == ["wind", "port"]
    assert "late" not in pd.read_parquet(folder / REFERENCE)


def test_rows_with_a_label_are_counted_for_requests() -> None:
    """Rows without one are none of the labels that a first training waits for."""
    store, tables = MemoryStore(), MemoryTables()
    spec = ferry_dataset.model()
    registry = MonitoringRegistry(spec.model)

    def ask() -> str:
        context = RunContext(store, dict(ORIGIN))
        return accept(spec, DATASET, context=context, tables=tables, registry=registry).action

    rows = ferry_dataset.crossings(days=60)
    _publish(tables, rows, labelled=900)
    assert ask() == "nothing"
    _publish(tables, rows, labelled=1100)
    assert ask() == "accept"


def test_performance_joins_predictions_with_labels_of_the_features_rows() -> None:
    """The same numbers as with labels of their own."""
    rows, tables = ferry_dataset.crossings(days=31), MemoryTables()
    _publish(tables, rows, labelled=1200)
    record = measure_performance(
        ferry_dataset.model(),
        DATASET,
        window="2013-01-v1",
        context=RunContext(MemoryStore(), {"by": "a test"}),
        registry=MonitoringRegistry("ferry_delay", tags={1: {"slipway.metric.roc_auc": "0.65"}}),
        tables=tables,
        log=MemoryLog(ferry_dataset.logged(rows)),
        tools=performance_tools(),
    )
    assert record.verdict.action == "ok"
    assert record.verdict.numbers["labelled"] == 1200
    assert record.verdict.numbers["predictions_without_label"] == 40
    assert record.inputs["labels_version"] == 1


def test_an_environment_pins_one_table() -> None:
    """For the gates of a version that comes from another one."""
    tables = MemoryTables()
    _publish(tables, ferry_dataset.crossings(days=31), labelled=10)
    pins = pin_newest_rows(tables, DATASET)
    assert (pins.features_version, pins.labels_version) == (1, 1)
