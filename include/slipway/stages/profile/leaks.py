"""Find features that tell the target: nearly all of it alone, by their name, or afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slipway.stages.profile.interval_leaks import interval_leaks
from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import AFTERWARDS, PERHAPS_AFTERWARDS, has_word, words
from slipway.stages.profile.sums_of_columns import made_of
from slipway.stages.profile.survival_names import is_known_at_the_end

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Numbers = np.ndarray[Any, np.dtype[np.float64]]

NEAR_PERFECT = 0.995
"""Share of the target's spread, or of its errors, that one column alone may explain at most."""

_STRONG = 0.5
_SOME = 0.1
"""More than chance tells."""

_MOST_ROWS = 20_000
_BINS = 50
_FEWEST = 30
_SHORT = frozenset({"pred", "preds"})
_OF_PREDICTIONS = frozenset(
    {"y", "label", "class", "value", "score", "prob", "proba", "probability", "target", "model"}
)
_MOST_SAID = 2
_MOST_COMPARED = 40
_MOST_FOLLOWED = 5
"""Leaks whose own parts are looked for."""

_SAME_ORDER = 0.9999
"""Rank correlation from which on two columns are one quantity, as a price and its logarithm."""


def find_leaks(columns: Mapping[str, Column], target: Column, *, is_class: bool) -> dict[str, str]:
    """Return the columns that tell the target, with the reason for each.

    Args:
        columns: Candidates for features.
        target: Target.
        is_class: Whether it is predicted as a class.
    """
    told = {name: explained(one, target, is_class=is_class) for name, one in columns.items()}
    found = {
        name: why for name, share in told.items() if (why := _surely(name, share, target.name))
    }
    names = (*columns, target.name)
    found |= {
        name: f"by its name it is known only when a follow-up has ended, and it tells {share:.0%}"
        for name, share in told.items()
        if name not in found and share >= _SOME and is_known_at_the_end(name, names)
    }
    if is_class:
        # The interval says more than the share that bins of the column told.
        found |= interval_leaks(columns, target)
    left = {name: share for name, share in told.items() if name not in found}
    strongest = max(left, key=lambda name: left[name], default="")
    if left.get(strongest, 0.0) >= _STRONG and has_word(strongest, PERHAPS_AFTERWARDS):
        found[strongest] = (
            "by its name it may be known only afterwards, and of all columns it tells most of the "
            f"target ({left[strongest]:.0%})"
        )
    followed = [name for name in found if _is_quantity(columns[name]) and not _by_name(name)]
    if not is_class:
        parts = _parts("the target", target, columns, found)
        found |= {name: why for name, (why, _) in parts.items()}
        followed += [name for name, (_, is_sum) in parts.items() if is_sum]
    return found | _parts_of_leaks(columns, found, followed)


def _by_name(name: str) -> bool:
    return has_word(name, AFTERWARDS | PERHAPS_AFTERWARDS)


def _is_quantity(column: Column) -> bool:
    return column.type in {"integer", "number"}


def _parts(
    said: str, quantity: Column, columns: Mapping[str, Column], found: Collection[str]
) -> dict[str, tuple[str, bool]]:
    """Columns that make a quantity with others, with the reason, and whether it is a sum."""
    parts: dict[str, tuple[str, bool]] = {}
    for made in made_of(columns, quantity):
        for name in made.parts if made.is_sure else ():
            if name not in found:
                parts.setdefault(name, (made.said_of(said, name), made.is_sum))
    return parts


def _parts_of_leaks(
    columns: Mapping[str, Column], found: Mapping[str, str], followed: Sequence[str]
) -> dict[str, str]:
    """Columns that tell a leak, alone or as a sum: without it they tell the target as well."""
    more: dict[str, str] = {}
    for leak in followed[:_MOST_FOLLOWED]:
        left = {
            name: one
            for name, one in columns.items()
            if name not in found and name not in more and _is_quantity(one)
        }
        said = f"{leak}, which leaks it,"
        for name, one in list(left.items())[:_MOST_COMPARED]:
            share = explained(one, columns[leak], is_class=False)
            if share >= NEAR_PERFECT:
                more[name] = f"{said} is told by it alone, {share:.1%} of it"
        left = {name: one for name, one in left.items() if name not in more}
        parts = _parts(said, columns[leak], left, ())
        more |= {name: why for name, (why, is_sum) in parts.items() if is_sum}
    return more


def sums_to_look_at(columns: Mapping[str, Column], target: Column) -> list[str]:
    """Return what is the target on most rows, but not surely.

    Args:
        columns: Features.
        target: Target, a number.
    """
    unsure = [made for made in made_of(columns, target) if not made.is_sure]
    return [
        f"{made.said_of('the target')}: leave out what is known only with it" for made in unsure
    ][:_MOST_SAID]


def _surely(name: str, share: float, target: str) -> str | None:
    """Why a column surely leaks the target; None where it does not."""
    if share >= NEAR_PERFECT:
        return f"it alone tells {share:.1%} of the target on rows that were held out"
    if _is_of_target(name, target) and share >= _STRONG:
        return f"its name is that of the target, and it tells {share:.0%} of it"
    if share >= _SOME and (has_word(name, AFTERWARDS) or _is_prediction(name, target)):
        return f"by its name it is known only afterwards, and it tells {share:.0%}"
    return None


def _is_prediction(name: str, target: str) -> bool:
    """Whether `pred` is short for a prediction, and not for another word."""
    said = words(name)
    if not _SHORT & set(said):
        return False
    rest = [one for one in said if one not in _SHORT]
    return (
        said[-1] in _SHORT or set(rest) <= _OF_PREDICTIONS or bool(set(rest) & set(words(target)))
    )


def explained(column: Column, target: Column, *, is_class: bool) -> float:
    """Return the share of the target that a column alone explains on rows that were held out.

    1 is all of it, 0 no more than a constant. The column is cut into bins or categories; every
    second row of the sample tells what each means, and the others are predicted by it.
    """
    import numpy as np
    import pandas as pd

    both = pd.DataFrame({"x": column.sample, "y": target.sample}).dropna(subset=["y"])
    both = both.iloc[:: -(-len(both) // _MOST_ROWS)] if len(both) else both
    if len(both) < _FEWEST:
        return 0.0
    both = both.sample(frac=1, random_state=0)
    half = len(both) // 2
    codes = _codes(both["x"], half)
    answers = both["y"].to_numpy()
    if is_class:
        answers = pd.factorize(answers)[0]
        return _of_classes(codes, answers, half)
    return _of_numbers(codes, both["x"], np.asarray(answers, float), half)


def _codes(values: pd.Series[Any], half: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Bin or category of each row, learnt from the first half; -1 for missing and unseen ones."""
    import numpy as np
    import pandas as pd

    if values.dtype == object or not pd.api.types.is_numeric_dtype(values):
        known = pd.Index(values.iloc[:half].dropna().unique())
        return np.asarray(known.get_indexer(pd.Index(values)), np.int64)
    numbers = values.to_numpy(float)
    seen = numbers[:half][~np.isnan(numbers[:half])]
    distinct = np.unique(seen)
    edges = distinct[1:] if len(distinct) <= _BINS else _edges(seen)
    found = np.searchsorted(edges, numbers, side="right").astype(np.int64)
    found[np.isnan(numbers)] = -1
    return found


def _edges(seen: Numbers) -> Numbers:
    import numpy as np

    return np.unique(np.quantile(seen, np.linspace(0, 1, _BINS + 1)[1:-1]))


def _of_classes(codes: Any, answers: Any, half: int) -> float:
    """Errors of the commonest class that a column's bins save, averaged over the classes."""
    import numpy as np

    classes = int(answers.max()) + 1
    bins = int(codes.max()) + 2
    table = np.zeros((bins, classes))
    np.add.at(table, (codes[:half] + 1, answers[:half]), 1)
    sizes = np.bincount(answers[:half], minlength=classes)
    # Each class weighs the same, or a rare one would be told by nothing.
    weighed = table / np.maximum(sizes, 1)
    said = weighed.argmax(axis=1)[codes[half:] + 1]
    asked = answers[half:]
    recalls = [float((said[asked == one] == one).mean()) for one in np.unique(asked)]
    chance = 1 / max(2, len(recalls))
    return max(0.0, (float(np.mean(recalls)) - chance) / (1 - chance))


def _of_numbers(codes: Any, raw: pd.Series[Any], answers: Numbers, half: int) -> float:
    """Share of the variance that bins, a line or the target's own order explain, the largest."""
    import numpy as np

    bins = int(codes.max()) + 2
    sums, counts = np.zeros(bins), np.zeros(bins)
    np.add.at(sums, codes[:half] + 1, answers[:half])
    np.add.at(counts, codes[:half] + 1, 1)
    mean = float(answers[:half].mean())
    means = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
    spread = float(((answers[half:] - mean) ** 2).mean())
    if spread == 0:
        return 0.0
    by_bins = 1 - float(((answers[half:] - means[codes[half:] + 1]) ** 2).mean()) / spread
    return max(0.0, by_bins, _by_line(raw, answers, half), _by_order(raw, answers))


def _by_line(raw: pd.Series[Any], answers: Numbers, half: int) -> float:
    import numpy as np

    if raw.dtype == object:
        return 0.0
    try:
        numbers = raw.to_numpy(float)
    except (TypeError, ValueError):
        return 0.0
    known = ~np.isnan(numbers)
    train, test = known.copy(), known.copy()
    train[half:], test[:half] = False, False
    if train.sum() < _FEWEST / 2 or test.sum() < _FEWEST / 2 or np.ptp(numbers[train]) == 0:
        return 0.0
    slope, offset = np.polyfit(numbers[train], answers[train], 1)
    spread = float(((answers[test] - answers[train].mean()) ** 2).mean())
    if spread == 0:
        return 0.0
    return 1 - float(((answers[test] - slope * numbers[test] - offset) ** 2).mean()) / spread


def _by_order(raw: pd.Series[Any], answers: Numbers) -> float:
    """1 for a rising or falling function of the target with as many values, else 0."""
    import numpy as np
    import pandas as pd

    if raw.dtype == object or not pd.api.types.is_numeric_dtype(raw):
        return 0.0
    numbers = raw.to_numpy(float)
    known = np.isfinite(numbers) & np.isfinite(answers)
    if len(np.unique(numbers[known])) <= _BINS:
        return 0.0
    first, second = (pd.Series(one[known]).rank() for one in (numbers, answers))
    return float(abs(first.corr(second)) >= _SAME_ORDER)


def _is_of_target(name: str, target: str) -> bool:
    """Whether a name holds that of the target: `target_encoded`, `price_log`."""
    said, asked = words(name), words(target)
    return name != target and bool(asked) and set(asked) <= set(said)
