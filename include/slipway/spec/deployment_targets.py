"""The deployment targets and their capabilities, one row each.

To add a target: its row and its name here, a folder below `adapters/platforms/`, and its builder in
`wiring/platforms.py`. All other code reads a capability, and compares no target's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TargetName = Literal["local", "kubernetes", "batch"]
"""Values of `deployment.target` in a model's spec."""


@dataclass(frozen=True)
class DeploymentTarget:
    """One deployment target.

    Attributes:
        description: What serves there, for the reference of specs.
        has_server: Whether a server per version answers requests over HTTP, with either engine, and
            writes the prediction log.
        shifts_traffic: Whether a candidate gets a share of the requests before it gets them all.
        scores_in_batches: Whether rows are scored as they arrive; the score table then takes the
            place of the prediction log.
        needs_cluster_rights: Whether the stages of a rollout need rights on the Kubernetes API, and
            the model's name has to fit a label there.
        section: Section of `deployment` that it requires; None: none.
    """

    description: str
    has_server: bool = True
    shifts_traffic: bool = True
    scores_in_batches: bool = False
    needs_cluster_rights: bool = False
    section: Literal["kubernetes"] | None = None


TARGETS: Mapping[TargetName, DeploymentTarget] = {
    "local": DeploymentTarget("the platform process on this machine"),
    "kubernetes": DeploymentTarget(
        "a Deployment per version on a cluster", needs_cluster_rights=True, section="kubernetes"
    ),
    "batch": DeploymentTarget(
        "no server, rows are scored as they arrive",
        has_server=False,
        shifts_traffic=False,
        scores_in_batches=True,
    ),
}


def describe_targets() -> str:
    """Return all targets with their descriptions, for the reference of specs."""
    return "; ".join(f"`{name}`: {target.description}" for name, target in TARGETS.items()) + "."
