"""Import of a version between two real MLflow servers, by `slipway bring`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowRuns, MlflowTracking
from slipway.adapters.object_store import open_store
from slipway.adapters.object_store.access import S3Access
from slipway.cli.commands import commands
from slipway.errors import NotFound, SlipwayError
from slipway.records import ledger
from slipway.records.store import Store
from slipway.stages.model.version_tags import DIGEST
from tests.conftest import mlflow_in
from tests.fakes.kill_points import Killed, KillPoint
from tests.support import ferry_dataset
from tests.support.environments import Environment, spec

NAME = spec().model


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, str]]:
    """Addresses of the MLflow servers of staging and of production."""
    made = tmp_path_factory.mktemp
    # Of their own: other tests' datasets of the same name are anchored in the shared one.
    with mlflow_in(made("staging")) as staging, mlflow_in(made("production")) as production:
        yield staging, production


def environment(url: str, store: Store) -> Environment:
    """An environment on a real MLflow server and a real store."""
    made = Environment.make(
        url,
        tracking=MlflowTracking(url),
        registry=MlflowRegistry(url),
        runs=MlflowRuns(url),
        store=store,
    )
    made.training.land(ferry_dataset.crossings(days=60))
    return made


@pytest.fixture(scope="module")
def staging(servers: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Staging, whose version 1 is champion and served; its run has a report."""
    folder = tmp_path_factory.mktemp("staging-store")
    made = environment(servers[0], open_store(str(folder / "store")))
    made.train()
    assert made.roll() == ["roll_out", "verified", "switched", "promoted"]
    (folder / "card").mkdir()
    (folder / "card" / "card of it.html").write_bytes(b"<p>a model</p>")
    made.runs.attach(run_of(made), folder / "card")
    return made


def run_of(env: Environment) -> str:
    """The training run of version 1."""
    record = json.loads(env.training.store.read(f"runs/{NAME}/request-000001/train/record.json"))
    run: str = record["verdict"]["evidence"]["mlflow_run"]
    return run


@pytest.fixture(scope="module")
def production_store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The store of production; its MLflow keeps the heads of the ledgers in it."""
    return str(tmp_path_factory.mktemp("production-store") / "store")


@pytest.fixture
def command(
    servers: tuple[str, str],
    staging: Environment,
    project: Any,
    production_store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """A function that runs `slipway bring` in production, with options."""
    dataset, model = ferry_dataset.dataset(), spec()
    root = project(
        {
            "datasets/ferries/dataset.yaml": yaml.safe_dump(_plain(dataset, "expectations")),
            f"models/{NAME}/model.yaml": yaml.safe_dump(_plain(model)),
        }
    )
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    monkeypatch.setenv("SLIPWAY_STORE", production_store)
    monkeypatch.setenv("SLIPWAY_MLFLOW", servers[1])
    monkeypatch.setenv("SLIPWAY_FROM_MLFLOW", servers[0])
    monkeypatch.setenv("SLIPWAY_FROM_STORE", staging.training.store.root)
    return lambda *given: CliRunner().invoke(commands, ["bring", NAME, *given])


def _plain(value: Any, *without: str) -> Any:
    fields = value.model_dump(mode="json", exclude_defaults=True)
    return {name: one for name, one in fields.items() if name not in without}


def test_the_command_brings_a_version_that_the_deploy_stages_take(
    command: Any,
    servers: tuple[str, str],
    staging: Environment,
    production_store: str,
    tmp_path: Path,
) -> None:
    """Same bytes and run, and one version after repeats; production verifies and serves it."""
    first = command("--json", "--from-name", "staging")
    assert first.exit_code == 0, first.output
    verdict = json.loads(first.output)["verdict"]
    assert verdict["action"] == "brought"
    again = command("--from-name", "staging")
    assert again.exit_code == 0
    assert again.output.startswith("bring: known.")
    production = environment(servers[1], open_store(production_store))
    tags = production.training.registry.version(NAME, 1).tags
    assert tags[DIGEST] == staging.training.registry.version(NAME, 1).tags[DIGEST]
    assert tags["slipway.source.registry"] == "staging"
    with pytest.raises(NotFound):
        production.training.registry.version(NAME, 2)
    _assert_same_run(production, verdict["evidence"]["mlflow_run"], staging, tmp_path)
    assert production.roll() == ["roll_out", "verified", "switched", "promoted"]
    anchor = production.training.registry.anchored(NAME)
    assert ledger.verify(production.training.store, NAME, anchor=anchor) == []
    assert command().output.startswith("bring: known.")


def _assert_same_run(
    production: Environment, run: str, staging: Environment, tmp_path: Path
) -> None:
    theirs, ours = staging.runs.read(run_of(staging)), production.runs.read(run)
    assert (ours.params, ours.metrics, ours.tables) == (
        theirs.params,
        theirs.metrics,
        theirs.tables,
    )
    names = production.runs.fetch(run, tmp_path / "files")
    assert "card of it.html" in names
    assert "slipway/evidence/request-000001/gate.json" in names
    assert (tmp_path / "files" / "card of it.html").read_bytes() == b"<p>a model</p>"


def test_the_command_refuses_with_status_one(command: Any, staging: Environment) -> None:
    """A version without a rollout is refused with a reason, an unknown one with an error."""
    staging.train("second", days=20, start=60)
    refused = command("--version", "2")
    assert refused.exit_code == 1
    assert "no rollout made it champion" in refused.output
    unknown = command("--version", "9")
    assert unknown.exit_code == 1
    assert "Error:" in unknown.output


def test_an_environment_is_not_brought_to_itself(
    command: Any, servers: tuple[str, str], tmp_path: Path
) -> None:
    """Source and target share neither registry nor store; a source store must exist."""
    assert command("--from-mlflow", servers[1]).exit_code == 1
    assert command("--from-store", str(tmp_path / "production")).exit_code == 1
    lost = command("--from-store", str(tmp_path / "nowhere"))
    assert "there is no such store" in lost.output
    assert not (tmp_path / "nowhere").exists()


def test_a_kill_between_two_servers_leaves_one_version(
    servers: tuple[str, str], tmp_path: Path
) -> None:
    """Each repeat is killed a few writes later; the last one completes the import."""
    model = f"{NAME}_killed"
    source = environment(servers[0], open_store(str(tmp_path / "source")))
    source.training.spec = spec(model=model)
    source.train()
    assert source.roll()[-1] == "promoted"
    target = environment(servers[1], open_store(str(tmp_path / "target")))
    target.training.spec = source.training.spec
    kills = 0
    for writes in range(2, 60, 3):
        try:
            assert target.killed_at(KillPoint(writes)).bring(source).action in {"brought", "known"}
        except Killed:
            kills += 1
        else:
            break
    assert kills > 3
    registry = target.training.registry
    challenger = registry.alias(model, "challenger")
    assert challenger is not None
    assert challenger.version == 1
    with pytest.raises(NotFound):
        registry.version(model, 2)
    facts = [entry["fact"]["stage"] for entry in ledger.read(target.training.store, model)]
    assert facts == ["copy", "bring"]
    assert target.bring(source).action == "known"


class _Listening(BaseHTTPRequestHandler):
    heard: list[dict[str, str]]

    def _answer(self) -> None:
        self.heard.append(dict(self.headers))
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""


@pytest.fixture
def listener() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """URL of a server that answers 404, and the headers of its requests."""
    heard: list[dict[str, str]] = []
    handler = type("Handler", (_Listening,), {"heard": heard})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_source_store_is_read_with_its_own_keys(
    listener: tuple[str, list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys and session of this environment are not sent to the source."""
    url, heard = listener
    for name, value in {
        "AWS_ACCESS_KEY_ID": "production",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "AWS_SESSION_TOKEN": "session-of-production",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    access = S3Access(key_id="staging", secret="sesame", region="eu-west-1", endpoint=url)
    assert "sesame" not in repr(access)
    with pytest.raises(NotFound):
        open_store("s3://models/staging", access=access).read("ledger/m/00000001.json")
    sent = {name.lower(): value for name, value in heard[0].items()}
    assert "Credential=staging/" in sent["authorization"]
    assert "/eu-west-1/" in sent["authorization"]
    assert "x-amz-security-token" not in sent


def test_the_source_registry_gets_its_own_token(
    listener: tuple[str, list[dict[str, str]]],
) -> None:
    """A bearer token is in requests, and in no address or error."""
    url, heard = listener
    registry = MlflowRegistry(url, token="sesame")
    assert registry.address == url
    with pytest.raises(SlipwayError) as refused:
        registry.version("m", 1)
    assert heard[0]["Authorization"] == "Bearer sesame"
    assert "sesame" not in str(refused.value)
