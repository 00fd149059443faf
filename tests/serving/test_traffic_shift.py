"""Shifting traffic between real servers of a real platform, under load."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from slipway.records.store import digest
from slipway.stages.model.manifest import MANIFEST
from tests.serving.model_versions import MODEL, flights, request_of, save_version
from tests.serving.platform_env import INFER, PlatformEnv, running_platform_env
from tests.serving.processes import until

CHAMPION, CANARY = 1, 2


@pytest.fixture(scope="module")
def shared(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformEnv]:
    """One platform and registry for all tests of this file."""
    folder = tmp_path_factory.mktemp("shifting")
    for version in (CHAMPION, CANARY):
        shutil.copytree(versions / str(version), folder / "versions" / str(version))
    with running_platform_env(folder, folder / "versions") as env:
        yield env


@pytest.fixture
def env(shared: PlatformEnv) -> PlatformEnv:
    """The platform, with the champion serving and the canary warm."""
    shared.serve(CHAMPION, keep=[CANARY])
    until(lambda: shared.status()["servers"][str(CANARY)]["ready"], "the canary is warm")
    return shared


def ask(env: PlatformEnv, **headers: str) -> httpx.Response:
    """Version and status of one answer."""
    url = env.process.url + INFER
    return httpx.post(url, json=request_of(flights(1)), headers=headers, timeout=90)


def versions_of(env: PlatformEnv, keys: list[str]) -> dict[str, str]:
    """Version that answers each key."""
    with httpx.Client(timeout=90) as client:
        url, body = env.process.url + INFER, request_of(flights(1))
        replies = {key: client.post(url, json=body, headers={"x-slipway-key": key}) for key in keys}
    return {key: reply.headers["x-slipway-version"] for key, reply in replies.items()}


def test_shifting_under_load_loses_no_request(env: PlatformEnv) -> None:
    """From 0 to 10, 50 and 100 % and back, no request fails and the shares are exact."""
    steps: list[dict[int, float]] = [
        {CHAMPION: 0.9, CANARY: 0.1},
        {CHAMPION: 0.5, CANARY: 0.5},
        {CANARY: 1.0},
        {CHAMPION: 0.5, CANARY: 0.5},
        {CHAMPION: 1.0},
    ]
    with env.background() as one, env.background() as other:
        for weights in steps:
            env.share(weights, keep=[CHAMPION, CANARY])
            answered = len(one.answered)
            one.wait_for(60)
            counts = Counter(list(one.answered.values())[answered:])
            # One request may be answered before the weights are in force.
            for version, count in counts.items():
                assert count <= 1 or version in weights
            tallies = env.tallies()
            assert tallies.keys() == weights.keys()
            total = sum(tally.asked for tally in tallies.values())
            for version, tally in tallies.items():
                deviation = (total * weights[version] * (1 - weights[version])) ** 0.5
                assert abs(tally.asked - total * weights[version]) <= 5 * deviation
            assert all(tally.failed == 0 for tally in tallies.values())
            assert all(tally.p99_ms for tally in tallies.values() if tally.asked)
    assert one.failed == other.failed == []
    until(lambda: env.shipped(one.answered | other.answered), "every answer is in the store")


def test_a_key_stays_with_its_version(env: PlatformEnv) -> None:
    """From 10 to 50 % a client's key only moves to the canary."""
    keys = [f"customer-{number}" for number in range(150)]
    env.share({CHAMPION: 0.9, CANARY: 0.1})
    small = versions_of(env, keys)
    assert versions_of(env, keys) == small
    env.share({CHAMPION: 0.5, CANARY: 0.5})
    large = versions_of(env, keys)
    assert {large[key] for key in keys if small[key] == str(CANARY)} == {str(CANARY)}
    # Five standard deviations around a tenth and a half of 150.
    assert 0 < Counter(small.values())[str(CANARY)] < 34
    assert 44 < Counter(large.values())[str(CANARY)] < 106


def test_a_row_stays_with_its_version(env: PlatformEnv) -> None:
    """Without a header the first row's key is the sticky key."""
    env.share({CHAMPION: 0.5, CANARY: 0.5})
    url, rows = env.process.url + INFER, flights(20)
    answered: list[set[str]] = []
    with httpx.Client(timeout=90) as client:
        for number in range(len(rows)):
            body = request_of(rows.iloc[[number]])
            replies = [client.post(url, json=body) for _ in range(4)]
            answered.append({reply.headers["x-slipway-version"] for reply in replies})
    assert {len(one) for one in answered} == {1}
    assert set.union(*answered) == {str(CHAMPION), str(CANARY)}


def test_an_abort_holds_for_the_very_next_request(env: PlatformEnv) -> None:
    """With weight 0 in force, the canary answers nothing more."""
    env.share({CHAMPION: 0.1, CANARY: 0.9})
    with env.background() as background:
        background.wait_for(20)
        env.share({CHAMPION: 1.0}, keep=[])
        begun_after = len(background.answered) + 1
        background.wait_for(40)
    assert background.failed == []
    assert set(list(background.answered.values())[begun_after:]) == {CHAMPION}
    tallies = env.tallies()
    assert tallies.keys() == {CHAMPION}


def test_a_dead_canary_costs_what_it_was_answering(env: PlatformEnv) -> None:
    """During repeated kills its share is answered by others, and counts against it.

    The client sends one request at a time, so each kill ends one at most.
    """
    env.share({CHAMPION: 0.5, CANARY: 0.5}, keep=[])
    before = env.status()["servers"][str(CANARY)]["restarts"]
    with env.background() as background:
        for _ in range(2):
            until(lambda: env.status()["servers"][str(CANARY)]["ready"], "it is back")
            os.kill(env.status()["servers"][str(CANARY)]["pid"], signal.SIGKILL)
            background.wait_for(30)
    assert len(background.failed) <= 2
    tallies = env.tallies()
    assert tallies[CANARY].failed > 0
    assert tallies[CHAMPION].failed == 0
    about = env.status()["servers"][str(CANARY)]
    assert about["restarts"] >= before + 1
    assert about["last_exit"] == -signal.SIGKILL
    until(lambda: env.status()["servers"][str(CANARY)]["ready"], "it is back")


def test_a_stopped_server_is_replaced(env: PlatformEnv) -> None:
    """A hanging server is killed; what it has received is refused, and others answer the rest."""
    env.share({CHAMPION: 0.5, CANARY: 0.5}, keep=[])
    pid = env.status()["servers"][str(CANARY)]["pid"]
    os.kill(pid, signal.SIGSTOP)
    keys = [f"customer-{number}" for number in range(12)]
    assert list(versions_of(env, keys).values()).count(str(CANARY)) <= 1
    until(lambda: env.status()["servers"][str(CANARY)]["ready"], "it is another process")
    assert env.status()["servers"][str(CANARY)]["pid"] != pid
    assert env.tallies()[CANARY].failed > 0


def test_a_request_during_which_its_server_ends_is_answered_by_no_other(env: PlatformEnv) -> None:
    """The client gets 502; a warm version is ready, and answers the next request."""
    env.share({CANARY: 1.0}, keep=[CHAMPION])
    until(lambda: env.status()["servers"][str(CANARY)]["ready"], "the canary is ready")
    pid = env.status()["servers"][str(CANARY)]["pid"]
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, env)
        time.sleep(0.5)
        os.kill(pid, signal.SIGKILL)
        reply = asked.result()
    assert reply.status_code == 502
    assert reply.headers["x-slipway-version"] == str(CANARY)
    assert ask(env).headers["x-slipway-version"] == str(CHAMPION)
    until(lambda: env.status()["servers"][str(CANARY)]["ready"], "it is back")


def test_no_weighted_version_fails_at_once(env: PlatformEnv) -> None:
    """Requests fail at once after the first model was rolled back, warm versions or not."""
    env.share({}, keep=[CHAMPION])
    began = time.monotonic()
    reply = ask(env)
    assert (reply.status_code, time.monotonic() - began < 5) == (503, True)
    assert "has a share" in reply.json()["error"]
    assert env.process.get("/v2/health/ready").is_success


def test_endpoints_through_the_reverse_proxy(env: PlatformEnv) -> None:
    """Metadata, versions, errors with their version, the OpenAPI document, metrics."""
    get = env.process.get
    assert get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert get(f"/v2/models/{MODEL}").json()["versions"] == [str(CHAMPION)]
    assert get(f"/v2/models/{MODEL}/versions/{CANARY}").json()["versions"] == [str(CANARY)]
    document = get(f"/v2/models/{MODEL}/openapi.json").json()
    assert document["openapi"].startswith("3.")
    pinned = f"{env.process.url}/v2/models/{MODEL}/versions/{CANARY}/infer"
    answer = httpx.post(pinned, json=request_of(flights(1)))
    assert (answer.json()["model_version"], answer.headers["x-slipway-version"]) == ("2", "2")
    refused = env.process.ask("POST", INFER, content=b"{")
    assert (refused.status_code, "error" in refused.json()) == (400, True)
    assert refused.headers["x-slipway-version"] == str(CHAMPION)
    figures = get("/metrics").text
    assert f'slipway_platform_weight{{model="{MODEL}",version="1"}} 1.0' in figures
    for found in get("/platform/targets").json():
        [target] = found["targets"]
        assert "slipway_ready" in httpx.get(f"http://{target}/metrics").text


def test_binary_tensors_pass(env: PlatformEnv) -> None:
    """Raw bytes of a request and of an answer are unchanged."""
    rows = flights(2)
    request: dict[str, Any] = request_of(rows)
    tail = rows["distance"].astype("<f8").to_numpy().tobytes()
    [distance] = [one for one in request["inputs"] if one["name"] == "distance"]
    del distance["data"]
    distance["parameters"] = {"binary_data_size": len(tail)}
    request["parameters"] = {"binary_data_output": True}
    head = json.dumps(request).encode()
    length = {"inference-header-content-length": str(len(head))}
    url = env.process.url + INFER
    reply = httpx.post(url, content=head + tail, headers=length)
    assert reply.status_code == 200, reply.text
    json_length = int(reply.headers["inference-header-content-length"])
    assert json.loads(reply.content[:json_length])["outputs"][0]["parameters"] == {
        "binary_data_size": len(reply.content) - json_length
    }


def test_a_version_is_its_digest(env: PlatformEnv) -> None:
    """In a registry begun anew, a number's new bytes serve only in a state with their digest.

    It comes last, since it changes the canary.
    """
    old = served_digest(env)
    folder = env.versions / str(CANARY)
    shutil.rmtree(folder)
    save_version(folder, seed=5)
    new = digest((folder / MANIFEST).read_bytes())
    env.token += 1
    env.adapter.claim(MODEL, token=env.token)
    with env.background() as background:
        env.serve(CANARY, keep=[])
        background.wait_for(20)
        assert served_digest(env) == old
        env.token += 1
        env.adapter.apply(
            MODEL, weights={CANARY: 1.0}, keep=[], token=env.token, digests={CANARY: new}
        )
        assert served_digest(env) == new != old
        background.wait_for(20)
    assert background.failed == []
    shutil.rmtree(folder)
    env.kill(CANARY)
    reply = ask(env)
    assert (reply.status_code, reply.headers["x-slipway-version"]) == (200, str(CANARY))


def served_digest(env: PlatformEnv) -> str | None:
    """Digest of what the canary's server serves."""
    served = env.adapter.served(MODEL)
    assert served is not None
    return served.digests.get(CANARY)
