"""Single feature: one column alone that tells nearly all of the target, and as much as the model.

Such a column is mostly known only after the fact, or is made of the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.spec.metrics import has_classes
from slipway.stages.gates.check import Contest, GateCheck, Measured, judged_features
from slipway.stages.gates.column_alone import FEWEST, Asked, column_alone
from slipway.stages.gates.gate_numbers import finite
from slipway.stages.model.aliases import CHALLENGER

BEST, MODEL, COLUMN = "single_feature", "single_feature.model", "single_feature.column"
"""How well the best column alone ranks the target, how well the model does, and which it is."""

FEW = "single_feature.too_few"
"""1 where too few rows of a class were held out to tell."""


@dataclass(frozen=True)
class SingleFeatureCheck(GateCheck):
    """No column alone may tell the target nearly perfectly."""

    prefix: str = BEST

    def measure(self, contest: Contest) -> Measured:
        """Measure how well each feature alone ranks the holdout's target."""
        if contest.gates.sanity.single_feature is False:
            return Measured()
        import numpy as np
        import pandas as pd

        is_class = has_classes(contest.spec.task)
        held_out = Asked.of(contest.actual, is_class=is_class, of_every_class=True)
        asked, rows, taught, target = (
            held_out,
            contest.rows,
            contest.training,
            contest.training_actual,
        )
        if asked is None:
            # Few rows of a class: all rows are asked for, of which every second one teaches.
            rows = pd.concat([contest.training, contest.rows])
            actual = pd.concat([contest.training_actual, contest.actual])
            asked, taught, target = Asked.of(actual, is_class=is_class), rows[::2], actual[::2]
        if asked is None:
            return Measured({FEW: 1})
        alone = {
            name: column_alone(asked, rows[name], taught[name], target)
            for name in judged_features(contest)
        }
        # Too few rows tell how good the model is, but not that it is better than a column.
        model = held_out.by_scores(np.asarray(contest.scores[CHALLENGER])) if held_out else None
        if not alone:
            return Measured({BEST: 0.0, MODEL: model})
        best = max(alone, key=lambda name: alone[name])
        return Measured({BEST: alone[best], MODEL: model, COLUMN: best})

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield the column that tells the target."""
        limit = gates.sanity.single_feature
        alone, model = finite(numbers.get(BEST)), finite(numbers.get(MODEL))
        if limit is False or alone is None or alone < limit:
            return
        if model is not None and model - alone > 1 - limit:
            return
        whole = "" if model is None else f", the model {model:.2%}"
        yield (
            f"the column {numbers[COLUMN]} alone tells the target as well as the whole model: it "
            f"ranks {alone:.2%} right{whole} (below {limit:.2%} is allowed of one column); leave "
            "it out of the features where it is known only afterwards, else name it in "
            "`gates.sanity.known_columns`"
        )

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that no column was measured."""
        if gates.sanity.single_feature is False or finite(numbers.get(BEST)) is not None:
            return
        why = "it was not measured"
        if numbers.get(FEW):
            why = f"fewer than {FEWEST} rows are of a class, or all have one value"
        yield (
            f"whether one column alone tells the target is not known: {why} (a longer holdout, or "
            "`gates.sanity.single_feature: false`)"
        )
