"""Clients inside the cluster: one pod that asks a model again and again, and tells what came."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.integration import manifests
from tests.integration.project import ENTRY, MODEL, ClusterProject
from tests.integration.suite_cluster import SuiteCluster

NAME = "ferry-delay-clients"
# Each request has a connection of its own, so that every one may meet another server.
PROGRAM = """
import json, os, time, urllib.request, uuid

url, body = os.environ["URL"], json.loads(os.environ["BODY"])
answered = False
while True:
    asked = json.dumps({**body, "id": uuid.uuid4().hex}).encode()
    try:
        with urllib.request.urlopen(url, asked, timeout=30) as answer:
            said = json.load(answer)
        answered = True
        print(json.dumps({"version": said["model_version"], "id": said["id"]}), flush=True)
    except OSError as error:
        # Networks may take a moment until they let a new pod out.
        print(json.dumps({"failed": str(error)}) if answered else error, flush=True)
    time.sleep(0.1)
"""


@dataclass(frozen=True)
class Clients:
    """The pod, by what it has told so far.

    Attributes:
        cluster: Where it runs.
    """

    cluster: SuiteCluster

    def told(self) -> list[dict[str, Any]]:
        """An entry per request, oldest first."""
        lines = self.cluster.admin.log(NAME, "base").splitlines()
        # The last one may be half written; and what was tried before the first answer is no JSON.
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def failures(self) -> list[str]:
        """What went wrong, request by request."""
        return [one["failed"] for one in self.told() if "failed" in one]

    def versions(self, *, since: int = 0) -> Counter[int]:
        """How many answers each version gave, from some request on."""
        return Counter(int(one["version"]) for one in self.told()[since:] if "version" in one)

    def after(self, count: int, *, since: int) -> Counter[int]:
        """Answers by version, once so many requests were asked from some request on."""
        self.cluster.admin.wait(
            f"{count} more requests", lambda: len(self.told()) >= since + count, seconds=120
        )
        return self.versions(since=since)


@contextmanager
def asking(project: ClusterProject) -> Iterator[Clients]:
    """A client in the cluster that has been answered once; it is gone afterwards."""
    cluster = project.cluster
    base = cluster.gateway["url"] if cluster.gateway else f"http://{ENTRY}:8080"
    spec = manifests.restricted(cluster.image, ["python", "-c", PROGRAM])
    spec["containers"][0]["env"] = [
        {"name": "URL", "value": f"{base}/v2/models/{MODEL}/infer"},
        {"name": "BODY", "value": json.dumps(project.question())},
    ]
    labels = {"app.kubernetes.io/name": NAME, "slipway/client": "true"}
    meta = {"name": NAME, "namespace": cluster.namespace, "labels": labels}
    cluster.admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    clients = Clients(cluster)
    try:
        cluster.admin.wait("a client runs", lambda: _runs(cluster), seconds=cluster.patience_s)
        cluster.admin.wait("its first answer", clients.told, seconds=60)
        yield clients
    finally:
        cluster.admin.delete("Pod", NAME)


def _runs(cluster: SuiteCluster) -> bool:
    found = cluster.admin.find("Pod", NAME) or {}
    return (found.get("status") or {}).get("phase") == "Running"
