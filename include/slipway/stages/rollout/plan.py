"""Plan of a rollout in progress: the version to serve, and the one to fall back to."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.errors import BadParameter
from slipway.records.run_records import RunRef, need_record
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.stages.rollout.observed_state import Action


@dataclass(frozen=True)
class RolloutPlan:
    """Plan of a rollout in progress, as `reconcile` recorded it.

    Attributes:
        model: Name of the model.
        token: Fencing token of its lease.
        action: What it does.
        version: Version to serve.
        champion: Champion when it began.
        previous: Previous champion when it began.
        served: Version that took every request when it began; None: there was none.
        digest: Digest of the version to serve; None: not recorded.
        champion_digest: Digest of the champion, as the registry had it.
        served_digest: Digest of the version that took every request.
        previous_digest: Digest of the previous champion.
        turned_away: Version that its promotion turns away from, where that can stay warm although
            this rollout does not fall back to it, as a champion from which a hand moved the alias.
        turned_away_digest: Digest of that version.
    """

    model: str
    token: int
    action: Action
    version: int
    champion: int | None
    previous: int | None
    served: int | None = None
    digest: str | None = None
    champion_digest: str | None = None
    served_digest: str | None = None
    previous_digest: str | None = None
    turned_away: int | None = None
    turned_away_digest: str | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether it returns to a known version, which no canary step may delay."""
        return self.action in {"roll_back", "repair"}

    @property
    def has_steps(self) -> bool:
        """Whether there is a champion from which traffic can shift step by step."""
        all_at_once = self.is_urgent or self.fallback is None
        return not all_at_once and self.served != self.version

    @property
    def standing(self) -> int | None:
        """The champion before this rollout, if the registry still has the bytes that served."""
        is_other = self.champion == self.served and self.champion_digest != self.served_digest
        known = None not in {self.champion_digest, self.served_digest}
        return None if self.champion == self.version or (is_other and known) else self.champion

    @property
    def fallback(self) -> int | None:
        """Version that serves if this rollout fails: the champion, else what served before it.

        It may have the number of the version to serve, with other bytes.
        """
        if self.standing is not None or self.action == "repair":
            return self.standing
        return None if self.served_already else self.served

    @property
    def served_already(self) -> bool:
        """Whether its version took every request when it began, with the same bytes."""
        return (self.served, self.served_digest) == (self.version, self.digest)

    @property
    def fallback_digest(self) -> str | None:
        """Digest of the version that serves if this rollout fails; None: not recorded."""
        return self.served_digest if self.fallback == self.served else self.champion_digest

    def digests(self, *, is_restored: bool = False) -> dict[int, str]:
        """Digests of the version to serve, of the fallback and of warm versions, by number.

        Args:
            is_restored: Whether the fallback takes its number back, where both have the same one.
        """
        both = [(self.fallback, self.fallback_digest), (self.version, self.digest)]
        warm = [
            (self.previous, self.previous_digest),
            (self.turned_away, self.turned_away_digest),
        ]
        known = [*warm, *(both[::-1] if is_restored else both)]
        return {one: sha256 for one, sha256 in known if one is not None and sha256 is not None}

    @property
    def warm(self) -> list[int]:
        """Versions kept ready without a share of the traffic, once its version has all of it.

        They are the next ways back: the fallback and what the promotion turns away from.
        """
        ways_back = {self.fallback, self.turned_away} - {None} or {self.previous}
        return sorted(one for one in ways_back if one not in {None, self.version})


def rollout_run(token: int) -> str:
    """Run id of the rollout that holds a lease."""
    return f"rollout-{token:06d}"


IDLE = "idle-"
"""Begin of the run id of a `reconcile` that begins no rollout."""


def rollout_number(run: str) -> int | None:
    """Number of the lease of a rollout's run; None: it is no rollout's run."""
    number = run.removeprefix("rollout-")
    return int(number) if number.isdecimal() else None


def read_plan(store: Store, model: str, run: str) -> RolloutPlan:
    """Read the plan that a run's `reconcile` recorded.

    Raises:
        NotFound: There is no such record.
        BadParameter: It decided that there is nothing to do.
    """
    record = need_record(store, RunRef(model, run, "reconcile"))
    if record.verdict.numbers.get("version") is None:
        raise BadParameter(f"{run} of {model} has nothing to roll out", where=record.ref.key)
    return plan_of(model, record.verdict, token=int(run.removeprefix("rollout-")))


def plan_of(model: str, verdict: Verdict, *, token: int) -> RolloutPlan:
    """Return the plan that a verdict of `reconcile` states; pure.

    Args:
        model: Name of the model.
        verdict: A verdict with a number `version`.
        token: Number of the rollout's lease.
    """
    numbers = verdict.numbers
    return RolloutPlan(
        model=model,
        token=token,
        action=verdict.action,  # type: ignore[arg-type]
        version=int(numbers["version"]),  # type: ignore[arg-type]
        champion=numbers.get("champion"),  # type: ignore[arg-type]
        previous=numbers.get("previous"),  # type: ignore[arg-type]
        served=numbers.get("served"),  # type: ignore[arg-type]
        digest=numbers.get("digest"),  # type: ignore[arg-type]
        champion_digest=numbers.get("champion_digest"),  # type: ignore[arg-type]
        served_digest=numbers.get("served_digest"),  # type: ignore[arg-type]
        previous_digest=numbers.get("previous_digest"),  # type: ignore[arg-type]
        turned_away=numbers.get("turned_away"),  # type: ignore[arg-type]
        turned_away_digest=numbers.get("turned_away_digest"),  # type: ignore[arg-type]
    )
