"""Names, labels, annotations and field manager of Slipway's objects on a cluster."""

from __future__ import annotations

import hashlib
import re

from slipway.adapters.platforms.cluster.manifests.manifest import Manifest

FIELD_MANAGER = "slipway"
"""Of server-side applies; also the value of the label `managed-by`."""
ANNOTATION_PREFIX = "slipway/"
REPLICAS = "slipway/replicas"
"""Annotation of a Deployment: the number of servers that a rollout requested."""
DIGEST = "slipway/digest"
"""Annotation of a pod: the digest of the version that it serves, whatever its number."""
SERVER = "slipway-server"
PORT = 8080

APP = "app.kubernetes.io/name"
MANAGED_BY = "app.kubernetes.io/managed-by"
MODEL = "slipway/model"
VERSION = "slipway/version"
LANE = "slipway/lane"
CANDIDATE = "slipway/trial"
CANDIDATE_OF = "slipway/trial-of"
ENTRY_LANE = "entry"

# A Service's name has at most 63 characters, and `-v1234567-trial` is the longest addition.
LONGEST = 48
DIGEST_CHARACTERS = 8
# The name of a model `flight_delay_v3` would be that of version 3 of `flight_delay`.
_LIKE_A_VERSION = re.compile(r"-v(\d+)(-pods|-trial)?$")


def object_name(model: str) -> str:
    """Name of a model's entry point: the model's name with `-` for `_`.

    A name that is too long, that ends in `-`, or that a version's object could have is shortened
    and ends in a digest.
    """
    name = model.replace("_", "-")
    if len(name) <= LONGEST and not name.endswith("-") and not _LIKE_A_VERSION.search(name):
        return name
    digest = hashlib.sha256(model.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{name[: LONGEST - DIGEST_CHARACTERS - 1].rstrip('-')}-{digest}"


def version_name(model: str, version: int) -> str:
    """Name of a version's Deployment, Service and PodDisruptionBudget."""
    return f"{object_name(model)}-v{version}"


def pods_name(model: str, version: int) -> str:
    """Name of the headless Service whose addresses are those of each ready server."""
    return f"{version_name(model, version)}-pods"


def candidate_name(model: str, version: int) -> str:
    """Name of the Deployment and the Service of a candidate."""
    return f"{version_name(model, version)}-trial"


def model_labels(model: str) -> dict[str, str]:
    """Labels of every object that serves a model."""
    return {APP: SERVER, MANAGED_BY: FIELD_MANAGER, MODEL: model}


def version_labels(model: str, version: int) -> dict[str, str]:
    """Labels of every object of a version."""
    return {**model_labels(model), VERSION: str(version)}


def version_selector(model: str, version: int) -> dict[str, str]:
    """Labels that select the servers of one version, without its candidate."""
    return {MODEL: model, VERSION: str(version)}


def entrypoint_selector(model: str) -> dict[str, str]:
    """Labels that select the servers of every version, without candidates."""
    return {APP: SERVER, MODEL: model, LANE: ENTRY_LANE}


def candidate_selector(model: str, version: int) -> dict[str, str]:
    """Labels that select the server of one candidate only."""
    return {CANDIDATE_OF: version_name(model, version)}


def names_of_version(kind: str, model: str, version: int) -> tuple[str, ...]:
    """Names of a version's objects of a kind."""
    name = version_name(model, version)
    return (name, pods_name(model, version)) if kind == "Service" else (name,)


def has_name_of(manifest: Manifest, model: str) -> bool:
    """Whether an object has the name of a model's entry point, or of a version or candidate.

    Names cannot be edited, unlike labels, and no two models share one.
    """
    name, entry = str(manifest["metadata"]["name"]), object_name(model)
    return name == entry or _LIKE_A_VERSION.sub("", name) == entry


def is_candidate(manifest: Manifest) -> bool:
    """Whether an object of a model belongs to a candidate."""
    return str(manifest["metadata"]["name"]).endswith("-trial")


def version_of(manifest: Manifest) -> int | None:
    """The version that an object of a model belongs to; None for an entry point or a candidate."""
    return None if is_candidate(manifest) else _version_in_name(manifest)


def candidate_version_of(manifest: Manifest) -> int | None:
    """The version whose candidate an object of a model belongs to; None for any other object."""
    return _version_in_name(manifest) if is_candidate(manifest) else None


def _version_in_name(manifest: Manifest) -> int | None:
    """The version by an object's name, since a label can be edited."""
    found = _LIKE_A_VERSION.search(str(manifest["metadata"]["name"]))
    return None if found is None else int(found[1])
