"""One change of a model's traffic, in an order in which some version answers throughout.

What gains requests is ready before it gets them, and what loses them goes on until it has. Where a
change only takes versions away, the entry changes first, whatever else is broken.

What somebody has edited is never overwritten. It stops a change that gives a version more, before
anything is written; a way back goes round it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from slipway.adapters.platforms.cluster.api_client import SetBack
from slipway.adapters.platforms.cluster.api_errors import HAND_BACK
from slipway.adapters.platforms.cluster.apply import Making
from slipway.adapters.platforms.cluster.context import NOBODY, Ground
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic, entry_service
from slipway.adapters.platforms.cluster.manifests.names import TRIAL, version_of
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.manifests.weights import server_counts
from slipway.adapters.platforms.cluster.observe.conditions import available, replicas_of
from slipway.adapters.platforms.cluster.observe.live_state import Live, has_replicas_asked
from slipway.adapters.platforms.cluster.observe.wait import Waiting
from slipway.adapters.platforms.cluster.ownership.config_changes import digests
from slipway.adapters.platforms.cluster.ownership.field_diff import lost
from slipway.adapters.platforms.cluster.ownership.field_paths import spoken
from slipway.adapters.platforms.cluster.ownership.manual_edits import CONTROLLED, edits
from slipway.errors import EditedByHand, PlatformUnavailable, Superseded

logger = logging.getLogger(__name__)


class Change:
    """One change of a model's traffic.

    Args:
        ground: What it is changed with.
        live: What the API said of the model just now.
        asked: What is asked; its `since` and `settings` are filled in here.
        leaves_edits: Whether it goes round what somebody has edited, instead of stopping there.
    """

    def __init__(
        self, ground: Ground, live: Live, asked: Traffic, *, leaves_edits: bool = False
    ) -> None:
        self._ground = ground
        self._live = live
        self._before = live.traffic or Traffic(0, {})
        self._asked = replace(asked, settings=_settings(live, self._before, asked))
        self._cluster = cluster_of(ground.spec)
        self._making = Making(ground, live)
        self._waiting = Waiting(ground, by_route=live.by_route)
        self._resource_version = (live.entry or {}).get("metadata", {}).get("resourceVersion")
        expected = ground.entry(self._before, by_route=live.by_route)
        self._edits = edits(live, expected, token=asked.token)
        self._leaves_edits = leaves_edits
        self._is_edited = live.traffic is None or any(one.is_traffic for one in self._edits)
        self._counts = server_counts(
            self._cluster, asked.shares, asked.keep, by_route=live.by_route
        )
        before, now = set(self._before.shares), set(asked.shares)
        # Versions lose their share for good, and none comes in for them.
        self._only_takes_away = now < before and not (before - now) & set(asked.keep)
        self._is_by_count = not live.by_route and len(asked.shares) > 1

    def run(self) -> None:
        """Change the traffic, and wait until it is so.

        Raises:
            CommitConflict: Somebody else changed the entry meanwhile; it has to be read again.
            EditedByHand: Somebody else has set what a rollout controls.
            Superseded: A newer rollout has taken over.
            PlatformUnavailable: It did not become so in time.
        """
        self._mind_edits()
        self.claim()
        try:
            if not self._only_takes_away:
                self._make_room()
                self._make_ready()
            self._enter()
            # Servers bear no token: whoever slept since the entry changed may have been overtaken.
            self._still_ours()
            for version, replicas in self._counts.items():
                self._making.version(version, replicas)
            self._tidy()
            self._see_it_in_force()
        except PlatformUnavailable:
            # What a newer rollout took away is no fault of the version's.
            self._still_ours()
            raise

    def claim(self) -> None:
        """Let an older rollout that still runs see that it is one, before anything else changes.

        Raises:
            CommitConflict: Somebody else changed the entry meanwhile; it has to be read again.
            EditedByHand: Somebody else has set what would have to change.
        """
        if self._live.traffic is not None and self._before.token < self._asked.token:
            settings = self._asked.settings
            self._write(replace(self._before, token=self._asked.token, settings=settings))

    def _mind_edits(self) -> None:
        """Stop at what somebody has edited, or say that it is left so."""
        found = "; ".join(one.said for one in self._edits)
        if found and not (self._leaves_edits or self._only_takes_away):
            raise EditedByHand(
                f"what serves {self._ground.spec.model} was edited by hand",
                expected="nobody but Slipway to set what a rollout controls",
                found=found,
                where=f"namespace {self._cluster.namespace}",
                hint=HAND_BACK,
            )
        if found:
            logger.warning("edited by hand, and left so on the way back: %s", found)

    def _make_room(self) -> None:
        """Stop servers that would get requests by standing behind the same Service."""
        if not self._is_by_count:
            return
        sharing = {*self._before.shares, *self._asked.shares}
        silent = dict.fromkeys(set(self._live.deployments) - sharing, 0)
        for version in silent:
            if version in self._counts:
                self._making.version(version, 0)
            else:
                self._ground.objects.delete(self._live.deployments[version])
        kept = {version: 0 for version in silent if version in self._counts}
        self._waiting.for_servers(kept, exactly=True)

    def _make_ready(self) -> None:
        """Let every version with a share have its servers, and those that gain be ready."""
        for version in self._asked.shares:
            now = self._live.deployments.get(version)
            # Whoever loses some of its share goes on with all its servers until the entry changed.
            busy = replicas_of(now) if now and version in self._before.shares else 0
            self._making.version(version, max(busy, self._counts[version]))
        needed = {one: self._needed(one) for one in self._asked.shares}
        self._waiting.for_servers(needed, asked=self._before.shares)

    def _needed(self, version: int) -> int:
        """Servers that have to be ready: all where more is asked of them, one where not."""
        before = self._before.shares.get(version, 0.0)
        by_count = not self._live.by_route and not self._only_takes_away
        gains = self._asked.shares[version] > before and (before == 0 or by_count)
        if not gains:
            return 1
        now = self._live.deployments.get(version)
        # Whoever scaled it by hand decides how many there can be.
        most = None if now is None or has_replicas_asked(now) else max(1, replicas_of(now))
        return min(self._counts[version], most or self._counts[version])

    def _enter(self) -> None:
        asked, since = self._asked, self._before.since
        if dict(asked.shares) != dict(self._before.shares):
            # Nobody looks at the counts of a version that takes everything.
            since = self._baseline() if len(asked.shares) > 1 else {}
        self._write(replace(asked, since=since))
        if self._live.by_route:
            self._making.apply(
                entry_service(self._ground.spec, asked.shares or NOBODY, by_route=True)
            )

    def _baseline(self) -> dict[str, object]:
        now = self._ground.deployments()
        return self._ground.counting.baseline(
            {version: available(now.get(version)) for version in self._asked.shares}
        )

    def _write(self, traffic: Traffic) -> None:
        """The one write that changes who is asked: shares, token and counts at once."""
        entry = self._ground.entry(
            traffic, by_route=self._live.by_route, version=self._resource_version
        )
        set_back = None
        if self._resource_version is not None and not self._is_edited:
            controlled = frozenset(spoken(path) for path in CONTROLLED)
            set_back = SetBack(controlled, self._resource_version)
        written = self._making.apply(entry, set_back=set_back)
        self._resource_version = written["metadata"]["resourceVersion"]

    def _tidy(self) -> None:
        """Delete what belongs to other versions, and what a trial left behind.

        What somebody edited is theirs to delete; without a share it harms nobody.
        """
        doomed = [
            one
            for kind in ("Deployment", "Service", "PodDisruptionBudget")
            for one in self._ground.find(kind)
            if TRIAL in one["metadata"]["labels"]
            or (version_of(one) not in {None, *self._counts} and not lost(one))
        ]
        if doomed:
            self._still_ours()
        for one in doomed:
            self._ground.objects.delete(one)

    def _still_ours(self) -> None:
        now = self._ground.read(by_route=self._live.by_route).traffic
        if now is not None and now.token > self._asked.token:
            raise superseded(self._ground.spec.model, token=self._asked.token, found=now.token)

    def _see_it_in_force(self) -> None:
        shares = self._asked.shares
        if self._live.by_route and shares:
            self._waiting.for_route()
        needed = {
            one: self._counts[one] if self._is_by_count else self._needed(one) for one in shares
        }
        self._waiting.for_servers(needed, asked=shares, exactly=self._is_by_count)
        if len(shares) == 1:
            self._waiting.for_answers(*shares)


def _settings(live: Live, before: Traffic, asked: Traffic) -> Mapping[str, str]:
    """What servers were set to when this very rollout claimed the traffic; else what they are."""
    if before.token == asked.token and before.settings is not None:
        return before.settings
    return digests(live.config or {})


def superseded(model: str, *, token: int, found: int) -> Superseded:
    """The error of a rollout that came too late."""
    return Superseded(
        f"the traffic of {model} belongs to a newer rollout",
        expected=f"token {token} or older",
        found=f"token {found}",
    )
