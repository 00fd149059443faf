"""Invalid requests of every kind, whose values carry a marker."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.serving.model_versions import MODEL, flights, request_of

MARK = "s3cret"
"""Every value holds this or the number below, and no name does: neither may come back."""
MARKED_NUMBER = 918273.625
MARKS = (MARK.encode(), b"918273")
INFER = f"/v2/models/{MODEL}/infer"
PATHS = [
    *("/", "/v2", "/v2/", "/v2/health/live", "/v2/health/ready", "/metrics", "/openapi.json"),
    *(f"/v2/models/{MODEL}", f"/v2/models/{MODEL}/ready", INFER, f"{INFER}/", f"/{INFER}"),
    *(f"/v2/models/{MODEL}/versions/{n}/infer" for n in ("1", "2", "-1", "9" * 40, "%31", "one")),
    *("/v2/models/other/infer", f"/v2/../v2/models/{MODEL}/infer", "/v2/models//infer", "/%00"),
    *("/..%2f..%2fetc/passwd", "/%ff%fe", "/%", "/v2?" + "a=b&" * 900, "/" + "x" * 9000, "*"),
    *("http://elsewhere/v2", "/räv", f"{INFER}?id={MARK}", f"{INFER}#part", "/v2/health/live%0a"),
]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "BREW"]
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 1.5, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 10**400, -0.0),
    *(MARKED_NUMBER, float("nan"), float("inf"), -float("inf"), "@1e999@", "@-1e-999@"),
    *([], [[]], {}, [{}], [None], [[[[[MARK]]]]], {"a": MARK}, {"a": {"a": {"a": MARK}}}),
    *("", MARK, MARK * 500, "\x00", "räv🦊", "\ud800", "FP64", "BYTES", "INT8", "score", "1"),
]
NAMES: list[Any] = ["", "distance", "carrier", "extra", "räv🦊", "\x00", "x" * 3000, 5, None, []]
HEADS = [
    *("Content-Type: text/plain", "Content-Type: ", "Content-Encoding: gzip", "Accept: x"),
    *("Expect: 100-continue", "X-Request-Id: ", "X-Request-Id: \xff\xfe", "Cookie: " + "c" * 6000),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Content-Length: 5"),
    *("Content-Length: -5", "Content-Length: 99999999999999999999", "Upgrade: h2c", "Host: "),
    *("Inference-Header-Content-Length: x", "Inference-Header-Content-Length: 0", "X: " + "y" * 9),
    *("Inference-Header-Content-Length: -1", "Inference-Header-Content-Length: 99999", "no colon"),
    *("Inference-Header-Content-Length: 20", "Bad Name: x", "X-Slipway-Key: \x01", ": nothing"),
]


@dataclass(frozen=True)
class FuzzRequest:
    """Bytes for a server.

    Attributes:
        kind: Name of the generator.
        data: The bytes.
        alone: Whether they need a connection of their own, which is closed afterwards.
        owed: Whether an answer is expected: they are one complete request.
    """

    kind: str
    data: bytes
    alone: bool = False
    owed: bool = True


def fuzz_requests(seed: int) -> Iterator[FuzzRequest]:
    """Endless requests, the same for the same seed."""
    random_ = random.Random(seed)
    makers: list[Callable[[random.Random], FuzzRequest]] = [
        malformed_structure,
        malformed_text,
        malformed_binary,
        random_body,
    ]
    rare: list[Callable[[random.Random], FuzzRequest]] = [
        odd_path,
        odd_headers,
        pipelined_requests,
        partial_request,
    ]
    while True:
        yield random_.choice(makers if random_.random() < 0.85 else rare)(random_)


def malformed_structure(random_: random.Random) -> FuzzRequest:
    """JSON with some parts replaced, left out or doubled."""
    return FuzzRequest("structure", post(_changed(random_, valid_request(random_))))


def malformed_text(random_: random.Random) -> FuzzRequest:
    """JSON with some bytes changed."""
    return FuzzRequest(
        "text", post(_scrambled(random_, json.dumps(valid_request(random_)).encode()))
    )


def malformed_binary(random_: random.Random) -> FuzzRequest:
    """Binary tensors with wrong sizes, header or bytes."""
    request = valid_request(random_)
    tail = b""
    for tensor in request["inputs"]:
        data = _packed(tensor["datatype"], tensor.pop("data"))
        tensor["parameters"] = {"binary_data_size": len(data)}
        tail += data
    head = json.dumps(request).encode()
    lie = random_.randrange(5)
    if lie == 0:
        head = _changed(random_, request)
    elif lie == 1:
        head = _scrambled(random_, head)
    elif lie == 2:
        tail = _scrambled(random_, tail)
    length = len(head) if lie < 4 else random_.randrange(2 * len(head))
    return FuzzRequest("binary", post(head + tail, f"Inference-Header-Content-Length: {length}"))


def random_body(random_: random.Random) -> FuzzRequest:
    """Random bytes."""
    return FuzzRequest("noise", post(random_.randbytes(random_.randrange(400))))


def odd_path(random_: random.Random) -> FuzzRequest:
    """Any method for any path."""
    method, path = random_.choice(METHODS), random_.choice(PATHS)
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Length: 2")
    head = "\r\n".join((*lines, "Connection: close", "", "{}"))
    return FuzzRequest("path", head.encode(), alone=True)


def odd_headers(random_: random.Random) -> FuzzRequest:
    """A valid body behind wrong headers."""
    body = json.dumps(valid_request(random_)).encode()
    lines = random_.sample(HEADS, random_.randrange(1, 4))
    return FuzzRequest("head", post(body, "Connection: close", *lines), alone=True, owed=False)


def pipelined_requests(random_: random.Random) -> FuzzRequest:
    """Several requests at once, followed by bytes that are no HTTP."""
    data = b"".join(malformed_structure(random_).data for _ in range(random_.randrange(1, 5)))
    junk = random_.choice([b"", b"\x00" + random_.randbytes(40) + b"\r\n\r\n"])
    return FuzzRequest("pipeline", data + junk, alone=True, owed=False)


def partial_request(random_: random.Random) -> FuzzRequest:
    """A request that ends in the middle, as by a client that disconnects."""
    data = malformed_structure(random_).data
    return FuzzRequest("part", data[: random_.randrange(len(data))], alone=True, owed=False)


def valid_request(random_: random.Random) -> dict[str, Any]:
    """A valid request whose values carry the marker."""
    request: dict[str, Any] = json.loads(_good_text(random_.randrange(1, 4)))
    return request


@cache
def _good_text(rows: int) -> str:
    request = request_of(flights(rows), probe=True)
    for tensor in request["inputs"]:
        value = MARKED_NUMBER if tensor["datatype"] == "FP64" else MARK
        if tensor["name"] != "scheduled_departure":
            tensor["data"] = [value] * rows
    return json.dumps(request)


def post(body: bytes, *lines: str) -> bytes:
    """Bytes of an infer request."""
    head = [f"POST {INFER} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def _packed(datatype: str, values: list[Any]) -> bytes:
    if datatype == "FP64":
        return struct.pack(f"<{len(values)}d", *(float("nan") if v is None else v for v in values))
    texts = [str(value).encode() for value in values]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def _changed(random_: random.Random, request: dict[str, Any]) -> bytes:
    for _ in range(random_.choice([1, 1, 1, 2, 3])):
        # The rest may be empty.
        parent, key = random_.choice(list(_places(request)) or [({"": 0}, "")])
        is_name = key in {"name", "id"}
        act = random_.randrange(5)
        if act == 0:
            del parent[key]
        elif act == 1 and isinstance(parent, list):
            parent.append(parent[key])
        elif act == 2 and isinstance(parent, dict):
            parent[random_.choice(["extra", "rows", "", "räv", "name"])] = deepcopy(
                random_.choice(NAMES)
            )
        else:
            parent[key] = deepcopy(random_.choice(NAMES if is_name else ODD))
    return re.sub(r'"@(.*?)@"', r"\1", json.dumps(request)).encode()


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _scrambled(random_: random.Random, text: bytes) -> bytes:
    data = bytearray(text)
    for _ in range(random_.randrange(1, 5)):
        at = random_.randrange(len(data) + 1)
        act = random_.randrange(4)
        if act == 0:
            data[at : at + 1] = random_.randbytes(1)
        elif act == 1:
            del data[at : at + random_.randrange(1, 9)]
        elif act == 2:
            data[at:at] = random_.choice(
                [b'"', b"[", b"]", b"{", b"}", b":", b",", b"\\", b"[" * 3000]
            )
        else:
            del data[at:]
    return bytes(data)
