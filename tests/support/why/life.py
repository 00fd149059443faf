"""A model's life on fakes, with rollouts that die, hands in the registry, and lines of `why`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from slipway.errors import RegistryUnavailable, SlipwayError
from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.leases import find_lease
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import encode
from slipway.records.verdicts import Verdict
from slipway.serving.v2.protocol import Inputs
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.report.why import why
from tests.fakes.kill_points import REGISTRY_WRITES, KillableProxy, KillableStore, Killed
from tests.support.promotions import promoted
from tests.support.rollout_env import MODEL, RolloutEnv, evidence, score

CALLS = REGISTRY_WRITES | {"alias", "version", "exists", "copies", "download"}


class Outage:
    """A registry that answers until `answers` is cleared; hands reach its data all the same.

    Args:
        real: The registry.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self.answers = True

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in CALLS:
            return found

        def call(*given: Any, **named: Any) -> Any:
            if not self.answers:
                raise RegistryUnavailable("MLflow does not answer")
            return found(*given, **named)

        return call


class Life:
    """A model on fakes whose rollouts are cut off and whose registry is edited by hand."""

    def __init__(self) -> None:
        store = KillableStore()
        self.env = RolloutEnv(store=store)
        self.fuse = store.kill_point
        registry = KillableProxy(self.env.registry, self.fuse, writes=REGISTRY_WRITES)
        self.mlflow = Outage(registry)
        self.env.registry = self.mlflow  # type: ignore[assignment]
        self.runs = 0
        self.seen_waiting: list[tuple[int, list[str]]] = []
        promoted(self.env.store, MODEL, 2, run="rollout-before")

    def challenge(self) -> None:
        """Let a new version pass its gates."""
        registry = self.env.registry
        champion = registry.aliases.get("champion", 0)
        version = max([*registry.tags, 4]) + 1
        registry.tags[version] = {**evidence(version, champion), DIGEST: f"{version:064x}"}
        self.env.platform.models[version] = partial(_scores, version)
        registry.aliases["challenger"] = version
        verdict = Verdict("promoted", "It is better.", {"version": version})
        ref = RunRef(MODEL, f"request-{version:06d}", "promote_challenger")
        perform(RunContext(self.env.store, {}), ref, lambda _: verdict, inputs={})

    def make_anew(self) -> None:
        """Give the champion's number to other bytes, as a model that is deleted and trained again.

        The ledger has no champion with these bytes.
        """
        champion = self.env.registry.aliases.get("champion")
        if champion is not None:
            self.env.registry.tags[champion][DIGEST] = "f" * 64

    def return_from_canary(self) -> None:
        """Roll out a new version, and ask for a return while it shares the traffic."""
        self.challenge()
        self.roll(stages=2)
        self.roll("previous")

    def killed(self, writes: int, to: str = "challenger") -> None:
        """Roll out, and be killed after some writes."""
        self.fuse.seen, self.fuse.writes = 0, writes
        with suppress(Killed):
            self.roll(to)
        self.fuse.writes = None

    def roll(self, to: str = "challenger", *, stages: int | None = None) -> None:
        """Roll out, and die after some stages; the lease is over by the next run."""
        self.end_lease()
        self.runs += 1
        env, spec = self.env, self.env.spec
        env.spec = spec.model_copy(
            update={"deployment": spec.deployment.model_copy(update={"shift": _ONE_STEP})}
        )
        with suppress(SlipwayError):
            record = env.reconcile(to, holder=f"run-{self.runs}")
            if record.verdict.action == "nothing":
                return
            run = record.ref.run
            steps: list[Callable[[], Any]] = [
                lambda: env.verify(run),
                lambda: env.shift(run, 10),
                lambda: env.switch(run),
                lambda: env.promote(run),
            ]
            for step in steps[:stages]:
                if step().verdict.action in {"refused", "aborted", "inconclusive"}:
                    return

    def wait(self, *, killed: bool = False) -> None:
        """Ask for a rollback beside whatever holds the lease; be stopped at the first look at it.

        Args:
            killed: Whether the process is killed, so that it cleans nothing up.
        """
        self.runs += 1
        real = self.env.sleep

        def look(seconds: float) -> None:
            del seconds
            self.seen_waiting.append((self._lease_number(), self.lines().get("Waits", [])))
            if killed:
                self.fuse.writes = self.fuse.seen
            raise Killed

        self.env.sleep = look  # type: ignore[method-assign]
        with suppress(Killed, SlipwayError):
            self.env.reconcile("previous", holder=f"run-{self.runs}")
        self.env.sleep = real  # type: ignore[method-assign]
        self.fuse.writes = None

    def _lease_number(self) -> int:
        lease = find_lease(self.env.store, f"rollout-{MODEL}")
        return 0 if lease is None else lease.number

    def end_lease(self) -> None:
        """Let the lease of a dead rollout expire."""
        lease = find_lease(self.env.store, f"rollout-{MODEL}")
        if lease is not None:
            expired = replace(lease, expires_at=datetime.now(UTC) - timedelta(seconds=1))
            self.env.store.write(lease.key, encode(expired.to_json()))

    def ask(self, *, accept: bool) -> None:
        """File a request and decide on it; an accepted one is answered by the next call."""
        store = self.env.store
        current = requests.in_flight(store, MODEL)
        if current is not None:
            requests.answer(store, current, outcome="failed", reason="It failed.")
        unique = str(len(requests.all_requests(store, MODEL)))
        request = requests.file_request(
            store, MODEL, kind="batch", reason="Labels.", at="2013", by="accept", unique=unique
        )
        action: requests.DecisionAction = "accept" if accept else "suppress"
        requests.decide(store, request, action=action, reason="By a rule.")

    def lines(self) -> dict[str, list[str]]:
        """The lines by their first word."""
        registry: Any = self.env.registry
        told = why(MODEL, store=self.env.store, registry=registry, platform=self.env.platform)
        found: dict[str, list[str]] = {}
        for line in told:
            word, _, sentence = line.partition(": ")
            found.setdefault(word, []).append(sentence)
        return found


def _scores(version: int, inputs: Inputs) -> list[float]:
    """Scores of a version as its package predicts them."""
    known = [value is not None for value in inputs.columns["origin"]]
    scores: list[float] = score(version, inputs.columns["distance"], known).tolist()
    return scores


_ONE_STEP = RolloutEnv().spec.deployment.shift.model_copy(update={"steps": [10]})

EVENTS: Mapping[str, Callable[[Life], Any]] = {
    "a challenger": Life.challenge,
    "a rollout": Life.roll,
    "a rollout that dies after reconcile": lambda life: life.roll(stages=0),
    "a rollout that dies after verify": lambda life: life.roll(stages=1),
    "a rollout that dies in its step": lambda life: life.roll(stages=2),
    "a rollout that dies after switch": lambda life: life.roll(stages=3),
    **{
        f"a rollout killed after {writes} writes": lambda life, writes=writes: life.killed(writes)
        for writes in range(2, 64, 3)
    },
    **{
        f"a rollback killed after {writes} writes": (
            lambda life, writes=writes: life.killed(writes, "previous")
        )
        for writes in range(2, 40, 4)
    },
    "a canary that is rolled back": Life.return_from_canary,
    "a rollback": lambda life: life.roll("previous"),
    "a rollback that waits and is stopped": Life.wait,
    "a rollback that waits and is killed": lambda life: life.wait(killed=True),
    "a lenient server": lambda life: setattr(life.env.platform, "lenient", True),
    "a strict server": lambda life: setattr(life.env.platform, "lenient", False),
    "a failing canary": lambda life: life.env.platform.failing.update(
        dict.fromkeys(range(5, 9), 1)
    ),
    "a dead server": lambda life: life.env.platform.sick.update({2}),
    "an accepted request": lambda life: life.ask(accept=True),
    "a suppressed request": lambda life: life.ask(accept=False),
    "the alias champion deleted": lambda life: life.env.registry.aliases.pop("champion", None),
    "the alias challenger deleted": lambda life: life.env.registry.aliases.pop("challenger", None),
    "the alias previous deleted": lambda life: life.env.registry.aliases.pop("previous", None),
    "the alias champion moved": lambda life: life.env.registry.aliases.update(
        {"champion": max(life.env.registry.tags)}
    ),
    "the champion deleted": lambda life: life.env.registry.delete_version(
        life.env.registry.aliases.get("champion", 0)
    ),
    "the challenger deleted": lambda life: life.env.registry.delete_version(
        life.env.registry.aliases.get("challenger", 0)
    ),
    "the champion made anew": Life.make_anew,
    "the alias champion moved back": lambda life: life.env.registry.aliases.update(
        {"champion": min(life.env.registry.tags)}
    ),
    "version 1 by its number": lambda life: life.roll("1"),
    "MLflow stops": lambda life: setattr(life.mlflow, "answers", False),
    "MLflow starts": lambda life: setattr(life.mlflow, "answers", True),
    "the platform forgets": lambda life: life.env.platform.forget(MODEL),
}

COMMON_EVENTS = (
    "a challenger",
    "a rollout",
    "a canary that is rolled back",
    "a rollback",
    "version 1 by its number",
    "the alias champion moved back",
    "MLflow stops",
    "MLflow starts",
)
"""So few that champions come, go and come back within a short life."""
