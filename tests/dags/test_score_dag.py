"""The DAG `<model>__score`: which models have it, its shape, its triggers and its outcomes."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

import slipway
from slipway.errors import NotComputable
from slipway.orchestration.parameters import score_parameters
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.windows.windows import parse_window
from slipway.stages.score.partitions import Scoring
from tests.dags.conftest import DAGS, Parse
from tests.dags.specs import PODS, dataset_file, model_file, model_spec
from tests.fakes.wiring import FakeWiring

BATCH = "deployment: batch\n"
FLEET = {
    **dataset_file(),
    **model_file(),
    **model_file("tides", more=BATCH),
    **model_file("piers", more=BATCH + PODS),
}
MODELS = [model_spec(), model_spec("tides", more=BATCH), model_spec("piers", more=BATCH + PODS)]
MONTHS = ["2013-04", "2013-05"]

Play = Callable[..., tuple[str, dict[str, list[str]]]]


def scoring(month: str) -> Scoring:
    """A month that is due."""
    return Scoring(parse_window(month, "month"), "0123456789ab", 3)


def inputs(*months: str) -> list[dict[str, Any]]:
    """Inputs of the task of each month."""
    return [{"model": "tides", "partition": one, "scoring": scoring(one).run} for one in months]


def questions(wiring: FakeWiring) -> list[dict[str, Any]]:
    """Arguments of the listing."""
    return [arguments for name, arguments in wiring.asked if name == "partitions"]


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> FakeWiring:
    """A fake of the stages."""
    fake = FakeWiring()
    monkeypatch.setitem(sys.modules, "slipway.wiring", fake)
    monkeypatch.setattr(slipway, "wiring", fake, raising=False)
    return fake


@pytest.fixture
def play(parse: Parse, monkeypatch: pytest.MonkeyPatch, airflow_database: None) -> Play:
    """A function that runs the DAG of a batch model to its end, in this process."""
    del airflow_database
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(DAGS))

    def run(**conf: Any) -> tuple[str, dict[str, list[str]]]:
        dag = parse({**dataset_file(), **model_file("tides", more=BATCH)}).dags["tides__score"]
        finished = dag.test(run_conf=conf)
        states = defaultdict(list)
        for one in sorted(finished.get_task_instances(), key=lambda one: one.map_index):
            states[one.task_id].append(str(one.state))
        return str(finished.state), dict(states)

    return run


def test_only_a_batch_model_is_scored(parse: Parse) -> None:
    """An online model scores on request and has no such DAG."""
    bag = parse(FLEET)
    assert bag.import_errors == {}
    batch = {model.model for model in MODELS if model.deployment.target == "batch"}
    assert {dag_id for dag_id in bag.dags if dag_id.endswith("__score")} == {
        f"{name}__score" for name in batch
    }


def test_it_is_a_chain_that_the_ring_joins(parse: Parse) -> None:
    """New features start it, its scores start the monitor, and no traffic is shifted."""
    dags = parse(FLEET).dags
    dag = dags["tides__score"]
    following = {"partitions_to_score"}
    assert dag.task_dict["partitions"].downstream_task_ids == following
    assert dag.task_dict["partitions_to_score"].downstream_task_ids == {"score"}
    assert dag.task_dict["score"].downstream_task_ids == {"announce"}
    assert {one.name for one in dag.task_dict["announce"].outlets} == {"tides_scores"}
    assert dag.schedule.asset_condition.name == "flights_batch"
    starters = {one.name for one in dags["tides__monitor"].schedule.asset_condition.objects}
    assert starters == {"flights_batch", "tides_scores"}
    assert dags["delay__monitor"].schedule.asset_condition.name == "flights_batch"
    assert not [name for name in dags["tides__deploy"].task_ids if name.startswith("shift")]


def test_a_partition_is_a_task_named_by_it(parse: Parse) -> None:
    """One at a time, in a pod where the model runs in pods; Airflow can serialise it."""
    for name in ("tides", "piers"):
        dag = parse(FLEET).dags[f"{name}__score"]
        task = dag.task_dict["score"]
        assert task.max_active_tis_per_dagrun == 1
        template = "{{ task.inputs['partition'] }}"
        assert task.partial_kwargs["map_index_template"] == template
        stored = DagSerialization.to_dict(dag)
        assert set(DagSerialization.from_dict(stored).task_ids) == set(dag.task_ids)


def test_what_is_due_is_scored(play: Play, wiring: FakeWiring) -> None:
    """Each task gets its partition and the run that was named for it."""
    wiring.partitions = inputs(*MONTHS)
    state, tasks = play()
    assert state == "success"
    assert tasks == {
        "partitions": ["success"],
        "partitions_to_score": ["success"],
        "score": ["success"] * 2,
        "announce": ["success"],
    }
    # Mapped tasks run in no order.
    asked = [arguments for name, arguments in wiring.asked if name == "score"]
    assert sorted(asked, key=str) == inputs(*MONTHS)


def test_a_sweep_that_finds_nothing_is_green_and_silent(play: Play, wiring: FakeWiring) -> None:
    """No event is emitted, so nothing follows."""
    state, tasks = play()
    assert (state, tasks["score"], tasks["announce"]) == ("success", ["skipped"], ["skipped"])
    assert questions(wiring) == [{"model": "tides"}]


def test_an_overtaken_partition_is_left_to_the_next_run(play: Play, wiring: FakeWiring) -> None:
    """The scored partitions are announced all the same, whichever task came first."""
    wiring.partitions = inputs(*MONTHS)
    wiring.verdicts = {"score": [Verdict("overtaken", "newer"), Verdict("scored", "72 rows")]}
    state, tasks = play()
    assert state == "success"
    assert sorted(tasks["score"]) == ["skipped", "success"]
    assert tasks["announce"] == ["success"]


def test_nothing_is_announced_after_a_failure(play: Play, wiring: FakeWiring) -> None:
    """The next sweep scores the rest and announces it."""
    wiring.partitions = inputs(*MONTHS[:1])
    wiring.verdicts = {"score": NotComputable("not what the version can score")}
    state, tasks = play()
    assert state == "failed"
    assert tasks["announce"] == ["upstream_failed"]


def test_a_person_asks_for_a_range(
    play: Play, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A range with more partitions than one run can take is refused."""
    wiring.partitions = inputs(*MONTHS)
    assert play(**{"from": "2013-04", "to": "2013-05"})[0] == "success"
    assert questions(wiring) == [{"model": "tides", "first": "2013-04", "last": "2013-05"}]
    monkeypatch.setattr("slipway.orchestration.xcom_limit.LIST_LIMIT_BYTES", 300)
    wiring.partitions = inputs(*(f"20{year:02d}-01" for year in range(10, 20)))
    assert play(**{"from": "2010-01"})[0] == "failed"
    state, tasks = play()
    assert state == "success"
    assert 1 < len(tasks["score"]) < 10


@pytest.mark.parametrize(
    ("unit", "good", "bad"),
    [("month", "2013-05", "2013-05-06"), ("day", "2013-05-06", "2013-05")],
)
def test_the_form_takes_only_partitions(unit: str, good: str, bad: str) -> None:
    """Names follow the spec's partition; each field may be empty, and has a description."""
    for name, param in score_parameters(unit).items():
        assert param.resolve() is None
        assert param.resolve(good) == good
        with pytest.raises(ParamValidationError):
            score_parameters(unit)[name].resolve(bad)
        assert param.schema["description_md"]
        assert param.schema["title"]
