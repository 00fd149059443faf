"""Run a platform process with two versions of one model on its disk, without a registry."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from serving_peers.model import Subject

from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.local.addresses import LOOPBACK, free_ports, wait_until_answers
from slipway.local.processes import Processes
from slipway.records.idempotent_stage import perform
from slipway.records.leases import acquire, release, rollout_lease
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store, digest
from slipway.records.verdicts import Verdict
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.rollout.plan import rollout_run

VERSIONS = (1, 2)
START_SECONDS = 120
START_PLATFORM = Path(__file__).with_name("start_platform.py")


@dataclass
class RunningPlatform:
    """A running platform, and changes of its traffic.

    Attributes:
        url: URL of its reverse proxy.
        pid: Process id.
        model: Name of the model.
        adapter: Platform adapter, as stages use it.
        store: Its store, with the leases and decisions of the changes.
        token: Fencing token of the last change.
    """

    url: str
    pid: int
    model: str
    adapter: LocalPlatform
    store: Store
    token: int = 0

    @property
    def infer(self) -> str:
        """URL of infer requests."""
        return f"{self.url}/v2/models/{self.model}/infer"

    def share(self, weights: Mapping[int, float], *, keep: Sequence[int]) -> None:
        """Change the traffic, as a rollout does; return once the change is in force."""
        lease = acquire(self.store, rollout_lease(self.model), holder="benchmark", seconds=600)
        self.token = lease.number
        first, second = VERSIONS
        verdict = Verdict("repair", "Both may serve.", {"version": first, "champion": second})
        ref = RunRef(self.model, rollout_run(lease.number), "reconcile")
        perform(RunContext(self.store, {}), ref, lambda _: verdict, inputs={})
        self.adapter.apply(self.model, weights=weights, keep=keep, token=lease.number)
        release(self.store, lease)

    def servers(self) -> dict[int, dict[str, Any]]:
        """Return the status of its servers, by version."""
        reply = httpx.get(f"{self.url}/platform/models/{self.model}", trust_env=False)
        return {int(version): about for version, about in reply.json()["servers"].items()}


@contextmanager
def a_platform(
    subject: Subject, scratch: Path, *, client: str | None = None
) -> Iterator[RunningPlatform]:
    """Start `slipway platform` with two versions, which are the same model; stop it at the end.

    Args:
        subject: The model.
        scratch: An empty folder.
        client: HTTP client of its reverse proxy instead of its own; see `start_platform.py`.
    """
    sha256 = digest((subject.folder / MANIFEST).read_bytes())
    for version in VERSIONS:
        target = scratch / "local" / "models" / subject.model / f"{version}-{sha256}"
        shutil.copytree(subject.folder, target)
    port, unused_port = free_ports(2)
    url = f"http://{LOOPBACK}:{port}"
    store = open_store(str(scratch / "store"))
    env = {
        **os.environ,
        "SLIPWAY_STORE": store.root,
        "SLIPWAY_SCRATCH": str(scratch / "local"),
        "SLIPWAY_MLFLOW": f"http://{LOOPBACK}:{unused_port}",
    }
    processes = Processes(scratch / "platform")
    try:
        slipway = Path(sys.executable).with_name("slipway")
        command = [str(slipway), "platform", "--port", str(port)]
        if client is not None:
            command = [sys.executable, str(START_PLATFORM), client, str(port)]
        started = processes.start("platform", command, env=env)
        live = f"{url}/v2/health/live"
        wait_until_answers(live, seconds=START_SECONDS, check=processes.check)
        yield RunningPlatform(url, started.pid, subject.model, LocalPlatform(url, store), store)
    finally:
        processes.stop()
