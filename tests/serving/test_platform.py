"""The local platform with its servers and shipper, as real processes that are killed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import (
    BadRequest,
    NotFound,
    PlatformUnavailable,
    RolloutRefused,
    Superseded,
)
from slipway.records.desired_state import write_desired
from slipway.serving.model_server.pipeline_engine import engine_of
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.replay import bad_inputs
from tests.fakes.memory_store import MemoryStore
from tests.fakes.rollout import FakePlatform, Scores
from tests.serving.model_versions import MODEL, flights, offline_scores, request_of
from tests.serving.platform_env import INFER, PlatformEnv, running_platform_env
from tests.serving.prediction_log import shipped_rows
from tests.serving.processes import free_port, running_platform, until

approx = partial(pytest.approx, rel=1e-6)


@pytest.fixture(scope="module")
def shared(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformEnv]:
    """One platform for all tests of this file: a server takes seconds to start."""
    with running_platform_env(tmp_path_factory.mktemp("platform"), versions) as env:
        yield env


@pytest.fixture
def env(shared: PlatformEnv) -> PlatformEnv:
    """The platform, with version 1 serving and version 2 warm."""
    shared.serve(1, keep=[2])
    until(
        lambda: shared.process.get(f"/v2/models/{MODEL}/versions/2/ready").is_success, "2 is warm"
    )
    return shared


@pytest.fixture(params=["memory", "process"])
def platform(request: pytest.FixtureRequest, versions: Path) -> Platform:
    """The fake and the real platform, with version 1 serving and version 2 warm."""
    if request.param == "process":
        adapter: LocalPlatform = request.getfixturevalue("env").adapter
        return adapter
    packages = {version: load_package(versions / str(version)) for version in (1, 2)}
    signature = engine_of(packages[1]).signature

    def scores(version: int) -> Scores:
        engine = engine_of(packages[version])
        return lambda inputs: engine.score(list(inputs.columns.values())).tolist()

    models = {version: scores(version) for version in packages}
    fake = FakePlatform(MemoryStore(), signature, models, broken={3})
    fake.apply(MODEL, weights={1: 1.0}, keep=[2], token=1)
    return fake


def test_fake_and_platform_have_one_contract(platform: Platform, versions: Path) -> None:
    """The fake keeps the contract of the real platform."""
    rows = flights(8, seed=4)
    served = platform.served(MODEL)
    assert served is not None
    assert (served.version, dict(served.weights), served.keep) == (1, {1: 1.0}, (2,))
    assert served.healthy == {1: True, 2: True}
    answer = platform.ask(MODEL, request_of(rows, probe=True))
    assert (answer.version, answer.scores) == (1, approx(offline_scores(versions / "1", rows)))
    pinned = platform.ask(MODEL, request_of(rows, probe=True), version=2)
    assert (pinned.version, pinned.scores) == (2, approx(offline_scores(versions / "2", rows)))
    with pytest.raises(NotFound):
        platform.ask(MODEL, request_of(rows), version=9)
    with pytest.raises(BadRequest, match=r"refused|lacks"):
        platform.ask(MODEL, {"inputs": request_of(rows)["inputs"][1:]})
    assert platform.served("other") is None
    with pytest.raises(NotFound):
        platform.ask("other", request_of(rows))
    with pytest.raises(Superseded):
        platform.apply(MODEL, weights={2: 1.0}, keep=[], token=served.token - 1)
    with platform.boot(MODEL, version=2, folder=versions / "2") as candidate:
        answer = candidate.infer(request_of(rows))
        assert (answer.version, answer.scores) == (2, approx(offline_scores(versions / "2", rows)))
        good = request_of(rows.head(1))
        columns = load_package(versions / "2").signature_columns
        assert all(candidate.refuses(body) for body in bad_inputs(good, columns).values())
        assert not candidate.refuses(json.dumps(good).encode())
        assert candidate.cold_start_s > 0
        assert candidate.resident_mib > 0
    with (
        pytest.raises(RolloutRefused, match="ready"),
        platform.boot(MODEL, version=3, folder=versions / "3"),
    ):
        pass


def test_a_switch_under_requests_loses_none(env: PlatformEnv) -> None:
    """Every request is answered while traffic moves to a new version and back."""
    with env.background() as background, env.background() as another:
        background.wait_for(20)
        env.serve(2, keep=[1])
        served = env.adapter.served(MODEL)
        assert served is not None
        assert (served.version, served.keep, served.token) == (2, (1,), env.token)
        background.wait_for(20)
        env.serve(1, keep=[])
        background.wait_for(20)
    assert background.failed == another.failed == []
    assert set(background.answered.values()) == {1, 2}
    assert list(background.answered.values())[-1] == 1
    until(lambda: env.status()["servers"].keys() == {"1"}, "version 2 is drained and gone")
    answered = background.answered | another.answered
    until(lambda: env.shipped(answered), "every answer is in the store")


def test_a_killed_server_costs_no_request(env: PlatformEnv) -> None:
    """Its requests go to the warm version, and it is restarted."""
    with env.background() as background:
        background.wait_for(10)
        os.kill(env.status()["servers"]["1"]["pid"], signal.SIGKILL)
        background.wait_for(20)
        until(lambda: 2 in background.answered.values(), "the warm version answers")
        until(lambda: env.status()["settled"], "the killed server is back")
        background.wait_for(10)
    assert background.failed == []
    assert list(background.answered.values())[-1] == 1
    assert env.status()["servers"]["1"]["restarts"] == 1
    until(lambda: env.shipped(background.answered), "every answer is in the store")


def test_a_request_waits_for_the_only_server(env: PlatformEnv) -> None:
    """Without another version a request waits for the restart and is answered."""
    env.serve(1, keep=[])
    os.kill(env.status()["servers"]["1"]["pid"], signal.SIGKILL)
    reply = httpx.post(env.process.url + INFER, json=request_of(flights(1)), timeout=90)
    assert reply.status_code == 200


def test_a_killed_shipper_ships_exactly_once(env: PlatformEnv) -> None:
    """Repeated SIGKILL of the shipper loses and repeats no row."""
    with env.background() as background:
        for _ in range(3):
            background.wait_for(15)
            for pid in _children(env.process.process.pid, "ship("):
                os.kill(pid, signal.SIGKILL)
    assert background.failed == []
    until(lambda: env.shipped(background.answered), "every answer is in the store")
    rows = shipped_rows(env.store.root)
    # A request whose server another test killed may be logged by two servers.
    mine = rows[rows["request_id"].isin(background.answered.keys())]
    assert not mine.duplicated(["request_id", "row"]).any()


def test_refusals(env: PlatformEnv) -> None:
    """Older tokens, tampered versions, foreign models and versions that do not run."""
    with pytest.raises(Superseded, match=f"lease {env.token}"):
        env.adapter.apply(MODEL, weights={2: 1.0}, keep=[], token=env.token - 1)
    impatient = LocalPlatform(env.process.url, env.store, observed_within_seconds=2)
    with pytest.raises(PlatformUnavailable, match="the one that was registered"):
        impatient.apply(MODEL, weights={3: 1.0}, keep=[1], token=env.token)
    served = env.adapter.served(MODEL)
    assert served is not None
    assert served.version == 1
    assert env.process.get(f"/v2/models/{MODEL}/ready").is_success
    assert env.process.get("/v2/health/ready").is_success
    assert env.process.get("/v2/models/other").status_code == 404
    assert env.process.get(f"/v2/models/{MODEL}/versions/9/ready").status_code == 503
    pinned = f"{env.process.url}/v2/models/{MODEL}/versions/9/infer"
    assert httpx.post(pinned, json={}).status_code == 404
    assert env.adapter.served("other") is None
    with pytest.raises(PlatformUnavailable):
        LocalPlatform(f"http://127.0.0.1:{free_port()}", env.store).served(MODEL)


def test_a_killed_platform_resumes(env: PlatformEnv) -> None:
    """Its servers end; a new platform resumes the desired state.

    It comes last, since it ends the shared platform.
    """
    with env.background() as background:
        background.wait_for(20)
        before = env.status()
        servers = [server["pid"] for server in before["servers"].values()]
        env.process.kill()
    answered = dict(background.answered)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in servers), "orphans end")
    with running_platform(env.store.root, env.versions, env.scratch) as again:
        about = f"/platform/models/{MODEL}"
        until(lambda: again.get(about).is_success, "the state was read again")
        served = LocalPlatform(again.url, env.store).served(MODEL)
        assert served is not None
        assert served.token == env.token
        reply = httpx.post(again.url + INFER, json=request_of(flights(2)), timeout=90)
        # Until the serving version is ready again, the warm one may answer.
        version = reply.json()["model_version"]
        assert version in before["servers"]
        expected = offline_scores(env.versions / version, flights(2))
        assert reply.json()["outputs"][0]["data"] == approx(expected)
        until(lambda: env.shipped(answered), "every acknowledged answer is in the store")


def test_an_older_token_never_writes(tmp_path: Path) -> None:
    """Desired states are numbered, a repeat is the same state, and an old lease is refused."""
    store = open_store(str(tmp_path))
    first = write_desired(store, MODEL, weights={1: 1.0, 2: 0.0}, keep=[1, 2], token=7)
    assert (first.generation, first.weights, first.keep) == (1, {1: 1.0}, (2,))
    assert write_desired(store, MODEL, weights={1: 1.0}, keep=[2], token=7) == first
    assert write_desired(store, MODEL, weights={2: 1.0}, keep=[], token=8).generation == 2
    with pytest.raises(Superseded):
        write_desired(store, MODEL, weights={1: 1.0}, keep=[], token=7)


def _children(parent: int, mark: str) -> list[int]:
    """Child processes whose command line contains a text."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in listed if mark in Path(f"/proc/{pid}/cmdline").read_text()]
