"""Find columns that make a quantity together: as its sum, difference, product or ratio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from slipway.stages.profile.measured import Column

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[np.float64]]

NEARLY_ALL = 0.995
"""Share of the rows, or of the spread, from which on columns make a quantity surely."""

_MOST_ROWS = 0.8
_MOST_COLUMNS = 40
_SAMPLED, _FIRST_LOOK = 500, 100
_FEWEST = 30
_EXACT = 1e-6
_MATTERS = 0.05
"""Share of the rows with no usual target in which a part has to be other than zero."""

_CLOSE = 0.05
"""Mean error of a sum that is nearly exact, for each mean distance from the median."""

_SIGNS = {2: ((1, 1), (1, -1), (-1, 1)), 3: ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1))}
_SIGNS[3] += ((1, -1, -1), (-1, 1, -1), (-1, -1, 1))


@dataclass(frozen=True)
class Made:
    """Columns that make a quantity together.

    Attributes:
        parts: Their names.
        what: Sum, difference, product or ratio.
        exact: Share of the rows on which they do.
        told: Share of the spread that they explain.
    """

    parts: tuple[str, ...]
    what: str
    exact: float
    told: float = 1.0

    @property
    def is_sum(self) -> bool:
        """Whether the parts are added, or taken away."""
        return self.what in {"sum", "difference"}

    @property
    def is_sure(self) -> bool:
        """Whether nearly all of the quantity is made of the parts."""
        return self.exact > NEARLY_ALL or self.told >= NEARLY_ALL

    def said_of(self, quantity: str, part: str | None = None) -> str:
        """Return that a quantity is made of a part and the others.

        Args:
            quantity: As a sentence begins with it.
            part: The part that is `its`; None: all are named.
        """
        others = [one for one in self.parts if one != part]
        how = "is" if self.exact > NEARLY_ALL else f"is on {self.exact:.0%} of the rows"
        if self.exact <= NEARLY_ALL <= self.told:
            how = "is nearly"
        whose = f"the {self.what} of" if part is None else f"its {self.what} with"
        close = f", which tells {self.told:.1%} of it" if how == "is nearly" else ""
        return f"{quantity} {how} {whose} {' and '.join(others)}{close}"


def made_of(columns: Mapping[str, Column], quantity: Column) -> list[Made]:
    """Return the pairs of columns that make a quantity, and the sums of three that do.

    Args:
        columns: Columns that may be parts.
        quantity: A column of numbers.
    """
    names = [name for name, one in columns.items() if one.is_numeric][:_MOST_COLUMNS]
    step = max(1, len(quantity.sample) // _SAMPLED)
    wanted = quantity.sample.to_numpy(float)[::step]
    cells = {name: columns[name].sample.to_numpy(float)[::step] for name in names}
    return [*_pairs(cells, wanted), *_sums(cells, wanted)]


def _pairs(cells: Mapping[str, Numbers], wanted: Numbers) -> Iterator[Made]:
    import numpy as np

    with np.errstate(all="ignore"):
        for first, second in combinations(cells, 2):
            one, other = cells[first], cells[second]
            tried = {"product": (one * other,), "ratio": (one / other, other / one)}
            for what, values in tried.items():
                exact = max(_exact_share(value, wanted) for value in values)
                if exact > NEARLY_ALL:
                    yield Made((first, second), what, exact)


def _sums(cells: Mapping[str, Numbers], wanted: Numbers) -> Iterator[Made]:
    """Sums and differences of two and three columns, exact or nearly."""
    import numpy as np

    if not cells or np.isfinite(wanted).sum() < _FEWEST:
        return
    names, table = list(cells), np.column_stack(list(cells.values()))
    few = slice(None, None, max(1, len(wanted) // _FIRST_LOOK))
    for length, all_signs in _SIGNS.items():
        for rest in combinations(range(len(names)), length - 1):
            last = range(rest[-1] + 1, len(names))
            for signs in all_signs if last else ():
                begun = wanted[few] - table[few][:, rest] @ np.array(signs[:-1], float)
                errors = np.abs(begun[:, None] - signs[-1] * table[few][:, last.start :])
                for at in np.flatnonzero(_may_be_small(errors, wanted[few])):
                    chosen = [*rest, last[at]]
                    made = _judged([table[:, one] for one in chosen], signs, wanted)
                    if made is not None:
                        what = "sum" if min(signs) > 0 else "difference"
                        yield Made(tuple(names[one] for one in chosen), what, *made)


def _may_be_small(errors: Numbers, wanted: Numbers) -> Any:
    """Which columns of errors are worth a look at all rows."""
    import numpy as np

    known = np.isfinite(errors)
    rows = np.maximum(known.sum(axis=0), 1)
    sizes = np.where(known, errors, 0.0)
    exact = (known & (errors <= _bounds(wanted)[:, None])).sum(axis=0) / rows
    return (exact >= _MOST_ROWS / 2) | (sizes.sum(axis=0) / rows <= 2 * _CLOSE * _spread(wanted))


def _judged(
    parts: Sequence[Numbers], signs: Sequence[int], wanted: Numbers
) -> tuple[float, float] | None:
    """Share of the rows on which signed parts are the quantity, and of the spread they tell.

    None where neither is large, or where a part adds nothing.
    """
    import numpy as np

    signed = [sign * part for sign, part in zip(signs, parts, strict=True)]
    known = np.isfinite(sum(signed, wanted))
    asked = wanted[known]
    if known.sum() < _FEWEST or np.ptp(asked) == 0:
        return None
    signed = [one[known] for one in signed]
    telling = asked != _commonest(asked)
    if min(float((np.abs(one[telling]) > _EXACT).mean()) for one in signed) < _MATTERS:
        return None
    total = np.sum(signed, axis=0)
    exact = _exact_share(total, asked)
    if exact > NEARLY_ALL:
        return exact, 1.0
    error = float(np.abs(asked - total).mean())
    if error > min(float(np.abs(asked - total + one).mean()) for one in signed) / 2:
        return None
    # Quantities below zero, as of series that rise together, are near one another by chance.
    is_whole = asked.min() >= 0 and min(float(part[known].min()) for part in parts) >= 0
    if is_whole and error <= _CLOSE * _spread(asked):
        told = 1 - float(((asked - total) ** 2).mean()) / float(asked.var())
        if told >= NEARLY_ALL:
            return exact, told
    on_telling = _exact_share(total[telling], asked[telling])
    return (on_telling, 0.0) if on_telling >= _MOST_ROWS else None


def _commonest(values: Numbers) -> float:
    import numpy as np

    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def _exact_share(made: Numbers, wanted: Numbers) -> float:
    """Share of the rows on which a quantity is what was made; 0 where it tells nothing."""
    import numpy as np

    known = np.isfinite(made) & np.isfinite(wanted)
    if known.sum() < _FEWEST or np.ptp(wanted[known]) == 0:
        return 0.0
    return float((np.abs(made - wanted)[known] <= _bounds(wanted[known])).mean())


def _bounds(wanted: Numbers) -> Numbers:
    import numpy as np

    return _EXACT * np.maximum(1, np.abs(wanted))


def _spread(wanted: Numbers) -> float:
    import numpy as np

    return float(np.nanmean(np.abs(wanted - np.nanmedian(wanted))))
