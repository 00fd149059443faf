"""Training runs and model versions: one contract for MLflow, for a folder and for the fake."""

from __future__ import annotations

import uuid
from pathlib import Path

import httpx
import pytest

from slipway.adapters.experiment_folder import FolderRegistry, FolderTracking
from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.errors import NotFound, Tampered
from slipway.records.ledger import Head
from slipway.stages.model.manifest import MANIFEST, open_sealed, seal
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Anchor
from tests.fakes.mlflow import MemoryRegistry
from tests.fakes.tracking import MemoryTracking
from tests.support.registry_env import RegistryEnv


@pytest.fixture(params=["memory", "folder", "mlflow"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> RegistryEnv:
    """A registry of each kind in turn, with a model of its own."""
    model = f"model_{uuid.uuid4().hex[:12]}"
    if request.param == "memory":
        tracking = MemoryTracking(tmp_path / "memory")
        return RegistryEnv(
            MemoryRegistry(tracking), tracking, lambda run: tracking.runs[run].status, model
        )
    if request.param == "folder":
        kept = FolderTracking(tmp_path / "folder")
        registry = FolderRegistry(tmp_path / "folder")
        return RegistryEnv(registry, kept, lambda run: str(kept.read(run)["status"]), model)
    url = request.getfixturevalue("mlflow_server")

    def status(run_id: str) -> str:
        run = httpx.get(f"{url}/api/2.0/mlflow/runs/get", params={"run_id": run_id}).json()
        found: str = run["run"]["info"]["status"]
        return found

    return RegistryEnv(MlflowRegistry(url), MlflowTracking(url), status, model)


def test_an_unknown_model_has_no_alias_and_no_anchor(env: RegistryEnv) -> None:
    """A model's first training finds no champion, without set-up."""
    assert env.registry.alias(env.model, "champion") is None
    assert env.registry.anchored(env.model) is None


def test_a_run_is_one_version(env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """Registering its model again returns the version that is there."""
    folder, digest = sealed
    uri = env.log(folder)
    assert env.register_uri(uri, digest) == 1
    assert env.register_uri(uri, digest) == 1
    assert env.register_uri(uri, digest, run_key="m/request-000002") == 2
    version = env.registry.version(env.model, 1)
    assert (version.model, version.run_key) == (env.model, "m/request-000001")
    assert version.tags["slipway.reason"] == "first"


def test_a_run_that_has_ended_takes_a_second_model(
    env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """As of a refit: both models stay, the second is registered, and the run stays as it ended."""
    folder, first = sealed
    run = env.begin()
    before = env.tracking.log_package(run, folder)
    env.tracking.end(run, status="FINISHED")
    (folder / MANIFEST).unlink()
    second = seal(folder, {"model": "m", "ship": "refit"})
    after = env.tracking.log_package(run, folder)
    assert env.register_uri(after, second) == 1
    assert env.registry.version(env.model, 1).source_uri == after
    assert env.status(run) == "FINISHED"
    for name, uri, digest in (("before", before, first), ("after", after, second)):
        kept = env.tracking.download(uri, tmp_path / name, sha256=digest)
        assert open_sealed(kept, sha256=digest)["model"] == "m"


def test_a_store_that_is_begun_anew_makes_versions_anew(
    env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """Its first request has the old store's run key, and its model is another version."""
    assert env.register(*sealed) == 1
    assert env.register(*sealed) == 2


def test_a_version_is_registered_above_a_number(env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """What the run has up to that number is deleted, what others have stays."""
    folder, digest = sealed
    uri, tags = env.log(folder), {DIGEST: digest}
    assert env.register(folder, digest, run_key="m/request-000002") == 1
    assert env.register_uri(uri, digest) == 2

    def above(number: int) -> int:
        made = env.registry.register(
            env.model, model_uri=uri, run_key="m/request-000001", tags=tags, above=number
        )
        return made.version

    assert [above(1), above(5), above(5), above(0)] == [2, 6, 6, 6]
    for number in range(2, 6):
        with pytest.raises(NotFound):
            env.registry.version(env.model, number)
    assert env.registry.version(env.model, 1).run_key == "m/request-000002"
    assert env.registry.version(env.model, 6).tags[DIGEST] == digest


def test_a_version_is_found_by_its_digest(env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """The oldest of several versions with the same bytes."""
    assert env.registry.with_digest(env.model, sealed[1]) is None
    for number in (1, 2):
        env.register(*sealed, run_key=f"m/request-{number}")
    found = env.registry.with_digest(env.model, sealed[1])
    assert found is not None
    assert found.version == 1
    assert env.registry.with_digest(env.model, "0" * 64) is None


def test_an_alias_names_one_version(env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """Setting it again moves it; deleting it twice is no error."""
    for number in (1, 2):
        env.register(*sealed, run_key=f"m/request-{number}")
        env.registry.set_alias(env.model, "champion", number)
    champion = env.registry.alias(env.model, "champion")
    assert champion is not None
    assert champion.version == 2
    assert env.registry.alias(env.model, "previous") is None
    for _ in range(2):
        env.registry.delete_alias(env.model, "champion")
    assert env.registry.alias(env.model, "champion") is None


def test_a_version_that_is_not_there_is_not_found(
    env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """Reading, naming and downloading it raise `NotFound`."""
    env.register(*sealed)
    with pytest.raises(NotFound):
        env.registry.version(env.model, 9)
    with pytest.raises(NotFound):
        env.registry.set_alias(env.model, "champion", 9)
    with pytest.raises(NotFound):
        env.registry.download(env.model, 9, sealed[0].parent / "to")


def test_tags_are_added_and_replaced(env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """Setting some tags leaves the others alone."""
    number = env.register(*sealed)
    env.registry.tag(env.model, number, {"slipway.rollout": "refused"})
    env.registry.tag(env.model, number, {"slipway.rollout": "verified"})
    tags = env.registry.version(env.model, number).tags
    assert (tags["slipway.rollout"], tags["slipway.reason"]) == ("verified", "first")


def test_a_version_that_is_not_there_is_told_with_those_that_are(
    env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """The error names the numbers that `to` can have."""
    with pytest.raises(NotFound) as none:
        env.registry.version(env.model, 99)
    assert none.value.found == f"no version of {env.model}"
    for number in (1, 2):
        env.register(*sealed, run_key=f"m/request-{number}")
    with pytest.raises(NotFound) as found:
        env.registry.version(env.model, 99)
    assert found.value.message == f"the registry has no version 99 of {env.model}"
    assert found.value.expected == "one of its versions: 1, 2"


def test_the_anchor_never_goes_back(env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """A late anchor of an older head changes nothing."""
    env.register(*sealed)
    newer = Head(12, "b" * 64)
    env.registry.anchor(env.model, newer)
    env.registry.anchor(env.model, Head(11, "a" * 64))
    assert env.registry.anchored(env.model) == newer


def test_a_model_keeps_the_heads_of_its_own_and_of_its_datasets_ledger(
    env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """They are listed with every other; one that is accepted replaces a newer one."""
    mine, its = Head(12, "b" * 64), Head(40, "c" * 64)
    env.registry.anchor(env.model, its, subject="ferries")
    env.register(*sealed)
    env.registry.anchor(env.model, mine)
    env.registry.anchor(env.model, its, subject="ferries")
    env.registry.anchor(env.model, Head(39, "d" * 64), subject="ferries")

    def kept() -> set[Anchor]:
        return {one for one in env.registry.list_anchors() if one.model == env.model}

    own = Anchor(env.model, env.model, mine)
    assert kept() == {own, Anchor("ferries", env.model, its)}
    older = Anchor("ferries", env.model, Head(3, "e" * 64))
    env.registry.replace_anchor(older)
    env.registry.replace_anchor(Anchor("never", "never", mine))
    assert kept() == {own, older}
    assert not env.registry.exists("never")


def test_a_download_is_the_folder_that_was_logged(
    env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """Every file comes back, and a second download changes nothing."""
    folder, digest = sealed
    number = env.register(folder, digest)
    for _ in range(2):
        got = env.registry.download(env.model, number, tmp_path / "got")
        names = {path.relative_to(got) for path in got.rglob("*")}
        assert names == {path.relative_to(folder) for path in folder.rglob("*")}
        assert open_sealed(got, sha256=digest)["model"] == "m"
    uri = env.registry.version(env.model, number).source_uri
    assert open_sealed(env.tracking.download(uri, tmp_path / "again", sha256=digest))


def test_a_file_is_added_beside_those_of_a_version(
    env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """It can be read back and replaced, the sealed files stay, and an absent one is not found."""
    number = env.register(*sealed)
    for data in (b"first", b"second"):
        env.registry.add_file(env.model, number, "model.sig", data)
        assert env.registry.read_file(env.model, number, "model.sig") == data
    manifest = (sealed[0] / MANIFEST).read_bytes()
    assert env.registry.read_file(env.model, number, MANIFEST) == manifest
    with pytest.raises(NotFound):
        env.registry.read_file(env.model, number, "absent")
    with pytest.raises(NotFound):
        env.registry.add_file(env.model, 9, "model.sig", b"")


def test_a_download_is_the_version_that_is_meant(
    env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """Another version under the number is refused, and a copy of the meant one stands in."""
    folder, digest = sealed
    number = env.register(folder, digest)
    (folder / MANIFEST).unlink()
    other = seal(folder, {"model": "m", "seed": 2})
    got = tmp_path / "got"
    with pytest.raises(Tampered, match="not the version that is meant") as caught:
        env.registry.download(env.model, number, got, sha256=other)
    assert (caught.value.expected, caught.value.found) == (f"sha256 {other}", f"sha256 {digest}")
    assert caught.value.hint
    assert not got.exists()
    second = env.register_uri(env.log(folder), other, run_key="m/request-000002")
    for named in (number, second, 9):
        env.registry.download(env.model, named, got, sha256=other)
        assert open_sealed(got, sha256=other)["seed"] == 2


@pytest.mark.parametrize("name", ["model.skops", MANIFEST])
def test_a_changed_file_is_never_delivered(
    env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path, name: str
) -> None:
    """A file that differs from its digest refuses the whole version, and leaves no folder."""
    folder, digest = sealed
    original = (folder / name).read_bytes()
    (folder / name).write_bytes(original.replace(b"m", b"n"))
    number = env.register(folder, digest)
    with pytest.raises(Tampered):
        env.registry.download(env.model, number, tmp_path / "got")
    assert not (tmp_path / "got").exists()


def test_a_version_without_digest_is_not_delivered(
    env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """A version that was registered by hand cannot be checked, so it cannot be used."""
    uri = env.log(sealed[0])
    env.registry.register(env.model, model_uri=uri, run_key="by hand", tags={})
    with pytest.raises(Tampered):
        env.registry.download(env.model, 1, tmp_path / "got")


def test_a_missing_file_is_tampering(
    env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """A listed file that was not uploaded refuses the version."""
    folder, digest = sealed
    (folder / "model.skops").unlink()
    number = env.register(folder, digest)
    with pytest.raises(Tampered):
        env.registry.download(env.model, number, tmp_path / "got")


def test_a_new_attempt_kills_the_runs_of_earlier_ones(env: RegistryEnv) -> None:
    """Neither another request's run nor a newer attempt's is touched."""
    stale = env.begin(attempt=1)
    other = env.begin(run_key="m/request-000002", attempt=1)
    newest = env.begin(attempt=3)
    late = env.begin(attempt=2)
    assert [env.status(run) for run in (stale, other, newest, late)] == [
        "KILLED",
        "RUNNING",
        "RUNNING",
        "RUNNING",
    ]


def test_a_closed_run_stays_as_it_was_closed(env: RegistryEnv) -> None:
    """A late attempt cannot mark its killed run as finished."""
    run = env.begin()
    env.tracking.end(run, status="KILLED")
    env.tracking.end(run, status="FINISHED")
    assert env.status(run) == "KILLED"


def test_numbers_may_follow_after_a_run_has_ended(env: RegistryEnv) -> None:
    """The evaluation's metrics are logged to the training's run."""
    run = env.begin()
    env.tracking.end(run, status="FINISHED")
    env.tracking.log_metrics(run, {"challenger.roc_auc": 0.7})
    assert env.status(run) == "FINISHED"
    assert run in env.tracking.address(run)
