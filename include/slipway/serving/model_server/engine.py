"""The engine of a loaded model version: its inputs, its manifest and its scoring function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from slipway.serving.v2.signature import Signature
from slipway.spec.identity import identity_of
from slipway.spec.labels import Label
from slipway.stages.model import background_rows, outlier_scores
from slipway.stages.ports.raw_column import RawColumn

EngineName = Literal["onnx", "sklearn"]
Values = Sequence[float | str | None]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Engine:
    """A loaded model version that scores rows.

    Attributes:
        name: Name of the engine.
        columns: Inputs, in the order of the signature.
        manifest: The version's manifest: provenance, ranges seen in training.
        score: Returns scores of shape (n_rows,), or (n_rows, n_classes) of a multi-class model, for
            values by column, in the order of `columns`, None for missing; thread-safe.
    """

    name: EngineName
    columns: Sequence[RawColumn]
    manifest: Mapping[str, Any]
    score: Callable[[Sequence[Values]], Scores]

    @property
    def signature(self) -> Signature:
        """Signature of infer requests."""
        identity = identity_of(self.manifest)
        is_derived = identity is not None and bool(identity.parts)
        return Signature(
            columns=tuple(self.columns),
            key=self.manifest.get("key"),
            event_time=self.manifest.get("event_time"),
            key_type=self.manifest.get("key_type"),
            identity=identity if is_derived else None,
            classes=self.classes,
            positive=self.positive,
            tells_outliers=outlier_scores.FILE in self._files,
            explains=background_rows.FILE in self._files,
        )

    @property
    def _files(self) -> Mapping[str, str]:
        return self.manifest.get("files") or {}

    @property
    def classes(self) -> tuple[Label, ...] | None:
        """Classes of a multi-class model, in the order of its scores; None of others."""
        several = self.manifest.get("task") == "multiclass"
        return tuple(self.manifest["classes"]) if several else None

    @property
    def positive(self) -> Label | None:
        """Class whose probability the score of a model of two classes is; None of others."""
        classes = self.manifest.get("classes")
        return classes[-1] if classes and self.manifest.get("task") == "classification" else None
