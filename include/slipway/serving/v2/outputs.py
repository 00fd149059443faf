"""Outputs of a V2 answer: a score for each row, or the label and the scores of its classes.

Runs in model servers only.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from slipway.serving.v2.binary import LENGTH, SIZE
from slipway.serving.v2.tensors import Scalar, Tensor
from slipway.spec.labels import Label
from slipway.spec.logged_columns import OUTLIER_SCORE

SCORE = "score"
"""Output of a model of two classes, or of a number."""

LABEL, SCORES = "label", "scores"
"""Outputs of a multi-class model: the class with the largest score, and the score of each."""

WITHOUT_KEY = "without_key"
"""Parameter of an answer whose rows no label can be joined with: the columns that it lacks."""

RowScores = Sequence[Any]
"""One score per row, or a list of one score per class."""


def names_of(classes: Sequence[Label] | None, *, tells_outliers: bool = False) -> tuple[str, ...]:
    """Return the names of a model's outputs, in their order.

    Args:
        classes: Classes of a multi-class model, in the order of its scores; None of others.
        tells_outliers: Whether the version answers how unusual each row is.
    """
    names = (SCORE,) if classes is None else (LABEL, SCORES)
    return (*names, OUTLIER_SCORE) if tells_outliers else names


def label_datatype(classes: Sequence[Label]) -> str:
    """Return the V2 datatype of labels."""
    return "INT64" if all(isinstance(one, int) for one in classes) else "BYTES"


def describe(
    classes: Sequence[Label] | None,
    *,
    positive: Label | None = None,
    tells_outliers: bool = False,
) -> list[dict[str, Any]]:
    """Return the outputs as a model's V2 metadata has them, with what a score is of.

    Args:
        classes: Classes of a multi-class model, in the order of its scores; None of others.
        positive: Class whose probability the score of a model of two classes is; None of others.
        tells_outliers: Whether the version answers how unusual each row is.
    """
    beside = [{"name": OUTLIER_SCORE, "datatype": "FP64", "shape": [-1]}] if tells_outliers else []
    if classes is None:
        score: dict[str, Any] = {"name": SCORE, "datatype": "FP64", "shape": [-1]}
        return [
            score if positive is None else {**score, "parameters": {"class": positive}},
            *beside,
        ]
    return [
        {"name": LABEL, "datatype": label_datatype(classes), "shape": [-1]},
        {
            "name": SCORES,
            "datatype": "FP64",
            "shape": [-1, len(classes)],
            "parameters": {"classes": list(classes)},
        },
        *beside,
    ]


def outlier_tensors(scores: list[float] | None) -> dict[str, Tensor]:
    """Return the output with the outlier scores; none of a version that does not tell them."""
    if scores is None:
        return {}
    return {OUTLIER_SCORE: Tensor(OUTLIER_SCORE, [len(scores)], "FP64", [*scores])}


def encode_outputs(
    scores: RowScores,
    *,
    outputs: Mapping[str, bool],
    classes: Sequence[Label] | None,
    beside: Mapping[str, Tensor],
) -> tuple[list[Tensor], bytes]:
    """Return output tensors, and the bytes that follow the JSON.

    Args:
        scores: From the engine.
        outputs: Whether each output is sent as bytes, by its name.
        classes: Classes of a multi-class model, in the order of its scores; None of others.
        beside: Outputs that are not made of scores, by name.
    """
    tensors, tail = [], []
    for name, as_bytes in outputs.items():
        tensor = beside[name] if name in beside else _tensor(name, scores, classes or ())
        if as_bytes:
            packed = _packed(tensor)
            about: dict[str, Scalar] = {**(tensor.parameters or {}), SIZE: len(packed)}
            tensor = Tensor(name, tensor.shape, tensor.datatype, None, about)
            tail.append(packed)
        tensors.append(tensor)
    return tensors, b"".join(tail)


def _tensor(name: str, scores: RowScores, classes: Sequence[Label]) -> Tensor:
    rows = len(scores)
    if name == SCORE:
        return Tensor(SCORE, [rows], "FP64", [*scores])
    if name == SCORES:
        flat = list(chain.from_iterable(scores))
        return Tensor(SCORES, [rows, len(classes)], "FP64", flat)
    labels = [classes[row.index(max(row))] for row in scores]
    return Tensor(LABEL, [rows], label_datatype(classes), labels)


def _packed(tensor: Tensor) -> bytes:
    values: Sequence[Any] = tensor.data or ()
    if tensor.datatype == "BYTES":
        texts = [text.encode() for text in values]
        return b"".join(LENGTH.pack(len(text)) + text for text in texts)
    return struct.pack(f"<{len(values)}{'q' if tensor.datatype == 'INT64' else 'd'}", *values)
