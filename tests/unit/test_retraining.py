"""From what the state asks for to one accepted request, and from its records to its answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from slipway.errors import BadBatch, BadParameter, StoreUnavailable
from slipway.records import ledger, requests
from slipway.records.requests import Request
from slipway.records.runs import Attempt, RunRef, perform
from slipway.records.verdicts import Verdict
from slipway.stages.train.accept import accept
from slipway.stages.train.close_request import SILENT_ATTEMPTS, STAGES, answer
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MonitoringRegistry
from tests.support import ferry_dataset

MODEL = "ferry_delay"
ORIGIN = {"by": "a test"}
ASKED = {"reason": "The pipeline has changed", "by": "ada"}


class Yard:
    """A dataset that grows month by month, and a model that is trained on request."""

    def __init__(self, **retraining: object) -> None:
        self.spec = ferry_dataset.model(retraining=dict(retraining))
        self.store = MemoryStore()
        self.tables = MemoryTables()
        self.registry = MonitoringRegistry(MODEL)
        self.clock = ferry_dataset.START

    def land(self, days: int = 30, *, labelled: bool = True) -> None:
        """Land some days of features and labels."""
        rows = ferry_dataset.crossings(days=days, start=self.clock)
        ferry_dataset.publish(self.tables, rows, labels=rows if labelled else None)
        self.clock += timedelta(days=days)

    def accept(self, asked: dict[str, str] | None = None, *, run_id: str = "") -> Verdict:
        """The head of the train DAG."""
        return accept(
            self.spec,
            ferry_dataset.dataset(),
            store=self.store,
            tables=self.tables,
            registry=self.registry,
            origin={**ORIGIN, "run_id": run_id},
            asked=asked,
        )

    def finish(self, stage: str, action: str, request: Request | None = None) -> None:
        """Let one stage of the current request end well."""
        ref = RunRef(MODEL, (request or self.current()).run, stage)
        verdict = Verdict(action, f"{stage} says {action}.")
        perform(self.store, ref, lambda _: verdict, inputs={}, origin=ORIGIN)

    def train(self, action: str = "promoted") -> Verdict:
        """Let the current request pass through all its stages; its answer."""
        for stage in STAGES[:-1]:
            self.finish(stage, "done")
        self.finish(STAGES[-1], action)
        if action == "promoted":
            self.registry.aliases["champion"] = self.current().number
        return self.answer()

    def answer(self) -> Verdict:
        """The tail of the train DAG."""
        return answer(self.spec, request=self.current(), store=self.store, origin=ORIGIN)

    def current(self) -> Request:
        """The request that is being worked on."""
        request = requests.in_flight(self.store, MODEL)
        assert request is not None
        return request

    def drift(self, window: str) -> Request:
        """File what the monitor files."""
        return requests.file_request(
            self.store,
            MODEL,
            kind="drift",
            reason=f"{window} drifts",
            at=self.clock.isoformat(),
            by="decide",
            unique=f"drift-{window}",
        )

    def kinds(self) -> list[str]:
        """The kinds of all requests, oldest first."""
        return [one.kind for one in requests.all_requests(self.store, MODEL)]


def trained(**retraining: object) -> Yard:
    """A yard whose first model serves."""
    yard = Yard(**retraining)
    yard.land()
    yard.accept()
    yard.train()
    return yard


def test_before_there_is_data_nothing_is_asked_for() -> None:
    """An empty project asks for nothing, and one with few labels neither."""
    yard = Yard()
    assert yard.accept().action == "nothing"
    yard.land(3)
    assert yard.accept().action == "nothing"
    assert yard.kinds() == []


def test_the_first_labels_ask_for_the_first_model() -> None:
    """Once labels enough have arrived and there is no model, one is asked for and accepted."""
    yard = Yard()
    yard.land()
    verdict = yard.accept()
    assert (verdict.action, verdict.numbers["request"]) == ("accept", 1)
    assert yard.kinds() == ["first"]


def test_an_accepted_request_is_taken_up_again_until_it_is_answered() -> None:
    """A train run that died is resumed by the next one, not repeated."""
    yard = Yard()
    yard.land()
    assert yard.accept() == yard.accept()
    yard.train()
    assert yard.accept().action == "nothing"
    assert yard.kinds() == ["first"]


def test_a_refused_first_model_waits_for_new_labels() -> None:
    """Without new labels the same training is not repeated for ever."""
    yard = Yard()
    yard.land()
    yard.accept()
    assert yard.train("refused").numbers["outcome"] == "refused"
    assert yard.accept().action == "nothing"
    yard.land()
    assert yard.accept().numbers["request"] == 2


def test_a_first_challenger_that_may_not_serve_is_followed_by_another() -> None:
    """Without a champion nothing is watched, so nobody else would ever ask."""
    yard = Yard()
    yard.land()
    yard.accept()
    yard.train("refused")
    yard.registry.aliases["challenger"] = 1
    yard.land()
    assert yard.accept().action == "nothing"
    yard.registry.tags[1] = {"slipway.rollout": "refused"}
    assert yard.accept().numbers["kind"] == "first"


def test_a_drift_request_is_accepted_on_new_labels_after_the_cool_down() -> None:
    """The monitor's request trains when the policy has nothing against it."""
    yard = trained()
    yard.land()
    yard.drift("2013-02")
    verdict = yard.accept()
    assert (verdict.action, verdict.numbers["kind"]) == ("accept", "drift")
    assert "2013-02 drifts" in verdict.reason


def test_a_drift_request_without_new_labels_is_suppressed_and_recorded() -> None:
    """The decision, its reason and its numbers are in request and ledger."""
    yard = trained()
    yard.land(labelled=False)
    request = yard.drift("2013-02")
    verdict = yard.accept()
    assert verdict.action == "suppress"
    decision = requests.find_decision(yard.store, request)
    assert decision is not None
    assert (decision.action, decision.numbers["new_labels"]) == ("suppress", 0)
    fact = ledger.read(yard.store, MODEL)[-1]["fact"]
    assert (fact["stage"], fact["run"], fact["action"]) == ("accept", request.run, "suppress")
    assert fact["reason"] == decision.reason
    assert ledger.verify(yard.store, MODEL) == []


def test_a_person_may_ask_without_new_labels_and_within_the_cool_down() -> None:
    """A changed spec is a reason that only a person knows."""
    yard = trained()
    verdict = yard.accept(ASKED)
    assert (verdict.action, verdict.numbers["kind"]) == ("accept", "person")
    assert requests.read_request(yard.store, MODEL, 2).by == "ada"


def test_observing_models_are_trained_by_people_alone() -> None:
    """In mode observe even the first model waits for somebody to ask."""
    yard = Yard(mode="observe")
    yard.land()
    assert yard.accept().action == "suppress"
    assert yard.accept(ASKED).action == "accept"


def test_a_person_waits_while_another_request_is_worked_on() -> None:
    """The person's request is recorded as suppressed, and the run works on the earlier one."""
    yard = Yard()
    yard.land()
    yard.accept()
    assert yard.accept(ASKED).numbers["request"] == 1
    decision = requests.find_decision(yard.store, requests.read_request(yard.store, MODEL, 2))
    assert decision is not None
    assert decision.reason == "Request 1 is being worked on; one at a time."


def test_a_person_is_heard_before_the_monitor() -> None:
    """Of two that ask at once the person's reason is the one that is worked on."""
    yard = trained()
    yard.land()
    yard.drift("2013-02")
    assert yard.accept(ASKED).numbers["kind"] == "person"


def test_the_same_person_asking_again_in_a_retried_task_is_one_request() -> None:
    """A retry of the task files nothing twice; another run's asking does."""
    yard = trained()
    yard.accept(ASKED, run_id="run-1")
    yard.accept(ASKED, run_id="run-1")
    assert yard.kinds() == ["first", "person"]
    yard.accept(ASKED, run_id="run-2")
    assert yard.kinds() == ["first", "person", "person"]


@pytest.mark.parametrize("asked", [{"reason": " ", "by": "ada"}, {"reason": "why not"}])
def test_a_person_has_a_name_and_a_reason(asked: dict[str, str]) -> None:
    """Anonymous or unexplained requests are refused."""
    with pytest.raises(BadParameter, match="cannot be retrained"):
        trained().accept(asked)


def test_each_labelled_batch_asks_where_the_spec_says_so() -> None:
    """`on_batch` asks once per state of the labels, and the policy still decides."""
    yard = trained(on_batch=True)
    yard.land()
    assert yard.accept().numbers["kind"] == "batch"
    yard.train()
    assert yard.accept().action == "nothing"
    assert yard.kinds() == ["first", "batch"]


def test_cron_ticks_on_the_event_clock() -> None:
    """A tick that the event clock has passed asks once; replaying a year needs no waiting."""
    yard = trained(cron="0 0 1 * *")
    assert yard.accept().action == "nothing"
    yard.land()
    assert yard.clock == datetime.fromisoformat("2013-03-02T00:00:00+00:00")
    verdict = yard.accept()
    assert verdict.numbers["kind"] == "cron"
    assert "2013-03-01 00:00 UTC" in verdict.reason
    yard.train()
    assert yard.accept().action == "nothing"


def failing(yard: Yard, stage: str, error: Exception) -> None:
    """Let one stage of the current request fail."""

    def work(_: Attempt) -> Verdict:
        raise error

    ref = RunRef(MODEL, yard.current().run, stage)
    with pytest.raises(type(error)):
        perform(yard.store, ref, work, inputs={}, origin=ORIGIN)


def test_a_permanent_failure_answers_the_request() -> None:
    """A retry cannot help, so the request is closed with the error, and the way is free."""
    yard = Yard()
    yard.land()
    yard.accept()
    yard.finish("snapshot", "pinned")
    failing(yard, "train", BadBatch("the labels have one class"))
    verdict = yard.answer()
    assert verdict.numbers["outcome"] == "failed"
    assert "the labels have one class" in verdict.reason
    assert requests.in_flight(yard.store, MODEL) is None


def test_a_failed_training_holds_no_later_one_up() -> None:
    """It used no labels, so neither their number nor the cool-down speaks against another."""
    yard = Yard(cooldown_days=90, min_new_labels=10**6)
    yard.land()
    yard.accept()
    failing(yard, "snapshot", BadBatch("the spec was wrong"))
    yard.answer()
    assert yard.accept().action == "nothing"
    yard.land()
    assert yard.accept().numbers["request"] == 2


def test_a_passing_failure_leaves_the_request_open() -> None:
    """The next sweep takes the request up again, and may succeed."""
    yard = Yard()
    yard.land()
    yard.accept()
    failing(yard, "snapshot", StoreUnavailable("no answer"))
    assert yard.answer().action == "open"
    assert yard.accept().numbers["request"] == 1
    assert yard.train().numbers["outcome"] == "promoted"


def test_an_unexpected_failure_is_given_one_more_try() -> None:
    """A `pipeline.py` that always raises does not keep every later request waiting."""
    yard = Yard()
    yard.land()
    yard.accept()
    yard.finish("snapshot", "pinned")
    failing(yard, "train", KeyError("a value"))
    assert yard.answer().action == "open"
    failing(yard, "train", KeyError("a value"))
    verdict = yard.answer()
    assert verdict.numbers["outcome"] == "failed"
    assert "KeyError" in verdict.reason
    assert "a value" not in verdict.reason


def test_a_stage_that_is_killed_again_and_again_is_given_up() -> None:
    """Out of memory each time leaves no error, only attempts."""
    yard = Yard()
    yard.land()
    yard.accept()
    for number in range(1, SILENT_ATTEMPTS + 1):
        assert yard.answer().action == "open"
        folder = RunRef(MODEL, yard.current().run, "snapshot").folder
        yard.store.create(f"{folder}/attempt-{number:04d}.json", b"{}")
    assert yard.answer().numbers["outcome"] == "failed"


def test_only_accepted_requests_are_answered() -> None:
    """A suppressed request has no stages, so it has no answer."""
    yard = trained()
    request = yard.drift("2013-02")
    yard.accept()
    with pytest.raises(BadParameter, match="cannot be answered"):
        answer(yard.spec, request=request, store=yard.store, origin=ORIGIN)


class TrainingYear(RuleBasedStateMachine):
    """Any order of landing, drifting, asking, accepting and training."""

    def __init__(self) -> None:
        super().__init__()
        self.yard = Yard(min_new_labels=500)
        self.windows = 0

    @rule()
    def land(self) -> None:
        """A fortnight lands."""
        self.yard.land(14)

    @rule()
    def drift(self) -> None:
        """The monitor asks."""
        self.windows += 1
        self.yard.drift(str(self.windows))

    @rule()
    def ask(self) -> None:
        """A person asks."""
        self.windows += 1
        self.yard.accept(ASKED, run_id=str(self.windows))

    @rule()
    def sweep(self) -> None:
        """The train DAG runs and dies after its head."""
        self.yard.accept()

    @rule()
    def train(self) -> None:
        """The train DAG runs to its end."""
        if self.yard.accept().action == "accept":
            self.yard.train()

    @invariant()
    def at_most_one_is_in_flight(self) -> None:
        """Two trainings never run at once."""
        assert len(requests.accepted_unanswered(self.yard.store, MODEL)) <= 1

    @invariant()
    def the_ledger_holds(self) -> None:
        """Every decision is in the ledger, unbroken."""
        assert ledger.verify(self.yard.store, MODEL) == []
        decided = sum(
            requests.find_decision(self.yard.store, one) is not None
            for one in requests.all_requests(self.yard.store, MODEL)
        )
        facts = [entry["fact"]["stage"] for entry in ledger.read(self.yard.store, MODEL)]
        assert facts.count("accept") == decided


TestTrainingYear = TrainingYear.TestCase
TestTrainingYear.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
