"""The asynchronous client of Airflow's triggerer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kubernetes_asyncio import client, watch
from kubernetes_asyncio.client import ApiException

from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.own_tests.requests import NAMESPACE, pod


def test_a_triggerer_reads_watches_and_deletes_a_pod(api: Api, tmp_path: Path) -> None:
    """Get, list, log, watch and delete."""
    (tmp_path / "fit-base.log").write_text("2026-01-01T00:00:00.000000001Z one\n")

    async def use() -> list[str]:
        settings = client.Configuration(host=api.url)
        settings.api_key = {"BearerToken": f"Bearer {api.access.token('admin')}"}
        async with client.ApiClient(settings) as found:
            core = client.CoreV1Api(found)
            body: Any = pod()
            made = await core.create_namespaced_pod(NAMESPACE, body)
            assert (await core.read_namespaced_pod("fit", NAMESPACE)).spec == made.spec
            running = {
                "name": "base",
                "image": "stages:1",
                "imageID": "",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {}},
            }
            api.objects.set_status("Pod", NAMESPACE, "fit", {"containerStatuses": [running]})
            log = await core.read_namespaced_pod_log("fit", NAMESPACE, timestamps=True)
            assert log.endswith("Z one\n")
            seen = []
            async with watch.Watch() as watcher:
                stream = watcher.stream(
                    core.list_namespaced_pod,
                    NAMESPACE,
                    resource_version=made.metadata.resource_version,
                    timeout_seconds=1,
                )
                async for event in stream:
                    seen.append(event["type"])
                    if len(seen) == 1:
                        await core.delete_namespaced_pod("fit", NAMESPACE)
            with pytest.raises(ApiException):
                await core.read_namespaced_pod("fit", NAMESPACE)
            return seen

    assert asyncio.run(use()) == ["MODIFIED", "DELETED"]
