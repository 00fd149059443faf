"""Who writes to MLflow and to the store, the ledger too, cannot sign: keys hold against both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.adapters.model_package import load_package
from slipway.errors import BadSignature, PlatformUnavailable
from slipway.settings import Settings
from slipway.stages.model.signature import SIGNATURE
from slipway.stages.model.version_tags import SIGNED_BY
from slipway.wiring import Container
from slipway.wiring.platforms import batch_platform
from tests.support.command_line import slipway
from tests.support.keys import Keys
from tests.support.one_store_env import OneStoreEnv
from tests.support.promotions import promoted, registered
from tests.support.rollout_env import SPEC


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys of the installation."""
    return Keys.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def env(
    mlflow_server: str, tmp_path_factory: pytest.TempPathFactory, keys: Keys
) -> Iterator[OneStoreEnv]:
    """A signed champion, and a planted version that the forged ledger made champion since."""
    folder = tmp_path_factory.mktemp("forged")
    made = OneStoreEnv(mlflow_server, folder)
    champion = made.registry.download(made.model, 1, folder / "champion")
    made.registry.add_file(made.model, 1, SIGNATURE, keys.bundle(champion, made.model))
    made.registry.tag(made.model, 1, {SIGNED_BY: keys.key_id})
    planted = made.plant(folder / "mark")
    sha256 = made.digests[planted]
    registered(made.container.store, made.model, planted, sha256=sha256)
    promoted(made.container.store, made.model, planted, sha256=sha256)
    made.registry.tag(made.model, planted, {SIGNED_BY: keys.key_id})
    yield made
    assert not (folder / "mark").exists()


@pytest.fixture
def keyed(env: OneStoreEnv, keys: Keys) -> Container:
    """The installation with its keys."""
    settings = env.container.settings
    return Container(
        Settings(
            mlflow=settings.mlflow,
            store=settings.store,
            project=settings.project,
            trusted_keys=keys.public,
        )
    )


def test_stages_load_no_version_of_a_forged_ledger(
    env: OneStoreEnv, keyed: Container, tmp_path: Path
) -> None:
    """Without keys it would be downloaded; the signed champion is loaded."""
    env.container.registry.download(env.model, 3, tmp_path / "unpacked by no one")
    for sha256 in (None, env.digests[3]):
        with pytest.raises(BadSignature, match=f"version 3 of {env.model} is not signed"):
            keyed.registry.download(env.model, 3, tmp_path / "v", sha256=sha256)
    assert not (tmp_path / "v").exists()
    load_package(keyed.registry.download(env.model, 1, tmp_path / "first"))


def test_a_batch_model_scores_by_no_version_of_a_forged_ledger(
    env: OneStoreEnv, keyed: Container
) -> None:
    """As a desired state of the store names it."""
    platform, digests = batch_platform(keyed, SPEC), {3: env.digests[3]}
    with pytest.raises(PlatformUnavailable, match="cannot be loaded") as refused:
        platform.apply(env.model, weights={3: 1.0}, keep=[], token=0, digests=digests)
    assert "is not signed" in str(refused.value.found)


def test_commands_take_no_version_of_a_forged_ledger(
    env: OneStoreEnv, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do pods, which have a digest and no ledger; what is signed is downloaded."""
    settings = env.container.settings
    monkeypatch.setenv("SLIPWAY_MLFLOW", settings.mlflow)
    monkeypatch.setenv("SLIPWAY_STORE", settings.store)
    monkeypatch.setenv("SLIPWAY_TRUSTED_KEYS", str(keys.public))
    into = str(tmp_path / "v")
    for words in (
        ("export", env.model, "--onnx", str(tmp_path / "m.onnx"), "--version", "3"),
        ("download", env.model, "--version", "3", "--into", into),
        ("download", env.model, "--version", "3", "--digest", env.digests[3], "--into", into),
    ):
        result = slipway(*words)
        assert result.exit_code == 1
        assert f"version 3 of {env.model} is not signed" in result.output
    assert not Path(into).exists()
    assert slipway("download", env.model, "--version", "1", "--into", into).exit_code == 0
