"""A Kubernetes cluster as what serves one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from slipway.adapters.platforms.answers import answer_of
from slipway.adapters.platforms.cluster.api_client import ClusterObjects
from slipway.adapters.platforms.cluster.candidate import Candidate, at_work, boot
from slipway.adapters.platforms.cluster.context import Ground
from slipway.adapters.platforms.cluster.http_client import Front
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.manifests.names import version_name
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.live_state import Live
from slipway.adapters.platforms.cluster.observe.request_stats import Counting
from slipway.adapters.platforms.cluster.ownership.manual_edits import edits
from slipway.adapters.platforms.cluster.traffic_change import Change, superseded
from slipway.errors import CommitConflict, PlatformUnavailable
from slipway.spec import ModelSpec
from slipway.stages.rollout.platform import Payload, Prediction, Served

ROUNDS = 5
PAUSE_SECONDS = 0.2


class ClusterPlatform:
    """Fulfils `stages.platform.Platform` for one model.

    What was asked stands in the annotations of the model's entry, with the fencing token of the
    rollout that asked; what is served is read from what the controllers made of it. It asks
    servers by the names that the cluster's DNS knows, so it belongs into a pod; elsewhere only
    `served` works, and counts nothing.

    Args:
        spec: The model, with its `deployment.kubernetes`.
        objects: Its namespace.
        tags: What the registry says about a version.
        token: Bearer token that servers want, if they want one.
        ca: PEM file: whom to trust when the gateway speaks TLS; None: whom this machine trusts.
    """

    def __init__(
        self,
        spec: ModelSpec,
        objects: ClusterObjects,
        *,
        tags: Callable[[int], Mapping[str, str]],
        token: str | None = None,
        ca: Path | None = None,
    ) -> None:
        self._cluster = cluster_of(spec)
        self._token = token
        self._ground = Ground(
            spec,
            objects,
            counting=Counting(spec.model, self._cluster.namespace),
            front=Front(spec, token=token, ca=ca),
            tags=tags,
        )
        self._has_routes: bool | None = None

    def served(self, model: str) -> Served | None:
        """What is really served, or None when no rollout ever asked for anything.

        Raises:
            ClusterUnavailable: The API does not answer.
            Denied: The account may not look.
        """
        del model
        ground = self._ground
        live = ground.look(by_route=self._by_route())
        traffic = live.traffic
        if traffic is None:
            return None
        found = edits(live, ground.entry(traffic, by_route=live.by_route))
        counted = traffic.shares if len(traffic.shares) > 1 else ()
        return Served(
            weights=live.weights,
            healthy=live.healthy,
            keep=traffic.keep,
            token=traffic.token,
            tallies={one: ground.counting.tally(one, traffic.since) for one in counted},
            edited="; ".join(one.said for one in found) or None,
            has_edited_traffic=any(one.is_traffic for one in found),
        )

    def apply(
        self,
        model: str,
        *,
        weights: Mapping[int, float],
        keep: Sequence[int],
        token: int,
        is_urgent: bool = False,
    ) -> None:
        """Change the traffic, and wait until the cluster serves so.

        Raises:
            Superseded: A rollout with a newer token changed it meanwhile.
            EditedByHand: Somebody else changed what it controls; their change stays.
            ClusterUnavailable: The API does not answer.
            PlatformUnavailable: The cluster did not follow in time.
            Denied: The account may not do that, or an admission rule refuses it.
        """
        shares = {version: share for version, share in weights.items() if share > 0}
        kept = tuple(sorted(set(keep) - set(shares)))
        asked = Traffic(token=token, shares=shares, keep=kept)

        def change(live: Live) -> None:
            Change(self._ground, live, asked, leaves_edits=is_urgent).run()

        self._change(model, token, change)

    def claim(self, model: str, *, token: int) -> None:
        """Let no rollout with an older token change the traffic from now on; it stays as it is.

        Raises:
            Superseded: A rollout with a newer token has claimed it.
            EditedByHand: Somebody has set what would have to change.
            ClusterUnavailable: The API does not answer.
            Denied: The account may not do that.
        """

        def write(live: Live) -> None:
            if live.traffic is not None:
                Change(self._ground, live, replace(live.traffic, token=token)).claim()

        self._change(model, token, write)

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """The answer of whoever serves now, or of one version.

        Raises:
            BadRequest: The request was refused.
            NotFound: It does not serve the model, or not that version.
            BadParameter: It does not let us in.
            PlatformUnavailable: There was no answer.
        """
        front = self._ground.front
        if version is None:
            url, headers = front.entry("/infer", by_route=self._by_route())
        else:
            path = f"/versions/{version}/infer"
            url, headers = front.service(version_name(model, version), path), {}
        return answer_of(front.post(url, headers, json=payload), url)

    def boot(self, model: str, *, version: int, folder: Path) -> AbstractContextManager[Candidate]:
        """A real server of a version in a pod of its own; it fetches the version itself.

        Where servers of the version are ready already, since it serves or is kept warm, it is
        those: they, and no others, get its requests next.

        Raises:
            RolloutRefused: It does not become ready.
        """
        del model, folder
        if self._ground.read(by_route=self._by_route()).is_at_work(version):
            return at_work(self._ground, version=version, token=self._token)
        return boot(self._ground, version=version, token=self._token)

    def _change(self, model: str, token: int, act: Callable[[Live], None]) -> None:
        """Act on what is, read again each time that somebody else has changed it meanwhile."""
        for _ in range(ROUNDS):
            live = self._ground.look(by_route=self._by_route())
            if live.traffic is not None and live.traffic.token > token:
                raise superseded(model, token=token, found=live.traffic.token)
            try:
                act(live)
            except CommitConflict:
                self._ground.sleep(PAUSE_SECONDS)
            else:
                return
        raise PlatformUnavailable(
            f"the entry of {model} keeps changing",
            expected="one writer at a time",
            where=f"namespace {self._cluster.namespace}",
            hint="does another tool write it as well?",
        )

    def _by_route(self) -> bool:
        """Whether a route splits the traffic: the spec names a gateway, and there are any."""
        if self._cluster.gateway is None:
            return False
        if self._has_routes is None:
            self._has_routes = self._ground.objects.has_gateway_api()
        return self._has_routes
