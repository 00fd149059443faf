"""Probes and life-cycle hooks, really asked of a container."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

Exec = Callable[[list[str]], Awaitable[tuple[int, str]]]


@dataclass(frozen=True)
class Target:
    """A container, as far as a probe needs to know it.

    Args:
        address: The pod's address.
        ports: Container ports by name.
        execute: Runs a command beside the container; exit code and output.
    """

    address: str
    ports: Mapping[str, int]
    execute: Exec

    def port(self, given: Any) -> int:
        """Number of a port that is given by number or by name."""
        return given if isinstance(given, int) else self.ports[given]


@dataclass(frozen=True)
class Timing:
    """How much quicker than its manifest says a probe is asked.

    The budget stays real: a probe fails after `failureThreshold` periods of the manifest.

    Args:
        pace: Part of a period between two questions.
        least_seconds: No two questions are closer together.
    """

    pace: float = 0.1
    least_seconds: float = 0.1

    def pause(self, probe: Mapping[str, Any]) -> float:
        """Seconds between two questions."""
        return max(self.least_seconds, self.pace * float(probe.get("periodSeconds", 10)))

    def delay(self, probe: Mapping[str, Any]) -> float:
        """Seconds before the first question."""
        return self.pace * float(probe.get("initialDelaySeconds", 0))


def patience(probe: Mapping[str, Any]) -> float:
    """Seconds for which a probe may go on failing, from its first failure on."""
    period, threshold = float(probe.get("periodSeconds", 10)), int(probe.get("failureThreshold", 3))
    return period * (threshold - 1)


async def ask(probe: Mapping[str, Any], target: Target) -> str | None:
    """What is wrong, in the kubelet's words; None: nothing is."""
    timeout = float(probe.get("timeoutSeconds", 1))
    try:
        async with asyncio.timeout(timeout + 0.5):
            if "httpGet" in probe:
                return await _http(probe["httpGet"], target, timeout)
            if "tcpSocket" in probe:
                return await _tcp(target.address, target.port(probe["tcpSocket"]["port"]))
            if "exec" in probe:
                code, output = await target.execute(probe["exec"]["command"])
                return output or f"command exited with {code}" if code else None
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
    """The status of the answer to one request; its body is not read."""
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


async def run_hook(hook: Mapping[str, Any], target: Target, *, longest_seconds: float) -> None:
    """Do what a preStop or postStart hook says, for so long at most.

    Args:
        hook: `sleep`, `exec` or `httpGet`.
        target: The container.
        longest_seconds: It is cut off then; a sleep counts as done.
    """
    if "sleep" in hook:
        await asyncio.sleep(min(float(hook["sleep"]["seconds"]), longest_seconds))
        return
    try:
        async with asyncio.timeout(longest_seconds):
            if "exec" in hook:
                await target.execute(hook["exec"]["command"])
            elif "httpGet" in hook:
                await _http(hook["httpGet"], target, longest_seconds)
    except TimeoutError:
        return
