"""Bad rows as they were delivered: what a quarantine file holds of them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from slipway.adapters.parquet_encoding import pack_rows
from slipway.stages.ingest import quarantine
from slipway.stages.ingest.delivered_cells import delivered_cells, join_frames
from tests.support.ingest_env import IngestEnv, dataset_spec

EVERY = np.array([0, 1])


def kept(*parts: Any) -> list[Any]:
    """Cells of one column in several parts, as a quarantine file holds them."""
    frames = [pd.DataFrame({"x": delivered_cells(part, EVERY)}) for part in parts]
    return parquet.read_table(io.BytesIO(pack_rows(join_frames(frames))))["x"].to_pylist()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pa.array([2**63, None], pa.uint64()), [2**63, None]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([2**30, 0], pa.date32()), [str(2**30), "1970-01-01"]),
        (pa.array([1, None], pa.timestamp("us", tz="Mars/Phobos")), ["1", None]),
        (pa.array([b"\xff", b"a"]).view(pa.string()), ["\\xff", "a"]),
        (pa.array([{"a": 1}, None]), ["{'a': 1}", None]),
        (["\ud800", 10**40], ["\\ud800", str(10**40)]),
    ],
)
def test_cells_of_every_type_are_kept(cells: Any, expected: list[Any]) -> None:
    """Numbers and texts as such, all others as text; nothing raises."""
    assert kept(cells) == expected


def test_columns_of_several_types_are_not_rounded() -> None:
    """Integers beyond 2^53 in one part and fractions in another are both exact."""
    exact = 2**60 + 1
    assert kept(pa.array([exact, 1]), pa.array([0.5, None])) == [str(exact), "1", "0.5", None]


def test_no_delivery_of_odd_cells_stops_the_ingest() -> None:
    """They are in the quarantine, or the batch is blocked."""
    env = IngestEnv(spec=dataset_spec(expectations={}))
    rows = [
        {"id": "a", "at": "2013-01-01", "miles": 1},
        {"id": "b", "at": "2013-01-01", "miles": "\ud800"},
        {"id": "c", "at": 7, "miles": {"far": True}},
        {"id": 10**40, "at": "9999-12-31", "miles": 10**40},
        {"id": "a\ud800", "at": "2013-01-01", "miles": 0.1},
    ]
    data = "\n".join([*map(json.dumps, rows), "no json"]).encode()
    verdict = env.deliver("features/x.jsonl", data)
    assert (verdict.action, verdict.numbers["quarantined"]) == ("blocked", 5)
    assert len(env.packed(verdict.evidence["quarantine"])) == 5


def test_of_a_blocked_batch_a_sample_of_lines_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of broken lines alone does not fill the memory; its bytes are kept as a whole."""
    monkeypatch.setattr(quarantine, "SAMPLE_ROWS", 3)
    env = IngestEnv(spec=dataset_spec(expectations={}))
    verdict = env.deliver("features/x.csv", b"id,at,miles\n" + b"1,2\n" * 10)
    assert verdict.numbers["quarantined"] == 10
    assert list(env.packed(verdict.evidence["quarantine"])["_line"]) == [2, 3, 4]
