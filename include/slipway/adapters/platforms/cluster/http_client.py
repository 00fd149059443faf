"""A model's servers on a cluster, asked over HTTP: all of them, those of one version, or a trial's.

The names are those that the cluster's DNS knows, so this works in its pods.
"""

from __future__ import annotations

import weakref
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from slipway.adapters.platforms.answers import let_in, trust
from slipway.adapters.platforms.cluster.manifests.names import PORT, object_name
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.errors import PlatformUnavailable
from slipway.spec import ModelSpec

ANSWER_SECONDS = 90.0
READY_SECONDS = 5.0
VERSION_HEADER = "x-slipway-version"


def client(
    *, token: str | None = None, ca: Path | None = None, has_tls: bool = False
) -> httpx.Client:
    """An HTTP client; each request has a connection of its own, so every one may go elsewhere.

    Args:
        token: Bearer token that servers want, if they want one.
        ca: PEM file: whom to trust over TLS; None: whom this machine trusts.
        has_tls: Whether anything is asked over TLS.
    """
    return httpx.Client(
        headers={"authorization": f"Bearer {token}"} if token else None,
        verify=trust(ca, is_needed=has_tls),
        limits=httpx.Limits(max_keepalive_connections=0),
        timeout=ANSWER_SECONDS,
        trust_env=False,
    )


class Front:
    """The entry point of a model and the Services of its versions.

    Args:
        spec: The model.
        token: Bearer token that its servers want, if they want one.
        ca: PEM file: whom to trust when the gateway speaks TLS; None: whom this machine trusts.
    """

    def __init__(self, spec: ModelSpec, *, token: str | None, ca: Path | None) -> None:
        self._model = spec.model
        self._cluster = cluster_of(spec)
        gateway = self._cluster.gateway
        has_tls = gateway is not None and gateway.url.startswith("https:")
        self._client = client(token=token, ca=ca, has_tls=has_tls)
        weakref.finalize(self, self._client.close)

    def entry(self, path: str, *, by_route: bool) -> tuple[str, dict[str, str]]:
        """Where whichever version serves is asked: URL and headers.

        Args:
            path: Below the model's own.
            by_route: Whether a gateway leads there.
        """
        gateway = self._cluster.gateway
        if by_route and gateway is not None:
            host = {"host": gateway.hostname} if gateway.hostname else {}
            return f"{gateway.url}/v2/models/{self._model}{path}", host
        return self.service(object_name(self._model), path), {}

    def service(self, name: str, path: str) -> str:
        """URL of the model behind one Service."""
        host = f"{name}.{self._cluster.namespace}.svc:{PORT}"
        return f"http://{host}/v2/models/{self._model}{path}"

    def post(self, url: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """A reply.

        Raises:
            PlatformUnavailable: There is none.
        """
        try:
            return self._client.post(url, headers=headers, **body)
        except httpx.HTTPError as error:
            raise PlatformUnavailable(
                "the model's servers do not answer", found=type(error).__name__, where=url
            ) from error

    def version_at(self, url: str, headers: dict[str, str]) -> int | None:
        """Which version is ready behind a URL that tells it; None where none is.

        Raises:
            BadParameter: It does not let us in.
        """
        try:
            reply = self._client.get(url, headers=headers, timeout=READY_SECONDS)
        except httpx.HTTPError:
            return None
        let_in(reply, url)
        said = reply.headers.get(VERSION_HEADER, "")
        return int(said) if reply.status_code == HTTPStatus.OK and said.isdecimal() else None
