"""A challenger on a real MLflow server, read by MLflow's own client and page."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.adapters.model_package import load_package
from slipway.adapters.onnx_model import load_onnx
from slipway.errors import Superseded
from slipway.records.store import digest
from slipway.stages.model.manifest import open_sealed
from slipway.stages.model.registry_losses import find_lost_champion
from slipway.stages.model.sbom import file_name
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.report.why import why
from tests.fakes.fixed_status import FixedPlatform
from tests.support import ferry_dataset
from tests.support.promotions import promoted
from tests.support.training_env import CODE, InterruptedLearner, TrainingEnv, spec


@pytest.fixture
def env(mlflow_server: str, tmp_path: Path) -> TrainingEnv:
    """Sixty days of labelled crossings, and a real MLflow server."""
    made = TrainingEnv.in_memory(tmp_path)
    made.tracking = MlflowTracking(mlflow_server)
    made.registry = MlflowRegistry(mlflow_server)
    made.spec = spec(
        model=f"ferry_{uuid.uuid4().hex[:12]}",
        estimator={"name": "xgboost.XGBClassifier", "params": {"n_estimators": 10}},
    )
    made.land(ferry_dataset.crossings(days=60))
    return made


def test_mlflow_itself_can_load_a_registered_challenger(
    env: TrainingEnv, mlflow_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's client reads signature, data and scores of a model that was logged over REST."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server)
    request = env.ask()
    env.until_gate(request)
    promoted = env.promote(request).verdict
    client = MlflowClient(mlflow_server)
    version = client.get_model_version_by_alias(env.spec.model, "challenger")
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["challenger.roc_auc"] == promoted.numbers["challenger.roc_auc"]
    assert {dataset.dataset.name for dataset in run.inputs.dataset_inputs} == {
        "ferries/features",
        "ferries/labels",
    }
    source = json.loads(run.inputs.dataset_inputs[0].dataset.source)
    assert source["delta_table_version"] == 1
    assert client.search_model_versions(f"name = '{env.spec.model}'")[0].tags[DIGEST]
    model = mlflow.pyfunc.load_model(f"models:/{env.spec.model}@challenger")
    rows = ferry_dataset.crossings(days=3)[["wind", "port"]]
    folder = env.registry.download(env.spec.model, int(version.version), tmp_path / "v")
    package = load_package(folder)
    assert [one.name for one in model.metadata.signature.inputs] == ["wind", "port"]
    assert np.array_equal(model.predict(rows)[:, 1].astype("float64"), package.predict(rows))
    assert version.tags["slipway.engine"] == "onnx"
    assert float(version.tags["slipway.parity_max_difference"]) <= 1e-6
    asked = [rows["wind"].tolist(), rows["port"].tolist()]
    assert np.abs(load_onnx(folder).score(asked) - package.predict(rows)).max() <= 1e-6
    assert open_sealed(folder, sha256=version.tags[DIGEST])["run_key"].endswith("request-000001")


def test_a_version_brings_its_bills_of_materials(
    env: TrainingEnv, mlflow_server: str, tmp_path: Path
) -> None:
    """They are sealed beside the model; tags of run and version have their digests."""
    request = env.ask()
    env.until_gate(request)
    version = int(env.promote(request).verdict.numbers["version"] or 0)
    folder = env.registry.download(env.spec.model, version, tmp_path / "v")
    tags = env.registry.version(env.spec.model, version).tags
    run = MlflowClient(mlflow_server).get_run(
        MlflowClient(mlflow_server).get_model_version(env.spec.model, str(version)).run_id
    )
    sealed = open_sealed(folder, sha256=tags[DIGEST])["files"]
    for image, bill in CODE.bills.items():
        assert (folder / file_name(image)).read_bytes() == bill
        digests = {
            sealed[file_name(image)],
            *(t[f"slipway.sbom.{image}"] for t in (tags, run.data.tags)),
        }
        assert digests == {digest(bill)}


def test_a_version_without_bills_is_trained(env: TrainingEnv, tmp_path: Path) -> None:
    """Code without lock files beside it trains a version without bills."""
    env.code = replace(CODE, bills={})
    request = env.ask()
    env.until_gate(request)
    version = int(env.promote(request).verdict.numbers["version"] or 0)
    tags = env.registry.version(env.spec.model, version).tags
    assert tags["slipway.sbom.stages"] == tags["slipway.sbom.server"] == "absent"
    folder = env.registry.download(env.spec.model, version, tmp_path / "v")
    assert not (folder / "sbom").exists()


def test_the_run_of_a_stale_attempt_is_killed(env: TrainingEnv, mlflow_server: str) -> None:
    """The next attempt closes it, and its own late end does not reopen it."""
    request = env.ask()
    env.snapshot(request)
    with pytest.raises(Superseded):
        env.train(request, learner=InterruptedLearner(env, lambda: env.train(request)))
    client = MlflowClient(mlflow_server)
    experiment = client.get_experiment_by_name(env.spec.model)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
    status = {run.data.tags["slipway.attempt"]: run.info.status for run in runs}
    assert status == {"1": "KILLED", "2": "FINISHED"}
    assert len(client.search_logged_models([experiment.experiment_id])) == 1


def test_a_registered_model_that_was_deleted_begins_no_new_life_by_itself(
    env: TrainingEnv, mlflow_server: str
) -> None:
    """Cases 3 and 4: until a person leaves the lost champion out; then numbers go on from it."""
    model, client = env.spec.model, MlflowClient(mlflow_server)
    promoted(env.store, model, env.champion())
    client.delete_registered_model(model)
    refused = env.ask("again")
    assert "version 1, is lost in the registry" in env.until_gate(refused).verdict.reason
    assert env.promote(refused).verdict.action == "refused"
    assert not env.registry.exists(model)
    told = env.ask("told", without_champion=True)
    env.land(ferry_dataset.crossings(days=70))
    assert env.until_gate(told).verdict.numbers["champion.waived"] == 1
    assert env.promote(told).verdict.numbers["version"] == 2
    assert [int(one.version) for one in client.search_model_versions(f"name='{model}'")] == [2]
    loss = find_lost_champion(model, store=env.store, registry=env.registry)
    assert loss is not None
    assert loss.found == f"MLflow has no version 1 of {model}"


def test_why_tells_what_a_hand_took_away(env: TrainingEnv, mlflow_server: str) -> None:
    """Case 4: the version that serves, what MLflow has left of it, and the way out."""
    model, client = env.spec.model, MlflowClient(mlflow_server)
    promoted(env.store, model, env.champion())
    serving = FixedPlatform({1: 1.0})

    def told() -> dict[str, str]:
        lines = why(model, store=env.store, registry=env.registry, platform=serving)
        return dict(line.split(": ", 1) for line in lines)

    assert told()["Served"] == f"{model} version 1."
    client.rename_registered_model(model, f"{model}_b")
    renamed = (
        f"Way out: if {model}_b is {model} under a new name, rename it back to {model} in MLflow"
    )
    assert renamed in told()["Lost"]
    client.rename_registered_model(f"{model}_b", model)
    assert "Lost" not in told()
    client.delete_registered_model_alias(model, "champion")
    assert "no alias `champion` for it" in told()["Lost"]
    client.delete_model_version(model, "1")
    lost = told()
    assert f"MLflow has no version 1 of {model}. Way out: ask for a training" in lost["Lost"]
    assert lost["Served"].startswith(f"{model}: version 1 is served and no version is champion")
    assert lost["Evidence"].endswith("on its holdout, by the ledger.")


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("slipway.stages.train.promote", {"pandas", "numpy", "mlflow", "sklearn", "httpx"}),
        ("slipway.stages.train.train", {"pandas", "numpy", "mlflow", "sklearn", "httpx"}),
        ("slipway.adapters.mlflow_server", {"pandas", "numpy", "mlflow", "sklearn"}),
        ("slipway.adapters.model_package", {"mlflow", "xgboost", "deltalake", "onnxruntime"}),
        ("slipway.adapters.onnx_model", {"mlflow", "pandas", "sklearn", "skops", "scipy", "onnx"}),
        ("slipway.stages.report.export", {"numpy", "onnx", "onnxruntime", "mlflow"}),
    ],
)
def test_a_task_pays_only_for_what_it_uses(module: str, heavy: set[str]) -> None:
    """The gate imports no library; the registry and a model server import no MLflow."""
    process = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert heavy.isdisjoint(process.stdout.split())


def test_a_refit_is_a_second_model_of_its_trainings_run(
    env: TrainingEnv, mlflow_server: str, tmp_path: Path
) -> None:
    """MLflow takes it after the run's end, shows both in the run, and registers the refit."""
    client = MlflowClient(mlflow_server)
    training = env.spec.training.model_copy(update={"ship": "refit"})
    env.spec = env.spec.model_copy(update={"training": training})
    assert env.champion() == 1
    version = client.get_model_version(env.spec.model, "1")
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert len(run.outputs.model_outputs) == 2
    logged = client.search_logged_models([run.info.experiment_id])
    assert {one.name for one in logged} == {env.spec.model, f"{env.spec.model}-refit"}
    assert {one.source_run_id for one in logged} == {run.info.run_id}
    assert version.tags["slipway.ship"] == "refit"
    assert "refit.rank_correlation" in run.data.metrics
    folder = env.registry.download(env.spec.model, 1, tmp_path / "v")
    manifest = open_sealed(folder, sha256=version.tags[DIGEST])
    assert manifest["training_rows"] > manifest["judged"]["training_rows"]
