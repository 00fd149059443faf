"""The engine of a loaded model version: its inputs, its manifest and its scoring function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from slipway.serving.v2.signature import Signature
from slipway.spec.identity import identity_of
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
        score: Returns scores of shape (n_rows,) for values by column, in the order of `columns`,
            None for missing; thread-safe.
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
        )
