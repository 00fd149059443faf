"""What scores: ONNX Runtime where a version passed its parity gate, else its own pipeline.

Runs in model servers. A server of the ONNX form imports neither pandas nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from slipway.errors import BadParameter, Tampered
from slipway.serving.v2.protocol import Column, Signature
from slipway.serving.v2.tensors import Kind
from slipway.stages.model.manifest import MANIFEST, parse

EngineName = Literal["onnx", "sklearn"]
Values = Sequence[float | str | None]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Engine:
    """A model version that scores.

    Attributes:
        name: By what.
        columns: Its inputs as name, kind and whether a value is required.
        manifest: Where the version comes from, and what training saw.
        score: Scores of shape (n_rows,) by values in the order of `columns`, None where one is
            missing; any thread may call it.
    """

    name: EngineName
    columns: Sequence[tuple[str, str, bool]]
    manifest: Mapping[str, Any]
    score: Callable[[Sequence[Values]], Scores]

    @property
    def signature(self) -> Signature:
        """What requests may hold."""
        return Signature(
            columns=tuple(
                Column(name, cast("Kind", kind), bool(needed))
                for name, kind, needed in self.columns
            ),
            key=self.manifest.get("key"),
            event_time=self.manifest.get("event_time"),
        )


def load_engine(folder: Path) -> Engine:
    """The engine that a version was registered with, all of its files checked.

    Args:
        folder: The model version's folder.

    Raises:
        Tampered: A file is missing or is not the one that was registered.
        BadParameter: The version asks for an engine that is not on offer.
    """
    name = _named_in(folder)
    if name == "onnx":
        from slipway.adapters.onnx_model import load_onnx

        model = load_onnx(folder)
        return Engine("onnx", model.columns, model.manifest, model.score)
    if name == "sklearn":
        from slipway.serving.model_server.pipeline_engine import load_pipeline

        return load_pipeline(folder)
    raise BadParameter(
        "a version asks for an engine that is not on offer",
        expected="onnx or sklearn",
        found=repr(name)[:40],
        where=str(folder / MANIFEST),
    )


def _named_in(folder: Path) -> str:
    """Name of the engine; the engine's own loader checks the manifest and all it names."""
    path = folder / MANIFEST
    try:
        manifest = parse(path.read_bytes(), sha256=None, where=str(path))
        return str((manifest.get("engine") or {"name": "sklearn"})["name"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered(
            "the manifest of a model version cannot be read",
            found=type(error).__name__,
            where=str(path),
        ) from error
