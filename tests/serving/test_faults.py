"""Faults under load, at a small size: every acknowledged request is in the store once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slipway.serving.server_options import MIB, Options
from tests.serving import faults
from tests.serving.disks import ShortFiles, fill_the_disk, small_disk
from tests.serving.faults import PlatformSetup, ServingSetup, folder_away
from tests.serving.load import Loss
from tests.serving.slow_clients import SlowClients, occupy_connections


@pytest.fixture
def setup(tmp_path: Path, versions: Path) -> ServingSetup:
    """A server and a shipper on empty folders."""
    return ServingSetup.below(tmp_path, versions / "1")


def nothing_is_lost(loss: Loss) -> bool:
    """Whether every acknowledged request is in the store once."""
    return loss.acknowledged > 0 and not loss.lost and not loss.repeated


def test_killing_servers_and_shippers_loses_nothing(setup: ServingSetup) -> None:
    """SIGKILL at any moment, of either or both."""
    loss, clients = faults.kill_servers(setup, requests=600, kills=3)
    assert nothing_is_lost(loss), loss
    assert loss.stored <= loss.acknowledged + len(clients.cut)


def test_killing_the_platform_loses_nothing(tmp_path: Path, versions: Path) -> None:
    """SIGKILL of the platform, of one of its servers, or of its shipper."""
    setup = PlatformSetup.below(tmp_path, versions)
    loss, _ = faults.kill_platform(setup, requests=600, kills=3)
    assert nothing_is_lost(loss), loss


def test_without_its_store_the_server_answers_on(setup: ServingSetup) -> None:
    """Segments wait on the local disk while the store is down, and are shipped afterwards."""
    away = folder_away(Path(setup.store_root))
    loss, _, age_s = faults.lose_the_store(setup, away, seconds=3)
    assert nothing_is_lost(loss), loss
    assert age_s > 2


@pytest.mark.parametrize("limit", ["nothing left", "little left"])
def test_a_full_disk_refuses_and_recovers(setup: ServingSetup, tmp_path: Path, limit: str) -> None:
    """Answers are 503 while nothing can be logged, at the last byte and at the limit before."""
    setup.log_folder = tmp_path / "disk" / "log"
    min_free = 0 if limit == "nothing left" else 2 * MIB
    setup.options = Options(roll_seconds=0.2, min_free_bytes=min_free)
    with small_disk(tmp_path / "disk", mib=8) as disk:
        loss, clients, outage = fill_the_disk(setup, disk, seconds=1)
    assert nothing_is_lost(loss), loss
    assert (outage.acknowledged, set(clients.statuses)) == (0, {503})
    assert outage.refused > 20
    assert outage.recovered_s < 1


def test_files_that_may_not_grow_are_a_full_disk_too(setup: ServingSetup) -> None:
    """Any error of a write refuses the request; a torn line does not stop later ones."""
    loss, clients, outage = fill_the_disk(setup, ShortFiles(), seconds=1)
    assert nothing_is_lost(loss), loss
    assert (outage.acknowledged, set(clients.statuses)) == (0, {503})
    assert outage.recovered_s < 1


def test_a_clock_that_goes_back_loses_nothing(setup: ServingSetup) -> None:
    """Neither while a server runs nor over a restart."""
    loss, _, hours = faults.set_the_clock_back(setup, requests=400)
    assert nothing_is_lost(loss), loss
    assert hours > 1


def test_stopping_a_server_under_load_cuts_no_request(setup: ServingSetup) -> None:
    """Every request that was begun is answered, on kept and on new connections."""
    with setup.shipper():
        keeping, closing = faults.stop_under_load(setup.server, rounds=2)
        for clients in (keeping, closing):
            assert nothing_is_lost(setup.settle(clients))
            assert (clients.cut, dict(clients.statuses)) == ([], {})


def test_slow_clients_do_not_displace_others(setup: ServingSetup) -> None:
    """Other clients are answered in time, and idle connections are closed."""
    setup.options = replace(setup.options, request_seconds=2.0)
    # A deaf one takes some ten thousand answers until the kernel's buffers are full.
    counts = dict.fromkeys(SlowClients.kinds, 20) | {"deaf": 3}
    clients, slow_clients, left = occupy_connections(setup, counts=counts, seconds=3)
    assert (clients.cut, dict(clients.statuses), clients.unreached) == ([], {}, 0)
    # None waits until the slow ones are cut off.
    assert clients.percentile_s(0.99) < setup.options.request_seconds
    assert slow_clients.ended == counts
    assert left <= 0
