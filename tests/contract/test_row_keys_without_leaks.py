"""Requests where the row is the key: what it lacks is named, and leaks are not asked for."""

from __future__ import annotations

import json
from pathlib import Path

from slipway.serving.server_options import Options
from slipway.serving.v2.protocol import Encoded
from slipway.stages.rollout.replay import recent_rows
from slipway.stages.rollout.v2_encode import encode_rows
from tests.serving.model_versions import MODEL
from tests.serving.processes import running_server
from tests.support.identity_kinds import KINDS
from tests.support.identity_ring import Ring, asked


def test_a_request_without_leaks_finds_the_label_that_came_later(tmp_path: Path) -> None:
    """Over HTTP, as an honest client asks: what is known later comes with the label."""
    ring = Ring(KINDS["row without leaks"], tmp_path)
    delivered = ring.deliver_all()
    folder = ring.train()
    (tmp_path / "pii").write_bytes(b"0123456789abcdef")
    fresh = delivered.head(20).assign(day="2013-05-20", wind=[1.5 + one for one in range(20)])
    inputs = [
        {"name": name, "shape": [20], "datatype": kind, "data": fresh[name].tolist()}
        for name, kind in (
            ("store", "BYTES"),
            ("day", "BYTES"),
            ("wind", "FP64"),
            ("port", "BYTES"),
        )
    ]
    options = Options(roll_seconds=60, pii_key_file=tmp_path / "pii")
    with running_server(folder, tmp_path / "log", options=options) as server:
        answer = server.ask("POST", f"/v2/models/{MODEL}/infer", json={"inputs": inputs})
        assert answer.status_code == 200, answer.text
        assert "parameters" not in answer.json()
        server.stop()
    logged = ring.logged(MODEL)
    assert logged["key"].notna().all()
    unknown = fresh.assign(late=None, minutes=None, clock=None)
    [first] = ring.deliver(unknown, "c0")
    assert (first.action, len(ring.joined(logged).rows)) == ("ingested", 0)
    [second] = ring.deliver(fresh, "c1")
    assert second.action == "ingested", second.reason
    joined = ring.joined(logged)
    assert (joined.without_key, len(joined.rows)) == (0, 20)
    keys = ring.tables.read("ferries/features", columns=["_key", "wind", "day"])
    assert keys[keys["day"] >= "2013-05-20"].groupby("wind")["_key"].nunique().eq(1).all()


def test_an_answer_names_what_its_key_lacks(tmp_path: Path) -> None:
    """Where the row covers what the request has not; the rows are counted, probes are not."""
    ring = Ring(KINDS["row"], tmp_path)
    ring.deliver_all()
    server = ring.serve(ring.train())
    rows = recent_rows(ring.tables, ring.dataset, rows=3)
    body = encode_rows(rows, server.signature.columns, identity=ring.dataset.identity)
    whole = server.answer([asked(body)])
    lacking = [one for one in body["inputs"] if one["name"] not in {"store", "clock"}]
    answers = server.answer(
        [asked({"inputs": lacking}), asked({"inputs": lacking, "parameters": {"probe": True}})]
    )
    found = [one for one in (*whole, *answers) if isinstance(one, Encoded)]
    told = [json.loads(one.body).get("parameters") for one in found]
    assert told == [None, *[{"without_key": "store, clock"}] * 2]
    counted = ring.metrics.exposition().decode()
    assert 'slipway_rows_without_key_total{model="ferry_delay",version="1"} 3.0' in counted
