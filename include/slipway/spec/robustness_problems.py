"""Check that each change of robustness has a column of the model that takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway.spec.dataset import DatasetSpec
from slipway.spec.dataset_column import Column
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document

_TAKEN_BY: Mapping[str, str] = {
    "noise": "a number among its features",
    "missing": "a feature that may be missing",
    "extremes": "a number among its features",
    "unseen": "a category among its features, of texts or integers",
}


def robustness_against_dataset(
    spec: ModelSpec, dataset: DatasetSpec, document: Document
) -> Iterator[Problem]:
    """Yield the changes that no column of the model can take, so that no gate could decide.

    Args:
        spec: Spec of the model.
        dataset: Its dataset.
        document: Its `model.yaml`.
    """
    robustness = spec.gates.robustness
    for kind in () if robustness is None else robustness.asked:
        if not any(_takes(kind, name, spec, dataset) for name in spec.features.names):
            summary = f"has no effect: it changes {_TAKEN_BY[kind]}, and the model has none"
            yield problem_at(document, ("gates", "robustness", kind), summary)


def _takes(kind: str, name: str, spec: ModelSpec, dataset: DatasetSpec) -> bool:
    column: Column | None = dataset.streams.features.columns.get(name)
    if column is None:
        # Told as no column of the dataset.
        return True
    if kind == "missing":
        return column.nullable
    wanted = spec.features.categorical if kind == "unseen" else spec.features.numeric
    return name in wanted and column.type != "boolean"
