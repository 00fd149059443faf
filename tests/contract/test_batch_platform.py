"""The batch platform: a desired state in the store, and candidates in child processes."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.platforms.batch.platform import BatchPlatform
from slipway.errors import (
    BadRequest,
    NotFound,
    PlatformUnavailable,
    RegistryUnavailable,
    RolloutRefused,
    Superseded,
)
from slipway.records.desired_state import newest_desired, state_objects
from slipway.records.store import Store, digest, encode
from slipway.stages.model.manifest import MANIFEST, require_digest
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.platform import Payload
from slipway.stages.rollout.replay import Replay
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.wiring.batch_candidate import command
from tests.fakes.memory_store import MemoryStore
from tests.fakes.rollout_registry import FakeVersion
from tests.support import ferry_dataset
from tests.support.rollout_leases import permit_states
from tests.support.row_identities import named_identity

ROWS = ferry_dataset.crossings(days=20)
COLUMNS = [RawColumn("wind", "number", required=False), RawColumn("port", "string", required=False)]


@dataclass
class MonitoringRegistry:
    """A registry of folders.

    Attributes:
        home: Holds a folder for each version.
        answers: Whether it is available.
    """

    home: Path
    answers: bool = True

    def version(self, model: str, version: int) -> FakeVersion:
        """One version."""
        if not self.answers:
            raise RegistryUnavailable("MLflow does not answer")
        if not (self.home / str(version)).is_dir():
            raise NotFound(f"there is no version {version}")
        sealed = digest((self.home / str(version) / MANIFEST).read_bytes())
        return FakeVersion(model, version, {DIGEST: sealed})

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A copy of the version's folder."""
        found = self.version(model, version).tags[DIGEST]
        require_digest(model, version, wanted=sha256, found=found)
        return Path(shutil.copytree(self.home / str(version), to))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real version."""
    spec, dataset = ferry_dataset.model(), ferry_dataset.dataset()
    learned = SklearnLearner(spec, dataset, None).learn(ROWS)
    reference = ReferenceRows(
        features=ROWS[["wind", "port"]],
        times=ROWS["departs"],
        scores=learned.predict(ROWS),
        held_out=np.zeros(len(ROWS), dtype=bool),
    )
    made = tmp_path_factory.mktemp("version") / "1"
    facts = {
        "model": spec.model,
        "task": spec.task,
        **dataset.identity.facts(),
    }
    learned.save(made, facts=facts, reference=reference)
    return made


@pytest.fixture
def registry(folder: Path, tmp_path: Path) -> MonitoringRegistry:
    """A registry with versions 1 and 2 of the same content."""
    for version in ("1", "2"):
        shutil.copytree(folder, tmp_path / "registry" / version)
    return MonitoringRegistry(tmp_path / "registry")


@pytest.fixture
def store() -> Store:
    """An empty store."""
    made = MemoryStore()
    permit_states(made, "ferry", 1, 2, 3, up_to=8)
    return made


@pytest.fixture
def platform(store: Store, registry: MonitoringRegistry) -> BatchPlatform:
    """A platform without a desired state."""
    return BatchPlatform(store, registry, load=load_package, command=command)


def asked(count: int = 5) -> Payload:
    """A request with some rows."""
    return encode_rows(ROWS.head(count), COLUMNS, identity=named_identity("crossing", "departs"))


def scores(folder: Path, count: int = 5) -> list[float]:
    """Offline predictions of a version."""
    return load_package(folder).predict(ROWS.head(count)).tolist()


def test_before_a_rollout_nothing_scores(platform: BatchPlatform) -> None:
    """A model without a desired state has no served version."""
    assert platform.served("ferry") is None
    with pytest.raises(NotFound):
        platform.ask("ferry", asked())


def test_what_is_applied_is_in_force(platform: BatchPlatform, folder: Path, store: Store) -> None:
    """The new state applies at once, and the platform of servers ignores it."""
    platform.apply("ferry", weights={1: 1.0}, keep=[], token=7)
    served = platform.served("ferry")
    assert served is not None
    assert (served.version, served.token, served.keep) == (1, 7, ())
    answer = platform.ask("ferry", asked())
    assert (answer.version, list(answer.scores)) == (1, scores(folder))
    assert newest_desired(store, "ferry") is None
    assert state_objects(store) == {}


def test_a_version_that_is_kept_can_be_asked(platform: BatchPlatform) -> None:
    """A kept version answers by its number; another one is refused."""
    platform.apply("ferry", weights={2: 1.0}, keep=[1], token=7)
    assert platform.ask("ferry", asked()).version == 2
    assert platform.ask("ferry", asked(), version=1).version == 1
    with pytest.raises(NotFound):
        platform.ask("ferry", asked(), version=3)


def test_an_older_rollout_changes_nothing(platform: BatchPlatform) -> None:
    """Its fencing token is refused."""
    platform.apply("ferry", weights={2: 1.0}, keep=[], token=8)
    with pytest.raises(Superseded):
        platform.apply("ferry", weights={1: 1.0}, keep=[], token=7)


def test_a_claim_fences_off_an_older_rollout(platform: BatchPlatform) -> None:
    """A claim fences an older rollout that still loads its version; the served version stays."""
    platform.claim("ferry", token=7)
    assert platform.served("ferry") is None
    platform.apply("ferry", weights={1: 1.0}, keep=[2], token=7)
    before = platform.served("ferry")
    fetch = platform._versions.download  # noqa: SLF001

    def slowly(model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        platform.claim("ferry", token=8)
        return fetch(model, version, to, sha256=sha256)

    platform._versions.download = slowly  # type: ignore[method-assign]  # noqa: SLF001
    with pytest.raises(Superseded):
        platform.apply("ferry", weights={2: 1.0}, keep=[1], token=7)
    assert before is not None
    assert platform.served("ferry") == replace(before, token=8)


def test_what_cannot_be_loaded_does_not_come_into_force(
    platform: BatchPlatform, registry: MonitoringRegistry
) -> None:
    """A missing or tampered version is refused; the served version stays."""
    platform.apply("ferry", weights={1: 1.0}, keep=[], token=7)
    (registry.home / "2" / "model.skops").write_bytes(b"else")
    for version in (2, 3):
        with pytest.raises(PlatformUnavailable, match="cannot be loaded"):
            platform.apply("ferry", weights={version: 1.0}, keep=[1], token=8)
    served = platform.served("ferry")
    assert served is not None
    assert served.version == 1


def test_a_number_of_other_bytes_is_not_the_version_that_scores(
    platform: BatchPlatform, registry: MonitoringRegistry
) -> None:
    """It is unhealthy and no process loads it; a state with the new digest loads the new bytes."""
    old = registry.version("ferry", 1).tags[DIGEST]
    platform.apply("ferry", weights={1: 1.0}, keep=[], token=7, digests={1: old})
    folder = registry.home / "1"
    facts = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(encode({**facts, "made": "anew"}))
    served = platform.served("ferry")
    assert served is not None
    assert (served.version, served.healthy, served.digests) == (None, {1: False}, {1: old})
    another = BatchPlatform(platform._store, registry, load=load_package, command=command)  # noqa: SLF001
    with pytest.raises(PlatformUnavailable, match="cannot be loaded") as caught:
        another.ask("ferry", asked())
    assert "not the version that is meant" in str(caught.value.found)
    new = registry.version("ferry", 1).tags[DIGEST]
    another.apply("ferry", weights={1: 1.0}, keep=[], token=8, digests={1: new})
    served = another.served("ferry")
    assert served is not None
    assert (served.version, served.digests) == (1, {1: new})


def test_a_version_that_went_is_not_healthy(
    platform: BatchPlatform, registry: MonitoringRegistry
) -> None:
    """A missing version is unhealthy; an outage of the registry raises."""
    platform.apply("ferry", weights={1: 1.0}, keep=[], token=7)
    shutil.rmtree(registry.home / "1")
    served = platform.served("ferry")
    assert served is not None
    assert (served.version, served.healthy) == (None, {1: False})
    registry.answers = False
    with pytest.raises(PlatformUnavailable, match="MLflow does not answer"):
        platform.served("ferry")


def test_a_bad_request_is_refused(platform: BatchPlatform) -> None:
    """The same refusal as by a server."""
    platform.apply("ferry", weights={1: 1.0}, keep=[], token=7)
    with pytest.raises(BadRequest):
        platform.ask("ferry", {"inputs": []})


def test_a_candidate_is_measured_in_a_process_of_its_own(
    platform: BatchPlatform, folder: Path
) -> None:
    """It answers as offline, refuses every bad input, and its memory and start are measured."""
    replay = Replay(ROWS.head(20), load_package(folder), ferry_dataset.dataset())
    with platform.boot("ferry", version=1, folder=folder) as candidate:
        measured = replay.run(candidate)
        assert np.array_equal(candidate.infer(asked()).scores, scores(folder))
        with pytest.raises(BadRequest):
            candidate.infer({"inputs": []})
    assert (measured.accepted, measured.numbers()["rows"]) == ((), 20)
    assert measured.cold_start_s > 0.1
    assert 50 < measured.resident_mib < 2000


def test_a_candidate_that_cannot_be_loaded_is_refused(
    platform: BatchPlatform, registry: MonitoringRegistry
) -> None:
    """At once, with the reason."""
    (registry.home / "2" / "model.skops").write_bytes(b"else")
    with (
        pytest.raises(RolloutRefused, match="the one that was registered"),
        platform.boot("ferry", version=2, folder=registry.home / "2"),
    ):
        pass
