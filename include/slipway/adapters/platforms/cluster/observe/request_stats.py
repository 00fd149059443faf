"""Request counts of a version's servers since the present shares came into force.

Each server counts its own requests, so all addresses of the version's headless Service are scraped.
Requests that never reached a server are in no count: the Deployment's status shows a version whose
servers cannot be reached.
"""

from __future__ import annotations

import json
import logging
import socket
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any

import httpx

from slipway.adapters.platforms.cluster.http_client import open_client
from slipway.adapters.platforms.cluster.manifests.names import PORT, pods_name
from slipway.adapters.platforms.cluster.observe.server_metrics import (
    RequestCounts,
    ServerMetrics,
    parse_metrics,
)
from slipway.stages.rollout.platform import VersionStats

SCRAPE_SECONDS = 2.0
AT_ONCE = 16
ALL_WITHIN_SECONDS = 5.0
POLL_SECONDS = 0.25

Address = tuple[str, int]

logger = logging.getLogger(__name__)


def resolve_addresses(host: str) -> list[Address]:
    """Addresses of a host name, each with the port of a server; none where it does not resolve."""
    try:
        found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({(str(address[0]), int(address[1])) for *_, address in found})


class RequestStats:
    """Scrapes the request counts of a model's versions.

    Args:
        model: Its name.
        namespace: Where its servers run.
        resolve: Turns a name into addresses.
        sleep: Sleeps for some seconds.
    """

    def __init__(
        self,
        model: str,
        namespace: str,
        *,
        token: str | None = None,
        resolve: Callable[[str], Sequence[Address]] = resolve_addresses,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._model = model
        self._namespace = namespace
        self._resolve = resolve
        self._sleep = sleep
        self._client = open_client(token=token)
        weakref.finalize(self, self._client.close)
        self._baseline_id = ""
        self._seen: dict[int, dict[str, RequestCounts]] = {}

    def baseline(self, servers: Mapping[int, int]) -> dict[str, Any]:
        """The counts of each server by now, as the entry point's annotation keeps them.

        Args:
            servers: Number of ready servers by version. Scrapes are repeated for a few seconds
                until all have replied: a server that is left out would count from its start.
        """
        found: dict[str, Any] = {}
        for version, expected in servers.items():
            counts = self._scraped(version)
            for _ in range(round(ALL_WITHIN_SECONDS / POLL_SECONDS)):
                if len(counts) >= expected:
                    break
                self._sleep(POLL_SECONDS)
                counts = self._scraped(version)
            if len(counts) < expected:
                self._warn(version, len(counts), expected)
            found |= {instance: one.to_json() for instance, one in counts.items()}
        return found

    def tally(self, version: int, since: Mapping[str, Any]) -> VersionStats:
        """The requests of a version since a baseline.

        A server that was started since counts from its start. Of one that has gone, the last counts
        that this process scraped are kept; no other record of them exists.

        Args:
            version: Its number.
            since: The baseline.
        """
        name = json.dumps(since, sort_keys=True)
        if name != self._baseline_id:
            self._baseline_id, self._seen = name, {}
        seen = self._seen.setdefault(version, {})
        seen.update(self._scraped(version))
        parts = (
            counts.since(RequestCounts.from_json(since.get(instance, {})))
            for instance, counts in seen.items()
        )
        return reduce(RequestCounts.plus, parts, RequestCounts()).tally()

    def _warn(self, version: int, found: int, expected: int) -> None:
        host = self._host(version)
        logger.warning(
            "version %s: only %s of %s servers returned their request counts; those of the others "
            "are missing. %s has %s addresses; hint: check DNS and NetworkPolicies",
            *(version, found, expected, host, len(self._resolve(host))),
        )

    def _host(self, version: int) -> str:
        return f"{pods_name(self._model, version)}.{self._namespace}.svc"

    def _scraped(self, version: int) -> dict[str, RequestCounts]:
        addresses = self._resolve(self._host(version))
        if not addresses:
            return {}
        with ThreadPoolExecutor(min(AT_ONCE, len(addresses))) as pool:
            found = list(pool.map(self._scrape, addresses))
        return {one.instance: one.counts for one in found if one is not None}

    def _scrape(self, address: Address) -> ServerMetrics | None:
        host, port = address
        return scrape(self._client, httpx.URL(scheme="http", host=host, port=port))


def scrape(client: httpx.Client, url: httpx.URL) -> ServerMetrics | None:
    """Read the metrics of the server at a URL; None where it does not answer."""
    try:
        reply = client.get(url.copy_with(path="/metrics"), timeout=SCRAPE_SECONDS)
    except httpx.HTTPError:
        return None
    return parse_metrics(reply.text) if reply.is_success else None
