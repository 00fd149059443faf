"""Edits of the small specs: one mistake at a time, with the file that it is in."""

from __future__ import annotations

from tests.support.small_specs import DATASET, EXPECTATIONS, MODEL

MODEL_FILE = "include/models/sales/model.yaml"
DATASET_FILE = "include/datasets/shop/dataset.yaml"
EXPECTATIONS_FILE = "include/datasets/shop/expectations.yaml"


def edited(text: str, old: str, new: str) -> str:
    """A spec text with one edit, which must apply."""
    assert old in text
    return text.replace(old, new)


def broken_model(old: str, new: str) -> dict[str, str]:
    """The model with one edit."""
    return {"models/sales/model.yaml": edited(MODEL, old, new)}


def broken_dataset(old: str, new: str) -> dict[str, str]:
    """The dataset with one edit."""
    return {"datasets/shop/dataset.yaml": edited(DATASET, old, new)}


def broken_expectations(old: str, new: str) -> dict[str, str]:
    """The expectations with one edit."""
    return {"datasets/shop/expectations.yaml": edited(EXPECTATIONS, old, new)}


def more(text: str) -> dict[str, str]:
    """The model with more lines; the first of them is line 15."""
    return {"models/sales/model.yaml": MODEL + text}
