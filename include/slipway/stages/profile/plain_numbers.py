"""Find the columns of a plan about which nothing was decided: complete ones of plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.stages.profile.new_specs import NewSpecs
from slipway.stages.profile.roles import Chosen

_FEWEST = 9
"""With fewer of them each has a line of its own."""

_NAMED = 12


def plain_numbers(plan: NewSpecs) -> list[str]:
    """Return the plain numbers among the features of a plan; nothing where they are few."""
    found = [name for name, one in plan.columns.items() if _is_plain(one)]
    return found if len(found) >= _FEWEST else []


def describe_plain(names: Sequence[str]) -> str:
    """Return in one line which columns are plain numbers.

    Args:
        names: Their names, of which the first are listed.
    """
    listed = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} features are plain numbers without a missing value: {listed}{more}"


def _is_plain(one: Chosen) -> bool:
    guess = one.column.guess
    needs_none = one.role == "number" and one.why == guess.why and one.column.missing_share == 0
    return needs_none and guess.spelling is None and not (guess.marks or guess.doubt)
