"""A model's retrain requests on fakes; stages are recorded without being run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from slipway.records import requests
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.stages.train.accept_request import PersonRequest, accept
from slipway.stages.train.close_request import answer
from slipway.stages.train.persons_answer import PersonsAnswer
from slipway.stages.train.training_stages import training_stages
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.monitoring import MonitoringRegistry
from tests.support import ferry_dataset

MODEL = "ferry_delay"
ORIGIN = {"by": "a test"}
ASKED = PersonRequest("The pipeline has changed", "ada")


class RetrainEnv:
    """A dataset that grows, and a model that is trained on request."""

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

    def accept(
        self,
        person_request: PersonRequest | None = None,
        *,
        run_id: str = "",
        persons_answer: PersonsAnswer | None = None,
    ) -> Verdict:
        """Run the first stage of the train DAG."""
        return accept(
            self.spec,
            ferry_dataset.dataset(),
            context=RunContext(self.store, {**ORIGIN, "run_id": run_id}),
            tables=self.tables,
            registry=self.registry,
            person_request=person_request,
            persons_answer=persons_answer,
        )

    def finish(self, stage: str, action: str, request: Request | None = None) -> None:
        """Record one stage of the current request as finished."""
        ref = RunRef(MODEL, (request or self.current()).run, stage)
        verdict = Verdict(action, f"{stage} says {action}.")
        perform(RunContext(self.store, ORIGIN), ref, lambda _: verdict, inputs={})

    def train(self, action: str = "promoted") -> Verdict:
        """Finish all stages of the current request and answer it."""
        *before, last = training_stages(self.spec)
        for stage in before:
            self.finish(stage, "done")
        self.finish(last, action)
        if action == "promoted":
            self.registry.aliases["champion"] = self.current().number
        return self.answer()

    def answer(self) -> Verdict:
        """Run the last stage of the train DAG."""
        return answer(self.spec, request=self.current(), context=RunContext(self.store, ORIGIN))

    def current(self) -> Request:
        """The accepted request that has no answer yet."""
        request = requests.in_flight(self.store, MODEL)
        assert request is not None
        return request

    def drift(self, window: str) -> Request:
        """File a request as the monitor does."""
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


def trained(**retraining: object) -> RetrainEnv:
    """An environment whose first model serves."""
    env = RetrainEnv(**retraining)
    env.land()
    env.accept()
    env.train()
    return env


def failing(env: RetrainEnv, stage: str, error: Exception) -> None:
    """Record a failure of one stage of the current request."""

    def work(_: Attempt) -> Verdict:
        raise error

    ref = RunRef(MODEL, env.current().run, stage)
    with pytest.raises(type(error)):
        perform(RunContext(env.store, ORIGIN), ref, work, inputs={})
