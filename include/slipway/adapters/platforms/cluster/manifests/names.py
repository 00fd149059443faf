"""What Slipway's objects on a cluster are called, and the labels that they are found by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

FIELD_MANAGER = "slipway"
SERVER = "slipway-server"
PORT = 8080

APP = "app.kubernetes.io/name"
MANAGED_BY = "app.kubernetes.io/managed-by"
MODEL = "slipway/model"
VERSION = "slipway/version"
LANE = "slipway/lane"
TRIAL = "slipway/trial"
TRIAL_OF = "slipway/trial-of"
ENTRY_LANE = "entry"

# A Service's name has at most 63 characters, and `-v1234567-trial` is the longest addition.
LONGEST = 48
DIGEST_CHARACTERS = 8
# What `flight_delay_v3` would share with version 3 of `flight_delay`.
_LIKE_A_VERSION = re.compile(r"-v\d+(-pods|-trial)?$")


def object_name(model: str) -> str:
    """Name of a model's entry point: the model's with `-` for `_`.

    A name that is too long, that ends in `-`, or that a version's object could have is cut and
    ends in a digest.
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


def trial_name(model: str, version: int) -> str:
    """Name of the Deployment and the Service of a version that is only tried."""
    return f"{version_name(model, version)}-trial"


def model_labels(model: str) -> dict[str, str]:
    """Labels of every object that serves a model."""
    return {APP: SERVER, MANAGED_BY: FIELD_MANAGER, MODEL: model}


def version_labels(model: str, version: int) -> dict[str, str]:
    """Labels of every object of a version."""
    return {**model_labels(model), VERSION: str(version)}


def version_selector(model: str, version: int) -> dict[str, str]:
    """What selects the servers of one version, and never those of a trial."""
    return {MODEL: model, VERSION: str(version)}


def lane_selector(model: str) -> dict[str, str]:
    """What selects the servers of every version, and never those of a trial."""
    return {APP: SERVER, MODEL: model, LANE: ENTRY_LANE}


def trial_selector(model: str, version: int) -> dict[str, str]:
    """What selects the server of a trial, and no other."""
    return {TRIAL_OF: version_name(model, version)}


def version_of(manifest: Mapping[str, Any]) -> int | None:
    """The version whose object a manifest is; None for an entry point or a trial."""
    said = manifest["metadata"].get("labels", {}).get(VERSION)
    return int(said) if said is not None and said.isdecimal() else None
