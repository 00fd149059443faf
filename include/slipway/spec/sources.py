"""The kinds of source that a dataset's deliveries can come from, one row each.

Adding a source means adding a file in `adapters/sources/` and a row to `SOURCES`: specs then
accept it as `source:`, and the landing trigger, claim and ingest read deliveries through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    Attributes:
        name: As specs name it.
        path: Import path of a class that takes the store and fulfils `DeliverySource`.
    """

    name: str
    path: str


SOURCES: Mapping[str, SourceKind] = {
    row.name: row
    for row in (
        SourceKind(
            name="files",
            path="slipway.adapters.sources.files.LandedFiles",
        ),
    )
}

if TYPE_CHECKING:
    SourceName = str
else:
    SourceName = Literal[tuple(SOURCES)]
