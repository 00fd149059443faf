"""Name the columns that tell so much alone that a person, or a gate, asks why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway.spec.metrics import Task, has_classes
from slipway.spec.sanity import Sanity
from slipway.stages.gates.checks.renamed_label import same_numbers, same_words
from slipway.stages.gates.column_alone import Asked, column_alone
from slipway.stages.profile.leaks import explained
from slipway.stages.profile.measured import Column
from slipway.stages.profile.quick_model import Reached
from slipway.stages.profile.told_by_others import share_told

_VERY_GOOD = 0.8
"""Share of the target that a quick model tells, from which on a person should ask why."""

_MOST_OF_IT = 0.8
_MOST_ROWS = 20_000


def single_columns(
    features: Mapping[str, Column], target: Column, *, task: Task, reached: Reached | None
) -> Iterator[str]:
    """Yield what to look at: columns that training would refuse, or that carry a good model.

    Args:
        features: Columns of the model.
        target: Target.
        task: Kind of prediction.
        reached: What a quick model reached; None: there is none.
    """
    is_class = has_classes(task)
    refused = [
        name for name, one in features.items() if _is_refused(one, target, is_class=is_class)
    ]
    for name in refused:
        yield (
            f"{name} alone tells nearly all of the target, so training will refuse it: leave it "
            "out, or name it in `gates.sanity.known_columns` if it is known when the model is asked"
        )
    told = _told(reached, task)
    if refused or told < _VERY_GOOD:
        return
    shares = {name: explained(one, target, is_class=is_class) for name, one in features.items()}
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is not None and len(shares) > 1 and shares[best] >= _MOST_OF_IT * told:
        yield (
            f"{best} alone tells {shares[best]:.0%} of the target, and a quick model of all "
            f"features {told:.0%}: is it known when the model is asked?"
        )


def _told(reached: Reached | None, task: Task) -> float:
    """Share of the target that a quick model tells."""
    area = 0.0 if reached is None else 2 * reached.quick.get("roc_auc", 0.5) - 1
    return max(area, share_told(reached, task))


def _is_refused(column: Column, target: Column, *, is_class: bool) -> bool:
    """Whether the sanity gates of a training would refuse a column on this sample."""
    import pandas as pd

    both = pd.DataFrame({"x": column.sample, "y": target.sample}).dropna(subset=["y"])
    both = both.iloc[:: max(1, len(both) // _MOST_ROWS)].sample(frac=1, random_state=0)
    values = both["x"].reset_index(drop=True)
    answers = both["y"].reset_index(drop=True).astype(object if is_class else float)
    if is_class:
        answers = pd.Series(pd.factorize(answers)[0])
    limits = Sanity()
    same = (same_words if is_class else same_numbers)(values, answers)
    if same >= float(limits.renamed_label):
        return True
    asked = Asked.of(answers[1::2], is_class=is_class)
    if asked is None:
        return False
    alone = column_alone(asked, values[1::2], values[::2], answers[::2])
    return alone >= float(limits.single_feature)
