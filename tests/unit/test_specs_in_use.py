"""Case 6: an invalid spec, or a folder that is gone, hides nothing and stops no rollback."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from slipway.records.kept_specs import keep_specs, kept_specs
from slipway.wiring import Container, run_stage
from tests.fakes.fixed_status import FixedPlatform
from tests.support.command_line import Make, slipway
from tests.support.rollout_env import DATASET, MODEL, SPEC, RolloutEnv
from tests.support.small_specs import FILES

NO_MODEL = "there is no model yet; docs/guides/your-own.md shows how to make one\n"
WRONG = FILES["models/sales/model.yaml"].replace("target: sold", "target: solld")


def wrong_target(container: Container, project: Make) -> None:
    """Write a target that the dataset does not have."""
    del container
    project({"models/sales/model.yaml": WRONG})


def no_folder(container: Container, project: Make) -> None:
    """Delete the model's folder."""
    del project
    shutil.rmtree(container.settings.models_folder / "sales")


def wrong_dataset(container: Container, project: Make) -> None:
    """Write a dataset with an unknown field."""
    del container
    project({"datasets/shop/dataset.yaml": FILES["datasets/shop/dataset.yaml"] + "widnow: 1\n"})


def no_project(container: Container, project: Make) -> None:
    """Delete every folder."""
    del project
    shutil.rmtree(container.settings.project / "include")


@pytest.fixture(params=[wrong_target, no_folder, wrong_dataset, no_project])
def broken(request: pytest.FixtureRequest, container: Container, project: Make) -> Container:
    """A project whose model serves, and whose specs cannot be used since."""
    keep_specs(container.store, container.model("sales"), container.dataset("shop"))
    request.param(container, project)
    return container


def test_status_tells_what_serves(broken: Container) -> None:
    """Case 6: it said that there is no model yet."""
    del broken
    for words in (("status",), ("status", "sales")):
        result = slipway(*words)
        assert result.exit_code == 0
        assert "  champion    version 2\n" in result.stdout
        assert "  served      version 2 100%\n" in result.stdout
        assert result.stderr.startswith("Warning: ")
        assert "the specs of the last rollout of sales are used" in result.stderr
    (found,) = json.loads(slipway("status", "--json").stdout)
    assert found["weights"] == {"2": 1.0}
    assert found["spec_problem"]


def test_why_tells_what_serves(broken: Container) -> None:
    """Case 6: it exited with the spec's error."""
    del broken
    result = slipway("why", "sales")
    assert result.exit_code == 0
    assert result.stdout.startswith("Served: sales version 2.\n")
    assert result.stdout.splitlines()[-1] == (
        "Next: no training, rollout or monitoring until the specs are valid again; "
        "`slipway rollback sales` needs none."
    )
    assert result.stderr.startswith("Warning: ")
    assert json.loads(slipway("why", "sales", "--json").stdout)["spec_problem"]


def test_a_model_of_before_is_told_from_the_store(container: Container, project: Make) -> None:
    """Nothing was kept before an update: its target is not known, its aliases and ledger are."""
    wrong_target(container, project)
    result = slipway("status")
    assert result.exit_code == 0
    assert "  champion    version 2\n" in result.stdout
    assert "  served      not known\n" in result.stdout
    assert "no valid specs of sales were kept" in result.stderr
    result = slipway("why", "sales")
    assert result.exit_code == 0
    assert "no valid spec names its deployment target" in result.stdout
    assert slipway("rollback", "sales").exit_code == 1


def test_a_model_that_was_taken_away_is_not_listed(
    container: Container, project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is gone, and nothing serves."""
    keep_specs(container.store, container.model("sales"), container.dataset("shop"))
    no_folder(container, project)
    monkeypatch.setattr(container, "platform_for", lambda _: FixedPlatform())
    result = slipway("status")
    assert (result.stdout, result.stderr) == (NO_MODEL, "")


def test_nobody_is_still_an_error(broken: Container) -> None:
    """A name that left nothing anywhere."""
    del broken
    for command in ("status", "why", "rollback"):
        assert slipway(command, "nobody").exit_code == 1


def test_why_of_a_dataset_needs_no_valid_spec(container: Container, project: Make) -> None:
    """Its deliveries are told from the store."""
    wrong_dataset(container, project)
    result = slipway("why", "shop")
    assert result.exit_code == 0
    assert result.stdout == "shop: no delivery was ingested yet.\n"
    assert "widnow" in result.stderr


@pytest.fixture
def served(container: Container, monkeypatch: pytest.MonkeyPatch) -> tuple[Container, RolloutEnv]:
    """A model in the store and on the platform that has no folder; version 2 serves."""
    env = RolloutEnv()
    adapters: dict[str, Any] = {
        "store": env.store,
        "registry": env.registry,
        "tables": env.tables,
        "platform_for": lambda _: env.platform,
        "load_package": env.load,
    }
    for name, adapter in adapters.items():
        monkeypatch.setattr(container, name, adapter)
    return container, env


def test_a_rollback_needs_no_folder(served: tuple[Container, RolloutEnv]) -> None:
    """Case 6: every stage of it takes the specs that the last rollout kept."""
    _, env = served
    keep_specs(env.store, SPEC, DATASET)
    result = slipway("rollback", MODEL)
    assert result.exit_code == 0, result.output
    assert "the specs of the last rollout of delay are used" in result.stderr
    assert env.weights() == {1: 1.0}
    assert env.registry.aliases["champion"] == 1


def test_reconcile_keeps_the_specs_that_it_runs_with(
    served: tuple[Container, RolloutEnv],
) -> None:
    """A sweep keeps them before the rollout begins, so that one that dies has them too."""
    container, env = served
    container.pin_specs(SPEC, DATASET)
    run_stage("reconcile", {"model": MODEL}, origin={"by": "a test"}, container=container)
    found = kept_specs(env.store, MODEL)
    assert found is not None
    assert (found.model, found.dataset) == (SPEC, DATASET)
