"""What watches are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One change of one object.

    Attributes:
        type: `ADDED`, `MODIFIED` or `DELETED`.
        obj: The object as it is now, or as it was last.
        before: As it was before; None: it was not.
        version: The resourceVersion of the change.
    """

    type: str
    obj: Object
    before: Object | None
    version: int
