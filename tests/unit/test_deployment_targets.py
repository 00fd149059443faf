"""Deployment targets: a row of capabilities and a platform adapter for each."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from slipway.settings import Settings
from slipway.spec import ModelSpec
from slipway.spec.deployment import Deployment
from slipway.spec.deployment_targets import TARGETS, TargetName
from slipway.stages.rollout.platform import Platform
from slipway.wiring.container import Container
from slipway.wiring.platforms import PLATFORMS
from tests.support import packages
from tests.support.kubeconfig import kubeconfig

METHODS = ("served", "apply", "claim", "ask", "boot")


def spec_of(target: TargetName, model: str = "sales") -> ModelSpec:
    """A model that is deployed to a target."""
    section = {"kubernetes": {"image": "server:1"}} if TARGETS[target].section else {}
    plain = packages.spec("sklearn.linear_model.LogisticRegression")
    return ModelSpec.model_validate(
        {
            **plain.model_dump(exclude_unset=True),
            "model": model,
            "deployment": {"target": target, **section},
        }
    )


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Container:
    """An installation with a kubeconfig whose services do not answer."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, "http://127.0.0.1:1")))
    return Container(
        Settings(mlflow="http://127.0.0.1:1", store=str(tmp_path / "store"), project=tmp_path)
    )


def test_every_name_has_a_row_and_a_builder() -> None:
    """A value of `deployment.target`, its capabilities and its platform are added together."""
    assert set(get_args(TargetName)) == TARGETS.keys() == PLATFORMS.keys()


@pytest.mark.parametrize("target", TARGETS)
def test_a_platform_has_the_methods_of_the_contract(
    target: TargetName, container: Container
) -> None:
    """It is built without a request, and its methods have the port's arguments."""
    platform = container.platform_for(spec_of(target))
    for name in METHODS:
        expected = inspect.signature(getattr(Platform, name)).parameters
        found = inspect.signature(getattr(type(platform), name)).parameters
        assert list(found.values()) == list(expected.values()), name


@pytest.mark.parametrize("target", TARGETS)
def test_a_platform_is_built_once(target: TargetName, container: Container) -> None:
    """Once for all models of a target, or for each model where it belongs to one."""
    first, other = spec_of(target), spec_of(target, model="costs")
    platform = container.platform_for(first)
    assert container.platform_for(first) is platform
    assert (container.platform_for(other) is platform) is PLATFORMS[target].is_shared


@pytest.mark.parametrize("target", TARGETS)
def test_predictions_are_read_where_the_target_writes_them(
    target: TargetName, container: Container
) -> None:
    """From the score table of a batch target, else from the prediction log."""
    expected = container.scores if TARGETS[target].scores_in_batches else container.log
    assert container.log_for(spec_of(target)) is expected


@pytest.mark.parametrize("target", [name for name, row in TARGETS.items() if row.section])
def test_a_target_that_needs_a_description_gets_one(target: TargetName) -> None:
    """Its section of `deployment` is required."""
    with pytest.raises(ValidationError, match=f"needs a {TARGETS[target].section} section"):
        Deployment.model_validate({"target": target})


@pytest.mark.parametrize("target", TARGETS)
def test_traffic_shifts_only_where_the_target_can(target: TargetName) -> None:
    """A rollout to any other target has no steps."""
    steps = spec_of(target).deployment.steps
    assert bool(steps) is TARGETS[target].shifts_traffic
