"""Reject requests of foreign host names, and state-changing ones from other sites.

A page of another site can make a browser send requests to a server that only this machine reaches:
under a name of its own that resolves to it (DNS rebinding), or across sites. Clients other than
browsers send neither `Origin` nor `Sec-Fetch-Site`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address

from slipway.serving.http.request_head import BadHead

LOCALHOST = "localhost"
REMEMBERED = 1000
"""Most accepted hosts that are kept; clients may make names up where any is accepted."""
SAFE_METHODS = frozenset({b"GET", b"HEAD", b"OPTIONS"})
SAME_SITE = frozenset({b"same-origin", b"none"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?", re.ASCII)


class HostCheck:
    """Accepts requests to the server's own names, and from its own site.

    IP addresses and `localhost` are always accepted: probes use them, and no site has their names.

    Args:
        names: Accepted host names; `*.example.com` stands for all below `example.com`, `*` for
            any.
        is_local: Whether the server listens on loopback, so that without names none is accepted;
            else any is.

    Source: `http.CrossOriginProtection` of Go 1.25, for requests across sites.
    """

    def __init__(self, names: Sequence[str] = (), *, is_local: bool = True) -> None:
        self._accepted = {name.lower() for name in names} or (set() if is_local else {"*"})
        self._known: set[bytes] = set()

    def check(self, method: bytes, headers: Mapping[bytes, bytes]) -> None:
        """Raise if a request is for another host, or changes state from another site.

        Args:
            method: Its method.
            headers: Its headers by name in lower case.

        Raises:
            BadHead: It is rejected.
        """
        host = headers.get(b"host")
        if host is not None and not (host in self._known or self._learn(host)):
            raise BadHead(
                "this server does not answer under that host name; "
                "hint: SLIPWAY_ALLOWED_HOSTS lists more names",
                status=HTTPStatus.MISDIRECTED_REQUEST,
            )
        has_site = b"sec-fetch-site" in headers or b"origin" in headers
        if has_site and method not in SAFE_METHODS and _is_from_elsewhere(headers, host):
            raise BadHead(
                "requests from pages of other sites are refused", status=HTTPStatus.FORBIDDEN
            )

    def _learn(self, host: bytes) -> bool:
        """Verdict on a host, which is kept if it is accepted."""
        is_accepted = _is_accepted(host, self._accepted)
        if is_accepted:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known.add(host)
        return is_accepted


def _is_accepted(host: bytes, accepted: set[str]) -> bool:
    match = _HOST.fullmatch(host.decode("latin-1"))
    if match is None:
        return False
    name = match[1].lower().rstrip(".")
    if "*" in accepted or name in accepted or name == LOCALHOST or _is_address(name):
        return True
    parents = name.split(".")[1:]
    return any(f"*.{'.'.join(parents[start:])}" in accepted for start in range(len(parents)))


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_from_elsewhere(headers: Mapping[bytes, bytes], host: bytes | None) -> bool:
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site not in SAME_SITE
    _, separator, authority = headers[b"origin"].partition(b"://")
    return not separator or authority.lower() != (host or b"").lower()
