"""Words of a model card about a refit, whose figures are those of the judged model."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.stages.card.words import measured, recorded, recorded_time
from slipway.stages.model.shipped import JUDGED, REFIT, REFITTED, SHIP, as_judged
from slipway.stages.report.version_case import VersionCase


def is_refit(case: VersionCase) -> bool:
    """Whether a version learnt from all labelled rows after another model was judged."""
    return case.verdict(REFIT).action == REFITTED or case.manifest.get(SHIP) == REFIT


def refit_lines(case: VersionCase) -> Iterator[str]:
    """Yield whose figures a refit's card has; nothing for a version that was judged itself."""
    if not is_refit(case):
        return
    own = {**case.manifest, **case.shipped.numbers}
    judged = case.verdict("train").numbers or case.manifest.get(JUDGED, {})
    yield (
        "The figures are the recipe's, not this version's: they were measured on a model that "
        f"learnt until {recorded_time(judged.get('training_end'))}, while this version is its "
        f"refit, which learnt from all {recorded(own.get('training_rows'))} labelled rows until "
        f"{recorded_time(own.get('training_end'))}. There are no rows that this version has not "
        "seen."
    )
    numbers = case.verdict(REFIT).numbers
    metrics = [
        f"{name.removeprefix('judged.')} {measured(numbers.get(f'refit.{metric}'))} (judged model "
        f"{measured(value)})"
        for name, value in numbers.items()
        if (metric := name.removeprefix("judged.")) != name
    ]
    rows = as_judged(case.manifest).get("holdout_rows", judged.get("holdout_rows"))
    yield (
        f"Agreement with the judged model on its {recorded(numbers.get('refit.rows', rows))} "
        f"holdout rows, which this version has seen: {', '.join(metrics) or measured(None)}; rank "
        f"correlation {measured(numbers.get('refit.rank_correlation'))}; mean difference of the "
        f"predictions {measured(numbers.get('refit.disagreement'))}, at a spread of "
        f"{measured(numbers.get('refit.disagreement.spread'))}."
    )
