"""Deliveries of features and labels in one file: what enters the table, and what is a label."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from slipway.errors import NotFound
from slipway.records import landing_area
from slipway.stages.model.label_rows import count_labels
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.monitor.labels.label_join import read_labels
from slipway.stages.rollout.replay import recent_rows
from tests.fakes.plain_suites import BETWEEN
from tests.support.ingest_env import FAR, SHARE, IngestEnv, dataset_spec, features_csv

COLUMNS = {
    "id": {"type": "string", "nullable": False},
    "at": {"type": "timestamp", "nullable": False},
    "miles": {"type": "number"},
}
LATE = {"late": {"type": "integer"}}
SHORT = {"expect": BETWEEN, "kwargs": {"column": "late", "min_value": 0, "max_value": 1}}


def _env(labels: dict[str, Any] = LATE, *expectations: dict[str, Any]) -> IngestEnv:
    streams = {
        "features": {"columns": COLUMNS, "quarantine_max_share": 0.5},
        "labels": {"from": "features", "columns": labels},
    }
    listed = {"features": [FAR], "labels": list(expectations)}
    return IngestEnv(dataset_spec(streams=streams, expectations=listed))


def _labelled(env: IngestEnv, target: str = "late") -> dict[str, tuple[float, float]]:
    """Miles and label of each labelled key."""
    version = env.tables.version("flights/features") or 0
    as_of = env.tables.newest("flights/features", "at")
    assert as_of is not None
    pins = Snapshot(version, version, as_of)
    rows = read_labelled(env.tables, env.spec, pins, columns=["miles"], target=target)
    return {one["id"]: (one["miles"], one[target]) for one in rows.to_dict("records")}


def _known(env: IngestEnv) -> dict[str, float]:
    """Labels as performance reads them."""
    version = env.tables.version("flights/features")
    return dict(read_labels(env.tables, env.spec, "late", version=version))


def test_a_row_without_a_label_is_no_bad_row() -> None:
    """It is in the table; the verdict says how many have a label."""
    env = _env()
    verdict = env.deliver("features/b1.csv", features_csv(1, late=[1, None, None]))
    assert (verdict.action, verdict.numbers["quarantined"]) == ("ingested", 0)
    assert (verdict.numbers["labelled_rows"], verdict.numbers["warnings"]) == (1, 0)
    assert "rows with a label: 1" in verdict.reason
    assert _labelled(env) == {"f1-0": (100, 1)}
    assert _known(env) == {"f1-0": 1}
    assert count_labels(env.tables, env.spec, "late") == 1


def test_labels_that_are_all_unknown_yet_are_no_warning() -> None:
    """As in every delivery of new rows."""
    verdict = _env().deliver("features/b1.csv", features_csv(1, late=[None, None, None]))
    assert (verdict.action, verdict.numbers["warnings"]) == ("ingested", 0)


def test_a_label_may_come_with_a_later_delivery_of_its_key() -> None:
    """With the features of that delivery."""
    env = _env()
    env.deliver("features/b1.csv", features_csv(1, late=[None, None, None]))
    assert count_labels(env.tables, env.spec, "late") == 0
    env.deliver("features/b2.csv", features_csv(1, miles=(101, 201, 301), late=[0, 1, None]))
    assert _labelled(env) == {"f1-0": (101, 0), "f1-1": (201, 1)}
    assert _known(env) == {"f1-0": 0, "f1-1": 1}


def test_a_later_delivery_without_a_label_takes_none_back() -> None:
    """A missing label is one that is not known to that delivery; its features count."""
    env = _env()
    env.deliver("features/b2.csv", features_csv(1, late=[0, 1, 1]))
    env.deliver("features/b1.csv", features_csv(1, miles=(101, 201, 301), late=[1, None, None]))
    assert _labelled(env) == {"f1-0": (101, 1), "f1-1": (201, 1), "f1-2": (301, 1)}
    assert _known(env) == {"f1-0": 1, "f1-1": 1, "f1-2": 1}


def test_a_revision_of_a_batch_takes_its_labels_back() -> None:
    """Its rows replace those of the revision before."""
    env = _env()
    env.deliver("features/b1.csv", features_csv(1, late=[0, 1, 1]))
    env.deliver("features/b1.csv", features_csv(1, late=[0, None, None]))
    assert _labelled(env) == {"f1-0": (100, 0)}
    assert count_labels(env.tables, env.spec, "late") == 1


def test_a_file_may_have_no_column_of_a_label() -> None:
    """Its rows have none yet, which a warning says."""
    env = _env()
    verdict = env.deliver("features/b1.csv", features_csv(1))
    assert verdict.action == "ingested"
    assert "the file has no column late, so no row has that label" in verdict.reason
    env.deliver("features/b2.csv", features_csv(1, late=[0, 1, 0]))
    assert len(_labelled(env)) == 3


def test_bad_rows_of_a_file_without_the_label_are_kept() -> None:
    """Quarantine reads the file a second time."""
    env = _env()
    verdict = env.deliver("features/b1.csv", features_csv(1, miles=(100, "x", 300)))
    assert (verdict.action, verdict.numbers["quarantined"]) == ("ingested", 1)
    kept = env.packed(verdict.evidence["quarantine"])
    assert kept["_reason"].str.contains("miles").all()


@pytest.mark.parametrize(
    ("labels", "name", "said"),
    [
        (LATE, "Late", "Late differs only in case"),
        (
            {"late": {"type": "integer", "nullable": False}},
            "other",
            "the file lacks the column late",
        ),
    ],
)
def test_a_label_that_is_spelt_otherwise_or_required_is_missed(
    labels: dict[str, Any], name: str, said: str
) -> None:
    """No label is lost in silence for the case of a letter."""
    verdict = _env(labels).deliver("features/b1.csv", features_csv(1, **{name: [1, 0, 1]}))
    assert verdict.action == "blocked"
    assert said in verdict.reason


def test_expectations_on_labels_see_the_same_file() -> None:
    """By row they quarantine, about the batch they block."""
    env = _env(LATE, SHORT)
    verdict = env.deliver("features/b1.csv", features_csv(1, late=[0, 7, None]))
    assert (verdict.action, verdict.numbers["quarantined"]) == ("ingested", 1)
    assert set(env.rows()) == {"f1-0", "f1-2"}
    blocked = _env(LATE, SHARE).deliver("features/b1.csv", features_csv(1, late=[1, 1, 1]))
    assert blocked.action == "blocked"


def test_nothing_is_expected_among_labels_of_their_own() -> None:
    """A file that lands there is named, and is no delivery."""
    env = _env()
    key = env.land("labels/b1.csv", b"id,late\nf1-0,1\n")
    assert env.claim().deliveries == ()
    streams = env.spec.streams.delivered
    (left,) = landing_area.list_undeliverable(env.store, "flights", streams=streams)
    assert (left.key, left.reason) == (key, "lies in labels, which have no files of their own")
    assert "deliver their columns in the files of features" in left.hint
    with pytest.raises(NotFound, match="no files of their own"):
        env.ingest({"stream": "labels", "batch": "b1", "file": key})


def test_the_listing_is_acknowledged_beside_a_file_among_labels() -> None:
    """So the landing trigger does not fire for ever."""
    env = _env()
    env.land("labels/b1.csv", b"id,late\nf1-0,1\n")
    env.deliver("features/b1.csv", features_csv(1, late=[1, 0, 1]))
    assert env.claim().deliveries == ()
    listed = landing_area.of_streams(
        landing_area.list_deliveries(env.store, "flights"), env.spec.streams.delivered
    )
    assert env.claim().fingerprint == landing_area.fingerprint(listed)


def test_each_target_of_wide_labels_has_its_own_rows() -> None:
    """Those whose own label is not missing; each has its own count."""
    env = _env({"late": {"type": "integer"}, "lost": {"type": "boolean"}})
    env.deliver("features/b1.csv", features_csv(1, late=[0, 1, None], lost=["true", None, "false"]))
    assert _labelled(env) == {"f1-0": (100, 0), "f1-1": (200, 1)}
    assert _labelled(env, "lost") == {"f1-0": (100, True), "f1-2": (300, False)}
    assert count_labels(env.tables, env.spec, "lost") == 2


def test_a_missing_label_is_no_gap_of_a_replayed_row() -> None:
    """Replay takes whole rows first, and sends no label."""
    env = _env()
    env.deliver("features/b1.csv", features_csv(1, miles=(100, "", 300), late=[None, None, 1]))
    rows = recent_rows(env.tables, env.spec, rows=2)
    assert "late" not in rows
    assert list(rows["id"]) == ["f1-0", "f1-2"]


def test_json_lines_and_parquet_may_hold_both() -> None:
    """A key that a line of JSON does not have is missing there."""
    env = _env()
    lines = (
        '{"id": "a", "at": "2013-01-01T00:00:00Z", "miles": 1}\n'
        '{"id": "b", "at": "2013-01-01T01:00:00Z", "miles": 2, "late": 1}\n'
    )
    env.deliver("features/b1.jsonl", lines.encode())
    frame = pd.DataFrame({"id": ["c"], "at": ["2013-01-02T00:00:00Z"], "miles": [3], "late": [0]})
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    env.deliver("features/b2.parquet", sink.getvalue())
    assert _labelled(env) == {"b": (2, 1), "c": (3, 0)}
