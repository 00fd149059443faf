"""Applying a model's objects without overwriting what somebody has edited of them."""

from __future__ import annotations

from slipway.adapters.platforms.cluster.api_client import Manifest, SetBack
from slipway.adapters.platforms.cluster.context import Ground
from slipway.adapters.platforms.cluster.manifests.last_applied import with_note
from slipway.adapters.platforms.cluster.manifests.names import object_name
from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.version import cluster_of, version_objects
from slipway.adapters.platforms.cluster.observe.conditions import available, replicas_of
from slipway.adapters.platforms.cluster.observe.live_state import REPLICAS, Live, has_replicas_asked
from slipway.adapters.platforms.cluster.ownership.apply_excluding import last_applied, round_edits
from slipway.adapters.platforms.cluster.ownership.field_paths import Path, spoken, without
from slipway.adapters.platforms.cluster.ownership.manual_edits import TRAFFIC, by_name

NUMBER: Path = ("f:spec", "f:replicas")


class Making:
    """Makes the objects of versions, and writes the entry.

    Args:
        ground: What they are made with.
        live: What the API said of the model just now.
    """

    def __init__(self, ground: Ground, live: Live) -> None:
        self._ground = ground
        self._live = live
        self._there = by_name(live)
        self._made: dict[int, int] = {}

    def version(self, version: int, replicas: int) -> None:
        """Let a version have its objects, and so many servers."""
        if self._made.get(version) == replicas:
            return
        deployment, *others = self._objects_of(version, replicas)
        now, set_back = self._live.deployments.get(version), None
        if now is not None and has_replicas_asked(now):
            state = now["metadata"]["resourceVersion"]
            set_back = SetBack(frozenset({spoken(NUMBER)}), state)
        elif now is not None:
            deployment = without(deployment, [NUMBER])
        self.apply(deployment, set_back=set_back)
        for manifest in others:
            self.apply(manifest)
        self._made[version] = replicas

    def apply(self, manifest: Manifest, *, set_back: SetBack | None = None) -> Manifest:
        """The object as it is then; what somebody has edited of it stays as it is.

        Raises:
            EditedByHand: They have edited just now, or edited who is asked.
            CommitConflict: It is not in the state any more that the manifest names.
        """
        name = manifest["metadata"]["name"]
        now = self._there.get((manifest["kind"], name))
        if now is not None:
            # Nobody moves the traffic round an edit of just that; the API says whose it is.
            is_entry = name == object_name(self._ground.spec.model)
            manifest = round_edits(manifest, now, but=TRAFFIC if is_entry else ())
        return self._ground.objects.apply(manifest, set_back=set_back)

    def _objects_of(self, version: int, replicas: int) -> list[Manifest]:
        """A version's objects; one that serves keeps the pods that it was verified with.

        Neither a spec that was edited since nor a registry that is down touches those.
        """
        spec, now = self._ground.spec, self._live.deployments.get(version)
        before, ours = self._live.traffic, None
        is_in_force = before is not None and version in {*before.shares, *before.keep}
        if now is not None and is_in_force and (available(now) or not replicas_of(now)):
            ours = last_applied(now)
        tags = {} if ours else self._ground.tags(version)
        size = sizing(cluster_of(spec), tags)
        fresh, *others = version_objects(spec, version, replicas=replicas, sizing=size)
        deployment = with_note(ours) if ours else fresh
        metadata = deployment["metadata"]
        annotations = {**metadata["annotations"], REPLICAS: str(replicas)}
        changed = {
            "metadata": {**metadata, "annotations": annotations},
            "spec": {**deployment["spec"], "replicas": replicas},
        }
        return [{**deployment, **changed}, *others]
