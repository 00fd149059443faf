"""Robustness: what the first metric is once the holdout's features are changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.store import encode
from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.spec.metrics import METRICS
from slipway.stages.gates.changed_rows import Rows
from slipway.stages.gates.check import Contest, Measured
from slipway.stages.gates.gate_numbers import BLOCKS, baseline, finite
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.model.class_scores import with_unseen
from slipway.stages.model.decision import judged
from slipway.stages.ports.metrics import Gain
from slipway.stages.ports.raw_column import columns_of
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "robustness"
FILE = "robustness.json"
"""Artifact of the training's run in MLflow."""

_WORDS = {
    "noise": "noise of {size:g} standard deviations on each number",
    "missing": "{size:.0%} of the cells missing",
    "extremes": "{size:.0%} of the numbers far outside",
    "unseen": "{size:.0%} of the categories unseen before",
}


@dataclass(frozen=True)
class RobustnessCheck:
    """A challenger may lose little by changes to its inputs, and no more than the champion."""

    prefix: str = PREFIX

    def measure(self, contest: Contest) -> Measured:
        """Measure the first metric, and the gain over the champion, under each change."""
        asked = contest.gates.robustness
        if asked is None or not len(contest.rows):
            return Measured()
        columns = columns_of(contest.challenger.manifest)
        seed = contest.spec.training.seed
        rows = Rows(contest.rows, contest.training, columns, seed)
        changed = {kind: rows.changed(kind, size) for kind, size in asked.asked.items()}
        metric, numbers = next(iter(contest.gates.metrics)), dict[str, Number]()
        scores: dict[str, Any] = {}
        for kind, frame in changed.items():
            numbers[f"{PREFIX}.{kind}.size"] = asked.asked[kind]
            found = None if frame is None else contest.scores_of(contest.challenger, frame)
            if found is None or frame is None:
                continue
            found = judged(found, metric=metric, threshold=contest.thresholds[CHALLENGER])
            scores[kind] = found
            target, answers = with_unseen(contest.actual, found)
            value = contest.tools.measure([metric], actual=target, scores=answers)[metric]
            numbers[f"{PREFIX}.{kind}.value"] = value
        for kind, gain in _gains(contest, changed, scores).items():
            for field in ("value", "lower", "upper"):
                name = f"{PREFIX}.{kind}.gain.{field}"
                numbers[name] = None if gain is None else getattr(gain, field)
        return Measured(numbers, {FILE: encode({"metric": metric, **numbers})})

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield the changes that the challenger does not bear."""
        if gates.robustness is None:
            return
        metric, limit = next(iter(gates.metrics)), gates.robustness.max_drop
        for kind, size in gates.robustness.asked.items():
            with_it = _WORDS[kind].format(size=size)
            drop = _drop(gates, numbers, kind)
            if limit is not None and drop is not None and drop > limit:
                yield (
                    f"with {with_it} {metric} is worse by {drop:.4f} ({limit:g} is allowed by "
                    "`gates.robustness.max_drop`)"
                )
            value, lower, upper = (
                finite(numbers.get(f"{PREFIX}.{kind}.gain.{one}"))
                for one in ("value", "lower", "upper")
            )
            if value is None or lower is None or upper is None:
                continue
            if upper < -gates.robustness.max_loss:
                yield (
                    f"with {with_it} {metric} is worse than the champion's by {-value:.4f} "
                    f"(between {-upper:.4f} and {-lower:.4f}, {gates.robustness.max_loss:g} is "
                    "allowed)"
                )

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield the changes under which nothing could be measured, or by another size."""
        if gates.robustness is None:
            return
        blocks = finite(numbers.get(BLOCKS))
        # Too few blocks are said once, for all that resamples them.
        beside = baseline(numbers) == CHAMPION and blocks is not None and blocks >= gates.min_blocks
        for kind, size in gates.robustness.asked.items():
            has_gain = finite(numbers.get(f"{PREFIX}.{kind}.gain.value")) is not None
            is_known = finite(numbers.get(f"{PREFIX}.{kind}.value")) is not None
            is_same = numbers.get(f"{PREFIX}.{kind}.size") == size
            if not (is_known and is_same) or (beside and not has_gain):
                yield (
                    f"what {_WORDS[kind].format(size=size)} costs was not measured: no column of "
                    "the model takes it, or the model does not answer"
                )

    def passed(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield the largest loss."""
        if gates.robustness is None:
            return
        drops = {kind: _drop(gates, numbers, kind) or 0.0 for kind in gates.robustness.asked}
        worst = max(drops, key=lambda kind: drops[kind])
        told = _WORDS[worst].format(size=gates.robustness.asked[worst])
        yield f"changed inputs cost at most {in_figures(drops[worst])}, with {told}"


def _drop(gates: Gates, numbers: Mapping[str, Number], kind: str) -> float | None:
    """By how much a change makes the first metric worse; None where that is not known."""
    metric = next(iter(gates.metrics))
    before = finite(numbers.get(f"{CHALLENGER}.{metric}"))
    after = finite(numbers.get(f"{PREFIX}.{kind}.value"))
    if before is None or after is None:
        return None
    return before - after if METRICS[metric].greater_is_better else after - before


def _gains(
    contest: Contest, changed: Mapping[str, pd.DataFrame | None], scores: Mapping[str, Any]
) -> Mapping[str, Gain | None]:
    """Gain over the champion under each change, with bounds that hold under all of them."""
    import numpy as np
    import pandas as pd

    blocks, champion = contest.blocks, contest.champion
    if champion is None or blocks is None or blocks.found < contest.gates.min_blocks:
        return {}
    others = {
        kind: contest.scores_of(champion, frame)
        for kind, frame in changed.items()
        if kind in scores and frame is not None
    }
    both = [kind for kind, found in others.items() if found is not None]
    if not both:
        return {}
    metric, threshold = next(iter(contest.gates.metrics)), contest.thresholds[CHAMPION]
    count = len(contest.rows)
    places = np.repeat(np.arange(len(both)), count)
    actual = pd.concat([contest.actual] * len(both), ignore_index=True)
    target, own = with_unseen(actual, np.concatenate([scores[kind] for kind in both]))
    other = with_unseen(actual, np.concatenate([others[kind] for kind in both]))[1]
    other = judged(other, metric=metric, threshold=threshold)
    resampling = blocks.resampling(contest.gates, seed=contest.spec.training.seed)
    # The copies of a row are of one block, so that each draw has all of them or none.
    return contest.tools.gains.of_slices(
        metric,
        actual=target,
        challenger=own,
        other=other,
        slices={kind: places == place for place, kind in enumerate(both)},
        resampling=resampling.repeated(len(both)),
    )
