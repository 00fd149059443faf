"""Play one policy over a history: the stages of the ring, on the tables as they stood then."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slipway.errors import Permanent
from slipway.local.backtest.lane_container import LaneContainer, LaneFolders
from slipway.local.backtest.played_log import AskedRows
from slipway.records import requests
from slipway.records.outcomes import Outcome
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec
from slipway.stages.backtest.policies import Policy
from slipway.stages.model.aliases import CHALLENGER, CHAMPION, PREVIOUS
from slipway.stages.model.provenance import CodeState
from slipway.stages.train.training_stages import training_stages
from slipway.wiring import run_stage
from slipway.wiring.monitor import collect

PROGRESS = "progress.json"
ORIGIN = {"by": "slipway backtest"}
MOST_TRAININGS = 5
"""Trainings in one step; what is still due then waits for the next one."""


@dataclass
class LaneProgress:
    """How far a lane has come.

    Attributes:
        next_step: Number of the step to begin with.
        measured: Number of the last step whose windows are measured and decided on; after that
            the champion may be another one.
        served: Champion at the beginning of each step; None before the first one.
        filed: Number of the step at which each request was filed.
    """

    next_step: int = 0
    measured: int = -1
    served: dict[int, int | None] = field(default_factory=dict)
    filed: dict[int, int] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> LaneProgress:
        """Return the progress that a folder keeps, or that of the begin."""
        try:
            kept = json.loads((folder / PROGRESS).read_text())
        except FileNotFoundError:
            return cls()
        served = {int(number): version for number, version in kept["served"].items()}
        filed = {int(number): step for number, step in kept["filed"].items()}
        return cls(kept["next_step"], kept["measured"], served, filed)

    def write(self, folder: Path) -> None:
        """Keep it, as a whole."""
        folder.mkdir(parents=True, exist_ok=True)
        draft = (folder / PROGRESS).with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(folder / PROGRESS)


class Lane:
    """One policy's ring.

    A period is predicted by the champion that stood at its beginning. At its end the tables are
    those of that moment: windows are measured, requests decided, and a challenger whose gates hold
    serves from the next period on.

    A step that was stopped is played again as a whole: every stage returns what it has recorded.

    Args:
        policy: Policy.
        dataset: Dataset of its model.
        folders: Folders of the lane.
        rows: Rows of the history.
        code: State of the code.
    """

    def __init__(
        self,
        policy: Policy,
        dataset: DatasetSpec,
        *,
        folders: LaneFolders,
        rows: AskedRows,
        code: CodeState,
    ) -> None:
        self.policy, self.dataset = policy, dataset
        self._folder = folders.own
        self.progress = LaneProgress.read(self._folder)
        self._steps = rows.timeline.steps
        self.served: dict[int, int] = {}
        for number in self.progress.served:
            self._note_served(number)
        self._model = policy.spec.model
        self.container = LaneContainer(
            folders, self._model, rows=rows, served=self.served, code=code
        )

    def play(self, tell: Callable[[int], None]) -> None:
        """Play what is left.

        Args:
            tell: Called with the number of each step that is done.
        """
        for number in range(self.progress.next_step, len(self._steps)):
            self._begin(number)
            self.container.tables.versions = dict(self._steps[number].versions)
            if self._pin_specs() is not None and number > self.progress.measured:
                self._monitor()
            self.progress.measured = number
            self.progress.write(self._folder)
            self._train()
            self._end(number)
            tell(number)

    def _begin(self, number: int) -> None:
        """Note which champion serves the period, before anything can replace it."""
        if number not in self.progress.served:
            self.progress.served[number] = self._champion()
            self.progress.write(self._folder)
        self._note_served(number)

    def _note_served(self, number: int) -> None:
        """Note the version whose predictions a period has."""
        version = self.progress.served[number]
        if version is not None and self._steps[number].start is not None:
            self.served[number] = version

    def _end(self, number: int) -> None:
        for request in requests.all_requests(self.container.store, self._model):
            self.progress.filed.setdefault(request.number, number)
        self.progress.next_step = number + 1
        self.progress.write(self._folder)

    def _champion(self) -> int | None:
        champion = self.container.registry.alias(self._model, CHAMPION)
        return None if champion is None else champion.version

    def _pin_specs(self) -> int | None:
        """Make the rules of the policy those that hold now; return the champion."""
        champion = self._champion()
        spec = self.policy.until_first if champion is None else self.policy.spec
        self.container.pin_specs(spec, self.dataset)
        return champion

    def _monitor(self) -> None:
        if not self.policy.signals:
            return
        due = collect(model=self._model, container=self.container)
        windows = {"drift": due["drift"], "performance": due["performance"]}
        for stage in ("drift", "performance"):
            if stage in self.policy.signals:
                for window in windows[stage]:
                    self._run(stage, {"window": window})
        self._run("decide", {})

    def _train(self) -> None:
        for _ in range(MOST_TRAININGS):
            self._promote()
            self._pin_specs()
            accepted = self._run("accept", {})
            if accepted.action != "accept":
                return
            self._work_on(accepted.numbers["request"])
        self._promote()

    def _work_on(self, request: Any) -> None:
        """Run the stages of a training; an error that no retry can help ends it as failed."""
        try:
            for stage in training_stages(self.policy.spec):
                self._run(stage, {"request": request})
        except Permanent:
            pass
        self._run("answer", {"request": request})

    def _promote(self) -> None:
        """Let a challenger serve: a backtest has no servers that could refuse it."""
        registry, model = self.container.registry, self._model
        challenger, champion = registry.alias(model, CHALLENGER), self._champion()
        if challenger is None:
            return
        if champion not in {None, challenger.version}:
            registry.set_alias(model, PREVIOUS, int(str(champion)))
        registry.set_alias(model, CHAMPION, challenger.version)
        registry.delete_alias(model, CHALLENGER)

    def _run(self, stage: str, inputs: Mapping[str, Any]) -> Verdict:
        given = {"model": self._model, **inputs}
        found: Outcome = run_stage(stage, given, origin=ORIGIN, container=self.container)
        return found if isinstance(found, Verdict) else found.verdict
