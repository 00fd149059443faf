"""Hands in the registry: what a deleted or renamed version, model or alias leaves, and the hint.

One contract for MLflow and for the fake.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.records import ledger
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.stages.model.manifest import seal
from slipway.stages.model.registry_losses import RegistryLoss, find_losses, find_lost_champion
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Anchor
from tests.fakes.memory_store import MemoryStore
from tests.fakes.mlflow import MemoryRegistry
from tests.fakes.tracking import MemoryTracking
from tests.support.registry_env import RegistryEnv


class HandsEnv(RegistryEnv):
    """Version 2 is champion, 1 previous and 3 challenger, by registry and ledger."""

    folder: Path
    store: MemoryStore
    hands: MlflowClient | None

    def set_up(self, folder: Path, url: str | None) -> None:
        """Register and record the three versions."""
        self.folder, self.store = folder, MemoryStore()
        self.hands = MlflowClient(url) if url else None
        for version, before in ((1, None), (2, 1)):
            self.make(version)
            numbers = {"version": version, "before": before, "action": "roll_out"}
            self.record(f"rollout-{version}", "promote_champion", Verdict("promoted", "", numbers))
        self.make(3)
        for alias, version in (("previous", 1), ("champion", 2), ("challenger", 3)):
            self.registry.set_alias(self.model, alias, version)

    def make(self, number: int, *, anew: str = "") -> None:
        """Register a version with a digest of its own, and record that."""
        folder = self.folder / f"{number}{anew}"
        (folder / "slipway").mkdir(parents=True)
        digest = seal(folder, {"model": self.model, "number": number, "anew": anew})
        uri, run = self.log(folder), f"request-{number}{anew}"
        self.registry.register(
            self.model, model_uri=uri, run_key=f"{self.model}/{run}", tags={DIGEST: digest}
        )
        verdict = Verdict("promoted", "", {"version": number}, {"manifest_sha256": digest})
        self.record(run, "promote_challenger", verdict)

    def record(self, run: str, stage: str, verdict: Verdict) -> None:
        """Record a verdict and enter it in the ledger."""
        ref = RunRef(self.model, run, stage)
        perform(RunContext(self.store, {}), ref, lambda _: verdict, inputs={})

    def delete_version(self, version: int) -> None:
        """Delete a version by MLflow's own client."""
        if self.hands is None:
            assert isinstance(self.registry, MemoryRegistry)
            self.registry.delete_version(self.model, version)
        else:
            self.hands.delete_model_version(self.model, str(version))

    def delete_model(self) -> None:
        """Delete the registered model."""
        if self.hands is None:
            assert isinstance(self.registry, MemoryRegistry)
            self.registry.delete_model(self.model)
        else:
            self.hands.delete_registered_model(self.model)

    def rename_model(self, old: str, new: str) -> None:
        """Rename the registered model."""
        if self.hands is None:
            assert isinstance(self.registry, MemoryRegistry)
            self.registry.rename_model(old, new)
        else:
            self.hands.rename_registered_model(old, new)

    def make_model(self) -> None:
        """Make a registered model without any version."""
        if self.hands is None:
            assert isinstance(self.registry, MemoryRegistry)
            self.registry.versions.setdefault(self.model, [])
        else:
            self.hands.create_registered_model(self.model)

    def lost(self) -> dict[str, RegistryLoss]:
        """Losses by alias."""
        losses = find_losses(self.model, store=self.store, registry=self.registry)
        return {loss.alias: loss for loss in losses}


@pytest.fixture(params=["memory", "mlflow"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> HandsEnv:
    """A registry of each kind in turn, with three versions of a model of its own."""
    model = f"model_{uuid.uuid4().hex[:12]}"
    if request.param == "memory":
        tracking = MemoryTracking(tmp_path / "memory")
        env = HandsEnv(MemoryRegistry(tracking), tracking, str, model)
        env.set_up(tmp_path / "folders", None)
        return env
    url = request.getfixturevalue("mlflow_server")
    env = HandsEnv(MlflowRegistry(url), MlflowTracking(url), str, model)
    env.set_up(tmp_path / "folders", url)
    return env


def test_nothing_is_lost_while_the_ledgers_versions_have_their_aliases(env: HandsEnv) -> None:
    """Neither is a champion that was never promoted."""
    assert env.lost() == {}
    other = f"{env.model}_b"
    assert find_lost_champion(other, store=env.store, registry=env.registry) is None


def test_a_deleted_alias_is_set_again(env: HandsEnv) -> None:
    """Case 4: the version is there, and the alias is named."""
    for alias in ("champion", "challenger", "previous"):
        env.registry.delete_alias(env.model, alias)
    lost = env.lost()
    assert {alias: loss.version for alias, loss in lost.items()} == {
        "champion": 2,
        "challenger": 3,
        "previous": 1,
    }
    assert lost["champion"].found == "MLflow has the version and no alias `champion` for it"
    assert "`to` set to 2, or set the alias in MLflow" in lost["champion"].way_out
    env.registry.set_alias(env.model, "champion", 2)
    assert "champion" not in env.lost()


def test_a_deleted_champion_is_replaced(env: HandsEnv) -> None:
    """Case 4: by the previous champion while there is one, or by a training without it."""
    env.delete_version(2)
    assert env.registry.alias(env.model, "champion") is None
    loss = env.lost()["champion"]
    assert loss.found == f"MLflow has no version 2 of {env.model}"
    assert f"return to version 1 with `slipway rollback {env.model}`" in loss.way_out
    assert "--without-champion yes" in loss.way_out
    env.delete_version(1)
    lost = env.lost()
    assert "rollback" not in lost["champion"].way_out
    assert lost["previous"].found == f"MLflow has no version 1 of {env.model}"


def test_a_deleted_model_is_named(env: HandsEnv) -> None:
    """Case 4: every alias is lost with it, and only a training helps."""
    env.delete_model()
    lost = env.lost()
    assert {loss.found for loss in lost.values()} == {f"MLflow has no model {env.model}"}
    assert lost["champion"].way_out.startswith("ask for a training without it")
    assert lost["challenger"].way_out == "ask for a training"


def test_a_model_made_anew_has_other_versions_under_the_old_numbers(env: HandsEnv) -> None:
    """Cases 3 and 4: its version 2 is not the champion, so the alias is not to be set to it."""
    env.delete_model()
    for number in (1, 2):
        env.make(number, anew="anew")
    loss = env.lost()["champion"]
    assert loss.version == 2
    assert loss.found == f"version 2 of {env.model} in MLflow is another one now, by its digest"
    assert loss.way_out.startswith("ask for a training without it")


def test_a_renamed_model_is_found_by_its_digest(env: HandsEnv) -> None:
    """Case 4: the hint is to rename it back, which brings every alias back."""
    other = f"{env.model}_new"
    env.rename_model(env.model, other)
    loss = env.lost()["champion"]
    assert loss.found == (
        f"MLflow has no model {env.model}; the same bytes are version 2 of {other}"
    )
    renaming = (
        f"if {other} is {env.model} under a new name, rename it back to {env.model} in MLflow"
    )
    assert loss.way_out.startswith(f"{renaming}; else ask for a training without it")
    assert "restore the champion first" in env.lost()["previous"].way_out
    assert "nothing while" not in env.lost()["previous"].way_out
    env.rename_model(other, env.model)
    assert env.lost() == {}


def test_a_renamed_model_whose_name_was_registered_anew_is_renamed_back_first(
    env: HandsEnv,
) -> None:
    """A training may register the old name, and its version be deleted by hand."""
    other = f"{env.model}_new"
    env.rename_model(env.model, other)
    env.make_model()
    way_out = env.lost()["champion"].way_out
    assert way_out.startswith(f"if {other} is {env.model} under a new name, rename it back")
    assert f"once the {env.model} that is there now is deleted or has another name; " in way_out
    env.delete_model()
    env.rename_model(other, env.model)
    assert env.lost() == {}


def test_an_anchor_does_not_register_a_renamed_model_anew(env: HandsEnv) -> None:
    """So that renaming it back is one step."""
    other = f"{env.model}_new"
    env.rename_model(env.model, other)
    env.registry.anchor(Anchor(env.model, env.model, ledger.head(env.store, env.model)))
    assert not env.registry.exists(env.model)
    env.rename_model(other, env.model)
    assert env.lost() == {}


def test_a_registry_can_tell_whether_it_has_a_model(env: HandsEnv) -> None:
    """A model without any version left is still there."""
    assert env.registry.exists(env.model)
    env.delete_version(1)
    assert env.registry.exists(env.model)
    env.delete_model()
    assert not env.registry.exists(env.model)
