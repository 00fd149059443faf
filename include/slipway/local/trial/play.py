"""Play the stages from the deliveries to the gates, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import Permanent, SlipwayError
from slipway.records.outcomes import Outcome
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.train.training_stages import training_stages
from slipway.wiring import Container, run_stage

BY = "slipway try"


@dataclass(frozen=True)
class Step:
    """A stage that ran.

    Attributes:
        stage: Name.
        about: What it worked on, of several; else an empty text.
        verdict: Its verdict.
        seconds: Its duration.
    """

    stage: str
    about: str
    verdict: Verdict
    seconds: float


@dataclass
class Trial:
    """A trial as far as it has come.

    Attributes:
        model: Model.
        dataset: Its dataset.
        container: Installation of the trial.
        steps: Stages that ran, in order.
        failure: Error that ended it, or None.
    """

    model: ModelSpec
    dataset: DatasetSpec
    container: Container
    steps: list[Step] = field(default_factory=list)
    failure: SlipwayError | None = None

    def find(self, stage: str) -> Verdict | None:
        """Return the verdict of a stage that ran once, or None."""
        return next((step.verdict for step in self.steps if step.stage == stage), None)

    @property
    def is_promoted(self) -> bool:
        """Whether the model became challenger."""
        promoted = self.find("promote_challenger")
        return promoted is not None and promoted.action == "promoted"

    @property
    def refusal(self) -> Verdict | None:
        """The verdict by which the model did not become challenger, or None."""
        if self.is_promoted:
            return None
        return self.find("promote_challenger") or self.find("accept")


def play(trial: Trial, *, began: Callable[[str], None], ended: Callable[[Step], None]) -> None:
    """Run every stage on the deliveries in the trial's landing area.

    An error that no retry can help ends it, and is kept as its `failure`.

    Args:
        trial: Trial.
        began: Called with each stage as it begins.
        ended: Called with each stage that ran.
    """
    player = _Player(trial, began, ended)
    try:
        player.ingest_all()
        player.train()
    except Permanent as error:
        trial.failure = error


@dataclass(frozen=True)
class _Player:
    trial: Trial
    began: Callable[[str], None]
    ended: Callable[[Step], None]

    def ingest_all(self) -> None:
        container, spec = self.trial.container, self.trial.dataset
        for one in container.source(spec.source).deliveries(spec.dataset):
            inputs = {"dataset": one.dataset, "stream": one.stream, "batch": one.batch}
            self._run("ingest", {**inputs, "file": one.key}, about=f"{one.stream} {one.batch}")

    def train(self) -> None:
        model = self.trial.model.model
        accepted = self._run("accept", {"model": model, "reason": "tried by hand"})
        if accepted.action != "accept":
            return
        for stage in (*training_stages(self.trial.model), "answer"):
            self._run(stage, {"model": model, "request": accepted.numbers["request"]})

    def _run(self, stage: str, inputs: Mapping[str, Any], *, about: str = "") -> Verdict:
        self.began(f"{stage} {about}".strip())
        started = time.monotonic()
        outcome = run_stage(
            stage, inputs, origin={"by": BY, "run_id": "try"}, container=self.trial.container
        )
        step = Step(stage, about, _verdict(outcome), time.monotonic() - started)
        self.trial.steps.append(step)
        self.ended(step)
        return step.verdict


def _verdict(outcome: Outcome) -> Verdict:
    return outcome if isinstance(outcome, Verdict) else outcome.verdict
