"""The versions that a pipeline was trained with, compared with those that load it.

A skops file is the same on every CPython. What differs is private state: of scikit-learn's
estimators between its minor versions, of XGBoost's memory snapshot between its own, and the
answers of a model's own `pipeline.py` between those of CPython, whose library changes with them.
Source: docs/adr/0025-models-and-interpreters.md.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

import sklearn

from slipway.adapters.model_package.pipeline_py import PREFIX
from slipway.errors import IncompatibleRuntime

RUNTIME = "runtime"
PYTHON, SKLEARN, XGBOOST = "CPython", "scikit-learn", "XGBoost"


def runtime_of(types: Sequence[str]) -> dict[str, str]:
    """Versions by name, as a manifest records them for a pipeline that holds these types."""
    versions = {PYTHON: platform.python_version(), SKLEARN: sklearn.__version__}
    if any(name.startswith("xgboost.") for name in types):
        import xgboost

        versions[XGBOOST] = xgboost.__version__
    return versions


def check_runtime(manifest: Mapping[str, Any], *, where: str) -> None:
    """Raise unless the pipeline of a manifest answers here as it did in training.

    Args:
        manifest: The version's; one without recorded versions passes.
        where: The pipeline's file.

    Raises:
        IncompatibleRuntime: A version differs that the pipeline depends on.
    """
    types = manifest["trusted_types"]
    recorded = manifest.get(RUNTIME) or {}
    here = runtime_of(types)
    own = any(name.startswith(PREFIX) for name in types)
    names = [name for name in here if name in recorded and (own or name != PYTHON)]
    differing = [name for name in names if _minor(recorded[name]) != _minor(here[name])]
    if differing:
        trained = ", ".join(f"{name} {_minor(recorded[name])}" for name in differing)
        raise IncompatibleRuntime(
            "the pipeline of a model version can answer differently here than in training",
            expected=f"{trained}, as in training",
            found=", ".join(f"{name} {_minor(here[name])}" for name in differing),
            where=where,
            hint=f"load it with an image that has {trained}, or train the model again here",
        )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
