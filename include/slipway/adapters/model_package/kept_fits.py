"""Keep fitted models by what they were fitted to, so that equal fits are made once."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import skops.io

from slipway.adapters.model_package.hashed_columns import hashed_by_spec
from slipway.adapters.model_package.learned_model import LearnedModel, without_engine
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.package import Package, use_one_thread
from slipway.adapters.model_package.scored_classes import scored_classes
from slipway.adapters.model_package.trusted_types import untrusted
from slipway.spec.labels import Label
from slipway.stages.ports.package import Rounds
from slipway.stages.ports.raw_column import signature_of

FIT, SECONDS = "fit", "seconds"
KEPT_FIT = "kept_fit"
"""Entry of a version's manifest: digest of its fit, and how long that took."""

_PIPELINE, _FACTS = "pipeline.skops", "facts.json"
_NOT_FITTED = {"gates", "deployment", "monitoring", "retraining", "description", "owner", "pods"}
"""Parts of a model's spec that no fit depends on."""


@dataclass(frozen=True)
class KeepingLearner(SklearnLearner):
    """Learns as `SklearnLearner` does, and each thing once; its models have no ONNX form.

    Attributes:
        folder: Folder of the kept fits, which several processes may share.
    """

    folder: Path = Path()

    def learn(
        self,
        rows: pd.DataFrame,
        *,
        classes: Sequence[Label] | None = None,
        calibrate_on: pd.DataFrame | None = None,
        rounds: Rounds | None = None,
    ) -> LearnedModel:
        """Return the kept fit to these very rows, or fit and keep it."""
        key = self._key(rows, classes, calibrate_on)
        place = self.folder / key
        with _alone(self.folder, key):
            learned = self._kept(place)
            if learned is None:
                started = time.perf_counter()
                made = super().learn(
                    rows, classes=classes, calibrate_on=calibrate_on, rounds=rounds
                )
                seconds = round(time.perf_counter() - started, 3)
                facts = {**made.facts, KEPT_FIT: {FIT: key, SECONDS: seconds}}
                learned = replace(made, facts=facts)
                self._keep(learned, place)
        return replace(learned, find_engine=without_engine)

    def _key(
        self,
        rows: pd.DataFrame,
        classes: Sequence[Label] | None,
        calibrate_on: pd.DataFrame | None,
    ) -> str:
        spec = self.spec.model_dump(mode="json", exclude=_NOT_FITTED)
        hashed = hashed_by_spec(self.spec, self.dataset, self.keys)
        dataset = self.dataset.model_dump(mode="json")
        made_of = [spec, dataset, self.pipeline_py, classes, hashed.key]
        found = hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode())
        for frame in (rows, calibrate_on):
            if frame is not None:
                found.update(repr(frame.dtypes.astype(str).to_dict()).encode())
                found.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        return found.hexdigest()[:32]

    def _kept(self, place: Path) -> LearnedModel | None:
        if not place.is_dir():
            return None
        own = self._own()
        facts: dict[str, Any] = json.loads((place / _FACTS).read_text())
        types = skops.io.get_untrusted_types(file=place / _PIPELINE)
        beyond = untrusted(types, own_module=None if own is None else own.__name__)
        trusted = [name for name in types if name not in beyond]
        pipeline = use_one_thread(skops.io.load(place / _PIPELINE, trusted=trusted))
        scored = scored_classes({**facts, "task": self.spec.task})
        columns = signature_of(self.spec, self.dataset)
        hashed = hashed_by_spec(self.spec, self.dataset, self.keys)
        package = Package(pipeline, self.spec.task, columns, {}, scored, hashed)
        return LearnedModel(self.spec, package, own, self.pipeline_py, facts)

    def _keep(self, learned: LearnedModel, place: Path) -> None:
        draft = place.with_name(f"{place.name}.{os.getpid()}.part")
        draft.mkdir(parents=True, exist_ok=True)
        skops.io.dump(learned.package.pipeline, draft / _PIPELINE)
        (draft / _FACTS).write_text(json.dumps(dict(learned.facts)))
        draft.replace(place)


@contextmanager
def _alone(folder: Path, key: str) -> Iterator[None]:
    """Exclude other processes that want the same fit, until it is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{key}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
