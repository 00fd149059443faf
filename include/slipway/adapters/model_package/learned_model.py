"""Save a fitted model as a model version's folder, with its engine, reference and digests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
import skops.io

from slipway.adapters.model_package.engine import engine_of
from slipway.adapters.model_package.mlflow_model import save_mlflow_model
from slipway.adapters.model_package.package import Package
from slipway.adapters.model_package.reload_check import require_same_after_reload
from slipway.adapters.model_package.request_files import request_files
from slipway.adapters.model_package.runtime import RUNTIME, runtime_of
from slipway.adapters.model_package.trusted_types import untrusted
from slipway.errors import SpecError
from slipway.spec import ModelSpec
from slipway.stages.model.manifest import (
    PIPELINE_PY,
    REFERENCE,
    REFERENCE_PART,
    REFERENCE_SCORE,
    seal,
)
from slipway.stages.model.onnx_form import ONNX
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.train.engine_choice import EngineChoice

FindEngine = Callable[[Package, ReferenceRows], tuple[EngineChoice, bytes | None]]
"""Returns the engine of a fitted model, with its ONNX form where that is the engine."""


def without_engine(package: Package, reference: ReferenceRows) -> tuple[EngineChoice, bytes | None]:
    """Return the pipeline as the engine of a model that no server will load."""
    del package, reference
    return EngineChoice("sklearn", "no server loads this model"), None


@dataclass(frozen=True)
class LearnedModel:
    """A fitted model that is not saved yet.

    Attributes:
        spec: The model's spec.
        package: The fitted pipeline.
        own: The imported `pipeline.py`, if the model has one.
        pipeline_py: Its text.
        facts: Entries of the manifest about columns: ranges in training, and which are personal.
        find_engine: Chooses the engine of its servers.
    """

    spec: ModelSpec
    package: Package
    own: ModuleType | None
    pipeline_py: str | None
    facts: Mapping[str, Any]
    find_engine: FindEngine = engine_of

    def predict(self, rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Scores as of a loaded version."""
        return self.package.predict(rows)

    def save(
        self,
        folder: Path,
        *,
        facts: Mapping[str, Any],
        reference: ReferenceRows,
        beside: Mapping[str, bytes] = MappingProxyType({}),
    ) -> str:
        """Write the complete folder of a model version; return the digest of its manifest.

        Args:
            folder: A folder that does not exist yet.
            facts: Further entries of the manifest.
            reference: Scored rows, which monitoring compares with.
            beside: Further files of the folder, by path.

        Raises:
            SpecError: The model holds types that may not be loaded, or predicts differently
                once it is loaded.
        """
        types = self._trusted_types()
        save_mlflow_model(self.package, folder, types)
        (folder / "slipway").mkdir()
        if self.pipeline_py is not None:
            (folder / PIPELINE_PY).write_text(self.pipeline_py)
        self._stored(reference).to_parquet(folder / REFERENCE, index=False)
        engine, form = self.find_engine(self.package, reference)
        if form is not None:
            (folder / ONNX).write_bytes(form)
        personal = list(self.facts["pii"])
        asked = request_files(self.package, reference, spec=self.spec, personal=personal)
        for name, data in {**beside, **asked}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        digest = seal(
            folder,
            {
                **facts,
                **self.facts,
                "engine": engine.to_json(),
                "features": [asdict(column) for column in self.package.columns],
                "trusted_types": types,
                RUNTIME: runtime_of(types),
            },
        )
        require_same_after_reload(self.package, folder, reference, model=self.spec.model)
        return digest

    def _stored(self, reference: ReferenceRows) -> pd.DataFrame:
        # Personal columns are compared with the ONNX form, but never kept.
        kept = reference.features.drop(columns=list(self.facts["pii"]))
        # Not by `assign`, which takes no column `self`.
        kept[str(reference.times.name)] = reference.times
        kept[REFERENCE_PART] = np.where(reference.held_out, "holdout", "training")
        scores = reference.scores
        if scores.ndim == 1:
            kept[REFERENCE_SCORE] = scores
        else:
            for code, one in enumerate(scores.T):
                kept[f"{REFERENCE_SCORE}_{code}"] = one
        return kept

    def _trusted_types(self) -> list[str]:
        found = skops.io.get_untrusted_types(data=skops.io.dumps(self.package.pipeline))
        own = None if self.own is None else self.own.__name__
        beyond = untrusted(found, own_module=own)
        if beyond:
            raise SpecError(
                f"{self.spec.model} cannot be saved: it holds types that may not be loaded",
                found=", ".join(beyond),
                where=f"model.yaml of {self.spec.model}: estimator",
                hint="use scikit-learn's estimators, or define the class in pipeline.py",
            )
        return sorted(found)
