"""One real Airflow, MLflow and platform for all end-to-end tests, with the ferry project."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from slipway.local import airflow
from slipway.local.airflow import AirflowApi
from slipway.local.clients import ClientResult, in_requests, land, send_requests, wait_for
from slipway.local.stack import Stack
from slipway.records import arrivals, landing_area, ledger, requests
from slipway.records.run_records import RunRef
from slipway.records.store import read_json
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from slipway.wiring import Container
from tests.e2e import ferry_project
from tests.support.row_identities import named_identity

SOURCE = Path(__file__).resolve().parents[2]
COLUMNS = [
    RawColumn("wind_knots", "number", required=False),
    RawColumn("cars", "number", required=False),
    RawColumn("pier", "string", required=False),
]


@dataclass
class StackEnv:
    """A running installation with its API clients."""

    stack: Stack
    api: AirflowApi
    files: Path
    container: Container = field(init=False)
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.container = Container(self.stack.settings)
        self.client = httpx.Client(base_url=self.stack.addresses.platform, timeout=30.0)

    @property
    def landing(self) -> Path:
        """The landing area of the dataset."""
        return Path(self.stack.settings.store) / "landing" / "ferries"

    def land_features(self, *days: int, turned: bool = False) -> None:
        """Deliver the features of some days."""
        for number in days:
            land(
                ferry_project.features_file(self.files, number, turned=turned),
                self.landing,
                "features",
            )

    def land_labels(self, *days: int, turned: bool = False) -> None:
        """Deliver the labels of some days."""
        for number in days:
            land(
                ferry_project.labels_file(self.files, number, turned=turned), self.landing, "labels"
            )

    def until(self, condition: Callable[[], bool], what: str, *, seconds: float = 150.0) -> None:
        """Wait until a condition holds; fail the test after a deadline."""
        if not wait_for(condition, seconds=seconds, check=lambda: None):
            pytest.fail(
                f"within {seconds:.0f} s it did not come to: {what}; {self.last_verdicts()}"
            )

    def ingested(self) -> bool:
        """Whether everything that has landed is handled."""
        landed = landing_area.list_deliveries(self.container.store, "ferries")
        return arrivals.acknowledged(self.container.store, "ferries") == landing_area.fingerprint(
            landed
        )

    def champion(self, model: str = "ferry_delay") -> int | None:
        """The champion's version."""
        version = self.container.registry.alias(model, "champion")
        return None if version is None else version.version

    def is_at_rest(self) -> bool:
        """Whether no challenger waits for its rollout or is in one."""
        challenger = self.container.registry.alias("ferry_delay", "challenger")
        is_judged = challenger is not None and bool(challenger.tags.get(ROLLOUT_TAG))
        return challenger is None or is_judged or challenger.version == self.champion()

    def facts(self, subject: str, stage: str | None = None) -> list[dict[str, Any]]:
        """Facts in the ledger about a stage, or all of them, oldest first."""
        facts = [entry["fact"] for entry in ledger.read(self.container.store, subject)]
        return [fact for fact in facts if stage in (None, fact["stage"])]

    def last_verdicts(self) -> list[str]:
        """The last verdicts, for a failing test's message."""
        lines = []
        for subject in ledger.subjects(self.container.store):
            for entry in ledger.read(self.container.store, subject)[-6:]:
                fact = entry["fact"]
                lines.append(f"{subject} {fact['stage']} {fact['action']}: {fact['reason']}")
        return lines

    def ask(self, number: int, *, turned: bool = False) -> ClientResult:
        """Send a day's crossings to the model."""
        rows = ferry_project.day(number, turned=turned)
        return send_requests(
            self.client,
            "ferry_delay",
            in_requests(rows, rows=20),
            encode=lambda frame: encode_rows(
                frame, COLUMNS, identity=named_identity("crossing", "departs")
            ),
        )

    def ingests_of(self, stream: str, number: int) -> list[object]:
        """Action of each ingest of a day's batch."""
        batch = f"{ferry_project.FIRST_DAY + timedelta(days=number):%Y-%m-%d}"
        return [
            fact["action"]
            for fact in self.facts("ferries", "ingest")
            if str(fact["run"]).startswith(f"{stream}-{batch}-")
        ]

    def kill(self, name: str) -> None:
        """Send SIGKILL to a component and not to its children."""
        os.kill(self.stack.processes.find(name).pid, signal.SIGKILL)
        self.until(lambda: not self.stack.processes.find(name).alive(), f"the end of {name}")
        self.stack.processes.stop(name)

    def ref(self, subject: str, run: str, stage: str) -> RunRef:
        """The run of a stage whose name begins so."""
        for entry in self.container.store.list(f"runs/{subject}"):
            parts = entry.key.split("/")
            if parts[2].startswith(run) and parts[3] == stage:
                return RunRef(subject, parts[2], stage)
        return RunRef(subject, run, stage)

    def attempt(self, subject: str, run: str, stage: str) -> dict[str, Any]:
        """The first attempt at a stage, as soon as it has begun."""
        deadline = time.monotonic() + 120.0
        while time.monotonic() < deadline:
            key = f"{self.ref(subject, run, stage).folder}/attempt-0001.json"
            if self.container.store.exists(key):
                found: dict[str, Any] = read_json(self.container.store, key)
                return found
            time.sleep(0.005)
        pytest.fail(f"{stage} of {run} has not begun; {self.last_verdicts()}")

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Task instances of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[dict[str, Any]] = self.api.get(path)["task_instances"]
        return found

    def task_ids(self, dag_id: str) -> set[str]:
        """Tasks of a DAG as Airflow parsed it last."""
        return {one["task_id"] for one in self.api.get(f"/dags/{dag_id}/tasks")["tasks"]}

    def last_request(self) -> requests.Request:
        """The newest retrain request."""
        return requests.all_requests(self.container.store, "ferry_delay")[-1]

    def last_answer(self) -> str | None:
        """Outcome of the newest retrain request, or None."""
        answer = requests.find_answer(self.container.store, self.last_request())
        return None if answer is None else answer.outcome

    def versions_of(self, run: str) -> list[str]:
        """Model versions that were registered for a request."""
        found = httpx.get(
            f"{self.stack.addresses.mlflow}/api/2.0/mlflow/model-versions/search",
            params={"filter": "name = 'ferry_delay'"},
        ).json()
        return [
            one["version"]
            for one in found.get("model_versions", [])
            for tag in one.get("tags", [])
            if tag == {"key": "slipway.run_key", "value": f"ferry_delay/{run}"}
        ]

    def stop_airflow(self) -> None:
        """Stop Airflow's components and leave the rest running."""
        self.stack.processes.stop(*airflow.COMPONENTS)

    def restart_scheduler(self) -> None:
        """Start the scheduler anew and leave the rest running."""
        self.stack.processes.stop("scheduler")
        self.stack.start_airflow("scheduler")

    def restart_airflow(self) -> None:
        """Restart Airflow, on an empty database if there is none."""
        self.api.close()
        self.api = self.stack.start_all_of_airflow()

    def close(self) -> None:
        """Close connections."""
        self.client.close()
        self.api.close()


@pytest.fixture(scope="session")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackEnv]:
    """The running stack, empty at first; tests of one session share what they build."""
    folder = tmp_path_factory.mktemp("stack")
    stack = Stack(ferry_project.build(folder / "project", source=SOURCE), folder / "state")
    try:
        env = StackEnv(stack, stack.up(progress=[].append), folder / "files")
        yield env
        env.close()
    finally:
        stack.down()


@pytest.fixture
def serving(env: StackEnv) -> StackEnv:
    """The running stack with a model that serves, in any order of tests."""
    if env.champion() is None:
        env.land_features(0, 1, 2)
        env.land_labels(0, 1)
        env.until(lambda: env.champion() is not None, "a champion")
    return env
