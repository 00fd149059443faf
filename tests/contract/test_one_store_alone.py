"""Who can write to one store alone makes nothing load another model and moves no traffic.

On a real MLflow server, by the registry, platforms and commands as an installation makes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.adapters.model_package import load_package
from slipway.errors import PlatformUnavailable, SlipwayError, Tampered
from slipway.records.store import encode, read_json
from slipway.serving.platform.supervisor.downloads import Downloads
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.entered_registry import EnteredRegistry
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG, SERVING
from slipway.wiring.platforms import batch_platform
from tests.support.command_line import slipway
from tests.support.one_store_env import OneStoreEnv
from tests.support.rollout_env import SPEC

FOREIGN = "is foreign: no entered record"
Load = Callable[[OneStoreEnv, int, Path], object]


@pytest.fixture(scope="module")
def shared(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> OneStoreEnv:
    """The model of every test."""
    return OneStoreEnv(mlflow_server, tmp_path_factory.mktemp("one-store"))


@pytest.fixture
def env(shared: OneStoreEnv) -> Iterator[OneStoreEnv]:
    """Its aliases and tags are put back."""
    yield shared
    shared.tidy()


def by_number(env: OneStoreEnv, version: int, to: Path) -> object:
    """As evaluate, monitoring, export, evidence, card, reproduce and `slipway serve` do."""
    return load_package(env.container.registry.download(env.model, version, to))


def by_digest(env: OneStoreEnv, version: int, to: Path) -> object:
    """As verify and batch scoring do, with the digest of a plan or a desired state."""
    sha256 = env.digests[version]
    return load_package(env.container.registry.download(env.model, version, to, sha256=sha256))


def by_batch(env: OneStoreEnv, version: int, to: Path) -> object:
    """As a desired state of a batch model is applied."""
    del to
    platform = batch_platform(env.container, SPEC)
    digests = {version: env.digests[version]}
    return platform.apply(env.model, weights={version: 1.0}, keep=[], token=0, digests=digests)


def by_platform(env: OneStoreEnv, version: int, to: Path) -> object:
    """As the serving platform downloads what a desired state of an earlier release names."""
    versions = EnteredRegistry(env.registry, env.container.store)
    downloads = Downloads(versions, to)
    try:
        return load_package(asyncio.run(downloads.fetch(env.model, version)).folder)
    finally:
        downloads.close()


def test_the_planted_version_runs_code_where_nothing_asks_the_ledger(
    env: OneStoreEnv, tmp_path: Path
) -> None:
    """So the tests below refuse what would have run: its digest fits its tag."""
    version = env.plant(tmp_path / "mark")
    load_package(env.registry.download(env.model, version, tmp_path / "v"))
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("load", [by_number, by_digest, by_batch, by_platform])
def test_a_registered_version_is_not_loaded(env: OneStoreEnv, load: Load, tmp_path: Path) -> None:
    """MLflow alone: registered by hand, with artifacts and a matching digest."""
    version = env.plant(tmp_path / "mark")
    with pytest.raises((Tampered, PlatformUnavailable)) as raised:
        load(env, version, tmp_path / "v")
    assert FOREIGN in f"{raised.value} {raised.value.found}"
    assert not (tmp_path / "mark").exists()
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize("load", [by_number, by_digest, by_batch, by_platform])
def test_what_the_ledger_names_is_loaded(env: OneStoreEnv, load: Load, tmp_path: Path) -> None:
    """Champion and rolled-back version alike."""
    for version in (1, 2):
        load(env, version, tmp_path / f"v{version}")


def test_commands_load_no_registered_version(
    env: OneStoreEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow alone: `export` and `download`, by number."""
    settings = env.container.settings
    monkeypatch.setenv("SLIPWAY_MLFLOW", settings.mlflow)
    monkeypatch.setenv("SLIPWAY_STORE", settings.store)
    version = str(env.plant(tmp_path / "mark"))
    for words in (
        ("export", env.model, "--onnx", str(tmp_path / "m.onnx"), "--version", version),
        ("download", env.model, "--version", version, "--into", str(tmp_path / "v")),
    ):
        result = slipway(*words)
        assert result.exit_code != 0
        assert FOREIGN in result.output
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_an_alias_on_a_registered_version_moves_nothing(
    env: OneStoreEnv, alias: str, tmp_path: Path
) -> None:
    """MLflow alone: the alias and the tags of a version that serves."""
    version = env.plant(tmp_path / "mark")
    env.registry.set_alias(env.model, alias, version)
    record, weights = env.sweep()
    assert (record.verdict.action, weights) == ("nothing", {1: 1.0})
    assert f"The alias `{alias}` is foreign: MLflow has it on version {version}" in (
        record.verdict.reason
    )
    champion = env.container.registry.alias(env.model, "champion")
    assert champion is not None
    assert champion.version == 1
    assert not (tmp_path / "mark").exists()


def test_an_alias_on_a_rolled_back_version_moves_nothing(env: OneStoreEnv) -> None:
    """MLflow alone: it went live without a shift."""
    env.registry.set_alias(env.model, "champion", 2)
    env.registry.tag(env.model, 2, {ROLLOUT_TAG: SERVING})
    record, weights = env.sweep()
    assert (record.verdict.action, weights) == ("nothing", {1: 1.0})
    assert "by the ledger version 1 is champion; no traffic moves" in record.verdict.reason


@pytest.mark.parametrize("names", [["model.skops"], [MANIFEST, "model.skops"]])
def test_exchanged_artifacts_are_not_loaded(
    env: OneStoreEnv, names: list[str], tmp_path: Path
) -> None:
    """The artifacts alone: other files, also with their own manifest."""
    with env.exchanged(1, names, source=2):
        with pytest.raises(Tampered):
            by_number(env, 1, tmp_path / "v")
        assert env.sweep()[1] == {1: 1.0}
    by_number(env, 1, tmp_path / "v")


def test_exchanged_artifacts_are_not_loaded_with_their_tag(
    env: OneStoreEnv, tmp_path: Path
) -> None:
    """MLflow and its artifacts: the champion's number with the rolled-back version as a whole."""
    with env.exchanged(1, [MANIFEST, "model.skops"], source=2):
        env.registry.tag(env.model, 1, {DIGEST: env.digests[2]})
        with pytest.raises(Tampered, match=FOREIGN):
            by_number(env, 1, tmp_path / "v")
        record, weights = env.sweep()
        assert (record.verdict.action, weights) == ("nothing", {1: 1.0})
        assert "version 1 of" in record.verdict.reason
        assert "is another one now, by its digest" in record.verdict.reason


def test_an_edited_record_names_no_version(env: OneStoreEnv, tmp_path: Path) -> None:
    """The Slipway store alone: a record that is made to name a planted version."""
    version, store = env.plant(tmp_path / "mark"), env.container.store
    key = f"runs/{env.model}/request-000002/promote_challenger/record.json"
    before = store.read(key)
    record = read_json(store, key)
    record["verdict"]["numbers"]["version"] = version
    record["verdict"]["evidence"]["manifest_sha256"] = env.digests[version]
    store.write(key, encode(record))
    try:
        with pytest.raises(SlipwayError):
            by_number(env, version, tmp_path / "v")
        assert not (tmp_path / "v").exists()
    finally:
        store.write(key, before)
