"""Find manual edits of what a rollout controls, with the field manager of each; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.adapters.platforms.cluster.manifests.entrypoint import (
    KEEP,
    SETTINGS,
    SHARES,
    SINCE,
    TOKEN,
)
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.observe.conditions import replicas_of
from slipway.adapters.platforms.cluster.observe.live_state import (
    LiveState,
    backends,
    has_requested_replicas,
    requested_replicas,
)
from slipway.adapters.platforms.cluster.ownership.config_changes import changed_entries
from slipway.adapters.platforms.cluster.ownership.field_diff import (
    annotation_path,
    changed_fields,
    format_changes,
)
from slipway.adapters.platforms.cluster.ownership.field_paths import Path
from slipway.adapters.platforms.cluster.ownership.managed_fields import last_manager

TRAFFIC_FIELDS: frozenset[Path] = frozenset({("f:spec", "f:rules"), ("f:spec", "f:selector")})
"""Fields of an entry point that direct the traffic."""
ENTRY_FIELDS = TRAFFIC_FIELDS | {
    annotation_path(one) for one in (TOKEN, SHARES, KEEP, SINCE, SETTINGS)
}
"""The same, and the annotations that record the requested traffic."""


@dataclass(frozen=True)
class ManualEdit:
    """A change to one object by another manager than Slipway.

    Attributes:
        text: Object, fields and manager.
        is_traffic: Whether it directs the traffic: then no change of the traffic, not even a
            rollback, is possible without overwriting it.
    """

    text: str
    is_traffic: bool = False


def find_manual_edits(
    live: LiveState, expected: Manifest, *, token: int | None = None
) -> list[ManualEdit]:
    """The manual edits of a model's objects.

    Args:
        live: The objects as read.
        expected: The entry point for the traffic that was requested last.
        token: Fencing token of the present rollout. The servers' settings may change between
            rollouts, but neither while versions share the traffic nor once this rollout has
            claimed it.
    """
    return [*_of_entry(live, expected), *_of_versions(live), *_of_settings(live, token)]


def objects_by_name(live: LiveState) -> dict[tuple[str, str], Manifest]:
    """A model's objects by kind and name."""
    objects = [*live.deployments.values(), *live.others, *([live.entry] if live.entry else [])]
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}


def _of_entry(live: LiveState, expected: Manifest) -> Iterator[ManualEdit]:
    if live.entry is None:
        return
    fields = changed_fields(live.entry)
    text = _traffic_edit(live.entry, expected, by_route=live.by_route) if live.traffic else None
    if text is not None:
        yield ManualEdit(text, is_traffic=True)
        fields = tuple(one for one in fields if one.path not in TRAFFIC_FIELDS)
    if fields:
        is_traffic = any(one.path in ENTRY_FIELDS for one in fields)
        yield ManualEdit(format_changes(live.entry, fields), is_traffic)


def _traffic_edit(entry: Manifest, expected: Manifest, *, by_route: bool) -> str | None:
    kind = entry["kind"]
    if by_route:
        found, wanted = dict(backends(entry)), dict(backends(expected))
        if found == wanted:
            return None
        manager = last_manager(entry, ("f:spec", "f:rules"))
        return f"{kind} has weights {_json(found)} instead of {_json(wanted)}, set by {manager}"
    selector, wanted_selector = entry["spec"].get("selector") or {}, expected["spec"]["selector"]
    if selector == wanted_selector:
        return None
    manager = last_manager(entry, ("f:spec", "f:selector"))
    return f"{kind} selects {_json(selector)} instead of {_json(wanted_selector)}, set by {manager}"


def _of_versions(live: LiveState) -> Iterator[ManualEdit]:
    for version, deployment in live.deployments.items():
        if not has_requested_replicas(deployment):
            requested = requested_replicas(deployment)
            manager = last_manager(deployment, ("f:spec", "f:replicas"))
            yield ManualEdit(
                f"version {version} has {replicas_of(deployment)} replicas instead of {requested}, "
                f"set by {manager}"
            )
    for one in objects_by_name(live).values():
        if one is not live.entry and (fields := changed_fields(one)):
            yield ManualEdit(format_changes(one, fields))


def _of_settings(live: LiveState, token: int | None) -> Iterator[ManualEdit]:
    traffic = live.traffic
    if live.config is None or traffic is None or traffic.settings is None:
        return
    if len(traffic.shares) > 1 or traffic.token == token:
        entries = changed_entries(live.config, traffic.settings)
        if entries:
            yield ManualEdit(format_changes(live.config, entries))


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True)
