"""A model that is rolled out onto the Kubernetes double, with real servers in pods."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.platforms.cluster.api_client import open_cluster
from slipway.adapters.platforms.cluster.platform import ClusterPlatform
from slipway.records.store import digest
from slipway.spec import ModelSpec
from slipway.stages.model.manifest import MANIFEST, seal
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.v2_encode import encode_rows
from tests.kubernetes_double import Cluster, Pace
from tests.kubernetes_double.kubelet.probes import Timing
from tests.support import packages
from tests.support.row_identities import named_identity

IMAGE = "server:1"
MODEL = "ferry_delay"
NAME = "ferry-delay"
GOOD, CRASHING, UNREADY = 3, 4, 5
COLUMNS = (
    RawColumn("wind", "number", required=False),
    RawColumn("decks", "number", required=True),
    RawColumn("port", "string", required=False),
    RawColumn("berth", "string", required=False),
)


def spec_of(cluster: Cluster, *, by_route: bool, **more: Any) -> ModelSpec:
    """Spec of the model, deployed onto a cluster.

    Args:
        cluster: The cluster.
        by_route: Whether its traffic is split by the cluster's Gateway.
        **more: Fields of `deployment.kubernetes`.
    """
    described = deployment_on(cluster, by_route=by_route, **more)
    spec = packages.spec("sklearn.linear_model.LogisticRegression")
    return ModelSpec.model_validate(
        {
            **spec.model_dump(exclude_unset=True),
            "model": MODEL,
            "deployment": described,
        }
    )


def deployment_on(cluster: Cluster, *, by_route: bool, **more: Any) -> dict[str, Any]:
    """Target and section `kubernetes` of a spec's `deployment`.

    Args:
        cluster: The cluster.
        by_route: Whether its traffic is split by the cluster's Gateway.
        **more: Fields of `deployment.kubernetes`.
    """
    described: dict[str, Any] = {"image": IMAGE, "replicas": 1, "ready_seconds": 60, **more}
    if by_route:
        port = cluster.gateway_url.rpartition(":")[2]
        described["gateway"] = {
            "name": "gateway",
            "namespace": "infra",
            "url": f"http://gateway.infra:{port}",
        }
    return {"target": "kubernetes", "kubernetes": described}


def register_versions(mlflow: str, folder: Path) -> MlflowRegistry:
    """Register a small model three times, and two versions that cannot serve.

    The fourth does not match its digest, so its pods cannot download it and crash; the fifth is no
    model, so its servers are never ready.

    Args:
        mlflow: URL of a server.
        folder: Where the models are saved first.
    """
    spec = packages.spec("sklearn.linear_model.LogisticRegression")
    learned = SklearnLearner(spec, packages.dataset(), None).learn(packages.labelled(spec))
    facts = {"model": MODEL, "task": spec.task, "key": "id", "event_time": "at"}
    good, empty = folder / "good", folder / "empty"
    learned.save(good, facts=facts, reference=packages.reference(learned))
    empty.mkdir()
    (empty / "model.skops").write_bytes(b"no model")
    sealed, other = digest((good / MANIFEST).read_bytes()), seal(empty, facts)
    registry, tracking = MlflowRegistry(mlflow), MlflowTracking(mlflow)
    versions = [*[(good, sealed)] * GOOD, (good, other), (empty, other)]
    for number, (package, sha256) in enumerate(versions, start=1):
        key = f"{MODEL}/request-{number:06d}"
        run = tracking.begin(MODEL, run_key=key, attempt=1, tags={}, params={}, tables=[])
        uri = tracking.log_package(run, package)
        registry.register(MODEL, model_uri=uri, run_key=key, tags={DIGEST: sha256})
    return registry


@contextmanager
def open_cluster_double(folder: Path, mlflow: str, **more: Any) -> Iterator[Cluster]:
    """The Kubernetes double with short waits, a registry and a store for its pods, and DNS here.

    Args:
        folder: Of the double.
        mlflow: URL of the registry.
        **more: Arguments of `Cluster`.
    """
    pace = Pace(probes=Timing(pace=0.2, least_seconds=0.1), crash_seconds=0.2, hook_seconds=0.2)
    with (
        Cluster(folder=folder / "cluster", images={IMAGE}, pace=pace, **more) as cluster,
        cluster.names(),
    ):
        cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "slipway-settings", "namespace": cluster.namespace},
                "data": {
                    "SLIPWAY_MLFLOW": mlflow,
                    "SLIPWAY_STORE": str(folder / "store"),
                    "SLIPWAY_MIN_FREE_BYTES": "0",
                },
            }
        )
        yield cluster


def cluster_platform(
    cluster: Cluster, spec: ModelSpec, registry: MlflowRegistry, *, account: str = "slipway-rollout"
) -> ClusterPlatform:
    """The platform as a rollout's pod builds it."""
    return ClusterPlatform(
        spec,
        open_cluster(cluster.namespace, kubeconfig=cluster.kubeconfig(account)),
        tags=lambda version: registry.version(MODEL, version).tags,
    )


def request_body(*, probe: bool = False) -> dict[str, Any]:
    """A request with one row."""
    return encode_rows(packages.rows(1), COLUMNS, identity=named_identity("id", "at"), probe=probe)


@dataclass
class Clients:
    """A thread that sends requests without a pause.

    Attributes:
        url: Of their requests.
        answers: How many answers each version gave.
        failures: Failures by error or status.
    """

    url: str
    answers: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def after(self, count: int, *, seconds: float = 60) -> Counter[int]:
        """Answers by version among the next `count` requests."""
        before, deadline = Counter(self.answers), time.monotonic() + seconds
        while (self.answers - before).total() < count:
            assert time.monotonic() < deadline, (self.answers, self.failures)
            time.sleep(0.02)
        return self.answers - before

    def _run(self) -> None:
        # A new connection for every request: a kept one stays with its server.
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(verify=False, limits=limits, timeout=20, trust_env=False) as client:  # noqa: S501
            while not self._stop.wait(0.01):
                self._ask(client)

    def _ask(self, client: httpx.Client) -> None:
        try:
            reply = client.post(self.url, json=request_body())
        except httpx.HTTPError as error:
            self.failures[type(error).__name__] += 1
            return
        if reply.is_success:
            self.answers[int(reply.json()["model_version"])] += 1
        else:
            self.failures[str(reply.status_code)] += 1
