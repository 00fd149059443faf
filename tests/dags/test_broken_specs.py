"""Broken specs in DAG files: the import error that is shown, and DAGs of other specs that stay."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG

from slipway.orchestration import build_dags
from slipway.spec import ModelSpec
from tests.dags.conftest import DAGS, Parse
from tests.dags.specs import FLEET, PODS, dag_ids, dataset_file, model_file


@pytest.mark.parametrize("value", ["1e15", "0", "86399999999999"])
@pytest.mark.parametrize(
    "field",
    [
        "deployment: {shift: {limit_minutes: VALUE}}",
        "deployment: {shift: {max_error_rate: VALUE}}",
        "retraining: {cooldown_days: VALUE}",
        "training: {window_days: VALUE}",
        "training: {seed: VALUE}",
        PODS.rstrip() + "\n  deadline_seconds: VALUE",
        PODS.rstrip() + "\n  startup_seconds: VALUE",
        PODS.rstrip() + "\n  kept_minutes: VALUE",
        PODS.rstrip() + "\n  connection: VALUE x",
    ],
)
def test_an_absurd_number_costs_no_other_model_its_dags(
    parse: Parse, field: str, value: str
) -> None:
    """What no calendar or clock can hold is a problem of its spec, or it is taken."""
    odd = model_file("odd", more=field.replace("VALUE", value) + "\n")
    bag = parse({**dataset_file(), **model_file(), **odd}, file="model_dags.py")
    assert bag.import_errors == {}
    assert {"delay__train", "delay__deploy", "delay__monitor"} <= set(bag.dags)


def test_a_dag_that_cannot_be_built_costs_no_other_its_place(
    parse: Parse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its name; the start of one of its tasks fails."""
    build = build_dags.MODEL_DAGS["deploy"]

    def fail_for_seats(spec: ModelSpec) -> DAG:
        if spec.model == "seats":
            raise OverflowError("it does not fit")
        return build(spec)

    monkeypatch.setitem(build_dags.MODEL_DAGS, "deploy", fail_for_seats)
    bag = parse(FLEET, file="model_dags.py")
    assert dag_ids() - set(bag.dags) == {"seats__deploy"}
    assert "seats__deploy cannot be built" in caplog.text
    started = parse(FLEET, file="model_dags.py", starting="seats__deploy")
    assert "it does not fit" in str(started.import_errors)


def test_a_broken_spec_takes_no_other_down(parse: Parse) -> None:
    """Its own DAGs are missing, and the import error names place, problem and nearest name."""
    broken = model_file("seats", dataset="ferries", more="monitorin: {}\n")
    bag = parse({**FLEET, **broken})
    assert set(bag.dags) == {dag_id for dag_id in dag_ids() if not dag_id.startswith("seats__")}
    (file, message), *others = bag.import_errors.items()
    assert others == []
    assert file.endswith("spec_errors.py")
    assert "include/models/seats/model.yaml" in message
    assert "monitorin" in message
    assert "SpecErrors" in message


def test_all_broken_specs_are_told_at_once(parse: Parse) -> None:
    """Airflow keeps one import error per file, so one message lists all."""
    broken = {
        "datasets/ferries/dataset.yaml": "dataset: ferries\n",
        "models/delay/model.yaml": "model: [delay\n",
    }
    bag = parse({**FLEET, **broken})
    assert "flights__ingest" in bag.dags
    (message,) = bag.import_errors.values()
    assert "include/datasets/ferries/dataset.yaml" in message
    assert "include/models/delay/model.yaml" in message


def test_no_spec_error_is_shown_when_all_is_well(parse: Parse) -> None:
    """The file that reports spec errors raises nothing, and Airflow parses it."""
    bag = parse(FLEET, file="spec_errors.py")
    assert bag.import_errors == {}
    text = (DAGS / "spec_errors.py").read_text().lower()
    assert "airflow" in text
    assert "dag" in text
