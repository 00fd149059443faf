"""Environments and a project that several files of unit tests share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Most files need none of these, and what they import takes seconds.
if TYPE_CHECKING:
    from slipway.wiring import Container
    from tests.support.command_line import Make
    from tests.support.environments import Environment


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment whose version 1 is champion and served; tests take a copy, `staging`."""
    from tests.support.environments import Environment

    made = Environment.in_memory("staging", tmp_path_factory.mktemp("served"))
    made.train()
    assert made.roll() == ["roll_out", "verified", "switched", "promoted"]
    return made


@pytest.fixture
def staging(served: Environment, tmp_path: Path) -> Environment:
    """A copy of that environment, which a test may change."""
    return served.copy(tmp_path)


@pytest.fixture
def production(tmp_path: Path) -> Environment:
    """An environment with rows and without any model."""
    from tests.support import ferry_dataset
    from tests.support.environments import Environment

    made = Environment.in_memory("production", tmp_path)
    made.training.land(ferry_dataset.crossings(days=60))
    return made


@pytest.fixture
def container(project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    """A project with one model, whose registry and platform are fakes."""
    from slipway import wiring
    from slipway.settings import Settings
    from tests.fakes.fixed_status import FixedPlatform, FixedRegistry
    from tests.support.small_specs import FILES

    monkeypatch.setenv("SLIPWAY_PROJECT", str(project(FILES)))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    made = wiring.Container(Settings())
    made.registry = FixedRegistry({"champion": 2, "previous": 1})
    monkeypatch.setattr(made, "platform_for", lambda _: FixedPlatform({2: 1.0}))
    monkeypatch.setattr(wiring, "Container", lambda **_: made)
    return made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, which is the working directory."""
    from slipway.local.new_project import make_project

    folder = tmp_path / "project"
    make_project(folder)
    monkeypatch.chdir(folder)
    return folder
