"""Training runs and model versions: one contract for MLflow, for a folder and for the fake."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import NotFound
from slipway.records.ledger import Head
from slipway.stages.model.manifest import MANIFEST, open_sealed, seal
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import Anchor
from tests.support.registry_env import RegistryEnv


def test_an_unknown_model_has_no_alias_and_no_anchor(registry_env: RegistryEnv) -> None:
    """A model's first training finds no champion, without set-up."""
    assert registry_env.registry.alias(registry_env.model, "champion") is None
    assert registry_env.registry.anchored(registry_env.model) is None


def test_a_run_is_one_version(registry_env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """Registering its model again returns the version that is there."""
    folder, digest = sealed
    uri = registry_env.log(folder)
    assert registry_env.register_uri(uri, digest) == 1
    assert registry_env.register_uri(uri, digest) == 1
    assert registry_env.register_uri(uri, digest, run_key="m/request-000002") == 2
    version = registry_env.registry.version(registry_env.model, 1)
    assert (version.model, version.run_key) == (registry_env.model, "m/request-000001")
    assert version.tags["slipway.reason"] == "first"


def test_a_run_that_has_ended_takes_a_second_model(
    registry_env: RegistryEnv, sealed: tuple[Path, str], tmp_path: Path
) -> None:
    """As of a refit: both models stay, the second is registered, and the run stays as it ended."""
    folder, first = sealed
    run = registry_env.begin()
    before = registry_env.tracking.log_package(run, folder)
    registry_env.tracking.end(run, status="FINISHED")
    (folder / MANIFEST).unlink()
    second = seal(folder, {"model": "m", "ship": "refit"})
    after = registry_env.tracking.log_package(run, folder)
    assert registry_env.register_uri(after, second) == 1
    assert registry_env.registry.version(registry_env.model, 1).source_uri == after
    assert registry_env.status(run) == "FINISHED"
    for name, uri, digest in (("before", before, first), ("after", after, second)):
        kept = registry_env.tracking.download(uri, tmp_path / name, sha256=digest)
        assert open_sealed(kept, sha256=digest)["model"] == "m"


def test_a_store_that_is_begun_anew_makes_versions_anew(
    registry_env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """Its first request has the old store's run key, and its model is another version."""
    assert registry_env.register(*sealed) == 1
    assert registry_env.register(*sealed) == 2


def test_a_version_is_registered_above_a_number(
    registry_env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """What the run has up to that number is deleted, what others have stays."""
    folder, digest = sealed
    uri, tags = registry_env.log(folder), {DIGEST: digest}
    assert registry_env.register(folder, digest, run_key="m/request-000002") == 1
    assert registry_env.register_uri(uri, digest) == 2

    def above(number: int) -> int:
        made = registry_env.registry.register(
            registry_env.model, model_uri=uri, run_key="m/request-000001", tags=tags, above=number
        )
        return made.version

    assert [above(1), above(5), above(5), above(0)] == [2, 6, 6, 6]
    for number in range(2, 6):
        with pytest.raises(NotFound):
            registry_env.registry.version(registry_env.model, number)
    assert registry_env.registry.version(registry_env.model, 1).run_key == "m/request-000002"
    assert registry_env.registry.version(registry_env.model, 6).tags[DIGEST] == digest


def test_a_version_is_found_by_its_digest(
    registry_env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """The oldest of several versions with the same bytes."""
    assert registry_env.registry.with_digest(registry_env.model, sealed[1]) is None
    for number in (1, 2):
        registry_env.register(*sealed, run_key=f"m/request-{number}")
    found = registry_env.registry.with_digest(registry_env.model, sealed[1])
    assert found is not None
    assert found.version == 1
    assert registry_env.registry.with_digest(registry_env.model, "0" * 64) is None


def test_an_alias_names_one_version(registry_env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """Setting it again moves it; deleting it twice is no error."""
    for number in (1, 2):
        registry_env.register(*sealed, run_key=f"m/request-{number}")
        registry_env.registry.set_alias(registry_env.model, "champion", number)
    champion = registry_env.registry.alias(registry_env.model, "champion")
    assert champion is not None
    assert champion.version == 2
    assert registry_env.registry.alias(registry_env.model, "previous") is None
    for _ in range(2):
        registry_env.registry.delete_alias(registry_env.model, "champion")
    assert registry_env.registry.alias(registry_env.model, "champion") is None


def test_a_version_that_is_not_there_is_not_found(
    registry_env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """Reading, naming and downloading it raise `NotFound`."""
    registry_env.register(*sealed)
    with pytest.raises(NotFound):
        registry_env.registry.version(registry_env.model, 9)
    with pytest.raises(NotFound):
        registry_env.registry.set_alias(registry_env.model, "champion", 9)
    with pytest.raises(NotFound):
        registry_env.registry.download(registry_env.model, 9, sealed[0].parent / "to")


def test_tags_are_added_and_replaced(registry_env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """Setting some tags leaves the others alone."""
    number = registry_env.register(*sealed)
    registry_env.registry.tag(registry_env.model, number, {"slipway.rollout": "refused"})
    registry_env.registry.tag(registry_env.model, number, {"slipway.rollout": "verified"})
    tags = registry_env.registry.version(registry_env.model, number).tags
    assert (tags["slipway.rollout"], tags["slipway.reason"]) == ("verified", "first")


def test_a_version_that_is_not_there_is_told_with_those_that_are(
    registry_env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """The error names the numbers that `to` can have."""
    with pytest.raises(NotFound) as none:
        registry_env.registry.version(registry_env.model, 99)
    assert none.value.found == f"no version of {registry_env.model}"
    for number in (1, 2):
        registry_env.register(*sealed, run_key=f"m/request-{number}")
    with pytest.raises(NotFound) as found:
        registry_env.registry.version(registry_env.model, 99)
    assert found.value.message == f"the registry has no version 99 of {registry_env.model}"
    assert found.value.expected == "one of its versions: 1, 2"


def test_the_anchor_never_goes_back(registry_env: RegistryEnv, sealed: tuple[Path, str]) -> None:
    """A late anchor of an older head changes nothing."""
    registry_env.register(*sealed)
    newer = Head(12, "b" * 64)
    registry_env.registry.anchor(Anchor(registry_env.model, registry_env.model, newer))
    registry_env.registry.anchor(Anchor(registry_env.model, registry_env.model, Head(11, "a" * 64)))
    assert registry_env.registry.anchored(registry_env.model) == newer


def test_a_model_keeps_the_heads_of_its_own_and_of_its_datasets_ledger(
    registry_env: RegistryEnv, sealed: tuple[Path, str]
) -> None:
    """They are listed with every other; one that is accepted replaces a newer one."""
    mine, its = Head(12, "b" * 64), Head(40, "c" * 64)
    registry_env.registry.anchor(Anchor("ferries", registry_env.model, its))
    registry_env.register(*sealed)
    registry_env.registry.anchor(Anchor(registry_env.model, registry_env.model, mine))
    registry_env.registry.anchor(Anchor("ferries", registry_env.model, its))
    registry_env.registry.anchor(Anchor("ferries", registry_env.model, Head(39, "d" * 64)))

    def kept() -> set[Anchor]:
        return {
            one for one in registry_env.registry.list_anchors() if one.model == registry_env.model
        }

    own = Anchor(registry_env.model, registry_env.model, mine)
    assert kept() == {own, Anchor("ferries", registry_env.model, its)}
    older = Anchor("ferries", registry_env.model, Head(3, "e" * 64), "f" * 32)
    registry_env.registry.replace_anchor(older)
    registry_env.registry.replace_anchor(Anchor("never", "never", mine))
    assert kept() == {own, older}
    assert not registry_env.registry.exists("never")


def test_a_new_attempt_kills_the_runs_of_earlier_ones(registry_env: RegistryEnv) -> None:
    """Neither another request's run nor a newer attempt's is touched."""
    stale = registry_env.begin(attempt=1)
    other = registry_env.begin(run_key="m/request-000002", attempt=1)
    newest = registry_env.begin(attempt=3)
    late = registry_env.begin(attempt=2)
    assert [registry_env.status(run) for run in (stale, other, newest, late)] == [
        "KILLED",
        "RUNNING",
        "RUNNING",
        "RUNNING",
    ]


def test_a_closed_run_stays_as_it_was_closed(registry_env: RegistryEnv) -> None:
    """A late attempt cannot mark its killed run as finished."""
    run = registry_env.begin()
    registry_env.tracking.end(run, status="KILLED")
    registry_env.tracking.end(run, status="FINISHED")
    assert registry_env.status(run) == "KILLED"


def test_numbers_may_follow_after_a_run_has_ended(registry_env: RegistryEnv) -> None:
    """The evaluation's metrics are logged to the training's run."""
    run = registry_env.begin()
    registry_env.tracking.end(run, status="FINISHED")
    registry_env.tracking.log_metrics(run, {"challenger.roc_auc": 0.7})
    assert registry_env.status(run) == "FINISHED"
    assert run in registry_env.tracking.address(run)
