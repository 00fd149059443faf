"""Parameters of a run: declared, typed, and nothing else."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import ParamValidationError

from slipway.errors import BadParameter
from slipway.orchestration.parameters import (
    deploy_parameters,
    ingest_parameters,
    refuse_unknown,
    train_parameters,
)


def test_an_unknown_parameter_is_refused_with_the_nearest_spelling() -> None:
    """Airflow itself would accept it."""
    with pytest.raises(BadParameter) as refused:
        refuse_unknown(["bacth"], declared=ingest_parameters(), dag_id="flights__ingest")
    message = str(refused.value)
    assert "flights__ingest does not take the parameter 'bacth'" in message
    assert "expected: one of batch" in message
    assert "hint: did you mean 'batch'?" in message


def test_a_dag_without_parameters_says_so() -> None:
    """The error suggests no name."""
    with pytest.raises(BadParameter, match="expected: no parameters"):
        refuse_unknown({"window": 1}, declared={}, dag_id="delay__monitor")


def test_declared_parameters_pass() -> None:
    """Each declared name may be given or left out."""
    refuse_unknown(["batch"], declared=ingest_parameters(), dag_id="flights__ingest")
    refuse_unknown([], declared=ingest_parameters(), dag_id="flights__ingest")


@pytest.mark.parametrize("to", ["challenger", "previous", "1", "27"])
def test_deploy_goes_to_an_alias_or_a_version(to: str) -> None:
    """An alias or a version number is a valid target."""
    assert deploy_parameters()["to"].resolve(to) == to


@pytest.mark.parametrize("to", ["champion", "", "0", "v3", "previous ", 3, None])
def test_deploy_refuses_any_other_target(to: object) -> None:
    """Airflow answers 400 to it before a run exists."""
    with pytest.raises(ParamValidationError):
        deploy_parameters()["to"].resolve(to)


@pytest.mark.parametrize("batch", [None, "2013-05", "2013_w19.v2"])
def test_ingest_takes_one_batch_or_all(batch: str | None) -> None:
    """Empty means all waiting deliveries."""
    assert ingest_parameters()["batch"].resolve(batch) == batch


@pytest.mark.parametrize("batch", ["../other", "", "a/b", 2013])
def test_ingest_refuses_what_names_no_batch(batch: object) -> None:
    """A batch is a file name without suffix."""
    with pytest.raises(ParamValidationError):
        ingest_parameters()["batch"].resolve(batch)


def test_every_parameter_has_a_default_and_help() -> None:
    """A run can be started with one click, and each field has a description."""
    declared = {**ingest_parameters(), **train_parameters(), **deploy_parameters()}
    for name, param in declared.items():
        param.resolve()
        assert param.schema["description_md"], name
        assert param.schema["title"], name
