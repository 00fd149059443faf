"""Disks that can be filled: real ones where one can be mounted, else the nearest thing."""

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
    """The disk of a server's log, which can be filled."""

    def fill(self, server: Process) -> None:
        """From now on nothing more can be written."""

    def free(self, server: Process) -> None:
        """It can again."""


class FullDisk:
    """A file system that is full.

    Args:
        folder: On that file system.
    """

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self, _server: Process) -> None:
        """Write until there is no space left."""
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            for size in (1 << 16, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"0" * size):
                        pass

    def free(self, _server: Process) -> None:
        """Remove what filled it."""
        self._ballast.unlink()


class ShortFiles:
    """The system refuses to let a server's files grow; for machines that mount nothing."""

    def fill(self, server: Process) -> None:
        """No byte more."""
        self._limit(server, 0)

    def free(self, server: Process) -> None:
        """Any size again."""
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: Process, size: int) -> None:
        limits = (size, resource.RLIM_INFINITY)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def small_disk(folder: Path, *, mib: int) -> Iterator[Disk]:
    """A file system of that size mounted on a folder, or limits on files where none may be."""
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
    """What clients saw while nothing could be logged.

    Attributes:
        acknowledged: Requests that were acknowledged although the disk was full.
        refused: Requests that were refused with 503.
        recovered_s: From the first free byte to the next acknowledgement.
    """

    acknowledged: int
    refused: int
    recovered_s: float


def fill_the_disk(
    setup: ServingSetup, disk: Disk, *, seconds: float
) -> tuple[Loss, Clients, Outage]:
    """Fill the log's disk under load, with no shipper to make space; then free it, then ship."""
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
