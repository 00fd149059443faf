"""Keep the specs that rollouts use, so that a later mistake in them takes nothing out of sight.

`specs/<model>/000001.json` holds the spec of a model and of its dataset, as they were valid; each
change is a new object, and the newest counts. Reports and rollbacks read it while the present spec
is invalid, or its folder is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from slipway.errors import Tampered
from slipway.records.store import Store, encode, find_json, newest_number
from slipway.spec import DatasetSpec, ModelSpec

FOLDER = "specs"


@dataclass(frozen=True)
class KeptSpecs:
    """Specs of a model and its dataset that were valid together."""

    model: ModelSpec
    dataset: DatasetSpec


def keep_specs(store: Store, model: ModelSpec, dataset: DatasetSpec) -> None:
    """Keep the specs of a model and its dataset, unless they are the newest that are kept."""
    value = specs_value(model, dataset)
    while True:
        number = newest_number(store, f"{FOLDER}/{model.model}", digits=6)
        if number and find_json(store, _key(model.model, number)) == value:
            return
        if store.create(_key(model.model, number + 1), encode(value)):
            return


def kept_specs(store: Store, model: str) -> KeptSpecs | None:
    """Return the newest specs that were kept of a model, or None.

    Raises:
        Tampered: The object does not hold specs that this release reads.
    """
    number = newest_number(store, f"{FOLDER}/{model}", digits=6)
    if number == 0:
        return None
    value = find_json(store, _key(model, number)) or {}
    try:
        return parse_specs(value)
    except ValidationError as error:
        raise Tampered(
            f"the kept specs of {model} cannot be read",
            expected="specs as a rollout kept them",
            found=f"{error.error_count()} problems",
            where=_key(model, number),
            hint="mend the present spec, which is then kept in their place",
        ) from error


def specs_value(model: ModelSpec, dataset: DatasetSpec) -> dict[str, object]:
    """Return the specs of a model and its dataset as plain JSON, without what is by default."""
    return {"model": _fields(model), "dataset": _fields(dataset)}


def parse_specs(value: Mapping[str, object]) -> KeptSpecs:
    """Return the specs that `specs_value` made.

    Raises:
        ValidationError: They are not valid in this release.
    """
    return KeptSpecs(
        ModelSpec.model_validate_json(json.dumps(value.get("model"))),
        DatasetSpec.model_validate_json(json.dumps(value.get("dataset"))),
    )


def models_with_specs(store: Store) -> list[str]:
    """Return every model of which specs are kept."""
    return sorted({entry.key.split("/")[1] for entry in store.list(FOLDER)})


def _fields(spec: ModelSpec | DatasetSpec) -> object:
    return json.loads(spec.model_dump_json(exclude_unset=True, by_alias=True))


def _key(model: str, number: int) -> str:
    return f"{FOLDER}/{model}/{number:06d}.json"
