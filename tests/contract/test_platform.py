"""What every platform does: in memory, in local processes, in batches and on a cluster's double."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.model_package import load_package
from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.batch.platform import BatchPlatform
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import BadRequest, NotFound, PlatformUnavailable, RolloutRefused, Superseded
from slipway.records.store import Store, digest
from slipway.serving.model_server.pipeline_engine import engine_of
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.rollout.malformed_requests import malformed_requests
from slipway.stages.rollout.platform import Payload, Platform, Served
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.wiring.batch_candidate import command
from tests.conftest import mlflow_in
from tests.fakes.memory_store import MemoryStore
from tests.fakes.rollout import FakePlatform
from tests.fakes.versions import FolderVersions
from tests.serving.processes import running_platform, until
from tests.support import packages
from tests.support.models_on_cluster import (
    COLUMNS,
    MODEL,
    cluster_platform,
    open_cluster_double,
    register_versions,
    spec_of,
)
from tests.support.rollout_leases import permit_states
from tests.support.row_identities import named_identity

UNREADY = 5
# A cluster has no name for what it does not serve, so nothing answers there.
NOT_SERVED = (NotFound, PlatformUnavailable)


@dataclass
class Case:
    """A platform, and the versions that it can serve.

    Attributes:
        platform: The platform.
        good: Folder of versions 1 and 2.
        unready: Folder of a version whose server never becomes ready.
        token: Of the newest rollout.
    """

    platform: Platform
    good: Path
    unready: Path
    token: int = 0

    @property
    def digest(self) -> str:
        """Digest of versions 1 and 2."""
        return digest((self.good / MANIFEST).read_bytes())

    def serve(self, weights: Mapping[int, float], *keep: int, sha256: str | None = None) -> None:
        """Apply weights, as a new rollout does; with a digest, of every weighted version."""
        self.token += 1
        digests = None if sha256 is None else dict.fromkeys(weights, sha256)
        self.platform.apply(MODEL, weights=weights, keep=keep, token=self.token, digests=digests)
        # Versions without a share may become ready later.
        until(lambda: all(self.served().healthy.values()), "every version is ready")

    def served(self) -> Served:
        """What is really served."""
        found = self.platform.served(MODEL)
        assert found is not None
        return found

    def scores(self, rows: int) -> object:
        """Scores of the good version offline."""
        return pytest.approx(load_package(self.good).predict(packages.rows(rows)), rel=1e-6)


@pytest.fixture(scope="module")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own: other tests register a model of this name, and versions are counted."""
    with mlflow_in(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(scope="module")
def registry(mlflow_url: str, folder: Path) -> MlflowRegistry:
    """A registry of the versions."""
    return register_versions(mlflow_url, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the versions' folders."""
    return tmp_path_factory.mktemp("versions")


@pytest.fixture(scope="module", params=["memory", "batch", "local", "cluster"])
def case(
    request: pytest.FixtureRequest,
    registry: MlflowRegistry,
    folder: Path,
    mlflow_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    """Each platform in turn, which serves nothing yet."""
    home = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        match request.param:
            case "memory":
                platform: Platform = _memory(folder / "good")
            case "batch":
                versions = _numbered(folder / "good", home)
                platform = BatchPlatform(
                    _permitted(MemoryStore()), versions, load=load_package, command=command
                )
            case "local":
                platform = stack.enter_context(_local(folder / "good", home))
            case _:
                cluster = stack.enter_context(open_cluster_double(home, mlflow_url))
                platform = cluster_platform(
                    cluster, spec_of(cluster, by_route=False, ready_seconds=10), registry
                )
        yield Case(platform, folder / "good", folder / "empty")


def _permitted(store: Store) -> Store:
    permit_states(store, MODEL, 1, 2, UNREADY, up_to=60)
    return store


def _memory(good: Path) -> FakePlatform:
    engine = engine_of(load_package(good))

    def score(inputs: object) -> list[float]:
        return engine.score(list(inputs.columns.values())).tolist()  # type: ignore[attr-defined]

    models = {1: score, 2: score}
    sealed = digest((good / MANIFEST).read_bytes())
    return FakePlatform(
        _permitted(MemoryStore()),
        engine.signature,
        models,
        broken={UNREADY},
        sealed={1: sealed, 2: sealed},
    )


def _numbered(good: Path, home: Path) -> FolderVersions:
    for version in ("1", "2"):
        shutil.copytree(good, home / "versions" / version)
    return FolderVersions(home / "versions")


@contextmanager
def _local(good: Path, home: Path) -> Iterator[LocalPlatform]:
    _numbered(good, home)
    store = _permitted(open_store(str(home / "store")))
    with running_platform(store.root, home / "versions", home / "scratch") as process:
        yield LocalPlatform(process.url, store, observed_within_seconds=10)


def request_body(rows: int = 3) -> Payload:
    """A request that is kept apart from clients' ones."""
    frame = packages.rows(rows)
    return encode_rows(frame, COLUMNS, identity=named_identity("id", "at"), probe=True)


def test_before_the_first_rollout_nothing_is_served(case: Case) -> None:
    """A claim of a model that was never served has no effect on that."""
    assert case.platform.served(MODEL) is None
    with pytest.raises(NOT_SERVED):
        case.platform.ask(MODEL, request_body())
    case.platform.claim(MODEL, token=1)
    assert case.platform.served(MODEL) is None


def test_what_is_applied_is_in_force(case: Case) -> None:
    """Weights, warm versions and token are read back; the version answers as it does offline."""
    case.serve({1: 1.0}, 2)
    served = case.served()
    assert (served.version, dict(served.weights)) == (1, {1: 1.0})
    assert (served.keep, served.token) == ((2,), case.token)
    assert served.healthy == {1: True, 2: True}
    answer = case.platform.ask(MODEL, request_body())
    assert (answer.version, list(answer.scores)) == (1, case.scores(3))


def test_a_version_that_is_kept_warm_answers_by_its_number(case: Case) -> None:
    """Another one does not."""
    case.serve({1: 1.0}, 2)
    assert case.platform.ask(MODEL, request_body(), version=2).version == 2
    with pytest.raises(NOT_SERVED):
        case.platform.ask(MODEL, request_body(), version=9)


def test_a_switch_and_the_way_back_are_the_same_call(case: Case) -> None:
    """The version that served stays warm, and serves again."""
    case.serve({2: 1.0}, 1)
    assert case.platform.ask(MODEL, request_body()).version == 2
    case.serve({1: 1.0}, 2)
    assert case.platform.ask(MODEL, request_body()).version == 1


def test_a_repeat_changes_nothing(case: Case) -> None:
    """The same rollout may apply its weights again."""
    case.serve({1: 1.0}, 2)
    before = case.served()
    case.platform.apply(MODEL, weights={1: 1.0}, keep=[2], token=case.token)
    after = case.served()
    assert (after.weights, after.keep, after.token) == (before.weights, before.keep, before.token)


def test_an_older_rollout_is_fenced_off(case: Case) -> None:
    """By a newer one's weights, and by its mere claim; what is served stays."""
    case.serve({1: 1.0}, 2)
    with pytest.raises(Superseded):
        case.platform.apply(MODEL, weights={2: 1.0}, keep=[], token=case.token - 1)
    case.token += 1
    case.platform.claim(MODEL, token=case.token)
    with pytest.raises(Superseded):
        case.platform.apply(MODEL, weights={2: 1.0}, keep=[], token=case.token - 1)
    with pytest.raises(Superseded):
        case.platform.claim(MODEL, token=case.token - 1)
    until(lambda: case.served().token == case.token, "the claim is read back")
    assert case.served().version == 1


def test_what_serves_has_its_digest(case: Case) -> None:
    """It is read back, and stays when another rollout claims the traffic."""
    case.serve({1: 1.0}, sha256=case.digest)
    assert case.served().digests == {1: case.digest}
    case.token += 1
    case.platform.claim(MODEL, token=case.token)
    until(lambda: case.served().token == case.token, "the claim is read back")
    assert case.served().digests == {1: case.digest}


def test_other_bytes_under_a_number_never_serve(case: Case) -> None:
    """The registry has others than those that are meant; what served before goes on."""
    case.serve({1: 1.0}, sha256=case.digest)
    with pytest.raises(PlatformUnavailable):
        case.serve({2: 1.0}, 1, sha256="e" * 64)
    case.serve({1: 1.0}, sha256=case.digest)
    served = case.served()
    assert (served.version, served.digests[1]) == (1, case.digest)
    assert case.platform.ask(MODEL, request_body()).version == 1


def test_the_served_number_is_not_replaced_by_other_bytes(case: Case) -> None:
    """A version whose bytes cannot be had takes nothing from the one of the same number."""
    case.serve({1: 1.0}, sha256=case.digest)
    with pytest.raises(PlatformUnavailable):
        case.serve({1: 1.0}, sha256="e" * 64)
    assert list(case.platform.ask(MODEL, request_body()).scores) == case.scores(3)
    case.serve({1: 1.0}, sha256=case.digest)
    assert case.served().digests == {1: case.digest}


def test_a_request_that_does_not_fit_is_refused(case: Case) -> None:
    """With the same error everywhere."""
    case.serve({1: 1.0})
    lacking = {"inputs": request_body()["inputs"][1:]}
    with pytest.raises(BadRequest):
        case.platform.ask(MODEL, lacking)


def test_a_candidate_answers_without_any_traffic(case: Case) -> None:
    """It scores as the version does offline, refuses what a server must, and is measured."""
    case.serve({1: 1.0})
    good = request_body(1)
    columns = load_package(case.good).signature_columns
    with case.platform.boot(MODEL, version=2, folder=case.good, digest=case.digest) as candidate:
        assert list(candidate.infer(request_body()).scores) == case.scores(3)
        assert all(candidate.refuses(body) for body in malformed_requests(good, columns).values())
        assert not candidate.refuses(json.dumps(good).encode())
        assert candidate.cold_start_s > 0
        assert candidate.resident_mib > 0
        assert case.served().weights == {1: 1.0}


def test_a_candidate_that_is_never_ready_is_refused(case: Case) -> None:
    """The champion serves on."""
    case.serve({1: 1.0})
    with (
        pytest.raises(RolloutRefused),
        case.platform.boot(MODEL, version=UNREADY, folder=case.unready),
    ):
        pass
    assert case.platform.ask(MODEL, request_body()).version == 1
