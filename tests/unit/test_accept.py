"""Acceptance of retrain requests: due requests are filed, decided and resumed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from slipway.errors import BadParameter, RegistryUnavailable
from slipway.records import ledger, requests
from slipway.records.withdrawals import find_withdrawal
from slipway.stages.monitor.decide.standing_request import withdraw_standing
from slipway.stages.train.accept_request import PersonRequest
from slipway.values.value_types import LATEST
from tests.support import ferry_dataset
from tests.support.retrain_env import ASKED, MODEL, RetrainEnv, trained


def test_without_data_no_request_is_filed() -> None:
    """Neither in an empty project, nor with few labels."""
    env = RetrainEnv()
    assert env.accept().action == "nothing"
    env.land(3)
    assert env.accept().action == "nothing"
    assert env.kinds() == []


def test_the_first_labels_request_the_first_model() -> None:
    """Once enough labels have arrived without a model, a request is filed and accepted."""
    env = RetrainEnv()
    env.land()
    verdict = env.accept()
    assert (verdict.action, verdict.numbers["request"]) == ("accept", 1)
    assert env.kinds() == ["first"]


def test_an_accepted_request_is_resumed_until_it_is_answered() -> None:
    """A train run that died is resumed by the next one, not repeated."""
    env = RetrainEnv()
    env.land()
    assert env.accept() == env.accept()
    env.train()
    assert env.accept().action == "nothing"
    assert env.kinds() == ["first"]


def test_a_refused_first_model_waits_for_new_labels() -> None:
    """Without new labels the same training is not repeated."""
    env = RetrainEnv()
    env.land()
    env.accept()
    assert env.train("refused").numbers["outcome"] == "refused"
    assert env.accept().action == "nothing"
    env.land()
    assert env.accept().numbers["request"] == 2


def test_a_refused_first_challenger_is_followed_by_another() -> None:
    """Without a champion nothing is monitored, so no other request would ever come."""
    env = RetrainEnv()
    env.land()
    env.accept()
    env.train("refused")
    env.registry.aliases["challenger"] = 1
    env.land()
    assert env.accept().action == "nothing"
    env.registry.tags[1] = {"slipway.rollout": "refused"}
    assert env.accept().numbers["kind"] == "first"


def test_a_drift_request_is_accepted_on_new_labels_after_the_cool_down() -> None:
    """The monitor's request is accepted if the policy allows it."""
    env = trained()
    env.land()
    env.drift("2013-02")
    verdict = env.accept()
    assert (verdict.action, verdict.numbers["kind"]) == ("accept", "drift")
    assert "2013-02 drifts" in verdict.reason


def test_a_drift_request_without_new_labels_is_suppressed_and_recorded() -> None:
    """The decision, its reason and its numbers are in the request and the ledger."""
    env = trained()
    env.land(labelled=False)
    request = env.drift("2013-02")
    verdict = env.accept()
    assert verdict.action == "suppress"
    decision = requests.find_decision(env.store, request)
    assert decision is not None
    assert (decision.action, decision.numbers["new_labels"]) == ("suppress", 0)
    fact = ledger.read(env.store, MODEL)[-1]["fact"]
    assert (fact["stage"], fact["run"], fact["action"]) == ("accept", request.run, "suppress")
    assert fact["reason"] == decision.reason
    assert ledger.verify(env.store, MODEL) == []


def test_a_manual_request_needs_neither_new_labels_nor_a_cool_down() -> None:
    """A changed spec may be the reason."""
    env = trained()
    verdict = env.accept(ASKED)
    assert (verdict.action, verdict.numbers["kind"]) == ("accept", "person")
    assert requests.read_request(env.store, MODEL, 2).by == "ada"


def test_observing_models_are_trained_by_people_alone() -> None:
    """In mode `observe` even the first model waits for a manual request."""
    env = RetrainEnv(mode="observe")
    env.land()
    assert env.accept().action == "suppress"
    assert env.accept(ASKED).action == "accept"


def test_a_manual_request_is_suppressed_during_another() -> None:
    """It is recorded as suppressed, and the run continues the earlier request."""
    env = RetrainEnv()
    env.land()
    env.accept()
    assert env.accept(ASKED).numbers["request"] == 1
    decision = requests.find_decision(env.store, requests.read_request(env.store, MODEL, 2))
    assert decision is not None
    assert decision.reason == "Request 1 is being worked on; one at a time."


def test_a_manual_request_precedes_the_monitors() -> None:
    """Of two open requests the manual one is accepted."""
    env = trained()
    env.land()
    env.drift("2013-02")
    assert env.accept(ASKED).numbers["kind"] == "person"


def test_a_retried_task_files_its_request_once() -> None:
    """A retry files nothing twice; another run files another request."""
    env = trained()
    env.accept(ASKED, run_id="run-1")
    env.accept(ASKED, run_id="run-1")
    assert env.kinds() == ["first", "person"]
    env.accept(ASKED, run_id="run-2")
    assert env.kinds() == ["first", "person", "person"]


def test_a_manual_request_outlives_an_outage_of_the_registry() -> None:
    """The request is kept, also if the task fails before MLflow answers again."""
    env = trained()

    def away(*_: object) -> None:
        raise RegistryUnavailable("MLflow does not answer")

    env.registry.alias = away  # type: ignore[method-assign]
    with pytest.raises(RegistryUnavailable):
        env.accept(ASKED, run_id="run-1")
    del env.registry.alias
    assert env.accept().numbers["kind"] == "person"
    assert env.kinds() == ["first", "person"]


@pytest.mark.parametrize("asked", [PersonRequest(" ", "ada"), PersonRequest("why not", "")])
def test_a_manual_request_needs_a_name_and_a_reason(asked: PersonRequest) -> None:
    """Without either it is refused."""
    with pytest.raises(BadParameter, match="cannot be retrained"):
        trained().accept(asked)


def test_each_labelled_batch_files_a_request_with_on_batch() -> None:
    """Once per state of the labels, and the policy still decides."""
    env = trained(on_batch=True)
    env.land()
    assert env.accept().numbers["kind"] == "batch"
    env.train()
    assert env.accept().action == "nothing"
    assert env.kinds() == ["first", "batch"]


def test_cron_ticks_on_the_event_clock() -> None:
    """A tick that the event clock has passed files one request; a year can be replayed."""
    env = trained(cron="0 0 1 * *")
    assert env.accept().action == "nothing"
    env.land()
    assert env.clock == datetime.fromisoformat("2013-03-02T00:00:00+00:00")
    verdict = env.accept()
    assert verdict.numbers["kind"] == "cron"
    assert "2013-03-01 00:00 UTC" in verdict.reason
    env.train()
    assert env.accept().action == "nothing"


def test_cron_ticks_again_once_an_absurd_clock_is_corrected() -> None:
    """A request that was accepted under the absurd clock does not hold up the ticks for ever."""
    env = trained(cron="0 0 1 * *")
    rows = ferry_dataset.crossings(days=30, start=env.clock)
    absurd = rows["departs"].where(rows.index < len(rows) - 1, LATEST)
    ferry_dataset.publish(env.tables, rows.assign(departs=absurd), labels=rows)
    assert env.accept().numbers["kind"] == "cron"
    env.train()
    ferry_dataset.publish(env.tables, rows, labels=rows)
    env.clock += timedelta(days=30)
    env.land()
    verdict = env.accept()
    assert (verdict.action, verdict.numbers["kind"]) == ("accept", "cron")
    env.train()
    assert env.accept().action == "nothing"


class TrainingYear(RuleBasedStateMachine):
    """Any order of landing, drifting, asking, accepting and training."""

    def __init__(self) -> None:
        super().__init__()
        self.env = RetrainEnv(
            min_new_labels=500, budget={"trainings": 2, "days": 60}, breaker={"rejected": 2}
        )
        self.windows = 0

    @rule()
    def land(self) -> None:
        """Land a fortnight."""
        self.env.land(14)

    @rule()
    def drift(self) -> None:
        """File a request of the monitor."""
        self.windows += 1
        self.env.drift(str(self.windows))

    @rule()
    def withdraw(self) -> None:
        """Let the windows be ordinary again."""
        withdraw_standing(self.env.store, MODEL, reason="It is over.")

    @rule()
    def ask(self) -> None:
        """File a manual request."""
        self.windows += 1
        self.env.accept(ASKED, run_id=str(self.windows))

    @rule()
    def sweep(self) -> None:
        """Run the train DAG until it dies after `accept`."""
        self.env.accept()

    @rule(action=st.sampled_from(["promoted", "refused"]))
    def train(self, action: str) -> None:
        """Run the train DAG to its end."""
        if self.env.accept().action == "accept":
            self.env.train(action)

    @invariant()
    def at_most_one_is_in_flight(self) -> None:
        """No two trainings run at once."""
        assert len(requests.accepted_unanswered(self.env.store, MODEL)) <= 1

    @invariant()
    def automatic_trainings_keep_the_limits(self) -> None:
        """By the numbers of each decision: budget and breaker."""
        for request, numbers in requests.accepted(self.env.store, MODEL):
            if request.kind != "person":
                assert numbers["trainings"] < numbers["trainings_limit"]
                assert numbers["rejected"] < numbers["rejected_limit"]

    @invariant()
    def what_is_withdrawn_is_not_trained_on(self) -> None:
        """Whatever was accepted was due."""
        for request, _ in requests.accepted(self.env.store, MODEL):
            assert find_withdrawal(self.env.store, request) is None

    @invariant()
    def ledger_holds(self) -> None:
        """Every decision is in the ledger, and its chain holds."""
        assert ledger.verify(self.env.store, MODEL) == []
        decided = sum(
            requests.find_decision(self.env.store, one) is not None
            for one in requests.all_requests(self.env.store, MODEL)
        )
        facts = [entry["fact"]["stage"] for entry in ledger.read(self.env.store, MODEL)]
        assert facts.count("accept") == decided


TestTrainingYear = TrainingYear.TestCase
TestTrainingYear.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
