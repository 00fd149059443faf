"""The estimator that a search has found, with the figures that it was chosen by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.errors import NotComputable
from slipway.records.verdicts import Number
from slipway.spec.metrics import METRICS
from slipway.spec.model import Estimator
from slipway.spec.recipes import CONSTANT
from slipway.stages.search.choose import best_of, one_error_bound, simplest_within_one_error
from slipway.stages.search.trials import Trial
from slipway.values.figures import in_figures

SEARCH = "search"
"""Entry of a version's manifest; absent where nothing was searched."""

OWN_PARAMS = "the spec's own parameters"


@dataclass(frozen=True)
class Found:
    """Result of a search.

    Attributes:
        estimator: Estimator with its parameters.
        facts: Figures, as the version's manifest keeps them.
    """

    estimator: Estimator
    facts: Mapping[str, Any]

    @classmethod
    def of_version(cls, manifest: Mapping[str, Any]) -> Found:
        """Return what the search of a version found, so that a rebuild searches no more."""
        return cls(Estimator.model_validate(manifest["estimator"]), manifest[SEARCH])

    def numbers(self) -> dict[str, Number]:
        """Return estimator and figures as numbers of a verdict."""
        names = ("trials", "pruned", "failed", "score", "error", "own_score")
        figures = {f"search_{name}": self.facts[name] for name in names if name in self.facts}
        return {
            "search": str(self),
            "estimator": self.estimator.name,
            **{f"estimator.{name}": _plain(one) for name, one in self.estimator.params.items()},
            **figures,
        }

    def __str__(self) -> str:
        return str(self.facts["reason"])


def found_by_trials(trials: Sequence[Trial], *, metric: str, folds: int) -> Found:
    """Return the best trial of a search for parameters; the spec's own ones are the first trial.

    Args:
        trials: Trials by number, of which the first is complete.
        metric: What they are compared by.
        folds: Number of folds.
    """
    own = trials[0]
    best = best_of(trials, greater_is_better=METRICS[metric].greater_is_better)
    searched = best.candidate.searched
    values = ", ".join(f"{name} {in_few(value)}" for name, value in searched.items())
    states = [one.state for one in trials[1:]]
    counts = _counts(states)
    if best is own:
        told = (
            f"{OWN_PARAMS} kept, {metric} {_figure(own)} on {folds} folds; not beaten in {counts}"
        )
    else:
        told = (
            f"{values} ({metric} {_figure(best)} on {folds} folds, "
            f"{_figure(own)} with {OWN_PARAMS}; {counts})"
        )
    return _found(
        best,
        how="tuned",
        metric=metric,
        folds=folds,
        states=states,
        reason=f"tuned: {told}",
        more={"searched": dict(searched), "own_score": own.mean, "own_error": own.error},
    )


def found_by_recipes(
    trials: Sequence[Trial], *, metric: str, folds: int, left_out: Sequence[str] = ()
) -> Found:
    """Return the simplest recipe within one standard error of the best.

    Args:
        trials: A trial of each recipe that was judged, the simplest first.
        metric: What they are compared by.
        folds: Number of folds.
        left_out: Recipes that were not judged, since the time was used up.

    Raises:
        NotComputable: That is the constant.
    """
    greater = METRICS[metric].greater_is_better
    best = best_of(trials, greater_is_better=greater)
    kept = simplest_within_one_error(trials, greater_is_better=greater)
    bound = one_error_bound(best, greater_is_better=greater)
    judged = f"{metric} on {folds} folds: {'; '.join(map(_judged, trials))}"
    if left_out:
        judged += f"; not judged, since the time was used up: {', '.join(left_out)}"
    if kept.candidate.estimator is None:
        raise NotComputable(
            "no recipe is better than a constant",
            expected=f"a {metric} beyond {in_figures(bound)}, one standard error from the best, "
            "that the constant does not reach",
            found=judged,
            where="estimator: {name: auto}",
            hint="the features tell nothing about the target that these recipes can learn; check "
            "the target and its labels, add features or rows, or name an estimator",
        )
    reason = (
        f"auto: {kept.candidate.name}, the simplest within one standard error of the best "
        f"({best.candidate.name}, bound {in_figures(bound)}); {judged}"
    )
    recipes = [
        {
            "name": one.candidate.name,
            "estimator": one.candidate.estimator.name if one.candidate.estimator else CONSTANT,
            "state": one.state,
            **({"score": one.mean, "error": one.error} if one.state == "complete" else {}),
            **({"reason": one.reason} if one.reason else {}),
        }
        for one in trials
    ]
    return _found(
        kept,
        how="auto",
        metric=metric,
        folds=folds,
        states=[one.state for one in trials],
        reason=reason,
        more={
            "recipes": recipes,
            "best": best.candidate.name,
            "bound": bound,
            **({"left_out": list(left_out)} if left_out else {}),
        },
    )


def _found(
    kept: Trial,
    *,
    how: str,
    metric: str,
    folds: int,
    states: Sequence[str],
    reason: str,
    more: Mapping[str, Any],
) -> Found:
    if kept.candidate.estimator is None:
        raise ValueError(kept.candidate.name)
    return Found(
        kept.candidate.estimator,
        {
            "how": how,
            "kept": kept.candidate.name,
            "metric": metric,
            "folds": folds,
            "score": kept.mean,
            "error": kept.error,
            "scores": list(kept.scores),
            "trials": len(states),
            "pruned": states.count("pruned"),
            "failed": states.count("failed"),
            "reason": reason,
            **more,
        },
    )


def _counts(states: Sequence[str]) -> str:
    """Trials beside the spec's own parameters, and how many of them have no mean."""
    told = f"{len(states)} trial{'' if len(states) == 1 else 's'}"
    for state, words in {"pruned": "ended early", "failed": "failed"}.items():
        if state in states:
            told += f", {states.count(state)} {words}"
    return told


def _judged(trial: Trial) -> str:
    name = trial.candidate.name
    if trial.state == "complete":
        return f"{name} {_figure(trial)}"
    return f"{name} {trial.state} ({trial.reason})"


def _figure(trial: Trial) -> str:
    return f"{in_figures(trial.mean)} ± {in_figures(trial.error)}"


def estimator_of(
    numbers: Mapping[str, Number], manifest: Mapping[str, Any]
) -> tuple[str, dict[str, Any]] | None:
    """Return estimator and parameters that a search has found; None where there was none.

    Args:
        numbers: Numbers of the training's verdict; empty: there is no record.
        manifest: Manifest of the version; empty: it was not read.
    """
    if "search" in numbers:
        params = {
            name.removeprefix("estimator."): value
            for name, value in numbers.items()
            if name.startswith("estimator.")
        }
        return str(numbers["estimator"]), params
    if SEARCH in manifest:
        return manifest["estimator"]["name"], manifest["estimator"]["params"]
    return None


def _plain(value: Any) -> Number:
    """A parameter's value as a number of a verdict; a list or a mapping as text."""
    is_plain = value is None or isinstance(value, str | bool | int | float)
    plain: Number = value if is_plain else str(value)
    return plain


def in_few(value: object) -> str:
    """Return a searched value in few digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
