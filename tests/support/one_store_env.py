"""A model on a real MLflow server, and what someone can do who may write to one store alone."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from slipway.adapters.mlflow_server import MlflowTracking
from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.settings import Settings
from slipway.stages.model.manifest import MANIFEST, PIPELINE_PY, seal
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.reconcile import reconcile
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG, SERVING
from slipway.wiring import Container
from tests.fakes.rollout import FakePlatform
from tests.support import packages
from tests.support.promotions import promoted, registered, rolled_back
from tests.support.rollout_env import SIGNATURE, SPEC

LOGISTIC = "sklearn.linear_model.LogisticRegression"
ALIASES = ("champion", "challenger", "previous", "anchor")


class OneStoreEnv:
    """Version 1 is champion and serves, version 2 was rolled back; both are in the ledger.

    Attributes:
        model: Its name.
        container: The installation, as commands and stages make it.
        registry: MLflow's registry, as whoever can write to it has it.
        digests: Digest by version.
    """

    def __init__(self, mlflow: str, folder: Path) -> None:
        self.model = f"ferry_{uuid.uuid4().hex[:12]}"
        self._folder = folder
        self.container = Container(
            Settings(mlflow=mlflow, store=str(folder / "store"), project=folder)
        )
        self.registry = self.container.mlflow_registry
        self.tracking, self.api = MlflowTracking(mlflow), MlflowApi(mlflow)
        self.digests: dict[int, str] = {}
        store = self.container.store
        for number, penalty in ((1, 1.0), (2, 0.1)):
            sealed = packages.saved(folder / f"v{number}", packages.spec(LOGISTIC, C=penalty))
            made = self.register(sealed, key=f"request-{number:06d}")
            assert made == number
            registered(store, self.model, number, sha256=self.digests[number])
        for number in (1, 2):
            promoted(store, self.model, number, sha256=self.digests[number])
        sha256, run = self.digests[1], "rollout-000003"
        rolled_back(store, self.model, 2, to=1, sha256=sha256, run=run)
        self.tidy()

    def tidy(self) -> None:
        """Put aliases and tags where the ledger has them."""
        for alias in ALIASES:
            self.registry.delete_alias(self.model, alias)
        self.registry.set_alias(self.model, "champion", 1)
        for number, outcome in ((1, SERVING), (2, ROLLED_BACK)):
            tags = {DIGEST: self.digests[number], ROLLOUT_TAG: outcome}
            self.registry.tag(self.model, number, tags)

    def register(self, sealed: Path, *, key: str) -> int:
        """Log and register a folder with its digest, as anybody with access to MLflow can."""
        sha256 = seal(sealed, _facts(sealed))
        run_key = f"{self.model}/{key}"
        run = self.tracking.begin(
            self.model, run_key=run_key, attempt=1, tags={}, params={}, tables=[]
        )
        uri = self.tracking.log_package(run, sealed)
        tags = {DIGEST: sha256, ROLLOUT_TAG: SERVING}
        made = self.registry.register(self.model, model_uri=uri, run_key=run_key, tags=tags)
        self.digests[made.version] = sha256
        return made.version

    def plant(self, mark: Path) -> int:
        """Register a version whose code writes a file when it is loaded; its number."""
        sealed = self._folder / uuid.uuid4().hex
        shutil.copytree(self._folder / "v1", sealed)
        (sealed / PIPELINE_PY).write_text(f"open({str(mark)!r}, 'w').close()\n")
        return self.register(sealed, key=f"request-{uuid.uuid4().hex[:6]}")

    @contextmanager
    def exchanged(self, version: int, names: Sequence[str], *, source: int) -> Iterator[None]:
        """Files of a version exchanged for those of another, in MLflow's artifacts alone."""
        target, other = (self._artifacts(number) for number in (version, source))
        before = {name: self.api.fetch(target, name) for name in names}
        try:
            self._write(target, {name: self.api.fetch(other, name) for name in names})
            yield
        finally:
            self._write(target, before)

    def sweep(self) -> tuple[RunRecord, dict[int, float]]:
        """What the next deploy decides while version 1 serves, and the traffic after it."""
        platform = FakePlatform(self.container.store, SIGNATURE, {})
        digests = {number: sha256 for number, sha256 in self.digests.items() if number < 3}
        for other in list(self.container.store.list(f"platform/{self.model}")):
            self.container.store.delete(other.key)
        platform.apply(self.model, weights={1: 1.0}, keep=[], token=0, digests=digests)
        record = reconcile(
            SPEC.model_copy(update={"model": self.model}),
            context=RunContext(self.container.store, {}),
            registry=self.container.registry,
            platform=platform,
            holder=uuid.uuid4().hex,
        )
        served = platform.served(self.model)
        assert served is not None
        return record, dict(served.weights)

    def _artifacts(self, version: int) -> str:
        place = self.api.get(
            "model-versions/get-download-uri", name=self.model, version=str(version)
        )
        return str(place["artifact_uri"])

    def _write(self, uri: str, files: dict[str, bytes]) -> None:
        folder = self._folder / uuid.uuid4().hex
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        self.api.upload(uri, folder)


def _facts(sealed: Path) -> dict[str, object]:
    manifest: dict[str, object] = json.loads((sealed / MANIFEST).read_bytes())
    (sealed / MANIFEST).unlink()
    del manifest["files"]
    return manifest
