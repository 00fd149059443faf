"""A running platform with its store, for tests."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.records.store import Store
from slipway.stages.rollout.platform import VersionStats
from tests.serving.background_client import BackgroundClient
from tests.serving.model_versions import MODEL, flights, request_of
from tests.serving.prediction_log import shipped_rows
from tests.serving.processes import Process, running_platform, until
from tests.support.rollout_leases import permit_states

INFER = f"/v2/models/{MODEL}/infer"


@dataclass
class PlatformEnv:
    """A running platform with its store and its scratch folder."""

    process: Process
    adapter: LocalPlatform
    store: Store
    scratch: Path
    versions: Path
    token: int = 0

    def serve(self, version: int, *, keep: Sequence[int]) -> None:
        """Give one version all traffic, as a new rollout does."""
        self.share({version: 1.0}, keep=keep)

    def share(self, weights: Mapping[int, float], *, keep: Sequence[int] = ()) -> None:
        """Give versions weights, as a new rollout does."""
        self.token += 1
        self.adapter.apply(MODEL, weights=weights, keep=keep, token=self.token)

    def tallies(self) -> Mapping[int, VersionStats]:
        """Request counts of the weighted versions."""
        served = self.adapter.served(MODEL)
        assert served is not None
        return served.tallies

    def status(self) -> dict[str, Any]:
        """The platform's status page."""
        value: dict[str, Any] = self.process.get(f"/platform/models/{MODEL}").json()
        return value

    def kill(self, version: int) -> None:
        """Send SIGKILL to a server, and wait until the platform knows of its end."""
        pid = self.status()["servers"][str(version)]["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.status()["servers"][str(version)]["pid"] != pid, "its server has ended")

    def background(self) -> BackgroundClient:
        """A client that sends requests to the reverse proxy until it is closed."""
        return BackgroundClient(self.process.url + INFER, request_of(flights(3)))

    def shipped(self, request_ids: dict[str, int]) -> bool:
        """Whether the store holds some requests, each row once per request."""
        rows = shipped_rows(self.store.root)
        counts = Counter(rows.drop_duplicates(["request_id", "row"])["request_id"])
        return all(counts[request_id] == 3 for request_id in request_ids)


@contextmanager
def running_platform_env(folder: Path, versions: Path) -> Iterator[PlatformEnv]:
    """A running platform without a desired state, with its files in a folder."""
    store = open_store(str(folder / "store"))
    permit_states(store, MODEL, 1, 2, 3, up_to=60)
    with running_platform(store.root, versions, folder / "scratch") as process:
        adapter = LocalPlatform(process.url, store)
        yield PlatformEnv(process, adapter, store, folder / "scratch", versions)
