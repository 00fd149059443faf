"""A model whose rollouts run by name, as its pods run them, on the double of a cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway import wiring
from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.platforms.cluster import platform
from slipway.adapters.platforms.cluster.context import ClusterContext
from slipway.records.attempts import Attempt
from slipway.records.leases import find_lease
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import digest, encode
from slipway.settings import Settings
from slipway.spec import ModelSpec
from slipway.stages.model.agreement import Agreement
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.version_tags import COMPARED_WITH, DIGEST, TAG_PREFIX
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.platform import Served
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from slipway.wiring import Container
from tests.kubernetes_double import Cluster
from tests.support import packages
from tests.support.models_on_cluster import MODEL, NAME, Clients, a_cluster, registered, spec_of

STEP = 50
OTHER = 6
"""A good version that answers otherwise than versions 1 to 3, which all answer alike."""
CHAMPION, CANDIDATE = 1, 2
STAGES = ("verify", "shift", "switch", "promote_champion")
GOOD = {"verified", "shifted", "switched", "promoted"}
ALIKE = Agreement(disagreement=0.0, spread=0.3, correlation=1.0)


def registry_in(mlflow: str, folder: Path) -> MlflowRegistry:
    """The versions of `registered`, one that answers otherwise, and what their gates saw.

    Args:
        mlflow: URL of a server.
        folder: Where the models are saved first.
    """
    registry, tracking = registered(mlflow, folder), MlflowTracking(mlflow)
    spec = packages.spec("sklearn.linear_model.LogisticRegression")
    rows = packages.labelled(spec)
    learned = SklearnLearner(spec, packages.dataset(), None).learn(rows.assign(late=1 - rows.late))
    facts = {"model": MODEL, "task": spec.task, "key": "id", "event_time": "at"}
    learned.save(folder / "other", facts=facts, reference=packages.reference(learned))
    key = f"{MODEL}/request-{OTHER:06d}"
    run = tracking.begin(MODEL, run_key=key, attempt=1, tags={}, params={}, tables=[])
    uri = tracking.log_package(run, folder / "other")
    said = digest((folder / "other" / MANIFEST).read_bytes())
    registry.register(MODEL, model_uri=uri, run_key=key, tags={DIGEST: said})
    evidence = {f"{TAG_PREFIX}{name}": str(value) for name, value in ALIKE.numbers().items()}
    for version in range(1, OTHER + 1):
        registry.tag(MODEL, version, {COMPARED_WITH: f"version {CHAMPION}", **evidence})
    return registry


class World:
    """A model on a cluster, whose version 1 is champion and serves.

    Args:
        cluster: The cluster.
        mlflow: URL of the registry.
        folder: Where project and store lie.

    Attributes:
        by_route: Whether the cluster's Gateway splits the traffic.
        entry_kind: What clients ask then.
    """

    def __init__(self, cluster: Cluster, mlflow: str, folder: Path) -> None:
        self.cluster = cluster
        self.by_route, self.entry_kind = True, "HTTPRoute"
        self.settings = Settings(
            project=folder / "project", store=str(folder / "store"), mlflow=mlflow
        )
        self.registry = MlflowRegistry(mlflow)
        self._number = 0
        self._is_asked = False
        self.write_specs()
        _publish_rows(Container(self.settings))

    @property
    def environ(self) -> dict[str, str]:
        """What a stage's own process needs in its environment."""
        return {
            "SLIPWAY_PROJECT": str(self.settings.project),
            "SLIPWAY_STORE": self.settings.store,
            "SLIPWAY_MLFLOW": self.settings.mlflow,
            "KUBECONFIG": str(self.cluster.kubeconfig()),
            **self.cluster.environ,
        }

    def write_specs(self, *, requests: int = 20, **more: Any) -> None:
        """Write dataset and model as their author would.

        Args:
            requests: How many a step waits for.
            **more: Fields of `deployment.kubernetes`.
        """
        shift = {"steps": [STEP], "max_error_rate": 0.2, "limit_minutes": 2.0}
        spec = spec_of(self.cluster, by_route=self.by_route, **{"ready_seconds": 20, **more})
        described = _plain(spec)
        described["gates"]["metrics"]["roc_auc"]["threshold"] = 0.5
        described["deployment"] |= {
            "verify": {"replay_rows": 20, "max_p99_ms": 10_000.0},
            "shift": {**shift, "requests": requests},
        }
        dataset = _plain(packages.dataset(), "expectations")
        dataset["streams"]["labels"]["columns"]["late"]["type"] = "integer"
        files = {
            "datasets/ferries/dataset.yaml": dataset,
            f"models/{MODEL}/model.yaml": described,
        }
        for path, text in files.items():
            target = self.settings.project / "include" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(yaml.safe_dump(text))
        self.spec = ModelSpec.model_validate(described)

    def shop(self) -> Container:
        """Tools as the pod of the next stage would make them."""
        return Container(self.settings)

    def stage(self, name: str, *, holder: str = "run-1", **given: Any) -> RunRecord:
        """What a stage decided, run by its name; a step is asked by clients, if nobody asks yet."""
        if name == "shift" and not self._is_asked:
            with self.clients():
                return self.stage(name, holder=holder, **given)
        origin = {"dag_id": f"{MODEL}__deploy", "run_id": holder}
        made = wiring.run_stage(name, {"model": MODEL, **given}, origin=origin, shop=self.shop())
        assert isinstance(made, RunRecord)
        return made

    def begin(self, to: str = "challenger", *, holder: str | None = None) -> RunRecord:
        """The first stage of another run."""
        self._number += 1
        return self.stage("reconcile", to=to, holder=holder or f"run-{self._number}")

    def go_on(self, run: str, *, after: str | None = None) -> list[str]:
        """What the other stages of a rollout said, up to the first that stops it."""
        said = []
        for name in STAGES[STAGES.index(after) + 1 if after else 0 :]:
            step = {"step": STEP} if name == "shift" else {}
            action = self.stage(name, rollout=run, **step).verdict.action
            said.append(action)
            if action not in {*GOOD, "unneeded"}:
                break
        return said

    def roll(self, to: str = "challenger") -> list[str]:
        """What every stage of a new run said."""
        begun = self.begin(to)
        action = begun.verdict.action
        return [action] if action == "nothing" else [action, *self.go_on(begun.ref.run)]

    def until(self, stage: str) -> str:
        """The run of a rollout that has gone so far."""
        run = self.begin().ref.run
        for name in STAGES[: STAGES.index(stage) + 1]:
            step = {"step": STEP} if name == "shift" else {}
            assert self.stage(name, rollout=run, **step).verdict.action in GOOD
        return run

    def lapse(self) -> None:
        """Let the time pass in which a dead rollout's lease keeps others away."""
        store = self.shop().store
        lease = find_lease(store, lease_name(MODEL))
        if lease is not None and not lease.released:
            over = datetime.now(UTC) - timedelta(seconds=1)
            store.write(lease.key, encode(replace(lease, expires_at=over).to_json()))

    def be(self, *, by_route: bool) -> None:
        """Split the traffic by a Gateway's route, or by numbers of servers, from now on.

        Args:
            by_route: Whether by a route.
        """
        if by_route != self.by_route:
            for kind in ("HTTPRoute", "Deployment", "Service", "PodDisruptionBudget"):
                for name in self.names(kind):
                    self.cluster.delete(kind, name)
            self.cluster.wait("nothing is left", lambda: not self.cluster.pods())
        self.by_route = by_route
        self.entry_kind = "HTTPRoute" if by_route else "Service"
        self.settle()

    def settle(self, challenger: int | None = CANDIDATE, *, previous: int | None = None) -> None:
        """Let version 1 be champion and serve alone, and give another its chance.

        Args:
            challenger: Version by that alias.
            previous: Version by that alias; it is warm.
        """
        self.cluster.recover()
        self.lapse()
        self.write_specs()
        self._name(champion=CHAMPION, previous=previous, challenger=None)
        for version in range(1, OTHER + 1):
            self.registry.tag(MODEL, version, {ROLLOUT_TAG: ""})
        served = self.served()
        if served is None or served.version != CHAMPION or self.warm() != {previous} - {None}:
            token = served.token if served else 0
            keep = [previous] if previous else []
            self.shop().platform_for(self.spec).apply(
                MODEL, weights={CHAMPION: 1.0}, keep=keep, token=token
            )
        self._name(champion=CHAMPION, previous=previous, challenger=challenger)
        if previous is not None:
            self.cluster.wait("it is warm", lambda: self.warm() == {previous})

    def served(self) -> Served | None:
        """What is really served."""
        return self.shop().platform_for(self.spec).served(MODEL)

    def weights(self) -> Mapping[int, float]:
        """Who shares the traffic."""
        served = self.served()
        return served.weights if served else {}

    def warm(self) -> set[int]:
        """The versions whose servers can answer without a share."""
        served = self.served()
        return (
            {one for one, is_well in served.healthy.items() if is_well} - set(served.weights)
            if (served)
            else set()
        )

    def aliases(self) -> dict[str, int]:
        """Version by alias."""
        found = {
            alias: self.registry.alias(MODEL, alias)
            for alias in ("champion", "previous", "challenger")
        }
        return {alias: one.version for alias, one in found.items() if one is not None}

    def tag(self, version: int) -> str:
        """What the registry says became of a version."""
        return self.registry.version(MODEL, version).tags.get(ROLLOUT_TAG, "")

    def names(self, kind: str) -> list[str]:
        """Names of the model's objects of a kind."""
        return [one["metadata"]["name"] for one in self.cluster.list(kind)]

    def is_tidy(self, champion: int, *kept: int) -> None:
        """Assert that alias and service agree, and that nothing else is left on the cluster."""
        served = self.served()
        assert served is not None
        assert served.edited is None
        assert served.version == champion == self.aliases()["champion"]
        assert set(served.keep) == set(kept)
        versions = [f"{NAME}-v{version}" for version in sorted((champion, *kept))]
        assert self.names("Deployment") == versions
        assert self.names("PodDisruptionBudget") == versions
        services = [name for one in versions for name in (one, f"{one}-pods")]
        assert self.names("Service") == [NAME, *services]

    @contextmanager
    def clients(self, *, may_fail: int = 0, stays: int = CHAMPION) -> Iterator[Clients]:
        """Clients of the entry point, and beside them some that ask one version by its number.

        None of the latter may be turned away, nor of the former more than so many.

        Args:
            may_fail: How many, while a version with a share is broken.
            stays: A version that is there from beginning to end.
        """
        if self.by_route:
            assert self.spec.deployment.kubernetes is not None
            gateway = self.spec.deployment.kubernetes.gateway
            assert gateway is not None
            entry = f"{gateway.url}/v2/models/{MODEL}"
            pinned = f"{entry}/versions/{stays}/infer"
        else:
            entry = f"http://{NAME}.slipway.svc:8080/v2/models/{MODEL}"
            pinned = f"http://{NAME}-v{stays}.slipway.svc:8080/v2/models/{MODEL}/infer"
        with Clients(f"{entry}/infer") as clients, Clients(pinned) as others:
            self._is_asked = True
            try:
                clients.after(2)
                yield clients
                clients.after(10)
            finally:
                self._is_asked = False
        assert others.answers
        assert not others.failures, others.failures
        assert clients.failures.total() <= may_fail, clients.failures

    def _name(self, **aliases: int | None) -> None:
        now = self.aliases()
        for alias, version in aliases.items():
            if version is not None:
                self.registry.set_alias(MODEL, alias, version)
            elif alias in now:
                self.registry.delete_alias(MODEL, alias)


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Let a rollout's patience with servers end three times as soon as its spec says."""
    hasty = partial(ClusterContext, clock=lambda: 3 * time.monotonic())
    patch.setattr(platform, "ClusterContext", hasty)


@contextmanager
def a_world(mlflow: str, folder: Path) -> Iterator[World]:
    """A world whose rollouts find their cluster as a rollout's pod does."""
    with (
        a_cluster(folder, mlflow, gateway=True) as cluster,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig()))
        yield World(cluster, mlflow, folder)


def _publish_rows(shop: Container) -> None:
    ref = RunRef("ferries", "features-a", "ingest")
    shop.store.create(f"{ref.folder}/attempt-0001.json", b"{}")
    shop.tables.publish(
        "ferries/features",
        packages.rows(80).drop(columns="late"),
        batch="a",
        writer="a",
        attempt=Attempt(shop.store, ref, 1),
        note={},
    )


def _plain(value: Any, *without: str) -> Any:
    told = value.model_dump(mode="json", exclude_defaults=True)
    return {name: one for name, one in told.items() if name not in without}
