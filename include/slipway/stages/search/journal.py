"""Keep the finished trials of a training in the store, so that a killed attempt loses none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.records.attempts import Attempt
from slipway.records.store import digest, encode, read_json
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.search.trials import Trial

_BUDGET = ("trials", "minutes", "parallel")
"""Fields of `search` that may change between two attempts: finished trials stay good."""


@dataclass(frozen=True)
class Journal:
    """Finished trials of one training.

    Attributes:
        attempt: Attempt that searches.
        identity: Digest of all that a trial's scores depend on.
    """

    attempt: Attempt
    identity: str

    @property
    def folder(self) -> str:
        """Store folder of the trials."""
        return f"{self.attempt.ref.folder}/trials-{self.identity}"

    def read(self) -> list[Trial]:
        """Return the trials that earlier attempts finished, by number."""
        store = self.attempt.store
        return [Trial.from_json(read_json(store, one.key)) for one in store.list(self.folder)]

    def keep(self, trial: Trial) -> None:
        """Keep a finished trial.

        Raises:
            Superseded: A newer attempt has begun.
        """
        self.attempt.check()
        key = f"{self.folder}/{trial.number:04d}.json"
        self.attempt.store.create(key, encode(trial.to_json()))


def identity_of(
    spec: ModelSpec, dataset: DatasetSpec, *, pins: Mapping[str, Any], pipeline_py: str | None
) -> str:
    """Return the digest of all that the scores of a trial depend on.

    Args:
        spec: Model.
        dataset: Its dataset.
        pins: Versions of the tables.
        pipeline_py: Text of the model's `pipeline.py`.
    """
    model = spec.model_dump(mode="json")
    search = {name: one for name, one in (model["search"] or {}).items() if name not in _BUDGET}
    told = {
        "model": {**model, "search": search},
        "dataset": dataset.model_dump(mode="json"),
        "pins": dict(pins),
        "pipeline_py": pipeline_py,
    }
    return digest(encode(told))[:12]
