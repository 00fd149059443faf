"""Apply a model's objects without overwriting manual edits."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.adapters.platforms.cluster.api_client import OwnershipReclaim
from slipway.adapters.platforms.cluster.context import ClusterContext
from slipway.adapters.platforms.cluster.manifests.last_applied import record_last_applied
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import REPLICAS, object_name
from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.version import cluster_of, version_objects
from slipway.adapters.platforms.cluster.observe.conditions import available, replicas_of
from slipway.adapters.platforms.cluster.observe.live_state import (
    LiveState,
    has_requested_replicas,
)
from slipway.adapters.platforms.cluster.ownership.apply_excluding import (
    exclude_edits,
    last_applied,
)
from slipway.adapters.platforms.cluster.ownership.field_paths import Path, format_path, without
from slipway.adapters.platforms.cluster.ownership.manual_edits import (
    ENTRY_FIELDS,
    objects_by_name,
)
from slipway.stages.model.version_tags import DIGEST

REPLICAS_PATH: Path = ("f:spec", "f:replicas")


class ObjectApplier:
    """Applies the objects of versions, and the entry point.

    Args:
        context: The model's tools.
        live: The model's objects as they were read last.
        digests: Digests of versions; one that is not given stays as it is.
    """

    def __init__(
        self, context: ClusterContext, live: LiveState, digests: Mapping[int, str]
    ) -> None:
        self._context = context
        self._live = live
        self._digests = digests
        self._by_name = objects_by_name(live)
        self._applied_replicas: dict[int, int] = {}

    def version(self, version: int, replicas: int) -> None:
        """Apply a version's objects, with a number of servers."""
        if self._applied_replicas.get(version) == replicas:
            return
        deployment, *others = self._objects_of(version, replicas)
        now, reclaim = self._live.deployments.get(version), None
        if now is not None and has_requested_replicas(now):
            state = now["metadata"]["resourceVersion"]
            reclaim = OwnershipReclaim(frozenset({format_path(REPLICAS_PATH)}), state)
        elif now is not None:
            deployment = without(deployment, [REPLICAS_PATH])
        self.apply(deployment, reclaim=reclaim)
        for manifest in others:
            self.apply(manifest)
        self._applied_replicas[version] = replicas

    def apply(self, manifest: Manifest, *, reclaim: OwnershipReclaim | None = None) -> Manifest:
        """Apply a manifest without the fields that were edited; returns the object.

        Raises:
            EditedByHand: A field was edited since the last read, or the edit is to the traffic.
            CommitConflict: The object is not in the state that the manifest names any more.
        """
        name = manifest["metadata"]["name"]
        now = self._by_name.get((manifest["kind"], name))
        if now is not None:
            # An edit of the traffic itself cannot be left out: the API refuses it with its manager.
            is_entry = name == object_name(self._context.spec.model)
            manifest = exclude_edits(manifest, now, keep=ENTRY_FIELDS if is_entry else ())
        return self._context.api.apply(manifest, reclaim=reclaim)

    def _objects_of(self, version: int, replicas: int) -> list[Manifest]:
        """A version's objects; one that serves keeps the pod template that was verified.

        So neither a later edit of the spec nor an unavailable registry changes its pods; only
        another version under the same number does.
        """
        spec, now = self._context.spec, self._live.deployments.get(version)
        digest = self._digests.get(version, self._live.digests.get(version))
        before, kept = self._live.traffic, None
        is_in_force = before is not None and version in {*before.shares, *before.keep}
        is_same = is_in_force and self._live.has_digest(version, digest)
        if now is not None and is_same and (available(now) or not replicas_of(now)):
            kept = last_applied(now)
        tags = {} if kept else self._context.tags(version)
        size = sizing(cluster_of(spec), tags)
        fresh, *others = version_objects(
            spec,
            version,
            replicas=replicas,
            sizing=size,
            digest=digest or tags.get(DIGEST),
        )
        deployment = record_last_applied(kept) if kept else fresh
        metadata = deployment["metadata"]
        annotations = {**metadata["annotations"], REPLICAS: str(replicas)}
        changed = {
            "metadata": {**metadata, "annotations": annotations},
            "spec": {**deployment["spec"], "replicas": replicas},
        }
        return [{**deployment, **changed}, *others]
