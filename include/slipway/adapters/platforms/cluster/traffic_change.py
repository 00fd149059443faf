"""One change of a model's traffic, ordered so that some version answers throughout.

Versions that gain requests are ready before the entry point changes, and those that lose them keep
their servers until it has. A change that only removes versions changes the entry point first.

Manual edits are never overwritten. They stop a change that gives a version more requests before it
writes anything; a rollback leaves them out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from slipway.adapters.platforms.cluster.api_client import OwnershipReclaim
from slipway.adapters.platforms.cluster.api_errors import EXPECTED_OWNER, OWNERSHIP_HINT
from slipway.adapters.platforms.cluster.apply import ObjectApplier
from slipway.adapters.platforms.cluster.context import NO_VERSION, ClusterContext
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic, entry_service
from slipway.adapters.platforms.cluster.manifests.names import is_candidate, version_of
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.manifests.weights import server_counts
from slipway.adapters.platforms.cluster.observe.conditions import available, replicas_of
from slipway.adapters.platforms.cluster.observe.live_state import (
    LiveState,
    has_requested_replicas,
)
from slipway.adapters.platforms.cluster.observe.wait import ReadinessWait
from slipway.adapters.platforms.cluster.ownership.config_changes import entry_digests
from slipway.adapters.platforms.cluster.ownership.field_diff import changed_fields
from slipway.adapters.platforms.cluster.ownership.field_paths import format_path
from slipway.adapters.platforms.cluster.ownership.manual_edits import (
    TRAFFIC_FIELDS,
    ManualEdit,
)
from slipway.errors import (
    EditedByHand,
    NotFound,
    PlatformUnavailable,
    RegistryUnavailable,
    Superseded,
)

logger = logging.getLogger(__name__)


class TrafficChange:
    """One change of a model's traffic.

    Args:
        context: The model's tools.
        live: The model's objects as they were read last.
        requested: The traffic to apply; its `since` and `settings` are filled in here.
        digests: Digests of versions; one that is not given stays as it is.
        leaves_edits: Whether manual edits are left as they are instead of stopping the change.
    """

    def __init__(
        self,
        context: ClusterContext,
        live: LiveState,
        requested: Traffic,
        *,
        digests: Mapping[int, str] | None = None,
        leaves_edits: bool = False,
    ) -> None:
        self._context = context
        self._live = live
        self._before = live.traffic or Traffic(0, {})
        self._requested = replace(requested, settings=_settings(live, self._before, requested))
        self._cluster = cluster_of(context.spec)
        self._applier = ObjectApplier(context, live, digests or {})
        # Their pods are replaced one by one, in place: a number is the name of its objects.
        self._replaced = {
            version
            for version, sha256 in (digests or {}).items()
            if version in requested.shares and not live.has_digest(version, sha256)
        }
        self._wait = ReadinessWait(context, by_route=live.by_route, read=self._read_unedited)
        self._resource_version = (live.entry or {}).get("metadata", {}).get("resourceVersion")
        self._edits = context.manual_edits(live, token=requested.token)
        self._is_edited = live.traffic is None or any(one.is_traffic for one in self._edits)
        self._counts = server_counts(
            self._cluster, requested.shares, requested.keep, by_route=live.by_route
        )
        before, now = set(self._before.shares), set(requested.shares)
        # Versions lose their share for good, and no version is added.
        is_removal = now < before and not (before - now) & set(requested.keep)
        self._only_removes_versions = is_removal and not self._replaced
        self._leaves_edits = leaves_edits or self._only_removes_versions
        self._is_by_count = not live.by_route and len(requested.shares) > 1

    def run(self) -> None:
        """Change the traffic, and wait until the change is in force.

        Raises:
            CommitConflict: The entry point changed since it was read; it has to be read again.
            EditedByHand: Another manager has set a field that a rollout controls.
            Superseded: A newer rollout has claimed the traffic.
            PlatformUnavailable: The change was not in force in time.
        """
        if self._leaves_edits and self._edits:
            found = _join(self._edits)
            logger.warning("manual edits, left as they are during the rollback: %s", found)
        self._stop_at(self._edits)
        self.claim()
        try:
            if not self._only_removes_versions:
                self._stop_servers_without_share()
                self._start_servers()
            self._shift()
            # Deployments carry no fencing token: this process may have been superseded in a sleep.
            self._raise_if_superseded()
            for version, replicas in self._counts.items():
                self._apply_servers(version, replicas)
            if self._live.by_route and self._requested.shares:
                # Until then the gateway may send requests to Services that are not used any more.
                self._wait.for_route()
            self._delete_unused()
            self._wait_until_in_force()
        except PlatformUnavailable:
            # Servers that a newer rollout removed are no failure of the version.
            self._raise_if_superseded()
            raise

    def claim(self) -> None:
        """Write this rollout's fencing token, so that an older one stops before anything changes.

        Raises:
            CommitConflict: The entry point changed since it was read; it has to be read again.
            EditedByHand: Another manager has set a field that would change.
        """
        if self._live.traffic is not None and self._before.token < self._requested.token:
            token, settings = self._requested.token, self._requested.settings
            self._write(replace(self._before, token=token, settings=settings))

    def _stop_at(self, edits: Sequence[ManualEdit]) -> None:
        """Raise at manual edits, unless they are left as they are."""
        if edits and not self._leaves_edits:
            raise EditedByHand(
                f"what serves {self._context.spec.model} was edited by hand",
                expected=EXPECTED_OWNER,
                found=_join(edits),
                where=f"namespace {self._cluster.namespace}",
                hint=OWNERSHIP_HINT,
            )

    def _read_unedited(self) -> LiveState:
        """Read what a wait looks at; raises at edits that were made meanwhile."""
        by_route, versions = self._live.by_route, set(self._counts)
        if self._leaves_edits:
            return self._context.read_state(by_route=by_route, versions=versions)
        live = self._context.read_with_owned(by_route=by_route, versions=versions)
        self._stop_at(self._context.manual_edits(live, token=self._requested.token))
        return live

    def _stop_servers_without_share(self) -> None:
        """Stop servers that would get requests only because the shared Service selects them."""
        if not self._is_by_count:
            return
        sharing = {*self._before.shares, *self._requested.shares}
        stopped = set(self._live.deployments) - sharing
        for version in stopped:
            if version in self._counts:
                self._applier.version(version, 0)
            else:
                self._context.api.delete(self._live.deployments[version])
        kept = {version: 0 for version in stopped if version in self._counts}
        self._wait.for_servers(kept, exactly=True)

    def _start_servers(self) -> None:
        """Apply the servers of every version with a share, and wait for those that gain one."""
        for version in self._requested.shares:
            now = self._live.deployments.get(version)
            # A version that loses requests keeps all its servers until the entry point changes.
            running = replicas_of(now) if now and version in self._before.shares else 0
            self._applier.version(version, max(running, self._counts[version]))
        needed = {one: self._servers_needed(one) for one in self._requested.shares}
        self._wait.for_servers(needed, serving=self._before.shares)
        replaced = {one: self._counts[one] for one in self._replaced}
        self._wait.for_servers(replaced, serving=self._before.shares, exactly=True)

    def _apply_servers(self, version: int, replicas: int) -> None:
        """Apply a version's servers; a warm one that nobody can size now stays as it is."""
        try:
            self._applier.version(version, replicas)
        except (NotFound, RegistryUnavailable) as error:
            if version in self._requested.shares:
                raise
            logger.warning("warm version %s is left as it is: %s", version, error.message)

    def _servers_needed(self, version: int) -> int:
        """Servers that have to be ready: all where the version gains requests, else one."""
        before = self._before.shares.get(version, 0.0)
        by_count = not self._live.by_route and not self._only_removes_versions
        gains = self._requested.shares[version] > before and (before == 0 or by_count)
        if not gains:
            return 1
        now = self._live.deployments.get(version)
        # A number of replicas that was set by hand is the most there can be.
        most = None if now is None or has_requested_replicas(now) else max(1, replicas_of(now))
        return min(self._counts[version], most or self._counts[version])

    def _shift(self) -> None:
        requested, since = self._requested, self._before.since
        if dict(requested.shares) != dict(self._before.shares):
            # The counts of a version that takes every request are not read.
            since = self._baseline() if len(requested.shares) > 1 else {}
        self._write(replace(requested, since=since))
        if self._live.by_route:
            self._applier.apply(
                entry_service(self._context.spec, requested.shares or NO_VERSION, by_route=True)
            )

    def _baseline(self) -> dict[str, object]:
        now = self._context.deployments(self._requested.shares)
        return self._context.stats.baseline(
            {version: available(now.get(version)) for version in self._requested.shares}
        )

    def _write(self, traffic: Traffic) -> None:
        """The one write that moves traffic: shares, token and baseline at once."""
        entry = self._context.entry_manifest(
            traffic, by_route=self._live.by_route, resource_version=self._resource_version
        )
        reclaim = None
        if self._resource_version is not None and not self._is_edited:
            fields = frozenset(format_path(path) for path in TRAFFIC_FIELDS)
            reclaim = OwnershipReclaim(fields, self._resource_version)
        written = self._applier.apply(entry, reclaim=reclaim)
        self._resource_version = written["metadata"]["resourceVersion"]

    def _delete_unused(self) -> None:
        """Delete the objects of other versions, and those that a candidate left behind.

        Deployments go last: by them the rest is found if this process is killed. Edited objects
        stay: they serve no traffic, and deleting them is up to their editor.
        """
        unused = [
            one
            for kind in ("Service", "PodDisruptionBudget", "Deployment")
            for one in self._context.find_owned(kind, versions=None)
            if is_candidate(one)
            or (version_of(one) not in {None, *self._counts} and not changed_fields(one))
        ]
        if unused:
            self._raise_if_superseded()
        for one in unused:
            self._context.api.delete(one)

    def _raise_if_superseded(self) -> None:
        now = self._context.read_state(by_route=self._live.by_route).traffic
        if now is not None and now.token > self._requested.token:
            raise superseded(self._context.spec.model, token=self._requested.token, found=now.token)

    def _wait_until_in_force(self) -> None:
        shares = self._requested.shares
        needed = {
            one: self._counts[one] if self._is_by_count else self._servers_needed(one)
            for one in shares
        }
        self._wait.for_servers(needed, serving=shares, exactly=self._is_by_count)
        if len(shares) == 1:
            self._wait.for_answers(*shares)


def _join(edits: Sequence[ManualEdit]) -> str:
    return "; ".join(one.text for one in edits)


def _settings(live: LiveState, before: Traffic, requested: Traffic) -> Mapping[str, str]:
    """Digests of the servers' settings when this rollout claimed the traffic, else of now."""
    if before.token == requested.token and before.settings is not None:
        return before.settings
    return entry_digests(live.config or {})


def superseded(model: str, *, token: int, found: int) -> Superseded:
    """The error of a rollout whose fencing token is too old."""
    return Superseded(
        f"the traffic of {model} belongs to a newer rollout",
        expected=f"token {token} or older",
        found=f"token {found}",
    )
