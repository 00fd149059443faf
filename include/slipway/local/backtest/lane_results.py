"""Read what a played lane leaves from its records, and score its challengers on what followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.adapters.model_package.kept_fits import KEPT_FIT, SECONDS
from slipway.local.backtest.lane import Lane
from slipway.local.backtest.played_log import fit_of
from slipway.records import requests
from slipway.records.run_records import RunRef, find_record
from slipway.records.scratch_folder import scratch_folder
from slipway.stages.backtest.results import PlayedModel, PlayedPolicy, PlayedRequest
from slipway.stages.model.decision import threshold_of

if TYPE_CHECKING:
    from slipway.stages.ports.package import Package


def results_of(lane: Lane) -> PlayedPolicy:
    """Return the results of a lane that was played to its end.

    Every model that served is scored on its periods, and every challenger on the period after its
    training, beside the champion that it would replace.
    """
    reading = _Reading(lane)
    served = {number: reading.served(number) for number in lane.served}
    asked = [reading.request(one) for one in reading.all_requests()]
    policy = lane.policy
    return PlayedPolicy(policy.name, policy.about, policy.rank, served, asked, reading.models)


class _Reading:
    """Reads the records of one lane.

    Attributes:
        models: Models that were read so far, by fit.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._store = lane.container.store
        self._model = lane.policy.spec.model
        self.models: dict[str, PlayedModel] = {}

    def all_requests(self) -> list[requests.Request]:
        return requests.all_requests(self._store, self._model)

    def served(self, number: int) -> str:
        """Fit that served a period, scored on it."""
        package = self._lane.container.package(self._lane.served[number])
        return self._scored(package, number)

    def request(self, request: requests.Request) -> PlayedRequest:
        decision = requests.find_decision(self._store, request)
        answer = requests.find_answer(self._store, request)
        step = self._lane.progress.filed[request.number]
        ended = answer or decision
        return PlayedRequest(
            number=request.number,
            step=step,
            after=self._lane.container.row_scores.rows.timeline.steps[step].name,
            kind=request.kind,
            accepted=decision is not None and decision.action == "accept",
            outcome="" if answer is None else answer.outcome,
            reason=request.reason,
            told="" if ended is None else ended.reason,
            challenger=self._challenger(request, step),
            champion=self._champion(step),
        )

    def _champion(self, step: int) -> str | None:
        version = self._lane.progress.served.get(step)
        if version is None:
            return None
        return self._scored(self._lane.container.package(version), step + 1)

    def _challenger(self, request: requests.Request, step: int) -> str | None:
        record = find_record(self._store, RunRef(self._model, request.run, "train"))
        if record is None:
            return None
        evidence: Mapping[str, Any] = record.verdict.evidence
        with scratch_folder("slipway-backtest-", needs="a challenger") as scratch:
            folder = self._lane.container.tracking.download(
                evidence["model_uri"], scratch / "model", sha256=evidence["manifest_sha256"]
            )
            return self._scored(self._lane.container.load_package(folder), step + 1)

    def _scored(self, package: Package, number: int) -> str:
        """Fit of a model, scored on a period."""
        manifest, fit = package.manifest, fit_of(package.manifest)
        classes = manifest.get("classes")
        self.models[fit] = PlayedModel(
            fit,
            None if classes is None else tuple(classes),
            threshold_of(manifest),
            float(manifest[KEPT_FIT][SECONDS]),
        )
        scores = self._lane.container.row_scores
        if number < len(scores.rows.timeline.steps) and len(scores.rows.of(number)):
            scores.of(package, number)
        return fit
