"""The stage table: one row per stage, for the command line and for Airflow."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from slipway.cli.rollback import ROLLBACK
from slipway.cli.run import run, run_command
from slipway.errors import BadParameter
from slipway.records.verdicts import Verdict
from slipway.stages.train import training_stages
from slipway.wiring import rollout, stage_table
from slipway.wiring.stage import Input, Stage, stage
from slipway.wiring.stage_call import StageCall
from slipway.wiring.stage_inputs import MODEL, REQUEST
from slipway.wiring.stage_table import STAGES, find_stage, run_stage

rows = pytest.mark.parametrize("row", STAGES.values(), ids=list(STAGES))


@stage("tidy", required=(MODEL, Input("depth", "How deep.", bounds=(1, 9))))
def tidy(call: StageCall) -> Verdict:
    """Tidy up a model."""
    return Verdict("tidied", f"{call.inputs['model']} is tidy.", {"depth": call.inputs["depth"]})


@rows
def test_each_input_is_an_option_of_slipway_run(row: Stage) -> None:
    """With the input's type."""
    options = {option.name: option for option in run.params}
    for one in row.inputs:
        kind = options[one.name].type
        assert isinstance(kind, click.IntRange) == (one.bounds is not None)
        assert isinstance(kind, click.Choice) == bool(one.choices)


def test_slipway_run_offers_every_stage_and_no_input_that_none_takes() -> None:
    """The command is built from the table alone."""
    choice, *options = run.params
    assert isinstance(choice.type, click.Choice)
    assert list(choice.type.choices) == list(STAGES)
    inputs = {one.name for row in STAGES.values() for one in row.inputs}
    assert {one.name for one in options} == inputs | {"origin", "outcome", "as_json"}


@rows
def test_a_recorded_stage_returns_a_record_of_a_run_that_its_inputs_identify(row: Stage) -> None:
    """Others return a verdict or a listing, or find out their run."""
    returns_record = row.run.__annotations__["return"] == "RunRecord"
    identifies_run = any(one.run_of is not None for one in row.inputs)
    assert row.recorded == (returns_record and identifies_run)


@rows
def test_inputs_are_read_as_a_template_writes_them(row: Stage) -> None:
    """A number is text, and an empty value is left out."""
    given = {one.name: "7" for one in row.required} | {one.name: "" for one in row.optional}
    assert row.parse(given) == {
        one.name: 7 if one.bounds is not None else "7" for one in row.required
    }


def test_a_request_is_closed_by_the_recorded_stages_that_take_it() -> None:
    """In the order of the table; a stage cannot read the table, so its list is compared.

    Workers of a search are none of them: a training goes on without those that failed.
    """
    taking = [name for name, row in STAGES.items() if row.recorded and REQUEST in row.required]
    taking.remove(training_stages.SEARCH)
    assert list(training_stages.STAGES) == taking


def test_a_rollback_runs_each_stage_of_a_rollout_but_the_shift() -> None:
    """In the order of the table."""
    rollout_stages = [row.name for row in vars(rollout).values() if isinstance(row, Stage)]
    assert list(ROLLBACK) == [name for name in rollout_stages if name != "shift"]


def test_an_input_that_a_stage_does_not_take_is_refused() -> None:
    """Before anything runs; the error has the valid inputs."""
    with pytest.raises(BadParameter, match=r"missing: request; unknown: window"):
        find_stage("train").check({"model": "delay", "window": "2013-05"})


def test_a_stage_is_called_by_its_name() -> None:
    """The error for a wrong name has the nearest one."""
    with pytest.raises(BadParameter, match="did you mean 'train'"):
        run_stage("trian", {}, origin={})


def test_a_new_stage_needs_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it runs by name, with its own options and help text."""
    monkeypatch.setitem(stage_table.STAGES, "tidy", tidy)
    command = run_command(STAGES)
    words = ["tidy", "--model", "delay", "--depth", "3", "--json"]
    ran = CliRunner().invoke(command, words, catch_exceptions=False)
    assert json.loads(ran.output)["numbers"] == {"depth": 3}
    assert CliRunner().invoke(command, [*words[:-2], "10"]).exit_code == 2
    assert "Tidy up a model." in CliRunner().invoke(command, ["--help"]).output
