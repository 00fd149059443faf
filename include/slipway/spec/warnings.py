"""What a person should know of valid specs: no mistake, and no reason to refuse them."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.dataset import DatasetSpec
from slipway.spec.gate_thresholds import gate_warnings
from slipway.spec.holdout import holdout_warnings
from slipway.spec.model import ModelSpec
from slipway.spec.wide_columns import wide_warnings


def model_warnings(spec: ModelSpec, dataset: DatasetSpec | None) -> Iterator[str]:
    """Yield the warnings of a model, each with its field.

    Args:
        spec: Model.
        dataset: Its dataset; None: that one is not valid.
    """
    yield from holdout_warnings(spec)
    yield from gate_warnings(spec)
    if dataset is not None:
        yield from wide_warnings(spec, dataset)
