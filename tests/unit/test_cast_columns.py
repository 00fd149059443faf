"""Cells are cast to the declared type of their column, alike by training and server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import typed_columns
from slipway.adapters.model_package.columns import cast
from slipway.errors import BadRequest
from slipway.stages.ports.raw_column import Kind, RawColumn
from slipway.values.value_types import ColumnType


def column(kind: ColumnType, *, is_number: bool = False) -> RawColumn:
    """An optional column of a declared type."""
    return RawColumn("x", "number" if is_number else "string", required=False, type=kind)


@pytest.mark.parametrize(
    ("kind", "cells", "texts"),
    [
        ("boolean", [True, False, None], ["true", "false", None]),
        ("boolean", ["TRUE", "0", "NA"], ["true", "false", None]),
        ("boolean", pd.array([True, None], dtype="boolean"), ["true", None]),
        ("integer", [5, None, 2**60 + 1], ["5", None, str(2**60 + 1)]),
        ("integer", pd.array([2**60 + 1, None], dtype="Int64"), [str(2**60 + 1), None]),
        ("integer", [5.0, float("nan")], ["5", None]),
        ("integer", ["005", "5.0", ""], ["5", "5", None]),
        ("string", ["", "nan", None, " Oban"], [None, "nan", None, " Oban"]),
        ("string", [None, None], [None, None]),
    ],
)
def test_a_category_is_the_canonical_text_of_its_value(
    kind: ColumnType, cells: Any, texts: list[str | None]
) -> None:
    """Whatever pandas holds it in; a missing one is NaN."""
    if isinstance(cells, list):
        cells = pd.Series(cells, dtype=object)
    found = cast(pd.DataFrame({"x": cells}), [column(kind)])["x"]
    assert [None if pd.isna(one) else one for one in found] == texts
    assert found.dtype == object
    again = cast(found.to_frame(), [column(kind)])["x"]
    pd.testing.assert_series_equal(again, found)


@pytest.mark.parametrize(
    ("kind", "cells", "reason"),
    [
        ("number", [0.0, 1e39], "the value in row 1 is beyond \u00b11e30"),
        ("number", [-3.4e38, 0.0], "the value in row 0 is beyond \u00b11e30"),
        ("number", ["7,5"], "the value in row 0 has a comma"),
        ("integer", [1.5], "the value in row 0 has a fraction part"),
        ("boolean", [2], "the value in row 0 is a number other than 0 and 1"),
    ],
)
def test_a_refused_number_has_its_row_and_reason(
    kind: ColumnType, cells: list[Any], reason: str
) -> None:
    """The error of the training frame is that of ingest and of the server, without the value."""
    with pytest.raises(BadRequest) as refused:
        cast(pd.DataFrame({"x": cells}), [column(kind, is_number=True)])
    assert refused.value.found is not None
    assert refused.value.found.startswith(reason)
    assert refused.value.where == "column x"


def test_half_a_surrogate_pair_is_no_category() -> None:
    """Refused as by every other reader, and never echoed."""
    with pytest.raises(BadRequest, match="surrogate"):
        cast(pd.DataFrame({"x": pd.Series(["Ob\ud800"], dtype=object)}), [column("string")])


def test_texts_of_joined_frames_are_cast() -> None:
    """Pandas keeps the texts of each frame as they were, in an array of several parts."""
    parts = [pd.Series(["Oban", None], dtype="str"), pd.Series(["Mallaig"], dtype="str")]
    joined = pd.concat(parts, ignore_index=True)
    found = cast(pd.DataFrame({"x": joined}), [column("string")])["x"]
    assert found.tolist()[::2] == ["Oban", "Mallaig"]
    assert pd.isna(found[1])


def test_large_integers_reach_a_numeric_column() -> None:
    """An integer beyond 2^53 is a value of its type; the model takes the nearest float."""
    frame = pd.DataFrame({"x": pd.array([2**60 + 1, None], dtype="Int64")})
    found = cast(frame, [column("integer", is_number=True)])["x"]
    assert found.iloc[0] == 2.0**60
    assert np.isnan(found.iloc[1])


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean"])
@pytest.mark.parametrize(
    "cells",
    [
        ["1", None, "0"],
        [1, 0, None],
        [1.0, np.nan, 0.0],
        [True, None, False],
        ["true", "x", 2**70],
        [1e39, -0.0, 7.5],
    ],
    ids=["texts", "integers", "floats", "booleans", "mixed", "large"],
)
def test_a_server_without_arrow_casts_alike(
    monkeypatch: pytest.MonkeyPatch, kind: ColumnType, cells: list[Any]
) -> None:
    """Its image holds no pyarrow; values and reasons are the same."""
    role: Kind = "number" if kind in {"number", "boolean"} else "string"
    column = RawColumn("x", role, required=False, type=kind)
    frame = pd.DataFrame({"x": pd.Series(cells, dtype="object")})
    found = []
    for has_arrow in (True, False):
        monkeypatch.setattr(typed_columns, "HAS_ARROW", has_arrow)
        try:
            found.append(repr(cast(frame, [column])["x"].tolist()))
        except BadRequest as error:
            found.append(str(error))
    assert found[0] == found[1]
