"""Bound connections and the bytes of request bodies: per address, and in sum.

A server at a limit closes the connection that has waited longest for its client, of the address
that holds most, so that no client can keep others out by holding connections or bodies. Requests
that arrived whole are not closed. If only those are left, a few more connections are accepted on
which health probes and metrics are answered, so that a busy server does not look dead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv6Address, ip_network
from typing import Protocol

MIB = 1 << 20
TOO_MANY = "too many connections; retry later"
TOO_MANY_BYTES = "too many request bodies at once; retry later"
PROBE_CONNECTIONS = 32
IPV6_PREFIX = 64
"""Length of the prefix that one customer of a provider has at least."""


class Evictable(Protocol):
    """A connection as the admission sees it.

    Attributes:
        address: Address of the client.
        held: Bytes of its requests that are in memory.
    """

    address: str
    held: int

    def evict(self, text: str) -> None:
        """Close the connection, with 503 and a text if a request has no response yet."""


@dataclass(frozen=True)
class Limits:
    """Limits of one server.

    Attributes:
        connections: Number of connections, besides those kept for probes.
        per_address: Number of connections of one address; of IPv6, of one /64.
        held_bytes: Bytes of request bodies, from their arrival until their response.
    """

    connections: int = 900
    per_address: int = 600
    held_bytes: int = 256 * MIB


class Admitted(Enum):
    """Outcome for a new connection."""

    YES = "yes"
    PROBES_ONLY = "probes only"
    NO = "no"


@dataclass
class _Load:
    """Connections of one address; `waiting` has those that wait for their client, oldest first."""

    address: str
    connections: int = 0
    held: int = 0
    waiting: dict[Evictable, None] = field(default_factory=dict)


class Admission:
    """Admits connections and bodies of one server.

    Args:
        limits: Its limits.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: dict[str, _Load] = {}
        self._load_of: dict[Evictable, _Load] = {}
        self._held = 0

    def admit(self, connection: Evictable) -> Admitted:
        """Count a new connection; above a limit, evict those that wait for their clients."""
        load = self._by_address.setdefault(connection.address, _Load(connection.address))
        load.connections += 1
        self._load_of[connection] = load
        while load.connections > self._limits.per_address and load.waiting:
            self._evict(next(iter(load.waiting)), TOO_MANY)
        while self._surplus() > 0:
            most = max(self._by_address.values(), key=lambda one: len(one.waiting))
            if not most.waiting:
                break
            self._evict(next(iter(most.waiting)), TOO_MANY)
        load.waiting[connection] = None
        surplus = max(self._surplus(), load.connections - self._limits.per_address)
        if surplus <= 0:
            return Admitted.YES
        return Admitted.PROBES_ONLY if surplus <= PROBE_CONNECTIONS else Admitted.NO

    def leave(self, connection: Evictable) -> None:
        """Forget a connection; no effect on one that was evicted."""
        self.release(connection, connection.held)
        load = self._load_of.pop(connection, None)
        if load is None:
            return
        load.waiting.pop(connection, None)
        load.connections -= 1
        if not load.connections:
            del self._by_address[load.address]

    def wait(self, connection: Evictable) -> None:
        """Note that a connection waits for its client from now on."""
        load = self._load_of.get(connection)
        if load is not None:
            load.waiting.pop(connection, None)
            load.waiting[connection] = None

    def work(self, connection: Evictable) -> None:
        """Note that a request arrived whole, so that the client waits for the server."""
        load = self._load_of.get(connection)
        if load is not None:
            load.waiting.pop(connection, None)

    def hold(self, connection: Evictable, size: int) -> None:
        """Count bytes of a body; above the limit, evict the oldest incomplete bodies.

        If no incomplete one is left, it is this connection that is evicted.
        """
        load = self._load_of.get(connection)
        if load is None:
            return
        connection.held += size
        load.held += size
        self._held += size
        while self._held > self._limits.held_bytes and connection in self._load_of:
            loads = sorted(self._by_address.values(), key=lambda one: -one.held)
            bodies = (one for load in loads for one in load.waiting if one.held)
            self._evict(next(bodies, connection), TOO_MANY_BYTES)

    def release(self, connection: Evictable, size: int) -> None:
        """Forget bytes of a connection's bodies."""
        load = self._load_of.get(connection)
        if load is not None:
            connection.held -= size
            load.held -= size
            self._held -= size

    def _surplus(self) -> int:
        return len(self._load_of) - self._limits.connections

    def _evict(self, victim: Evictable, text: str) -> None:
        self.leave(victim)
        victim.evict(text)


def network_of(address: str) -> str:
    """Address by which clients are counted: that of IPv4, or the /64 of IPv6."""
    if ":" not in address:
        return address
    host = IPv6Address(address.partition("%")[0])
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(ip_network((host, IPV6_PREFIX), strict=False))
