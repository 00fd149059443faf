"""`slipway render` prints the manifests of a model; `slipway download` fetches a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from slipway import wiring
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.cli.commands import commands
from slipway.errors import NotFound
from slipway.settings import Settings
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.entered_registry import EnteredRegistry
from slipway.wiring import Container
from tests.fakes.fixed_status import FixedRegistry
from tests.support.admission import validate
from tests.support.promotions import registered
from tests.support.small_specs import FILES, MODEL

Make = Callable[[Mapping[str, str]], Path]
CLUSTER = """\
deployment:
  target: kubernetes
  kubernetes:
    image: registry.example.org/server:1
    replicas: 3
"""
TAGS = {"slipway.resident_mib": "83.2"}


class Registry(FixedRegistry):
    """A registry with versions 1 to 4."""

    def version(self, model: str, version: int) -> ModelVersion:
        """One version."""
        if version > 4:
            raise NotFound("MLflow does not have it")
        made = datetime(2013, 1, 1, tzinfo=UTC)
        return ModelVersion(model, version, "r", "models:/m", self.tags.get(version, {}), made)

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A folder with one file."""
        to.mkdir(parents=True, exist_ok=True)
        (to / "said").write_text(f"{model} {version} {sha256}")
        return to


@pytest.fixture
def container(project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    """A project with one model on a cluster."""
    root = project({**FILES, "models/sales/model.yaml": MODEL + CLUSTER})
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    container = Container(Settings())
    registry: Any = Registry({"champion": 2, "previous": 1}, tags={2: TAGS})
    container.registry = container.mlflow_registry = registry  # type: ignore[misc]
    monkeypatch.setattr(wiring, "Container", lambda: container)
    return container


def render(*words: str) -> Result:
    """Output of `slipway render sales …`."""
    return CliRunner().invoke(commands, ["render", "sales", *words], catch_exceptions=False)


def objects(*words: str) -> dict[str, dict[str, Any]]:
    """The printed objects, by kind and name."""
    result = render(*words)
    assert result.exit_code == 0, result.output
    printed = list(yaml.safe_load_all(result.stdout))
    for manifest in printed:
        validate(manifest, "1.36")
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in printed}


def test_what_serves_is_rendered(container: Container) -> None:
    """Without arguments: the champion serves, `previous` is warm, both with measured sizes."""
    del container
    printed = objects()
    assert list(printed) == [
        "Deployment/sales-v1",
        "Service/sales-v1",
        "Service/sales-v1-pods",
        "PodDisruptionBudget/sales-v1",
        "Deployment/sales-v2",
        "Service/sales-v2",
        "Service/sales-v2-pods",
        "PodDisruptionBudget/sales-v2",
        "Service/sales",
    ]
    assert Traffic.from_annotations(printed["Service/sales"]) == Traffic(0, {2: 1.0}, (1,))
    memory = {
        version: printed[f"Deployment/sales-v{version}"]["spec"]["template"]["spec"]["containers"][
            0
        ]["resources"]["requests"]["memory"]
        for version in (1, 2)
    }
    assert memory == {1: "512Mi", 2: "112Mi"}


def test_a_canary_is_rendered(container: Container) -> None:
    """The champion gets the rest of `--share`, in whole servers."""
    del container
    printed = objects("--share", "3=0.1")
    assert {
        name: one["spec"]["replicas"] for name, one in printed.items() if "Deployment" in name
    } == {"Deployment/sales-v1": 0, "Deployment/sales-v2": 3, "Deployment/sales-v3": 1}
    assert Traffic.from_annotations(printed["Service/sales"]) == Traffic(0, {2: 0.9, 3: 0.1}, (1,))


def test_the_spec_alone_is_enough(container: Container) -> None:
    """Offline, only the given versions are rendered, without a request to the registry."""
    container.registry.answers = False  # type: ignore[attr-defined]
    result = render("--offline", "--version", "4", "--keep", "3")
    assert result.stderr == ""
    names = [one["metadata"]["name"] for one in yaml.safe_load_all(result.stdout)]
    assert names[::4] == ["sales-v3", "sales-v4", "sales"]


def test_a_registry_outage_is_reported(container: Container) -> None:
    """With a version the manifests are printed, with a line about whose sizes they have."""
    container.registry.answers = False  # type: ignore[attr-defined]
    result = render("--version", "4")
    assert result.exit_code == 0
    assert "MLflow does not answer" in result.stderr
    assert result.stdout == render("--version", "4", "--offline").stdout


def test_a_version_that_is_not_registered_has_the_sizes_of_the_spec(container: Container) -> None:
    """A version may be rendered before it is registered."""
    del container
    result = render("--version", "9")
    assert result.exit_code == 0
    assert "MLflow does not have it" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--offline"], "give --version N"),
        (["--offline", "--share", "3=0.1"], "no version is known for the rest of the traffic"),
        (["--share", "2=0.1"], "no version is known for the rest of the traffic"),
        (["--share", "3=0.6", "--share", "4=0.6"], "the shares are too large"),
        (["--share", "3"], "a share cannot be read"),
        (["--share", "3=0"], "a share cannot be read"),
        (["--share", "x=0.1"], "a share cannot be read"),
        (["--share", "3=nan"], "a share cannot be read"),
    ],
)
def test_errors_of_rendering(container: Container, words: list[str], message: str) -> None:
    """Exit status 1, no output, and an error with what is missing."""
    del container
    result = render(*words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stdout == ""


def test_shares_that_sum_to_one_need_no_other_version(container: Container) -> None:
    """Shares that sum to 1 name every version."""
    del container
    printed = objects("--offline", "--share", "3=0.25", "--share", "4=0.75")
    assert Traffic.from_annotations(printed["Service/sales"]) == Traffic(0, {3: 0.25, 4: 0.75})


def test_the_text_is_stable_and_plain(container: Container) -> None:
    """A repeat prints the same bytes, without anchors."""
    del container
    first, again = render("--share", "3=0.1").stdout, render("--share", "3=0.1").stdout
    assert first == again
    assert "&id" not in first


def test_a_version_that_the_ledger_does_not_name_is_not_rendered(container: Container) -> None:
    """A pod takes the digest in its manifest for the version's."""
    registry: Any = Registry({}, tags={3: {DIGEST: "a" * 64}})
    container.registry = EnteredRegistry(registry, container.store)  # type: ignore[misc]
    result = render("--version", "3")
    assert result.exit_code == 1
    assert "version 3 of sales is foreign" in result.stderr
    registered(container.store, "sales", 3, sha256="a" * 64)
    assert f"- {'a' * 64}" in render("--version", "3").stdout


def test_a_model_without_a_cluster_is_refused(
    project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local model has no manifests."""
    monkeypatch.setenv("SLIPWAY_PROJECT", str(project(FILES)))
    result = render("--offline", "--version", "1")
    assert result.exit_code == 1
    assert "deployment.kubernetes" in result.stderr


def test_a_version_is_downloaded(container: Container, tmp_path: Path) -> None:
    """The folder is complete, and has the digest that is wanted."""
    del container
    folder = tmp_path / "made" / "here"
    words = ["download", "sales", "--version", "2", "--into", str(folder)]
    for wanted in (None, "a" * 64):
        digest = ["--digest", wanted] if wanted else []
        result = CliRunner().invoke(commands, [*words, *digest], catch_exceptions=False)
        assert result.exit_code == 0
        assert (folder / "said").read_text() == f"sales 2 {wanted}"
