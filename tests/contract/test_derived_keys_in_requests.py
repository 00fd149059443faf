"""Requests to a model of each kind of key and event time, up to their joined labels."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.platforms.batch.scoring import score_request
from slipway.errors import BadRequest
from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.model_metadata import model_metadata
from slipway.serving.v2.protocol import Encoded, decode
from slipway.serving.v2.schemas import example
from slipway.stages.rollout.replay import recent_rows
from slipway.stages.rollout.v2_encode import encode_rows
from tests.support.identity_kinds import KINDS
from tests.support.identity_ring import RECEIVED, Ring, asked, in_bytes


@dataclass(frozen=True)
class Trained:
    """A dataset of one kind that was delivered, and its model."""

    kind: str
    root: Path
    delivered: pd.DataFrame
    model: Path


@pytest.fixture(scope="module", params=sorted(KINDS))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A dataset of each kind, delivered and trained once."""
    root = tmp_path_factory.mktemp("trained")
    ring = Ring(KINDS[request.param], root)
    return Trained(request.param, root, ring.deliver_all(), ring.train().relative_to(root))


@pytest.fixture
def ring(trained: Trained, tmp_path: Path) -> Ring:
    """A copy of it."""
    shutil.copytree(trained.root, tmp_path, dirs_exist_ok=True)
    return Ring(KINDS[trained.kind], tmp_path)


def test_a_request_finds_its_label_by_the_derived_key(trained: Trained, ring: Ring) -> None:
    """Training, replay, log and join have the same key of each row, sent as JSON or as bytes."""
    delivered = trained.delivered
    labelled = ring.labelled()
    assert len(labelled) == len(delivered)
    by_row = delivered.assign(wind=delivered["wind"].astype("float64")).set_index("email")["late"]
    assert labelled.set_index("email")["late"].sort_index().tolist() == (
        by_row.sort_index().tolist()
    )
    folder = ring.root / trained.model
    server = ring.serve(folder)
    rows = recent_rows(ring.tables, ring.dataset, rows=50)
    body = encode_rows(rows, server.signature.columns, identity=ring.dataset.identity)
    assert {tensor["name"] for tensor in body["inputs"]}.isdisjoint({"_key", "_event_time"})
    sent, json_bytes = in_bytes(body)
    read = decode(sent, server.signature, max_rows=50, json_bytes=json_bytes)
    [answer] = server.answer([asked(body)])
    assert isinstance(answer, Encoded), answer
    server.log.close()
    logged = ring.logged().sort_values("row")
    identity = ring.dataset.identity
    assert read.keys == logged["key"].tolist()
    assert read.event_times_us == logged["event_time"].dt.as_unit("us").astype("int64").tolist()
    assert logged["key"].tolist() == rows[identity.key.column].tolist()
    assert logged["event_time"].tolist() == rows[identity.time.column].tolist()
    joined = ring.joined(logged)
    assert (joined.without_key, len(joined.rows)) == (0, 50)
    labels = labelled.set_index(identity.key.column)["late"]
    assert joined.rows["label"].tolist() == labels[logged["key"]].tolist()
    batch = score_request(load_package(folder), json.dumps(body).encode())
    assert list(batch) == pytest.approx(logged["score"].tolist())


def test_a_request_without_key_and_time_has_the_moment_of_the_request(
    trained: Trained, ring: Ring
) -> None:
    """As a key of its own, a derived one may be left out; the answer is logged without it."""
    server = ring.serve(ring.root / trained.model)
    rows = recent_rows(ring.tables, ring.dataset, rows=1)
    body = encode_rows(rows, server.signature.columns, identity=ring.dataset.identity)
    body["inputs"] = [one for one in body["inputs"] if one["name"] in server.signature.needed]
    [answer] = server.answer([asked(body)])
    assert isinstance(answer, Encoded), answer
    server.log.close()
    logged = ring.logged()
    assert logged["key"].isna().all()
    assert logged["event_time"].tolist() == [RECEIVED]
    assert ring.joined(logged).without_key == 1


def test_metadata_and_example_name_the_parts(trained: Trained, ring: Ring) -> None:
    """The example of the OpenAPI document is a request that is answered, with its key."""
    server = ring.serve(ring.root / trained.model)
    identity, needed = ring.dataset.identity, server.signature.needed
    inputs = model_metadata("ferry_delay", 1, server.signature, engine="onnx")["inputs"]
    roles = {one["name"]: one["parameters"].get("role", "") for one in inputs}
    of_key = [part.name for part in identity.key.parts]
    assert [name for name, role in roles.items() if "key" in role.split(", ")] == sorted(
        of_key, key=list(roles).index
    )
    beside = {one["name"] for one in inputs if not one["parameters"]["required"]}
    assert beside.isdisjoint(needed)
    assert "_key" not in roles
    shown = decode(json.dumps(example(server.signature)).encode(), server.signature, max_rows=1)
    assert shown.keys is not None
    assert shown.event_times_us is not None
    [answer] = server.answer([asked(example(server.signature))])
    assert isinstance(answer, Encoded), answer


def test_a_missing_part_is_named(trained: Trained, ring: Ring) -> None:
    """The server answers 422, and the batch platform refuses alike."""
    folder = ring.root / trained.model
    server = ring.serve(folder)
    rows = recent_rows(ring.tables, ring.dataset, rows=3)
    body = encode_rows(rows, server.signature.columns, identity=ring.dataset.identity)
    optional = [
        part.name
        for part in ring.dataset.identity.key.parts
        if part.name not in server.signature.needed
    ]
    alone = {*optional} - {ring.dataset.identity.time.column, *ring.dataset.identity.time.named}
    for name in optional:
        lacking = [one for one in body["inputs"] if one["name"] != name]
        sent = json.dumps({"inputs": lacking}).encode()
        if not alone - {name}:
            continue
        with pytest.raises(Mismatch, match=f"lacks column .*'{name}'.* of the key"):
            decode(sent, server.signature, max_rows=5)
        with pytest.raises(BadRequest) as refused:
            score_request(load_package(folder), sent)
        assert refused.value.found is not None
        assert name in refused.value.found
