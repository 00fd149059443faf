"""Personal columns: hashed or dropped before anything is written, and not monitored."""

from __future__ import annotations

import hmac
import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from slipway.errors import BadParameter
from slipway.records.run_context import RunContext
from slipway.records.store import Store
from slipway.serving.prediction_log.personal_columns import PersonalColumns
from slipway.serving.prediction_log.shipper import ship_segments
from slipway.serving.prediction_log.write_ahead_log import Header, Record, WriteAheadLog
from slipway.serving.server_options import Options
from slipway.stages.model.personal_keys import NO_KEYS, PersonalKeys
from slipway.stages.monitor.drift.measure_drift import measure_drift
from tests.fakes.monitoring import MonitoringRegistry, PlainReports
from tests.serving.model_versions import MODEL, change_manifest, flights, request_of
from tests.serving.processes import OPTIONS, running_server, running_shipper, until
from tests.support import ferry_dataset

KEY = b"sixteen bytes or"
INFER = f"/v2/models/{MODEL}/infer"
CARRIER, ORIGIN, DISTANCE = "Rosalind-Quist", "Svalbard-Airport", 1234.56789
APRIL = datetime(2013, 4, 1, tzinfo=UTC)
PII = {"carrier": "hash", "origin": "drop", "distance": "hash"}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key file with a line end, as an editor writes it."""
    path = tmp_path / "pii.key"
    path.write_bytes(KEY + b"\n")
    return path


def hashed(text: str, column: str) -> str:
    """The hash of a value of a column."""
    info = f"slipway column {column}".encode() + b"\x01"
    own = hmac.digest(KEY, info, "sha256")
    return hmac.digest(own, text.encode(), "sha256").hex()[:32]


def test_a_hash_needs_the_key_and_nothing_else(key_file: Path) -> None:
    """The key is enough to find a person's rows again; numbers are hashed as floats."""
    keys = PersonalKeys.read(key_file)
    privacy = PersonalColumns({"name": "hash", "age": "hash"}, keys)
    logged = privacy.values({"name": ["Ada", None, "Ada"], "age": [36, 36.0, 36.5], "deck": [1.0]})
    assert logged == [
        [hashed("Ada", "name"), None, hashed("Ada", "name")],
        [hashed("36.0", "age"), hashed("36.0", "age"), hashed("36.5", "age")],
        [1.0],
    ]


def test_equal_values_of_two_columns_cannot_be_linked(key_file: Path) -> None:
    """Each column has a key of its own, derived by the column's name."""
    privacy = PersonalColumns({"sender": "hash", "payee": "hash"}, PersonalKeys.read(key_file))
    [sender], [payee] = privacy.values({"sender": ["Ada"], "payee": ["Ada"]})
    assert sender != payee


def test_a_version_keeps_its_key_after_a_rotation(tmp_path: Path) -> None:
    """The newest key is the last line; an older one stays as long as its versions serve."""
    path = tmp_path / "keys"
    path.write_bytes(KEY + b"\n")
    before = PersonalKeys.read(path)
    old = before.newest(["name"])
    path.write_bytes(KEY + b"\nanother key of 24 bytes.\n")
    after = PersonalKeys.read(path)
    assert after.newest(["name"]) != old
    pii, values = {"name": "hash"}, {"name": ["Ada"]}
    first, second = (PersonalColumns(pii, after, key=one).values(values) for one in (old, None))
    assert first == PersonalColumns(pii, before).values(values) != second
    path.write_bytes(b"another key of 24 bytes.\n")
    with pytest.raises(BadParameter, match="the key to hash name is missing") as refused:
        PersonalColumns({"name": "hash"}, PersonalKeys.read(path), key=old)
    assert old in str(refused.value)
    assert "no new key takes its place" in str(refused.value.hint)


def test_a_header_says_what_is_logged(key_file: Path) -> None:
    """A hashed number is a string, and a dropped column is absent."""
    privacy = PersonalColumns({"name": "drop", "age": "hash"}, PersonalKeys.read(key_file))
    columns = privacy.columns([("name", "string"), ("age", "number"), ("deck", "number")])
    assert columns == [("age", "string"), ("deck", "number")]
    assert privacy.values({"name": ["Ada"], "age": [None], "deck": [1.0]}) == [[None], [1.0]]


def test_without_personal_columns_values_are_not_touched() -> None:
    """The column lists are logged unchanged."""
    values = [1.5]
    assert PersonalColumns({}, NO_KEYS).values({"deck": values})[0] is values


def test_dropping_needs_no_key() -> None:
    """Only hashes need a key."""
    privacy = PersonalColumns({"name": "drop"}, NO_KEYS)
    assert privacy.values({"name": ["Ada"], "deck": [1.0]}) == [[1.0]]


@pytest.mark.parametrize("key", [None, b"", b"fifteen bytes..", "none"])
def test_no_hash_without_a_proper_key(tmp_path: Path, key: bytes | str | None) -> None:
    """A short key could be guessed; the error names a command that makes one, and not the key."""
    path = None if key is None else tmp_path / "key"
    if isinstance(key, bytes) and path is not None:
        path.write_bytes(key)
    with pytest.raises(BadParameter, match=r"of personal columns|the key to hash name") as refused:
        PersonalColumns({"name": "hash"}, PersonalKeys.read(path))
    assert "openssl rand" in str(refused.value)
    assert "fifteen" not in str(refused.value)


def test_a_treatment_that_is_not_known_is_refused() -> None:
    """A version of a later Slipway is not logged in clear by an earlier one."""
    with pytest.raises(BadParameter, match="is unknown"):
        PersonalColumns({"name": "encrypt"}, NO_KEYS)


def personal_request() -> dict[str, Any]:
    """A request whose personal values can be found in any output."""
    rows = flights(2).assign(carrier=CARRIER, origin=ORIGIN, distance=DISTANCE)
    return request_of(rows)


def test_no_personal_value_leaves_the_server(
    tmp_path: Path, versions: Path, key_file: Path
) -> None:
    """Neither segments nor Parquet nor output have one; the scores are equal."""
    folder = tmp_path / "version"
    shutil.copytree(versions / "1", folder)
    change_manifest(folder, pii=PII)
    options = Options(roll_seconds=60, min_free_bytes=0, pii_key_file=key_file)
    store_root, log_folder = str(tmp_path / "store"), tmp_path / "log"
    with running_server(versions / "1", tmp_path / "elsewhere", options=OPTIONS) as plain:
        expected = plain.ask("POST", INFER, json=personal_request()).json()["outputs"]
    with running_server(folder, log_folder, options=options) as server:
        answer = server.ask("POST", INFER, json=personal_request()).raise_for_status()
        assert answer.json()["outputs"] == expected
        wrong = personal_request()
        wrong["inputs"][0] |= {"datatype": "BYTES", "data": [CARRIER] * 2}
        refusal = server.ask("POST", INFER, json=wrong)
        assert (refusal.status_code, CARRIER in refusal.text) == (422, False)
        [segment] = log_folder.rglob("*.wal")
        written = segment.read_bytes()
        assert hashed(CARRIER, "carrier").encode() in written
        server.stop()
        printed = server.output.read_bytes()
    with running_shipper(store_root, log_folder):
        until(lambda: not list(log_folder.rglob("*.wal")), "the segment is shipped")
    store = open_store(store_root)
    files = [store.read(entry.key) for entry in store.list(f"predictions/{MODEL}")]
    rows = [row for file in files for row in pq.read_table(io.BytesIO(file)).to_pylist()]
    assert [row["distance"] for row in rows] == [hashed(repr(DISTANCE), "distance")] * 2
    for bytes_ in (written, printed, *files, json.dumps(rows, default=str).encode()):
        assert CARRIER.encode() not in bytes_
        assert ORIGIN.encode() not in bytes_
        assert b"1234.56" not in bytes_
        assert np.float64(DISTANCE).tobytes() not in bytes_


def test_a_server_without_the_key_never_becomes_ready(tmp_path: Path, versions: Path) -> None:
    """It reports the reason and refuses requests."""
    folder = tmp_path / "version"
    shutil.copytree(versions / "1", folder)
    change_manifest(folder, pii=PII)
    with running_server(folder, tmp_path / "log") as server:
        ready = server.get("/v2/health/ready")
        assert (ready.status_code, "the key to hash" in ready.json()["error"]) == (503, True)
        assert server.ask("POST", INFER, json=personal_request()).status_code == 503


def test_windows_are_computed_without_personal_columns(
    store: Store, tmp_path: Path, key_file: Path
) -> None:
    """From the log through the shipper to the verdict, ports are hashes; wind is compared."""
    spec, dataset = ferry_dataset.model(), ferry_dataset.dataset(pii={"port": "hash"})
    rows = ferry_dataset.crossings(days=30, start=APRIL, seed=2)
    privacy = PersonalColumns({"port": "hash"}, PersonalKeys.read(key_file))
    header = Header(spec.model, 1, privacy.columns([("wind", "number"), ("port", "string")]))
    with WriteAheadLog(tmp_path / "log" / spec.model, header=header, options=Options()) as log:
        for number, row in enumerate(rows.itertuples()):
            moment = round(row.departs.timestamp() * 1e6)
            values = privacy.values({"wind": [row.wind], "port": [row.port]})
            log.append(
                Record(
                    f"r{number}", moment, [row.crossing], [moment], values, [row.score], probe=False
                )
            )
    ship_segments(store, tmp_path / "log")
    reference = ferry_dataset.crossings(days=90).drop(columns=["crossing", "late", "port"])
    verdict = measure_drift(
        spec,
        dataset,
        window="2013-04-v1",
        context=RunContext(store, {"by": "a test"}),
        registry=MonitoringRegistry(
            spec.model,
            references={1: reference.assign(part="training")},
            numeric=["wind"],
            categorical=["port"],
            pii={"port": "hash"},
        ),
        log=PredictionLog(store),
        reports=PlainReports(),
    ).verdict
    assert (verdict.action, verdict.numbers["rows"]) == ("ok", len(rows))
    assert "Not watched: personal data (port)" in verdict.reason
