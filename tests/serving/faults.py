"""Faults of servers and shippers: scenarios on real processes under load.

Each scenario returns its counts; tests choose its size and assert on the counts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, Self

import psutil

from slipway.adapters.object_store import open_store
from slipway.records.write_state import write_desired
from slipway.serving.prediction_log.write_ahead_log import unshipped_seconds
from slipway.serving.server_options import Options
from tests.serving.load import Clients, Loss, is_shipped, stored
from tests.serving.model_versions import MODEL
from tests.serving.processes import (
    OPTIONS,
    Process,
    free_port,
    running,
    running_platform,
    running_shipper,
    serve_code,
    until,
)
from tests.support.rollout_leases import permit_states

SETTLE_S = 0.5


@dataclass
class ServingSetup:
    """One server and one shipper, over restarts.

    Attributes:
        version: Folder of the version served.
        root: Folder of all other files.
        store_root: Root of the store.
        log_folder: Folder of the log's segments.
        options: Options of the server.
        prelude: Python code that the server's process runs first.
    """

    version: Path
    root: Path
    store_root: str
    log_folder: Path
    options: Options = OPTIONS
    prelude: str = ""

    def __post_init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @classmethod
    def below(cls, root: Path, version: Path) -> Self:
        """A setup with its store and its log in one folder."""
        return cls(version, root, str(root / "store"), root / "log")

    @contextlib.contextmanager
    def server(self) -> Iterator[Process]:
        """A ready server on a fixed port."""
        code = serve_code(self.version, self.log_folder, options=self.options, port=self.port)
        code = f"{self.prelude}\n{code}"
        with running(code, output=self.root / "server.out", port=self.port) as process:
            until(lambda: process.get("/v2/health/ready").is_success, "the server is ready")
            yield process

    def shipper(self) -> AbstractContextManager[Process]:
        """A running shipper."""
        return running_shipper(self.store_root, self.log_folder)

    def clients(self, count: int = 4, **more: Any) -> Clients:
        """Clients of the server."""
        return Clients(self.url, count, **more)

    def settle(self, clients: Clients) -> Loss:
        """Loss once every acknowledged request is shipped."""
        until(lambda: is_shipped(clients.acknowledged, self.store_root), "all is shipped")
        until(lambda: unshipped_seconds(self.log_folder) is None, "no segment is left")
        return Loss.of(clients.acknowledged, self.store_root)


@dataclass
class PlatformSetup(ServingSetup):
    """The same for a platform with two weighted versions; `version` is the folder of both.

    The platform restarts each of its killed processes.
    """

    @classmethod
    def below(cls, root: Path, version: Path) -> Self:
        """A platform, not yet started, with its store and its scratch folder in one folder."""
        setup = cls(version, root, str(root / "store"), root / "scratch" / "log")
        store = open_store(setup.store_root)
        permit_states(store, MODEL, 1, 2, up_to=1)
        write_desired(store, MODEL, weights={1: 0.7, 2: 0.3}, keep=[], token=1)
        return setup

    @contextlib.contextmanager
    def server(self) -> Iterator[Process]:
        """A ready platform on a fixed port."""
        scratch = self.log_folder.parent
        with running_platform(
            self.store_root, self.version, scratch, port=self.port, options=self.options
        ) as process:
            until(lambda: process.get("/v2/health/ready").is_success, "the platform is ready")
            yield process


class RestartableProcess:
    """A process that can be killed and started again.

    Args:
        start: Starts it.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[Process]]) -> None:
        self._start = start
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.process = self._stack.enter_context(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def again(self) -> None:
        """Send SIGKILL and start the process again."""
        self.process.kill()
        self._stack.close()
        self.process = self._stack.enter_context(self._start())


def kill_servers(setup: ServingSetup, *, requests: int, kills: int) -> tuple[Loss, Clients]:
    """Kill server and shipper in turn and together, until a number of requests is acknowledged."""
    random = Random(1)
    with (
        RestartableProcess(setup.server) as server,
        RestartableProcess(setup.shipper) as shipper,
        setup.clients() as clients,
    ):
        turns = cycle([(server,), (shipper,), (shipper, server)])
        for _ in range(kills):
            clients.wait_for(requests // kills, within_s=600)
            time.sleep(random.uniform(0, 0.05))
            for one in next(turns):
                one.again()
        clients.wait_for(max(1, requests - len(clients.acknowledged)), within_s=600)
        clients.stop()
        server.process.stop()
        return setup.settle(clients), clients


def kill_platform(setup: PlatformSetup, *, requests: int, kills: int) -> tuple[Loss, Clients]:
    """Kill platform, server and shipper in turn, until a number of requests is acknowledged."""
    random = Random(2)
    with RestartableProcess(setup.server) as platform, setup.clients() as clients:
        for _, turn in zip(range(kills), cycle(["platform", "server", "shipper"]), strict=False):
            clients.wait_for(requests // kills, within_s=900)
            time.sleep(random.uniform(0, 0.05))
            if turn == "platform":
                platform.again()
            else:
                _kill_child(platform.process, turn)
        clients.wait_for(max(1, requests - len(clients.acknowledged)), within_s=900)
        clients.stop()
        assert platform.process.stop() == 0
    # The next shipper ships what the last killed one left.
    with setup.shipper():
        return setup.settle(clients), clients


def _kill_child(platform: Process, kind: str) -> None:
    """Send SIGKILL to one of the platform's child processes."""

    def one() -> psutil.Process | None:
        for child in psutil.Process(platform.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if f".{kind} import" in " ".join(child.cmdline()):
                    return child
        return None

    child: psutil.Process = until(one, f"the platform has a {kind}")
    child.kill()


def lose_the_store(
    setup: ServingSetup, away: AbstractContextManager[None], *, seconds: float
) -> tuple[Loss, Clients, float]:
    """Remove the store under load; also the age of the oldest segment at the end."""
    with setup.server() as server, setup.shipper(), setup.clients() as clients:
        until(lambda: stored(setup.store_root), "shipping works")
        with away:
            before = len(clients.acknowledged)
            time.sleep(seconds)
            age_s = unshipped_seconds(setup.log_folder)
            assert len(clients.acknowledged) > before
        clients.wait_for(10)
        clients.stop()
        server.stop()
        return setup.settle(clients), clients, age_s or 0.0


@contextlib.contextmanager
def folder_away(folder: Path) -> Iterator[None]:
    """Move a store's folder away and prevent writes in its place."""
    elsewhere = folder.with_suffix(".away")
    folder.rename(elsewhere)
    folder.touch()
    yield
    folder.unlink()
    elsewhere.rename(folder)


CLOCK_S = 1.5
CLOCK_GOES_BACK = """
import time
_time_ns, _began = time.time_ns, time.monotonic()
def _earlier_ns():
    return _time_ns() - int((time.monotonic() - _began) * 4) * 3600 * 10**9
time.time_ns = _earlier_ns
time.time = lambda: _earlier_ns() / 1e9
"""
"""Four times a second the process's clock is set back by an hour."""


def set_the_clock_back(setup: ServingSetup, *, requests: int) -> tuple[Loss, Clients, float]:
    """Set the clock back by hours, over restarts; also the number of steps."""
    back = replace(setup, prelude=CLOCK_GOES_BACK)
    with RestartableProcess(back.server) as server, back.shipper(), back.clients() as clients:
        for _ in range(2):
            clients.wait_for(requests // 2, within_s=600)
            # The server may be quick, but the clock is to go back while it serves.
            time.sleep(CLOCK_S)
            server.again()
        clients.stop()
        server.process.stop()
        loss = back.settle(clients)
    keys = [entry.key for entry in open_store(setup.store_root).list("predictions")]
    begun = [int(key.rsplit("-", 2)[1]) for key in keys]
    return loss, clients, (max(begun) - min(begun)) / 3.6e12


def stop_under_load(
    start: Callable[[], AbstractContextManager[Process]], *, rounds: int
) -> tuple[Clients, Clients]:
    """Send SIGTERM under load, again and again, with kept and with new connections."""
    keeping, closing = Clients("http://everywhere", 0), Clients("http://everywhere", 0)
    for _ in range(rounds):
        with start() as process:
            kept = Clients(process.url)
            fresh = Clients(process.url, headers={"connection": "close"})
            with kept, fresh:
                kept.wait_for(100)
                fresh.wait_for(100)
                assert process.stop() == 0
                time.sleep(SETTLE_S)
        keeping.add(kept)
        closing.add(fresh)
    return keeping, closing
