"""Keep the finished trials of a training in the store, so that a killed attempt loses none."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import NotFound, Tampered
from slipway.records.attempts import Attempt
from slipway.records.store import digest, encode, read_json
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.shipped import TRAIN
from slipway.stages.search.trials import Trial

logger = logging.getLogger(__name__)

_BUDGET = ("trials", "minutes", "parallel", "parallel_pods")
"""Fields of `search` that may change between two attempts: finished trials stay good."""


@dataclass(frozen=True)
class Journal:
    """Finished trials of one training.

    Attributes:
        attempt: Attempt that searches: of the training, or of a worker of its search.
        identity: Digest of all that a trial's scores depend on.
    """

    attempt: Attempt
    identity: str
    _passed_over: set[str] = field(default_factory=set, compare=False)

    @property
    def folder(self) -> str:
        """Store folder of the trials: the training's, also for those that its workers end."""
        return f"{self.attempt.ref.beside(TRAIN).folder}/trials-{self.identity}"

    def read(self, *, known: Collection[int] = ()) -> list[Trial]:
        """Return the trials that earlier attempts and other workers finished, by number.

        An object that holds no trial of its number is named in the log, once, and passed over.

        Args:
            known: Numbers that are not read again.
        """
        store, skipped = self.attempt.store, {self._key(number) for number in known}
        keys = [one.key for one in store.list(self.folder) if one.key not in skipped]
        found = (self._find(key) for key in sorted(keys))
        return [one for one in found if one is not None]

    def keep(self, trial: Trial) -> Trial:
        """Keep a finished trial; return it, or the one of its number that was kept before.

        An object under its number that holds no trial is replaced.

        Raises:
            Superseded: A newer attempt has begun.
        """
        self.attempt.check()
        key = self._key(trial.number)
        if self.attempt.store.create(key, encode(trial.to_json())):
            return trial
        kept = self._find(key)
        if kept is None:
            self.attempt.store.write(key, encode(trial.to_json()))
        return kept or trial

    def _find(self, key: str) -> Trial | None:
        """The trial in an object; None: it holds none, or was deleted since it was listed."""
        with suppress(NotFound, Tampered, KeyError, TypeError, ValueError, AttributeError):
            trial = Trial.from_json(read_json(self.attempt.store, key))
            if self._key(trial.number) == key:
                return trial
        if key not in self._passed_over:
            self._passed_over.add(key)
            where = self.attempt.store.uri(key)
            logger.warning("the search passes over %s, which holds no trial of its number", where)
        return None

    def _key(self, number: int) -> str:
        return f"{self.folder}/{number:04d}.json"


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
