"""The Kubernetes platform: serve one model from Deployments behind one entry point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from slipway.adapters.platforms.cluster.api_client import NamespaceClient
from slipway.adapters.platforms.cluster.candidate import (
    Candidate,
    boot,
    delete_candidates,
    ready_servers,
)
from slipway.adapters.platforms.cluster.context import ClusterContext
from slipway.adapters.platforms.cluster.http_client import ServingClient
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.manifests.names import version_name, version_of
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.live_state import LiveState
from slipway.adapters.platforms.cluster.observe.request_stats import RequestStats
from slipway.adapters.platforms.cluster.ownership.field_diff import changed_fields
from slipway.adapters.platforms.cluster.traffic_change import TrafficChange, superseded
from slipway.adapters.platforms.v2_replies import parse_answer
from slipway.errors import CommitConflict, PlatformUnavailable
from slipway.spec import ModelSpec
from slipway.stages.rollout.platform import Payload, Prediction, Served

ROUNDS = 5
PAUSE_SECONDS = 0.2


class ClusterPlatform:
    """Fulfils `stages.rollout.platform.Platform` for one model.

    The requested traffic and the rollout's fencing token are annotations of the model's entry
    point; the served traffic is read from its spec and from the status of Deployments. Requests go
    to names of the cluster's DNS, so it has to run in a pod; elsewhere only `served` works, without
    request counts.

    Args:
        spec: The model, with its `deployment.kubernetes`.
        api: Client of the Kubernetes API for its namespace.
        tags: Returns the registry's tags of a version.
        token: Bearer token for the servers, if they require one.
        ca: PEM file of the certificate authority of the gateway; None: the system's.
    """

    def __init__(
        self,
        spec: ModelSpec,
        api: NamespaceClient,
        *,
        tags: Callable[[int], Mapping[str, str]],
        token: str | None = None,
        ca: Path | None = None,
    ) -> None:
        self._cluster = cluster_of(spec)
        self._token = token
        self._context = ClusterContext(
            spec,
            api,
            stats=RequestStats(spec.model, self._cluster.namespace, token=token),
            servers=ServingClient(spec, token=token, ca=ca),
            tags=tags,
        )
        self._has_routes: bool | None = None
        self._polled: set[int] | None = None

    def served(self, model: str) -> Served | None:
        """The traffic in force, or None before the first rollout.

        Raises:
            ClusterUnavailable: The API does not answer.
            Denied: The account may not read the model's objects.
        """
        del model
        context = self._context
        live = context.read_with_owned(by_route=self._by_route(), versions=self._polled)
        traffic = live.traffic
        if traffic is None:
            return None
        # A step that waits asks each second, so it does not look through the namespace again.
        self._polled = live.requested_versions if len(traffic.shares) > 1 else None
        found = context.manual_edits(live)
        counted = traffic.shares if len(traffic.shares) > 1 else ()
        return Served(
            weights=live.weights,
            healthy=live.healthy,
            keep=traffic.keep,
            token=traffic.token,
            tallies={one: context.stats.tally(one, traffic.since) for one in counted},
            digests=live.digests,
            edited="; ".join(one.text for one in found) or None,
            has_edited_traffic=any(one.is_traffic for one in found),
            unserved=live.unserved_versions,
            candidates=live.candidates,
        )

    def apply(
        self,
        model: str,
        *,
        weights: Mapping[int, float],
        keep: Sequence[int],
        token: int,
        digests: Mapping[int, str] | None = None,
        is_urgent: bool = False,
    ) -> None:
        """Change the traffic, and wait until the change is in force.

        Raises:
            Superseded: A rollout with a newer token has changed the traffic.
            EditedByHand: Another manager changed a field that a rollout controls; the edit stays.
            ClusterUnavailable: The API does not answer.
            PlatformUnavailable: The change was not in force in time.
            Denied: The account lacks a right, or an admission rule refuses the change.
        """
        shares = {version: share for version, share in weights.items() if share > 0}
        kept = tuple(sorted(set(keep) - set(shares)))
        requested = Traffic(token=token, shares=shares, keep=kept)

        def change(live: LiveState) -> None:
            TrafficChange(
                self._context, live, requested, digests=digests, leaves_edits=is_urgent
            ).run()

        self._change(model, token, change)

    def claim(self, model: str, *, token: int) -> None:
        """Refuse changes by rollouts with an older token from now on; the traffic stays.

        Raises:
            Superseded: A rollout with a newer token has claimed the traffic.
            EditedByHand: Another manager has set a field that would change.
            ClusterUnavailable: The API does not answer.
            Denied: The account lacks a right.
        """

        def write(live: LiveState) -> None:
            if live.traffic is not None:
                TrafficChange(self._context, live, replace(live.traffic, token=token)).claim()

        self._change(model, token, write)

    def remove_unserved(self, model: str, *, token: int) -> tuple[int, ...]:
        """Delete the objects of versions that neither have a share nor are kept; return them.

        Candidates go too. An edited object stays: deleting it is up to its editor.

        Raises:
            Superseded: A rollout with a newer token has claimed the traffic.
            ClusterUnavailable: The API does not answer.
            Denied: The account lacks a right.
        """
        live = self._context.read_with_owned(by_route=self._by_route())
        if live.traffic is None:
            return ()
        if live.traffic.token > token:
            raise superseded(model, token=token, found=live.traffic.token)
        delete_candidates(self._context)
        # Deployments last: by them the rest is found if this process is killed.
        unused = [
            one
            for one in (*live.others, *live.deployments.values())
            if version_of(one) not in {None, *live.requested_versions} and not changed_fields(one)
        ]
        for one in unused:
            self._context.api.delete(one)
        gone = {version_of(one) for one in unused if one["kind"] == "Deployment"}
        return tuple(sorted(version for version in gone if version is not None))

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """Send a request to the entry point, or to one version.

        Raises:
            BadRequest: The request was refused.
            NotFound: The model, or that version of it, is not served.
            BadParameter: The bearer token was refused.
            PlatformUnavailable: There was no answer.
        """
        servers = self._context.servers
        if version is None:
            url, headers = servers.entry_url("/infer", by_route=self._by_route())
        else:
            path = f"/versions/{version}/infer"
            url, headers = servers.service_url(version_name(model, version), path), {}
        return parse_answer(servers.post(url, headers, json=payload), url)

    def boot(
        self, model: str, *, version: int, folder: Path, digest: str | None = None
    ) -> AbstractContextManager[Candidate]:
        """Start a server of a version in a pod of its own, which downloads the version itself.

        A version that serves or is kept warm has ready servers: then those are the candidate,
        since exactly they get its requests next.

        Raises:
            RolloutRefused: It does not become ready.
        """
        del model, folder
        by_route = self._by_route()
        if self._context.read_state(by_route=by_route).is_serving(version, digest):
            return ready_servers(self._context, version=version, token=self._token)
        return boot(
            self._context, version=version, digest=digest, token=self._token, by_route=by_route
        )

    def _change(self, model: str, token: int, act: Callable[[LiveState], None]) -> None:
        """Act on the live state; read it again and repeat after a conflicting write."""
        for _ in range(ROUNDS):
            live = self._context.read_with_owned(by_route=self._by_route())
            if live.traffic is not None and live.traffic.token > token:
                raise superseded(model, token=token, found=live.traffic.token)
            try:
                act(live)
            except CommitConflict:
                self._context.sleep(PAUSE_SECONDS)
            else:
                return
        raise PlatformUnavailable(
            f"the entry point of {model} changed during each of {ROUNDS} attempts to write it",
            expected="one writer at a time",
            where=f"namespace {self._cluster.namespace}",
            hint="look for another tool that writes it",
        )

    def _by_route(self) -> bool:
        """Whether a route splits the traffic: the spec names a gateway, and the API has routes."""
        if self._cluster.gateway is None:
            return False
        if self._has_routes is None:
            self._has_routes = self._context.api.has_gateway_api()
        return self._has_routes
