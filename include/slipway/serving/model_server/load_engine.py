"""Load a model version: ONNX Runtime if its ONNX form passed the parity gate, else its pipeline.

Runs in model servers. A server of the ONNX form imports neither pandas nor scikit-learn.
"""

from __future__ import annotations

from pathlib import Path

from slipway.errors import BadParameter, Tampered
from slipway.serving.model_server.engine import Engine
from slipway.serving.model_server.hashed_scoring import hashed_scoring
from slipway.stages.model.manifest import AGAIN, MANIFEST, parse
from slipway.stages.model.personal_keys import NO_KEYS, PersonalKeys


def load_engine(folder: Path, keys: PersonalKeys = NO_KEYS) -> Engine:
    """Load a version with the engine named in its manifest, after checking its digests.

    Args:
        folder: The model version's folder.
        keys: Keys of personal columns.

    Raises:
        Tampered: A file is missing or differs from its digest.
        BadParameter: The manifest names an unknown engine, or a key of personal columns that is
            not there.
    """
    name = _engine_name(folder)
    if name == "onnx":
        from slipway.adapters.onnx_model import load_onnx

        model = load_onnx(folder)
        score = hashed_scoring(model.score, model.columns, model.manifest, keys)
        return Engine("onnx", model.columns, model.manifest, score)
    if name == "sklearn":
        from slipway.serving.model_server.pipeline_engine import load_pipeline

        return load_pipeline(folder, keys)
    raise BadParameter(
        "the manifest of a model version names an unknown engine",
        expected="onnx or sklearn",
        found=repr(name)[:40],
        where=str(folder / MANIFEST),
    )


def _engine_name(folder: Path) -> str:
    """Name in the manifest; the engine's loader checks the digests of the manifest's files."""
    path = folder / MANIFEST
    try:
        manifest = parse(path.read_bytes(), sha256=None, where=str(path))
        return str((manifest.get("engine") or {"name": "sklearn"})["name"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Tampered(
            "the manifest of a model version cannot be read",
            found=type(error).__name__,
            where=str(path),
            hint=AGAIN,
        ) from error
