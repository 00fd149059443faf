"""Encoding of quarantined rows as Parquet."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa

from slipway.adapters.parquet_encoding import pack_rows


def test_a_packed_frame_reads_back_the_same() -> None:
    """Integers beyond float64 included; columns of several types are packed as text."""
    frame = pd.DataFrame(
        {
            "n": pd.Series([2**64 - 1, None], dtype=pd.ArrowDtype(pa.uint64())),
            "s": pd.Series(["x", None], dtype="str"),
            "mixed": pd.Series([7, "x"], dtype="object"),
        }
    )
    again = pd.read_parquet(io.BytesIO(pack_rows(frame)), dtype_backend="pyarrow")
    assert again["n"][0] == 2**64 - 1
    assert again["s"].isna().tolist() == [False, True]
    assert again["mixed"].tolist() == ["7", "x"]
