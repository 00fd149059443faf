"""The OpenAPI document: made from the signature, and valid for the real server."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from slipway.serving.http.tokens import line_of
from slipway.serving.v2.openapi import document
from slipway.serving.v2.protocol import decode
from slipway.serving.v2.signature import Signature
from slipway.stages.ports.raw_column import RawColumn
from tests.serving.clients import PYTHON, needs_clients
from tests.serving.processes import OPTIONS, running_server

SIGNATURE = Signature(
    columns=(
        RawColumn("distance", "number", required=True),
        RawColumn("temperature", "number", required=False),
        RawColumn("carrier", "string", required=True),
    ),
    key="flight_id",
    event_time="at",
)
INFER = "/v2/models/delay/infer"
# JSON Schema cannot require columns of equal length: a valid document may still be a 422.
# A batch beyond the limit is refused with 413, which schemathesis does not expect.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "422"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "404", "405", "413", "415", "422"]
"""


def made(*, secured: bool = False) -> dict[str, Any]:
    """The document of a model with three columns."""
    return document("delay", 3, SIGNATURE, max_rows=5, max_body_bytes=1000, secured=secured)


def is_valid(request: dict[str, Any]) -> bool:
    """Whether a request fits the document's schema."""
    schema = {"$ref": "#/components/schemas/InferRequest", "components": made()["components"]}
    return bool(Draft202012Validator(schema).is_valid(request))


def example() -> dict[str, Any]:
    """The document's own example."""
    content = made()["paths"][INFER]["post"]["requestBody"]["content"]
    found: dict[str, Any] = json.loads(json.dumps(content["application/json"]["example"]))
    return found


def test_every_path_of_the_server_is_there() -> None:
    """Server, health, metrics, and the model by its name with and without its version."""
    stems = ["/v2/models/delay", "/v2/models/delay/versions/3"]
    assert set(made()["paths"]) == {
        *("/v2", "/v2/health/live", "/v2/health/ready", "/metrics", "/openapi.json"),
        *(stem + end for stem in stems for end in ("", "/ready", "/infer")),
    }


def test_the_example_fits_the_schema_and_the_signature() -> None:
    """A copied example is answered."""
    assert is_valid(example())
    inputs = decode(json.dumps(example()).encode(), SIGNATURE, max_rows=5)
    assert inputs.columns == {"distance": [1.5], "temperature": [1.5], "carrier": ["text"]}
    assert inputs.keys == ["row-1"]


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, {"name": "distances"}),
        (0, {"name": "temperature"}),
        (0, {"data": [None]}),
        (0, {"data": ["1.5"]}),
        (0, {"data": []}),
        (0, {"datatype": "BYTES"}),
        (0, {"shape": [6]}),
        (0, {"shape": [1, 2]}),
        (0, {"parameters": {"binary_data_size": 8}}),
        (0, {"rows": 1}),
        (2, {"data": [1.5]}),
        (2, {"data": [None]}),
        (4, {"data": [1]}),
    ],
)
def test_what_the_signature_refuses_the_schema_refuses(place: int, change: dict[str, Any]) -> None:
    """Names, datatypes, nulls and limits are in the document."""
    request = example()
    request["inputs"][place].update(change)
    assert not is_valid(request)


def test_every_order_and_width_that_is_read_fits_the_schema() -> None:
    """Forms that the decoder accepts are documented."""
    request = example()
    request["inputs"].reverse()
    request["inputs"][-1].update(datatype="INT8", shape=[1, 1], data=[[5]])
    del request["inputs"][0]
    request["outputs"] = [{"name": "score", "parameters": {"binary_data": True}}]
    assert is_valid(request)
    assert decode(json.dumps(request).encode(), SIGNATURE, max_rows=5).outputs == {"score": True}


def test_a_secured_server_says_where_a_token_is_needed() -> None:
    """All paths but health require one."""
    paths = made(secured=True)["paths"]
    is_open = {
        path
        for path, operations in paths.items()
        if not any("security" in operation for operation in operations.values())
    }
    assert is_open == {"/v2/health/live", "/v2/health/ready"}


@needs_clients
def test_schemathesis_finds_nothing(versions: Path, tmp_path: Path) -> None:
    """Generated requests, valid and invalid, get documented answers; tokens are required."""
    tokens = tmp_path / "tokens"
    tokens.write_text(line_of("schemathesis", "key"))
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    options = replace(OPTIONS, tokens_file=tokens)
    command = [
        *(PYTHON.with_name("schemathesis"), "--config-file", config, "run"),
        *("--header", "Authorization: Bearer key", "--seed", "1", "--max-examples", "20"),
        *("--generation-database", "none", "--no-color"),
    ]
    with running_server(versions / "1", tmp_path / "log", options=options) as server:
        done = subprocess.run(
            [*command, server.url + "/openapi.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert "Traceback" not in server.output.read_text()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
