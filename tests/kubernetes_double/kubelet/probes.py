"""Probes by HTTP and TCP, really executed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A container as the target of probes.

    Args:
        address: Address of the pod.
        ports: Container ports by name.
    """

    address: str
    ports: Mapping[str, int]

    def port(self, given: Any) -> int:
        """A port by number or by name."""
        return given if isinstance(given, int) else self.ports[given]


@dataclass(frozen=True)
class Timing:
    """Shorter periods of probes than in their manifests.

    The time limit is real: a probe fails after `failureThreshold` periods of the manifest.

    Args:
        pace: Fraction of the manifest's period.
        least_seconds: Shortest period.
    """

    pace: float = 0.1
    least_seconds: float = 0.1

    def pause(self, probe: Mapping[str, Any]) -> float:
        """Period in seconds."""
        return max(self.least_seconds, self.pace * float(probe.get("periodSeconds", 10)))

    def delay(self, probe: Mapping[str, Any]) -> float:
        """Initial delay in seconds."""
        return self.pace * float(probe.get("initialDelaySeconds", 0))


def patience(probe: Mapping[str, Any]) -> float:
    """Seconds for which a probe may fail, from its first failure on."""
    period, threshold = float(probe.get("periodSeconds", 10)), int(probe.get("failureThreshold", 3))
    return period * (threshold - 1)


async def ask(probe: Mapping[str, Any], target: Target) -> str | None:
    """The failure in the kubelet's words; None: success."""
    timeout = float(probe.get("timeoutSeconds", 1))
    try:
        async with asyncio.timeout(timeout + 0.5):
            if "httpGet" in probe:
                return await _http(probe["httpGet"], target, timeout)
            if "tcpSocket" in probe:
                return await _tcp(target.address, target.port(probe["tcpSocket"]["port"]))
    except TimeoutError:
        return f"command timed out after {timeout:g}s"
    return "no handler of a kind that the double has"


async def _http(action: Mapping[str, Any], target: Target, within_s: float) -> str | None:
    host, port = action.get("host") or target.address, target.port(action["port"])
    path = "/" + str(action.get("path", "/")).removeprefix("/")
    url = f"http://{host}:{port}{path}"
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "User-Agent: kube-probe/1.36"]
    lines += [f"{item['name']}: {item['value']}" for item in action.get("httpHeaders") or ()]
    try:
        async with asyncio.timeout(within_s):
            status = await _status(host, port, "\r\n".join([*lines, "Connection: close", "", ""]))
    except TimeoutError:
        return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded)'
    except ConnectionRefusedError:
        return f'Get "{url}": dial tcp {host}:{port}: connect: connection refused'
    except (OSError, EOFError, ValueError) as error:
        return f'Get "{url}": {str(error) or "EOF"}'
    return None if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


async def _status(host: str, port: int, request: str) -> int:
    """Status of the response to one request; its body is not read."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request.encode())
        line = await reader.readuntil(b"\n")
    finally:
        writer.close()
    return int(line.split()[1])


async def _tcp(address: str, port: int) -> str | None:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return f"dial tcp {address}:{port}: connect: connection refused"
    writer.close()
    return None
