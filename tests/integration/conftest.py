"""One cluster for the whole suite: the double, or the real one of `--kubeconfig`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Airflow reads its home at import, and this file is imported before the home is set.
if TYPE_CHECKING:
    from tests.integration.project import ClusterProject
    from tests.integration.suite_cluster import SuiteCluster


KEPT = pytest.StashKey[str]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show at the very end, where nothing is captured, how to delete what was kept."""
    if KEPT in config.stash:
        terminalreporter.section("kept")
        terminalreporter.line(config.stash[KEPT])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options by which `make integration` names a cluster; the default is the double."""
    suite = parser.getgroup("integration", "the suite that runs on any cluster")
    suite.addoption("--kubeconfig", default=None, help="of a real cluster, with rights to lay out")
    suite.addoption("--image", default=None, help="from docker/integration.Dockerfile")
    suite.addoption("--gateway", default=None, help="NAMESPACE/NAME=URL; on the double anything")
    suite.addoption("--keep", action="store_true", help="leave the namespace there")


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SuiteCluster]:
    """The cluster that the suite runs on."""
    from tests.integration.double_cluster import double
    from tests.integration.real_cluster import real

    option, folder = request.config.getoption, tmp_path_factory.mktemp("cluster")
    kubeconfig, gateway = option("--kubeconfig", None), option("--gateway", None)
    if kubeconfig:
        files = ":".join(str(Path(one).expanduser()) for one in str(kubeconfig).split(":"))
        keep = partial(request.config.stash.setdefault, KEPT) if option("--keep") else None
        image = option("--image")
        with real(files, folder, image=image, gateway=gateway, keep=keep) as cluster:
            yield cluster
    elif option("--image", None):
        pytest.exit("hint: type KUBECONFIG=… after `make integration`, too", returncode=2)
    else:
        with double(folder, by_gateway=bool(gateway)) as cluster:
            yield cluster


@pytest.fixture(scope="session")
def deployed_project(
    cluster: SuiteCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterProject]:
    """The project, deployed on the cluster."""
    from tests.integration.project import deploy_project

    with deploy_project(cluster, tmp_path_factory.mktemp("project")) as project:
        yield project


@pytest.fixture(scope="module")
def project(deployed_project: ClusterProject) -> Iterator[ClusterProject]:
    """The project, with this process as its Airflow for a file of tests."""
    from tests.integration.project import airflow_environment

    with airflow_environment(deployed_project):
        yield deployed_project
