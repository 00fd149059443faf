"""Versions of known quality: a registry of them, and what verify needs, without their bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from slipway.errors import NotFound, Tampered
from slipway.records.store import digest
from slipway.stages.model.manifest import require_digest
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.platform import Payload, Prediction
from slipway.stages.rollout.replay import ReplayResult
from tests.fakes.mlflow import MemoryRegistry
from tests.fakes.tracking import MemoryTracking
from tests.support.theorem.steps import REFUSED

FILE = "digest"


def scores_of(sha256: str) -> list[float]:
    """Scores of a version, which tell it from any other."""
    offset = int(sha256[:8], 16) / 16**8 / 1000
    return [0.1 + offset, 0.2 + offset, 0.3 + offset]


class QualityRegistry(MemoryRegistry):
    """A registry of versions of known quality; a folder holds only their digest.

    Attributes:
        qualities: Quality by digest.
    """

    def __init__(self, model: str) -> None:
        super().__init__(MemoryTracking(Path()))
        self.model = model
        self.qualities: dict[str, str] = {}

    def log(self, quality: str, *, run_key: str) -> tuple[str, str]:
        """Log a version of a quality; its address and digest."""
        sha256 = digest(f"{quality} {run_key} {len(self.qualities)}".encode())
        self.qualities[sha256] = quality
        return f"models:/m-{sha256[:8]}", sha256

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A folder with the version's digest, as the registry or another model of it has it."""
        del model
        found = self.find(version, sha256)
        to.mkdir(parents=True)
        (to / FILE).write_text(found)
        return to

    def find(self, version: int, sha256: str | None) -> str:
        """Digest of what a download of a version gives."""
        try:
            found = self.version(self.model, version).tags[DIGEST]
            require_digest(self.model, version, wanted=sha256, found=found)
        except (NotFound, Tampered):
            if sha256 is None or not self.copies(sha256):
                raise
            return sha256
        return found


class QualityHands:
    """A person in MLflow.

    Args:
        registry: The registry.
    """

    def __init__(self, registry: QualityRegistry) -> None:
        self._registry = registry

    def delete_version(self, version: int) -> None:
        """Delete a version with its aliases."""
        self._registry.delete_version(self._registry.model, version)

    def delete_model(self) -> None:
        """Delete the registered model, with the ledger's anchor in its tags."""
        self._registry.delete_model(self._registry.model)
        self._registry.heads.pop(self._registry.model, None)

    def versions(self) -> list[int]:
        """Numbers of the versions that there are, rising."""
        model, deleted = self._registry.model, self._registry.deleted
        known = self._registry.versions.get(model, [])
        return [one.version for one in known if (model, one.version) not in deleted]


class QualityPackage:
    """A version's folder, loaded.

    Args:
        folder: Holds its digest.
    """

    signature_columns = ()
    manifest: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, folder: Path) -> None:
        self.sha256 = (folder / FILE).read_text()

    def predict(self, _rows: object) -> np.ndarray[Any, Any]:
        """Its scores."""
        return np.array(scores_of(self.sha256))


class QualityCandidate:
    """A candidate's server.

    Args:
        sha256: Digest of its version.
    """

    def __init__(self, sha256: str) -> None:
        self.sha256 = sha256

    def infer(self, payload: Payload) -> Prediction:
        """Its answer."""
        del payload
        return Prediction(0, tuple(scores_of(self.sha256)))


class QuickReplay:
    """Stands for `Replay`: without rows, it measures what the quality of a version says.

    Attributes:
        qualities: Quality by digest.
    """

    qualities: Mapping[str, str]

    def __init__(self, _rows: object, package: QualityPackage, _dataset: object) -> None:
        self._package = package

    def sample(self) -> dict[str, Any]:
        """A probe with the version's scores."""
        return {"payload": {}, "scores": scores_of(self._package.sha256)}

    def run(self, candidate: QualityCandidate) -> ReplayResult:
        """Measurements of a candidate."""
        is_refused = self.qualities[candidate.sha256] == REFUSED
        accepted: Sequence[str] = ("NaN",) if is_refused else ()
        answers = tuple(scores_of(candidate.sha256))
        return ReplayResult(3, 0, 0.0, 1.0, 1.0, 100.0, tuple(accepted), answers)
