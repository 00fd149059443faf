"""A rollout's stages, run by name on the cluster double as its pods run them."""

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

from slipway import wiring
from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.platforms.cluster import platform
from slipway.adapters.platforms.cluster.context import ClusterContext
from slipway.records.leases import find_lease
from slipway.records.run_records import RunRecord
from slipway.records.store import encode
from slipway.settings import Settings
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.platform import Served
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from slipway.wiring import Container
from tests.kubernetes_double import Cluster
from tests.rollouts.faults.project_files import STEP, publish_rows, write_specs
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION, OTHER
from tests.support.models_on_cluster import (
    MODEL,
    NAME,
    Clients,
    open_cluster_double,
)
from tests.support.promotions import promoted, registered

STAGES = ("verify", "shift", "switch", "promote_champion")
GOOD = {"verified", "shifted", "switched", "promoted"}


class RolloutEnv:
    """A model on a cluster, whose version 1 is champion and serves.

    Args:
        cluster: The cluster.
        mlflow: URL of the registry.
        folder: Holds project and store.

    Attributes:
        by_route: Whether the cluster's Gateway splits the traffic.
        entry_kind: Kind of the entry point.
        digests: Digest by version, as the ledger has it.
    """

    def __init__(self, cluster: Cluster, mlflow: str, folder: Path) -> None:
        self.cluster = cluster
        self.by_route, self.entry_kind = True, "HTTPRoute"
        self.settings = Settings(
            project=folder / "project", store=str(folder / "store"), mlflow=mlflow
        )
        self.registry = MlflowRegistry(mlflow)
        self.digests = {one: self.registry.digest(MODEL, one) for one in range(1, OTHER + 1)}
        self._number = self._resets = 0
        self._is_asked = False
        self.write_specs()
        publish_rows(Container(self.settings))
        store = self.container().store
        for version, sha256 in self.digests.items():
            registered(store, MODEL, version, sha256=sha256, run=f"training-{version}")

    @property
    def environ(self) -> dict[str, str]:
        """Environment variables of a stage's own process."""
        return {
            "SLIPWAY_PROJECT": str(self.settings.project),
            "SLIPWAY_STORE": self.settings.store,
            "SLIPWAY_MLFLOW": self.settings.mlflow,
            "KUBECONFIG": str(self.cluster.kubeconfig()),
            **self.cluster.environ,
        }

    def write_specs(self, *, requests: int = 20, **more: Any) -> None:
        """Write the specs of dataset and model.

        Args:
            requests: Number of requests that a step waits for.
            **more: Fields of `deployment.kubernetes`.
        """
        self.spec = write_specs(
            self.settings.project, self.cluster, by_route=self.by_route, requests=requests, **more
        )

    def container(self) -> Container:
        """A container as the pod of the next stage builds it."""
        return Container(self.settings)

    def stage(self, name: str, *, holder: str = "run-1", **given: Any) -> RunRecord:
        """Run a stage by name; a step gets requests from clients, unless some run already."""
        if name == "shift" and not self._is_asked:
            with self.clients():
                return self.stage(name, holder=holder, **given)
        origin = {"dag_id": f"{MODEL}__deploy", "run_id": holder}
        made = wiring.run_stage(
            name, {"model": MODEL, **given}, origin=origin, container=self.container()
        )
        assert isinstance(made, RunRecord)
        return made

    def begin(self, to: str = "challenger", *, holder: str | None = None) -> RunRecord:
        """Run the first stage of a new rollout."""
        self._number += 1
        return self.stage("reconcile", to=to, holder=holder or f"run-{self._number}")

    def continue_rollout(self, run: str, *, after: str | None = None) -> list[str]:
        """Run the remaining stages up to the first that ends the rollout; their actions."""
        actions = []
        for name in STAGES[STAGES.index(after) + 1 if after else 0 :]:
            step = {"step": STEP} if name == "shift" else {}
            action = self.stage(name, rollout=run, **step).verdict.action
            actions.append(action)
            if action not in {*GOOD, "unneeded"}:
                break
        return actions

    def run_rollout(self, to: str = "challenger") -> list[str]:
        """Run every stage of a new rollout; their actions."""
        begun = self.begin(to)
        action = begun.verdict.action
        return [action] if action == "nothing" else [action, *self.continue_rollout(begun.ref.run)]

    def run_until(self, stage: str) -> str:
        """Run a rollout up to a stage; its run."""
        run = self.begin().ref.run
        for name in STAGES[: STAGES.index(stage) + 1]:
            step = {"step": STEP} if name == "shift" else {}
            assert self.stage(name, rollout=run, **step).verdict.action in GOOD
        return run

    def expire_lease(self) -> None:
        """Let a dead rollout's lease expire."""
        store = self.container().store
        lease = find_lease(store, lease_name(MODEL))
        if lease is not None and not lease.released:
            over = datetime.now(UTC) - timedelta(seconds=1)
            store.write(lease.key, encode(replace(lease, expires_at=over).to_json()))

    def split_traffic(self, *, by_route: bool) -> None:
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
        self.reset()

    def reset(self, challenger: int | None = CANDIDATE, *, previous: int | None = None) -> None:
        """Make version 1 champion and the only one that serves, and another the challenger.

        Args:
            challenger: Version by that alias.
            previous: Version by that alias; it is warm.
        """
        self.cluster.recover()
        self.expire_lease()
        self.write_specs()
        self._enter(previous, CHAMPION, challenger=challenger)
        self._name(champion=CHAMPION, previous=previous, challenger=None)
        for version in range(1, OTHER + 1):
            self.registry.tag(MODEL, version, {ROLLOUT_TAG: ""})
        served = self.served()
        if served is None or served.version != CHAMPION or self.warm() != {previous} - {None}:
            token = served.token if served else 0
            keep = [previous] if previous else []
            self.container().platform_for(self.spec).apply(
                MODEL, weights={CHAMPION: 1.0}, keep=keep, token=token
            )
        self._name(champion=CHAMPION, previous=previous, challenger=challenger)
        if previous is not None:
            self.cluster.wait("it is warm", lambda: self.warm() == {previous})

    def served(self) -> Served | None:
        """The traffic in force."""
        return self.container().platform_for(self.spec).served(MODEL)

    def weights(self) -> Mapping[int, float]:
        """Weights of the versions."""
        served = self.served()
        return served.weights if served else {}

    def warm(self) -> set[int]:
        """Versions with ready servers and without a share."""
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
        """The tag with the outcome of a version's rollout."""
        return self.registry.version(MODEL, version).tags.get(ROLLOUT_TAG, "")

    def names(self, kind: str) -> list[str]:
        """Names of the model's objects of a kind."""
        return [one["metadata"]["name"] for one in self.cluster.list(kind)]

    def assert_consistent(self, champion: int, *kept: int) -> None:
        """Assert that alias and traffic agree, and that no other object is left on the cluster."""
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
        """Clients of the entry point, and clients that request one version by its number.

        Requests of the latter must not fail; of the former at most `may_fail` do.

        Args:
            may_fail: Number of failures while a version with a weight is broken.
            stays: A version that exists throughout.
        """
        if self.by_route:
            assert self.spec.deployment.kubernetes is not None
            gateway = self.spec.deployment.kubernetes.gateway
            assert gateway is not None
            entry = f"{gateway.url}/v2/models/{MODEL}"
            pinned = f"{entry}/versions/{stays}/infer"
        else:
            entry = f"http://{NAME}.slipway-serving.svc:8080/v2/models/{MODEL}"
            pinned = f"http://{NAME}-v{stays}.slipway-serving.svc:8080/v2/models/{MODEL}/infer"
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

    def _enter(self, *champions: int | None, challenger: int | None) -> None:
        """Enter promotions, and a registration after them, which forgets what rollouts decided."""
        self._resets += 1
        store, run = self.container().store, f"reset-{self._resets}"
        for version in champions:
            if version is not None:
                sha256 = self.digests[version]
                promoted(store, MODEL, version, sha256=sha256, run=f"{run}-to-{version}")
        if challenger is not None:
            sha256 = self.digests[challenger]
            registered(store, MODEL, challenger, sha256=sha256, run=f"{run}-training")

    def _name(self, **aliases: int | None) -> None:
        now = self.aliases()
        for alias, version in aliases.items():
            if version is not None:
                self.registry.set_alias(MODEL, alias, version)
            elif alias in now:
                self.registry.delete_alias(MODEL, alias)


def shorten_waits(patch: pytest.MonkeyPatch) -> None:
    """Shorten all waits of a rollout to a third of its spec's."""
    quick = partial(ClusterContext, clock=lambda: 3 * time.monotonic())
    patch.setattr(platform, "ClusterContext", quick)


@contextmanager
def open_rollout_env(mlflow: str, folder: Path) -> Iterator[RolloutEnv]:
    """An environment whose rollouts find their cluster as a rollout's pod does."""
    with (
        open_cluster_double(folder, mlflow, gateway=True) as cluster,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig()))
        yield RolloutEnv(cluster, mlflow, folder)
