"""What servers count and controllers report, as a rollout on a cluster reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.observe.conditions import (
    in_words,
    is_given_up,
    is_ready,
    is_refused_pods,
    route_trouble,
)
from slipway.adapters.platforms.cluster.observe.live_state import Live
from slipway.adapters.platforms.cluster.observe.request_stats import Counting, addresses_of
from slipway.adapters.platforms.cluster.observe.server_metrics import Counts, read
from slipway.adapters.platforms.cluster.ownership.managed_fields import applied, set_by
from slipway.serving.model_server.metrics import Metrics
from slipway.stages.rollout.platform import VersionStats


def metrics(*answers: tuple[int, float], pinned: int = 0) -> Metrics:
    """A server's own metrics after some answers: status and seconds."""
    made = Metrics("m", 3)
    for status, seconds in answers:
        made.count(status, seconds, is_pinned=False)
    for _ in range(pinned):
        made.count(200, 9.0, is_pinned=True)
    return made


def test_clients_requests_are_read_from_the_servers_own_text() -> None:
    """Checks by version, clients who left and late ones are none; a refusal has no latency."""
    made = metrics(
        *[(200, 0.004)] * 99, (200, 0.04), (503, 0.0), (422, 0.0), (499, 0.0), (408, 0.0), pinned=7
    )
    found = read(made.exposition().decode())
    assert len(found.instance) == 12
    assert found.resident_mib > 10
    assert found.counts.tally() == VersionStats(asked=102, failed=1, p99_ms=5.0)


@pytest.mark.parametrize(
    ("seconds", "p99_ms"),
    [
        ([], None),
        ([0.0001], 0.5),
        ([0.1], 100.0),
        ([0.1001], 150.0),
        ([0.001] * 98 + [3.5] * 2, 5000.0),
        ([60.0], 60_000.0),
    ],
)
def test_the_p99_is_the_upper_bound_of_its_bucket(
    seconds: list[float], p99_ms: float | None
) -> None:
    """A bound itself is exact; what is beyond the largest counts as a minute."""
    made = metrics(*[(200, one) for one in seconds])
    assert read(made.exposition().decode()).counts.p99_ms == p99_ms


def test_counts_survive_their_annotation() -> None:
    """What is nothing is left out; what somebody else wrote there counts as nothing."""
    counts = Counts(5, 1, {0.1: 3, 0.5: 0, float("inf"): 1})
    assert Counts.from_json(counts.to_json()) == Counts(5, 1, {0.1: 3, float("inf"): 1})
    assert counts.since(counts).tally() == VersionStats()
    for odd in ({}, {"asked": "x"}, {"asked": 1, "failed": 0, "within": 3}):
        assert Counts.from_json(odd) == Counts()


class Server:
    """A server of `/metrics` that may be silent or start anew."""

    def __init__(self) -> None:
        self.metrics: Metrics | None = metrics()
        outer = self

        class Asked(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                now = outer.metrics
                self.send_response(200 if now else 503)
                self.end_headers()
                if now:
                    self.wfile.write(now.exposition())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def ask(self, times: int) -> None:
        """Let clients ask it."""
        assert self.metrics is not None
        for _ in range(times):
            self.metrics.count(200, 0.01, is_pinned=False)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Two servers of version 3."""
    made = [Server(), Server()]
    yield made
    for one in made:
        one.http.shutdown()
        one.http.server_close()


def counting(servers: list[Server], slept: list[float] | None = None) -> Counting:
    """Counts those servers."""
    addresses = [("127.0.0.1", one.http.server_port) for one in servers]
    return Counting(
        "m",
        "slipway",
        resolve=lambda host: addresses if host == "m-v3-pods.slipway.svc" else [],
        sleep=(slept if slept is not None else []).append,
    )


def test_what_was_before_the_shares_is_taken_off(servers: list[Server]) -> None:
    """Over all servers of a version."""
    for one in servers:
        one.ask(10)
    counts = counting(servers)
    since = counts.baseline({3: 2})
    assert counts.tally(3, since) == VersionStats()
    servers[0].ask(3)
    servers[1].ask(4)
    assert counts.tally(3, since) == VersionStats(asked=7, failed=0, p99_ms=10.0)
    assert counts.tally(4, since) == VersionStats()


def test_servers_that_cannot_be_counted_are_told(
    servers: list[Server], caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise a DNS that does not know them would look as if nobody had asked the canary."""
    counting(servers).baseline({3: 2, 4: 1})
    [said] = caplog.messages
    assert said.startswith("version 4: only 0 of 1 servers say what they were asked")
    assert "m-v4-pods.slipway.svc has 0 addresses" in said


def test_a_server_that_starts_anew_or_goes_keeps_its_counts(servers: list[Server]) -> None:
    """As long as the same process looks; another one cannot know them."""
    counts = counting(servers)
    since = counts.baseline({3: 2})
    for one in servers:
        one.ask(5)
    assert counts.tally(3, since).asked == 10
    servers[0].metrics = metrics((200, 0.01))
    assert counts.tally(3, since).asked == 11
    servers[1].metrics = None
    assert counts.tally(3, since).asked == 11
    assert counting(servers).tally(3, since).asked == 1


def test_a_baseline_waits_for_every_server(servers: list[Server]) -> None:
    """A few seconds: one that is left out would count from its start."""
    servers[1].metrics = None
    slept: list[float] = []
    since = counting(servers, slept).baseline({3: 2})
    assert len(since) == 1
    assert sum(slept) == pytest.approx(5.0)


def test_an_unknown_name_has_no_address() -> None:
    """Outside the cluster nothing is counted, and nothing fails."""
    assert addresses_of("no-such-name.slipway.svc.invalid") == []


def deployment(replicas: int = 2, **status: Any) -> dict[str, Any]:
    """A Deployment whose controller has seen its second generation."""
    return {
        "kind": "Deployment",
        "metadata": {"name": "m-v3", "generation": 2, "resourceVersion": "7"},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2, **status},
    }


def condition(kind: str, status: str, reason: str, message: str) -> dict[str, str]:
    """A condition."""
    return {"type": kind, "status": status, "reason": reason, "message": message}


def test_a_deployment_in_words() -> None:
    """How many of how many, and what its conditions complain of."""
    refused = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods=2")
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", "has timed out")
    well = condition("Progressing", "True", "ReplicaSetUpdated", "is progressing")
    found = deployment(availableReplicas=1, conditions=[refused, well])
    assert in_words(found) == ("1 of 2 servers are ready; FailedCreate: exceeded quota: pods=2")
    assert is_refused_pods(found)
    assert not is_given_up(found)
    assert is_given_up(deployment(conditions=[late]))
    assert is_given_up(None)
    assert not is_refused_pods(None)
    assert in_words(None) == "there is no such Deployment"
    old = deployment(availableReplicas=2, updatedReplicas=1)
    assert in_words(old) == ("2 of 2 servers are ready; 1 of 2 were started as it is described now")


def test_ready_means_the_present_state() -> None:
    """What is available of an older state does not count."""
    whole = {"availableReplicas": 2, "updatedReplicas": 2}
    assert is_ready(deployment(**whole), 2)
    assert not is_ready(deployment(**{**whole, "updatedReplicas": 1}), 2)
    assert not is_ready({**deployment(**whole), "status": {**whole, "observedGeneration": 1}}, 2)
    assert not is_ready(None, 0)


def route(*conditions: dict[str, Any], gateway: str = "gate") -> dict[str, Any]:
    """A route with what a gateway said of it."""
    said = [{"parentRef": {"name": gateway}, "conditions": list(conditions)}]
    return {"metadata": {"generation": 4}, "status": {"parents": said}}


def test_a_route_is_in_force_once_its_gateway_says_so() -> None:
    """Both conditions, of the present state, by its own gateway."""

    def said(kind: str, status: str = "True", seen: int = 4) -> dict[str, Any]:
        return {**condition(kind, status, "Why", "because"), "observedGeneration": seen}

    gate = {"name": "gate"}
    accepted, resolved = said("Accepted"), said("ResolvedRefs")
    assert route_trouble(route(accepted, resolved), gate) is None
    assert route_trouble(None, gate) == "there is no such route"
    for found, words in (
        (route(accepted, resolved, gateway="other"), "no controller has said anything"),
        (route(accepted), "has not said ResolvedRefs of its present state"),
        (route(said("Accepted", seen=3), resolved), "has not said Accepted of its present state"),
        (route(said("Accepted", "False"), resolved), "Accepted: Why: because"),
    ):
        assert words in str(route_trouble(found, gate))


def test_what_we_applied_is_told_from_the_rest() -> None:
    """Fields, items of a list by their keys and of a set; defaults and others' fields are not."""
    fields = {
        "f:metadata": {"f:labels": {"f:a": {}}},
        "f:spec": {
            "f:selector": {},
            "f:template": {
                "f:containers": {'k:{"name":"server"}': {".": {}, "f:name": {}, "f:image": {}}},
                "f:volumes": {'k:{"name":"tmp"}': {".": {}, "f:name": {}, "f:emptyDir": {}}},
                "f:finalizers": {'v:"ours"': {}},
            },
        },
    }
    ours = {"manager": "slipway", "operation": "Apply", "fieldsV1": fields}
    other = {
        "manager": "kubectl-scale",
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }
    server = {"name": "server", "image": "s:1", "terminationMessagePath": "/dev/termination-log"}
    found = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "m-v3",
            "namespace": "slipway",
            "uid": "u",
            "labels": {"a": "1", "b": "2"},
            "managedFields": [ours, other],
        },
        "spec": {
            "replicas": 5,
            "selector": {"matchLabels": {"a": "1"}},
            "template": {
                "containers": [{"name": "by-hand"}, server],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
                "finalizers": ["theirs", "ours"],
            },
        },
    }
    assert applied(found) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "m-v3", "namespace": "slipway", "labels": {"a": "1"}},
        "spec": {
            "selector": {"matchLabels": {"a": "1"}},
            "template": {
                "containers": [{"name": "server", "image": "s:1"}],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
                "finalizers": ["ours"],
            },
        },
    }
    assert set_by(found, ("f:spec", "f:replicas")) == "kubectl-scale"
    assert set_by(found, ("f:spec", "f:paused")) == "somebody"
    assert applied({"metadata": {"managedFields": [other]}}) is None


def test_what_we_applied_keeps_its_order() -> None:
    """The API sorts the words of `fieldsV1`; another order of mounts would start servers anew."""
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("model", "scratch", "a")]
    paths = ("/a", "/model", "/scratch")
    words = {f'k:{{"mountPath":"{path}"}}': {".": {}, "f:name": {}} for path in paths}
    ours = {"manager": "slipway", "operation": "Apply", "fieldsV1": {"f:volumeMounts": words}}
    metadata = {"name": "m-v3", "namespace": "slipway", "managedFields": [ours]}
    found = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "volumeMounts": mounts}
    assert (applied(found) or {})["volumeMounts"] == mounts


def test_shares_by_numbers_of_servers_are_those_that_can_answer() -> None:
    """Where none can, they are what was asked for; a lost version has none of the requests."""
    entry = {
        "kind": "Service",
        "metadata": {"annotations": Traffic(1, {3: 0.5, 2: 0.5}).annotations()},
        "spec": {
            "selector": {
                "app.kubernetes.io/name": "slipway-server",
                "slipway/model": "m",
                "slipway/lane": "entry",
            }
        },
    }

    def live(**ready: int) -> Live:
        deployments = {int(name[1:]): deployment(availableReplicas=n) for name, n in ready.items()}
        return Live("m", by_route=False, entry=entry, deployments=deployments)

    assert live(v2=2, v3=1).weights == pytest.approx({2: 2 / 3, 3: 1 / 3})
    assert live(v2=2, v3=0).weights == {2: 1.0, 3: 0.0}
    assert live(v2=0, v3=0).weights == {2: 0.5, 3: 0.5}
    assert live(v2=2, v3=0).healthy == {2: True, 3: False}
