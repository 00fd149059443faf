"""What somebody else has changed of what a rollout controls, and who; pure."""

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
from slipway.adapters.platforms.cluster.observe.conditions import replicas_of
from slipway.adapters.platforms.cluster.observe.live_state import (
    Live,
    asked_replicas,
    backends,
    has_replicas_asked,
)
from slipway.adapters.platforms.cluster.ownership.config_changes import changed
from slipway.adapters.platforms.cluster.ownership.field_diff import annotation, in_words, lost
from slipway.adapters.platforms.cluster.ownership.field_paths import Path
from slipway.adapters.platforms.cluster.ownership.managed_fields import Manifest, set_by

CONTROLLED: frozenset[Path] = frozenset({("f:spec", "f:rules"), ("f:spec", "f:selector")})
"""The fields of an entry by which traffic moves."""
TRAFFIC = CONTROLLED | {annotation(one) for one in (TOKEN, SHARES, KEEP, SINCE, SETTINGS)}
"""These, and the words of the rollout that asked for it."""


@dataclass(frozen=True)
class Edit:
    """What somebody else has changed of one object.

    Attributes:
        said: Which object, what of it, and who.
        is_traffic: Whether it is what says who is asked: then no change of the traffic, not even
            a way back, is possible without overwriting it.
    """

    said: str
    is_traffic: bool = False


def edits(live: Live, expected: Manifest, *, token: int | None = None) -> list[Edit]:
    """What somebody else has changed of a model's objects.

    Args:
        live: The objects, as they were read.
        expected: The entry as the rollout's own words make it.
        token: Of the rollout that asks. The settings of servers may change between rollouts; not
            while versions share the traffic, nor once this rollout has claimed it.
    """
    return [*_of_entry(live, expected), *_of_versions(live), *_of_settings(live, token)]


def by_name(live: Live) -> dict[tuple[str, str], Manifest]:
    """A model's objects by kind and name."""
    objects = [*live.deployments.values(), *live.others, *([live.entry] if live.entry else [])]
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}


def _of_entry(live: Live, expected: Manifest) -> Iterator[Edit]:
    if live.entry is None:
        return
    fields = lost(live.entry)
    said = _traffic_edit(live.entry, expected, by_route=live.by_route) if live.traffic else None
    if said is not None:
        yield Edit(said, is_traffic=True)
        fields = tuple(one for one in fields if one.path not in CONTROLLED)
    if fields:
        is_traffic = any(one.path in TRAFFIC for one in fields)
        yield Edit(in_words(live.entry, fields), is_traffic)


def _traffic_edit(entry: Manifest, expected: Manifest, *, by_route: bool) -> str | None:
    kind = entry["kind"]
    if by_route:
        found, wanted = dict(backends(entry)), dict(backends(expected))
        if found == wanted:
            return None
        who = set_by(entry, ("f:spec", "f:rules"))
        return f"{kind} has weights {_json(found)} instead of {_json(wanted)}, set by {who}"
    selector, asked = entry["spec"].get("selector") or {}, expected["spec"]["selector"]
    if selector == asked:
        return None
    who = set_by(entry, ("f:spec", "f:selector"))
    return f"{kind} selects {_json(selector)} instead of {_json(asked)}, set by {who}"


def _of_versions(live: Live) -> Iterator[Edit]:
    for version, deployment in live.deployments.items():
        if not has_replicas_asked(deployment):
            asked = asked_replicas(deployment)
            who = set_by(deployment, ("f:spec", "f:replicas"))
            yield Edit(
                f"version {version} has {replicas_of(deployment)} replicas instead of {asked}, "
                f"set by {who}"
            )
    for one in by_name(live).values():
        if one is not live.entry and (fields := lost(one)):
            yield Edit(in_words(one, fields))


def _of_settings(live: Live, token: int | None) -> Iterator[Edit]:
    traffic = live.traffic
    if live.config is None or traffic is None or traffic.settings is None:
        return
    if len(traffic.shares) > 1 or traffic.token == token:
        fields = changed(live.config, traffic.settings)
        if fields:
            yield Edit(in_words(live.config, fields))


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True)
