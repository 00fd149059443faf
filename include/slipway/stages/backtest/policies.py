"""Policies that a backtest compares: the rules of the spec with other triggers, as plain specs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from slipway.errors import BadParameter
from slipway.spec.problems import nearest
from slipway.spec.retraining import Retraining
from slipway.stages.monitor.windows.windows import Unit

if TYPE_CHECKING:
    from slipway.spec import ModelSpec

Signal = Literal["drift", "performance"]

CADENCES: Mapping[str, tuple[str, Unit]] = {
    "quarterly": ("0 0 1 */3 *", "month"),
    "monthly": ("0 0 1 * *", "month"),
    "weekly": ("0 0 * * 1", "week"),
    "daily": ("0 0 * * *", "day"),
}
"""Ticks of the event clock by name, and the longest period of a history that can show them."""

NEVER, SPEC = "never", "spec"
SIGNALS: Mapping[str, tuple[bool, bool, str]] = {
    "decay": (False, True, "when the metric of matured labels has decayed"),
    "drift": (True, False, "when inputs or predictions drift"),
    "drift_and_decay": (True, True, "on drift or decay"),
}
"""Whether drift and decay file requests, by name, and what the policy is in words."""

OF_PEOPLE = ("mode", "budget", "breaker")
"""Fields of `retraining` that limit what happens without a person: some policies are played with
others, and none writes them."""

GRID = "grid"
UNITS: Sequence[Unit] = ("hour", "day", "week", "month")


@dataclass(frozen=True)
class Policy:
    """When a model is retrained.

    Attributes:
        name: Name in tables, and after `--policies`.
        about: When it retrains, in words.
        spec: The model's spec with the rules of the policy.
        rank: Place in the order from the simplest on; of policies alike the simplest is
            recommended.
    """

    name: str
    about: str
    spec: ModelSpec
    rank: int

    @property
    def until_first(self) -> ModelSpec:
        """The spec before there is a champion: every policy trains the first one at once."""
        first = self.spec.retraining.model_copy(update={"mode": "auto"})
        return self.spec.model_copy(update={"retraining": first})

    def for_spec(self, spec: ModelSpec) -> ModelSpec:
        """Return a spec with the rules of the policy and its own limits of people."""
        kept = {name: getattr(spec.retraining, name) for name in OF_PEOPLE}
        rules = self.spec.retraining.model_copy(update=kept)
        return self.spec.model_copy(update={"retraining": rules})

    @property
    def signals(self) -> frozenset[Signal]:
        """Measurements of windows that it looks at."""
        rules = self.spec.retraining
        looked: tuple[tuple[Signal, bool], ...] = (
            ("drift", rules.on_drift),
            ("performance", rules.on_decay),
        )
        return frozenset(signal for signal, is_on in looked if is_on)


def usual_policies(spec: ModelSpec, *, by: Unit, grid: bool = False) -> list[Policy]:
    """Return the policies that a history of a period's length can show, the simplest first.

    Args:
        spec: Model.
        by: Length of a period.
        grid: Whether k, n and the cool-down of the spec are varied, too.
    """
    found = [_never(spec)]
    found += [
        _cadence(spec, name) for name, (_, longest) in CADENCES.items() if _shows(by, longest)
    ]
    found += [_on_signal(spec, name) for name in SIGNALS]
    found.append(_own(spec))
    return found + (list(_grid(spec)) if grid else [])


def chosen_policies(names: Sequence[str], spec: ModelSpec, *, by: Unit) -> list[Policy]:
    """Return policies by their names, in the order of `usual_policies`.

    Args:
        names: Names; `grid` stands for all variants of the grid.
        spec: Model.
        by: Length of a period.

    Raises:
        BadParameter: There is no such policy, or periods of this length cannot show it.
    """
    usual = {one.name: one for one in usual_policies(spec, by=by, grid=GRID in names)}
    for name in names:
        if name == GRID or name in usual:
            continue
        if name in CADENCES:
            raise BadParameter(
                f"periods of a {by} cannot show the policy {name!r}",
                expected=f"--by {CADENCES[name][1]}, or shorter ones",
            )
        close = nearest(name, usual)
        raise BadParameter(
            f"there is no policy {name!r}",
            expected=f"some of {', '.join([*usual, GRID])}, with commas between them",
            hint=f"did you mean {close!r}?" if close else None,
        )
    varied = [name for name in usual if name.startswith(f"{GRID}:")] if GRID in names else []
    return [one for name, one in usual.items() if name in {*names, *varied}]


def _shows(by: Unit, longest: Unit) -> bool:
    return UNITS.index(by) <= UNITS.index(longest)


def _with_rules(
    spec: ModelSpec, *, rules: Mapping[str, object], fire: Mapping[str, int] | None = None
) -> ModelSpec:
    """The spec with some rules of retraining, and of when windows fire."""
    retraining = spec.retraining.model_copy(update=dict(rules))
    changed: dict[str, object] = {"retraining": retraining}
    if fire is not None:
        monitoring = spec.monitoring
        fires = monitoring.fire.model_copy(update=dict(fire))
        changed["monitoring"] = monitoring.model_copy(update={"fire": fires})
    return spec.model_copy(update=changed)


def _never(spec: ModelSpec) -> Policy:
    rules = {"cron": None, "on_batch": False, "on_drift": False, "on_decay": False}
    about = "the first model serves for good"
    return Policy(NEVER, about, _with_rules(spec, rules=rules), rank=0)


def _cadence(spec: ModelSpec, name: str) -> Policy:
    """At each tick, whatever is new: no rule but the gates stands between."""
    plain = Retraining(
        mode="auto",
        first_after_labels=spec.retraining.first_after_labels,
        min_new_labels=1,
        cooldown_days=0,
        breaker=None,
        on_drift=False,
        on_decay=False,
        cron=CADENCES[name][0],
        sweep=spec.retraining.sweep,
    )
    rules = plain.model_dump()
    about = f"{name}, on the event clock"
    rank = 1 + list(CADENCES).index(name)
    return Policy(name, about, _with_rules(spec, rules=rules), rank=rank)


def _on_signal(spec: ModelSpec, name: str) -> Policy:
    on_drift, on_decay, about = SIGNALS[name]
    rules = {
        "mode": "auto",
        "cron": None,
        "on_batch": False,
        "on_drift": on_drift,
        "on_decay": on_decay,
    }
    rank = 10 + list(SIGNALS).index(name)
    return Policy(name, about, _with_rules(spec, rules=rules), rank=rank)


def _own(spec: ModelSpec) -> Policy:
    """The spec's rules; where a person has to agree, they agree at once."""
    mode, about = spec.retraining.mode, "as model.yaml has it"
    if mode not in {"auto", "observe"}:
        about += f"; mode {mode}, and each suggestion is accepted at once"
        mode = "auto"
    return Policy(SPEC, about, _with_rules(spec, rules={"mode": mode}), rank=20)


def _grid(spec: ModelSpec) -> list[Policy]:
    """The spec's rules with other numbers of windows and other cool-downs."""
    days = spec.retraining.cooldown_days
    found: list[Policy] = []
    for k, n in ((1, 1), (1, 2), (2, 3)):
        for cooldown in dict.fromkeys((days, 2 * days)):
            rules = {
                "mode": "auto",
                "cooldown_days": cooldown,
                "cron": None,
                "on_batch": False,
                "on_drift": True,
                "on_decay": True,
            }
            name = f"{GRID}:{k}of{n}/{cooldown}d"
            about = f"{k} of {n} windows, at most every {cooldown} days"
            varied = _with_rules(spec, rules=rules, fire={"k": k, "n": n})
            found.append(Policy(name, about, varied, rank=30 + len(found)))
    return found
