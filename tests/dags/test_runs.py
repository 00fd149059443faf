"""The outcome of real Airflow runs over faked stages, for each way the stages can end."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import slipway
from slipway.errors import BadBatch, NotComputable
from slipway.orchestration import build_dags
from slipway.records.verdicts import Verdict
from tests.dags.conftest import DAGS, Parse
from tests.dags.specs import dataset_file, model_file
from tests.fakes.wiring import FakeWiring

ACCEPTED = Verdict("accept", "enough new labels", {"request": 3})
ROLLED_OUT = Verdict("roll_out", "v2 should serve", {"version": 2})
NOTHING = Verdict("nothing", "nothing to do")
DELIVERIES = [
    {"stream": stream, "batch": batch, "file": f"landing/flights/{stream}/{batch}.csv"}
    for batch in ("2013-01", "2013-02")
    for stream in ("features", "labels")
]

pytestmark = pytest.mark.usefixtures("airflow_database")


@dataclass(frozen=True)
class Ran:
    """A finished run: its state, and the states of each task's instances."""

    state: str
    tasks: dict[str, list[str]]

    def only(self, *names: str) -> list[str]:
        """States of the tasks that are not mapped."""
        return [state for name in names for state in self.tasks[name]]


Play = Callable[..., Ran]


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> FakeWiring:
    """A fake of the stages, beneath the real DAGs."""
    assert build_dags
    fake = FakeWiring()
    monkeypatch.setitem(sys.modules, "slipway.wiring", fake)
    monkeypatch.setattr(slipway, "wiring", fake, raising=False)
    return fake


@pytest.fixture
def play(parse: Parse, monkeypatch: pytest.MonkeyPatch) -> Play:
    """A function that runs one DAG of a small project to its end, in this process."""
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(DAGS))

    def run(dag_id: str, **conf: Any) -> Ran:
        bag = parse({**dataset_file(), **model_file()}, file="model_dags.py")
        finished = bag.dags[dag_id].test(run_conf=conf)
        states = defaultdict(list)
        for one in sorted(finished.get_task_instances(), key=lambda one: one.map_index):
            states[one.task_id].append(str(one.state))
        return Ran(str(finished.state), dict(states))

    return run


def test_each_waiting_delivery_is_ingested(play: Play, wiring: FakeWiring) -> None:
    """One task each, then the acknowledgement of the claimed deliveries."""
    wiring.deliveries = DELIVERIES
    ran = play("flights__ingest")
    assert ran.state == "success"
    assert ran.tasks["ingest"] == ["success"] * 4
    expected = [("ingest", {"dataset": "flights", **one}) for one in DELIVERIES]
    assert sorted(wiring.asked, key=str) == sorted(expected, key=str)
    assert wiring.acknowledged == ["f1"]


def test_one_batch_can_be_asked_for(play: Play, wiring: FakeWiring) -> None:
    """The parameter narrows the claim."""
    wiring.deliveries = DELIVERIES
    play("flights__ingest", batch="2013-02")
    assert {arguments["batch"] for _, arguments in wiring.asked} == {"2013-02"}


def test_an_empty_landing_area_makes_a_green_run(play: Play, wiring: FakeWiring) -> None:
    """A sweep without deliveries skips, and its listing is acknowledged."""
    ran = play("flights__ingest")
    assert (ran.state, ran.tasks["ingest"]) == ("success", ["skipped"])
    assert wiring.acknowledged == ["f1"]


def test_a_blocked_batch_is_red_and_the_rest_goes_on(play: Play, wiring: FakeWiring) -> None:
    """It fails without a retry, the others are ingested, and all is acknowledged."""
    wiring.deliveries = DELIVERIES
    good, blocked = Verdict("ingested", "5 rows"), Verdict("blocked", "a column is missing")
    wiring.verdicts = {"ingest": [good, blocked, Verdict("duplicate", "seen before"), good]}
    ran = play("flights__ingest")
    assert sorted(ran.tasks["ingest"]) == ["failed", "skipped", "success", "success"]
    assert ran.state == "failed"
    assert wiring.acknowledged == ["f1"]


def test_acknowledging_is_asked_for_after_a_crash_too(play: Play, wiring: FakeWiring) -> None:
    """The store, and not the tasks' states, decides whether all is handled."""
    wiring.deliveries = DELIVERIES[:1]
    wiring.verdicts = {"ingest": BadBatch("cannot be read")}
    ran = play("flights__ingest")
    assert (ran.state, ran.tasks["ingest"]) == ("failed", ["failed"])
    assert wiring.acknowledged == ["f1"]


def test_without_a_claim_nothing_is_acknowledged(
    play: Play, wiring: FakeWiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No listing was read, so nothing is acknowledged."""
    monkeypatch.setattr(wiring, "claim", _raise_bad_batch)
    ran = play("flights__ingest")
    assert ran.state == "failed"
    assert wiring.acknowledged == []


def _raise_bad_batch(**_: object) -> None:
    raise BadBatch("there is no such batch")


def test_an_unknown_parameter_makes_a_red_run(play: Play, wiring: FakeWiring) -> None:
    """Airflow accepts it; the first task fails."""
    wiring.deliveries = DELIVERIES
    ran = play("flights__ingest", bacth="2013-02")
    assert ran.state == "failed"
    assert ran.tasks["claim"] == ["failed"]
    assert wiring.asked == []


def test_an_accepted_request_becomes_a_challenger(play: Play, wiring: FakeWiring) -> None:
    """Every stage gets the request's number; the answer closes the request."""
    wiring.verdicts = {"accept": ACCEPTED}
    ran = play("delay__train", reason="new runway")
    assert ran.state == "success"
    later = [(name, arguments) for name, arguments in wiring.asked if name != "accept"]
    chain = ["snapshot", "train", "evaluate", "gate", "promote_challenger", "answer"]
    assert later == [(name, {"model": "delay", "request": 3}) for name in chain]


def test_a_manual_run_files_a_request_of_its_person(play: Play, wiring: FakeWiring) -> None:
    """The reason is an argument, person and run are the origin: a retry files nothing twice."""
    wiring.verdicts = {"accept": ACCEPTED}
    play("delay__train", reason='a "new" runway & more')
    assert wiring.asked[0] == ("accept", {"model": "delay", "reason": 'a "new" runway & more'})
    assert wiring.origins[0]["run_id"].startswith("manual__")
    play("delay__train")
    again = [arguments for name, arguments in wiring.asked if name == "accept"][-1]
    assert again == {"model": "delay", "reason": "dag_test started it by hand"}


def test_a_manual_run_answers_a_request_that_waits(play: Play, wiring: FakeWiring) -> None:
    """By its number, with the reason; the name is the origin's."""
    wiring.verdicts = {"accept": ACCEPTED}
    play("delay__train", approve=3, reason="I have seen the page")
    asked = {"model": "delay", "reason": "I have seen the page", "approve": 3}
    assert wiring.asked[0] == ("accept", asked)


@pytest.mark.parametrize("action", ["nothing", "suppress", "wait"])
def test_without_an_accepted_request_nothing_is_trained(
    play: Play, wiring: FakeWiring, action: str
) -> None:
    """The run is green, and all tasks but the first are skipped."""
    wiring.verdicts = {"accept": Verdict(action, "cooling down")}
    ran = play("delay__train")
    assert ran.state == "success"
    assert {state for states in ran.tasks.values() for state in states} == {"skipped"}
    assert [name for name, _ in wiring.asked] == ["accept"]


def test_a_refused_challenger_is_answered_in_a_green_run(play: Play, wiring: FakeWiring) -> None:
    """A refusal is a result, not a failure."""
    refused = Verdict("refused", "0.68 does not beat 0.70")
    wiring.verdicts = {"accept": ACCEPTED, "promote_challenger": refused}
    ran = play("delay__train")
    assert ran.state == "success"
    assert ran.only("gate", "promote_challenger", "answer") == ["success", "skipped", "success"]


@pytest.mark.parametrize("stage", ["snapshot", "train", "promote_challenger"])
def test_a_request_is_answered_whatever_failed(play: Play, wiring: FakeWiring, stage: str) -> None:
    """The run is red nevertheless."""
    wiring.verdicts = {"accept": ACCEPTED, stage: NotComputable("too few rows")}
    ran = play("delay__train")
    assert ran.state == "failed"
    assert ran.only(stage, "answer") == ["failed", "success"]


def test_a_deployment_goes_step_by_step(play: Play, wiring: FakeWiring) -> None:
    """Reconcile gets the target, the other stages the rollout."""
    wiring.verdicts = {"reconcile": ROLLED_OUT}
    assert play("delay__deploy", to="previous").state == "success"
    stage, begun = wiring.asked[0]
    asked_at = datetime.fromisoformat(begun.pop("asked_at"))
    assert datetime.now(UTC) - asked_at < timedelta(minutes=5)
    assert (stage, begun) == ("reconcile", {"model": "delay", "to": "previous"})
    given = {"model": "delay", "rollout": "rollout-000001"}
    assert wiring.asked[1:] == [
        ("verify", given),
        ("shift", {**given, "step": 10}),
        ("shift", {**given, "step": 50}),
        ("switch", given),
        ("promote_champion", given),
    ]


def test_a_lease_is_taken_over_from_a_run_that_has_ended(play: Play, wiring: FakeWiring) -> None:
    """Airflow knows that the holder's run has ended; not of a run that it lost."""
    wiring.verdicts = {"reconcile": NOTHING}
    play("delay__deploy")
    ended = "/".join(str(wiring.origins[0][name]) for name in ("dag_id", "run_id"))
    for holder, known in ((ended, ended), ("delay__deploy/deleted", None), ("ann/shell-1", None)):
        wiring.holder = holder
        play("delay__deploy")
        assert wiring.asked[-1][1].get("ended") == known


def test_a_task_that_fails_for_good_gives_the_lease_back(play: Play, wiring: FakeWiring) -> None:
    """The next run need not wait until the lease expires."""
    wiring.verdicts = {"reconcile": ROLLED_OUT, "verify": NotComputable("no rows to replay")}
    assert play("delay__deploy").state == "failed"
    assert wiring.given_back == ["delay"]


def test_what_serves_rightly_is_left_alone(play: Play, wiring: FakeWiring) -> None:
    """A sweep without a difference makes a green run."""
    wiring.verdicts = {"reconcile": NOTHING}
    ran = play("delay__deploy")
    assert ran.state == "success"
    later = ran.only("verify", "shift_10", "shift_50", "switch", "promote_champion")
    assert later == ["skipped"] * 5


@pytest.mark.parametrize(
    ("stage", "action", "task"),
    [
        ("verify", "refused", "verify"),
        ("shift", "aborted", "shift_10"),
        ("shift", "inconclusive", "shift_10"),
        ("switch", "aborted", "switch"),
    ],
)
def test_a_candidate_that_may_not_serve_makes_a_red_run(
    play: Play, wiring: FakeWiring, stage: str, action: str, task: str
) -> None:
    """Nothing after it runs, so the champion goes on serving."""
    wiring.verdicts = {"reconcile": ROLLED_OUT, stage: Verdict(action, "answers differ")}
    ran = play("delay__deploy")
    assert ran.state == "failed"
    assert ran.only(task, "promote_champion") == ["failed", "upstream_failed"]


def test_steps_that_are_not_needed_are_passed(play: Play, wiring: FakeWiring) -> None:
    """A rollback passes through them without waiting."""
    unneeded = Verdict("unneeded", "no steps")
    wiring.verdicts = {"reconcile": Verdict("roll_back", "back", {"version": 1}), "shift": unneeded}
    assert play("delay__deploy", to="previous").state == "success"


@pytest.mark.parametrize(
    ("drift", "performance"), [([], []), (["2013-05-v1"], []), ([], ["2013-04-v1"])]
)
def test_monitoring_decides_whatever_windows_are_due(
    play: Play, wiring: FakeWiring, drift: list[str], performance: list[str]
) -> None:
    """An empty list skips its own measure only; the other measure and the decision run."""
    wiring.due = {"drift": drift, "performance": performance}
    ran = play("delay__monitor")
    assert ran.state == "success"
    assert ran.tasks["drift"] == (["success"] if drift else ["skipped"])
    assert ran.tasks["performance"] == (["success"] if performance else ["skipped"])
    assert ran.tasks["decide"] == ["success"]
    measured = [arguments["window"] for _, arguments in wiring.asked if "window" in arguments]
    assert measured == drift + performance


def test_no_event_follows_the_decision_to_do_nothing(play: Play, wiring: FakeWiring) -> None:
    """A skipped task emits no event, so no training starts."""
    wiring.verdicts = {"decide": NOTHING}
    ran = play("delay__monitor")
    assert (ran.state, ran.tasks["decide"]) == ("success", ["skipped"])


def test_nothing_is_decided_on_a_window_that_failed(play: Play, wiring: FakeWiring) -> None:
    """A failed measure leads to no decision."""
    wiring.due = {"drift": ["2013-05-v1"]}
    wiring.verdicts = {"drift": NotComputable("no reference")}
    ran = play("delay__monitor")
    assert (ran.state, ran.tasks["decide"]) == ("failed", ["upstream_failed"])
