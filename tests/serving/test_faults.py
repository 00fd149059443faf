"""Faults under load, at a small size: what was acknowledged is in the store, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slipway.serving.server_options import MIB, Options
from tests.serving import faults
from tests.serving.disks import ShortFiles, fill_the_disk, small_disk
from tests.serving.faults import FrontDoor, Site, folder_away
from tests.serving.load import Loss
from tests.serving.slow_clients import crowd_out


@pytest.fixture
def site(tmp_path: Path, versions: Path) -> Site:
    """A place for a server and a shipper."""
    return Site.below(tmp_path, versions / "1")


def nothing_is_lost(loss: Loss) -> bool:
    """Whether every acknowledged request is in the store once."""
    return loss.acknowledged > 0 and not loss.lost and not loss.repeated


def test_killing_servers_and_shippers_loses_nothing(site: Site) -> None:
    """SIGKILL at any moment, of either or both: each acknowledged id is in the store once."""
    loss, clients = faults.kill_servers(site, requests=600, kills=3)
    assert nothing_is_lost(loss), loss
    assert loss.stored <= loss.acknowledged + len(clients.cut)


def test_killing_the_platform_loses_nothing(tmp_path: Path, versions: Path) -> None:
    """Nor does SIGKILL of the platform, of a server behind it, or of its shipper."""
    site = FrontDoor.below(tmp_path, versions)
    loss, _ = faults.kill_platform(site, requests=600, kills=3)
    assert nothing_is_lost(loss), loss


def test_without_its_store_the_server_answers_on(site: Site) -> None:
    """Segments wait here for as long as the store is away, and are shipped afterwards."""
    away = folder_away(Path(site.store_root))
    loss, _, age_s = faults.lose_the_store(site, away, seconds=3)
    assert nothing_is_lost(loss), loss
    assert age_s > 2


@pytest.mark.parametrize("limit", ["nothing left", "little left"])
def test_a_full_disk_refuses_and_recovers(site: Site, tmp_path: Path, limit: str) -> None:
    """503 for as long as nothing can be logged, at the last byte as at the limit before it."""
    site.log_folder = tmp_path / "disk" / "log"
    min_free = 0 if limit == "nothing left" else 2 * MIB
    site.options = Options(roll_seconds=0.2, min_free_bytes=min_free)
    with small_disk(tmp_path / "disk", mib=8) as disk:
        loss, clients, outage = fill_the_disk(site, disk, seconds=1)
    assert nothing_is_lost(loss), loss
    assert (outage.acknowledged, set(clients.statuses)) == (0, {503})
    assert outage.refused > 20
    assert outage.recovered_s < 1


def test_files_that_may_not_grow_are_a_full_disk_too(site: Site) -> None:
    """Any error of a write refuses the request; no torn line holds up what follows."""
    loss, clients, outage = fill_the_disk(site, ShortFiles(), seconds=1)
    assert nothing_is_lost(loss), loss
    assert (outage.acknowledged, set(clients.statuses)) == (0, {503})
    assert outage.recovered_s < 1


def test_a_clock_that_goes_back_loses_nothing(site: Site) -> None:
    """Neither while a server runs nor from one start of it to the next."""
    loss, _, hours = faults.set_the_clock_back(site, requests=400)
    assert nothing_is_lost(loss), loss
    assert hours > 1


def test_stopping_a_server_under_load_cuts_nobody_off(site: Site) -> None:
    """Every request that was begun is answered, on old connections and on new ones."""
    with site.shipper():
        keeping, closing = faults.stop_under_load(site.server, rounds=2)
        for clients in (keeping, closing):
            assert nothing_is_lost(site.settle(clients))
            assert (clients.cut, dict(clients.statuses)) == ([], {})


def test_slow_clients_crowd_nobody_out(site: Site) -> None:
    """Others are answered as ever, and connections on which nothing gets done are taken back."""
    site.options = replace(site.options, request_seconds=2.0)
    clients, crowd, left = crowd_out(site, each=20, seconds=3)
    assert (clients.cut, dict(clients.statuses), clients.unreached) == ([], {}, 0)
    assert clients.percentile_s(0.99) < 1
    assert dict(crowd.ended) == dict.fromkeys(crowd.kinds, 20)
    assert left <= 0
