"""The double of a cluster behaves as Kubernetes does where this project leans on it."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster import Cluster, Pace
from tests.cluster.probes import Timing
from tests.cluster.processes import marked

IMAGE = "things:1"
APP = {"app": "thing"}
SERVER = """
import http.server, os, signal, sys, threading
class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.path != "/bad"
        self.send_response(200 if good else 500)
        self.end_headers()
        self.wfile.write(os.environ["WHO"].encode())
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], 8080), Asked)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster with a Gateway, quicker than its manifests say."""
    pace = Pace(probes=Timing(pace=0.05, least_seconds=0.05), crash_seconds=0.1)
    with Cluster(folder=tmp_path / "cluster", images={IMAGE}, gateway=True, pace=pace) as made:
        yield made


def container(*command: str, name: str = "base", **more: Any) -> dict[str, Any]:
    """A container that restricted Pod Security lets in."""
    return {
        "name": name,
        "image": IMAGE,
        "command": list(command),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        **more,
    }


def pod_spec(*containers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A pod's spec that restricted Pod Security lets in."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": list(containers),
        **more,
    }


def pod(name: str, *containers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A pod that runs once."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(APP)},
        "spec": pod_spec(*containers, **{"restartPolicy": "Never", **more}),
    }


def server(who: str, **more: Any) -> dict[str, Any]:
    """A container that answers every request with who it is."""
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}
    return container(
        *("python", "-c", SERVER, "0.0.0.0"),  # noqa: S104 - the pod's own address
        **{
            "name": "server",
            "env": [{"name": "WHO", "value": who}],
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": probe,
            **more,
        },
    )


def deployment(name: str, *, replicas: int = 1, who: str = "", **more: Any) -> dict[str, Any]:
    """So many servers that are called `name`."""
    labels = {**APP, "name": name}
    spec = pod_spec(server(who or name), terminationGracePeriodSeconds=5)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            **more,
        },
    }


def service(name: str, **more: Any) -> dict[str, Any]:
    """A Service before the pods of the Deployment called so."""
    ports = [{"name": "http", "port": 8080, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {**APP, "name": name}, "ports": ports, **more},
    }


def ended(cluster: Cluster, name: str) -> dict[str, Any]:
    """A pod's status once it has succeeded or failed."""

    def status() -> dict[str, Any] | None:
        found: dict[str, Any] = cluster.get("Pod", name)["status"]
        return found if found.get("phase") in ("Succeeded", "Failed") else None

    found: dict[str, Any] = cluster.wait(f"{name} ends", status)
    return found


def waits_for(cluster: Cluster, name: str, reason: str) -> dict[str, Any]:
    """How a pod's first container waits, once it does so for a reason."""

    def waiting() -> dict[str, Any] | None:
        statuses = cluster.get("Pod", name).get("status", {}).get("containerStatuses") or [{}]
        found: dict[str, Any] = statuses[0].get("state", {}).get("waiting", {})
        return found if found.get("reason") == reason else None

    found: dict[str, Any] = cluster.wait(f"{name} waits: {reason}", waiting)
    return found


def running(cluster: Cluster, name: str) -> None:
    """Wait until a pod runs."""
    cluster.wait(
        f"{name} runs",
        lambda: cluster.get("Pod", name).get("status", {}).get("phase") == "Running",
    )


def available(cluster: Cluster, name: str, replicas: int) -> None:
    """Wait until a Deployment's newest template has so many available pods, and no other."""

    def done() -> bool:
        found = cluster.get("Deployment", name)
        status = found.get("status", {})
        counts = {status.get(f"{kind}eplicas") for kind in ("r", "updatedR", "availableR")}
        return counts == {replicas} and (
            status["observedGeneration"] == found["metadata"]["generation"]
        )

    cluster.wait(f"{name} has {replicas} available", done)


def condition(cluster: Cluster, kind: str, name: str, sort: str) -> dict[str, Any]:
    """A condition of an object; empty: it has none of that sort."""
    conditions = cluster.get(kind, name).get("status", {}).get("conditions") or ()
    return next((dict(each) for each in conditions if each["type"] == sort), {})


def test_a_pod_that_ends_well_has_succeeded_and_its_log_can_be_read(cluster: Cluster) -> None:
    """Phase, exit code, events and the log with times are those of a kubelet."""
    cluster.apply(pod("good", container("python", "-c", "print('done')")))
    [status] = ended(cluster, "good")["containerStatuses"]
    assert status["state"]["terminated"]["reason"] == "Completed"
    assert status["imageID"].startswith("things@sha256:")
    reasons = [reason for reason, _ in cluster.events("good")]
    assert reasons == ["Scheduled", "Pulled", "Created", "Started"]
    token = cluster.connection("admin").split('\\"token\\": \\"')[1].split("\\")[0]
    answer = httpx.get(
        f"{cluster.url}/api/v1/namespaces/slipway/pods/good/log?timestamps=true",
        headers={"authorization": f"Bearer {token}"},
    )
    moment, _, text = answer.text.partition(" ")
    assert (text, moment[-1], len(moment)) == ("done\n", "Z", 30)


def test_a_pod_that_exits_with_an_error_has_failed(cluster: Cluster) -> None:
    """Its exit code stands in its status, and its last words if it asks for that."""
    words = container(
        "sh", "-c", "echo sorry; exit 3", terminationMessagePolicy="FallbackToLogsOnError"
    )
    cluster.apply(pod("bad", words))
    status = ended(cluster, "bad")
    terminated = status["containerStatuses"][0]["state"]["terminated"]
    assert status["phase"] == "Failed"
    assert (terminated["exitCode"], terminated["reason"]) == (3, "Error")
    assert terminated["message"] == "sorry"


def test_paths_addresses_and_variables_are_the_pods_own(cluster: Cluster) -> None:
    """Mounts, `0.0.0.0`, `$(NAME)` and references become what a container would see."""
    cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"K": "v"}}
    )
    script = "import os, sys; print(sys.argv[1:], os.environ['K'], os.environ['NAME'])"
    script += "; open('/data/x', 'w').write('1'); print(open('/config/K').read())"
    cluster.apply(
        pod(
            "paths",
            container(
                *("python", "-c", script, "/data/$(NAME)", "/database", "0.0.0.0"),  # noqa: S104
                env=[{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                envFrom=[
                    {"configMapRef": {"name": "c"}},
                    {"secretRef": {"name": "none", "optional": True}},
                ],
                volumeMounts=[
                    {"name": "data", "mountPath": "/data"},
                    {"name": "config", "mountPath": "/config"},
                ],
            ),
            volumes=[
                {"name": "data", "emptyDir": {}},
                {"name": "config", "configMap": {"name": "c"}},
            ],
        )
    )
    status = ended(cluster, "paths")
    log = cluster.log("paths", "base")
    assert status["phase"] == "Succeeded", log
    assert "volumes/data/paths', '/database', '127." in log
    assert log.splitlines()[0].endswith(" v paths")
    assert log.splitlines()[1] == "v"


def test_a_container_killed_for_memory_says_so(cluster: Cluster) -> None:
    """137 and OOMKilled; the pod that runs once has failed."""
    cluster.apply(pod("greedy", container("sleep", "60")))
    running(cluster, "greedy")
    cluster.oom("greedy")
    status = ended(cluster, "greedy")
    terminated = status["containerStatuses"][0]["state"]["terminated"]
    assert (status["phase"], terminated["exitCode"]) == ("Failed", 137)
    assert terminated["reason"] == "OOMKilled"


def test_an_evicted_pod_says_so(cluster: Cluster) -> None:
    """The reason stands in the status and in an event; the pod stays to be read."""
    cluster.apply(pod("poor", container("sleep", "60")))
    running(cluster, "poor")
    cluster.evict("poor")
    status = ended(cluster, "poor")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert "low on resource: memory" in status["message"]
    assert "Evicted" in dict(cluster.events("poor"))


def test_an_image_that_is_not_there_is_pulled_again_and_again(cluster: Cluster) -> None:
    """ErrImagePull turns into ImagePullBackOff; the pod stays pending."""
    cluster.missing_image(IMAGE)
    cluster.apply(pod("blind", container("true")))
    assert "not found" in waits_for(cluster, "blind", "ErrImagePull")["message"]
    waits_for(cluster, "blind", "ImagePullBackOff")
    assert cluster.get("Pod", "blind")["status"]["phase"] == "Pending"
    assert ("Failed", "Error: ErrImagePull") in cluster.events("blind")
    cluster.images.add(IMAGE)
    assert ended(cluster, "blind")["phase"] == "Succeeded"


def test_a_pod_that_no_node_takes_stays_pending(cluster: Cluster) -> None:
    """PodScheduled is false with the scheduler's words, and an event says the same."""
    cluster.apply(pod("homeless", container("true"), nodeSelector={"gpu": "yes"}))
    asked = cluster.wait(
        "the scheduler's word", lambda: condition(cluster, "Pod", "homeless", "PodScheduled")
    )
    assert (asked["status"], asked["reason"]) == ("False", "Unschedulable")
    assert "2 node(s) didn't match Pod's node affinity/selector" in asked["message"]
    said = ("FailedScheduling", asked["message"])
    cluster.wait("the event", lambda: said in cluster.events("homeless"))


def test_a_pod_waits_until_there_is_room(cluster: Cluster) -> None:
    """A barred pod runs as soon as it is barred no more."""
    cluster.unschedulable(APP)
    cluster.apply(pod("late", container("true")))
    cluster.wait("a refusal", lambda: cluster.events("late"))
    cluster.schedulable()
    assert ended(cluster, "late")["phase"] == "Succeeded"


def test_init_containers_and_sidecars_keep_their_order(cluster: Cluster) -> None:
    """Init first, then the sidecar, then the container; the sidecar ends last and counts not."""
    note = "import sys; open('/notes/order', 'a').write(sys.argv[1] + ' ')"
    wait = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); "
        f"{note}; signal.pause()"
    )
    mounts = [{"name": "notes", "mountPath": "/notes"}]
    cluster.apply(
        pod(
            "ordered",
            container("python", "-c", note, "main", volumeMounts=mounts),
            initContainers=[
                container("python", "-c", note, "init", name="init", volumeMounts=mounts),
                container(
                    *("python", "-c", wait, "sidecar"),
                    name="sidecar",
                    restartPolicy="Always",
                    volumeMounts=mounts,
                    startupProbe={
                        "exec": {"command": ["grep", "-q", "sidecar", "/notes/order"]},
                        "periodSeconds": 1,
                        "failureThreshold": 30,
                    },
                ),
            ],
            volumes=[{"name": "notes", "emptyDir": {}}],
        )
    )
    status = ended(cluster, "ordered")
    assert status["phase"] == "Succeeded"
    codes = [each["state"]["terminated"]["exitCode"] for each in status["initContainerStatuses"]]
    assert codes == [0, 9]
    [notes] = cluster.folder.glob("pods/*/volumes/notes/order")
    assert notes.read_text() == "init sidecar main "


def test_a_container_that_ends_again_and_again_is_backed_off(cluster: Cluster) -> None:
    """CrashLoopBackOff with the last state, a count of restarts and an event."""
    cluster.apply(pod("loop", container("false"), restartPolicy="Always"))
    waits_for(cluster, "loop", "CrashLoopBackOff")
    [status] = cluster.get("Pod", "loop")["status"]["containerStatuses"]
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert status["restartCount"] >= 1
    assert "BackOff" in dict(cluster.events("loop"))


def test_a_pod_past_its_deadline_is_ended(cluster: Cluster) -> None:
    """Failed, DeadlineExceeded; it was asked to end first."""
    listens = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); "
    cluster.apply(
        pod("slow", container("python", "-c", f"{listens}signal.pause()"), activeDeadlineSeconds=1)
    )
    status = ended(cluster, "slow")
    assert status["reason"] == "DeadlineExceeded"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7


def test_a_deleted_pod_is_asked_to_end_and_gone_when_it_did(cluster: Cluster) -> None:
    """It stays, marked, while its process takes its time."""
    cluster.apply(pod("leaving", server("x")))
    cluster.wait(
        "it is ready",
        lambda: condition(cluster, "Pod", "leaving", "Ready").get("status") == "True",
    )
    cluster.delete("Pod", "leaving")
    cluster.wait("it is gone", lambda: cluster.find("Pod", "leaving") is None)
    assert ("Killing", "Stopping container server") in cluster.events("leaving")
    assert not cluster.processes()


def test_a_container_that_does_not_listen_for_sigterm_is_killed(cluster: Cluster) -> None:
    """The first process of a container has no default way to end: 137, not 143."""
    cluster.apply(pod("deaf", container("sleep", "60"), activeDeadlineSeconds=1))
    status = ended(cluster, "deaf")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_a_container_that_is_not_alive_is_started_again(cluster: Cluster) -> None:
    """A failing liveness probe ends it; its next run is counted."""
    broken = server(
        "x",
        livenessProbe={
            "httpGet": {"path": "/bad", "port": "http"},
            "periodSeconds": 1,
            "failureThreshold": 2,
        },
    )
    cluster.apply(pod("sick", broken, restartPolicy="Always"))

    def restarts() -> int:
        statuses = cluster.get("Pod", "sick")["status"].get("containerStatuses") or [{}]
        return int(statuses[0].get("restartCount", 0))

    cluster.wait("another run", restarts)
    assert (
        "Killing",
        "Container server failed liveness probe, will be restarted",
    ) in cluster.events("sick")


def test_a_budget_says_how_many_pods_may_be_moved(cluster: Cluster) -> None:
    """Of two healthy pods one, if one has to stay."""
    cluster.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "thing"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": APP}},
        }
    )
    cluster.apply(deployment("thing", replicas=2))
    available(cluster, "thing", 2)
    cluster.wait(
        "the budget's word",
        lambda: (
            cluster.get("PodDisruptionBudget", "thing").get("status", {}).get("disruptionsAllowed")
            == 1
        ),
    )


def test_a_deployment_answers_at_its_services_address_and_name(cluster: Cluster) -> None:
    """Requests reach every ready pod, by address and by each form of the name."""
    cluster.apply(service("thing"))
    cluster.apply(service("thing-pods", clusterIP="None", selector=APP))
    with cluster.names(), pytest.raises(socket.gaierror):
        socket.getaddrinfo("thing-pods", 8080)
    cluster.apply(deployment("thing", replicas=2))
    available(cluster, "thing", 2)
    conditions = {
        each["type"]: each["reason"]
        for each in cluster.get("Deployment", "thing")["status"]["conditions"]
    }
    assert conditions == {
        "Available": "MinimumReplicasAvailable",
        "Progressing": "NewReplicaSetAvailable",
    }
    with cluster.names():
        cluster.wait("both pods have a name", lambda: len(_addresses("thing-pods")) == 2)
        address = cluster.get("Service", "thing")["spec"]["clusterIP"]
        cluster.wait("it answers", lambda: not _refuses(address))
        for name in ("thing", "thing.slipway", "thing.slipway.svc.cluster.local"):
            assert httpx.get(f"http://{name}:8080/").text == "thing"
    cluster.delete("Deployment", "thing")
    cluster.wait("its pods go with it", lambda: not cluster.pods())
    cluster.wait("nobody answers", lambda: _refuses(address))


def _addresses(name: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, 8080)}
    except socket.gaierror:
        return set()


def _refuses(address: str) -> bool:
    try:
        httpx.get(f"http://{address}:8080/")
    except httpx.ConnectError:
        return True
    return False


def test_names_are_found_inside_pods(cluster: Cluster) -> None:
    """A pod's Python asks a Service by its name."""
    cluster.apply(service("thing"))
    cluster.apply(deployment("thing"))
    available(cluster, "thing", 1)
    address = cluster.get("Service", "thing")["spec"]["clusterIP"]
    cluster.wait("it answers", lambda: not _refuses(address))
    ask = "from urllib.request import urlopen; print(urlopen('http://thing:8080/').read())"
    cluster.apply(pod("asking", container("python", "-c", ask)))
    assert ended(cluster, "asking")["phase"] == "Succeeded", cluster.log("asking", "base")
    assert cluster.log("asking", "base") == "b'thing'"


def test_a_rolling_update_loses_no_request(cluster: Cluster) -> None:
    """Old pods go when new ones are ready; preStop covers the time until nobody asks them."""
    cluster.apply(service("thing"))
    made = deployment("thing", replicas=2, who="old")
    made["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = {
        "preStop": {"sleep": {"seconds": 1}}
    }
    cluster.apply(made)
    available(cluster, "thing", 2)
    address = cluster.get("Service", "thing")["spec"]["clusterIP"]
    cluster.wait("it answers", lambda: not _refuses(address))
    made["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "new"
    cluster.apply(made)
    answers: Counter[str] = Counter()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and answers["new"] < 60:
        answer = httpx.get(f"http://{address}:8080/")
        answers[answer.text if answer.is_success else "failed"] += 1
    assert set(answers) == {"old", "new"}
    available(cluster, "thing", 2)
    assert len(cluster.list("ReplicaSet")) == 2


def test_a_deployment_says_that_it_makes_no_progress(cluster: Cluster) -> None:
    """After its deadline, and not before; the old pods stay."""
    broken = deployment("thing", progressDeadlineSeconds=1)
    broken["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] = (
        "/bad"
    )
    cluster.apply(broken)
    cluster.wait(
        "the deadline",
        lambda: (
            condition(cluster, "Deployment", "thing", "Progressing").get("reason")
            == "ProgressDeadlineExceeded"
        ),
    )
    assert condition(cluster, "Deployment", "thing", "Available")["status"] == "False"
    [found] = cluster.pods()
    assert "statuscode: 500" in dict(cluster.events(found["metadata"]["name"]))["Unhealthy"]


def test_a_deployment_says_that_admission_refuses_its_pods(cluster: Cluster) -> None:
    """ReplicaFailure carries the quota's words, and goes when there is room."""
    cluster.quota(pods=0)
    cluster.apply(deployment("thing"))
    refused = cluster.wait(
        "a refusal", lambda: condition(cluster, "Deployment", "thing", "ReplicaFailure")
    )
    assert "exceeded quota" in refused["message"]
    cluster.quota(pods=None)
    available(cluster, "thing", 1)
    assert condition(cluster, "Deployment", "thing", "ReplicaFailure") == {}


def test_pods_of_a_lost_node_start_elsewhere(cluster: Cluster) -> None:
    """Their processes die at once; the Deployment is whole again on the node that is left."""
    cluster.apply(deployment("thing", replicas=2))
    available(cluster, "thing", 2)
    assert {found["spec"]["nodeName"] for found in cluster.pods()} == {"node-a", "node-b"}
    before = {found["metadata"]["name"] for found in cluster.pods()}
    cluster.lose_node("node-a")
    cluster.wait(
        "another pod", lambda: {found["metadata"]["name"] for found in cluster.pods()} != before
    )
    cluster.wait(
        "two on the node that is left",
        lambda: [found["spec"].get("nodeName") for found in cluster.pods()] == ["node-b"] * 2,
    )
    available(cluster, "thing", 2)
    assert len(cluster.processes()) == 2


def route(**weights: int) -> dict[str, Any]:
    """An HTTPRoute for the Gateway that gives Services these weights."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "things"},
        "spec": {
            "parentRefs": [{"name": "gateway", "namespace": "infra"}],
            "hostnames": ["things.example.org"],
            "rules": [
                {
                    "backendRefs": [
                        {"name": name, "port": 8080, "weight": weight}
                        for name, weight in weights.items()
                    ]
                }
            ],
        },
    }


def accepted(cluster: Cluster) -> dict[str, str]:
    """Reasons of a route's conditions once the Gateway has seen its newest version."""

    def seen() -> dict[str, str] | None:
        found = cluster.get("HTTPRoute", "things")
        for parent in found.get("status", {}).get("parents") or ():
            newest = found["metadata"]["generation"]
            if all(each["observedGeneration"] == newest for each in parent["conditions"]):
                return {each["type"]: each["reason"] for each in parent["conditions"]}
        return None

    found: dict[str, str] = cluster.wait("the Gateway's word", seen)
    return found


def test_a_route_shares_requests_by_weight(cluster: Cluster) -> None:
    """Three to one; 503 where a backend has no pod, 500 where there is no such Service."""
    for name in ("one", "two", "empty"):
        cluster.apply(service(name))
    cluster.apply(deployment("one"))
    cluster.apply(deployment("two"))
    available(cluster, "one", 1)
    available(cluster, "two", 1)
    cluster.apply(route(one=3, two=1))
    assert accepted(cluster) == {"Accepted": "Accepted", "ResolvedRefs": "ResolvedRefs"}
    cluster.wait("both answer", lambda: {_ask(cluster).text for _ in range(9)} == {"one", "two"})
    with httpx.Client(headers={"host": "things.example.org"}) as client:
        answers = Counter(client.get(cluster.gateway_url).text for _ in range(200))
    assert set(answers) == {"one", "two"}
    assert 25 <= answers["two"] <= 80
    cluster.apply(route(empty=1))
    accepted(cluster)
    assert _ask(cluster).status_code == 503
    cluster.apply(route(nowhere=1))
    assert accepted(cluster)["ResolvedRefs"] == "BackendNotFound"
    assert _ask(cluster).status_code == 500
    assert httpx.get(cluster.gateway_url).status_code == 404


def _ask(cluster: Cluster) -> httpx.Response:
    return httpx.get(cluster.gateway_url, headers={"host": "things.example.org"})


def test_nothing_of_a_cluster_is_left(tmp_path: Path) -> None:
    """Not even a child that left its container's session and ignores SIGTERM."""
    stubborn = "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 61\" & wait; sleep 62"
    with Cluster(folder=tmp_path / "cluster", images={IMAGE}) as cluster:
        cluster.apply(pod("stubborn", container("sh", "-c", stubborn)))
        running(cluster, "stubborn")
        cluster.wait("its child", lambda: len(_of(cluster)) >= 2)
    assert _of(cluster) == []


def _of(cluster: Cluster) -> list[int]:
    return [pid for pid, mark in marked() if mark.startswith(f"{cluster.folder}:")]
