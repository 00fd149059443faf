"""Faults under load, at full size: every acknowledged request is in the store once.

Counts are printed. `make test` runs the same scenarios at a small size.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from slipway.serving.server_options import MIB
from tests.conftest import free_port
from tests.serving import faults
from tests.serving.disks import ShortFiles, fill_the_disk, small_disk
from tests.serving.faults import PlatformSetup, ServingSetup, folder_away
from tests.serving.load import Clients, Loss
from tests.serving.processes import Process
from tests.serving.slow_clients import SlowClients, occupy_connections

OUTAGE_S = 60


@pytest.fixture
def setup(tmp_path: Path, versions: Path) -> ServingSetup:
    """A server and a shipper on empty folders."""
    return ServingSetup.below(tmp_path, versions / "1")


def print_line(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"\n{line}")


def report(what: str, loss: Loss, clients: Clients, *more: object) -> None:
    """Print the counts, and fail unless every acknowledged request is in the store once."""
    print_line("; ".join(map(str, [f"{what}: {loss}", f"clients saw {clients}", *more])))
    assert loss.acknowledged > 0
    assert (loss.lost, loss.repeated) == (frozenset(), frozenset())


def test_thirty_kills_of_server_and_shipper(setup: ServingSetup) -> None:
    """SIGKILL of either and of both, over 30,000 acknowledged requests."""
    loss, clients = faults.kill_servers(setup, requests=30_000, kills=30)
    report("30 kills of server, shipper, both", loss, clients)
    assert loss.acknowledged >= 30_000


def test_fifteen_kills_behind_the_reverse_proxy(tmp_path: Path, versions: Path) -> None:
    """SIGKILL of platform, server and shipper, over 25,000 requests to two versions."""
    setup = PlatformSetup.below(tmp_path, versions)
    loss, clients = faults.kill_platform(setup, requests=25_000, kills=15)
    report("15 kills of platform, server, shipper", loss, clients)
    assert loss.acknowledged >= 25_000


def test_a_minute_without_the_folder(setup: ServingSetup) -> None:
    """The store's folder is missing for a minute."""
    away = folder_away(Path(setup.store_root))
    loss, clients, age_s = faults.lose_the_store(setup, away, seconds=OUTAGE_S)
    report(f"{OUTAGE_S} s without a folder", loss, clients, f"oldest segment {age_s:.0f} s")
    assert age_s > OUTAGE_S - 5


@dataclass
class Bucket:
    """An S3 server in this process whose contents outlive a stop."""

    port: int

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Run the server inside the context."""
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        server.start()
        try:
            yield
        finally:
            server.stop()


class Outage(AbstractContextManager[None]):
    """S3 refuses connections inside the context, and answers before and after.

    Args:
        bucket: The server, not yet started.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._up = contextlib.ExitStack()
        self._up.enter_context(bucket.up())

    def __enter__(self) -> None:
        self._up.close()

    def __exit__(self, *_: object) -> None:
        self._up.enter_context(self._bucket.up())

    def end(self) -> None:
        """Stop the server for good."""
        self._up.close()


@pytest.fixture
def s3_outage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    """The outage of an S3 server that all processes of this test use."""
    port = free_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_CONDITIONAL_PUT": "etag",
    }.items():
        monkeypatch.setenv(name, value)
    outage = Outage(Bucket(port))
    httpx.put(f"http://127.0.0.1:{port}/slipway-loss").raise_for_status()
    yield outage
    outage.end()


def test_a_minute_without_s3(setup: ServingSetup, s3_outage: Outage) -> None:
    """S3 refuses connections for a minute."""
    setup.store_root = "s3://slipway-loss/store"
    loss, clients, age_s = faults.lose_the_store(setup, s3_outage, seconds=OUTAGE_S)
    report(f"{OUTAGE_S} s without S3", loss, clients, f"oldest segment {age_s:.0f} s")
    assert age_s > OUTAGE_S - 5


@pytest.mark.parametrize("min_free", [0, 2 * MIB], ids=["to the last byte", "to the limit"])
def test_a_full_disk(setup: ServingSetup, tmp_path: Path, min_free: int) -> None:
    """Half a minute of 503 without an acknowledgement; then answers again."""
    setup.log_folder = tmp_path / "disk" / "log"
    setup.options = replace(setup.options, min_free_bytes=min_free)
    with small_disk(tmp_path / "disk", mib=16) as disk:
        loss, clients, outage = fill_the_disk(setup, disk, seconds=OUTAGE_S / 2)
    report(f"{OUTAGE_S / 2} s on a full {type(disk).__name__}", loss, clients, outage)
    assert outage.acknowledged == 0


def test_files_that_may_not_grow(setup: ServingSetup) -> None:
    """The same with another error of each write."""
    loss, clients, outage = fill_the_disk(setup, ShortFiles(), seconds=OUTAGE_S / 2)
    report(f"{OUTAGE_S / 2} s of files that may not grow", loss, clients, outage)
    assert outage.acknowledged == 0


def test_a_clock_that_goes_back(setup: ServingSetup) -> None:
    """By an hour four times a second, over 20,000 requests."""
    loss, clients, hours = faults.set_the_clock_back(setup, requests=20_000)
    report(f"a clock that goes back by {hours:.0f} hours", loss, clients)
    assert hours > 1


def test_five_hundred_slow_clients(setup: ServingSetup) -> None:
    """A hundred of each kind; other clients are answered in time; idle connections are closed."""
    setup.options = replace(setup.options, request_seconds=10.0)
    counts = dict.fromkeys(SlowClients.kinds, 100)
    clients, slow_clients, left = occupy_connections(setup, counts=counts, seconds=30)
    p50, p99 = clients.percentile_s(0.5), clients.percentile_s(0.99)
    print_line(
        f"slow clients ended {dict(slow_clients.ended)}, {left} slots more than before; "
        f"others: {clients}"
    )
    print_line(f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    assert (clients.cut, clients.unreached, dict(clients.statuses)) == ([], 0, {})
    assert p99 < 1
    assert slow_clients.ended == counts


def test_twenty_stops_of_a_server(setup: ServingSetup) -> None:
    """SIGTERM under load, on kept and on new connections."""
    with setup.shipper():
        stop_and_report(setup.server, setup, rounds=20)


def test_five_stops_of_the_reverse_proxy(tmp_path: Path, versions: Path) -> None:
    """The platform drains like its servers, and ships their logs."""
    setup = PlatformSetup.below(tmp_path, versions)
    stop_and_report(setup.server, setup, rounds=5)


def stop_and_report(
    start: Callable[[], AbstractContextManager[Process]], setup: ServingSetup, *, rounds: int
) -> None:
    """Send SIGTERM under load, round by round."""
    began = time.monotonic()
    keeping, closing = faults.stop_under_load(start, rounds=rounds)
    for kind, clients in (("kept", keeping), ("new", closing)):
        report(f"{rounds} stops, {kind} connections", setup.settle(clients), clients)
        assert (clients.cut, dict(clients.statuses)) == ([], {})
    print_line(f"{time.monotonic() - began:.0f} s")
