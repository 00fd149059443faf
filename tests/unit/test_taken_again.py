"""An unchanged file is taken again if rows of it were bad and the dataset's spec has changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from slipway.adapters.parquet_encoding import pack_rows
from slipway.errors import NotFound
from slipway.records.store import encode, read_json
from slipway.spec import DatasetSpec
from slipway.stages.ingest.redelivery import reading_digest
from slipway.stages.report.why_dataset import DELIVER_AGAIN, format_deliveries, why_dataset
from tests.support.ingest_env import IngestEnv, dataset_spec, features_csv

MARKED = features_csv(1, (100, "k. A.", 300))
KNOWN: dict[str, Any] = {"csv": {"missing": ["k. A."]}}


def _with(env: IngestEnv, spec: DatasetSpec) -> IngestEnv:
    changed = replace(env, spec=spec)
    changed.tables = env.tables
    return changed


@pytest.fixture
def env() -> IngestEnv:
    """A dataset with one batch, one row of which is in quarantine."""
    env = IngestEnv()
    assert env.deliver("features/a.csv", MARKED).numbers["quarantined"] == 1
    return env


def test_an_unchanged_file_is_taken_after_a_change_of_the_spec(env: IngestEnv) -> None:
    """As the hint says: the spec is changed, and the file delivered again."""
    again = _with(env, dataset_spec(**KNOWN)).deliver("features/a.csv", MARKED)
    assert (again.action, again.numbers["quarantined"], again.numbers["revision"]) == (
        "revised",
        0,
        2,
    )
    assert "the dataset's spec had changed, so revision 2 replaces revision 1" in again.reason
    assert len(env.rows()) == 3
    third = _with(env, dataset_spec()).deliver("features/a.csv", MARKED)
    assert third.action == "duplicate"


def test_an_unchanged_file_is_a_duplicate_under_the_same_spec(env: IngestEnv) -> None:
    """It is not read again, and the verdict says that its bad rows wait."""
    for spec in (dataset_spec(), dataset_spec(description="other", arrival={"settle_seconds": 0})):
        again = _with(env, spec).deliver("features/a.csv", MARKED)
        assert again.action == "duplicate"
        assert "Its 1 bad rows wait for a change of the dataset's spec, or of the file" in (
            again.reason
        )


def test_an_unchanged_file_is_taken_when_more_of_it_is_stored() -> None:
    """A label or a feature that is declared later is in the file already."""
    env, data = IngestEnv(), features_csv(1, late=[0, 1, None], seats=[3, 4, 5])
    assert env.deliver("features/a.csv", data).action == "ingested"
    columns = env.spec.streams.features.model_dump()
    columns["columns"]["seats"] = {"type": "integer"}
    labels = {"from": "features", "columns": {"late": {"type": "integer"}}}
    later = _with(
        env, dataset_spec(streams={"features": columns, "labels": labels}, expectations={})
    )
    again = later.deliver("features/a.csv", data)
    assert (again.action, again.numbers["labelled_rows"]) == ("revised", 2)
    assert "the dataset's spec had changed" in again.reason
    assert later.tables.read("flights/features")["seats"].tolist() == [3, 4, 5]
    assert later.deliver("features/a.csv", data).action == "duplicate"


def test_rows_that_are_still_bad_are_told_anew(env: IngestEnv) -> None:
    """Under another spec that helps no row the file is a revision once, then a duplicate."""
    other = _with(env, dataset_spec(csv={"missing": ["?"]}))
    assert other.deliver("features/a.csv", MARKED).action == "revised"
    assert other.deliver("features/a.csv", MARKED).action == "duplicate"


def test_a_registration_without_a_digest_counts_as_read_alike(env: IngestEnv) -> None:
    """Those of older versions have none."""
    (key,) = [one.key for one in env.store.list("arrivals/flights/features")]
    value = read_json(env.store, key)
    del value["note"]["reading"]
    env.store.write(key, encode(value))
    assert _with(env, dataset_spec(**KNOWN)).deliver("features/a.csv", MARKED).action == "duplicate"


def test_the_digest_follows_what_decides_about_a_file() -> None:
    """Not the words about a dataset, nor how often it is looked for deliveries."""
    same = reading_digest(dataset_spec())
    assert reading_digest(dataset_spec(description="x", runtime="local")) == same
    assert reading_digest(dataset_spec(arrival={"settle_seconds": 9, "poll_seconds": 9})) == same
    for change in (
        KNOWN,
        {"expectations": {}},
        {"arrival": {"event_time_tolerance_days": 90}},
    ):
        assert reading_digest(dataset_spec(**change)) != same


def test_why_says_to_deliver_the_file_again(env: IngestEnv) -> None:
    """After the reasons and the place of the rows."""
    lines = format_deliveries("flights", why_dataset("flights", store=env.store))
    assert lines[-1] == f"  {DELIVER_AGAIN}"


def test_ingesting_what_cannot_be_a_delivery_says_why(env: IngestEnv) -> None:
    """The reason and the hint are those of `slipway why`."""
    file = env.land("features/b.json", b"{}")
    delivery = {"stream": "features", "batch": "b", "file": file}
    with pytest.raises(NotFound, match="is of no format that is read") as caught:
        env.ingest(delivery)
    assert caught.value.hint == "write one object on each line, and name it `….jsonl`"
    with pytest.raises(NotFound, match="there is no such delivery"):
        env.ingest({**delivery, "file": "landing/flights/features/b.jsonl"})


@pytest.mark.parametrize("mark", ["-9999", "-9999.0"])
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_number_among_the_marks_applies_to_typed_numbers(mark: str, suffix: str) -> None:
    """As to the text of a CSV, so that a row is the same in every format."""
    env = IngestEnv(dataset_spec(csv={"missing": [mark, "1e39"]}))
    rows = [
        {"id": f"a{row}", "at": "2013-01-01", "miles": miles}
        for row, miles in enumerate([1.5, -9999, -9999.0, 1e39])
    ]
    data = (
        "\n".join(map(json.dumps, rows)).encode()
        if suffix == "jsonl"
        else pack_rows(pd.DataFrame(rows))
    )
    assert env.deliver(f"features/a.{suffix}", data).numbers["quarantined"] == 0
    found = env.rows()
    assert found.pop("a0") == 1.5
    assert all(one != one for one in found.values())  # noqa: PLR0124 - NaN
