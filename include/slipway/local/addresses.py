"""Find free loopback ports, and wait until a URL responds."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Sequence

import httpx

from slipway.errors import PlatformUnavailable

LOOPBACK = "127.0.0.1"


def free_ports(count: int, *, wanted: Sequence[int] = ()) -> list[int]:
    """Return different free ports of this machine.

    Args:
        count: How many.
        wanted: Ports to take where they are free, one for each or none.
    """
    sockets = [socket.socket() for _ in range(count)]
    asked = [*wanted, *[0] * count][:count]
    try:
        for one, port in zip(sockets, asked, strict=True):
            # Otherwise connections that have just been closed would hold a port.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _bind(one, port)
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _bind(one: socket.socket, port: int) -> None:
    try:
        one.bind((LOOPBACK, port))
    except OSError:
        one.bind((LOOPBACK, 0))


def answers_ok(response: httpx.Response) -> bool:
    """Return whether a response has a success status."""
    return response.is_success


def wait_until_answers(
    url: str,
    *,
    seconds: float,
    check: Callable[[], None],
    good: Callable[[httpx.Response], bool] = answers_ok,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Return as soon as a URL responds well.

    Args:
        url: Requested four times a second.
        seconds: How long to wait.
        check: Raises when waiting has become pointless (a process has died).
        good: Whether a response is good.
        trust: TLS context; None: the system's authorities are trusted.

    Raises:
        PlatformUnavailable: No good response in time.
    """
    deadline = time.monotonic() + seconds
    found = "no answer"
    # One client: each new one reads the machine's authorities, which takes 20 ms.
    with httpx.Client(timeout=2.0, verify=True if trust is None else trust) as client:
        while time.monotonic() < deadline:
            check()
            try:
                response = client.get(url)
                if good(response):
                    return
                found = f"status {response.status_code}"
            except httpx.TransportError as error:
                found = f"{type(error).__name__}: {error}"
            time.sleep(0.25)
    raise PlatformUnavailable(f"{url} did not answer well within {seconds:.0f} s", found=found)
