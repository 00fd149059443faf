"""Specs of labels that stand in the features' own file: `labels: {from: features}`."""

from __future__ import annotations

import pytest

from slipway.spec import DatasetSpec
from slipway.spec.loading import load_all
from tests.support.command_line import Make
from tests.support.small_specs import DATASET, FILES
from tests.support.spec_edits import edited

LABELS = "  labels:\n    columns:\n      id: {type: string}\n      sold: {type: boolean}\n"
ONE_FILE = edited(
    DATASET, LABELS, "  labels:\n    from: features\n    columns:\n      sold: {type: boolean}\n"
)
EXPECTED_OF_BOTH = """\
features:
  - expect: expect_column_values_to_not_be_null
    kwargs: {column: sold}
labels:
  - expect: expect_column_values_to_be_between
    kwargs: {column: price, min_value: "0"}
"""


def _problems(make: Make, dataset: str) -> list[str]:
    files = {**FILES, "datasets/shop/dataset.yaml": dataset}

    return list(map(str, load_all(make(files)).problems))


def test_labels_may_stand_in_the_features_file(project: Make) -> None:
    """Then their columns are listed without the key."""
    loaded = load_all(project({**FILES, "datasets/shop/dataset.yaml": ONE_FILE}))
    assert loaded.problems == ()
    streams = loaded.datasets["shop"].streams
    assert (streams.in_one_file, streams.delivered) == (True, ("features",))
    assert list(streams.file("features").columns) == ["id", "at", "price", "kind", "sold"]
    assert streams.types("features").keys().isdisjoint({"sold"})


def test_the_spec_survives_a_dump(project: Make) -> None:
    """As it is kept in the store: under the name that it has in the file."""
    spec = load_all(project({**FILES, "datasets/shop/dataset.yaml": ONE_FILE})).datasets["shop"]
    assert spec.model_dump()["streams"]["labels"]["from"] == "features"
    assert DatasetSpec.model_validate(spec.model_dump()) == spec
    assert DatasetSpec.model_validate_json(spec.model_dump_json(exclude_unset=True)) == spec


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "from: features",
            "from: feature",
            "streams.labels.from: given 'feature'; allowed: features; did you mean 'features'?",
        ),
        ("from: features", "form: features", "did you mean 'from'?"),
        (
            "      sold: {type: boolean}",
            "      sold: {type: boolean}\n      id: {type: string}",
            "streams.labels.columns.id: is a column of the features, in the same file",
        ),
        (
            "      sold: {type: boolean}",
            "      sold: {type: boolean}\n      Price: {type: number}",
            "'Price' differs from 'price' (line 9) only in case",
        ),
        (
            "    from: features",
            "    from: features\n    quarantine_max_share: 0.1",
            "streams.labels.quarantine_max_share: has no effect",
        ),
        ("key: id", "key: number", "key 'number' must be a column of the features"),
    ],
)
def test_mistakes_are_named(project: Make, old: str, new: str, said: str) -> None:
    """With the field, the line and what would be right."""
    (problem,) = _problems(project, edited(ONE_FILE, old, new))
    assert said in problem


@pytest.mark.parametrize("dataset", [DATASET, ONE_FILE], ids=["two files", "one file"])
def test_a_label_is_never_a_feature(project: Make, dataset: str) -> None:
    """It would not be known when the model is asked."""
    files = {**FILES, "datasets/shop/dataset.yaml": dataset}
    files["models/sales/model.yaml"] = edited(
        files["models/sales/model.yaml"], "numeric: [price]", "numeric: [price, sold]"
    )
    (problem,) = map(str, load_all(project(files)).problems)
    assert "'sold' is a label, which is not known yet when a model is asked" in problem
    assert "hint: remove it; if it is known at prediction time" in problem


def test_expectations_may_name_any_column_of_the_file(project: Make) -> None:
    """In either list, since both are evaluated on the same rows; values are of its type."""
    files = {
        **FILES,
        "datasets/shop/dataset.yaml": ONE_FILE,
        "datasets/shop/expectations.yaml": EXPECTED_OF_BOTH,
    }
    loaded = load_all(project(files))
    assert loaded.problems == ()
    spec = loaded.datasets["shop"]
    assert [one.kwargs["column"] for one in spec.expectations_of_file("features")] == [
        "sold",
        "price",
    ]
    assert spec.expectations["labels"][0].kwargs["min_value"] == 0.0
