"""Tell times that do not exist from texts of another form than the declared one."""

from __future__ import annotations

import re
import time
from datetime import datetime
from functools import cache

_NUMBERS = {
    "Y": r"[0-9]{4}",
    **dict.fromkeys("ymdHIMS", r"[0-9]{1,2}"),
    "j": r"[0-9]{1,3}",
    "f": r"[0-9]{1,6}",
    "%": "%",
}
_OTHER_FORM = ("does not match format", "unconverted data remains")


def names_no_time(text: str, form: str, error: ValueError) -> bool:
    """Return whether a text has a form, and a part of it no calendar or clock has.

    Args:
        text: Text that was refused.
        form: As `strptime` has it.
        error: Error of `strptime`, which tells only some of these from texts of another form.
    """
    if not any(words in str(error) for words in _OTHER_FORM):
        return True
    shape = _shape(form)
    return shape is not None and shape.fullmatch(text) is not None


def is_beyond_its_year(text: str, form: str, read: datetime) -> bool:
    """Return whether a text names a day of the year that was read as one of the next year.

    Args:
        text: Text that has the form.
        form: As `strptime` has it.
        read: Time that was read from it.
    """
    return time.strptime(text, form).tm_yday != read.timetuple().tm_yday


@cache
def _shape(form: str) -> re.Pattern[str] | None:
    """Pattern of a form whose parts are numbers; None where there are others, such as names."""
    literals = re.split(r"%(.)", form, flags=re.DOTALL)
    parts = []
    for at, part in enumerate(literals):
        if at % 2 == 0:
            parts.append(re.escape(part))
        elif part in _NUMBERS:
            parts.append(_NUMBERS[part])
        else:
            return None
    return re.compile("".join(parts))
