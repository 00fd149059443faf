"""What a person should know of valid specs: no mistake, and no reason to refuse them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from slipway.spec.dataset import DatasetSpec
from slipway.spec.gate_thresholds import gate_warnings
from slipway.spec.holdout import holdout_warnings
from slipway.spec.idle_limits import idle_limit_warnings
from slipway.spec.model import ModelSpec
from slipway.spec.retraining_warnings import retraining_warnings
from slipway.spec.shipped_refit import shipped_refit_warnings
from slipway.spec.wide_columns import wide_warnings


def project_warnings(
    datasets: Mapping[str, DatasetSpec], models: Mapping[str, ModelSpec]
) -> list[str]:
    """Return the warnings of a project's valid specs, each with its file or its models.

    A warning that several models share is told once, with their names.

    Args:
        datasets: Valid datasets by name.
        models: Valid models by name.
    """
    told = [
        f"include/datasets/{name}/dataset.yaml: {warning}"
        for name, spec in sorted(datasets.items())
        for warning in dataset_warnings(spec, [m for m in models.values() if m.dataset == name])
    ]
    shared: dict[str, list[str]] = {}
    for name, model in sorted(models.items()):
        for warning in model_warnings(model, datasets.get(model.dataset)):
            shared.setdefault(warning, []).append(name)
    return told + [f"{_models(names)}: {warning}" for warning, names in shared.items()]


def _models(names: list[str]) -> str:
    """What a warning names before its field: a file, or the models that share it."""
    if len(names) == 1:
        return f"include/models/{names[0]}/model.yaml"
    return f"models {', '.join(names[:-1])} and {names[-1]}"


def dataset_warnings(spec: DatasetSpec, models: Collection[ModelSpec]) -> Iterator[str]:
    """Yield the warnings of a dataset, each with its field.

    Args:
        spec: Dataset.
        models: Its models.
    """
    key, time = spec.identity.key, spec.identity.time
    if not models or key.source != "row":
        return
    inputs = {name for one in models for name in _inputs_of(one)}
    beside = [one.name for one in key.parts if one.name not in {*inputs, *time.named}]
    if beside:
        yield (
            f"key: the row covers {', '.join(beside)}, which no model takes: a request without "
            "them has no key, and its label is never joined; `in_key: false` at what is known only "
            "later, or what no request has, leaves it out of the key"
        )


def _inputs_of(spec: ModelSpec) -> Iterator[str]:
    yield from spec.features.numeric
    yield from spec.features.categorical


def model_warnings(spec: ModelSpec, dataset: DatasetSpec | None) -> Iterator[str]:
    """Yield the warnings of a model, each with its field.

    Args:
        spec: Model.
        dataset: Its dataset; None: that one is not valid.
    """
    yield from holdout_warnings(spec)
    yield from shipped_refit_warnings(spec)
    yield from gate_warnings(spec)
    yield from idle_limit_warnings(spec)
    yield from retraining_warnings(spec)
    if dataset is not None:
        yield from wide_warnings(spec, dataset)
