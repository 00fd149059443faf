"""HTTP client of a model's servers: through the entry point, or through a version's Service.

Their host names are those of the cluster's DNS, so this works in its pods only.
"""

from __future__ import annotations

import weakref
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from slipway.adapters.platforms.cluster.manifests.names import PORT, object_name
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.v2_replies import raise_if_unauthorized, tls_context
from slipway.errors import PlatformUnavailable
from slipway.spec import ModelSpec

ANSWER_SECONDS = 90.0
READY_SECONDS = 5.0
VERSION_HEADER = "x-slipway-version"


def open_client(
    *, token: str | None = None, ca: Path | None = None, has_tls: bool = False
) -> httpx.Client:
    """Open an HTTP client with a connection per request, so that each may reach another server.

    Args:
        token: Bearer token for the servers, if they require one.
        ca: PEM file of the certificate authority; None: the system's.
        has_tls: Whether any request goes over TLS.
    """
    return httpx.Client(
        headers={"authorization": f"Bearer {token}"} if token else None,
        verify=tls_context(ca, is_needed=has_tls),
        limits=httpx.Limits(max_keepalive_connections=0),
        timeout=ANSWER_SECONDS,
        trust_env=False,
    )


class ServingClient:
    """Sends requests to the entry point of a model and to the Services of its versions.

    Args:
        spec: The model.
        token: Bearer token for its servers, if they require one.
        ca: PEM file of the certificate authority of the gateway; None: the system's.
    """

    def __init__(self, spec: ModelSpec, *, token: str | None, ca: Path | None) -> None:
        self._model = spec.model
        self._cluster = cluster_of(spec)
        gateway = self._cluster.gateway
        has_tls = gateway is not None and gateway.url.startswith("https:")
        self._client = open_client(token=token, ca=ca, has_tls=has_tls)
        weakref.finalize(self, self._client.close)

    def entry_url(self, path: str, *, by_route: bool) -> tuple[str, dict[str, str]]:
        """URL and headers of the entry point.

        Args:
            path: Below the model's own.
            by_route: Whether requests go through the gateway.
        """
        gateway = self._cluster.gateway
        if by_route and gateway is not None:
            host = {"host": gateway.hostname} if gateway.hostname else {}
            return f"{gateway.url}/v2/models/{self._model}{path}", host
        return self.service_url(object_name(self._model), path), {}

    def service_url(self, name: str, path: str) -> str:
        """URL of the model at one Service."""
        host = f"{name}.{self._cluster.namespace}.svc:{PORT}"
        return f"http://{host}/v2/models/{self._model}{path}"

    def post(self, url: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Send a POST request.

        Raises:
            PlatformUnavailable: There was no reply.
        """
        try:
            return self._client.post(url, headers=headers, **body)
        except httpx.HTTPError as error:
            raise PlatformUnavailable(
                "the model's servers do not answer", found=type(error).__name__, where=url
            ) from error

    def version_at(self, url: str, headers: dict[str, str]) -> int | None:
        """The version that is ready at a URL, from the header of its reply; None without one.

        Raises:
            BadParameter: The bearer token was refused.
        """
        try:
            reply = self._client.get(url, headers=headers, timeout=READY_SECONDS)
        except httpx.HTTPError:
            return None
        raise_if_unauthorized(reply, url)
        version = reply.headers.get(VERSION_HEADER, "")
        return int(version) if reply.status_code == HTTPStatus.OK and version.isdecimal() else None
