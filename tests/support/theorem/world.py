"""A world in which scripts run: one model, its DAGs, people, clients, and what may go wrong."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from slipway.errors import SlipwayError, Transient
from slipway.records.leases import find_lease
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.store import Store
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.rollout import verify
from slipway.stages.rollout.lease import give_back, lease_name
from slipway.stages.rollout.promote_champion import promote_champion
from slipway.stages.rollout.reconcile import reconcile
from slipway.stages.rollout.shift import shift
from slipway.stages.rollout.switch import switch
from tests.fakes.kill_points import Killed
from tests.support.theorem.clock import ShiftedClock, seconds_ahead
from tests.support.theorem.deliveries import Deliveries
from tests.support.theorem.hands import Hands, edit
from tests.support.theorem.quiet import Quiet
from tests.support.theorem.steps import Step
from tests.support.theorem.training import Log, run_train_dag
from tests.support.theorem.writes import Process, Writes

SWEEPS = 8
"""Number of sweeps after which a world has to be quiet."""

GOES_ON = frozenset({"verified", "shifted", "unneeded", "switched", "promoted"})
TRIES = 2


class World(ABC):
    """One model and everything around it.

    Attributes:
        spec: The model.
        dataset: Its dataset.
        tables: Its rows.
        load: Loads a version's folder.
        log: Logs a version of a quality in MLflow.
        deliveries: Files that land, of another dataset.
        store: Records, not counted.
        counted: The same store; writes to it are counted.
        registry: MLflow, as stages see it.
        plain_registry: MLflow, as a person sees it.
        platform: What serves the model.
        writes: Counts every write.
        hands: A person in MLflow.
        away: What does not answer at present: `MLflow`, `platform`.
        problems: What broke the theorem, in words.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    tables: Any
    load: Callable[..., Any]
    log: Log
    deliveries: Deliveries
    store: Store
    counted: Store
    registry: Any
    plain_registry: Any
    platform: Any
    hands: Hands

    def __init__(self) -> None:
        ShiftedClock.ahead = timedelta()
        self.writes = Writes(self.watch)
        self.away: set[str] = set()
        self.problems: list[str] = []
        self._runs = 0
        self._alive: set[str] = set()

    @abstractmethod
    def watch(self) -> None:
        """Look at what clients get at this moment; note in `problems` what may not be."""

    @abstractmethod
    def restart_platform(self) -> None:
        """Kill the platform and start it again."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Wait, with clients' requests in the meantime."""

    def pass_time(self, seconds: float) -> None:
        """Move the clock of leases."""
        ShiftedClock.ahead += timedelta(seconds=seconds)

    def note(self, problem: str) -> None:
        """Note what broke the theorem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def run(self, script: Sequence[Step]) -> None:
        """Run a script, up to the first problem."""
        for step in script:
            if self.problems:
                return
            self.take(step)
            self.watch()

    def take(self, step: Step) -> None:
        """Take one step."""
        match step.do:
            case "train" | "deploy" | "roll back" | "deliver":
                self._process(step)
            case "roll back twice":
                self._roll_back_twice()
            case "MLflow goes" | "platform goes":
                self.away.add(step.do.split()[0])
            case "MLflow returns" | "platform returns":
                self.away.discard(step.do.split()[0])
            case "platform restarts":
                self.restart_platform()
            case "time passes":
                self.pass_time(float(step.what))
            case _:
                if "MLflow" not in self.away:
                    edit(
                        step.do,
                        step.what,
                        model=self.spec.model,
                        hands=self.hands,
                        registry=self.plain_registry,
                    )

    def settle(self) -> Quiet:
        """Let everything answer, and let only the sweeps run until they find nothing to do."""
        self.away.clear()
        began = time.monotonic()
        for sweeps in range(SWEEPS):
            self._attempt(lambda: self._train("", holder=self._next_run()))
            self._attempt(lambda: self.deliveries.deliver(""))
            actions = self._roll(self._next_run(), to="challenger")
            last = " ".join(actions)
            if self.problems:
                return Quiet(sweeps, time.monotonic() - began, last)
            lease = find_lease(self.store, lease_name(self.spec.model))
            is_free = lease is None or lease.released
            if actions == ["nothing"] and is_free:
                return Quiet(sweeps, time.monotonic() - began, last)
            if not is_free:
                # Nobody tells that a shell has ended.
                self.pass_time(400.0)
        self.problems.append(f"not quiet after {SWEEPS} sweeps; the last one: {last}")
        return Quiet(SWEEPS, time.monotonic() - began, last)

    def roll_back(self, by: str, asked_at: datetime, *, holder: str) -> list[str]:
        """Roll back by the DAG or by a shell; the actions of its stages."""
        by_shell = "shell/" if by == "a shell" else ""
        return self._roll(f"{by_shell}{holder}", to="previous", asked_at=asked_at)

    def _process(self, step: Step) -> None:
        holder = self._next_run()
        meanwhile: Callable[[], None] | None = None
        if step.meanwhile:

            def meanwhile() -> None:
                for inner in step.meanwhile:
                    self.take(inner)

        process = Process(step.at, meanwhile)
        with self.writes.by(process):
            try:
                self._act(step, holder)
            except Killed:
                if not step.is_retried:
                    return
                process.at = None
                self._act(step, holder)

    def _act(self, step: Step, holder: str) -> None:
        match step.do:
            case "deploy":
                self._roll(holder, to="challenger")
            case "roll back":
                self.roll_back(step.what, datetime.now(UTC), holder=holder)
            case "train":
                self._attempt(lambda: self._train(step.what, holder=holder))
            case _:
                self._attempt(lambda: self.deliveries.deliver(step.what))

    def _roll_back_twice(self) -> None:
        asked_at = datetime.now(UTC)
        first = self.roll_back("the DAG", asked_at, holder=self._next_run())
        second = self.roll_back("a shell", asked_at, holder=self._next_run())
        if first[-1] == second[-1] == "promoted":
            self.problems.append("two people who asked at once went back two steps")

    def _train(self, quality: str, *, holder: str) -> None:
        """Run the train DAG for a request by a person, or with no quality for what is open."""
        run_train_dag(
            self.spec,
            self.dataset,
            quality=quality,
            context=RunContext(self.counted, {"run_id": holder}),
            tables=self.tables,
            registry=self.registry,
            log=self.log,
        )

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except SlipwayError:
            # The task fails, and is seen; nothing may be wrong afterwards.
            return

    def _next_run(self) -> str:
        self._runs += 1
        return f"{self.spec.model}__deploy/run-{self._runs}"

    def _roll(self, holder: str, *, to: str, asked_at: datetime | None = None) -> list[str]:
        actions: list[str] = []
        with self._running(holder):
            try:
                for stage in self._stages(holder, to, asked_at):
                    actions.append(self._tried(stage).verdict.action)
                    if actions[-1] not in {*GOES_ON, "roll_out", "roll_back", "repair"}:
                        break
            except SlipwayError as error:
                give_back(self.counted, self.spec.model, holder=holder)
                actions.append(f"{type(error).__name__}: {error.message}")
        return actions

    def _stages(
        self, holder: str, to: str, asked_at: datetime | None
    ) -> Iterator[Callable[[], RunRecord]]:
        context = RunContext(self.counted, {"run_id": holder})
        ports: dict[str, Any] = {
            "context": context,
            "registry": self.registry,
            "platform": self.platform,
        }
        begun: list[RunRecord] = []

        def begin() -> RunRecord:
            lease = find_lease(self.store, lease_name(self.spec.model))
            ended = lease.holder if lease and self._is_over(lease.holder) else None
            more: dict[str, Any] = {"ended": ended, "asked_at": asked_at, "sleep": self.sleep}
            begun.append(reconcile(self.spec, **ports, holder=holder, to=to, **more))
            return begun[-1]

        yield begin
        rollout = begun[-1].ref.run
        yield lambda: verify.verify(
            self.spec,
            self.dataset,
            **ports,
            rollout=rollout,
            tables=self.tables,
            load=self.load,
        )
        # A second of a step's clock is shorter than a real one.
        quick = {**ports, "clock": seconds_ahead, "sleep": self.sleep}
        for step in self.spec.deployment.steps:
            yield partial(shift, self.spec, **quick, rollout=rollout, step=step)
        yield lambda: switch(self.spec, **ports, rollout=rollout)
        yield lambda: promote_champion(self.spec, **ports, rollout=rollout)

    def _tried(self, stage: Callable[[], RunRecord]) -> RunRecord:
        for _ in range(TRIES - 1):
            try:
                return stage()
            except Transient:
                self.sleep(3.0)
        return stage()

    def _is_over(self, holder: str) -> bool:
        """Whether Airflow knows that a run has ended; it knows nothing of shells."""
        return not holder.startswith("shell/") and holder not in self._alive

    @contextmanager
    def _running(self, holder: str) -> Iterator[None]:
        self._alive.add(holder)
        try:
            yield
        finally:
            self._alive.discard(holder)
