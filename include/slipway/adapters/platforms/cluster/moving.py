"""One change of a model's traffic, in an order in which some version answers throughout.

What gains requests is ready before it gets them, and what loses them goes on until it has. Where a
change only takes versions away, the entry changes first, whatever else is broken.
"""

from __future__ import annotations

from dataclasses import replace

from slipway.adapters.platforms.cluster.entry import Traffic, entry_service
from slipway.adapters.platforms.cluster.ground import NOBODY, Ground
from slipway.adapters.platforms.cluster.naming import TRIAL, version_of
from slipway.adapters.platforms.cluster.objects import Manifest, SetBack
from slipway.adapters.platforms.cluster.owned import applied
from slipway.adapters.platforms.cluster.reading import REPLICAS, Live, has_replicas_asked
from slipway.adapters.platforms.cluster.shares import server_counts
from slipway.adapters.platforms.cluster.sizing import sizing
from slipway.adapters.platforms.cluster.standing import available, replicas_of
from slipway.adapters.platforms.cluster.version_objects import cluster_of, version_objects
from slipway.adapters.platforms.cluster.waiting import Waiting
from slipway.errors import PlatformUnavailable, Superseded


class Change:
    """One change of a model's traffic.

    Args:
        ground: What it is changed with.
        live: What the API said of the model just now.
        asked: What is asked; its `since` is filled in here.
    """

    def __init__(self, ground: Ground, live: Live, asked: Traffic) -> None:
        self._ground = ground
        self._live = live
        self._before = live.traffic or Traffic(0, {})
        self._asked = asked
        self._cluster = cluster_of(ground.spec)
        self._waiting = Waiting(ground, by_route=live.by_route)
        self._resource_version = (live.entry or {}).get("metadata", {}).get("resourceVersion")
        expected = ground.entry(self._before, by_route=live.by_route)
        self._is_edited = live.traffic is None or any(live.entry_edits(expected))
        self._made: dict[int, int] = {}
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
            EditedByHand: Somebody else has set what would have to change.
            Superseded: A newer rollout has taken over.
            PlatformUnavailable: It did not become so in time.
        """
        self.claim()
        try:
            if not self._only_takes_away:
                self._make_room()
                self._make_ready()
            self._enter()
            # Servers bear no token: whoever slept since the entry changed may have been overtaken.
            self._still_ours()
            for version, replicas in self._counts.items():
                self._make(version, replicas)
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
            self._write(replace(self._before, token=self._asked.token))

    def _make_room(self) -> None:
        """Stop servers that would get requests by standing behind the same Service."""
        if not self._is_by_count:
            return
        sharing = {*self._before.shares, *self._asked.shares}
        silent = dict.fromkeys(set(self._live.deployments) - sharing, 0)
        for version in silent:
            if version in self._counts:
                self._make(version, 0)
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
            self._make(version, max(busy, self._counts[version]))
        needed = {one: self._needed(one) for one in self._asked.shares}
        self._waiting.for_servers(needed, asked=self._before.shares)

    def _needed(self, version: int) -> int:
        """Servers that have to be ready: all where more is asked of them, one where not."""
        before = self._before.shares.get(version, 0.0)
        by_count = not self._live.by_route and not self._only_takes_away
        gains = self._asked.shares[version] > before and (before == 0 or by_count)
        return self._counts[version] if gains else 1

    def _make(self, version: int, replicas: int) -> None:
        if self._made.get(version) == replicas:
            return
        deployment, *others = self._objects_of(version, replicas)
        now, set_back = self._live.deployments.get(version), None
        if now is not None and has_replicas_asked(now):
            state = now["metadata"]["resourceVersion"]
            set_back = SetBack(frozenset({".spec.replicas"}), state)
        self._ground.objects.apply(deployment, set_back=set_back)
        for manifest in others:
            self._ground.objects.apply(manifest)
        self._made[version] = replicas

    def _objects_of(self, version: int, replicas: int) -> list[Manifest]:
        """A version's objects; one that serves keeps the pods that it was verified with.

        Neither a spec that was edited since nor a registry that is down touches those.
        """
        spec, now = self._ground.spec, self._live.deployments.get(version)
        is_in_force = version in {*self._before.shares, *self._before.keep}
        ours = None
        if now is not None and is_in_force and (available(now) or not replicas_of(now)):
            ours = applied(now)
        tags = {} if ours else self._ground.tags(version)
        size = sizing(self._cluster, tags)
        fresh, *others = version_objects(spec, version, replicas=replicas, sizing=size)
        deployment = ours or fresh
        metadata = deployment["metadata"]
        annotations = {**metadata.get("annotations", {}), REPLICAS: str(replicas)}
        changed = {
            "metadata": {**metadata, "annotations": annotations},
            "spec": {**deployment["spec"], "replicas": replicas},
        }
        return [{**deployment, **changed}, *others]

    def _enter(self) -> None:
        asked, since = self._asked, self._before.since
        if dict(asked.shares) != dict(self._before.shares):
            # Nobody looks at the counts of a version that takes everything.
            since = self._baseline() if len(asked.shares) > 1 else {}
        self._write(replace(asked, since=since))
        if self._live.by_route:
            service = entry_service(self._ground.spec, asked.shares or NOBODY, by_route=True)
            self._ground.objects.apply(service)

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
            controlled = frozenset({".spec.rules", ".spec.selector"})
            set_back = SetBack(controlled, self._resource_version)
        written = self._ground.objects.apply(entry, set_back=set_back)
        self._resource_version = written["metadata"]["resourceVersion"]

    def _tidy(self) -> None:
        """Delete what belongs to other versions, and what a trial left behind."""
        doomed = [
            one
            for kind in ("Deployment", "Service", "PodDisruptionBudget")
            for one in self._ground.find(kind)
            if TRIAL in one["metadata"]["labels"] or version_of(one) not in {None, *self._counts}
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


def superseded(model: str, *, token: int, found: int) -> Superseded:
    """The error of a rollout that came too late."""
    return Superseded(
        f"the traffic of {model} belongs to a newer rollout",
        expected=f"token {token} or older",
        found=f"token {found}",
    )
