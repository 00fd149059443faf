"""A pod inside the cluster that sends requests to a model without a pause."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.integration import manifests
from tests.integration.api import Api
from tests.integration.project import ENTRY, MODEL, ClusterProject

NAME = "ferry-delay-clients"
# A new connection for every request, so that each may reach another server.
PROGRAM = """
import json, os, time, urllib.request, uuid

url, body = os.environ["URL"], json.loads(os.environ["BODY"])
answered = False
while True:
    asked = json.dumps({**body, "id": uuid.uuid4().hex}).encode()
    try:
        with urllib.request.urlopen(url, asked, timeout=30) as answer:
            reply = json.load(answer)
        answered = True
        print(json.dumps({"version": reply["model_version"], "id": reply["id"]}), flush=True)
    except OSError as error:
        # Networks may take a moment until they let a new pod out.
        print(json.dumps({"failed": str(error)}) if answered else error, flush=True)
    time.sleep(0.1)
"""


@dataclass(frozen=True)
class Clients:
    """The client pod, by its log.

    Attributes:
        admin: Client of the API for its namespace.
    """

    admin: Api

    def results(self) -> list[dict[str, Any]]:
        """An entry per request, oldest first."""
        lines = self.admin.log(NAME, "base").splitlines()
        # The last line may be incomplete, and failures before the first answer are no JSON.
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def failures(self) -> list[str]:
        """Errors of failed requests."""
        return [one["failed"] for one in self.results() if "failed" in one]

    def versions(self, *, since: int = 0) -> Counter[int]:
        """Answers by version, from one request on."""
        return Counter(int(one["version"]) for one in self.results()[since:] if "version" in one)

    def after(self, count: int, *, since: int) -> Counter[int]:
        """Answers by version once `count` requests have followed."""
        self.admin.wait(
            f"{count} more requests", lambda: len(self.results()) >= since + count, seconds=120
        )
        return self.versions(since=since)


@contextmanager
def asking(project: ClusterProject) -> Iterator[Clients]:
    """A client pod that has got an answer; it is deleted afterwards."""
    cluster, admin = project.cluster, project.at("clients")
    serving = project.at("serving").namespace
    base = cluster.gateway["url"] if cluster.gateway else f"http://{ENTRY}.{serving}:8080"
    spec = manifests.restricted(cluster.image, ["python", "-c", PROGRAM])
    spec["containers"][0]["env"] = [
        {"name": "URL", "value": f"{base}/v2/models/{MODEL}/infer"},
        {"name": "BODY", "value": json.dumps(project.question())},
    ]
    labels = {"app.kubernetes.io/name": NAME}
    meta = {"name": NAME, "namespace": admin.namespace, "labels": labels}
    admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    clients = Clients(admin)
    try:
        admin.wait("a client runs", lambda: _runs(admin), seconds=cluster.patience_s)
        admin.wait("its first answer", clients.results, seconds=60)
        yield clients
    finally:
        admin.delete("Pod", NAME)


def _runs(admin: Api) -> bool:
    found = admin.find("Pod", NAME) or {}
    return (found.get("status") or {}).get("phase") == "Running"
