"""The training frame: narrow exact types, one matrix, and its size said before a fit."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from slipway.adapters.model_package import fit_memory, learner
from slipway.adapters.model_package.columns import cast
from slipway.adapters.model_package.fit_memory import FitMemory, available_mib, require_memory
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.preparation import (
    cast_for_training,
    fit_preparation,
    prepared_matrix,
)
from slipway.errors import OutOfMemory
from slipway.spec.estimators import ESTIMATORS
from slipway.stages.ports.raw_column import signature_of
from slipway.stages.train.narrow_types import narrowed
from tests.support import packages

MIB = 2**20


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_fit_in_chunks_is_the_fit_of_scikit_learn(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit by bit the same scores, and the same names of features, in single precision or not."""
    monkeypatch.setattr("slipway.adapters.model_package.preparation.CHUNK_ROWS", 37)
    spec = packages.spec(name)
    rows = packages.labelled(spec)
    ours = SklearnLearner(spec, packages.dataset(), None).learn(rows)
    features = cast(rows, ours.package.columns)
    theirs: Pipeline = clone(ours.package.pipeline)
    if "Logistic" in name:
        # It warns of a number of threads, which it no longer uses.
        theirs.set_params(estimator__n_jobs=None)
    theirs.fit(features, rows["late"].to_numpy())
    answer = "predict_proba" if spec.task == "classification" else "predict"
    assert np.array_equal(
        getattr(ours.package.pipeline, answer)(features), getattr(theirs, answer)(features)
    )
    prepared, expected = ours.package.pipeline[:-1], theirs[:-1]
    assert list(prepared.get_feature_names_out()) == list(expected.get_feature_names_out())
    assert prepared["prepare"].output_indices_ == expected["prepare"].output_indices_
    for (_, part, _), (_, other, _) in zip(
        prepared["prepare"].transformers_, expected["prepare"].transformers_, strict=True
    ):
        assert type(part) is type(other)


def test_the_matrix_has_the_type_that_the_estimator_computes_in() -> None:
    """Single precision only where the estimator rounds anyway."""
    columns = signature_of(packages.spec("xgboost.XGBClassifier"), packages.dataset())
    features = cast_for_training(packages.rows(), columns)
    prepare = ColumnTransformer(
        [("numeric", SimpleImputer(), ["wind"]), ("categorical", OneHotEncoder(), ["port"])],
        sparse_threshold=0,
    )
    width = fit_preparation(prepare, features)
    for in_floats, dtype in ((True, np.float32), (False, np.float64)):
        matrix = prepared_matrix(prepare, features, in_floats=in_floats)
        assert (matrix.dtype, matrix.shape) == (dtype, (400, width))


def test_equal_texts_of_a_training_are_one_object() -> None:
    """A cell is a pointer; the values are those of `cast`."""
    columns = signature_of(packages.spec("xgboost.XGBClassifier"), packages.dataset())
    found = cast_for_training(packages.rows(), columns)
    pd.testing.assert_frame_equal(found, cast(packages.rows(), columns))
    assert len({id(text) for text in found["port"].dropna()}) == 2


@given(
    integers=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8),
    small=st.lists(st.none() | st.integers(-200, 200), min_size=1, max_size=8),
    texts=st.lists(st.none() | st.sampled_from(["a", "b", "", "NA"]), min_size=1, max_size=8),
)
def test_narrow_types_keep_every_value(
    integers: list[int | None], small: list[int | None], texts: list[str | None]
) -> None:
    """Missing ones stay missing, and no integer is rounded."""
    columns: dict[str, Any] = {
        "integers": pd.array(integers, "Int64"),
        "small": pd.array(small, "Int64"),
        "texts": pd.array(texts, "str"),
    }
    for name, values in columns.items():
        wide = pd.DataFrame({name: values})
        narrow = narrowed(wide)[name]
        assert narrow.isna().tolist() == wide[name].isna().tolist()
        assert narrow.dropna().tolist() == wide[name].dropna().tolist()


def test_integers_get_the_smallest_width_and_texts_become_categories() -> None:
    """Numbers stay doubles."""
    rows = pd.DataFrame(
        {
            "deck": pd.array([1, None, 127] * 4, "Int64"),
            "year": pd.array([1999, 2013, 2024] * 4, "Int64"),
            "id": pd.array(range(2**62, 2**62 + 12), "Int64"),
            "port": pd.array(["Oban", "Mallaig", None] * 4, "str"),
            "ticket": pd.array([f"t{n}" for n in range(12)], "str"),
            "wind": np.arange(12) / 7,
        }
    )
    types = narrowed(rows).dtypes.astype(str)
    assert types.to_dict() == {
        "deck": "Int8",
        "year": "Int16",
        "id": "Int64",
        "port": "category",
        "ticket": "str",
        "wind": "float64",
    }


def test_a_fit_says_what_it_takes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it begins, with what is available."""
    monkeypatch.setattr(learner, "available_mib", lambda: 512)
    spec = packages.spec("sklearn.linear_model.Ridge")
    with caplog.at_level(logging.INFO, logger=fit_memory.__name__):
        SklearnLearner(spec, packages.dataset(), None).learn(packages.labelled(spec))
    assert (
        "fitting delay on 400 rows of 8 prepared features takes about 1 MiB; available: 512 MiB"
        in caplog.text
    )


def test_a_fit_that_needs_more_memory_than_there_is_does_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error has both figures and what to change."""
    fit = FitMemory(rows=10 * MIB, features=20, width=100, cell_bytes=4, fit_bytes=1)
    assert fit.mib == 10 * (20 * 8 + 100 * 5)
    require_memory(fit, model="delay", available_mib=5_000)
    require_memory(fit, model="delay", available_mib=None)
    with pytest.raises(OutOfMemory, match="delay cannot be fitted") as caught:
        require_memory(fit, model="delay", available_mib=4_999)
    assert caught.value.expected == ("about 5,000 MiB for 10,485,760 rows of 100 prepared features")
    assert caught.value.found == "4,999 MiB"
    monkeypatch.setattr(learner, "available_mib", lambda: -1)
    spec = packages.spec("xgboost.XGBClassifier")
    with pytest.raises(OutOfMemory):
        SklearnLearner(spec, packages.dataset(), None).learn(packages.labelled(spec))


@pytest.mark.parametrize(
    ("files", "available"),
    [
        ({"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 4096000 kB\n"}, 4_000),
        (
            {
                "proc/meminfo": "MemAvailable: 4096000 kB\n",
                "sys/fs/cgroup/memory.max": f"{1_000 * MIB}\n",
                "sys/fs/cgroup/memory.current": f"{700 * MIB}\n",
                "sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {200 * MIB}\n",
            },
            500,
        ),
        (
            {
                "proc/meminfo": "MemAvailable: 4096000 kB\n",
                "sys/fs/cgroup/memory.max": "max\n",
                "sys/fs/cgroup/memory.current": "5\n",
            },
            4_000,
        ),
        (
            {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{900 * MIB}\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{600 * MIB}\n",
                "sys/fs/cgroup/memory/memory.stat": f"total_inactive_file {100 * MIB}\n",
            },
            400,
        ),
        (
            {
                "proc/meminfo": "MemAvailable: 1024 kB\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
            },
            1,
        ),
        ({}, None),
    ],
)
def test_available_memory_is_that_of_the_machine_or_of_the_group(
    tmp_path: Path, files: dict[str, str], available: int | None
) -> None:
    """The lower one; unused pages of files are free, and no limit is none."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert available_mib(tmp_path) == available
