"""What the servers of a version were asked since the present shares came into force.

Every server counts for itself, so all of them are asked, by the addresses that the version's
headless Service has. What never reached a server is in no count: a version whose servers cannot
be reached is told by its Deployment instead.
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

from slipway.adapters.platforms.cluster.http_client import client
from slipway.adapters.platforms.cluster.manifests.names import PORT, pods_name
from slipway.adapters.platforms.cluster.observe.server_metrics import Counts, Figures, read
from slipway.stages.rollout.platform import VersionStats

SCRAPE_SECONDS = 2.0
AT_ONCE = 16
ALL_WITHIN_SECONDS = 5.0
POLL_SECONDS = 0.25

Address = tuple[str, int]

logger = logging.getLogger(__name__)


def addresses_of(host: str) -> list[Address]:
    """The addresses that a name has, each with the port of a server; none where it is not known."""
    try:
        found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({(str(address[0]), int(address[1])) for *_, address in found})


class Counting:
    """Reads what the servers of a model's versions count.

    Args:
        model: Its name.
        namespace: Where its servers run.
        resolve: Turns a name into addresses.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        model: str,
        namespace: str,
        *,
        resolve: Callable[[str], Sequence[Address]] = addresses_of,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._model = model
        self._namespace = namespace
        self._resolve = resolve
        self._sleep = sleep
        self._client = client()
        weakref.finalize(self, self._client.close)
        self._began_with = ""
        self._seen: dict[int, dict[str, Counts]] = {}

    def baseline(self, servers: Mapping[int, int]) -> dict[str, Any]:
        """What each server has counted by now, as the entry keeps it.

        Args:
            servers: How many answer, by version. Until so many have, for a few seconds, they are
                asked again: a server that is left out would count from its start.
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
        """What a version was asked.

        A server that was started since counts from its start. One that is gone keeps what was
        last seen of it, as long as the same process looks: nobody else knows its counts.

        Args:
            version: Its number.
            since: The baseline.
        """
        name = json.dumps(since, sort_keys=True)
        if name != self._began_with:
            self._began_with, self._seen = name, {}
        seen = self._seen.setdefault(version, {})
        seen.update(self._scraped(version))
        parts = (
            counts.since(Counts.from_json(since.get(instance, {})))
            for instance, counts in seen.items()
        )
        return reduce(Counts.plus, parts, Counts()).tally()

    def _warn(self, version: int, found: int, expected: int) -> None:
        host = self._host(version)
        logger.warning(
            "version %s: only %s of %s servers say what they were asked; what the others were "
            "counts as nothing. %s has %s addresses; hint: look at DNS and NetworkPolicies",
            *(version, found, expected, host, len(self._resolve(host))),
        )

    def _host(self, version: int) -> str:
        return f"{pods_name(self._model, version)}.{self._namespace}.svc"

    def _scraped(self, version: int) -> dict[str, Counts]:
        addresses = self._resolve(self._host(version))
        if not addresses:
            return {}
        with ThreadPoolExecutor(min(AT_ONCE, len(addresses))) as pool:
            figures = list(pool.map(self._figures, addresses))
        return {one.instance: one.counts for one in figures if one is not None}

    def _figures(self, address: Address) -> Figures | None:
        host, port = address
        return figures_at(self._client, httpx.URL(scheme="http", host=host, port=port))


def figures_at(client: httpx.Client, url: httpx.URL) -> Figures | None:
    """What the server at a URL says of itself; None where it does not answer."""
    try:
        reply = client.get(url.copy_with(path="/metrics"), timeout=SCRAPE_SECONDS)
    except httpx.HTTPError:
        return None
    return read(reply.text) if reply.is_success else None
