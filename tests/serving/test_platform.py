"""The local platform with its servers and shipper, as real processes that are killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import (
    PlatformUnavailable,
    Superseded,
)
from slipway.records.desired_state import newest_desired, state_key
from slipway.records.store import encode
from slipway.records.write_state import write_desired
from tests.serving.model_versions import MODEL, flights, offline_scores, request_of
from tests.serving.platform_env import INFER, PlatformEnv, running_platform_env
from tests.serving.prediction_log import shipped_rows
from tests.serving.processes import free_port, running_platform, until
from tests.support.rollout_leases import acquire_leases

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


def test_a_killed_server_costs_what_it_was_answering(env: PlatformEnv) -> None:
    """Later requests go to the warm version, and it is restarted; a client asks once at a time."""
    with env.background() as background:
        background.wait_for(10)
        env.kill(1)
        until(lambda: 2 in background.answered.values(), "the warm version answers")
        until(lambda: env.status()["settled"], "the killed server is back")
        until(lambda: list(background.answered.values())[-1] == 1, "the version answers again")
    assert len(background.failed) <= 1
    assert env.status()["servers"]["1"]["restarts"] == 1
    until(lambda: env.shipped(background.answered), "every answer is in the store")


def test_a_request_waits_for_the_only_server(env: PlatformEnv) -> None:
    """Without another version a request waits for the restart and is answered."""
    env.serve(1, keep=[])
    env.kill(1)
    reply = env.process.ask("POST", INFER, json=request_of(flights(1)), timeout=90)
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


def test_a_state_that_no_rollout_wrote_moves_no_traffic(env: PlatformEnv) -> None:
    """It is named in status and metrics; a restarted platform does not follow it either."""
    newest = newest_desired(env.store, MODEL)
    assert newest is not None
    generation = newest.generation + 1
    forged = {**vars(newest), "generation": generation, "weights": {"9": 1.0}, "digests": {}}
    env.store.create(state_key(MODEL, generation), encode(forged))
    env.store.create(state_key(MODEL, 99999999), encode({**forged, "generation": 99999999}))
    until(lambda: env.status()["forged"], "the forged state was looked at")
    [named] = env.status()["forged"]
    assert named["key"] == state_key(MODEL, generation)
    assert "names version 9" in named["reason"]
    assert (env.status()["weights"], env.status()["settled"]) == ({"1": 1.0}, True)
    metrics = env.process.get("/metrics").text
    assert f'slipway_platform_forged_states{{model="{MODEL}"}} 1.0' in metrics


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
        reply = again.ask("POST", INFER, json=request_of(flights(2)), timeout=90)
        # Until the serving version is ready again, the warm one may answer.
        version = reply.json()["model_version"]
        assert version in before["servers"]
        expected = offline_scores(env.versions / version, flights(2))
        assert reply.json()["outputs"][0]["data"] == approx(expected)
        until(lambda: env.shipped(answered), "every acknowledged answer is in the store")


def test_an_older_token_never_writes(tmp_path: Path) -> None:
    """Desired states are numbered, a repeat is the same state, and an old lease is refused."""
    store = open_store(str(tmp_path))
    acquire_leases(store, MODEL, up_to=8)
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
