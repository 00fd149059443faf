"""The versions that rollouts with faults use."""

from __future__ import annotations

from pathlib import Path

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.records.store import digest
from slipway.stages.model.agreement import Agreement
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.version_tags import COMPARED_WITH, DIGEST, TAG_PREFIX
from tests.support import packages
from tests.support.models_on_cluster import (
    MODEL,
    register_versions,
)

CHAMPION, CANDIDATE = 1, 2
OTHER = 6
"""A good version that answers otherwise than versions 1 to 3, which all answer alike."""
ALIKE = Agreement(disagreement=0.0, spread=0.3, correlation=1.0)


def register_all_versions(mlflow: str, folder: Path) -> MlflowRegistry:
    """Register the versions of `register_versions`, one with other answers, and evidence.

    Args:
        mlflow: URL of a server.
        folder: Where the models are saved first.
    """
    registry, tracking = register_versions(mlflow, folder), MlflowTracking(mlflow)
    spec = packages.spec("sklearn.linear_model.LogisticRegression")
    rows = packages.labelled(spec)
    learned = SklearnLearner(spec, packages.dataset(), None).learn(rows.assign(late=1 - rows.late))
    facts = {"model": MODEL, "task": spec.task, "key": "id", "event_time": "at"}
    learned.save(folder / "other", facts=facts, reference=packages.reference(learned))
    key = f"{MODEL}/request-{OTHER:06d}"
    run = tracking.begin(MODEL, run_key=key, attempt=1, tags={}, params={}, tables=[])
    uri = tracking.log_package(run, folder / "other")
    sha256 = digest((folder / "other" / MANIFEST).read_bytes())
    registry.register(MODEL, model_uri=uri, run_key=key, tags={DIGEST: sha256})
    evidence = {f"{TAG_PREFIX}{name}": str(value) for name, value in ALIKE.numbers().items()}
    for version in range(1, OTHER + 1):
        registry.tag(MODEL, version, {COMPARED_WITH: f"version {CHAMPION}", **evidence})
    return registry
