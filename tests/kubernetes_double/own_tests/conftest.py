"""Fixtures: an API, clients of it, and a whole cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes import client
from kubernetes.client import ApiClient

from tests.kubernetes_double import Cluster, Pace
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.kubelet.probes import Timing
from tests.kubernetes_double.own_tests.manifests import IMAGE
from tests.kubernetes_double.own_tests.requests import ACCOUNT, NAMESPACE, connected


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """The API of a cluster with one namespace and the Gateway API."""
    api = Api(
        Objects(),
        gateway=True,
        log_file=lambda _, pod, container: tmp_path / f"{pod}-{container}.log",
    )
    api.objects.create({"kind": "Namespace", "metadata": {"name": NAMESPACE}})
    account = {"name": ACCOUNT, "namespace": NAMESPACE}
    api.objects.create({"kind": "ServiceAccount", "metadata": account})
    api.start()
    yield api
    api.stop()


@pytest.fixture
def admin(api: Api) -> Iterator[ApiClient]:
    """A client with all rights."""
    with connected(api, api.access.token("admin")) as found:
        yield found


@pytest.fixture
def core(admin: ApiClient) -> client.CoreV1Api:
    """The client of core objects."""
    return client.CoreV1Api(admin)


@pytest.fixture
def apps(admin: ApiClient) -> client.AppsV1Api:
    """The client of Deployments."""
    return client.AppsV1Api(admin)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Manifests of one namespace without policies."""
    made = tmp_path / "base"
    made.mkdir()
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    (made / "namespace.yaml").write_text(yaml.safe_dump(namespace))
    return made


@pytest.fixture
def cluster(tmp_path: Path, base: Path) -> Iterator[Cluster]:
    """A cluster with a Gateway, short waits, and one namespace without policies."""
    pace = Pace(probes=Timing(pace=0.05, least_seconds=0.05), crash_seconds=0.1)
    with Cluster(
        folder=tmp_path / "cluster",
        images={IMAGE},
        gateway=True,
        pace=pace,
        base=base,
        namespace=NAMESPACE,
    ) as made:
        yield made
