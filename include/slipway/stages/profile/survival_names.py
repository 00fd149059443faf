"""Tell by names what a follow-up ends with: durations until an outcome, and whether it came."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise

from slipway.stages.profile.names import EVENTS, words

_OF_SURVIVAL = re.compile(r"surv(?!e)|cens(?!us)|followup|futime|fustat|lenfol|tte$|timeto|daysto")
"""How names begin, written together, that only data of survival have."""

_DURATIONS = frozenset({"time", "days", "weeks", "months", "years", "hours"})
_UNTIL = frozenset({"to", "till", "until"})
_ENDS = frozenset(
    {"death", "event", "relapse", "recurrence", "progression", "failure", "churn", "default"}
    | {"discharge", "readmission", "outcome", "resolution", "last", "censoring", "attrition"}
)
_ALSO_OUTCOMES = frozenset(
    {"death", "died", "dead", "deceased", "event", "relapse", "relapsed", "recur"}
    | {"recurrence", "recurred"}
)
_PLAIN_OUTCOMES = frozenset({"survived", "survive", "survival", "survivor", "survivors"})
"""Words of an outcome that other data than those of survival have as well."""

_ALSO_DURATION = re.compile(r"[a-z]*(time|days)")


def is_of_survival(name: str) -> bool:
    """Return whether only what a follow-up ends with has such a name: `survtime`, `censored`."""
    said = words(name)
    together = "".join(said)
    if _OF_SURVIVAL.match(together) and not _is_until_another(said):
        return True
    return _ends_follow_up(said)


def is_known_at_the_end(name: str, names: Collection[str]) -> bool:
    """Return whether a column is known only when a follow-up has ended.

    Beside a column of survival any other duration is one until an outcome, as `rectime` is beside
    `censrec`, and a death or a relapse is an outcome of its own.

    Args:
        name: Its name.
        names: All columns of the file.
    """
    if is_of_survival(name):
        return True
    said = words(name)
    is_duration = bool(said) and bool(_ALSO_DURATION.fullmatch(said[-1]))
    is_alike = bool(_ALSO_OUTCOMES & set(said)) or (is_duration and not EVENTS & set(said[:-1]))
    return is_alike and any(
        is_of_survival(one) for one in names if not _PLAIN_OUTCOMES & set(words(one))
    )


def _ends_follow_up(said: tuple[str, ...]) -> bool:
    """Whether words are those of a time to death, or of a follow-up."""
    if ("follow", "up") in pairwise(said):
        return True
    return any(
        one in _DURATIONS and between in _UNTIL and end in _ENDS
        for one, between, end in zip(said, said[1:], said[2:], strict=False)
    )


def _is_until_another(said: tuple[str, ...]) -> bool:
    """Whether the time is one to something that is planned, such as a maturity."""
    is_until = len(said) > 2 and said[0] in _DURATIONS and said[1] in _UNTIL  # noqa: PLR2004
    return is_until and said[2] not in _ENDS
