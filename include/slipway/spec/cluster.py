"""Spec of serving on a Kubernetes cluster."""

from __future__ import annotations

from pydantic import Field

from slipway.spec.base import Spec
from slipway.spec.pods import ObjectName, Resources


class Gateway(Spec):
    """The Gateway whose routes split a model's traffic by weight."""

    name: ObjectName = Field(description="Of the Gateway (gateway.networking.k8s.io/v1).")
    namespace: ObjectName | None = Field(
        default=None, description="Of the Gateway; none: the model's own."
    )
    url: str = Field(
        pattern=r"^https?://[^/]+$",
        description="Address for stages, e.g. `http://gateway.infra`.",
    )
    hostname: str | None = Field(default=None, description="Host name of the route; none: any.")


class Cluster(Spec):
    """Serving with `target: kubernetes`."""

    image: str = Field(min_length=1, description="Image that holds the server's lock; pinned.")
    shipper_image: str | None = Field(
        default=None,
        description="Image that holds the shipper's lock; none: `image` holds both.",
    )
    namespace: ObjectName = Field(
        default="slipway-serving", description="Namespace of the servers."
    )
    service_account: ObjectName = Field(
        default="slipway-server", description="Of the servers; needs no right on the API."
    )
    config: ObjectName = Field(
        default="slipway-settings",
        description="ConfigMap whose entries become environment variables; may be absent.",
    )
    secret: ObjectName = Field(
        default="slipway-secrets",
        description="Secret whose entries become environment variables of the containers that "
        "download the version and ship its log, not of the server; may be absent.",
    )
    tokens_secret: ObjectName | None = Field(
        default=None,
        description="Secret whose entry `tokens` is the tokens file; none: no token is required.",
    )
    pii_key_secret: ObjectName | None = Field(
        default=None,
        description="Secret whose entry `key` has the keys of personal columns; needed when "
        "the dataset has such columns.",
    )
    trusted_keys_config: ObjectName | None = Field(
        default=None,
        description="ConfigMap whose entries are PEM files of public keys: a version is downloaded "
        "and served only if one of them signed it; none: no signature is required.",
    )
    log_claim: ObjectName | None = Field(
        default=None,
        description="PersistentVolumeClaim, ReadWriteMany, that holds the prediction log until it "
        "is shipped, so that the loss of a node loses none of it; none: a volume that ends with "
        "the pod.",
    )
    replicas: int = Field(default=2, ge=1, description="Servers of the champion.")
    warm_replicas: int | None = Field(
        default=None, ge=1, description="Servers of `previous`; none: as many as the champion has."
    )
    resources: Resources = Field(
        default=Resources(cpu="250m", memory="512Mi"),
        description="Requests of a server; its memory only until `verify` has measured it.",
    )
    node_selector: dict[str, str] = Field(default_factory=dict, description="Where servers run.")
    ready_seconds: int = Field(
        default=240,
        ge=10,
        le=270,
        description="Longest time for servers to become ready; a lease lasts 300 s.",
    )
    gateway: Gateway | None = Field(
        default=None,
        description="Splits traffic by weight with the Gateway API; none: by the number of servers "
        "behind one Service.",
    )
