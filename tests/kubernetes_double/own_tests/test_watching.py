"""Watches and logs: their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from kubernetes import client, watch
from kubernetes.client import ApiException

from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.own_tests.requests import NAMESPACE, log_of, pod


def test_a_watch_streams_changes_since_a_version(core: client.CoreV1Api) -> None:
    """From a list's version on, only objects of the selector, also as they enter and leave it."""
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


def test_a_watch_without_a_version_begins_with_what_is_there(core: client.CoreV1Api) -> None:
    """Then it streams changes."""
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


def test_a_log_has_the_lines_so_far(api: Api, core: client.CoreV1Api, tmp_path: Path) -> None:
    """With times if requested; a container that does not run yet has none."""
    core.create_namespaced_pod(NAMESPACE, pod())
    with pytest.raises(ApiException, match="is waiting to start: ContainerCreating"):
        core.read_namespaced_pod_log("fit", NAMESPACE)
    running = {"name": "base", "state": {"running": {}}}
    api.objects.set_status("Pod", NAMESPACE, "fit", {"containerStatuses": [running]})
    log = tmp_path / "fit-base.log"
    log.write_text("2026-01-01T00:00:00.000000001Z one\n2026-01-01T00:00:01.000000001Z two\n")
    assert log_of(core) == "one\ntwo\n"
    assert log_of(core, timestamps=True) == log.read_text()
    with pytest.raises(ApiException, match="container other is not valid for pod fit"):
        log_of(core, container="other")
