"""Disks that can be filled: mounted ones, or limits on file sizes where nothing can be mounted."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.serving.faults import SETTLE_S, ServingSetup
from tests.serving.load import Clients, Loss
from tests.serving.processes import Process


class Disk(Protocol):
    """The disk of a server's log."""

    def fill(self, server: Process) -> None:
        """Let every further write fail."""

    def free(self, server: Process) -> None:
        """Let writes succeed again."""


class FullDisk:
    """A small file system of its own.

    Args:
        folder: A folder on that file system.
    """

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, _server: Process) -> None:
        """Write until no space is left."""
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            for size in (1 << 16, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"0" * size):
                        pass

    def free(self, _server: Process) -> None:
        """Remove the filling file."""
        self._ballast.unlink()


class ShortFiles:
    """Limits on the size of a server's files; for machines that cannot mount."""

    def fill(self, server: Process) -> None:
        """Set the limit to 0."""
        self._limit(server, 0)

    def free(self, server: Process) -> None:
        """Remove the limit."""
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: Process, size: int) -> None:
        limits = (size, resource.RLIM_INFINITY)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def small_disk(folder: Path, *, mib: int) -> Iterator[Disk]:
    """A mounted file system of a given size, or limits on files where mounting is not allowed."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "slipway-tests", str(folder)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        yield ShortFiles()
        return
    try:
        yield FullDisk(folder)
    finally:
        command = ["umount", "--lazy", str(folder)]
        subprocess.run(command, check=True)


@dataclass(frozen=True)
class Outage:
    """Results of clients while the log could not be written.

    Attributes:
        acknowledged: Requests that were acknowledged although the disk was full.
        refused: Requests that were refused with 503.
        recovered_s: Time from the first free byte to the next acknowledgement.
    """

    acknowledged: int
    refused: int
    recovered_s: float


def fill_the_disk(
    setup: ServingSetup, disk: Disk, *, seconds: float
) -> tuple[Loss, Clients, Outage]:
    """Fill the log's disk under load without a shipper; then free it; then ship."""
    with setup.server() as server, setup.clients() as clients:
        clients.wait_for(50)
        disk.fill(server)
        time.sleep(SETTLE_S)
        acknowledged, refused = len(clients.acknowledged), clients.statuses[503]
        time.sleep(seconds)
        acknowledged = len(clients.acknowledged) - acknowledged
        refused = clients.statuses[503] - refused
        began = time.monotonic()
        disk.free(server)
        clients.wait_for(1)
        outage = Outage(acknowledged, refused, time.monotonic() - began)
        clients.wait_for(50)
        clients.stop()
        server.stop()
    with setup.shipper():
        return setup.settle(clients), clients, outage
