"""The model server as a real process."""

from __future__ import annotations

import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.malformed_requests import malformed_requests
from tests.serving.model_versions import MODEL, flights, offline_scores, request_of
from tests.serving.processes import Process, running_server

INFER = f"/v2/models/{MODEL}/infer"
COLUMNS = [
    RawColumn("distance", "number", required=True),
    RawColumn("temperature", "number", required=False),
]


@pytest.fixture(scope="module")
def server(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server of version 1, which scores by ONNX Runtime."""
    with running_server(versions / "1", tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def pipeline_server(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server of version 4, which scores by its pipeline."""
    log = tmp_path_factory.mktemp("pipeline") / "log"
    with running_server(versions / "4", log, version=4) as running:
        yield running


@pytest.fixture(scope="module")
def trees_server(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server of version 5, whose pipeline scores waiting requests as one frame."""
    log = tmp_path_factory.mktemp("trees") / "log"
    with running_server(versions / "5", log, version=5) as running:
        yield running


def post(server: Process, body: object, path: str = INFER) -> httpx.Response:
    """The answer to a request."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.ask("POST", path, content=content, timeout=60)


def test_answers_of_a_pipeline_are_the_offline_predictions(
    pipeline_server: Process, versions: Path
) -> None:
    """Scores over HTTP equal the package's predictions, nulls included, bit by bit."""
    rows = flights(60, seed=5)
    reply = post(pipeline_server, {**request_of(rows), "id": "mine"})
    assert reply.status_code == 200
    answer = reply.json()
    assert answer["id"] == "mine"
    assert answer["model_version"] == reply.headers["x-slipway-version"] == "4"
    [score] = answer["outputs"]
    assert (score["name"], score["datatype"], score["shape"]) == ("score", "FP64", [60])
    assert score["data"] == offline_scores(versions / "4", rows)


@pytest.mark.parametrize("rows", [1, 60, 2000])
def test_answers_of_the_onnx_form_are_as_close_as_its_parity_gate_asks(
    server: Process, versions: Path, rows: int
) -> None:
    """Few rows, scored on the event loop, and many, scored in a thread, agree."""
    asked = flights(rows, seed=5)
    [score] = post(server, request_of(asked)).json()["outputs"]
    assert score["data"] == pytest.approx(offline_scores(versions / "1", asked), rel=1e-6, abs=1e-6)


def test_requests_at_the_same_time_are_answered_as_if_alone(
    trees_server: Process, versions: Path
) -> None:
    """Requests that are scored as one frame get the offline scores, bit by bit."""
    asked = [flights(1 + number % 4, seed=number) for number in range(120)]
    with ThreadPoolExecutor(16) as clients:
        replies = list(clients.map(lambda rows: post(trees_server, request_of(rows)), asked))
    scores = [reply.json()["outputs"][0]["data"] for reply in replies]
    assert scores == [offline_scores(versions / "5", rows) for rows in asked]
    figures = trees_server.get("/metrics").text
    runs = re.search(r"slipway_batch_rows_count\{.*\} ([\d.]+)", figures)
    assert runs is not None
    assert float(runs[1]) < 120


def test_health_is_answered_while_the_model_works(trees_server: Process) -> None:
    """A long request does not delay the health endpoints."""
    many = request_of(flights(20_000))
    slowest = 0.0
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(post, trees_server, many)
        while not answer.done():
            began = time.monotonic()
            assert trees_server.get("/v2/health/ready").is_success
            slowest = max(slowest, time.monotonic() - began)
        assert answer.result().status_code == 200
    assert slowest < 1


def test_metadata_says_what_a_request_holds(server: Process) -> None:
    """The model's inputs, and the key and event time that are only logged."""
    about = server.get(f"/v2/models/{MODEL}").json()
    names = {item["name"]: item["parameters"].get("role") for item in about["inputs"]}
    assert names == {
        "distance": None,
        "temperature": None,
        "carrier": None,
        "origin": None,
        "flight_id": "key",
        "scheduled_departure": "event_time",
    }
    assert server.get("/v2").json()["name"] == "slipway"
    assert server.get("/v2/health/live").is_success
    assert server.get(f"/v2/models/{MODEL}/versions/1/ready").is_success


@pytest.mark.parametrize(
    "path", ["/v2/models/other/infer", f"/v2/models/{MODEL}/versions/2/infer", "/nothing"]
)
def test_another_model_or_version_is_not_found(server: Process, path: str) -> None:
    """A server answers 404 for other names and versions."""
    assert post(server, request_of(flights(1)), path).status_code == 404


def test_a_wrong_method_is_refused(server: Process) -> None:
    """With 405, an `error` and `Allow`."""
    reply = server.get(INFER)
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"
    assert reply.json()["error"]
    assert server.ask("DELETE", "/v2").status_code == 405


def test_the_server_describes_itself_in_openapi(server: Process) -> None:
    """The document has the path that answers."""
    assert INFER in server.get("/openapi.json").json()["paths"]


def test_binary_answers_say_where_their_json_ends(server: Process, versions: Path) -> None:
    """Scores are bytes if requested; the header has the length of the JSON."""
    asked = flights(3)
    outputs = [{"name": "score", "parameters": {"binary_data": True}}]
    reply = post(server, {**request_of(asked), "outputs": outputs})
    head = int(reply.headers["inference-header-content-length"])
    assert reply.headers["content-type"] == "application/octet-stream"
    assert json.loads(reply.content[:head])["outputs"][0]["shape"] == [3]
    scores = struct.unpack("<3d", reply.content[head:])
    assert scores == pytest.approx(offline_scores(versions / "1", asked), rel=1e-6)


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "9" * 40, "100000"])
def test_a_wrong_json_length_is_refused(server: Process, length: str) -> None:
    """A header that is not the JSON's length is a client error."""
    headers = {"inference-header-content-length": length}
    content = json.dumps(request_of(flights(1))).encode()
    reply = server.ask("POST", INFER, content=content, headers=headers)
    assert reply.status_code == 400


@pytest.mark.parametrize("number", [1e300, -1e300])
def test_a_number_beyond_the_model_is_a_client_error(
    server: Process, trees_server: Process, number: float
) -> None:
    """The answer is a score or a 4xx."""
    asked = request_of(flights(1))
    next(t for t in asked["inputs"] if t["name"] == "distance")["data"] = [number]
    assert post(server, asked).status_code in {200, 422}
    assert post(trees_server, asked).status_code in {200, 422}


@pytest.mark.parametrize("name", sorted(malformed_requests(request_of(flights(1)), COLUMNS)))
def test_every_bad_input_of_verify_is_refused(server: Process, name: str) -> None:
    """Each is a client error whose message has no value."""
    body = malformed_requests(request_of(flights(1)), COLUMNS)[name]
    reply = post(server, body)
    assert reply.status_code in {400, 422}
    assert reply.json()["error"]


def test_a_body_that_is_too_large_is_refused(server: Process) -> None:
    """More bytes than the limit are a 413, and the connection stays open."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.post(INFER, content=b" " * (17 << 20)).status_code == 413
        assert client.post(INFER, json=request_of(flights(1))).status_code == 200


def test_a_batch_that_is_too_large_is_refused(server: Process) -> None:
    """More rows than the limit are a 413."""
    many = request_of(flights(1))
    for tensor in many["inputs"]:
        tensor["data"] *= 20_001
        tensor["shape"] = [20_001]
    assert post(server, many).status_code == 413


def exchange(server: Process, sent: bytes, *, until_seen: bytes) -> bytes:
    """Bytes that a raw connection receives until they contain a text."""
    port = int(server.url.rpartition(":")[2])
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        while until_seen not in received:
            chunk = connection.recv(65536)
            assert chunk, received
            received += chunk
    return received


def test_requests_in_one_packet_are_answered_in_order(server: Process) -> None:
    """A client may send the next request before it has read the last answer."""
    body = json.dumps(request_of(flights(1))).encode()
    heads = [
        f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\nx-request-id: r{number}\r\n"
        f"content-length: {len(body)}\r\n\r\n".encode()
        for number in range(5)
    ]
    received = exchange(server, b"".join(head + body for head in heads), until_seen=b'"id":"r4"')
    places = [received.index(f'"id":"r{number}"'.encode()) for number in range(5)]
    assert places == sorted(places)
    assert received.count(b"HTTP/1.1 200 OK") == 5


def test_expect_continue_is_answered(server: Process) -> None:
    """`Expect: 100-continue` is answered before the body is sent."""
    head = f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n"
    received = exchange(server, f"{head}content-length: 9\r\n\r\n".encode(), until_seen=b"\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 100 Continue")


def test_an_answer_without_a_body_arrives(server: Process) -> None:
    """HEAD is answered with the head alone."""
    reply = httpx.head(server.url + "/v2/health/ready")
    assert (reply.status_code, reply.content) == (200, b"")


def test_a_hostile_body_holds_up_no_probe(server: Process) -> None:
    """Lists, and numbers that parse slowly: a probe had waited for 2 to 20 seconds."""
    rows = request_of(flights(1))
    rows["inputs"][0]["data"] = "@"
    text = json.dumps(rows).encode()
    hostile = [text.replace(b'"@"', b"[" + one * (2 << 20) + b"1]") for one in (b"1e308,", b"[0],")]
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(post, server, body) for body in hostile]
        waits = []
        while not all(one.done() for one in asked):
            began = time.monotonic()
            assert server.get("/v2/health/ready").is_success
            waits.append(time.monotonic() - began)
    assert sorted(one.result().status_code for one in asked) == [413, 422]
    assert max(waits) < 2
