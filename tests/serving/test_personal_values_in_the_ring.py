"""Personal values of deliveries and requests: what the whole ring writes of them."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from slipway.records.verdicts import Verdict
from slipway.serving.server_options import Options
from slipway.settings import Settings
from slipway.stages.ports.raw_column import signature_of
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.wiring import Container, run_stage
from slipway.wiring.deliver import deliver
from tests.conftest import free_port
from tests.serving.processes import Process, running_platform, until
from tests.support.command_line import slipway
from tests.support.marked_project import (
    DATASET,
    KEYS,
    MARKS,
    MODEL,
    deliveries,
    trips,
    write_project,
)
from tests.support.planted_marks import marks_below, marks_in

INFER = f"/v2/models/{MODEL}/infer"


@dataclass(frozen=True)
class Ring:
    """An installation on real adapters, with MLflow and platform as processes."""

    container: Container
    platform: Process
    files: Path

    def run(self, stage: str, **inputs: Any) -> Any:
        """The outcome of a stage."""
        named = inputs if "dataset" in inputs else {"model": MODEL, **inputs}
        return run_stage(stage, named, origin={"by": "a test"}, container=self.container)

    def ingest(self, day: int) -> list[Verdict]:
        """Verdicts of a day's deliveries."""
        landed = [
            deliver(file, dataset=DATASET, container=self.container)
            for file in deliveries(self.files, day)
        ]
        return [
            self.run(
                "ingest", dataset=DATASET, stream=one.stream, batch=one.batch, file=one.key
            ).verdict
            for one in landed
        ]

    def train(self) -> Verdict:
        """Verdict of the promotion."""
        request = self.run("accept", reason="a test").numbers["request"]
        for stage in ("snapshot", "train", "evaluate", "gate"):
            verdict = self.run(stage, request=request).verdict
        assert verdict.action == "promote", verdict.reason
        promoted: Verdict = self.run("promote_challenger", request=request).verdict
        self.run("answer", request=request)
        return promoted

    def roll_out(self) -> Verdict:
        """Verdict of a rollout's last stage."""
        run = self.run("reconcile").ref.run
        for stage in ("verify", "switch", "promote_champion"):
            verdict: Verdict = self.run(stage, rollout=run).verdict
        return verdict

    def ask(self, day: int) -> None:
        """Send requests: good ones, one to be explained, and a malformed one."""
        model, dataset = self.container.model(MODEL), self.container.dataset(DATASET)
        body = encode_rows(trips(day), signature_of(model, dataset), identity=dataset.identity)
        assert self.platform.ask("POST", INFER, json=body).is_success
        few = encode_rows(
            trips(day).head(2), signature_of(model, dataset), identity=dataset.identity
        )
        probe = {"parameters": {"explain": True, "probe": True}}
        answer = self.platform.ask("POST", INFER, json=few | probe)
        assert answer.is_success, answer.text
        phones = [{**one, "datatype": "BYTES"} for one in few["inputs"] if one["name"] == "phone"]
        phones[0]["data"] = [str(MARKS["not a phone"])] * 2
        wrong = {"inputs": [one for one in few["inputs"] if one["name"] != "phone"] + phones}
        refused = self.platform.ask("POST", INFER, json=wrong)
        assert refused.status_code == 422
        assert marks_in(refused.content + answer.content, MARKS) == set()

    def monitor(self) -> None:
        """Measure the window that is due, with its page."""
        due = self.run("collect")
        assert due.items["drift"], due
        for stage in ("drift", "performance"):
            for inputs in due.items[stage]:
                self.run(stage, **inputs)
        self.run("decide")


@contextmanager
def installation(folder: Path, mlflow: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    """A project, its store, its scratch folder, and its processes."""
    write_project(folder / "project")
    key_file = folder / "secret" / "keys"
    key_file.parent.mkdir()
    key_file.write_text(secrets.token_hex(32))
    for name in ("written", "platform"):
        (folder / name).mkdir()
    port = free_port()
    options = Options(roll_seconds=0.2, min_free_bytes=0, pii_key_file=key_file)
    store, scratch = str(folder / "store"), folder / "platform" / "scratch"
    given = {
        "PROJECT": str(folder / "project"),
        "STORE": store,
        "SCRATCH": str(scratch),
        "MLFLOW": mlflow,
        "PLATFORM": f"http://127.0.0.1:{port}",
        "PII_KEY_FILE": str(key_file),
    }
    for name, value in given.items():
        monkeypatch.setenv(f"SLIPWAY_{name}", value)
    with running_platform(
        store, scratch, scratch, port=port, options=options, mlflow=mlflow
    ) as platform:
        yield Ring(Container(Settings()), platform, folder / "delivered")


def reports(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what the commands print, and write the rest into a folder."""
    commands: Mapping[str, list[str]] = {
        "card": ["card", MODEL, "--html"],
        "why": ["why", MODEL],
        "why of the dataset": ["why", DATASET],
        "status": ["status"],
        "ledger": ["ledger", "show", MODEL],
        "export": ["export", MODEL, "--onnx", f"{folder}/"],
        "evidence": ["evidence", MODEL, "1", str(folder / "evidence")],
    }
    for name, words in commands.items():
        result = slipway(*words)
        assert result.exit_code == 0, (name, result.output)
        yield name, result.output.encode()


def test_no_personal_value_leaves_tables_and_quarantine(
    tmp_path: Path,
    mlflow_server: str,
    mlflow_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither plain, nor coded, nor as a digest without a key: in store, MLflow, logs, pages.

    Values of the key stand in the prediction log beside the tables, by which labels are joined.
    """
    caplog.set_level(logging.INFO)
    began = time.time() - 1
    with installation(tmp_path, mlflow_server, monkeypatch) as ring:
        verdicts = [one for day in range(3) for one in ring.ingest(day)]
        assert [one.action for one in verdicts] == ["ingested"] * 6, verdicts
        assert verdicts[0].numbers["quarantined"] == 3
        promoted = ring.train()
        assert promoted.action == "promoted", promoted.reason
        assert ring.roll_out().action == "promoted"
        ring.ask(3)
        ring.ingest(3)
        ring.ingest(4)
        logged = tmp_path / "store" / "predictions" / MODEL
        until(lambda: list(logged.rglob("*.parquet")), "the log is shipped")
        ring.monitor()
        printed = dict(reports(tmp_path / "written"))
    said = caplog.text.encode()
    assert b"HASHED, HASHED_BY = ['email', 'phone'], " in printed["export"]
    assert list((tmp_path / "store" / "reports").rglob("*.html"))
    everywhere = {**MARKS, **KEYS}
    kept = {
        one.partition(" (")[0]
        for name in ("tables", "quarantine")
        for one in marks_below(tmp_path / "store" / name, everywhere)
    }
    assert kept == set(everywhere), "a mark that is written plainly is not found"
    found = marks_in(said, everywhere, name="log records")
    for name, data in printed.items():
        found |= marks_in(data, everywhere, name=name)
    found |= marks_below(mlflow_folder, everywhere, since=began)
    for name in ("platform", "written"):
        found |= marks_below(tmp_path / name, everywhere)
    for path in sorted((tmp_path / "store").iterdir()):
        if path.name not in {"landing", "tables", "quarantine"}:
            marks = MARKS if path.name in {"predictions", "probes"} else everywhere
            found |= marks_below(path, marks)
    assert {re.sub(r"[0-9a-f]{32,}", "…", one) for one in found} == set()
