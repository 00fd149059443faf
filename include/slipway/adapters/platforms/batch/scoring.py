"""Score the rows of a V2 request with a loaded model version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from slipway.spec.identity import DERIVED, identity_of
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.v2_decode import decode_rows
from slipway.values.value_types import ColumnType


class Package(Protocol):
    """A loaded model version."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest of its folder."""

    @property
    def signature_columns(self) -> Sequence[RawColumn]:
        """Its raw columns, in its order."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Scores of shape (n_rows,), or (n_rows, n_classes)."""


def score_request(package: Package, body: bytes) -> tuple[Any, ...]:
    """The scores of a request's rows: one per row, or of a multi-class model a list of each class.

    Args:
        package: The loaded version.
        body: Body of a V2 inference request.

    Raises:
        BadRequest: The request does not fit the model's signature.
    """
    key_type = package.manifest.get("key_type")
    others: dict[str, ColumnType | None] = {
        package.manifest["key"]: key_type,
        package.manifest["event_time"]: None if key_type is None else "timestamp",
    }
    identity = identity_of(package.manifest)
    if identity is not None and identity.parts:
        others = {name: kind for name, kind in others.items() if name not in DERIVED}
        others |= {part.name: part.type for part in identity.parts}
        if identity.time.source == "arrival":
            others[identity.time.column] = "timestamp"
    rows = decode_rows(body, package.signature_columns, others=others, identity=identity)
    return tuple(package.predict(rows).tolist())
