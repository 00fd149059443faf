"""Play a history through the running ring, one period after the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters.landing_copy import copy_into_landing
from slipway.local.outside_world import OutsideWorld
from slipway.local.replay.history import History
from slipway.local.replay.progress_file import Asked, ProgressFile, ReplayProgress
from slipway.records import requests
from slipway.records.arrival_moments import keep_arrival
from slipway.records.scratch_folder import scratch_folder

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec

IDLE_WITHIN_SECONDS = 1800.0


class Player:
    """Plays the steps of a history.

    Args:
        world: The running ring.
        history: Rows of the past.
        progress: Where it begins; kept up to date.
        file: Where the progress is kept.
        rows: Most rows of a period that a model is asked about.
        speed: Seconds of event time in a second, at most; None: as fast as the ring.
    """

    def __init__(
        self,
        world: OutsideWorld,
        history: History,
        *,
        progress: ReplayProgress,
        file: ProgressFile,
        rows: int,
        speed: float | None,
    ) -> None:
        self.world = world
        self.history = history
        self.progress = progress
        self._file = file
        self._rows = rows
        self._speed = speed

    def play(self) -> None:
        """Play what is left; a step that was stopped is played again as a whole."""
        for step in range(self.progress.next_step, self.history.steps):
            began = time.monotonic()
            self.world.console.rule(self.history.name(step))
            known = {model: self._answered(model) for model in self.world.models}
            self._deliver(step)
            self.world.wait_until_idle(within_seconds=IDLE_WITHIN_SECONDS)
            self._note_what_followed(step, known)
            if step < len(self.history.periods):
                self._ask(step)
                self._wait_for_pace(step, began)
            self.progress.next_step = step + 1
            self._file.write(self.progress)

    def _deliver(self, step: int) -> None:
        import pyarrow.parquet as pq

        dataset = self.world.dataset.dataset
        deliveries = self.history.deliveries(step)
        with scratch_folder("slipway-replay-", needs="a period's deliveries") as scratch:
            for number, (stream, batch, rows) in enumerate(deliveries):
                draft = Path(scratch) / f"{number}.parquet"
                pq.write_table(rows, draft)
                if stream == "features" and (at := self.history.arrival(batch)) is not None:
                    keep_arrival(self.world.container.store, dataset, batch, at=at)
                key = f"landing/{dataset}/{stream}/{batch}.parquet"
                copy_into_landing(draft, key, store=self.world.container.store)
                self.world.console.print(f"  {rows.num_rows:,} rows of {stream} {batch} delivered")
        if step < len(self.history.periods):
            for spec in self.world.models.values():
                self.world.probe_with(self.history.rows(step, spec.features.names))

    def _ask(self, step: int) -> None:
        name = self.history.name(step)
        for model in self.world.probe_loads:
            spec = self.world.models[model]
            if self.world.champion_of(model) is not None:
                self.progress.asked.setdefault(name, {})[model] = self._ask_one(spec, step)

    def _ask_one(self, spec: ModelSpec, step: int) -> Asked:
        rows = self.history.rows(step, spec.features.names)
        chosen = rows.sample(min(self._rows, len(rows)), random_state=spec.training.seed)
        result = self.world.ask(spec, chosen.sort_index(), self.history.name(step))
        return Asked(result.rows, result.versions, result.failed)

    def _answered(self, model: str) -> int:
        return len(requests.all_requests(self.world.container.store, model))

    def _note_what_followed(self, step: int, known: dict[str, int]) -> None:
        """Note the trainings that the ring began at this step, with their outcomes."""
        store = self.world.container.store
        found = {}
        for model, before in known.items():
            filed = requests.all_requests(store, model)[before:]
            words = [f"{request.kind}: {outcome_of(store, request)}" for request in filed]
            if words:
                found[model] = ", ".join(words)
        self.progress.followed[self.history.name(step)] = found

    def _wait_for_pace(self, step: int, began: float) -> None:
        if self._speed is None:
            return
        window = self.history.periods[step]
        length = (window.end - window.start).total_seconds() / self._speed
        time.sleep(max(0.0, began + length - time.monotonic()))


def outcome_of(store: Store, request: requests.Request) -> str:
    """Return what has become of a request by now.

    Args:
        store: Store of the requests.
        request: The request.
    """
    answer = requests.find_answer(store, request)
    if answer is not None:
        return answer.outcome
    decision = requests.find_decision(store, request)
    if decision is None:
        return "waits"
    return "in training" if decision.action == "accept" else "suppressed"
