"""Hash or drop personal columns before they are written to the prediction log.

Runs in model servers. Versions of older releases give the model raw values; see `hashed_scoring`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.errors import BadParameter
from slipway.stages.model.personal_keys import Hash, PersonalKeys
from slipway.stages.ports.raw_column import Kind

HASH = "hash"
DROP = "drop"


class PersonalColumns:
    """Personal columns of one model version and their treatment.

    Args:
        pii: `hash` or `drop` by column; other columns are logged unchanged.
        keys: Keys of the installation.
        key: Id of the version's key; None: the newest key.

    Raises:
        BadParameter: A column is hashed and its key is missing, or a treatment is neither `hash`
            nor `drop`.
    """

    def __init__(
        self, pii: Mapping[str, str], keys: PersonalKeys, *, key: str | None = None
    ) -> None:
        for name, treatment in pii.items():
            if treatment not in (HASH, DROP):
                raise BadParameter(
                    f"the treatment of personal column {name!r} is unknown",
                    expected=f"{HASH} or {DROP}",
                    found=str(treatment),
                )
        self._dropped = frozenset(name for name in pii if pii[name] == DROP)
        hashed = [name for name in pii if pii[name] == HASH]
        self._hashes: Mapping[str, Hash] = {}
        if hashed:
            self._hashes = keys.hashes(hashed, key=key or keys.newest_readable(hashed))

    def columns(self, columns: Sequence[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
        """Columns of a segment's header: without dropped columns, hashed ones as strings."""
        return [
            (name, "string" if name in self._hashes else kind)
            for name, kind in columns
            if name not in self._dropped
        ]

    def values(self, columns: Mapping[str, list[Any]]) -> list[list[Any]]:
        """Values of a record, in the order of `columns`; None stays None."""
        if not self._hashes and not self._dropped:
            return list(columns.values())
        return [
            list(map(self._hashes[name], values)) if name in self._hashes else values
            for name, values in columns.items()
            if name not in self._dropped
        ]
