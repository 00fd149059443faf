"""Runtime of stages: Airflow's own task, or a pod of a Kubernetes cluster."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from slipway.spec.base import Spec, SpecConflict

Runtime = Literal["local", "kubernetes"]

Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
"""A Kubernetes quantity: `500m`, `2`, `512Mi`."""

ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
"""The name of a Kubernetes object."""


class Resources(Spec):
    """Resources of a container: requests and limits."""

    cpu: Quantity = Field(default="1", description="Kubernetes quantity.")
    memory: Quantity = Field(default="2Gi", description="Kubernetes quantity.")


class Pods(Spec):
    """Pods of stages with `runtime: kubernetes`."""

    image: str = Field(
        min_length=1, description="Image that holds `slipway` and the stages' lock; pinned."
    )
    namespace: ObjectName = Field(default="slipway-stages", description="Namespace of the pods.")
    service_account: ObjectName = Field(
        default="slipway-stages", description="Of most stages; needs no right on the API."
    )
    rollout_service_account: ObjectName = Field(
        default="slipway-rollout",
        description="Of the stages that read or change a cluster's servers and traffic.",
    )
    connection: str = Field(
        default="kubernetes_default",
        pattern=r"^[\w.-]+$",
        max_length=150,
        description="Airflow connection to the cluster; needs the right to create pods.",
    )
    config: ObjectName = Field(
        default="slipway-settings",
        description="ConfigMap whose entries become environment variables; may be absent.",
    )
    secret: ObjectName = Field(
        default="slipway-secrets",
        description="Secret whose entries become environment variables; may be absent.",
    )
    signing_key_secret: ObjectName | None = Field(
        default=None,
        description="Secret whose entry `key` is the private key that signs versions and desired "
        "states, for the pod of `promote_challenger`, and for those that change the traffic where "
        "no cluster serves; none: the pod signs by SLIPWAY_SIGNING_KEY, if it is set.",
    )
    pii_key_secret: ObjectName | None = Field(
        default=None,
        description="Secret whose entry `key` has the keys of personal columns, for the pods that "
        "run a model; none: these have SLIPWAY_PII_KEYS from `secret`, as all others have.",
    )
    trusted_keys_config: ObjectName | None = Field(
        default=None,
        description="ConfigMap whose entries are PEM files of public keys: a version is used only "
        "if one of them signed it; none: SLIPWAY_TRUSTED_KEYS names them, if it is set.",
    )
    resources: Resources = Field(default_factory=Resources, description="Requests and limits.")
    node_selector: dict[str, str] = Field(default_factory=dict, description="Where they run.")
    startup_seconds: int = Field(
        default=600, ge=10, le=86_400, description="Longest time for a pod to start."
    )
    deadline_seconds: int = Field(
        default=3600, ge=60, le=2_592_000, description="Longest time for a pod to run."
    )
    kept_minutes: int = Field(
        default=60, ge=0, le=43_200, description="How long a failed pod is kept for inspection."
    )


def check_runtime(runtime: Runtime, pods: Pods | None) -> None:
    """Raise unless a runtime in pods has its section.

    Raises:
        SpecConflict: The section `pods` is missing.
    """
    if runtime == "kubernetes" and pods is None:
        raise SpecConflict(
            "given 'kubernetes', which needs a pods section with an image", field=("runtime",)
        )
