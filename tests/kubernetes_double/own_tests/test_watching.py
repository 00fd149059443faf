"""Watches and logs: what streams, how it ends, and how it breaks."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from kubernetes import client, watch
from kubernetes.client import ApiClient, ApiException

from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.own_tests.requests import NAMESPACE, log_of, pod


def test_a_watch_tells_what_changed_since_a_version(api: Api, core: client.CoreV1Api) -> None:
    """From a list's version on, only what matches the selector, also as it comes and goes."""
    core.create_namespaced_pod(NAMESPACE, pod("a"))
    version = core.list_namespaced_pod(NAMESPACE).metadata.resource_version
    core.create_namespaced_pod(NAMESPACE, pod("b"))
    core.patch_namespaced_pod("b", NAMESPACE, {"metadata": {"labels": {"seen": "yes"}}})
    core.patch_namespaced_pod("a", NAMESPACE, {"metadata": {"labels": {"slipway/model": "x"}}})
    core.delete_namespaced_pod("b", NAMESPACE)
    seen = [
        (event["type"], event["object"].metadata.name)
        for event in watch.Watch().stream(
            core.list_namespaced_pod,
            NAMESPACE,
            label_selector="slipway/model=delay",
            resource_version=version,
            timeout_seconds=1,
        )
    ]
    assert seen == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a"), ("DELETED", "b")]
    assert api.drop_watches() == 0


def test_a_watch_without_a_version_begins_with_what_is_there(core: client.CoreV1Api) -> None:
    """And goes on with what happens while it is open."""
    core.create_namespaced_pod(NAMESPACE, pod("a"))
    seen = []
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_pod, NAMESPACE, timeout_seconds=10):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 1:
            core.create_namespaced_pod(NAMESPACE, pod("b"))
        else:
            watcher.stop()
    assert seen == [("ADDED", "a"), ("ADDED", "b")]


def test_bookmarks_come_to_those_who_want_them(admin: ApiClient) -> None:
    """A bookmark carries the newest version and no object."""
    response = admin.call_api(
        f"/api/v1/namespaces/{NAMESPACE}/pods",
        "GET",
        query_params=[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", "1"),
            ("resourceVersion", "1"),
        ],
        auth_settings=["BearerToken"],
        _preload_content=False,
    )
    with closing(response):
        lines = [json.loads(line) for line in response.data.splitlines()]
    assert {line["type"] for line in lines} == {"BOOKMARK"}
    assert int(lines[-1]["object"]["metadata"]["resourceVersion"]) >= 3


def test_a_watch_from_long_ago_is_told_so(core: client.CoreV1Api, api: Api) -> None:
    """Where the history no longer reaches, the answer is 410 Gone."""
    core.create_namespaced_pod(NAMESPACE, pod())
    api.objects.forget()
    with pytest.raises(ApiException) as caught:
        next(watch.Watch().stream(core.list_namespaced_pod, NAMESPACE, resource_version="1"))
    assert caught.value.status == 410


def test_a_dropped_watch_breaks_in_the_middle(api: Api, core: client.CoreV1Api) -> None:
    """The client sees a broken connection, not the end of the stream."""

    def drop() -> None:
        while not api.drop_watches():
            time.sleep(0.01)

    core.create_namespaced_pod(NAMESPACE, pod("a"))
    thread = threading.Thread(target=drop)
    thread.start()
    response = core.list_namespaced_pod(NAMESPACE, watch=True, _preload_content=False)
    with closing(response), pytest.raises(Exception, match="ended prematurely"):
        list(response.stream())
    thread.join()


def test_the_log_of_a_container_is_followed_to_its_end(
    api: Api, core: client.CoreV1Api, tmp_path: Path
) -> None:
    """Lines come as they are written, with their times if asked for, until it has ended."""
    core.create_namespaced_pod(NAMESPACE, pod())
    with pytest.raises(ApiException, match="is waiting to start: ContainerCreating"):
        core.read_namespaced_pod_log("fit", NAMESPACE)
    running = {"name": "base", "state": {"running": {}}}
    api.objects.set_status("Pod", NAMESPACE, "fit", {"containerStatuses": [running]})
    log = tmp_path / "fit-base.log"
    log.write_text("2026-01-01T00:00:00.000000001Z one\n2026-01-01T00:00:01.000000001Z two\n")
    assert log_of(core) == "one\ntwo\n"
    stamped = log_of(core, timestamps=True, tail_lines=1)
    assert stamped == "2026-01-01T00:00:01.000000001Z two\n"
    assert log_of(core, since_seconds=60) == ""

    def end() -> None:
        time.sleep(0.2)
        with log.open("a") as file:
            file.write("2026-01-01T00:00:02.000000001Z three\n")
        ended = {"name": "base", "state": {"terminated": {"exitCode": 0}}}
        api.objects.set_status("Pod", NAMESPACE, "fit", {"containerStatuses": [ended]})

    thread = threading.Thread(target=end)
    thread.start()
    followed = log_of(core, follow=True, container="base")
    thread.join()
    assert followed == "one\ntwo\nthree\n"
    with pytest.raises(ApiException, match="container other is not valid for pod fit"):
        log_of(core, container="other")
