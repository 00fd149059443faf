"""Names and key types of a dataset's columns, as `slipway check` refuses them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from slipway.adapters.delta_tables import DeltaTables
from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from slipway.spec.column_names import look_alike
from slipway.spec.loading import load_all
from slipway.spec.look_alikes import difference
from slipway.spec.problems import Problem
from tests.fakes.memory_store import MemoryStore
from tests.support.small_specs import FILES
from tests.support.spec_edits import DATASET_FILE

Make = Callable[[Mapping[str, str]], Path]


def _problems(
    make: Make, features: Mapping[str, str], labels: Mapping[str, str] | None = None
) -> tuple[Problem, ...]:
    """Problems of the small dataset with further columns, each on a line of its own."""
    lines = FILES["datasets/shop/dataset.yaml"].splitlines()
    lines[10:10] = [
        f"      {json.dumps(name)}: {{type: {kind}}}" for name, kind in features.items()
    ]
    lines += [
        f"      {json.dumps(name)}: {{type: {kind}}}" for name, kind in (labels or {}).items()
    ]
    return load_all(make({**FILES, "datasets/shop/dataset.yaml": "\n".join(lines)})).problems


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("x", "X", "case"),
        ("stra\u00dfe", "STRASSE", "case"),
        ("\u00c9tat", "\u00e9tat", "case"),
        ("caf\u00e9", "cafe\u0301", "Unicode form"),
        ("K", "\u212a", "case"),
        ("x", "\uff58", "Unicode form"),
        ("a b", "a\u00a0b", "blanks"),
        ("x", "x ", "blanks"),
        ("x", " x", "blanks"),
        ("x", "\ufeffx", "blanks"),
        ("x", "x\u200b", "blanks"),
        ("x y", "X  Y", "case and blanks"),
        ("CAFE\u0301", "caf\u00e9 ", "case and blanks and Unicode form"),
    ],
)
def test_columns_that_look_alike_are_both_named(
    project: Make, one: str, other: str, what: str
) -> None:
    """The second has its line, the first is named with its own, and the difference is told."""
    (problem,) = _problems(project, {one: "number", other: "number"})
    assert (problem.file, problem.line) == (DATASET_FILE, 12)
    assert repr(one) in problem.summary
    assert repr(other) in problem.summary
    assert f"(line 11) only in {what}" in problem.summary
    assert problem.hint is not None
    assert difference(one, other) == what
    assert look_alike(one, [one, "z", other]) == other


@pytest.mark.parametrize(
    "name", ["", " ", "\t", "\u00a0", "\u200b", "a\u0000b", "_batch", "_Slipway_x", "_BATCH"]
)
def test_names_that_cannot_be_stored_are_refused(project: Make, name: str) -> None:
    """Empty, invisible, with a null character, or Slipway's own."""
    text = FILES["datasets/shop/dataset.yaml"]
    written = json.dumps(name).replace("\\u0000", "\\0")
    added = text.replace("      kind:", f"      {written}: {{type: number}}\n      kind:")
    (problem,) = load_all(project({**FILES, "datasets/shop/dataset.yaml": added})).problems
    assert (problem.file, problem.line) == (DATASET_FILE, 10)


NAMES = [
    "a b",
    "a.b",
    "a,b",
    "a{b}",
    "a[0]",
    "a<b",
    'q"q',
    "q'q",
    "0",
    "select",
    "pr\u00eat",
    "\u4ef7",
]
"""Names that people have and every tool takes."""


def test_names_that_the_check_takes_are_stored(project: Make, tmp_path: Path) -> None:
    """Delta tables and Parquet files hold rows under these names."""
    assert _problems(project, dict.fromkeys(NAMES, "number")) == ()
    frame = pd.DataFrame({name: [1.0, 2.0] for name in NAMES})
    store = MemoryStore()
    store.create("runs/shop/publish/ingest/attempt-0001.json", b"{}")
    tables = DeltaTables(str(tmp_path))
    attempt = Attempt(store, RunRef("shop", "publish", "ingest"), 1)
    tables.publish("shop/features", [frame], batch="b", writer="w", attempt=attempt, note={})
    assert list(tables.read("shop/features", columns=NAMES)) == NAMES
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame), sink)
    assert pq.read_table(sink).column_names == NAMES


def test_alike_names_in_different_streams_are_two_columns(project: Make) -> None:
    """Each stream has its own table."""
    assert _problems(project, {"x": "number"}, {"X": "number"}) == ()


@pytest.mark.parametrize("kind", ["number", "boolean", "timestamp"])
def test_a_key_is_an_integer_or_a_string(project: Make, kind: str) -> None:
    """Values of other types have no single spelling to join rows by."""
    text = FILES["datasets/shop/dataset.yaml"].replace(
        "id: {type: string}", f"id: {{type: {kind}}}"
    )
    problems = load_all(project({**FILES, "datasets/shop/dataset.yaml": text})).problems
    assert [(one.line, one.field) for one in problems] == [
        (7, "streams.features.columns.id.type"),
        (13, "streams.labels.columns.id.type"),
    ]
    assert all("integer" in (one.hint or "") for one in problems)


def test_an_integer_key_in_both_streams_is_fine(project: Make) -> None:
    """The type is the same."""
    text: Any = FILES["datasets/shop/dataset.yaml"]
    text = text.replace("id: {type: string}", "id: {type: integer}")
    assert load_all(project({**FILES, "datasets/shop/dataset.yaml": text})).problems == ()
