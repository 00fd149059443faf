"""Pods run, fail and end like Kubernetes' own."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from tests.kubernetes_double import Cluster
from tests.kubernetes_double.kubelet.processes import marked
from tests.kubernetes_double.own_tests.manifests import (
    APP,
    IMAGE,
    condition,
    container,
    ended,
    pod,
    running,
    server,
    waits_for,
)
from tests.kubernetes_double.own_tests.requests import NAMESPACE


def test_a_pod_that_ends_well_has_succeeded_and_its_log_can_be_read(cluster: Cluster) -> None:
    """Phase, exit code, events and the log with times are a kubelet's."""
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
    """Its exit code is in its status, and so are its last lines if requested."""
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
    """Mounts, `0.0.0.0`, `$(NAME)` and references are resolved as in a container."""
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
                env=[{"name": "NAME", "value": "paths"}],
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


def test_a_claim_outlives_the_pods_that_share_it(cluster: Cluster) -> None:
    """A folder for each pod by its name, a mount inside another one, and the whole beside it."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "kept"},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    script = "import os, pathlib; pathlib.Path(os.environ['D'], 'log', 'x').write_text('1')"
    script += "; print(sorted(one.name for one in pathlib.Path('/all').iterdir()))"
    name = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    one = container(
        *("python", "-c", script),
        env=[{"name": "POD_NAME", **name}, {"name": "D", "value": "/data"}],
        volumeMounts=[
            {"name": "kept", "mountPath": "/data/log", "subPathExpr": "$(POD_NAME)"},
            {"name": "data", "mountPath": "/data"},
            {"name": "kept", "mountPath": "/all"},
        ],
    )
    volumes = [
        {"name": "data", "emptyDir": {}},
        {"name": "kept", "persistentVolumeClaim": {"claimName": "kept"}},
    ]
    cluster.apply(pod("first", one, volumes=volumes))
    cluster.wait(
        "a mount that waits for its claim",
        lambda: any("persistentvolumeclaim" in text for _, text in cluster.events("first")),
    )
    cluster.apply(claim)
    assert ended(cluster, "first")["phase"] == "Succeeded"
    cluster.delete("Pod", "first")
    cluster.apply(pod("second", one, volumes=volumes))
    assert ended(cluster, "second")["phase"] == "Succeeded"
    assert cluster.log("second", "base").strip() == "['first', 'second']"
    kept = sorted(cluster.folder.glob("claims/*/kept/*/x"))
    assert [path.parent.name for path in kept] == ["first", "second"]


def test_a_container_killed_for_memory_is_oom_killed(cluster: Cluster) -> None:
    """137 and OOMKilled; a pod that runs once has failed."""
    cluster.apply(pod("greedy", container("sleep", "60")))
    running(cluster, "greedy")
    cluster.oom("greedy")
    status = ended(cluster, "greedy")
    terminated = status["containerStatuses"][0]["state"]["terminated"]
    assert (status["phase"], terminated["exitCode"]) == ("Failed", 137)
    assert terminated["reason"] == "OOMKilled"


def test_an_evicted_pod_has_failed(cluster: Cluster) -> None:
    """The reason is in the status and in an event; the pod stays."""
    cluster.apply(pod("poor", container("sleep", "60")))
    running(cluster, "poor")
    cluster.evict("poor")
    status = ended(cluster, "poor")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert "low on resource: memory" in status["message"]
    assert "Evicted" in dict(cluster.events("poor"))


def test_an_image_that_is_not_there_is_pulled_again_and_again(cluster: Cluster) -> None:
    """ErrImagePull, then ImagePullBackOff; the pod stays pending."""
    cluster.missing_image(IMAGE)
    cluster.apply(pod("blind", container("true")))
    assert "not found" in waits_for(cluster, "blind", "ErrImagePull")["message"]
    waits_for(cluster, "blind", "ImagePullBackOff")
    assert cluster.get("Pod", "blind")["status"]["phase"] == "Pending"
    assert ("Failed", "Error: ErrImagePull") in cluster.events("blind")
    cluster.images.add(IMAGE)
    assert ended(cluster, "blind")["phase"] == "Succeeded"


def test_a_pod_that_no_node_takes_stays_pending(cluster: Cluster) -> None:
    """PodScheduled is false with the scheduler's message, and an event has it too."""
    cluster.apply(pod("homeless", container("true"), nodeSelector={"gpu": "yes"}))
    scheduled = cluster.wait(
        "the condition PodScheduled", lambda: condition(cluster, "Pod", "homeless", "PodScheduled")
    )
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")
    assert "2 node(s) didn't match Pod's node affinity/selector" in scheduled["message"]
    event = ("FailedScheduling", scheduled["message"])
    cluster.wait("the event", lambda: event in cluster.events("homeless"))


def test_a_pod_waits_until_there_is_room(cluster: Cluster) -> None:
    """A pod without room runs as soon as there is some."""
    cluster.unschedulable(APP)
    cluster.apply(pod("late", container("true")))
    cluster.wait("a refusal", lambda: cluster.events("late"))
    cluster.schedulable()
    assert ended(cluster, "late")["phase"] == "Succeeded"


def test_init_containers_and_sidecars_keep_their_order(cluster: Cluster) -> None:
    """Init, then the sidecar, then the container; the sidecar ends last and does not count."""
    note = "import sys; open('/notes/order', 'a').write(sys.argv[1] + ' ')"
    wait = (
        "import signal, socket, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); "
        f"{note}; listener = socket.create_server(('0.0.0.0', 8080)); signal.pause()"
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
                        "tcpSocket": {"port": 8080},
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
    """Failed, DeadlineExceeded, after SIGTERM."""
    listens = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); "
    cluster.apply(
        pod("slow", container("python", "-c", f"{listens}signal.pause()"), activeDeadlineSeconds=1)
    )
    status = ended(cluster, "slow")
    assert status["reason"] == "DeadlineExceeded"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7


def test_a_deleted_pod_is_asked_to_end_and_gone_when_it_did(cluster: Cluster) -> None:
    """It stays, marked, until its process ends."""
    cluster.apply(pod("leaving", server("x")))
    cluster.wait(
        "it is ready",
        lambda: condition(cluster, "Pod", "leaving", "Ready").get("status") == "True",
    )
    cluster.delete("Pod", "leaving")
    cluster.wait("it is gone", lambda: cluster.find("Pod", "leaving") is None)
    assert ("Killing", "Stopping container server") in cluster.events("leaving")
    assert _of(cluster) == []


def test_a_container_that_does_not_listen_for_sigterm_is_killed(cluster: Cluster) -> None:
    """PID 1 has no default handler of SIGTERM: 137, not 143."""
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


def test_nothing_of_a_cluster_is_left(tmp_path: Path, base: Path) -> None:
    """Not even a child in its own session that ignores SIGTERM."""
    stubborn = "trap '' TERM; setsid sh -c \"trap '' TERM; sleep 61\" & wait; sleep 62"
    with Cluster(
        folder=tmp_path / "cluster", images={IMAGE}, base=base, namespace=NAMESPACE
    ) as cluster:
        cluster.apply(pod("stubborn", container("sh", "-c", stubborn)))
        running(cluster, "stubborn")
        cluster.wait("its child", lambda: len(_of(cluster)) >= 2)
    assert _of(cluster) == []


def test_a_pod_that_is_bound_while_the_cluster_ends_does_not_begin(cluster: Cluster) -> None:
    """Its process would be left: the nodes wait for those alone that they have taken up."""
    cluster._loop.wait_for(cluster._kubelets.close())  # noqa: SLF001
    cluster.apply(pod("late", container("sleep", "60")))
    cluster.wait("it is bound", lambda: "nodeName" in cluster.get("Pod", "late")["spec"])
    time.sleep(0.3)
    assert _of(cluster) == []


def _of(cluster: Cluster) -> list[int]:
    return [pid for pid, mark in marked() if mark.startswith(f"{cluster.folder}:")]
