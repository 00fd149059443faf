"""Changes of objects, as watches deliver them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One change of one object.

    Attributes:
        type: `ADDED`, `MODIFIED` or `DELETED`.
        obj: The object after the change, or its last state.
        before: The object before the change; None: it is new.
        version: The resourceVersion of the change.
    """

    type: str
    obj: Object
    before: Object | None
    version: int
