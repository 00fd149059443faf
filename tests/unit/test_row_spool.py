"""The spool of cast rows: written once, read in parts of bounded size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.row_spool import ArrowSpool, open_spool
from slipway.stages.ingest.repeated_keys import repeated_keys
from slipway.values.kernels import arrow_type

COLUMNS = {"key": "string", "n": "integer", "x": "number", "ok": "boolean", "at": "timestamp"}


def _append(spool: ArrowSpool, keys: list[str | None]) -> None:
    columns = {name: pa.nulls(len(keys), arrow_type(kind)) for name, kind in COLUMNS.items()}
    first = len(spool)
    numbers = pa.array(range(first, first + len(keys)), pa.int64())
    spool.append({**columns, "key": pa.array(keys, pa.string()), "n": numbers})


@pytest.fixture
def spool(tmp_path: Path):  # noqa: ANN201 - the type is the parameter's
    """An empty spool."""
    with open_spool(tmp_path, COLUMNS) as opened:
        yield opened


def test_frames_hold_the_rows_in_order(spool: ArrowSpool) -> None:
    """Of at most some rows, indexed by row number, in the declared types."""
    for size in (3, 1, 4):
        _append(spool, ["a"] * size)
    frames = list(spool.frames(at_most=3))
    assert len(spool) == 8
    assert max(map(len, frames)) <= 3
    assert [row for frame in frames for row in frame["n"]] == list(range(8))
    assert [row for frame in frames for row in frame.index] == list(range(8))
    assert frames[0].dtypes.astype(str).to_dict() == {
        "key": "str",
        "n": "Int64",
        "x": "float64",
        "ok": "boolean",
        "at": "datetime64[us, UTC]",
    }


def test_only_kept_rows_and_columns_are_read(spool: ArrowSpool) -> None:
    """With the numbers that they have among all rows."""
    for keys in (["a", "b"], ["c", "d", "e"]):
        _append(spool, list(keys))
    keep = np.array([False, False, True, False, True])
    frames = list(spool.frames(["key"], keep=keep, at_most=2))
    assert [frame.to_dict()["key"] for frame in frames] == [{2: "c"}, {4: "e"}]
    assert list(spool.frames(keep=np.zeros(5, dtype=bool))) == []


def test_the_file_is_removed(tmp_path: Path) -> None:
    """However the block ends."""
    with pytest.raises(ValueError, match="stop"), open_spool(tmp_path, COLUMNS):
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.lists(st.none() | st.sampled_from("abcdefgh"), max_size=5), max_size=6))
def test_repeated_keys_are_found_across_parts(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[str | None]]
) -> None:
    """Every row of a key that stands in two rows, and no missing key."""
    with open_spool(tmp_path_factory.mktemp("spool"), COLUMNS) as spool:
        for keys in parts:
            _append(spool, keys)
        found = repeated_keys(spool, "key").tolist()
    keys = [key for part in parts for key in part]
    assert found == [row for row, key in enumerate(keys) if key and keys.count(key) > 1]
